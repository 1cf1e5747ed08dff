/* Code that changes, or is dropped while it runs. */
#include "programs.h"

Test(changes, sees_code_that_has_changed)
{
	struct machine *m = make(&modes[WRITABLE], PLACE_NEAR);
	const struct program p = P(calls);
	struct image in;
	uint64_t seed = 3;

	compare(m, &p, 3, 2);
	image_fill(&in, m, &seed);
	for (uint64_t add = 2; add < 9; add++) {
		load(m, &p);
		uint8_t *lea = memmem((void *)m->program, 4096, "\x48\x8d\x40\x01\xc3", 5);
		lea[3] = (uint8_t)add;
		machine_run_translated(m, &in, m->program);
		cr_expect_eq(machine_result.gpr[0], in.gpr[0] + 4 * add);
	}
	cr_expect_geq(m->requests[REQUEST_STALE], 7);
	machine_deinit(m);
	free(m);
}

/* A second thread forgets everything while the first runs. */
Test(changes, goes_on_when_its_code_is_dropped, .timeout = 30)
{
	for (size_t mode = 0; mode < MODES; mode += 3) {
		if (modes[mode].events.stores)
			continue;
		struct machine *m = make(&modes[mode], PLACE_FAR);
		static struct outcome native, translated;
		const struct program p = P(hot);
		struct image in;
		uint64_t seed = 3;

		image_fill(&in, m, &seed);
		load(m, &p);
		machine_run(&in, m->program);
		machine_outcome(m, &native);
		for (int round = 0; round < 9; round++) {
			load(m, &p);
			if (round % 3 == 0) {
				pthread_mutex_lock(&m->lock);
				translator_drop(m->t, m->program, m->program + 4096);
				pthread_mutex_unlock(&m->lock);
			}
			m->drop_every = 1 + round % 7;
			machine_run_translated(m, &in, m->program);
			machine_outcome(m, &translated);
			const char *what = difference(&native, &translated);
			cr_assert_null(what, "mode %s, round %d: %s", m->name, round, what);
		}
		machine_deinit(m);
		free(m);
	}
}

static unsigned reads;

static size_t count_read(void *context, struct app_pc pc, void *buf, size_t len)
{
	reads++;
	return machine_read(context, pc, buf, len);
}

static bool is_never_writable(void *context, struct app_pc pc)
{
	return false;
}

/* A page that cannot be written is read once, and again when it is dropped. */
Test(changes, reads_anew_what_may_have_changed)
{
	struct machine *m = make(&modes[NONE], PLACE_NEAR);
	const struct program p = P(calls);
	struct cache_pc at;

	for (int writable = 0; writable <= 1; writable++) {
		translator_destroy(m->t);
		m->config.read = count_read;
		m->config.is_writable = writable ? machine_all_writable : is_never_writable;
		m->t = translator_create(&m->config, NULL);
		load(m, &p);
		reads = 0;
		for (uint64_t i = 0; i < 20; i++)
			cr_assert_eq(translator_enter(m->t, (struct app_pc){ m->program + 0x800 + i }, &at), 0);
		if (writable)
			cr_expect_geq(reads, 20);
		else
			cr_expect_eq(reads, 1);
		translator_drop(m->t, m->program + 0x1000, m->program + 0x2000);
		translator_enter(m->t, (struct app_pc){ m->program + 0x900 }, &at);
		cr_expect_eq(reads, writable ? 21 : 1);
		translator_drop(m->t, m->program, m->program + 1);
		translator_enter(m->t, (struct app_pc){ m->program + 0x901 }, &at);
		cr_expect_eq(reads, writable ? 22 : 2);
		translator_enter(m->t, (struct app_pc){ m->program + 0x902 }, &at);
		cr_expect_eq(reads, writable ? 23 : 3, "it may be about to change");
		for (int i = 0; i < 8; i++)
			translator_drop(m->t, m->program + 0x2000, m->program + 0x3000);
		for (uint64_t i = 3; i < 9; i++)
			translator_enter(m->t, (struct app_pc){ m->program + 0x900 + i }, &at);
		cr_expect_eq(reads, writable ? 29 : 4);
	}
	machine_deinit(m);
	free(m);
}
