/* Types.  A type is named by the offset of its DIE.
 *
 *   DW_TAG_variable  DW_AT_location: DW_OP_addr 0x4010    DW_AT_type --> typedef
 *   DW_TAG_typedef                                        DW_AT_type --> structure
 *   DW_TAG_structure_type  DW_AT_byte_size
 *     DW_TAG_member  DW_AT_data_member_location           DW_AT_type --> base type
 *
 * A variable may be declared in a class or a header and defined elsewhere: its type
 * is then found through DW_AT_specification. */
#include "debug-type.h"

#include <stdlib.h>
#include <string.h>

#include "reader.h"

#define NESTING_MAX 32                  /* of DIEs; the stack is ours */
#define HOPS_MAX 32                     /* of typedefs, qualifiers */

/* ---- attributes ----------------------------------------------------------- */

static bool attribute(struct debug_info *info, Dwarf_Die die, Dwarf_Half which, Dwarf_Attribute *out)
{
	Dwarf_Error error = NULL;

	*out = NULL;
	return debug_ok(info, dwarf_attr(die, which, out, &error), &error);
}

static bool number(struct debug_info *info, Dwarf_Die die, Dwarf_Half which, int64_t *out)
{
	Dwarf_Error error = NULL;
	Dwarf_Attribute a;
	Dwarf_Unsigned value = 0;
	Dwarf_Signed signed_value = 0;
	Dwarf_Half form = 0;

	if (!attribute(info, die, which, &a))
		return false;
	bool is_signed = debug_ok(info, dwarf_whatform(a, &form, &error), &error) &&
			 (form == DW_FORM_sdata || form == DW_FORM_implicit_const);
	bool is_there = is_signed ?
		debug_ok(info, dwarf_formsdata(a, &signed_value, &error), &error) :
		debug_ok(info, dwarf_formudata(a, &value, &error), &error);
	*out = is_signed ? signed_value : (int64_t)value;
	dwarf_dealloc_attribute(a);
	return is_there;
}

/* The offset of the DIE that an attribute names; 0: none, or another file's. */
static uint64_t reference(struct debug_info *info, Dwarf_Die die, Dwarf_Half which)
{
	Dwarf_Error error = NULL;
	Dwarf_Attribute a;
	Dwarf_Half form = 0;
	Dwarf_Off offset = 0;

	if (!attribute(info, die, which, &a))
		return 0;
	bool is_there = debug_ok(info, dwarf_whatform(a, &form, &error), &error) &&
			form != DW_FORM_GNU_ref_alt && form != DW_FORM_ref_sup4 &&
			form != DW_FORM_ref_sup8 && form != DW_FORM_ref_sig8 &&
			debug_ok(info, dwarf_global_formref(a, &offset, &error), &error);
	dwarf_dealloc_attribute(a);
	return is_there ? offset : 0;
}

static const char *name_of(struct debug_info *info, Dwarf_Die die)
{
	Dwarf_Error error = NULL;
	Dwarf_Attribute a;
	char *text = NULL;
	const char *kept = NULL;

	if (!attribute(info, die, DW_AT_name, &a))
		return NULL;
	if (debug_ok(info, dwarf_formstring(a, &text, &error), &error) && text)
		kept = pool_string(&info->pool, text);
	dwarf_dealloc_attribute(a);
	return kept;
}

static Dwarf_Half tag_of(struct debug_info *info, Dwarf_Die die)
{
	Dwarf_Error error = NULL;
	Dwarf_Half tag = 0;

	return debug_ok(info, dwarf_tag(die, &tag, &error), &error) ? tag : 0;
}

/* Calls `visit` for each child, until it returns false. */
static void each_child(struct debug_info *info, Dwarf_Die parent,
		       bool (*visit)(void *context, Dwarf_Die die), void *context)
{
	Dwarf_Error error = NULL;
	Dwarf_Die die = NULL, next;
	Dwarf_Off offset = 0, last = 0;

	if (!debug_ok(info, dwarf_child(parent, &die, &error), &error))
		return;
	while (die) {
		/* siblings lie behind each other, else we would go in circles */
		if (!debug_ok(info, dwarf_dieoffset(die, &offset, &error), &error) ||
		    offset <= last || !visit(context, die))
			break;
		last = offset;
		next = NULL;
		if (!debug_ok(info, dwarf_siblingof_b(info->dbg, die, 1, &next, &error), &error))
			break;
		debug_die_free(die);
		die = next;
	}
	debug_die_free(die);
}

/* ---- a variable by its address ------------------------------------------------ */

struct variable_search {
	struct debug_info *info;
	uint64_t address, address_base;
	unsigned nesting;
	uint64_t type;                  /* found */
};

static uint64_t indexed(const struct variable_search *v, uint64_t index)
{
	struct bytes data;

	if (!elf_file_data_named(v->info->file, ".debug_addr", &data) || index > data.size / 8 ||
	    v->address_base > data.size)
		return 0;
	struct reader r = { data.data + v->address_base, data.data + data.size, false };
	reader_skip(&r, index * 8);
	return reader_fixed(&r, 8);
}

