/* stores-guard.c - the checks that stores-plan.c has thought of.
 *
 *	mov gs:[slot], rcx		not where rcx is dead
 *	<is it near a range? near>	for each group of accesses: stores-check.c
 *	mov rcx, gs:[slot]
 *
 * What has just been stored takes 7 cycles on its way back (Zen 4), and one check would wait
 * for the one before.  So rcx goes through a register that the block overwrites before it
 * reads it, if there is one; that one is restored, too, but nobody waits for it:
 *
 *	mov gs:[slot], idle		not where it is dead
 *	mov idle, rcx
 *	<is it near a range? near>
 *	mov rcx, idle
 *	mov idle, gs:[slot]
 *
 *	near:	<is the memory of any of them near a range? else go on>
 *		jmp <the careful translation of what follows>
 *
 * Where flags are dead the checks need no register: `inside` is then as `before`.
 *
 * Those that stand together share the way to `near`: a jump that stands in a nop, or behind
 * the next jump that is always taken.
 *
 * Those of what the block needs stand before it, or in the cold code where who falls into
 * it knows; and in the ways in, where rcx is in its slot anyway.  So it has three entries:
 *
 *	<is rsp near a range?>		entry of those who know nothing,
 *	<other registers?>		of rsp,
 *	<block>				all
 */
#include <assert.h>

#include "stores.h"

#include "runtime.h"

/* So many bytes at most stand between the last check and the end of what follows it. */
#define TAIL_BYTES 32

/* Groups, up to the one before `end`, that share the way to `near`. */
struct run {
	unsigned end;
	uint32_t from, back;
};

/* Checks at one place. */
struct guard {
	struct build *b;
	bool hot;
	struct where before, inside;
	bool compares;                  /* with flags */
	uint8_t idle;                   /* has rcx's value meanwhile; STORE_NO_REG: none does */
	unsigned count;
	const struct store_group *groups[STORE_GROUPS_MAX];
	unsigned run_count;
	struct run runs[STORE_GROUPS_MAX];
	struct store_ahead ahead;       /* of the last run, whose way to `near` stands nowhere yet */
};

static struct emit *out(const struct guard *g)
{
	return g->hot ? &g->b->t->hot : &g->b->t->cold;
}

/* mov to, from */
static void emit_mov(struct emit *e, struct reg to, struct reg from)
{
	emit_u8(e, (uint8_t)(0x48 | (from.number >= 8 ? 4 : 0) | (to.number >= 8 ? 1 : 0)));
	emit_u8(e, 0x89);
	emit_u8(e, (uint8_t)(0xc0 | (from.number & 7) << 3 | (to.number & 7)));
}

/* ---- one check ------------------------------------------------------------------------------ */

static void emit_lea_group(struct emit *e, const struct store_group *g, int64_t disp)
{
	bool has_base = g->base != STORE_NO_REG, has_index = g->index != STORE_NO_REG;

	/* lea rcx, [base + index * scale + disp] */
	emit_u8(e, (uint8_t)(0x48 | (has_index && g->index >= 8 ? 2 : 0) |
			     (has_base && g->base >= 8 ? 1 : 0)));
	emit_u8(e, 0x8d);
	emit_u8(e, has_base ? 0x8c : 0x0c);
	emit_u8(e, (uint8_t)(g->scale << 6 | (has_index ? g->index & 7 : 4) << 3 |
			     (has_base ? g->base & 7 : 5)));
	emit_u32(e, (uint32_t)disp);
}

static bool uses_rcx(const struct store_group *g)
{
	return g->base == 1 || g->index == 1;
}

/* A register that is near all of the group. */
static bool is_at_base(const struct store_group *g)
{
	return g->base != STORE_NO_REG && g->index == STORE_NO_REG &&
	       g->low >= -(int64_t)STORE_MARGIN && g->end <= (int64_t)STORE_MARGIN;
}

static void lea_group(struct emit *e, const void *context)
{
	const struct store_group *g = context;

	if (uses_rcx(g))
		emit_mov_reg_slot(e, RCX);                      /* mov rcx, gs:[slot] */
	if (g->base == 0 || g->index == 0)
		emit_mov_reg_slot(e, RAX);                      /* mov rax, gs:[slot] */
	emit_lea_group(e, g, g->low);
}

