/* Where translated code goes by itself: links, guesses, returns, the tables of indirect branches. */
#include "programs.h"

Test(branches, asks_no_more_once_all_is_linked)
{
	struct machine *m = make(&modes[NONE], PLACE_FAR);
	const struct program p = P(hot);

	compare(m, &p, 5, 1);
	uint64_t before = m->requests[REQUEST_MISS_CALL] + m->requests[REQUEST_MISS_RET] +
			  m->requests[REQUEST_MISS_JMP], misses = m->requests[REQUEST_MISS];
	compare(m, &p, 5, 10);
	cr_expect_eq(m->requests[REQUEST_MISS_CALL] + m->requests[REQUEST_MISS_RET] +
		     m->requests[REQUEST_MISS_JMP], before);
	cr_expect_eq(m->requests[REQUEST_MISS] - misses, 10, "the finish alone");
	machine_deinit(m);
	free(m);
}

Test(branches, guesses_where_branches_go_often)
{
	struct machine *m = make(&modes[NONE], PLACE_FAR);
	const struct program p = P(turns);
	struct translate_stats stats;

	compare(m, &p, 5, 3);
	translator_stats(m->t, &stats);
	/* four returns, two of them from more than one place; a call and a jump to many */
	cr_expect_geq(stats.guesses, 8, "%lu guesses", stats.guesses);
	cr_expect_gt(m->requests[REQUEST_HOT_RET], 0);
	cr_expect_gt(m->requests[REQUEST_HOT_CALL], 0);
	cr_expect_gt(m->requests[REQUEST_HOT_JMP], 0);
	compare(m, &p, 5, 20);
	translator_stats(m->t, &stats);
	uint64_t settled = stats.guesses, blocks = stats.blocks;
	compare(m, &p, 5, 20);
	translator_stats(m->t, &stats);
	cr_expect_eq(stats.guesses, settled, "it comes to rest");
	cr_expect_eq(stats.blocks, blocks);
	machine_deinit(m);
	free(m);
}

static unsigned guesses_with(unsigned share)
{
	struct machine *m = make(&modes[NONE], PLACE_FAR);
	const struct program p = P(turns);
	unsigned guesses = 0;

	m->t->config.guess_share = share;
	compare(m, &p, 5, 40);
	for (uint32_t i = 0; i < m->t->heats.count; i++)
		guesses += ((const struct heat *)chunked_at(&m->t->heats, i))->guess_count;
	machine_deinit(m);
	free(m);
	return guesses;
}

/* A branch that goes to three places at first and then to others, one after the other: never more
 * guesses than there is room for. */
Test(branches, makes_no_more_guesses_than_there_is_room_for)
{
	struct machine *m = make(&modes[NONE], PLACE_FAR);
	const struct program p = P(turns);
	struct app_pc places[6], pc = { 0 };
	struct cache_pc there;
	unsigned count = 0, most = 0;

	compare(m, &p, 5, 3);
	for (uint32_t i = 0; i < m->t->blocks.count; i++) {
		struct xblock *b = cache_block(m->t, i);
		bool is_current = b->entry && cache_block_find(m->t, b->public.pc) == b;

		if (is_current && count < 6)
			places[count++] = b->public.pc;
		if (is_current && b->heat)
			pc = b->public.pc;
	}
	cr_assert(count == 6 && pc.address);
	*cache_heat(m->t, cache_block_find(m->t, pc)) = (struct heat){ .guess_count = 0 };
	for (unsigned n = 0; n < 400; n++) {
		struct xblock *b = cache_block_find(m->t, pc);
		int r = translator_hot(m->t, LOOKUP_JMP, b->public.index,
				       places[n < SAMPLES_MAX ? n % 3 : 3 + n / 150], &there);

		cr_assert_eq(r, 0);
		b = cache_block_find(m->t, pc);
		most = b->heat && cache_heat(m->t, b)->guess_count > most ? cache_heat(m->t, b)->guess_count : most;
	}
	cr_expect_eq(most, GUESSES_MAX);
	machine_deinit(m);
	free(m);
}

/* Of those to many places, the more the less they have to be right; returns have their own rule. */
Test(branches, guesses_what_is_right_often_enough)
{
	unsigned any = guesses_with(0), some = guesses_with(SAMPLES_MAX / 2), none = guesses_with(SAMPLES_MAX + 1);

	cr_expect_gt(any, none, "%u %u", any, none);
	cr_expect(any >= some && some >= none, "%u %u %u", any, some, none);
}

/* Two functions that have a line of the table together; the second one, behind the first, is what is
 * called often. */
