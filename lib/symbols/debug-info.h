/* debug-info.h - DWARF lines and inlined functions of one file, by libdwarf.
 *
 * Compilation units ("units" below) are found by .debug_aranges first, which is
 * quick; where it does not name them all, by a walk over all of them, once, when an
 * address is asked for that no known unit has.  Addresses are the file's; strings
 * live as long as the object.
 *
 * An object is for one thread at a time; two threads may have two of them.
 */
#ifndef TRACER_SYMBOLS_DEBUG_INFO_H
#define TRACER_SYMBOLS_DEBUG_INFO_H

#include <libdwarf/dwarf.h>
#include <libdwarf/libdwarf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elf-file.h"
#include "pool.h"

struct debug_line {
	const char *file;
	unsigned line, column;
};

struct debug_inline {
	const char *name;               /* mangled, where there is such a name */
	struct debug_line call;
};

struct debug_info;

/* The files must outlive it.  NULL: neither has debug information. */
struct debug_info *debug_info_create(const struct elf_file *file, const struct elf_file *debug);
void debug_info_destroy(struct debug_info *info);       /* NULL allowed */

/* The line of the instruction at `address`. */
bool debug_info_line(struct debug_info *info, uint64_t address, struct debug_line *out);

/* The functions inlined there, innermost first: at most `room`. */
size_t debug_info_inline(struct debug_info *info, uint64_t address,
			 struct debug_inline *out, size_t room);

/* ---- for debug-unit.c, debug-lines.c and debug-inline.c alone ----------- */

struct debug_row {
	uint64_t address;
	uint32_t line, file;            /* in unit.files */
	uint32_t order;                 /* as in the table */
	uint16_t column;
	bool is_end;                    /* the end of a sequence: no code here */
};

/* One range of a function inlined into another. */
struct debug_scope {
	uint64_t start, end, reach;     /* reach: the largest end so far */
	uint64_t die;                   /* offset of DW_TAG_inlined_subroutine */
	unsigned depth;
	bool is_named;                  /* the rest is filled in */
	const char *name;
	unsigned call_file, call_line, call_column;
};

struct debug_unit {
	uint64_t header, die;           /* offsets in .debug_info */
	bool has_rows, has_scopes, has_files, has_bases;        /* tried */
	uint64_t low_pc, ranges_base, address_base;
	struct debug_row *rows;         /* by address */
	size_t row_count;
	const char **files;             /* by DWARF's number; "": none */
	size_t file_count;
	struct debug_scope *scopes;     /* by start, outer before inner */
	size_t scope_count, scope_room;
};

struct debug_range {
	uint64_t start, end, reach;     /* reach: the largest end so far */
	uint32_t unit;
};

#define DEBUG_SECTIONS 16

struct debug_info {
	const struct elf_file *code;    /* the file with the program's bytes */
	const struct elf_file *file;    /* the one with the DWARF */
	const struct elf_section *sections[DEBUG_SECTIONS];
	unsigned section_count;
	Dwarf_Obj_Access_Interface access;
	Dwarf_Debug dbg;
	struct pool pool;
	bool is_walked;                 /* all units are known */
	struct debug_unit *units;       /* by header, once sorted */
	size_t unit_count, unit_room;
	struct debug_range *ranges;     /* by start */
	size_t range_count, range_room;
};

/* The unit with code at `address`, or NULL. */
struct debug_unit *debug_unit_find(struct debug_info *info, uint64_t address);
void debug_unit_deinit(struct debug_unit *unit);

/* Whether there is code at `address`: the linker leaves lines of what it dropped. */
bool debug_is_code(const struct debug_info *info, uint64_t address);

/* Calls `add` for each address range of a DIE of the unit. */
void debug_die_ranges(struct debug_info *info, struct debug_unit *unit, Dwarf_Die die,
		      void (*add)(void *context, uint64_t start, uint64_t end),
		      void *context);

/* Reads the unit's rows and files, once. */
void debug_unit_load_rows(struct debug_info *info, struct debug_unit *unit);

/* The path of file `number` of the unit; "" when there is none such. */
const char *debug_unit_file(struct debug_info *info, struct debug_unit *unit,
			    uint64_t number);

/* The die at `offset`, to be freed with debug_die_free; NULL: damaged. */
Dwarf_Die debug_die_at(struct debug_info *info, uint64_t offset);
void debug_die_free(Dwarf_Die die);

/* libdwarf makes paths, and looks at sections, in static memory: one thread at a time may, whatever
 * objects it has. */
void debug_lock(void);
void debug_unlock(void);

/* Drops a libdwarf error after a call that returned `result`; true: DW_DLV_OK. */
bool debug_ok(struct debug_info *info, int result, Dwarf_Error *error);

#endif
