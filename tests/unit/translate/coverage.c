/* What says that it has run, and what need not: no more and no less than is told once. */
#include "machine.h"

#include "cache.h"
#include "decode.h"

static const uint8_t *code_of_program;

/* Blocks of all lengths; with `code_of_program` that at one place. */
static size_t read_program(void *context, struct app_pc pc, void *buf, size_t len)
{
	(void)context;
	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = (pc.address + i) % 37 ? 0x90 : 0xc3;
	if (pc.address == 0x10000000 && code_of_program)
		memcpy(buf, code_of_program, 4);
	return len;
}

static struct machine *make(const uint8_t *code)
{
	const struct translate_events events = { .coverage = true };
	struct machine *m = calloc(1, sizeof *m);

	m->config.read = read_program;
	code_of_program = code;
	machine_init(m, PLACE_FAR, &events);
	m->config.read = read_program;
	translator_destroy(m->t);
	m->t = translator_create(&m->config, NULL);
	return m;
}

/* Is there a store at the block's entry, by which it says that it has run? */
static bool says(const struct machine *m, uint64_t pc)
{
	struct xblock *b = cache_block_find(m->t, (struct app_pc){ pc });

	return b->seen_at && m->config.local[b->seen_at] == 0xc6;
}

static unsigned first_ones(const struct machine *m)
{
	const struct block *block;
	unsigned count = 0;

	for (size_t cursor = 0; translator_first_next(m->t, &cursor, &block);)
		count++;
	return count;
}

/* What has run need not say so once more when it is translated again, even if nobody has been
 * told yet: they are told once.  What is other code says it. */
Test(coverage, what_is_translated_again_is_told_once)
{
	static const uint8_t code[] = { 0x90, 0x90, 0xc3, 0xc3 }, other[] = { 0x90, 0xc3, 0xc3, 0xc3 };
	const uint64_t pc = 0x10000000;
	struct machine *m = make(code);
	struct cache_pc at;

	for (int round = 0; round < 4; round++) {
		translator_drop(m->t, pc, pc + 1);
		code_of_program = round == 3 ? other : code;
		cr_assert_eq(translator_enter(m->t, (struct app_pc){ pc }, &at), 0);
		cr_expect_eq(says(m, pc), round == 0 || round == 3, "in round %d", round);
		if (says(m, pc))                /* it runs */
			m->config.seen_local[cache_block_find(m->t, (struct app_pc){ pc })->public.index] = 1;
		if (round >= 2)
			cr_expect_eq(first_ones(m), 1);
	}
	cr_expect(!says(m, pc), "its store has become a nop");
	cr_expect_eq(first_ones(m), 0);
	machine_deinit(m);
	free(m);
}

/* The nop is as long as the store, wherever it stands, and what follows is as it was. */
Test(coverage, a_nop_replaces_the_store_alone)
{
	struct machine *m = make(NULL);
	struct cache_pc at;
	unsigned places = 0;

	for (uint64_t pc = 0x10000100; pc < 0x10000180; pc++) {
		uint8_t before[16], *code;
		struct x86_insn insn;

		cr_assert_eq(translator_enter(m->t, (struct app_pc){ pc }, &at), 0);
		struct xblock *b = cache_block_find(m->t, (struct app_pc){ pc });
		code = m->config.local + b->seen_at;
		memcpy(before, code, sizeof before);
		m->config.seen_local[b->public.index] = 1;
		cr_expect_eq(first_ones(m), 1);
		cr_expect_eq(x86_decode(code, sizeof before, &insn), 7);
		cr_expect_eq(insn.special, X86_SPECIAL_NOP);
		cr_expect_arr_eq(code + 7, before + 7, sizeof before - 7);
		cr_expect_leq(b->seen_at % 8, 5);
		places |= 1u << b->seen_at % 8;
	}
	cr_expect_eq(places, 0x3f, "places %x", places);
	machine_deinit(m);
	free(m);
}