/* Goes on in the careful block at pc. */
#define EXIT_CAREFUL_BYTES 32

static void emit_exit_careful(struct build *b, uint64_t pc)
{
	struct translator *t = b->t;
	struct emit *cold = &t->cold;
	struct xblock *to = cache_block_careful(t, (struct app_pc){ pc });

	exit_align(t, cold, 1);
	if (cold->end - cold->at < EXIT_CAREFUL_BYTES) {        /* nothing is to be patched there */
		cold->is_full = true;
		return;
	}
	uint32_t index = to ? cache_exit_add_to(t, to, cold->at + 1) : NO_INDEX;
	struct exit *exit = index == NO_INDEX ? NULL : cache_exit(t, index);
	if (!exit)
		return;
	exit->stub = cold->at + 5;
	exit->is_linked = to->entry;
	emit_jmp(cold, to->entry ? to->entry : exit->stub);     /* jmp <careful> */
	emit_mov_tb_imm32(cold, TB_EXIT, index);                /* stub: mov dword gs:[exit], index */
	emit_jmp(cold, RUNTIME_OFFSET(runtime_exit_miss));      /* jmp runtime_exit_miss */
}

static struct reg base_of(const struct guard *guard, unsigned i)
{
	return (struct reg){ guard->groups[i]->base };
}

static bool is_lent(const struct guard *guard, struct reg r)
{
	return guard->idle == r.number && r.number != STORE_NO_REG &&
	       (guard->inside.saved & BIT(r.number));
}

/* Back to the checks: rax is as it was there. */
static void emit_rax_again(struct emit *e, const struct guard *guard)
{
	if (is_lent(guard, RAX))
		emit_mov_reg_tb(e, RAX, TB_SLOT(1));            /* mov rax, gs:[slot rcx] */
	else
		emit_mov_reg_slot(e, RAX);                      /* mov rax, gs:[slot] */
}

/* To the careful block: the program's registers are as they were before the checks. */
static void emit_all_again(struct emit *e, const struct guard *guard, uint16_t saved)
{
	emit_mov_reg_slot(e, RAX);                              /* mov rax, gs:[slot] */
	if (guard->idle != RAX.number && is_lent(guard, (struct reg){ guard->idle }))
		emit_mov_reg_slot(e, (struct reg){ guard->idle });      /* mov idle, gs:[slot] */
	if (saved & BIT(1))
		emit_mov_reg_slot(e, RCX);                      /* mov rcx, gs:[slot] */
}

/* near: in the cold code; back behind the checks if none of them, from the first on, is so
 * near. */
static void emit_near(const struct guard *guard, unsigned first, const struct run *run)
{
	struct build *b = guard->b;
	struct emit *cold = &b->t->cold;
	struct where inside = guard->inside, deeper;
	uint32_t hits[STORE_GROUPS_MAX * STORE_HITS_MAX];
	bool has_idle = guard->idle != STORE_NO_REG;
	bool spills = has_idle || (guard->compares && !(inside.saved & BIT(1)));
	unsigned n = 0;

	build_mark(b, false, inside);
	if (guard->compares)
		store_near_is(cold, store_emit_below_start(cold, b->t, base_of(guard, first)), run->back);
	if (spills) {
		emit_mov_tb_reg(cold, TB_SLOT(1), has_idle ? (struct reg){ guard->idle } : RCX);
		inside.saved |= BIT(1);                         /* mov gs:[slot rcx], rcx or idle */
		inside.rcx_in = 0;
	}
	deeper = inside;
	deeper.saved |= BIT(0);
	build_mark(b, false, inside);
	if (!is_lent(guard, RAX))
		emit_mov_slot_reg(cold, RAX);                   /* mov gs:[slot], rax */
	build_mark(b, false, deeper);
	for (unsigned i = first; i < run->end; i++) {
		const struct store_group *g = guard->groups[i];

		n += store_emit_clusters(cold, b->t, (uint64_t)(g->end - g->low), hits + n,
					 lea_group, g);
	}
	emit_rax_again(cold, guard);
	build_mark(b, false, inside);
	if (spills && !has_idle)
		emit_mov_reg_slot(cold, RCX);                   /* mov rcx, gs:[slot] */
	build_mark(b, false, guard->inside);
	emit_jmp(cold, run->back);                              /* jmp back */
	build_mark(b, false, deeper);
	while (n)
		store_near_is(cold, hits[--n], cold->at);
	emit_all_again(cold, guard, inside.saved);              /* hit: */
	build_mark(b, false, guard->before);
	emit_exit_careful(b, guard->before.pc);
}

