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

#include "thread_block.h"

#define BLOCKS 128              /* of one */
#define AT_ONCE 4               /* of them that are followed; others later */
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

/* ---- what a transaction may come to --------------------------------------------------------------- */

void transaction_begins(struct translator *t, uint64_t pc)
{
	struct transactions *x = &t->transactions;

	if (!x->are_there)
		mark(t);
	__atomic_store_n(&x->are_there, true, __ATOMIC_RELAXED);
	if (x->begun_count < TRANSACTIONS_BEGUN_MAX)
		x->begun[x->begun_count++] = pc;
}

/* Addresses, each once. */
struct way {
	uint64_t pcs[BLOCKS];
	bool by_return[BLOCKS];
	unsigned count;
};

static void add(struct way *way, uint64_t pc, bool by_return)
{
	unsigned i = 0;

	while (i < way->count && way->pcs[i] != pc)
		i++;
	if (i == BLOCKS)
		return;
	if (i == way->count) {
		way->pcs[i] = pc;
		way->by_return[i] = false;
		way->count++;
	}
	way->by_return[i] |= by_return;
}

/* From pc on to where it ends, the nearest first, through what is there and what is not yet.  What
 * cannot be translated is as if nobody had been here. */
static void follow(struct translator *t, uint64_t pc)
{
	struct way way = { .pcs = { pc }, .count = 1 };

	for (unsigned i = 0; i < way.count && cache_has_room_to_guess(t); i++) {
		struct app_pc at = { way.pcs[i] };
		struct xblock *b = cache_block_get(t, at);
		struct cache_pc ignored;
		uint64_t to[2];
		bool returns;

		if (b && way.by_return[i])
			(void)cache_arrive(t, LOOKUP_RET, at, &ignored);
		else if (b && !b->entry)
			(void)target_translate(t, b);
		if (!b || !b->entry)
			continue;
		unsigned n = target_ways_on(b, to, &returns);
		for (unsigned k = 0; k < n; k++)
			add(&way, to[k], returns && k == n - 1);
	}
}

void transaction_follow(struct translator *t)
{
	struct transactions *x = &t->transactions;

	if (x->follows || !x->begun_count)
		return;
	x->follows = true;
	for (unsigned n = 0; n < AT_ONCE && x->begun_count; n++)
		follow(t, x->begun[--x->begun_count]);
	x->follows = false;
	map_new(t);
}

/* ---- now and then ---------------------------------------------------------------------------------- */

bool translator_has_transactions(const struct translator *t)
{
	return __atomic_load_n(&t->transactions.are_there, __ATOMIC_RELAXED);
}

void translator_help_transactions(struct translator *t)
{
	transaction_follow(t);
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