PROGRAM(neighbours,
	"mov r12d, 400\n lea rbx, [rip + 3f]\n call rbx\n"
	"lea rbx, [rip + 4f]\n"
	"1: call rbx\n dec r12d\n jnz 1b\n"
	"jmp finish\n .balign 64\n"
	"3: lea rax, [rax + 1]\n ret\n"
	"4: lea rax, [rax + 2]\n ret\n");

Test(branches, guesses_what_is_not_the_first_of_its_line)
{
	struct machine *m = make(&modes[NONE], PLACE_FAR);
	const struct program p = P(neighbours);

	compare(m, &p, 5, 1);
	cr_expect_gt(m->requests[REQUEST_HOT_CALL], 0);
	cr_expect_leq(m->requests[REQUEST_HOT_CALL], SAMPLES_MAX, "of 400 calls, as it is guessed");
	machine_deinit(m);
	free(m);
}

/* Calls whose returns have one place in the thread's table, one within the other; and a return to
 * where no call came from. */
PROGRAM(same_place,
	"mov r12d, 5\n"
	"1: call 4f\n lea rbx, [rbx + 1]\n dec r12d\n jnz 1b\n"
	"lea rax, [rip + 3f]\n push rax\n ret\n"
	"3: jmp finish\n"
	".balign 256\n.skip 5\n"         /* +5: behind a call at +0 */
	"2: ret\n"
	".balign 256\n"
	"4: call 5f\n lea rsi, [rsi + 2]\n ret\n"
	".balign 256\n"
	"5: call 6f\n lea rdi, [rdi + 3]\n ret\n"
	".balign 256\n"
	"6: call 2b\n lea r8, [r8 + 4]\n ret\n");

Test(branches, returns_right_where_calls_share_a_place)
{
	struct machine *m = make(&modes[NONE], PLACE_FAR);
	const struct program p = P(same_place);

	compare(m, &p, 5, 3);
	uint64_t misses = m->requests[REQUEST_MISS_RET];
	compare(m, &p, 5, 3);
	cr_expect_eq(m->requests[REQUEST_MISS_RET], misses, "looked up, and found");
	machine_deinit(m);
	free(m);
}

/* By a call, and later by another way, when what stands behind the call is another code. */
PROGRAM(comes_back,
	"test eax, eax\n jz 1f\n"
	"call 2f\n"
	"0: mov ebx, 0x11\n jmp finish\n"
	"1: lea rax, [rip + 0b]\n push rax\n"
	"2: ret\n");

Test(branches, forgets_where_returns_go_with_the_code_there)
{
	struct machine *m = make(&modes[NONE], PLACE_FAR);
	const struct program p = P(comes_back);
	struct image in;
	uint64_t seed = 1;

	image_fill(&in, m, &seed);
	load(m, &p);
	in.gpr[0] = 1;
	for (int i = 0; i < 2; i++) {
		machine_run_translated(m, &in, m->program);
		cr_assert_eq(machine_result.gpr[3], 0x11);
	}
	uint8_t *changed = memchr((void *)m->program, 0x11, FINISH_OFFSET);
	for (int value = 0x12; value < 0x15; value++) {
		pthread_mutex_lock(&m->lock);
		*changed = (uint8_t)value;
		translator_drop(m->t, (uint64_t)changed, (uint64_t)changed + 1);
		pthread_mutex_unlock(&m->lock);
		in.gpr[0] = value == 0x13;
		machine_run_translated(m, &in, m->program);
		cr_assert_eq(machine_result.gpr[3], (uint64_t)value);
	}
	machine_deinit(m);
	free(m);
}

/* A guess leads to code that is dropped, like any other way there. */
Test(branches, forgets_guesses_with_the_code_they_lead_to)
{
	struct machine *m = make(&modes[WRITABLE], PLACE_NEAR);
	const struct program p = P(turns);
	struct image in;
	uint64_t seed = 3;

	compare(m, &p, 3, 5);
	image_fill(&in, m, &seed);
	for (uint64_t add = 4; add < 9; add++) {
		load(m, &p);
		uint8_t *lea = memmem((void *)m->program, 4096, "\x48\x8d\x5b\x03\xe8", 5);
		cr_assert_not_null(lea);
		lea[3] = (uint8_t)add;
		machine_run_translated(m, &in, m->program);
		cr_expect_eq(machine_result.gpr[3], in.gpr[3] + 105 * add);
	}
	machine_deinit(m);
	free(m);
}

