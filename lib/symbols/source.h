/* source.h - source lines and inlined functions, from DWARF.
 *
 * Lines are read one compilation unit at a time, the first time an address in
 * it is asked for, from the module's file or from its separate debug file
 * (found by build-id, then by .gnu_debuglink).  Strings live as long as `s`.
 *
 * For the return address of a call ask for address - 1: the line of the call.
 */
#ifndef TRACER_SOURCE_H
#define TRACER_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbols.h"

struct source_line {
	const char *file;       /* with its directory, as the compiler recorded it */
	unsigned line;          /* from 1; 0: code that belongs to no line */
	unsigned column;        /* from 1; 0: unknown */
};

/* The line of the instruction at `address`.  False: no line is known, and *out
 * is unchanged. */
bool symbols_line(struct symbols *s, uint64_t address, struct source_line *out);

/* Which file is mapped at an address, and where in it that is: what is equal has the same
 * lines, in another process too. */
struct source_place {
	struct source_file {
		uint64_t device, inode, size, changed_ns;
	} file;
	uint64_t address;               /* the file's own: without the load bias */
};

/* False: there is no file, or it cannot be read. */
bool symbols_source_place(struct symbols *s, uint64_t address, struct source_place *out);

static inline bool source_file_is(const struct source_file *a, const struct source_file *b)
{
	return a->inode == b->inode && a->device == b->device && a->size == b->size &&
	       a->changed_ns == b->changed_ns;
}

/* Lines of one file, apart from the table that knows it: for one other thread. */
struct source_lines;

/* Those of the file at `address`; cheap: they are read when first asked for.  NULL: it has none,
 * or there are no descriptors for it. */
struct source_lines *symbols_source_lines(struct symbols *s, uint64_t address);
void source_lines_close(struct source_lines *lines);    /* NULL allowed */
/* As symbols_line(), of the file's own address.  Texts live as long as `lines`. */
bool source_lines_find(struct source_lines *lines, uint64_t address, struct source_line *out);

/* Answers of another table, which were kept: a table that is made of them gives them, and
 * nothing else (symbols_create_given()).  Each as the function of that name; what they
 * return must stay where it is. */
struct symbols_given {
	const struct symbol *(*find)(void *context, uint64_t address);
	const struct symbol *(*find_object)(void *context, uint64_t address);
	const struct symbols_module *(*module_find)(void *context, uint64_t address);
	bool (*line)(void *context, uint64_t address, struct source_line *out);
	void *context;
};

/* `*given` is copied.  NULL: out of memory.  Only symbols_find(), symbols_find_object(),
 * symbols_module_find(), symbols_format() and symbols_line() can be asked of it. */
struct symbols *symbols_create_given(const struct symbols_given *given);

/* One function whose body was inlined around an address. */
struct source_inline {
	const char *name;               /* demangled, without parameter list */
	struct source_line call;        /* where it was called from */
};

/* The functions inlined at `address`, innermost first: at most `room` in
 * out[], their number returned; 0 when none.  The innermost one's own position is
 * symbols_line(address); the function around them all is symbols_find(address),
 * and stands at the last one's `call`. */
size_t symbols_inline(struct symbols *s, uint64_t address, struct source_inline *out,
		      size_t room);

#endif
