/* path-counts.h - how often each path of blocks was told of, by its site's number.
 *
 * Of one thread.  Sites are many, and a thread tells of few of them: only pages that are used
 * cost memory.
 */
#ifndef TRACER_PATH_COUNTS_H
#define TRACER_PATH_COUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct path_counts {
	uint64_t **pages;
	uint32_t page_count;
};

void path_counts_deinit(struct path_counts *counts);

/* This site is one of a path, and has no payload.  False: out of memory. */
bool path_counts_know(struct path_counts *counts, uint32_t index);

/* Counts the first events in `words`, as long as they are of known sites; how many. */
size_t path_counts_add(struct path_counts *counts, const uint32_t *words, size_t n);

/* The next site from *index on that has been counted; *n: how often.  False: there is none. */
bool path_counts_next(const struct path_counts *counts, uint32_t *index, uint64_t *n);
/* It is 0 again. */
void path_counts_clear(struct path_counts *counts, uint32_t index);
/* All are, and none is known: sites are numbered anew. */
void path_counts_forget(struct path_counts *counts);

#endif
