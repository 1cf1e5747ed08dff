/* transaction.c - code that is executed in transactions (RTM).
 *
 * Whatever needs somebody else aborts a transaction, and is forgotten with it: a question to the owner,
 * a page of the cache that is not mapped for the program yet.  What is executed in transactions alone
 * would meet the same again each time, and the program would fall back for ever on what it does without
 * them.  So what a transaction may come to is translated where it begins, and mapped; and who counts
 * down to a question in vain is stopped.  Nothing of that is needed to be right: a program must be able
 * to do without.
 */
#include "cache.h"

#include <string.h>

#include "thread_block.h"

#define RUNS 64                 /* of blocks, behind a beginning */
#define PAGE 4096u
#define ABOUT_TO_ASK 1ull       /* a counter of heat */
#define ASKS_IN_VAIN 2          /* times that it is found so */

/* ---- pages ------------------------------------------------------------------------------------- */

/* Has the kernel map these pages for the program, as it does where they are read. */
static void map_pages(const struct translator *t, uint64_t start, uint64_t end)
{
	uint8_t byte;

	for (uint64_t page = start & ~(PAGE - 1ull); t->config.peek && page < end; page += PAGE)
		t->config.peek(t->config.context, page, &byte, 1);
}

/* So far all is mapped, or was there before. */
static void mark(struct translator *t)
{
	t->transactions.hot = t->hot.at;
	t->transactions.cold = t->cold.at;
	t->transactions.blocks = t->blocks.count;
}

/* What has been translated since the last time. */
static void map_new(struct translator *t)
{
	const struct transactions *x = &t->transactions;
	uint64_t base = t->config.base, seen = t->config.seen_base;

	if (x->blocks > t->blocks.count)        /* there has been a flush */
		mark(t);
	map_pages(t, base + x->hot, base + t->hot.at);
	map_pages(t, base + x->cold, base + t->cold.at);
	if (t->config.events.coverage)
		map_pages(t, seen + x->blocks, seen + t->blocks.count);
	mark(t);
}

/* ---- a beginning --------------------------------------------------------------------------------- */

void transaction_begins(struct translator *t)
{
	if (!t->transactions.are_there)
		mark(t);
	t->transactions.begins = true;
	__atomic_store_n(&t->transactions.are_there, true, __ATOMIC_RELAXED);
}

/* Translates what has been queued from `from` on, and what that leads to, the nearest first.  A
 * transaction in which a thread asks for a block, or for a page that is not mapped yet, is aborted,
 * which takes the question back: what is executed nowhere else would not be there ever, and the
 * program try in vain for ever. */
void transaction_follow(struct translator *t, uint32_t from)
{
	uint32_t at = from;

	t->transactions.follows = true;
	for (unsigned n = 0; n < RUNS && at < t->queue_count && cache_has_room_to_guess(t); at++) {
		struct xblock *b = cache_block(t, t->queue[at]);

		b->is_queued = false;
		if (b->entry || b->public.is_dropped)
			continue;
		if (b->is_after_call)
			b->way_in = 1 + LOOKUP_RET;
		(void)target_translate(t, b);   /* if it fails, it is as if nobody had asked */
		n++;
	}
	t->transactions.follows = t->transactions.begins = false;
	map_new(t);
	memmove(&t->queue[from], &t->queue[at], (t->queue_count - at) * sizeof *t->queue);
	t->queue_count -= at - from;
}

/* ---- now and then ---------------------------------------------------------------------------------- */

bool translator_has_transactions(const struct translator *t)
{
	return __atomic_load_n(&t->transactions.are_there, __ATOMIC_RELAXED);
}

void translator_help_transactions(struct translator *t)
{
	map_new(t);
	for (uint32_t i = 0; t->config.heat_local && i < t->heats.count; i++) {
		struct heat *h = chunked_at(&t->heats, i);
		uint64_t *counter = &t->config.heat_local[i];

		if (__atomic_load_n(counter, __ATOMIC_RELAXED) != ABOUT_TO_ASK)
			h->in_vain = 0;
		else if (++h->in_vain == ASKS_IN_VAIN)
			__atomic_store_n(counter, HEAT_NEVER, __ATOMIC_RELAXED);
	}
}
