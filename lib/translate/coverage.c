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

/* The same code at the same address? */
static bool is_same(const struct block *a, const struct block *b)
{
	return a->bytes_len == b->bytes_len && !memcmp(a->bytes, b->bytes, a->bytes_len);
}

/* Of the code at its address; not 0. */
static uint64_t key_of(const struct block *block)
{
	uint64_t key = block->pc.address;

	for (uint32_t i = 0; i < block->bytes_len; i++)
		key = (key ^ block->bytes[i]) * 0x100000001b3;
	return key ? key : 1;
}

/* ---- what had run before the last flush ------------------------------------------------- */

static uint64_t *entered_slot(const struct entered_set *set, uint64_t key)
{
	uint32_t i = (uint32_t)(key * 0x9e3779b97f4a7c15ull >> 32) & set->mask;

	while (set->items[i] && set->items[i] != key)
		i = (i + 1) & set->mask;
	return &set->items[i];
}

static bool entered_has(const struct entered_set *set, const struct block *block)
{
	return set->items && *entered_slot(set, key_of(block));
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

static bool entered_add(struct entered_set *set, const struct block *block)
{
	uint64_t key = key_of(block);

	if ((!set->items || 2 * set->used > set->mask) && !entered_grow(set))
		return false;
	uint64_t *slot = entered_slot(set, key);
	set->used += !*slot;
	*slot = key;
	return true;
}

/* ---- what has run -------------------------------------------------------------------------- */

bool coverage_wants(const struct translator *t, struct xblock *b)
{
	const struct xblock *before = b->told ? cache_block(t, b->told - 1) : NULL;
	bool is_known = before && is_same(&before->public, &b->public);

	if (!t->config.events.coverage)
		return false;
	b->was_told |= (is_known && before->was_told) || entered_has(&t->entered, &b->public);
	return !b->was_told && !is_known;
}

bool coverage_has(const struct translator *t, const struct xblock *b)
{
	const uint8_t *seen = t->config.seen_local;
	uint32_t index = b->public.index;

	return b->was_told || (t->config.events.coverage && index < TRANSLATE_SEEN_BYTES &&
			       __atomic_load_n(&seen[index], __ATOMIC_RELAXED) == SEEN);
}

/* Tells it to the block that took b's place, if that is the same code. */
static void share(struct translator *t, struct xblock *b)
{
	struct xblock *now = cache_block_find(t, b->public.pc);

	if (!now || now == b)
		return;
	if (!now->entry)
		now->told = 1 + b->public.index;        /* it will be compared */
	else if (is_same(&now->public, &b->public))
		now->was_told = true;
}

/* The first time for block b, or for one that has taken its place? */
static bool is_first(struct translator *t, struct xblock *b)
{
	const struct xblock *now = cache_block_find(t, b->public.pc);
	bool was_told = b->was_told ||
			(now && now->was_told && is_same(&now->public, &b->public));

	b->was_told = true;
	if (b->is_replaced)
		share(t, b);
	return !was_told;
}

/* Later ones, of which there are no bytes, are not translated. */
static uint32_t seen_count(const struct translator *t)
{
	return t->blocks.count < TRANSLATE_SEEN_BYTES ? t->blocks.count : TRANSLATE_SEEN_BYTES;
}

bool translator_first_next(struct translator *t, size_t *cursor, const struct block **out)
{
	uint8_t *seen = t->config.seen_local;

	while (*cursor < seen_count(t)) {
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
		    !entered_add(&t->entered, &cache_block(t, i)->public))
			break;          /* out of memory: some are told of twice */
	memset(t->config.seen_local, 0, seen_count(t));
}
