/* What translated code reports, and a ring that is full. */
#include "programs.h"

/* The ids in the log, each with its site. */
static unsigned count_events(struct machine *m, enum site_kind kind)
{
	unsigned found = 0;

	machine_drain(m);
	for (size_t i = 0; i < m->log_count; i += 1 + event_words(m->log[i])) {
		const struct site *site = translator_site(m->t, event_index(m->log[i]));

		cr_assert_not_null(site);
		cr_assert_eq(site->words, event_words(m->log[i]));
		found += site->kind == kind;
	}
	return found;
}

Test(events, reports_every_call_and_return)
{
	for (int time = 0; time <= 1; time++) {
		struct machine *m = make(&modes[time ? CALLS_TIME : CALLS], PLACE_NEAR);
		const struct program p = P(hot);

		compare(m, &p, 5, 1);
		cr_expect_eq(count_events(m, SITE_CALL), 6000);
		cr_expect_eq(count_events(m, SITE_CALL_INDIRECT), 3000);
		cr_expect_eq(count_events(m, SITE_RETURN), 9000);
		machine_deinit(m);
		free(m);
	}
}

Test(events, waits_for_the_reader_of_a_full_ring)
{
	struct machine *m = make(&modes[ALL], PLACE_NEAR);
	const struct program p = P(hot);

	machine_thread_init(m, 2);
	compare(m, &p, 9, 3);
	cr_expect_gt(m->ring_waits, 10);
	machine_deinit(m);
	free(m);
}

/* Wherever the ring runs full, the way out of that place is right. */
Test(events, waits_for_the_reader_at_every_place, .timeout = 60)
{
	static const enum mode_name events[] = { CALLS, CALLS_TIME, ALL, SLOW_LOOP_CALLS };

	for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
		struct machine *m = make(&modes[events[i]], PLACE_NEAR);
		const struct program p = P(turns);

		compare(m, &p, 5, 20);
		for (unsigned fill = 4; fill < 1200; fill += 4) {
			machine_thread_init(m, CHUNKS_MAX_TEST);
			m->tb->cursor = m->tb->ring_start + RING_CHUNK - fill;
			m->ring.at = RING_CHUNK - fill;
			compare(m, &p, 5, 1);
		}
		machine_deinit(m);
		free(m);
	}
}

Test(events, counts_what_it_drops)
{
	struct machine *m = make(&modes[ALL], PLACE_NEAR);
	const struct program p = P(hot);

	compare(m, &p, 9, 1);
	machine_thread_init(m, 2);
	m->tb->ring_lossy = 1;
	unsigned waits = m->ring_waits;
	compare(m, &p, 9, 1);
	cr_expect_eq(m->ring_waits, waits);
	unsigned calls = count_events(m, SITE_CALL) + count_events(m, SITE_CALL_INDIRECT);
	unsigned kept = calls + count_events(m, SITE_RETURN) + count_events(m, SITE_BLOCK);
	cr_expect_lt(calls, 9000);
	cr_expect_gt(m->tb->ring_lost, 0);
	/* calls, returns, a block behind each, and at the start, in the loop, at the end */
	cr_expect_eq(kept + m->tb->ring_lost, 9000 + 9000 + 9000 + 9000 + 1 + 2999 + 1, "%u + %lu", kept,
		     m->tb->ring_lost);
	machine_deinit(m);
	free(m);
}
