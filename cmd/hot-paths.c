#include "hot-paths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW 1024             /* events that are looked at together */
#define PAUSE_WORDS 16384       /* that are let pass before the next look, at least ... */
#define PAUSE_MAX (64 * PAUSE_WORDS)    /* and at most, when nothing is found any more */
#define HEADS_BITS 16
#define HEADS (1u << HEADS_BITS)
#define OFTEN 2048u             /* times that a path has come, by what windows show; twice after each try */
#define WORTH 2000u             /* events that a superblock would have spared, for each of its blocks:
				 * one costs 1 to 2 us to translate, and memory; an event 1 to 2 ns,
				 * and 5 in the reader */
#define SETTLED 8192u           /* until it counts, if it has no superblock ... */
#define SETTLED_LATE (4u << 20) /* ... and if it has one, which may become a longer one */
#define SETTLE_MAX 64           /* in one look */
#define LEARNT (24u << 20)      /* words: what has no superblock then will hardly get one */
#define TRIES_MAX 8
#define CANDIDATES 8            /* that are compared in one look */
#define TRAILS 16               /* times that one is followed */
_Static_assert(TRAILS < 32, "a bit each");
#define REACHED 4               /* of so many that begin one reaches each block of a superblock */

/* Where a path begins.  Two that share a place drive each other out: what comes often stays. */
struct head {
	uint64_t pc;
	uint32_t seen, all;             /* how often; since the last try, and in all */
	uint32_t due;                   /* `seen`, for the next try */
	uint8_t tries;
	bool has_superblock;
};

_Static_assert((uint64_t)OFTEN << TRIES_MAX < UINT32_MAX, "fits `due`");

struct hot_paths {
	bool settles, has_learnt;
	size_t all;                     /* words that have passed */
	size_t pause, passed;           /* words */
	struct head heads[HEADS];
	/* the window */
	const struct site *sites[WINDOW];       /* NULL: something else than a path */
	struct head *at[WINDOW];                /* where each begins; of another path, if that drives it out */
	unsigned count;
	struct trail {
		uint64_t pcs[TRANSLATE_SUPERBLOCK_MAX];
		unsigned count;
		bool is_cut;            /* by the window's end */
	} trails[TRAILS];               /* what follows one path, each time */
};

struct hot_paths *hot_paths_create(bool settles)
{
	struct hot_paths *hot = calloc(1, sizeof *hot);

	if (hot) {
		hot->settles = settles;
		hot->pause = PAUSE_WORDS;
	}
	return hot;
}

void hot_paths_destroy(struct hot_paths *hot)
{
	free(hot);
}

void hot_paths_clear(struct hot_paths *hot)
{
	memset(hot->heads, 0, sizeof hot->heads);
	hot->pause = PAUSE_WORDS;
	hot->all = hot->passed = 0;
	hot->has_learnt = false;
}

/* ---- the window ------------------------------------------------------------------------ */

static void fill_window(struct hot_paths *hot, const struct origin *origin, const uint32_t *words, size_t n)
{
	hot->count = 0;
	for (size_t at = 0; at < n && hot->count < WINDOW; at += 1 + event_words(words[at])) {
		const struct site *site = origin_site(origin, event_index(words[at]));

		if (!site || site->words != event_words(words[at]))
			return;
		hot->sites[hot->count++] = site->kind == SITE_BLOCK ? site : NULL;
	}
}

static struct head *head_of(struct hot_paths *hot, uint64_t pc)
{
	return &hot->heads[pc * 0x9e3779b97f4a7c15ull >> (64 - HEADS_BITS)];
}

static void add(uint32_t *n, uint32_t more)
{
	*n = *n + more < *n ? UINT32_MAX : *n + more;
}

/* Each stands for as many as have passed for one that is looked at. */
static void count_heads(struct hot_paths *hot)
{
	size_t share = hot->passed / WINDOW;
	uint32_t weight = share < UINT16_MAX ? (uint32_t)share : UINT16_MAX;

	for (unsigned i = 0; i < hot->count; i++) {
		if (!hot->sites[i])
			continue;
		uint64_t pc = hot->sites[i]->target;
		struct head *head = head_of(hot, pc);

		hot->at[i] = head;
		if (head->pc != pc && head->seen > weight) {
			head->seen -= weight;
			continue;
		}
		if (head->pc != pc)
			*head = (struct head){ .pc = pc, .due = OFTEN };
		add(&head->seen, weight);
		add(&head->all, weight);
	}
}