/* DW_AT_location is one DW_OP_addr, or an index of one. */
static bool is_at(const struct variable_search *v, Dwarf_Die die)
{
	Dwarf_Error error = NULL;
	Dwarf_Attribute a;
	Dwarf_Unsigned len = 0;
	Dwarf_Ptr block = NULL;
	uint64_t address = 0;

	if (!attribute(v->info, die, DW_AT_location, &a))
		return false;
	if (debug_ok(v->info, dwarf_formexprloc(a, &len, &block, &error), &error) && len > 1) {
		struct reader r = { block, (const uint8_t *)block + len, false };
		uint64_t op = reader_fixed(&r, 1);

		if (op == DW_OP_addr)
			address = reader_fixed(&r, 8);
		else if (op == DW_OP_addrx || op == DW_OP_GNU_addr_index)
			address = indexed(v, reader_uleb(&r));
		if (r.failed || reader_left(&r))
			address = 0;
	}
	dwarf_dealloc_attribute(a);
	return address && address == v->address;
}

static uint64_t type_of_die(struct debug_info *info, Dwarf_Die die)
{
	uint64_t type = reference(info, die, DW_AT_type);
	static const Dwarf_Half ways[] = { DW_AT_specification, DW_AT_abstract_origin };

	for (int i = 0; !type && i < 2; i++) {
		uint64_t origin = reference(info, die, ways[i]);
		Dwarf_Die other = origin ? debug_die_at(info, origin) : NULL;

		if (other)
			type = reference(info, other, DW_AT_type);
		debug_die_free(other);
	}
	return type;
}

static bool visit_variable(void *context, Dwarf_Die die)
{
	struct variable_search *v = context;

	switch (tag_of(v->info, die)) {
	case DW_TAG_variable:
		if (is_at(v, die))
			v->type = type_of_die(v->info, die);
		break;
	case DW_TAG_namespace:
	case DW_TAG_subprogram:
	case DW_TAG_lexical_block:
	case DW_TAG_module:
		if (v->nesting++ < NESTING_MAX)
			each_child(v->info, die, visit_variable, v);
		v->nesting--;
		break;
	}
	return !v->type;
}

uint64_t debug_type_of(struct debug_info *info, uint64_t address)
{
	Dwarf_Unsigned length, type_offset, next = 0;
	Dwarf_Half version, address_size, length_size, extension_size, type;
	Dwarf_Off abbrev;
	Dwarf_Sig8 signature;
	Dwarf_Error error = NULL;
	struct variable_search v = { .info = info, .address = address };

	/* to the end, so that the next walk begins at the beginning */
	while (debug_ok(info, dwarf_next_cu_header_d(info->dbg, 1, &length, &version, &abbrev,
			&address_size, &length_size, &extension_size, &signature,
			&type_offset, &next, &type, &error), &error)) {
		Dwarf_Die die = NULL;
		int64_t base = 8;

		if (v.type || !debug_ok(info, dwarf_siblingof_b(info->dbg, NULL, 1, &die, &error),
					&error))
			continue;
		if (!number(info, die, DW_AT_addr_base, &base))
			base = 8;
		v.address_base = (uint64_t)base;
		each_child(info, die, visit_variable, &v);
		debug_die_free(die);
	}
	return v.type;
}

/* ---- types --------------------------------------------------------------------- */

/* The DIE behind typedefs and qualifiers. */
static Dwarf_Die plain(struct debug_info *info, uint64_t type)
{
	for (int hop = 0; type && hop < HOPS_MAX; hop++) {
		Dwarf_Die die = debug_die_at(info, type);

		if (!die)
			return NULL;
		switch (tag_of(info, die)) {
		case DW_TAG_typedef:
		case DW_TAG_const_type:
		case DW_TAG_volatile_type:
		case DW_TAG_restrict_type:
		case DW_TAG_atomic_type:
			type = reference(info, die, DW_AT_type);
			debug_die_free(die);
			continue;
		}
		return die;
	}
	return NULL;
}

struct member_search {
	struct debug_info *info;
	const char *name;
	size_t len;
	unsigned nesting;
	uint64_t distance, type;
};

static void search_members(struct member_search *m, uint64_t type);

static bool visit_member(void *context, Dwarf_Die die)
{
	struct member_search *m = context;
	Dwarf_Half tag = tag_of(m->info, die);
	int64_t at = 0;

	if (tag != DW_TAG_member && tag != DW_TAG_inheritance)
		return true;
	const char *name = tag == DW_TAG_member ? name_of(m->info, die) : NULL;
	if (!number(m->info, die, DW_AT_data_member_location, &at))
		at = 0;
	if (name && strlen(name) == m->len && !memcmp(name, m->name, m->len)) {
		m->distance += (uint64_t)at;
		m->type = reference(m->info, die, DW_AT_type);
	} else if (!name && m->nesting < NESTING_MAX) {
		m->distance += (uint64_t)at;
		search_members(m, reference(m->info, die, DW_AT_type));
		if (!m->type)
			m->distance -= (uint64_t)at;
	}
	return !m->type;
}

