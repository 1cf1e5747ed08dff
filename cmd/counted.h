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

/* Counters of a thread: only pages that are used cost memory, but all of them address space
 * near the program, which limits the number of threads.  When there are no more, the code
 * cache is flushed. */
#define COUNTERS_OF_CALLS  (128u << 10)
#define COUNTERS_OF_PATHS  (256u << 10)

struct counted {
	/* What the site says has been n times: a call or jump, or a path of blocks. */
	void (*add)(void *context, const struct site *site, uint64_t n);
	void *context;
};

/* The blocks of a path, the last first, with the call or jump that led on from each; NULL: none. */
struct counted_path {
	const struct translator *translator;
	const struct block *block;
	const struct site *transfer;
	unsigned left;
	bool is_last;
};

struct counted_path counted_path_begin(const struct stream *stream, const struct site *site);
bool counted_path_next(struct counted_path *path);

/* Has it to do with code in [start, end), as its target, or as a block of its path? */
bool counted_touches(const struct stream *stream, const struct site *site, uint64_t start, uint64_t end);

/* Takes what the thread has counted of code in [start, end), and of what leads there, and how
 * much that is in all; the counters are 0 behind that.
 * requires: the thread does not run that code */
uint64_t counted_take(struct stream *stream, uint64_t start, uint64_t end,
		      const struct counted *counted);

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
