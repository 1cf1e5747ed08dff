/* hot.c - translating again what runs often.
 *
 * A block whose indirect branch is often looked up gets a guess, and the run of blocks
 * that fall into it a new translation.  Exits and the tables of indirect branches lead to
 * the new one from then on; threads in the old one run on to its end, where they are
 * right as well.
 */
#include <errno.h>

#include "cache.h"

#define RUN_MAX 24
#define LOOK_AGAIN 97           /* lookups from one look to the next */
#define SAMPLES_ALIKE 4         /* and it seems to go nowhere else */
#define SEEN_MIN 2              /* to be a guess */
#define RETURN_GUESSES_MAX 2

/* One in the middle of a path is as its head is. */
static bool is_current(const struct translator *t, const struct xblock *b)
{
	while (b->is_copy && b->public.before != NO_BLOCK)
		b = cache_block(t, b->public.before);
	return b->entry && cache_block_find(t, b->public.pc) == b;
}

static bool is_guessed(const struct heat *h, uint64_t pc)
{
	for (unsigned i = 0; i < h->guess_count; i++)
		if (h->guesses[i] == pc)
			return true;
	return false;
}

static unsigned times_seen(const struct heat *h, uint64_t pc)
{
	unsigned times = 0;

	for (unsigned i = 0; i < h->sample_count; i++)
		times += h->samples[i] == pc;
	return times;
}

static void look_again(struct translator *t, const struct xblock *b)
{
	uint32_t limit = t->config.heat_limit;

	t->config.heat_local[b->heat - 1] = limit < LOOK_AGAIN ? limit : LOOK_AGAIN;
}

/* The most frequent of those that were seen and are no guess yet, and how often that was. */
static uint64_t most_seen(const struct heat *h, unsigned *times)
{
	uint64_t best = 0;

	*times = 0;
	for (unsigned i = 0; i < h->sample_count; i++) {
		unsigned n = is_guessed(h, h->samples[i]) ? 0 : times_seen(h, h->samples[i]);

		if (n > *times) {
			*times = n;
			best = h->samples[i];
		}
	}
	return best;
}

/* Guesses are worth it where they are right as a rule.  Each is a branch more; and an interpreter's
 * next step, by the table, is one jump that the processor predicts from what came before. */
static void guess_most(const struct translator *t, struct heat *h)
{
	unsigned covered = 0, times;

	while (h->guess_count < GUESSES_MAX) {
		uint64_t best = most_seen(h, &times);

		if (times < SEEN_MIN)
			break;
		h->guesses[h->guess_count++] = best;
		covered += times;
	}
	if (covered * SAMPLES_MAX < t->config.guess_share * h->sample_count)
		h->guess_count = 0;
	h->is_settled = !h->guess_count || h->guess_count == GUESSES_MAX;
}

/* What the program does may have changed: what is seen more often than not where the guesses have
 * failed becomes one.  False: nothing is, and those that are there remain.
 * requires: there is room for one */
static bool guess_another(struct heat *h)
{
	unsigned times;
	uint64_t best = most_seen(h, &times);
	bool is_another = times * 2 > h->sample_count;

	if (is_another)
		h->guesses[h->guess_count++] = best;
	h->is_settled = !is_another || h->guess_count == GUESSES_MAX;
	return is_another;
}

static bool are_alike(const struct heat *h, uint64_t pc)
{
	return h->sample_count == SAMPLES_ALIKE && times_seen(h, pc) == SAMPLES_ALIKE;
}

/* True: the guesses are others now, or there will be none. */
static bool look_at_branch(struct translator *t, const struct xblock *b, uint64_t pc)
{
	struct heat *h = cache_heat(t, b);
	bool is_changed = true;

	if (!pc || h->is_settled)
		return false;
	h->samples[h->sample_count++] = pc;
	if (h->sample_count < SAMPLES_MAX && !are_alike(h, pc)) {
		look_again(t, b);
		return false;
	}
	if (h->guess_count)
		is_changed = guess_another(h);
	else
		guess_most(t, h);
	h->sample_count = 0;
	if (!is_changed)
		t->config.heat_local[b->heat - 1] = HEAT_NEVER;
	return is_changed;
}

/* Those that were seen, the most frequent first.  False: they are too many. */
static bool guess_all(struct heat *h)
{
	for (unsigned times = h->sample_count; times; times--)
		for (unsigned i = 0; i < h->sample_count; i++) {
			uint64_t pc = h->samples[i];

			if (times_seen(h, pc) != times || is_guessed(h, pc))
				continue;
			if (h->guess_count == RETURN_GUESSES_MAX)
				return false;
			h->guesses[h->guess_count++] = pc;
		}
	return true;
}

