/* drop.c - forgetting translations of code that is gone, or has changed.
 *
 * A dropped block is left where it is, for the threads inside; nothing leads to it any
 * more, and another one, untranslated, is found at its address.
 */
#include "cache.h"

#include "thread_block.h"

struct xblock *cache_block_replace(struct translator *t, struct xblock *old)
{
	struct xblock *heir = cache_block_new(t, old->public.pc);

	if (!heir)
		return NULL;
	heir->incoming = old->incoming;
	heir->is_after_call = old->is_after_call;
	heir->is_careful = old->is_careful;
	heir->told = coverage_has(t, old) ? 1 + old->public.index : old->told;
	old->incoming = NO_INDEX;
	old->is_replaced = true;
	for (uint32_t i = heir->incoming; i != NO_INDEX; i = cache_exit(t, i)->next)
		cache_exit(t, i)->target = heir->public.index;
	cache_block_put(t, heir);
	return heir;
}

static void drop_one(struct translator *t, struct xblock *b)
{
	b->public.is_dropped = true;
	target_landing_remove(t, b);
	if (b->is_replaced)
		return;
	cache_unlink_incoming(t, b);
	for (int lookup = 0; lookup < LOOKUP_KINDS; lookup++)
		if (b->lookup_entry[lookup])
			target_lookup_remove(t, lookup, b->public.pc);
	cache_block_replace(t, b);
	t->stats.dropped++;
}

/* What leads to the block now leads to a new, untranslated one at its address.  Those
 * that fall into it go with it. */
static void drop_block(struct translator *t, struct xblock *b)
{
	while (!b->public.is_dropped) {
		drop_one(t, b);
		if (b->public.before == NO_BLOCK)
			return;
		b = cache_block(t, b->public.before);
	}
}

static size_t drop_page(struct translator *t, struct page_head *head, uint64_t start, uint64_t end)
{
	uint32_t *link = &head->first;
	size_t dropped = 0;

	while (*link != NO_INDEX) {
		struct page_link *l = chunked_at(&t->page_links, *link);
		struct xblock *b = cache_block(t, l->block);
		bool hit = b->public.pc.address < end &&
			   b->public.pc.address + b->public.bytes_len > start;

		if (hit && !b->public.is_dropped) {
			drop_block(t, b);
			dropped++;
		}
		if (hit || b->public.is_dropped)
			*link = l->next;
		else
			link = &l->next;
	}
	return dropped;
}

void cache_pages_drop(struct translator *t, uint64_t start, uint64_t end)
{
	for (int i = 0; i < PAGES_READ; i++)
		if (t->pages_read[i].page < end && t->pages_read[i].page + 4096 > start)
			t->pages_read[i].len = 0;
	t->changing[t->change_count++ % CHANGES] = (struct translate_range){ start, end };
}

bool cache_is_changing(const struct translator *t, uint64_t page)
{
	for (int i = 0; i < CHANGES; i++)
		if (page < t->changing[i].end && page + 4096 > t->changing[i].start)
			return true;
	return false;
}

size_t translator_drop(struct translator *t, uint64_t start, uint64_t end)
{
	uint64_t first = start >> 12, last = (end - 1) >> 12;
	size_t dropped = 0;

	cache_pages_drop(t, start, end);
	section_drop(t, start, end);
	if (start >= end || !t->page_used)
		return 0;
	if (last - first < t->page_used) {
		for (uint64_t page = first; page <= last; page++) {
			struct page_head *head = cache_page(t, page);

			dropped += head ? drop_page(t, head, start, end) : 0;
		}
		return dropped;
	}
	for (uint32_t i = 0; i < t->page_used; i++)
		if (t->page_heads[i].page >= first && t->page_heads[i].page <= last)
			dropped += drop_page(t, &t->page_heads[i], start, end);
	return dropped;
}

void translator_clock_stop(struct translator *t)
{
	if (t->config.clock_base)
		return;                 /* a word in memory may be read */
	t->config.events.time = false;
	translator_drop(t, 0, ~0ull);
}

void translator_syscalls_step(struct translator *t)
{
	t->config.steps_syscalls = true;
	translator_drop(t, 0, ~0ull);
}

int translator_stale(struct translator *t, uint32_t index, struct cache_pc *out)
{
	struct app_pc pc = translator_exit_target(t, index);
	struct xblock *b = cache_block_find(t, pc);

	if (b && b->entry)
		drop_block(t, b);
	return translator_enter(t, pc, out);
}

int translator_trusted(struct translator *t, uint32_t index, struct cache_pc *out)
{
	struct app_pc pc = translator_exit_target(t, index);
	struct xblock *b = cache_block_find(t, pc);

	if (b && b->entry && !b->is_trusted) {
		drop_block(t, b);
		b = cache_block_find(t, pc);
		b->is_trusted = true;
	}
	return translator_enter(t, pc, out);
}
