/* Translated code is run, and must end as the original does. */
#include "programs.h"

/* The same in superblocks: as execution went the first time, and so that most are left early. */
static unsigned compare_superblocks(struct machine *m, const struct program *p, uint64_t seed)
{
	static uint64_t order[ORDER_MAX];
	unsigned made = 0;

	pthread_mutex_lock(&m->lock);
	machine_drain(m);
	size_t count = machine_order(m, m->log, m->log_count, order);
	pthread_mutex_unlock(&m->lock);
	for (size_t len = TRANSLATE_SUPERBLOCK_MAX; len > 2; len /= 3) {
		made += machine_lay_out(m, order, count, len);
		compare(m, p, seed, 3);
		compare(m, p, seed + 1, 3);
	}
	return made;
}

/* Each program in a cache of its own, and its cache is wiped for the next. */
static void compare_all(const struct mode *mode, enum place place)
{
	struct machine *m = make(mode, place);
	unsigned superblocks = 0;

	for (size_t i = 0; i < PROGRAMS; i++) {
		/* Watched, each of its 20,000 pushes would ask. */
		if (!can_run(&programs[i]) || (mode->events.stores && programs[i].start == hot))
			continue;
		pthread_mutex_lock(&m->lock);
		load(m, &programs[i]);
		translator_drop(m->t, m->program, m->program + PROGRAM_BYTES);
		machine_drain(m);
		m->log_count = 0;
		pthread_mutex_unlock(&m->lock);
		for (uint64_t seed = 1; seed < 4; seed++)
			compare(m, &programs[i], seed * 0x9e3779b97f4a7c15 + i, 3);
		if (mode->events.paths)
			superblocks += compare_superblocks(m, &programs[i], 0x9e3779b97f4a7c15 + i);
	}
	if (mode->events.paths && !mode->writable)
		cr_assert_gt(superblocks, 100, "%u superblocks", superblocks);
	machine_deinit(m);
	free(m);
}

#define MODE_TEST(name, index) \
	Test(run, name##_near) { compare_all(&modes[index], PLACE_NEAR); } \
	Test(run, name##_far) { compare_all(&modes[index], PLACE_FAR); } \
	Test(run, name##_low) { compare_all(&modes[index], PLACE_LOW); }

MODE_TEST(ends_alike_without_events, NONE)
MODE_TEST(ends_alike_with_blocks, BLOCKS)
MODE_TEST(ends_alike_with_blocks_and_time, BLOCKS_TIME)
MODE_TEST(ends_alike_with_counts, COUNTS)
MODE_TEST(ends_alike_with_calls, CALLS)
MODE_TEST(ends_alike_with_calls_and_time, CALLS_TIME)
MODE_TEST(ends_alike_with_all_events, ALL)
MODE_TEST(ends_alike_with_coverage, COVERAGE)
MODE_TEST(ends_alike_with_stores, STORES)
MODE_TEST(ends_alike_with_loads_and_stores, LOADS_AND_STORES)
MODE_TEST(ends_alike_with_stores_without_bmi2, STORES_NO_BMI2)
MODE_TEST(ends_alike_with_stores_blocks_calls, STORES_AND_EVENTS)
MODE_TEST(ends_alike_when_writable, WRITABLE)
MODE_TEST(ends_alike_when_writable_with_events, WRITABLE_EVENTS)
MODE_TEST(ends_alike_when_asked_about_system_calls, SYSCALLS_ASKED)
MODE_TEST(ends_alike_with_a_slow_loop, SLOW_LOOP)
MODE_TEST(ends_alike_with_a_slow_loop_and_events, SLOW_LOOP_CALLS)
MODE_TEST(ends_alike_with_counted_calls, COUNTED_CALLS)
MODE_TEST(ends_alike_with_counted_paths, COUNTED_PATHS)
MODE_TEST(ends_alike_with_paths, PATHS)
MODE_TEST(ends_alike_with_paths_and_a_slow_loop, PATHS_SLOW_LOOP)
MODE_TEST(ends_alike_with_paths_when_writable, PATHS_WRITABLE)
MODE_TEST(ends_alike_with_paths_when_partly_writable, PATHS_PARTLY_WRITABLE)
MODE_TEST(ends_alike_when_returns_are_looked_up, RETURNS_LOOKED_UP)
MODE_TEST(ends_alike_with_stores_without_fsgsbase, STORES_NO_FSGSBASE)

/* Accesses relative to fs that hit nothing ask nobody. */
Test(run, stores_through_fs_are_checked_in_line)
{
	const struct program p = P(segment);

	for (size_t mode = 0; mode < MODES; mode++) {
		struct machine *m = make(&modes[mode], PLACE_FAR);
		struct image in;
		uint64_t seed = 5;

		image_fill(&in, m, &seed);
		load(m, &p);
		machine_run_translated(m, &in, m->program);
		if (modes[mode].events.stores && !modes[mode].no_bmi2 && !modes[mode].reads)
			cr_expect_eq(m->requests[REQUEST_WATCH], 0, "%s: %u", m->name,
				     (unsigned)m->requests[REQUEST_WATCH]);
		machine_deinit(m);
		free(m);
	}
}

/* ---- flags --------------------------------------------------------------------------------- */

Test(run, keeps_every_flag)
{
	const uint64_t bits[7] = { 1, 4, 0x10, 0x40, 0x80, 0x400, 0x800 };
	const struct program p = P(flags_kept);

	for (size_t mode = 0; mode < MODES; mode++) {
		struct machine *m = make(&modes[mode], PLACE_FAR);
		struct image in;
		uint64_t seed = 77;

		image_fill(&in, m, &seed);
		for (unsigned set = 0; set < 128; set++) {
			in.flags = 2;
			for (int i = 0; i < 7; i++)
				in.flags |= set >> i & 1 ? bits[i] : 0;
			load(m, &p);
			machine_run_translated(m, &in, m->program);
			cr_assert_eq(machine_result.flags & (FLAGS_TESTED | 2), in.flags,
				     "mode %s: %lx became %lx", m->name, in.flags, machine_result.flags);
		}
		machine_deinit(m);
		free(m);
	}
}
