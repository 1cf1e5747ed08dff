/* Restartable sequences that are found by what registers hold. */
#include "machine.h"

#include "cache.h"

/* mov [rdi + 8], rax installs the descriptor at +40 of the sequence at +4 to +b. */
static const uint8_t code[] = {
	0x48, 0x89, 0x47, 0x08,                         /* mov [rdi + 8], rax */
	0x48, 0xff, 0xc3,                               /* inc rbx */
	0x48, 0xff, 0xc1,                               /* inc rcx */
	0x90,                                           /* nop */
	0xf4,                                           /* hlt */
};

#define START 4u
#define END 11u
#define ABORT 0x30u
#define DESCRIPTOR 0x40u

static size_t peek(void *context, uint64_t address, void *buf, size_t len)
{
	const struct machine *m = context;

	if (address < m->program || address + len > m->program + FINISH_OFFSET)
		return 0;
	memcpy(buf, (void *)address, len);
	return len;
}

/* Bytes of the block that begins with the store, when that is where the program is found. */
static uint32_t first_block(bool knows_registers)
{
	struct machine *m = calloc(1, sizeof *m);
	const struct translate_events events = { .blocks = true };
	struct cache_pc at;

	m->config.peek = peek;
	machine_init(m, PLACE_NEAR, &events);
	machine_load(m, code, code + sizeof code);
	const uint64_t descriptor[4] = { 0, m->program + START, END - START, m->program + ABORT };
	memcpy((void *)(m->program + DESCRIPTOR), descriptor, sizeof descriptor);
	const struct translate_regs regs = { .gpr = { m->program + DESCRIPTOR, 1, ~0ull }, .pc = m->program };
	if (knows_registers)
		translator_sections_find(m->t, &regs);
	cr_assert_eq(translator_enter(m->t, (struct app_pc){ m->program }, &at), 0);
	uint32_t len = cache_block_find(m->t, (struct app_pc){ m->program })->public.bytes_len;
	machine_deinit(m);
	free(m);
	return len;
}

Test(section, is_found_by_the_register_that_is_about_to_be_stored)
{
	cr_expect_gt(first_block(false), START, "the store alone does not say it");
	cr_expect_eq(first_block(true), START, "the sequence is a block of its own");
}