static void end_run(struct guard *guard, unsigned end)
{
	guard->runs[guard->run_count++] = (struct run){ .end = end, .back = out(guard)->at };
}

/* Its way to `near` stands here. */
static void end_run_with_jmp(struct guard *guard, unsigned end)
{
	uint32_t from = store_emit_nop_with_jmp(out(guard), &guard->ahead);

	end_run(guard, end);
	guard->runs[guard->run_count - 1].from = from;
}

/* Is there room for another check before the way to `near`? */
static bool has_room(const struct guard *guard)
{
	const struct store_ahead *ahead = &guard->ahead;
	unsigned cells = guard->b->t->windows.cell_count;
	unsigned check = 9 + 8 + 6 + 8 * cells;         /* mov, lea, rorx; lea and jrcxz */

	return !ahead->count || (ahead->count + cells <= STORE_AHEAD_MAX &&
				 out(guard)->at - ahead->from[0] + check + TAIL_BYTES < STORE_AHEAD_BYTES);
}

static void emit_rcx_again(struct emit *e, const struct guard *guard)
{
	if (guard->idle == STORE_NO_REG)
		emit_mov_reg_slot(e, RCX);                      /* mov rcx, gs:[slot] */
	else
		emit_mov(e, RCX, (struct reg){ guard->idle });  /* mov rcx, idle */
}

/* The checks; `rcx_is_there`: not only in its slot.  The last run has no end. */
static void emit_guard(struct guard *guard, bool rcx_is_there)
{
	struct emit *e = out(guard);

	build_mark(guard->b, guard->hot, guard->inside);
	for (unsigned i = 0; i < guard->count; i++) {
		const struct store_group *g = guard->groups[i];
		struct reg r = is_at_base(g) ? (struct reg){ g->base } : RCX;

		assert(is_at_base(g) || g->end - g->low <= STORE_MARGIN);
		if (!has_room(guard))
			end_run_with_jmp(guard, i);
		if (uses_rcx(g) && (i || !rcx_is_there))
			emit_rcx_again(e, guard);
		if (!is_at_base(g))
			emit_lea_group(e, g, g->low);
		store_emit_cells(e, guard->b->t, r, &guard->ahead);
	}
}

/* Can the checks before instruction i change flags, and use no other register? */
static bool can_compare(const struct guard *guard, int i, bool rcx_is_there)
{
	const struct build *b = guard->b;
	bool can = b->count && b->dead_flags[i] == X86_FLAGS_ALL && !b->section &&
		   b->t->windows.bounds_at;

	for (unsigned k = 0; can && k < guard->count; k++)
		can = is_at_base(guard->groups[k]) && (rcx_is_there || !uses_rcx(guard->groups[k]));
	return can;
}

/* The checks with flags: each is a run. */
static void emit_compares(struct guard *guard)
{
	guard->compares = true;
	build_mark(guard->b, guard->hot, guard->inside);
	for (unsigned i = 0; i < guard->count; i++) {
		uint32_t from = store_emit_below_end(out(guard), guard->b->t, base_of(guard, i));

		end_run(guard, i + 1);
		guard->runs[i].from = from;
	}
}

/* What the checks lead to; first that of the last run, which may have no jump yet: in the
 * cold code it needs none. */