/* A return is predicted by calls anyway (returns.c).  Guesses are better for one that always goes
 * to the same few places, and worse for any other: for that, one they have failed, too. */
static bool look_at_return(struct translator *t, const struct xblock *b, uint64_t pc)
{
	struct heat *h = cache_heat(t, b);

	if (!pc || h->is_settled)
		return false;
	if (!h->guess_count && h->sample_count < RETURN_SAMPLES) {
		h->samples[h->sample_count++] = pc;
		look_again(t, b);
		if (h->sample_count < RETURN_SAMPLES)
			return false;
	}
	h->is_settled = h->guess_count || !guess_all(h);
	if (h->is_settled)
		h->guess_count = 0;
	return true;
}

static struct xblock *renew(struct translator *t, struct xblock *old)
{
	struct xblock *b = cache_block_replace(t, old);

	if (!b)
		return NULL;
	b->heat = old->heat;
	b->is_trusted = old->is_trusted;
	for (int lookup = 0; lookup < LOOKUP_KINDS; lookup++)
		if (old->lookup_entry[lookup])
			b->way_in = (uint8_t)(1 + lookup);
	return b;
}

/* Who came to the old one comes to the new one; or asks, if there is none. */
static void hand_over(struct translator *t, struct xblock *old, struct xblock *b)
{
	bool is_there = b->entry && !b->public.is_dropped;

	if (is_there)
		cache_relink_incoming(t, b);
	else
		cache_unlink_incoming(t, b);
	target_landing_remove(t, old);
	for (int lookup = 0; lookup < LOOKUP_KINDS; lookup++) {
		uint32_t entry = 0;

		if (!old->lookup_entry[lookup])
			continue;
		if (is_there)
			entry = target_lookup_entry(t, b, lookup);
		if (entry)
			target_lookup_insert(t, lookup, b->public.pc, entry);
		else
			target_lookup_remove(t, lookup, b->public.pc);
	}
}

static void translate_again(struct translator *t, struct xblock *last)
{
	struct xblock *old[RUN_MAX], *fresh[RUN_MAX], *renewed[RUN_MAX];
	unsigned count = 0, all = 0, made = 0;

	for (struct xblock *b = last; all < RUN_MAX; b = cache_block(t, b->public.before)) {
		if (!is_current(t, b))
			break;
		renewed[all++] = b;
		if (!b->is_copy)
			old[count++] = b;
		if (b->public.before == NO_BLOCK)
			break;
	}
	while (made < count && (fresh[made] = renew(t, old[made])))
		made++;
	t->renewed = renewed;
	t->renewed_count = all;
	if (made && made == count)
		target_translate(t, fresh[count - 1]);
	t->renewed_count = 0;
	for (unsigned i = 0; i < made; i++)
		hand_over(t, old[i], fresh[i]);
}

void translator_count_paths(struct translator *t)
{
	t->counts_paths = true;
}

int translator_superblock(struct translator *t, const uint64_t *pcs, unsigned count, bool counts)
{
	struct xblock *old = count ? cache_block_find(t, (struct app_pc){ pcs[0] }) : NULL;

	if (!old || !old->entry || !cache_has_room_to_guess(t))
		return 0;
	struct xblock *before = old->public.before == NO_BLOCK ? NULL : cache_block(t, old->public.before);
	struct xblock *fresh = renew(t, old);
	if (!fresh)
		return -ENOMEM;
	int r = target_superblock(t, fresh, pcs + 1, count - 1, counts);
	hand_over(t, old, fresh);
	/* Who fell into the old one goes over to the new one, too. */
	if (before)
		translate_again(t, before);
	t->stats.superblocks += r > 0;
	return r == -ENOSPC || r == -EFAULT ? 0 : r;
}

int translator_hot(struct translator *t, int lookup, uint32_t index, struct app_pc pc,
		   struct cache_pc *out)
{
	struct xblock *b = cache_block(t, index);
	int r = cache_arrive(t, lookup, pc, out);

	if (r < 0 || !b || !b->heat || !cache_has_room_to_guess(t))
		return r;
	bool is_predicted = lookup == LOOKUP_RET && t->predicts_returns;
	if (is_current(t, b) && (is_predicted ? look_at_return : look_at_branch)(t, b, pc.address)) {
		translate_again(t, b);
		t->stats.guesses++;
	}
	return r;
}
