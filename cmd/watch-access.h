/* watch-access.h - what memory an instruction accesses, exactly. */
#ifndef TRACER_WATCH_ACCESS_H
#define TRACER_WATCH_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "thread_block.h"
#include "translate.h"

#define WATCH_ACCESSES_MAX 16           /* elements of a vector */

struct watch_access {
	uint64_t address, len;
	bool is_write, is_read;
	bool only_changes;      /* which of the bytes are stored is not known: those that
				 * change */
};

struct watch_accesses {
	struct watch_access items[WATCH_ACCESSES_MAX];
	unsigned count;
	unsigned element;       /* bytes, of a repeated string instruction; else 0 */
	bool is_cmpxchg;        /* stores only if ZF is set behind it */
	bool is_vector;         /* one for each element, which are made one after the other */
};

/* requires: `tb` holds the registers before the instruction, and in `target` the base of fs */
void watch_access_find(const struct translate_store *store, const struct thread_block *tb,
		       struct watch_accesses *out);

#endif
