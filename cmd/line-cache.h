/* line-cache.h - source lines that were found, for the next process that has the same file.
 *
 * A struct symbols belongs to one process, and reads the line tables of its files anew;
 * where a program is run by the hundred, that is most of the work.
 *
 * For one thread at a time.
 */
#ifndef TRACER_LINE_CACHE_H
#define TRACER_LINE_CACHE_H

#include <stdbool.h>

#include "origin.h"
#include "source.h"

struct line_cache;

struct line_cache *line_cache_create(void);             /* NULL: out of memory */
void line_cache_destroy(struct line_cache *cache);      /* NULL allowed */

/* Texts stay valid as long as the cache.  A line 0: there is none, as was found.  False:
 * nobody has looked there yet. */
bool line_cache_find(const struct line_cache *cache, const struct source_place *place,
		     struct origin_line *out);
/* What has been found, or line 0; forgotten when memory is short. */
void line_cache_add(struct line_cache *cache, const struct source_place *place,
		    const struct origin_line *line);

#endif