static void emit_nears(struct guard *guard)
{
	struct emit *e = out(guard), *cold = &guard->b->t->cold;

	for (unsigned i = guard->run_count; i-- > 0;) {
		const struct run *run = &guard->runs[i];

		if (run->from)
			store_near_is(e, run->from, cold->at);
		else
			store_land(cold, &guard->ahead);
		emit_near(guard, i ? guard->runs[i - 1].end : 0, run);
	}
}

/* Those that the block overwrites before it reads them, from instruction i on. */
static uint16_t find_idle(const struct build *b, int i)
{
	uint16_t touched = 0, idle = 0;

	for (; i < b->count && b->insns[i].kind == X86_KIND_PLAIN; i++) {
		const struct x86_insn *insn = &b->insns[i];

		idle |= (uint16_t)(insn->regs_written & ~insn->regs_read & ~touched);
		touched |= insn->regs_touched;
	}
	return idle;
}

/* Where rcx may be while the checks before instruction i have it; rather a dead register. */
static uint8_t pick_idle(const struct guard *guard, int i)
{
	const struct build *b = guard->b;
	uint16_t taken = BIT(1) | BIT(4), idle, dead;

	for (unsigned k = 0; k < guard->count; k++)
		taken |= (uint16_t)((1u << guard->groups[k]->base | 1u << guard->groups[k]->index) & 0xffff);
	dead = (uint16_t)(b->dead_regs[i] & ~taken);
	idle = find_idle(b, i);
	if (idle & BIT(1))              /* nobody waits for rcx itself */
		return STORE_NO_REG;
	idle &= (uint16_t)~taken;
	return dead ? (uint8_t)__builtin_ctz(dead) : idle ? (uint8_t)__builtin_ctz(idle) : STORE_NO_REG;
}

static void emit_save(struct guard *guard, int i)
{
	struct emit *e = out(guard);

	if (guard->b->count)
		guard->idle = pick_idle(guard, i);
	if (guard->idle == STORE_NO_REG) {
		emit_mov_slot_reg(e, RCX);                      /* mov gs:[slot], rcx */
		guard->inside.saved |= BIT(1);
		return;
	}
	struct reg idle = { guard->idle };
	if (!(guard->b->dead_regs[i] >> idle.number & 1)) {
		emit_mov_slot_reg(e, idle);                     /* mov gs:[slot], idle */
		guard->inside.saved |= BIT(idle.number);
	}
	emit_mov(e, idle, RCX);                                 /* mov idle, rcx */
	guard->inside.rcx_in = (uint8_t)(1 + idle.number);
}

static void emit_restore(struct guard *guard)
{
	struct emit *e = out(guard);
	struct reg idle = { guard->idle };

	emit_rcx_again(e, guard);
	if (is_lent(guard, idle))
		emit_mov_reg_slot(e, idle);                     /* mov idle, gs:[slot] */
}

/* All of it, before instruction i: rcx is spilt if it is to be. */
static void emit_spilt(struct guard *guard, int i)
{
	bool is_dead = guard->b->count && guard->b->dead_regs[i] >> 1 & 1;

	guard->inside = guard->before;
	if (can_compare(guard, i, true)) {
		emit_compares(guard);
		return;
	}
	if (!is_dead)
		emit_save(guard, i);
	emit_guard(guard, true);
	if (guard->hot)
		end_run_with_jmp(guard, guard->count);
	else
		end_run(guard, guard->count);
	if (!is_dead)
		emit_restore(guard);
	build_mark(guard->b, guard->hot, guard->before);
}

void stores_emit_checks(struct build *b, int i)
{
	if (!(b->checks_before >> i & 1))
		return;
	struct guard guard = { .b = b, .hot = true, .idle = STORE_NO_REG,
			       .before = at(b->pcs[i], true) };
	for (int k = 0; k < b->group_count; k++)
		if (b->groups[k].at == i && !b->groups[k].is_needed)
			guard.groups[guard.count++] = &b->groups[k];
	emit_spilt(&guard, i);
	emit_nears(&guard);
}

/* ---- what a block needs ---------------------------------------------------------------------- */

