/* Functions inlined into others.
 *
 *   DW_TAG_compile_unit
 *     DW_TAG_subprogram  main                  0x1000-0x1080
 *       DW_TAG_lexical_block                   0x1010-0x1050
 *         DW_TAG_inlined_subroutine  parse     0x1012-0x1040   scope, depth 1
 *           DW_TAG_inlined_subroutine  skip    0x1020-0x1028   scope, depth 2
 *
 * A unit's scopes are collected in one walk over its functions; names and calling
 * lines are read when a scope is first reported. */
#include <stdlib.h>
#include <string.h>

#include "debug-info.h"

#define NESTING_MAX 128                 /* of DIEs; the stack is ours */
#define ORIGINS_MAX 8                   /* abstract_origin, specification, ... */

struct walk {
	struct debug_info *info;
	struct debug_unit *unit;
	uint64_t die;                   /* the one whose ranges are added */
	unsigned depth;                 /* of inlining */
	bool has_code, failed;
};

static void add_scope(void *context, uint64_t start, uint64_t end)
{
	struct walk *w = context;
	struct debug_unit *unit = w->unit;

	w->has_code = true;
	if (!w->depth || start >= end)
		return;
	if (unit->scope_count == unit->scope_room) {
		size_t room = unit->scope_room ? unit->scope_room * 2 : 64;
		struct debug_scope *grown = realloc(unit->scopes, room * sizeof *grown);

		if (!grown) {
			w->failed = true;
			return;
		}
		unit->scopes = grown;
		unit->scope_room = room;
	}
	unit->scopes[unit->scope_count++] = (struct debug_scope){
		.start = start, .end = end, .die = w->die, .depth = w->depth,
	};
}

static void walk_children(struct walk *w, Dwarf_Die parent, unsigned nesting);

/* One DIE, when functions can be inlined in it. */
static void walk_die(struct walk *w, Dwarf_Die die, uint64_t offset, unsigned nesting)
{
	Dwarf_Error error = NULL;
	Dwarf_Half tag = 0;

	if (!debug_ok(w->info, dwarf_tag(die, &tag, &error), &error))
		return;
	switch (tag) {
	case DW_TAG_subprogram:
		/* declarations and abstract instances have no code */
		w->has_code = false;
		debug_die_ranges(w->info, w->unit, die, add_scope, w);
		if (w->has_code)
			walk_children(w, die, nesting);
		break;
	case DW_TAG_inlined_subroutine:
		w->depth++;
		w->die = offset;
		debug_die_ranges(w->info, w->unit, die, add_scope, w);
		walk_children(w, die, nesting);
		w->depth--;
		break;
	case DW_TAG_namespace:
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
		walk_children(w, die, nesting);
		break;
	}
}

static void walk_children(struct walk *w, Dwarf_Die parent, unsigned nesting)
{
	Dwarf_Error error = NULL;
	Dwarf_Die die = NULL, next;
	Dwarf_Off offset = 0, last = 0;

	if (nesting == NESTING_MAX ||
	    !debug_ok(w->info, dwarf_child(parent, &die, &error), &error))
		return;
	while (die) {
		/* siblings lie behind each other, else we would go in circles */
		if (w->failed || !debug_ok(w->info, dwarf_dieoffset(die, &offset, &error), &error) ||
		    offset <= last)
			break;
		last = offset;
		walk_die(w, die, offset, nesting + 1);
		next = NULL;
		if (!debug_ok(w->info, dwarf_siblingof_b(w->info->dbg, die, 1, &next, &error),
			      &error))
			break;
		debug_die_free(die);
		die = next;
	}
	debug_die_free(die);
}

static int by_start(const void *a, const void *b)
{
	const struct debug_scope *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->depth < y->depth ? -1 : x->depth > y->depth;
}

static void load_scopes(struct debug_info *info, struct debug_unit *unit)
{
	struct walk w = { .info = info, .unit = unit };
	uint64_t reach = 0;
	Dwarf_Die die;

	if (unit->has_scopes)
		return;
	unit->has_scopes = true;
	die = debug_die_at(info, unit->die);
	if (!die)
		return;
	walk_children(&w, die, 0);
	debug_die_free(die);
	if (unit->scope_count)
		qsort(unit->scopes, unit->scope_count, sizeof *unit->scopes, by_start);
	for (size_t i = 0; i < unit->scope_count; i++) {
		if (unit->scopes[i].end > reach)
			reach = unit->scopes[i].end;
		unit->scopes[i].reach = reach;
	}
}

/* ---- names and lines of scopes ------------------------------------------ */

static bool get_attribute(struct debug_info *info, Dwarf_Die die, Dwarf_Half number,
			  Dwarf_Attribute *out)
{
	Dwarf_Error error = NULL;

	*out = NULL;
	return debug_ok(info, dwarf_attr(die, number, out, &error), &error);
}

