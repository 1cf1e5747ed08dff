/* Which compilation unit an address belongs to. */
#include <libdwarf/dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "debug-info.h"
#include "reader.h"

void debug_unit_deinit(struct debug_unit *unit)
{
	free(unit->rows);
	free(unit->files);
	free(unit->scopes);
}

static bool push_range(struct debug_info *info, uint64_t start, uint64_t end, uint32_t unit)
{
	if (start >= end || !debug_is_code(info, start))
		return true;
	if (info->range_count == info->range_room) {
		size_t room = info->range_room ? info->range_room * 2 : 256;
		struct debug_range *grown = realloc(info->ranges, room * sizeof *grown);

		if (!grown)
			return false;
		info->ranges = grown;
		info->range_room = room;
	}
	info->ranges[info->range_count++] = (struct debug_range){ start, end, end, unit };
	return true;
}

static bool push_unit(struct debug_info *info, uint64_t header, uint64_t die)
{
	if (info->unit_count == info->unit_room) {
		size_t room = info->unit_room ? info->unit_room * 2 : 64;
		struct debug_unit *grown = room > UINT32_MAX ? NULL :
			realloc(info->units, room * sizeof *grown);

		if (!grown)
			return false;
		info->units = grown;
		info->unit_room = room;
	}
	info->units[info->unit_count++] = (struct debug_unit){ .header = header, .die = die };
	return true;
}

static int by_start(const void *a, const void *b)
{
	const struct debug_range *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->end > y->end ? -1 : x->end < y->end;
}

static void sort_ranges(struct debug_info *info)
{
	uint64_t reach = 0;

	if (info->range_count)
		qsort(info->ranges, info->range_count, sizeof *info->ranges, by_start);
	for (size_t i = 0; i < info->range_count; i++) {
		if (info->ranges[i].end > reach)
			reach = info->ranges[i].end;
		info->ranges[i].reach = reach;
	}
}

/* ---- all units ---------------------------------------------------------- */

struct adding {
	struct debug_info *info;
	uint32_t unit;
};

static void add_range(void *context, uint64_t start, uint64_t end)
{
	struct adding *adding = context;

	push_range(adding->info, start, end, adding->unit);
}

static void add_unit(struct debug_info *info, uint64_t header)
{
	struct adding adding = { info, info->unit_count };
	Dwarf_Error error = NULL;
	Dwarf_Die die = NULL;
	Dwarf_Off offset;

	if (!debug_ok(info, dwarf_siblingof_b(info->dbg, NULL, 1, &die, &error), &error))
		return;
	if (debug_ok(info, dwarf_dieoffset(die, &offset, &error), &error) &&
	    push_unit(info, header, offset))
		debug_die_ranges(info, &info->units[adding.unit], die, add_range, &adding);
	debug_die_free(die);
}

static void walk_units(struct debug_info *info)
{
	Dwarf_Unsigned length, type_offset, next = 0, header = 0;
	Dwarf_Half version, address_size, length_size, extension_size, type;
	Dwarf_Off abbrev;
	Dwarf_Sig8 signature;
	Dwarf_Error error = NULL;

	while (debug_ok(info, dwarf_next_cu_header_d(info->dbg, 1, &length, &version, &abbrev,
			&address_size, &length_size, &extension_size, &signature,
			&type_offset, &next, &type, &error), &error)) {
		if (type != DW_UT_type && type != DW_UT_split_type)
			add_unit(info, header);
		if (next <= header)
			break;
		header = next;
	}
}

/* How long the rest of a unit is, which is all there; *offset_size: of offsets in it, 4 or 8. */
static bool read_length(struct reader *r, uint64_t *length, size_t *offset_size)
{
	*length = reader_fixed(r, 4);
	*offset_size = 4;
	if (*length == 0xffffffff) {
		*length = reader_fixed(r, 8);
		*offset_size = 8;
	}
	return !r->failed && *length <= reader_left(r);
}

/* ---- .debug_aranges --------------------------------------------------------
 *
 *    | length | version 2 | offset of unit | address size 8 | segment size 0 |
 *    | padding to 16 | start, length | start, length | ... | 0, 0 |                */

static bool read_aranges_of_unit(struct debug_info *info, struct reader *r)
{
	const uint8_t *record = r->at;
	uint64_t length;
	size_t offset_size;

	if (!read_length(r, &length, &offset_size))
		return false;
	struct reader set = { r->at, r->at + length, false };
	reader_skip(r, length);

	uint64_t version = reader_fixed(&set, 2), header = reader_fixed(&set, offset_size);
	uint64_t address_size = reader_fixed(&set, 1), segment_size = reader_fixed(&set, 1);
	if (set.failed || version != 2 || address_size != 8 || segment_size != 0)
		return true;
	reader_skip(&set, -(uint64_t)(set.at - record) & 15);
	if (!push_unit(info, header, 0))
		return false;
	while (reader_left(&set) >= 16) {
		uint64_t start = reader_fixed(&set, 8), size = reader_fixed(&set, 8);

		if (!push_range(info, start, start + size, info->unit_count - 1))
			return false;
	}
	return true;
}

