/* trace-access.h - the records of --watch, in a LOG chunk: TRACE_RECORD_ACCESS, then what
 * it is.
 *
 * An access refers to its place, and to addresses (the instruction, the frames of the
 * stack, a pointer's value); what is at an address comes before the access, anew whenever
 * it has changed.  Modules, symbols and places are numbered from 0 as they come.
 */
#ifndef TRACER_TRACE_ACCESS_H
#define TRACER_TRACE_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "trace-bytes.h"

#define TRACE_NONE UINT32_MAX           /* no symbol, no module */
#define TRACE_VALUE_MAX 256             /* bytes that are watched at once, at most */
#define TRACE_FRAMES_MAX 64

/* A text that is not terminated. */
struct trace_text {
	const char *text;
	size_t len;
};

struct trace_access_module {
	struct trace_text name;
	uint64_t base;
};

struct trace_access_symbol {
	uint32_t module;                /* or TRACE_NONE */
	uint64_t start;
	struct trace_text name, mangled;
};

struct trace_access_address {
	uint64_t address;
	uint32_t function, object, module;      /* or TRACE_NONE */
	struct trace_text file;                 /* empty: no line is known */
	uint32_t line;
};

struct trace_access_place {
	struct trace_text text;
	uint64_t address, size;
	uint32_t len, kind;             /* kind, size: of its type, as variable.h has them */
	uint32_t enumerator_count;      /* which follow, see trace_enumerator_get() */
};

struct trace_access {
	uint32_t place, tid, pid, what, number, len;
	uint64_t address, pc;
	const uint8_t *old, *new;       /* `len` bytes each; old NULL: not known */
	bool has_stack;
	uint32_t frame_count;
	struct trace_frame {
		uint64_t pc, lookup_pc;
	} frames[TRACE_FRAMES_MAX];
};

/* ---- written ------------------------------------------------------------------------- */

void trace_access_module(struct trace_bytes *b, const struct trace_access_module *module);
void trace_access_symbol(struct trace_bytes *b, const struct trace_access_symbol *symbol);
void trace_access_address(struct trace_bytes *b, const struct trace_access_address *address);
/* Then its enumerators. */
void trace_access_place(struct trace_bytes *b, const struct trace_access_place *place);
void trace_enumerator(struct trace_bytes *b, const char *name, int64_t value);
void trace_access(struct trace_bytes *b, const struct trace_access *access);

/* ---- read ---------------------------------------------------------------------------- */

/* Each returns 0 or a negative errno. */
struct trace_access_reader {
	int (*module)(void *context, const struct trace_access_module *module);
	int (*symbol)(void *context, const struct trace_access_symbol *symbol);
	int (*address)(void *context, const struct trace_access_address *address);
	/* takes the enumerators out of `c` */
	int (*place)(void *context, const struct trace_access_place *place, struct trace_cursor *c);
	int (*access)(void *context, const struct trace_access *access);
};

void trace_enumerator_get(struct trace_cursor *c, struct trace_text *name, int64_t *value);

/* One record.  -EBADMSG: it makes no sense; or what a function has returned. */
int trace_access_read(struct trace_cursor *c, const struct trace_access_reader *reader,
		      void *context) must_check;

#endif
