/* counted.h - what translated code has counted: reading the counters of a thread.
 *
 * For the output thread.  The counters stand behind the thread's ring; see
 * lib/translate/x86_64/count.c.
 */
#ifndef TRACER_COUNTED_H
#define TRACER_COUNTED_H

#include <stdbool.h>
#include <stdint.h>

#include "output.h"

/* Counters of a thread; what is used of a page costs memory. */
#define COUNTERS_OF_CALLS  (128u << 10)
#define COUNTERS_OF_BLOCKS (512u << 10)

struct counted {
	/* `block` has run n times; and, if there is `site`, the call or jump at its end has been
	 * made.  NULL: there is only the other. */
	void (*add)(void *context, const struct block *block, const struct site *site, uint64_t n);
	void *context;
};

/* Takes what the thread has counted, and how much that is in all; its counters are 0 behind
 * that.
 * requires: the thread does not run translated code */
uint64_t counted_take(struct stream *stream, const struct counted *counted);

/* Calls `see` for the sites of counters from *cursor on: what they lead to may be gone when
 * they are taken. */
void counted_look_ahead(const struct target *target, uint32_t *cursor,
			void (*see)(void *context, const struct site *site), void *context);

/* A block that did not run to its end. */
struct counted_cut {
	const struct block *block;
	uint64_t end;           /* program address: nothing from there on has run */
	bool was_counted;
};

/* What a SITE_CUT event says.  False: nothing of a block that is counted. */
bool counted_cut(const struct stream *stream, const struct record *record,
		 struct counted_cut *out);
/* The call or jump at the block's end, or NULL. */
const struct site *counted_transfer(const struct stream *stream, const struct block *block);

#endif