static void read_aranges(struct debug_info *info)
{
	struct bytes data;

	if (!elf_file_data_named(info->file, ".debug_aranges", &data))
		return;
	struct reader r = { data.data, data.data + data.size, false };
	while (reader_left(&r) && read_aranges_of_unit(info, &r))
		;
}

/* ---- headers ------------------------------------------------------------- */

struct header {
	uint64_t version, type;         /* type: DW_UT_, 0 before DWARF 5 */
	size_t offset_size;             /* 4 or 8 */
};

/* Reads a unit's header up to its type.  *next: where the unit behind it begins. */
static bool read_header(struct reader *r, struct header *out, const uint8_t **next)
{
	uint64_t length;

	if (!read_length(r, &length, &out->offset_size))
		return false;
	*next = r->at + length;
	out->version = reader_fixed(r, 2);
	out->type = out->version >= 5 ? reader_fixed(r, 1) : 0;
	return !r->failed;
}

static int by_header(const void *a, const void *b)
{
	const struct debug_unit *x = a, *y = *(const struct debug_unit *const *)b;

	return x->header < y->header ? -1 : x->header > y->header;
}

static int by_headers(const void *a, const void *b)
{
	return by_header(*(const struct debug_unit *const *)a, b);
}

/* Are all units known that may have code?  Then there is nothing to be found by a walk, which takes
 * libdwarf long. */
static bool knows_all_units(const struct debug_info *info)
{
	const struct debug_unit **known = malloc((info->unit_count + 1) * sizeof *known);
	bool all = known;
	struct bytes data = { 0 };

	for (size_t i = 0; known && i < info->unit_count; i++)
		known[i] = &info->units[i];
	if (known)
		qsort(known, info->unit_count, sizeof *known, by_headers);
	all = all && elf_file_data_named(info->file, ".debug_info", &data);
	struct reader r = { data.data, data.data + data.size, false };
	while (all && reader_left(&r)) {
		struct debug_unit unit = { .header = (uint64_t)(r.at - data.data) };
		const uint8_t *next = r.end;
		struct header header;

		all = read_header(&r, &header, &next) &&
		      (header.type == DW_UT_type || header.type == DW_UT_split_type ||
		       bsearch(&unit, known, info->unit_count, sizeof *known, by_header));
		r.at = next;
	}
	free(known);
	return all;
}

/* ---- finding ------------------------------------------------------------ */

/* The narrowest range that holds `address`. */
static struct debug_unit *find_known(struct debug_info *info, uint64_t address)
{
	size_t low = 0, high = info->range_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (info->ranges[mid].start <= address)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low > 0 && info->ranges[low - 1].reach > address; low--)
		if (info->ranges[low - 1].end > address)
			return &info->units[info->ranges[low - 1].unit];
	return NULL;
}

static void forget_units(struct debug_info *info)
{
	for (size_t i = 0; i < info->unit_count; i++)
		debug_unit_deinit(&info->units[i]);
	info->unit_count = 0;
	info->range_count = 0;
}

/* Where the unit's first DIE is: behind its header.  libdwarf's own function for
 * this believes any offset it is given. */
static bool has_die(struct debug_info *info, struct debug_unit *unit)
{
	const uint8_t *next;
	struct header header;
	struct bytes data;

	if (unit->die)
		return true;
	if (!elf_file_data_named(info->file, ".debug_info", &data) || unit->header >= data.size)
		return false;
	struct reader r = { data.data + unit->header, data.data + data.size, false };
	if (!read_header(&r, &header, &next))
		return false;
	if (header.version >= 5) {
		reader_skip(&r, 1 + header.offset_size);
		if (header.type == DW_UT_skeleton || header.type == DW_UT_split_compile)
			reader_skip(&r, 8);
	} else {
		reader_skip(&r, header.offset_size + 1);
	}
	if (r.failed || !reader_left(&r))
		return false;
	unit->die = r.at - data.data;
	return true;
}

struct debug_unit *debug_unit_find(struct debug_info *info, uint64_t address)
{
	struct debug_unit *unit;

	if (!info->unit_count && !info->is_walked) {
		read_aranges(info);
		sort_ranges(info);
		info->is_walked = knows_all_units(info);
	}
	unit = find_known(info, address);
	if (!unit && !info->is_walked && debug_is_code(info, address)) {
		info->is_walked = true;
		forget_units(info);
		walk_units(info);
		sort_ranges(info);
		unit = find_known(info, address);
	}
	return unit && has_die(info, unit) ? unit : NULL;
}