static bool is_often(struct hot_paths *hot, unsigned i)
{
	const struct head *head = hot->sites[i] ? hot->at[i] : NULL;

	return head && head->seen >= head->due && head->pc == hot->sites[i]->target;
}

/* ---- what follows ---------------------------------------------------------------------- */

/* The blocks from event i on. */
static void follow(const struct hot_paths *hot, const struct origin *origin, unsigned i, struct trail *out)
{
	out->count = 0;
	out->is_cut = false;
	for (; i < hot->count && hot->sites[i]; i++) {
		unsigned size = hot->sites[i]->size ? hot->sites[i]->size : 1;
		const struct block *block = origin_block(origin, hot->sites[i]->block);

		for (unsigned k = size; k-- && block; block = origin_block(origin, block->before))
			if (out->count + k < TRANSLATE_SUPERBLOCK_MAX)
				out->pcs[out->count + k] = block->pc.address;
		out->count += size;
		if (out->count >= TRANSLATE_SUPERBLOCK_MAX) {
			out->count = TRANSLATE_SUPERBLOCK_MAX;
			return;
		}
	}
	out->is_cut = i == hot->count;
}

/* The times that the path of event i comes, from i on; their number. */
static unsigned follow_all(struct hot_paths *hot, const struct origin *origin, unsigned i)
{
	const struct head *head = hot->at[i];
	unsigned times = 0;

	for (; i < hot->count && times < TRAILS; i++)
		if (hot->at[i] == head && hot->sites[i] && hot->sites[i]->target == head->pc)
			follow(hot, origin, i, &hot->trails[times++]);
	return times;
}

/* What most of `times` trails have at n, of those that have been alike until there; *votes: how many
 * they are. */
static uint64_t most_common(const struct hot_paths *hot, unsigned times, uint32_t alike, unsigned n,
			    unsigned *votes)
{
	uint64_t best = 0;

	*votes = 0;
	for (unsigned i = 0; i < times; i++) {
		unsigned same = 0;

		if (!(alike >> i & 1) || hot->trails[i].count <= n)
			continue;
		for (unsigned k = i; k < times; k++)
			same += (alike >> k & 1) && hot->trails[k].count > n &&
				hot->trails[k].pcs[n] == hot->trails[i].pcs[n];
		if (same > *votes) {
			*votes = same;
			best = hot->trails[i].pcs[n];
		}
	}
	return best;
}

/* What follows as a rule: a run that leaves it on its way is one event, as it is without, so each
 * block is worth it that is reached often enough.  Whole rounds, if it leads back to where it begins
 * before half of it is over. */
static void join(const struct hot_paths *hot, unsigned times, struct trail *out)
{
	uint32_t alike = (1u << times) - 1;
	unsigned n = 0, round = 0;

	for (; n < TRANSLATE_SUPERBLOCK_MAX; n++) {
		unsigned votes, whole = 0;
		uint64_t pc = most_common(hot, times, alike, n, &votes);

		for (unsigned i = 0; i < times; i++)
			whole += hot->trails[i].count > n || !hot->trails[i].is_cut;
		if (votes < 2 || votes * REACHED < whole)
			break;
		for (unsigned i = 0; i < times; i++)
			if (hot->trails[i].count <= n || hot->trails[i].pcs[n] != pc)
				alike &= ~(1u << i);
		if (n && pc == out->pcs[0])
			round = n;
		out->pcs[n] = pc;
	}
	out->count = round >= n / 2 && round ? round : n;
}

/* Events that these blocks are now, the first time that they come after event i. */
static unsigned events_of(const struct hot_paths *hot, unsigned times, unsigned i, const struct trail *trail)
{
	uint64_t pc = hot->sites[i]->target;
	unsigned events = 0, blocks = trail->count, k = 0;

	for (; k < times && (hot->trails[k].count < blocks ||
			     memcmp(hot->trails[k].pcs, trail->pcs, blocks * sizeof *trail->pcs)); k++)
		;
	for (unsigned at = 0; i < hot->count && at <= k; i++)
		at += hot->sites[i] && hot->sites[i]->target == pc;
	for (i--; i < hot->count && hot->sites[i] && blocks; i++, events++) {
		unsigned size = hot->sites[i]->size ? hot->sites[i]->size : 1;

		blocks -= size < blocks ? size : blocks;
	}
	return events;
}

