/* What is translated before it is asked for, and a cache that has no room. */
#include "programs.h"

/* Calls without end, each to the next one. */
static size_t read_chain(void *context, struct app_pc pc, void *buf, size_t len)
{
	static const uint8_t code[] = { 0xe8, 3, 0, 0, 0, 0xc3, 0x90, 0x90 };

	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = code[(pc.address + i) % sizeof code];
	return len;
}

/* Two branches ahead, or one. */
Test(ahead, looks_ahead_as_far_as_told)
{
	struct machine *m = make(&modes[NONE], PLACE_FAR);
	struct cache_pc at;

	for (int near = 0; near <= 1; near++) {
		unsigned ahead = 0;

		translator_destroy(m->t);
		m->config.read = read_chain;
		m->config.looks_near = near;
		m->t = translator_create(&m->config, NULL);
		cr_assert_eq(translator_enter(m->t, (struct app_pc){ 0x10000000 }, &at), 0);
		while (translator_look_ahead(m->t))
			ahead++;
		cr_expect_eq(ahead, near ? 1 : 2);
	}
	machine_deinit(m);
	free(m);
}

/* Half of the counters are for what has been asked for. */
Test(ahead, looks_ahead_while_there_are_counters)
{
	struct machine *m = make(&modes[NONE], PLACE_FAR);
	const uint32_t count = 64;
	struct cache_pc at;
	unsigned ahead = 0, last = 0;

	translator_destroy(m->t);
	m->config.read = read_chain;
	m->config.events.count_calls = true;
	m->config.counters_max = count;
	m->t = translator_create(&m->config, NULL);
	for (uint64_t pc = 0x10000000; translator_enter(m->t, (struct app_pc){ pc }, &at) == 0;
	     pc += 65536) {
		bool is_short = translator_counter(m->t, count / 2);

		last += is_short;
		while (translator_look_ahead(m->t)) {
			cr_expect(!is_short);
			ahead++;
		}
	}
	cr_expect_gt(ahead, 5);
	cr_expect_gt(last, 5);
	machine_deinit(m);
	free(m);
}

/* What did not fit in whole must not be entered the next time either. */
Test(ahead, does_not_enter_what_the_cache_had_no_room_for)
{
	struct machine *m = make(&modes[ALL], PLACE_FAR);
	const struct program p = P(branches);
	struct cache_pc at;
	unsigned full = 0;

	load(m, &p);
	for (size_t size = 2048; size < 16384; size += 64) {
		translator_destroy(m->t);
		m->config.size_bytes = size;
		m->t = translator_create(&m->config, NULL);
		if (translator_enter(m->t, (struct app_pc){ m->program }, &at) == 0)
			continue;
		cr_expect_eq(translator_enter(m->t, (struct app_pc){ m->program }, &at), -ENOSPC,
			     "a cache of %zu bytes", size);
		full++;
	}
	cr_expect_gt(full, 10);
	machine_deinit(m);
	free(m);
}
