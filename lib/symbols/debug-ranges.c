/* The address ranges of a DIE.
 *
 * Lists are read here, not by libdwarf: version 20210528 frees a list's header
 * twice when .debug_rnglists is damaged, and its calls copy whole lists.
 *
 *   .debug_ranges    pairs of words, relative to a base; (-1, x) sets the base; (0, 0) ends
 *   .debug_rnglists  entries of a kind byte and operands; some are indices into
 *                    .debug_addr, from the unit's DW_AT_addr_base on */
#include <libdwarf/dwarf.h>

#include "debug-info.h"
#include "reader.h"

struct list {
	struct debug_info *info;
	struct debug_unit *unit;
	uint64_t base;
	void (*add)(void *context, uint64_t start, uint64_t end);
	void *context;
};

/* One low and one high pc.  True: *low is set; *high is above it when both are there. */
static bool simple_range(struct debug_info *info, Dwarf_Die die, uint64_t *low, uint64_t *high)
{
	enum Dwarf_Form_Class class;
	Dwarf_Addr start = 0, end = 0;
	Dwarf_Error error = NULL;
	Dwarf_Half form;

	if (!debug_ok(info, dwarf_lowpc(die, &start, &error), &error))
		return false;
	*low = *high = start;
	if (debug_ok(info, dwarf_highpc_b(die, &end, &form, &class, &error), &error))
		*high = class == DW_FORM_CLASS_CONSTANT ? start + end : end;
	return true;
}

/* An attribute that is an offset or an index. */
static bool number_of(struct debug_info *info, Dwarf_Die die, Dwarf_Half which,
		      Dwarf_Half *form, uint64_t *out)
{
	Dwarf_Attribute attribute = NULL;
	Dwarf_Error error = NULL;
	Dwarf_Unsigned value = 0;
	Dwarf_Off offset = 0;
	bool is_there;

	if (!debug_ok(info, dwarf_attr(die, which, &attribute, &error), &error))
		return false;
	is_there = debug_ok(info, dwarf_whatform(attribute, form, &error), &error);
	if (is_there && *form == DW_FORM_sec_offset) {
		is_there = debug_ok(info, dwarf_global_formref(attribute, &offset, &error),
				    &error);
		*out = offset;
	} else if (is_there) {
		is_there = debug_ok(info, dwarf_formudata(attribute, &value, &error), &error);
		*out = value;
	}
	dwarf_dealloc_attribute(attribute);
	return is_there;
}

/* What the lists of a unit are relative to stands at its first DIE. */
static void load_bases(struct debug_info *info, struct debug_unit *unit)
{
	uint64_t high;
	Dwarf_Half form;
	Dwarf_Die die;

	if (unit->has_bases)
		return;
	unit->has_bases = true;
	die = debug_die_at(info, unit->die);
	if (!die)
		return;
	simple_range(info, die, &unit->low_pc, &high);
	number_of(info, die, DW_AT_rnglists_base, &form, &unit->ranges_base);
	number_of(info, die, DW_AT_addr_base, &form, &unit->address_base);
	debug_die_free(die);
}

static struct reader section_from(const struct debug_info *info, const char *name,
				  uint64_t offset)
{
	struct reader r = { .failed = true };
	struct bytes data;

	if (elf_file_data_named(info->file, name, &data) && offset < data.size)
		r = (struct reader){ data.data + offset, data.data + data.size, false };
	return r;
}

static void read_pairs(struct list *list, uint64_t offset)
{
	struct reader r = section_from(list->info, ".debug_ranges", offset);

	while (!r.failed) {
		uint64_t start = reader_fixed(&r, 8), end = reader_fixed(&r, 8);

		if (r.failed || (start == 0 && end == 0))
			return;
		if (start == UINT64_MAX)
			list->base = end;
		else
			list->add(list->context, list->base + start, list->base + end);
	}
}

static uint64_t indexed_address(struct list *list, struct reader *r)
{
	uint64_t index = reader_uleb(r), at = list->unit->address_base + index * 8;
	struct reader address = section_from(list->info, ".debug_addr",
					     index < UINT32_MAX ? at : UINT64_MAX);
	uint64_t value = reader_fixed(&address, 8);

	r->failed |= address.failed;
	return value;
}

/* False: the list ends. */
static bool read_entry(struct list *list, struct reader *r)
{
	uint64_t start, end;

	switch (reader_fixed(r, 1)) {
	case DW_RLE_base_addressx:
		list->base = indexed_address(list, r);
		return !r->failed;
	case DW_RLE_base_address:
		list->base = reader_fixed(r, 8);
		return !r->failed;
	case DW_RLE_startx_endx:
		start = indexed_address(list, r);
		end = indexed_address(list, r);
		break;
	case DW_RLE_startx_length:
		start = indexed_address(list, r);
		end = start + reader_uleb(r);
		break;
	case DW_RLE_offset_pair:
		start = list->base + reader_uleb(r);
		end = list->base + reader_uleb(r);
		break;
	case DW_RLE_start_end:
		start = reader_fixed(r, 8);
		end = reader_fixed(r, 8);
		break;
	case DW_RLE_start_length:
		start = reader_fixed(r, 8);
		end = start + reader_uleb(r);
		break;
	default:
		return false;
	}
	if (!r->failed)
		list->add(list->context, start, end);
	return !r->failed;
}

/* An index selects from a table of offsets at the unit's base. */
static uint64_t indexed_list(struct debug_info *info, struct debug_unit *unit, uint64_t index,
			     size_t offset_size)
{
	uint64_t base = unit->ranges_base;
	struct reader r = section_from(info, ".debug_rnglists", index < UINT32_MAX ?
				       base + index * offset_size : UINT64_MAX);
	uint64_t offset = reader_fixed(&r, offset_size);

	return r.failed ? UINT64_MAX : base + offset;
}

static void listed_ranges(struct list *list, Dwarf_Die die)
{
	Dwarf_Half form, version, offset_size;
	uint64_t value;

	if (!number_of(list->info, die, DW_AT_ranges, &form, &value) ||
	    dwarf_get_version_of_die(die, &version, &offset_size) != DW_DLV_OK)
		return;
	load_bases(list->info, list->unit);
	list->base = list->unit->low_pc;
	if (version < 5) {
		read_pairs(list, value);
		return;
	}
	if (form == DW_FORM_rnglistx)
		value = indexed_list(list->info, list->unit, value, offset_size == 8 ? 8 : 4);
	struct reader r = section_from(list->info, ".debug_rnglists", value);
	while (!r.failed && read_entry(list, &r))
		;
}

void debug_die_ranges(struct debug_info *info, struct debug_unit *unit, Dwarf_Die die,
		      void (*add)(void *context, uint64_t start, uint64_t end), void *context)
{
	struct list list = { .info = info, .unit = unit, .add = add, .context = context };
	uint64_t low = 0, high = 0;

	if (simple_range(info, die, &low, &high) && high > low)
		add(context, low, high);
	else
		listed_ranges(&list, die);
}
