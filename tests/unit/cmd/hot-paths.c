/* Which superblocks are asked for, of events that a made-up program has. */
#include "hot-paths.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "path-counts.h"

#define PATHS 16u
#define CHUNK 16384u

/* Path p is the blocks p * 0x100 and p * 0x100 + 0x10, which are numbers 2p and 2p + 1. */
static struct program {
	struct origin origin;
	struct site sites[PATHS];
	struct block blocks[2 * PATHS];
	unsigned asked, counting;       /* superblocks */
	uint64_t pcs[TRANSLATE_SUPERBLOCK_MAX];
	unsigned count;                 /* of the last one */
	int answer;
	bool counts_paths;
} program;

static const struct site *site(const struct origin *origin, uint32_t index)
{
	return index < PATHS ? &program.sites[index] : NULL;
}

static const struct block *block(const struct origin *origin, uint32_t index)
{
	return index < 2 * PATHS ? &program.blocks[index] : NULL;
}

static int superblock(struct origin *origin, const uint64_t *pcs, unsigned count, bool counts)
{
	program.asked++;
	program.counting += counts;
	memcpy(program.pcs, pcs, count * sizeof *pcs);
	program.count = count;
	return program.answer ? program.answer : (int)count;
}

static bool count_paths(struct origin *origin)
{
	return program.counts_paths = true;
}

static const struct origin_ops ops = {
	.site = site, .block = block, .superblock = superblock, .count_paths = count_paths,
};

static uint64_t pc_of(unsigned path, unsigned which)
{
	return 0x1000 + path * 0x100 + which * 0x10;
}

static struct hot_paths *start(bool settles)
{
	program = (struct program){ .origin = { &ops, 1 } };
	for (unsigned p = 0; p < PATHS; p++) {
		program.blocks[2 * p] = (struct block){ .pc = { pc_of(p, 0) }, .index = 2 * p, .before = NO_BLOCK };
		program.blocks[2 * p + 1] = (struct block){ .pc = { pc_of(p, 1) }, .index = 2 * p + 1, .before = 2 * p };
		program.sites[p] = (struct site){ .kind = SITE_BLOCK, .size = 2, .block = 2 * p + 1,
						  .pc = pc_of(p, 1), .target = pc_of(p, 0) };
	}
	return hot_paths_create(settles);
}

static void pass(struct hot_paths *hot, const uint32_t *words)
{
	hot_paths_look(hot, &program.origin, words, CHUNK);
	hot_paths_pass(hot, CHUNK);
}

/* What comes is `period` paths by turns; with `ways`, one of so many after the first. */
static void run(struct hot_paths *hot, unsigned chunks, unsigned period, unsigned ways)
{
	static uint32_t words[CHUNK];
	uint64_t seed = 1;

	for (unsigned i = 0; i < CHUNK; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		words[i] = i % period;
		if (ways && words[i] == 1)
			words[i] = 8 + (uint32_t)(seed >> 33) % ways;
	}
	while (chunks--)
		pass(hot, words);
}

Test(hot_paths, a_loop_becomes_whole_rounds)
{
	struct hot_paths *hot = start(false);

	run(hot, 3, 3, 0);
	cr_assert_geq(program.asked, 1);
	cr_assert_eq(program.counting, 0);
	cr_assert_eq(program.count, 60, "%u blocks", program.count);    /* ten rounds of six */
	for (unsigned i = 1; i < program.count; i++)
		cr_assert_eq(program.pcs[i] - program.pcs[i - 1],
			     i % 2 ? 0x10 : program.pcs[i] == pc_of(0, 0) ? -0x210ull : 0xf0, "block %u", i);
	hot_paths_destroy(hot);
}

Test(hot_paths, what_follows_by_chance_is_left_out)
{
	struct hot_paths *hot = start(false);

	run(hot, 6, 4, 8);              /* 0 (8 to 15) 2 3: at the best from 2 on to 0 */
	cr_assert_geq(program.asked, 1);
	cr_assert_leq(program.count, 8, "%u blocks", program.count);    /* or from one of the eight on */
	hot_paths_destroy(hot);
}

/* Who leaves on the way costs no event more; so it is as long as one of four comes so far. */
Test(hot_paths, what_follows_half_the_time_is_followed_twice)
{
	struct hot_paths *hot = start(false);
	unsigned chances = 0;

	run(hot, 3, 4, 2);
	cr_assert_eq(program.asked, 0, "few events are spared: it would not pay yet");
	run(hot, 6, 4, 2);
	cr_assert_geq(program.asked, 1);
	for (unsigned i = 1; i < program.count; i++)
		chances += program.pcs[i] == pc_of(8, 0) || program.pcs[i] == pc_of(9, 0);
	cr_assert(chances == 1 || chances == 2, "%u in %u blocks", chances, program.count);
	hot_paths_destroy(hot);
}

Test(hot_paths, what_is_rare_is_left_alone)
{
	struct hot_paths *hot = start(false);
	static uint32_t words[CHUNK];

	/* events of the tracer's own, and sites that are unknown, are no paths */
	for (unsigned i = 0; i < CHUNK; i++)
		words[i] = i % 200 == 0 ? 1 : event_id(3, 0);
	program.sites[3].kind = SITE_REP;
	for (int i = 0; i < 20; i++)
		pass(hot, words);
	cr_assert_eq(program.asked, 0);
	hot_paths_destroy(hot);
}

Test(hot_paths, asks_again_when_it_was_put_off)
{
	struct hot_paths *hot = start(false);

	program.answer = -EAGAIN;
	run(hot, 5, 3, 0);
	cr_assert_geq(program.asked, 3);
	program.answer = 0;
	unsigned before = program.asked;
	run(hot, 100, 3, 0);            /* the same events as without: it gives it up */
	cr_assert_leq(program.asked - before, 30);
	hot_paths_destroy(hot);
}

Test(hot_paths, what_comes_very_often_settles)
{
	struct hot_paths *hot = start(true);

	run(hot, 2000, 4, 8);
	cr_assert_gt(program.counting, 0);
	cr_assert(program.counts_paths);
	hot_paths_destroy(hot);
}

/* ---- path-counts.h ---------------------------------------------------------------------- */

Test(path_counts, counts_what_it_knows)
{
	struct path_counts counts = { 0 };
	const uint32_t words[] = { 5, 70000, 5, 6, 5, event_id(5, 1), 5 };
	uint32_t index = 0;
	uint64_t n;

	cr_assert_eq(path_counts_add(&counts, words, 7), 0);
	cr_assert(path_counts_know(&counts, 5) && path_counts_know(&counts, 70000));
	cr_assert_eq(path_counts_add(&counts, words, 7), 3);
	cr_assert_eq(path_counts_add(&counts, words + 4, 3), 1, "one with payload is another");
	cr_assert(path_counts_next(&counts, &index, &n));
	cr_assert_eq(index, 5);
	cr_assert_eq(n, 3);
	path_counts_clear(&counts, index);
	cr_assert(path_counts_next(&counts, &index, &n));
	cr_assert_eq(index, 70000);
	cr_assert_eq(n, 1);
	index++;
	cr_assert_not(path_counts_next(&counts, &index, &n));
	cr_assert_eq(path_counts_add(&counts, words, 7), 3, "known still");
	path_counts_forget(&counts);
	cr_assert_eq(path_counts_add(&counts, words, 7), 0);
}