static void search_members(struct member_search *m, uint64_t type)
{
	Dwarf_Die die = plain(m->info, type);

	m->nesting++;
	if (die)
		each_child(m->info, die, visit_member, m);
	m->nesting--;
	debug_die_free(die);
}

uint64_t debug_type_member(struct debug_info *info, uint64_t type, const char *name, size_t len,
			   uint64_t *distance)
{
	struct member_search m = { .info = info, .name = name, .len = len };

	search_members(&m, type);
	*distance = m.distance;
	return m.type;
}

uint64_t debug_type_element(struct debug_info *info, uint64_t type, bool *is_pointer)
{
	Dwarf_Die die = plain(info, type);
	Dwarf_Half tag = die ? tag_of(info, die) : 0;
	uint64_t element = 0;

	*is_pointer = tag == DW_TAG_pointer_type || tag == DW_TAG_reference_type ||
		      tag == DW_TAG_rvalue_reference_type;
	if (*is_pointer || tag == DW_TAG_array_type)
		element = reference(info, die, DW_AT_type);
	debug_die_free(die);
	return element;
}

/* ---- what a type is --------------------------------------------------------------- */

struct count {
	struct debug_info *info;
	uint64_t elements;
	struct symbols_enumerator *items;
	size_t item_count, room;
};

static bool visit_subrange(void *context, Dwarf_Die die)
{
	struct count *c = context;
	int64_t n;

	if (tag_of(c->info, die) != DW_TAG_subrange_type)
		return true;
	if (number(c->info, die, DW_AT_count, &n) && n >= 0)
		c->elements *= (uint64_t)n;
	else if (number(c->info, die, DW_AT_upper_bound, &n) && n >= -1)
		c->elements *= (uint64_t)n + 1;
	else
		c->elements = 0;
	return true;
}

static bool visit_enumerator(void *context, Dwarf_Die die)
{
	struct count *c = context;
	int64_t value;
	const char *name = tag_of(c->info, die) == DW_TAG_enumerator ? name_of(c->info, die) : NULL;

	if (!name || !number(c->info, die, DW_AT_const_value, &value))
		return true;
	if (c->item_count == c->room) {
		size_t room = c->room ? c->room * 2 : 16;
		struct symbols_enumerator *grown = realloc(c->items, room * sizeof *grown);

		if (!grown)
			return false;
		c->items = grown;
		c->room = room;
	}
	c->items[c->item_count++] = (struct symbols_enumerator){ name, value };
	return true;
}

static enum symbols_type_kind base_kind(struct debug_info *info, Dwarf_Die die)
{
	int64_t encoding = 0;

	if (!number(info, die, DW_AT_encoding, &encoding))
		return SYMBOLS_TYPE_UNKNOWN;
	switch (encoding) {
	case DW_ATE_signed:
	case DW_ATE_signed_char:
		return SYMBOLS_TYPE_INT;
	case DW_ATE_unsigned:
	case DW_ATE_unsigned_char:
	case DW_ATE_UTF:
		return SYMBOLS_TYPE_UNSIGNED;
	case DW_ATE_boolean:
		return SYMBOLS_TYPE_BOOL;
	case DW_ATE_float:
		return SYMBOLS_TYPE_FLOAT;
	default:
		return SYMBOLS_TYPE_UNKNOWN;
	}
}

static void describe_enum(struct debug_info *info, Dwarf_Die die, struct symbols_type *out)
{
	struct count c = { .info = info };

	each_child(info, die, visit_enumerator, &c);
	out->kind = SYMBOLS_TYPE_ENUM;
	out->enumerators = c.items;
	out->enumerator_count = c.item_count;
}

static void describe_array(struct debug_info *info, Dwarf_Die die, struct symbols_type *out)
{
	struct symbols_type element = { 0 };
	struct count c = { .info = info, .elements = 1 };
	uint64_t offset = reference(info, die, DW_AT_type);
	Dwarf_Die of = offset ? plain(info, offset) : NULL;

	each_child(info, die, visit_subrange, &c);
	/* of an array of arrays DWARF has one with several bounds */
	if (of && tag_of(info, of) != DW_TAG_array_type)
		debug_type_describe(info, offset, &element);
	debug_die_free(of);
	if (element.kind == SYMBOLS_TYPE_ENUM)
		free((void *)element.enumerators);
	out->size = c.elements * element.size;
}

void debug_type_describe(struct debug_info *info, uint64_t type, struct symbols_type *out)
{
	Dwarf_Die die = plain(info, type);
	int64_t size = 0;

	memset(out, 0, sizeof *out);
	if (!die)
		return;
	if (number(info, die, DW_AT_byte_size, &size) && size > 0)
		out->size = (uint64_t)size;
	switch (tag_of(info, die)) {
	case DW_TAG_base_type:
		out->kind = base_kind(info, die);
		break;
	case DW_TAG_pointer_type:
	case DW_TAG_reference_type:
	case DW_TAG_rvalue_reference_type:
		out->kind = SYMBOLS_TYPE_POINTER;
		out->size = 8;
		break;
	case DW_TAG_enumeration_type:
		describe_enum(info, die, out);
		break;
	case DW_TAG_array_type:
		describe_array(info, die, out);
		break;
	}
	debug_die_free(die);
}