/* What is dropped and translated again must not lengthen the chains of the table. */
Test(branches, finds_its_way_as_fast_after_many_drops, .timeout = 30)
{
	struct machine *m = make(&modes[NONE], PLACE_FAR);
	const struct program p = P(hot);

	for (int round = 0; round < 800; round++) {
		pthread_mutex_lock(&m->lock);
		translator_drop(m->t, m->program, m->program + PROGRAM_BYTES);
		pthread_mutex_unlock(&m->lock);
		compare(m, &p, 5, 1);
	}
	for (int lookup = 0; lookup < LOOKUP_KINDS; lookup++) {
		const uint64_t *words = (const uint64_t *)m->config.lookup_local[lookup];
		unsigned used = 0;

		for (size_t i = 0; i < TRANSLATE_LOOKUP_BYTES / 16; i++)
			used += words[2 * i] != 0;
		cr_expect_leq(used, 8, "table %d has %u entries", lookup, used);
	}
	machine_deinit(m);
	free(m);
}

/* `call` to the next instruction, `ret`, over and over; returns come to 7, 15, 23 .. */
static size_t read_calls(void *context, struct app_pc pc, void *buf, size_t len)
{
	static const uint8_t code[] = { 0xe8, 0, 0, 0, 0, 0xc3, 0x90, 0x90 };

	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = code[(pc.address + 6 + i) % sizeof code];
	return len;
}

#define HASH_AGAIN (65536ull << LOOKUP_UNUSED)  /* so far from it a return has the same hash */

/* Entries for `count` addresses from `start` on with the same hash; the farthest is *behind
 * so many. */
static unsigned entries_of(const struct machine *m, uint64_t start, unsigned count, size_t *behind)
{
	const uint64_t *words = (const uint64_t *)m->config.lookup_local[LOOKUP_RET];
	size_t first = (start >> LOOKUP_UNUSED) % LOOKUP_HASHES * LOOKUP_LINE;
	unsigned found = 0;

	for (size_t i = 0; i < TRANSLATE_LOOKUP_BYTES / 16; i++)
		for (unsigned k = 0; k < count; k++) {
			if (words[2 * i] != -(start + HASH_AGAIN * k))
				continue;
			found++;
			cr_expect_geq(i, first);
			*behind = i - first;
		}
	return found;
}

/* Returns that have the same place in the table find one each, as near as there is room, at
 * the table's end, too; those that nobody has taken, none. */
Test(branches, finds_room_for_returns_that_collide)
{
	const unsigned count = 30;
	struct machine *m = make(&modes[NONE], PLACE_FAR);
	struct cache_pc at;

	translator_destroy(m->t);
	m->config.read = read_calls;
	m->config.has_bmi2 = true;      /* nothing is executed */
	m->t = translator_create(&m->config, NULL);
	for (uint64_t place = 58; place < HASH_AGAIN; place += 0xffff8) {
		uint64_t start = 0x10000000 + place, back = start + 5;
		size_t behind = 0;

		for (unsigned k = 0; k < count; k++)
			cr_assert_eq(translator_enter(m->t, (struct app_pc){ start + HASH_AGAIN * k }, &at), 0);
		cr_expect_eq(entries_of(m, back, count, &behind), 0);
		for (unsigned k = 0; k < count; k++)
			cr_assert_eq(translator_miss_indirect(m->t, LOOKUP_RET,
				     (struct app_pc){ back + HASH_AGAIN * k }, &at), 0);
		cr_expect_eq(entries_of(m, back, count, &behind), count, "at %lx", back);
		cr_expect_lt(behind, LOOKUP_LINE + LOOKUP_TAIL_MAX);
	}
	machine_deinit(m);
	free(m);
}

/* Chains have an end: a table takes so many and no more, and says so when many want in. */
Test(branches, refuses_indirect_branches_that_would_fill_the_table, .timeout = 60)
{
	struct machine *m = make(&modes[NONE], PLACE_FAR);
	const uint64_t *words = (const uint64_t *)m->config.lookup_local[LOOKUP_JMP];
	uint64_t pc = 0x10000000;
	struct cache_pc at;
	size_t used = 0;
	int r = 0;

	translator_destroy(m->t);
	m->config.read = read_calls;
	m->t = translator_create(&m->config, NULL);
	for (size_t i = 0; i < LOOKUP_HASHES * LOOKUP_LINE && r == 0; i++, pc += 8)
		r = translator_miss_indirect(m->t, LOOKUP_JMP, (struct app_pc){ pc + 1 }, &at);
	cr_expect_eq(r, -ENOSPC);
	for (size_t i = 0; i < TRANSLATE_LOOKUP_BYTES / 16; i++)
		used += words[2 * i] != 0;
	cr_expect_leq(used, LOOKUP_HASHES * LOOKUP_LINE * 3 / 4);
	translator_flush(m->t);
	translator_returns_forget(m->t, m->tb);
	cr_expect_eq(translator_miss_indirect(m->t, LOOKUP_JMP, (struct app_pc){ pc + 1 }, &at), 0);
	machine_deinit(m);
	free(m);
}
