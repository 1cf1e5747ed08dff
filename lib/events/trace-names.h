/* trace-names.h - a NAMES chunk: what is at the addresses that events refer to.
 *
 * The chunk begins with its space; then come records.  An address belongs to the function
 * and the file that stood before it last; addresses are differences to the one before.
 * Put in ascending order, and by function, it takes a few bytes an address.
 */
#ifndef TRACER_TRACE_NAMES_H
#define TRACER_TRACE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "trace-bytes.h"

#define TRACE_NO_MODULE UINT32_MAX

struct trace_function {
	const char *name;               /* demangled; not terminated where it was read, as ... */
	const char *mangled;            /* ... is this; of length 0: the same */
	size_t name_len, mangled_len;
	uint64_t start;
	bool is_plt;
};

struct trace_address {
	uint64_t address;
	uint32_t module;                /* id, or TRACE_NO_MODULE */
	uint32_t line;                  /* in the file; 0: not known */
	bool is_start;                  /* a function starts here */
	bool has_function;              /* the last one */
};

/* ---- written ------------------------------------------------------------------------- */

void trace_names_begin(struct trace_bytes *b, uint32_t space);
void trace_names_function(struct trace_bytes *b, const struct trace_function *function);
void trace_names_file(struct trace_bytes *b, const char *file);
/* before: the address put before it; 0: none was. */
void trace_names_address(struct trace_bytes *b, const struct trace_address *address,
			 uint64_t before);

/* ---- read ---------------------------------------------------------------------------- */

/* Each returns 0 or a negative errno, which ends the reading. */
struct trace_names_reader {
	int (*begin)(void *context, uint32_t space);
	int (*function)(void *context, const struct trace_function *function);
	int (*file)(void *context, const char *file, size_t len);
	int (*address)(void *context, const struct trace_address *address);
};

/* 0; -EBADMSG: it makes no sense; or what a function has returned. */
int trace_names_read(const uint8_t *raw, size_t len, const struct trace_names_reader *reader,
		     void *context) must_check;

#endif