static void begin_again(struct head *head)
{
	head->seen = 0;
	head->tries += head->tries < TRIES_MAX;
	head->due = OFTEN << head->tries;
}

/* Has it come so often that so many events, in the place of which so many blocks would be one, are
 * worth it?  If not, it is looked at again when it has. */
static bool is_worth(struct head *head, unsigned events, unsigned blocks)
{
	uint32_t needed = WORTH * blocks / (events - 1);

	if (head->seen >= needed)
		return true;
	head->due = needed;
	return false;
}

/* How many events one would take the place of; 0: none is to be made. */
static unsigned try(struct hot_paths *hot, const struct origin *origin, unsigned i, struct trail *out)
{
	struct head *head = hot->at[i];
	unsigned times = follow_all(hot, origin, i), size = hot->sites[i]->size;

	if (times < 2)
		return 0;
	join(hot, times, out);
	unsigned events = events_of(hot, times, i, out);
	if (events >= 2 && (!head->tries || out->count >= 2 * size))
		return is_worth(head, events, out->count) ? events : 0;
	begin_again(head);
	return 0;
}

/* The path at which a superblock saves most; 0: there is none. */
static unsigned choose(struct hot_paths *hot, const struct origin *origin, struct trail *best)
{
	unsigned most = 0;
	struct trail trail;

	for (unsigned i = 0, tried = 0; i < hot->count && tried < CANDIDATES; i++) {
		if (!is_often(hot, i))
			continue;
		unsigned events = try(hot, origin, i, &trail);
		tried++;
		if (events > most) {
			most = events;
			*best = trail;
		}
	}
	return most;
}

static void lay_out(struct hot_paths *hot, struct origin *origin, const struct trail *trail, bool counts)
{
	struct head *head = head_of(hot, trail->pcs[0]);

	if (origin_superblock(origin, trail->pcs, trail->count, counts) == -EAGAIN)
		return;
	begin_again(head);
	head->has_superblock = true;
	if (counts)
		head->all = 0;
}

static bool settles(const struct hot_paths *hot, const struct head *head)
{
	if (head->has_superblock)
		return head->all >= SETTLED_LATE;
	return hot->has_learnt || head->all >= SETTLED;
}

/* Lets those count that come so often.  One that is not followed by the same each time does so by
 * itself.  How many. */
static unsigned settle(struct hot_paths *hot, struct origin *origin)
{
	unsigned settled = 0;
	struct trail trail;

	for (unsigned i = 0; i < hot->count && settled < SETTLE_MAX; i++) {
		const struct site *site = hot->sites[i];
		struct head *head = site ? hot->at[i] : NULL;

		if (!head || head->pc != site->target || !settles(hot, head))
			continue;
		follow(hot, origin, i, &trail);
		if (!head->has_superblock && site->size < trail.count)
			trail.count = site->size ? site->size : 1;
		lay_out(hot, origin, &trail, true);
		settled++;
	}
	return settled;
}

void hot_paths_pass(struct hot_paths *hot, size_t words)
{
	hot->passed += words;
	hot->all += words;
}

void hot_paths_look(struct hot_paths *hot, struct origin *origin, const uint32_t *words, size_t n)
{
	struct trail trail;

	if (hot->passed < hot->pause || n < WINDOW / 2)
		return;
	fill_window(hot, origin, words, n);
	count_heads(hot);
	hot->passed = 0;
	if (hot->settles && !hot->has_learnt && hot->all >= LEARNT)
		hot->has_learnt = origin_count_paths(origin);
	bool is_found = choose(hot, origin, &trail);
	if (is_found)
		lay_out(hot, origin, &trail, false);
	if (is_found || (hot->settles && settle(hot, origin)))
		hot->pause = PAUSE_WORDS;
	else
		hot->pause = hot->pause < PAUSE_MAX ? 2 * hot->pause : PAUSE_MAX;
}
