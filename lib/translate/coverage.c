/* coverage.c - which blocks have run.
 *
 * A block begins with a store into a byte of its own, without flags or registers:
 *
 *	mov byte ptr [seen + index], 1
 *
 * The bytes are looked through now and then.  A block that was told of has a nop there from
 * then on, so that what runs for long runs as fast as without.
 */
#include "cache.h"

#include <stdlib.h>
#include <string.h>

enum { SEEN_NOT, SEEN, SEEN_TOLD };

#define ANY_SEEN 0x0101010101010101ull  /* the bit of SEEN in each of eight bytes */

/* ---- what had run before the last flush ------------------------------------------------- */

static uint64_t *entered_slot(const struct entered_set *set, uint64_t pc)
{
	uint32_t i = (uint32_t)(pc * 0x9e3779b97f4a7c15ull >> 32) & set->mask;

	while (set->items[i] && set->items[i] != pc)
		i = (i + 1) & set->mask;
	return &set->items[i];
}

static bool entered_has(const struct entered_set *set, struct app_pc pc)
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

/* ---- what has run -------------------------------------------------------------------------- */

bool coverage_wants(const struct translator *t, const struct xblock *b)
{
	return t->config.events.coverage && !b->was_told && !entered_has(&t->entered, b->public.pc);
}

/* The first time for block b, or for one that took its place?  From now on it is not. */
static bool is_first(struct translator *t, struct xblock *b)
{
	struct xblock *now = b->is_replaced ? cache_block_find(t, b->public.pc) : NULL;
	bool was_told = b->was_told || (now && now->was_told);

	b->was_told = true;
	if (now)
		now->was_told = true;
	return !was_told;
}

bool translator_first_next(struct translator *t, size_t *cursor, const struct block **out)
{
	uint8_t *seen = t->config.seen_local;

	while (*cursor < t->blocks.count) {
		uint64_t eight;

		if (*cursor % 8 == 0) {
			memcpy(&eight, seen + *cursor, 8);
			if (!(eight & ANY_SEEN)) {
				*cursor += 8;
				continue;
			}
		}
		struct xblock *b = cache_block(t, (uint32_t)*cursor);
		uint8_t *byte = &seen[(*cursor)++];
		if (__atomic_load_n(byte, __ATOMIC_RELAXED) != SEEN)
			continue;
		__atomic_store_n(byte, SEEN_TOLD, __ATOMIC_RELAXED);
		target_seen_remove(t, b);
		if (is_first(t, b)) {
			*out = &b->public;
			return true;
		}
	}
	return false;
}

void coverage_flush(struct translator *t)
{
	if (!t->config.events.coverage)
		return;
	for (uint32_t i = 0; i < t->blocks.count; i++)
		if (cache_block(t, i)->was_told &&
		    !entered_add(&t->entered, cache_block(t, i)->public.pc))
			break;          /* out of memory: some are told of twice */
	memset(t->config.seen_local, 0, t->blocks.count);
}