static unsigned number_of(struct debug_info *info, Dwarf_Die die, Dwarf_Half number)
{
	Dwarf_Error error = NULL;
	Dwarf_Attribute attribute;
	Dwarf_Unsigned value = 0;
	Dwarf_Signed signed_value = 0;

	if (!get_attribute(info, die, number, &attribute))
		return 0;
	if (!debug_ok(info, dwarf_formudata(attribute, &value, &error), &error) &&
	    debug_ok(info, dwarf_formsdata(attribute, &signed_value, &error), &error))
		value = signed_value;
	dwarf_dealloc_attribute(attribute);
	return value <= UINT32_MAX ? value : 0;
}

static const char *string_of(struct debug_info *info, Dwarf_Die die, Dwarf_Half number)
{
	Dwarf_Error error = NULL;
	Dwarf_Attribute attribute;
	const char *kept = NULL;
	char *text = NULL;

	if (!get_attribute(info, die, number, &attribute))
		return NULL;
	if (debug_ok(info, dwarf_formstring(attribute, &text, &error), &error) && text)
		kept = pool_string(&info->pool, text);
	dwarf_dealloc_attribute(attribute);
	return kept;
}

/* The DIE that an attribute refers to, or NULL. */
static Dwarf_Die referred(struct debug_info *info, Dwarf_Die die, Dwarf_Half number)
{
	Dwarf_Error error = NULL;
	Dwarf_Attribute attribute;
	Dwarf_Half form = 0;
	Dwarf_Off offset = 0;
	bool has_offset;

	if (!get_attribute(info, die, number, &attribute))
		return NULL;
	/* another file's offset, of a dwz file, is none of ours */
	has_offset = debug_ok(info, dwarf_whatform(attribute, &form, &error), &error) &&
		     form != DW_FORM_GNU_ref_alt && form != DW_FORM_ref_sup4 &&
		     form != DW_FORM_ref_sup8 &&
		     debug_ok(info, dwarf_global_formref(attribute, &offset, &error), &error);
	dwarf_dealloc_attribute(attribute);
	return has_offset ? debug_die_at(info, offset) : NULL;
}

/* A function's name stands in the DIE that it is an instance of. */
static const char *function_name(struct debug_info *info, Dwarf_Die die)
{
	static const Dwarf_Half names[] = {
		DW_AT_linkage_name, DW_AT_MIPS_linkage_name, DW_AT_name,
	};
	const char *name = NULL;
	Dwarf_Die origin = NULL, next;

	for (unsigned hops = 0; hops < ORIGINS_MAX && !name; hops++) {
		Dwarf_Die at = origin ? origin : die;

		next = referred(info, at, DW_AT_abstract_origin);
		if (!next)
			next = referred(info, at, DW_AT_specification);
		for (size_t i = 0; i < sizeof names / sizeof *names && !name; i++)
			name = string_of(info, at, names[i]);
		debug_die_free(origin);
		origin = next;
		if (!origin)
			break;
	}
	debug_die_free(origin);
	return name ? name : "?";
}

static void name_scope(struct debug_info *info, struct debug_scope *scope)
{
	Dwarf_Die die;

	if (scope->is_named)
		return;
	scope->is_named = true;
	scope->name = "?";
	die = debug_die_at(info, scope->die);
	if (!die)
		return;
	scope->name = function_name(info, die);
	scope->call_file = number_of(info, die, DW_AT_call_file);
	scope->call_line = number_of(info, die, DW_AT_call_line);
	scope->call_column = number_of(info, die, DW_AT_call_column);
	debug_die_free(die);
}

static size_t first_behind(const struct debug_unit *unit, uint64_t address)
{
	size_t low = 0, high = unit->scope_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (unit->scopes[mid].start <= address)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

size_t debug_info_inline(struct debug_info *info, uint64_t address,
			 struct debug_inline *out, size_t room)
{
	struct debug_unit *unit = debug_unit_find(info, address);
	size_t count = 0;

	if (!unit)
		return 0;
	load_scopes(info, unit);
	debug_unit_load_rows(info, unit);
	/* inner scopes start later, or stand behind their outer one: backwards is
	 * from the inside outwards */
	for (size_t i = first_behind(unit, address); i > 0 && count < room; i--) {
		struct debug_scope *scope = &unit->scopes[i - 1];
		const char *file;

		if (scope->reach <= address)
			break;
		if (scope->end <= address)
			continue;
		name_scope(info, scope);
		file = debug_unit_file(info, unit, scope->call_file);
		out[count++] = (struct debug_inline){
			scope->name, { file, scope->call_line, scope->call_column },
		};
	}
	return count;
}