static void add_needs(struct guard *guard, struct store_group groups[STORE_FACTS_MAX],
		      const struct store_facts *needs, const struct store_facts *known)
{
	for (unsigned i = 0; i < needs->count; i++) {
		const struct store_fact *need = &needs->items[i];

		if (stores_covers(stores_fact(known, need->reg), need->low, need->end))
			continue;
		groups[i] = (struct store_group){ .base = need->reg, .index = STORE_NO_REG,
						  .low = need->low, .end = need->end };
		guard->groups[guard->count++] = &groups[i];
	}
}

/* The checks of rsp, or of the others; behind them one goes on there, 0: right here. */
static void emit_needs_of(struct build *b, bool hot, enum stores_known known, uint32_t then)
{
	const struct store_facts *needs = stores_needs(b->t, b->block);
	struct guard guard = { .b = b, .hot = hot, .idle = STORE_NO_REG,
			       .before = { b->block->public.pc.address } };
	struct store_group groups[STORE_FACTS_MAX];
	struct store_facts some = { 0 };

	for (unsigned i = 0; i < needs->count; i++)
		if ((needs->items[i].reg == X86_REG_RSP) == (known == STORES_NONE_KNOWN))
			some.items[some.count++] = needs->items[i];
	add_needs(&guard, groups, &some, NULL);
	b->block->entry_knowing[known] = out(&guard)->at;
	build_mark(b, hot, guard.before);
	if (guard.count)
		emit_spilt(&guard, 0);
	if (then)
		emit_jmp(out(&guard), then);                    /* jmp then */
	emit_nears(&guard);
}

void stores_emit_beginning(struct build *b, enum stores_known known)
{
	struct xblock *block = b->block;

	memset(block->entry_knowing, 0, sizeof block->entry_knowing);
	for (; block->needs && known < STORES_ALL_KNOWN; known++)
		emit_needs_of(b, true, known, 0);
	block->entry_knowing[STORES_ALL_KNOWN] = b->t->hot.at;
}

uint32_t stores_entry(struct translator *t, struct xblock *block, enum stores_known known)
{
	struct build b = { .t = t, .block = block };    /* no instructions: all is live */

	for (unsigned k = STORES_ALL_KNOWN; k-- > known;)
		if (!block->entry_knowing[k])
			emit_needs_of(&b, false, k, block->entry_knowing[k + 1]);
	if (t->cold.is_full)
		block->entry_knowing[known] = 0;
	return block->entry_knowing[known];
}

unsigned stores_missing(const struct build *b, const struct store_facts *known)
{
	const struct store_facts *needs = stores_needs(b->t, b->block);
	unsigned missing = 0;

	for (unsigned i = 0; needs && i < needs->count; i++) {
		const struct store_fact *need = &needs->items[i];

		missing += !stores_covers(stores_fact(known, need->reg), need->low, need->end);
	}
	return missing;
}

bool stores_emit_needs(struct build *b, const struct store_facts *known, struct store_way *way)
{
	const struct store_facts *needs = stores_needs(b->t, b->block);
	struct guard guard = { .b = b, .hot = true, .idle = STORE_NO_REG,
			       .before = { b->block->public.pc.address } };
	struct store_group groups[STORE_FACTS_MAX];

	if (!needs)
		return false;
	add_needs(&guard, groups, needs, known);
	guard.inside = guard.before;
	guard.inside.saved = BIT(1);
	if (!guard.count)
		return true;
	if (can_compare(&guard, 0, false)) {
		emit_compares(&guard);
		emit_nears(&guard);
		return true;
	}
	emit_guard(&guard, false);
	if (way) {
		end_run(&guard, guard.count);
		*way = (struct store_way){ guard.ahead, guard.inside, b->t->cold.at };
		guard.ahead.count = 0;
	} else {
		end_run_with_jmp(&guard, guard.count);
	}
	emit_nears(&guard);
	return true;
}

void stores_finish_needs(struct build *b, struct store_way *way)
{
	struct emit *e = &b->t->hot;

	if (!way->ahead.count)
		return;
	build_mark(b, true, way->inside);
	store_land(e, &way->ahead);
	emit_jmp(e, way->near);                                 /* jmp near */
}
