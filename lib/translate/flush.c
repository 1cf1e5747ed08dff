/* flush.c - emptying the cache when it is full.
 *
 * Everything goes at once, code, blocks, exits, sites and what they hang on, so that
 * memory stays bounded however long a program goes on making code.  What stays is
 * that --coverage has reported a block: a set of program addresses.
 */
#include "cache.h"

#include <stdlib.h>
#include <string.h>

#include "thread_block.h"

/* ---- what has been entered before, for coverage ------------------------------------ */

static uint64_t *entered_slot(const struct entered_set *set, uint64_t pc)
{
	uint32_t i = (uint32_t)(pc * 0x9e3779b97f4a7c15ull >> 32) & set->mask;

	while (set->items[i] && set->items[i] != pc)
		i = (i + 1) & set->mask;
	return &set->items[i];
}

bool entered_has(const struct entered_set *set, struct app_pc pc)
{
	return set->items && *entered_slot(set, pc.address);
}

static bool entered_grow(struct entered_set *set)
{
	uint32_t size = set->items ? 2 * (set->mask + 1) : 4096;
	struct entered_set grown = { calloc(size, sizeof *set->items), size - 1, set->used };

	if (!grown.items)
		return false;
	for (uint32_t i = 0; set->items && i <= set->mask; i++)
		if (set->items[i])
			*entered_slot(&grown, set->items[i]) = set->items[i];
	free(set->items);
	*set = grown;
	return true;
}

static bool entered_add(struct entered_set *set, struct app_pc pc)
{
	if ((!set->items || 2 * set->used > set->mask) && !entered_grow(set))
		return false;
	uint64_t *slot = entered_slot(set, pc.address);
	set->used += !*slot;
	*slot = pc.address;
	return true;
}

static void keep_entered(struct translator *t)
{
	for (size_t i = 0; i < t->first_count; i++)
		if (!entered_add(&t->entered, cache_block(t, t->first[i])->public.pc))
			return;         /* out of memory: some are reported twice */
	t->first_count = 0;
}

/* ---- the flush ------------------------------------------------------------------------ */

/* Its entries one by one: most of the tables has never been touched. */
static void forget(struct translator *t, struct xblock *b)
{
	free((void *)b->public.bytes);
	for (int lookup = 0; lookup < LOOKUP_KINDS; lookup++)
		if (b->lookup_entry[lookup])
			target_lookup_clear(t, lookup, b->public.pc);
}

void translator_flush(struct translator *t)
{
	keep_entered(t);
	cache_pages_drop(t, 0, ~0ull);
	memset(t->changing, 0, sizeof t->changing);
	for (uint32_t i = 0; i < t->blocks.count; i++)
		forget(t, cache_block(t, i));
	chunked_clear(&t->blocks);
	chunked_clear(&t->exits);
	chunked_clear(&t->sites);
	chunked_clear(&t->heats);
	chunked_clear(&t->stores);
	chunked_clear(&t->facts);
	memset(t->hash, 0, (t->hash_mask + 1ul) * sizeof *t->hash);
	memset(t->page_hash, 0, (t->page_mask + 1ul) * sizeof *t->page_hash);
	t->hash_used = t->page_used = t->page_link_count = 0;
	t->queue_head = t->queue_count = 0;
	t->section_count = t->trust_count = t->returns_known = 0;
	t->hot_states.count = t->cold_states.count = 0;
	t->out_of_memory = false;
	t->stats.flushes++;
	target_init(t);
}
