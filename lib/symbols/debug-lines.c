/* Line tables, one unit at a time. */
#include <stdlib.h>
#include <string.h>

#include "debug-info.h"

#define FILES_MAX (1u << 20)

static bool files_make_room(struct debug_unit *unit, uint64_t number)
{
	size_t count = number + 16;
	const char **grown;

	if (number < unit->file_count)
		return true;
	if (number >= FILES_MAX)
		return false;
	grown = realloc(unit->files, count * sizeof *grown);
	if (!grown)
		return false;
	memset(grown + unit->file_count, 0, (count - unit->file_count) * sizeof *grown);
	unit->files = grown;
	unit->file_count = count;
	return true;
}

/* The file number of a line, whose string is made at the first one. */
static uint32_t file_of(struct debug_info *info, struct debug_unit *unit, Dwarf_Line line)
{
	Dwarf_Error error = NULL;
	Dwarf_Unsigned number = 0;
	char *path = NULL;

	if (!debug_ok(info, dwarf_line_srcfileno(line, &number, &error), &error) ||
	    !files_make_room(unit, number))
		return 0;
	if (unit->files[number])
		return number;
	if (debug_ok(info, dwarf_linesrc(line, &path, &error), &error)) {
		unit->files[number] = pool_string(&info->pool, path);
		dwarf_dealloc(info->dbg, path, DW_DLA_STRING);
	}
	return number;
}

/* The names of files that no line has, such as those of inlined calls: numbered
 * from 0 in DWARF 5, from 1 before. */
static void load_files(struct debug_info *info, struct debug_unit *unit)
{
	Dwarf_Die die = debug_die_at(info, unit->die);
	Dwarf_Half version = 0, offset_size;
	Dwarf_Error error = NULL;
	Dwarf_Signed count = 0;
	char **paths = NULL;

	if (!die)
		return;
	if (dwarf_get_version_of_die(die, &version, &offset_size) == DW_DLV_OK &&
	    debug_ok(info, dwarf_srcfiles(die, &paths, &count, &error), &error)) {
		for (Dwarf_Signed i = 0; i < count; i++) {
			uint64_t number = version >= 5 ? i : i + 1;

			if (files_make_room(unit, number) && !unit->files[number])
				unit->files[number] = pool_string(&info->pool, paths[i]);
			dwarf_dealloc(info->dbg, paths[i], DW_DLA_STRING);
		}
		dwarf_dealloc(info->dbg, paths, DW_DLA_LIST);
	}
	debug_die_free(die);
}

const char *debug_unit_file(struct debug_info *info, struct debug_unit *unit, uint64_t number)
{
	if (!unit->has_files) {
		unit->has_files = true;
		debug_lock();
		load_files(info, unit);
		debug_unlock();
	}
	return number < unit->file_count && unit->files[number] ? unit->files[number] : "";
}

/* libdwarf 20210528 calls the begin of an epilogue an end of sequence too; LLVM
 * writes such rows.  A real end comes after a row, which clears that mark. */
static bool is_sequence_end(struct debug_info *info, Dwarf_Line line)
{
	Dwarf_Bool is_end = 0, is_prologue_end, is_epilogue = 0;
	Dwarf_Unsigned isa, discriminator;
	Dwarf_Error error = NULL;

	if (!debug_ok(info, dwarf_lineendsequence(line, &is_end, &error), &error) || !is_end)
		return false;
	return !debug_ok(info, dwarf_prologue_end_etc(line, &is_prologue_end, &is_epilogue, &isa,
						      &discriminator, &error), &error) ||
	       !is_epilogue;
}

static bool read_row(struct debug_info *info, struct debug_unit *unit, Dwarf_Line line,
		     struct debug_row *out)
{
	Dwarf_Error error = NULL;
	Dwarf_Addr address;
	Dwarf_Unsigned number = 0, column = 0;
	bool is_end = is_sequence_end(info, line);

	if (!debug_ok(info, dwarf_lineaddr(line, &address, &error), &error) ||
	    !debug_ok(info, dwarf_lineno(line, &number, &error), &error))
		return false;
	debug_ok(info, dwarf_lineoff_b(line, &column, &error), &error);
	*out = (struct debug_row){
		.address = address, .line = number, .is_end = is_end,
		.column = column <= UINT16_MAX ? column : 0,
		.file = is_end ? 0 : file_of(info, unit, line),
	};
	return true;
}

/* Rows of one sequence, unless it is of code that the linker dropped. */
static void read_rows(struct debug_info *info, struct debug_unit *unit, Dwarf_Line *lines,
		      size_t count)
{
	bool is_first = true, is_kept = false;

	for (size_t i = 0; i < count; i++) {
		struct debug_row row;

		if (!read_row(info, unit, lines[i], &row))
			continue;
		if (is_first)
			is_kept = debug_is_code(info, row.address);
		is_first = row.is_end;
		row.order = i;
		if (is_kept)
			unit->rows[unit->row_count++] = row;
	}
}

/* At one address: first the end of what lies before, then as in the table, where
 * the last row is the one that counts. */
static int by_address(const void *a, const void *b)
{
	const struct debug_row *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	if (x->is_end != y->is_end)
		return x->is_end ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static void read_table(struct debug_info *info, struct debug_unit *unit,
		       Dwarf_Line_Context table)
{
	Dwarf_Error error = NULL;
	Dwarf_Line *lines = NULL;
	Dwarf_Signed count = 0;

	if (!debug_ok(info, dwarf_srclines_from_linecontext(table, &lines, &count, &error),
		      &error) || count <= 0)
		return;
	unit->rows = malloc(count * sizeof *unit->rows);
	if (!unit->rows)
		return;
	read_rows(info, unit, lines, count);
	if (unit->row_count)
		qsort(unit->rows, unit->row_count, sizeof *unit->rows, by_address);
}

static void load_rows(struct debug_info *info, struct debug_unit *unit)
{
	Dwarf_Line_Context table = NULL;
	Dwarf_Unsigned version;
	Dwarf_Small table_count;
	Dwarf_Error error = NULL;
	Dwarf_Die die;

	die = debug_die_at(info, unit->die);
	if (!die)
		return;
	if (debug_ok(info, dwarf_srclines_b(die, &version, &table_count, &table, &error),
		     &error)) {
		read_table(info, unit, table);
		dwarf_srclines_dealloc_b(table);
	}
	debug_die_free(die);
}

void debug_unit_load_rows(struct debug_info *info, struct debug_unit *unit)
{
	if (unit->has_rows)
		return;
	unit->has_rows = true;
	debug_lock();
	load_rows(info, unit);
	debug_unlock();
}

bool debug_info_line(struct debug_info *info, uint64_t address, struct debug_line *out)
{
	struct debug_unit *unit = debug_unit_find(info, address);
	size_t low = 0, high;

	if (!unit)
		return false;
	debug_unit_load_rows(info, unit);
	high = unit->row_count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (unit->rows[mid].address <= address)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0 || unit->rows[low - 1].is_end)
		return false;

	const struct debug_row *row = &unit->rows[low - 1];
	const char *file = row->file < unit->file_count ? unit->files[row->file] : NULL;
	*out = (struct debug_line){ file ? file : "", row->line, row->column };
	return true;
}
