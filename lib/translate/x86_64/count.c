/* count.c - counting calls in place of reporting them: each block that ends with one has a
 * counter of 8 bytes beside each thread's block, to which no other thread adds.
 *
 *	inc qword ptr gs:[counter]		where flags are dead
 *
 *	mov r, gs:[counter]			where they live; r is dead, or saved
 *	lea r, [r + 1]
 *	mov gs:[counter], r
 *
 * It stands before the first instruction of the block where it is cheap: a block runs as a
 * whole, and where one does not, the tracer is told how far it came (struct block_part).
 * The calls that a block ends with are counted with it.
 */
#include "build.h"

enum translate_stub count_stub(const struct build *b)
{
	const struct translate_config *c = &b->t->config;

	if (!c->events.count_calls || !c->stub)
		return STUB_NONE;
	return c->stub(c->context, b->block->public.pc);
}

/* ---- which, and where ------------------------------------------------------------------- */

static bool is_function(const struct build *b, uint64_t pc)
{
	const struct translate_config *c = &b->t->config;

	return pc && c->is_function && c->is_function(c->context, (struct app_pc){ pc });
}

/* The call, or the jump to a function, that the block ends with.  A stub's jump is reported:
 * see last.c. */
static enum site_kind transfer_of(const struct build *b, uint64_t *target)
{
	const struct x86_insn *last = &b->insns[b->count - 1];

	if (b->ends_early || b->section || !b->t->config.events.count_calls)
		return SITE_NONE;
	*target = x86_branch_target(last, b->pcs[b->count - 1]);
	if (last->kind == X86_KIND_CALL)
		return SITE_CALL;
	if (last->kind == X86_KIND_JMP && is_function(b, *target) && !count_stub(b))
		return SITE_TAILCALL;
	return SITE_NONE;
}

static int best_place(struct build *b)
{
	if (b->section)
		return 0;
	for (int i = 0; i < b->count; i++)
		if (b->dead_flags[i] == X86_FLAGS_ALL)
			return i;
	for (int i = 0; i < b->count; i++)
		if (block_free_regs(b, i))
			return i;
	b->count_late = last_saves_rcx(b);
	return b->count_late ? b->count - 1 : 0;
}

uint32_t count_transfer(struct build *b)
{
	uint64_t target = 0;
	enum site_kind kind = transfer_of(b, &target);

	return kind == SITE_NONE ? 0 : 1 + event_site(b, kind, 0, b->pcs[b->count - 1], target);
}

void count_plan(struct build *b)
{
	uint32_t transfer = count_transfer(b);

	b->count_at = -1;
	b->is_counted = b->count_late = false;
	if (!transfer)
		return;
	b->counter = cache_counter_add(b->t, b->block->public.index, transfer - 1);
	b->block->public.counter = b->counter + 1;
	b->count_at = best_place(b);
}

/* ---- the code ---------------------------------------------------------------------------- */

uint32_t count_place(const struct build *b, uint32_t counter)
{
	return b->t->config.counters_at + 8 * counter;
}

void count_emit_add(struct emit *e, struct reg r, uint32_t at)
{
	uint8_t rex = r.number >= 8 ? 0x4d : 0x48, low = r.number & 7;

	emit_mov_reg_tb(e, r, at);                      /* mov r, gs:[counter] */
	emit_u8(e, rex);
	emit_u8(e, 0x8d);
	emit_u8(e, (uint8_t)(0x40 | low << 3 | low));
	emit_u8(e, 1);                                  /* lea r, [r + 1] */
	emit_mov_tb_reg(e, at, r);                      /* mov gs:[counter], r */
}

static void emit_with_register(struct build *b, struct where where, uint32_t at)
{
	struct emit *e = &b->t->hot;
	uint16_t free = block_free_regs(b, b->count_at);
	struct reg r = free ? (struct reg){ (uint8_t)__builtin_ctz(free) } : RCX;

	if (!free) {
		emit_mov_slot_reg(e, r);                /* mov gs:[slot], r */
		where.saved = BIT(r.number);
		build_mark(b, true, where);
	}
	count_emit_add(e, r, at);
	b->is_counted = true;
	build_mark(b, true, where);
	if (!free)
		emit_mov_reg_slot(e, r);                /* mov r, gs:[slot] */
}

void count_emit(struct build *b)
{
	struct where where = at(b->pcs[b->count_at], true);
	uint32_t place = count_place(b, b->counter);

	build_mark(b, true, where);
	if (b->dead_flags[b->count_at] == X86_FLAGS_ALL && !b->section)
		emit_tb(&b->t->hot, 0x48, 0xff, 0, place);      /* inc qword gs:[counter] */
	else
		emit_with_register(b, where, place);
	b->is_counted = true;
	build_mark(b, true, where);
}

void count_emit_late(struct build *b)
{
	struct where where = at(b->pcs[b->count_at], true);

	build_mark(b, true, where);
	emit_mov_slot_reg(&b->t->hot, RCX);             /* mov gs:[slot], rcx */
	where.saved = BIT(1);
	build_mark(b, true, where);
	count_emit_add(&b->t->hot, RCX, count_place(b, b->counter));
	b->is_counted = true;
	build_mark(b, true, where);
}

void count_emit_arrival(struct build *b, struct site *site, uint16_t saved)
{
	struct where where = { .pc = b->block->public.pc.address, .saved = saved };
	uint32_t index = cache_site_add(b->t, site);
	uint32_t counter = cache_counter_add(b->t, NO_BLOCK, index);

	build_mark_owed(b, true, where, index);
	count_emit_add(&b->t->hot, RCX, count_place(b, counter));
	build_mark(b, true, where);
}
