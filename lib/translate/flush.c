/* flush.c - emptying the cache when it is full.
 *
 * Everything goes at once, code, blocks, exits, sites and what they hang on, so that
 * memory stays bounded however long a program goes on making code.  What stays is
 * that --coverage has reported a block: a set of program addresses.
 */
#include "cache.h"

#include <string.h>

#include "thread_block.h"

/* ---- the flush ------------------------------------------------------------------------ */

/* Its entries one by one: most of the tables has never been touched. */
static void forget(struct translator *t, struct xblock *b)
{
	for (int lookup = 0; lookup < LOOKUP_KINDS; lookup++)
		if (b->lookup_entry[lookup])
			target_lookup_clear(t, lookup, b->public.pc);
}

void translator_flush(struct translator *t)
{
	coverage_flush(t);
	cache_pages_drop(t, 0, ~0ull);
	memset(t->changing, 0, sizeof t->changing);
	for (uint32_t i = 0; i < t->blocks.count; i++)
		forget(t, cache_block(t, i));
	blocks_clear(t);
	chunked_clear(&t->exits);
	chunked_clear(&t->sites);
	chunked_clear(&t->heats);
	chunked_clear(&t->stores);
	chunked_clear(&t->facts);
	chunked_clear(&t->counters);
	chunked_clear(&t->hot_states);
	chunked_clear(&t->cold_states);
	region_clear(&t->bytes);
	t->queue_count = 0;
	t->section_count = t->trust_count = t->lookups_refused = 0;
	t->out_of_memory = t->counts_paths = false;
	t->stats.flushes++;
	target_init(t);
}
