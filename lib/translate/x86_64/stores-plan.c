/* stores-plan.c - one check for many accesses.
 *
 * Accesses of a block whose operands have the same registers, with the same values, and
 * displacements that are near to each other, are a group: one check before the first of
 * them says that none comes near a watched range.  Pushes and calls are accesses at rsp,
 * whose changes by constants are followed.  Groups are checked together, as early as
 * their registers have their values, so that a block spills rcx once:
 *
 *	push rbx			mov gs:[slot], rcx
 *	mov [rsp + 8], rax		<is rsp within STORE_MARGIN of a range?  near>
 *	mov [rdi + 16], rdx		<is rdi?  near>
 *	mov [rdi + 24], rdx		mov rcx, gs:[slot]
 *	call f				push rbx; mov [rsp + 8], rax; ...
 *
 *	near:	<is the group's memory near a range? else go on>
 *		jmp <the careful translation of what follows>
 *
 * A call's check goes CALLEE_NEEDS bytes deeper, and the callee is entered behind its own
 * check of the same: it is made by those who come from elsewhere.  So there is one check
 * of rsp for a call, not two.
 *
 * A careful block looks at each access by itself.  It is a block beside the one that
 * begins at the same address, and only such checks lead to it.
 */
#include "stores.h"

#include "runtime.h"

#define RSP_NUMBER X86_REG_RSP
#define DISPLACEMENT_MAX (1ll << 30)
#define CALLEE_NEEDS 1024

/* What is known while the block is read. */
struct plan {
	uint8_t epoch[17];      /* of a register: counts its changes */
	uint8_t changed[17];    /* the instruction from which on it has its value */
	int64_t rsp;            /* how far constants have moved rsp in its epoch, before ... */
	int64_t rsp_at[BLOCK_INSNS_MAX + 1];    /* ... each instruction */
};

/* ---- registers ---------------------------------------------------------------------------- */

static void follow(struct plan *plan, const struct x86_insn *insn, int i)
{
	uint16_t written = registers_may_write(insn);
	int64_t by;

	if (registers_move_rsp(insn, &by)) {
		plan->rsp += by;
		written &= (uint16_t)~BIT(RSP_NUMBER);
	} else if (written >> RSP_NUMBER & 1) {
		plan->rsp = 0;
	}
	for (int r = 0; r < 16; r++)
		if (written >> r & 1) {
			plan->epoch[r]++;
			plan->changed[r] = (uint8_t)(i + 1);
		}
	plan->rsp_at[i + 1] = plan->rsp;
}

/* ---- groups ---------------------------------------------------------------------------------- */

static void place_by_modrm(const struct x86_insn *insn, struct store_group *out)
{
	unsigned mod = insn->modrm >> 6, rm = insn->modrm & 7;
	unsigned base = insn->has_sib ? insn->sib & 7u : rm;
	unsigned index = insn->has_sib ? insn->sib >> 3 & 7u : 4;

	index |= insn->has_sib && (insn->vex_rxb & 2) ? 8 : 0;
	out->base = insn->has_sib && base == 5 && mod == 0 ? STORE_NO_REG :
		    (uint8_t)(base | (insn->vex_rxb & 1 ? 8 : 0));
	out->index = index == 4 ? STORE_NO_REG : (uint8_t)index;
	out->scale = insn->has_sib ? insn->sib >> 6 : 0;
	out->low = insn->disp_len == 1 && insn->disp8_scale ?
		   (int64_t)insn->disp * insn->disp8_scale : insn->disp_len ? insn->disp : 0;
}

static bool pops_register(const struct x86_insn *insn)
{
	return insn->special == X86_SPECIAL_STACK_POP && !insn->has_mem &&
	       insn->encoding == X86_ENCODING_LEGACY && insn->map == X86_MAP_ONE_BYTE &&
	       (insn->opcode & 0xf8) == 0x58;
}

/* Where it is, if registers and a constant say so. */
static bool find_place(const struct build *b, const struct x86_insn *insn, struct store_group *out)
{
	bool is_push = store_pushes(insn);

	*out = (struct store_group){ .base = RSP_NUMBER, .index = STORE_NO_REG };
	if (pops_register(insn)) {
		out->end = 8;
		return true;
	}
	if (insn->uses_seg_fs || insn->uses_seg_gs || insn->rep_string ||
	    store_is_opaque(b, insn) || store_reach(insn) > STORE_FPU_ENV_MAX)
		return false;
	if (is_push) {
		out->low = -8;
	} else if (insn->is_string) {
		out->base = 7;                          /* rdi */
	} else {
		if (insn->rip_relative || (insn->prefixes & X86_PREFIX_ADDRSIZE))
			return false;
		place_by_modrm(insn, out);
	}
	out->end = out->low + (is_push ? 8 : (int64_t)store_reach(insn));
	return true;
}

static bool extends(struct store_group *g, const struct store_group *more)
{
	int64_t low = more->low < g->low ? more->low : g->low;
	int64_t end = more->end > g->end ? more->end : g->end;

	if (g->base != more->base || g->index != more->index || g->scale != more->scale ||
	    g->base_epoch != more->base_epoch || g->index_epoch != more->index_epoch ||
	    end - low > STORE_MARGIN || (g->is_fixed && (low < g->low || end > g->end)))
		return false;
	g->low = low;
	g->end = end;
	return true;
}

static bool needs_spill(const struct build *b, int i)
{
	return !(b->dead_regs[i] >> 1 & 1);
}

/* Where there is a check already and its registers have their values; else where rcx is
 * dead; else at the access itself, i. */
static uint8_t place_of_check(const struct build *b, const struct plan *plan,
			      const struct store_group *g, int i)
{
	uint8_t from = plan->changed[g->base];

	if (plan->changed[g->index] > from)
		from = plan->changed[g->index];
	for (int k = b->group_count - 1; k >= 0; k--)
		if (from <= b->groups[k].at)
			return b->groups[k].at;
	for (int at = i; at >= from; at--)
		if (!needs_spill(b, at))
			return (uint8_t)at;
	return (uint8_t)i;
}

/* The displacement where the check stands fits into an instruction. */
static bool is_in_reach(const struct plan *plan, const struct store_group *g)
{
	int64_t low = g->low - (g->base == RSP_NUMBER ? plan->rsp_at[g->at] : 0);

	return low > -DISPLACEMENT_MAX && low < DISPLACEMENT_MAX;
}

/* The push of a call makes sure of what the callee needs. */
static void extend_for_callee(struct build *b, int group, int i)
{
	struct store_group *g = &b->groups[group];

	if (b->insns[i].kind != X86_KIND_CALL || g->is_fixed ||
	    g->end - (g->low - CALLEE_NEEDS) > STORE_MARGIN)
		return;
	g->low -= CALLEE_NEEDS;
	b->call_is_checked = true;
}

static void add(struct build *b, struct plan *plan, int i)
{
	struct store_group g;

	if (!find_place(b, &b->insns[i], &g))
		return;
	g.base_epoch = plan->epoch[g.base];
	g.index_epoch = plan->epoch[g.index];
	if (g.base == RSP_NUMBER) {
		g.low += plan->rsp;
		g.end += plan->rsp;
	}
	for (int k = 0; k < b->group_count; k++)
		if (extends(&b->groups[k], &g)) {
			b->stores_covered |= 1ull << i;
			extend_for_callee(b, k, i);
			return;
		}
	g.at = place_of_check(b, plan, &g, i);
	if (b->group_count == STORE_GROUPS_MAX || !is_in_reach(plan, &g))
		return;
	b->groups[b->group_count] = g;
	b->stores_covered |= 1ull << i;
	extend_for_callee(b, b->group_count++, i);
}

/* What a checked call has made sure of: it is the first group of its callee. */
static void add_entry_group(struct build *b)
{
	if (!b->block->is_called)
		return;
	b->groups[b->group_count++] = (struct store_group){
		.base = RSP_NUMBER, .index = STORE_NO_REG, .low = -CALLEE_NEEDS, .end = 8,
		.is_fixed = true,
	};
}

/* Displacements of rsp as they are where the check stands. */
static void settle(struct build *b, const struct plan *plan)
{
	for (int k = 0; k < b->group_count; k++) {
		struct store_group *g = &b->groups[k];

		if (g->base != RSP_NUMBER)
			continue;
		g->low -= plan->rsp_at[g->at];
		g->end -= plan->rsp_at[g->at];
	}
}

void stores_plan(struct build *b)
{
	const struct translate_events *events = &b->t->config.events;
	struct plan plan;

	b->group_count = 0;
	b->stores_covered = 0;
	b->call_is_checked = false;
	b->entry_checked = 0;
	if (!events->stores || events->blocks || events->calls || b->block->is_careful ||
	    !b->t->config.has_bmi2 || !b->t->windows.cell_count || volatile_is(b))
		return;
	memset(&plan, 0, sizeof plan);
	add_entry_group(b);
	for (int i = 0; i < b->count; i++) {
		if (store_is_watched(b, i))
			add(b, &plan, i);
		follow(&plan, &b->insns[i], i);
	}
	settle(b, &plan);
}

/* ---- the checks ------------------------------------------------------------------------------ */

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
	emit_lea_group(e, g, g->low);
}

/* Goes on in the careful block at pc. */
#define EXIT_CAREFUL_BYTES 32

static void emit_exit_careful(struct build *b, uint64_t pc)
{
	struct translator *t = b->t;
	struct emit *cold = &t->cold;
	struct xblock *to = cache_block_careful(t, (struct app_pc){ pc });

	exit_align(cold, 1);
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

/* near: in the cold code; back to the hot code at `back` if it is not so near. */
static void emit_near(struct build *b, const struct store_group *g, struct where before,
		      struct where inside, uint32_t back)
{
	struct emit *cold = &b->t->cold;
	struct where deeper = inside;
	uint32_t hits[STORE_CLUSTERS_MAX];

	deeper.saved |= BIT(0);
	build_mark(b, false, inside);
	emit_mov_slot_reg(cold, RAX);                           /* mov gs:[slot], rax */
	build_mark(b, false, deeper);
	unsigned n = store_emit_clusters(cold, b->t, (uint64_t)(g->end - g->low), hits, lea_group, g);
	emit_mov_reg_slot(cold, RAX);                           /* mov rax, gs:[slot] */
	build_mark(b, false, inside);
	emit_jmp(cold, back);                                   /* jmp back */
	build_mark(b, false, deeper);
	while (n)
		store_land(cold, hits[--n]);
	emit_mov_reg_slot(cold, RAX);                           /* hit: mov rax, gs:[slot] */
	if (inside.saved)
		emit_mov_reg_slot(cold, RCX);                   /* mov rcx, gs:[slot] */
	build_mark(b, false, before);
	emit_exit_careful(b, before.pc);
}

static void emit_check(struct build *b, const struct store_group *g, struct where before,
		       struct where inside, bool is_first)
{
	struct emit *e = &b->t->hot;
	uint32_t near = b->t->cold.at;

	if (uses_rcx(g) && !is_first)
		emit_mov_reg_slot(e, RCX);                      /* mov rcx, gs:[slot] */
	if (is_at_base(g)) {
		store_emit_cells(e, b->t, (struct reg){ g->base }, near);
	} else {
		emit_lea_group(e, g, g->low);
		store_emit_cells(e, b->t, RCX, near);
	}
	emit_near(b, g, before, inside, e->at);
}

/* The checks that stand before instruction i, of groups that are fixed, or of others; rcx is
 * spilt once. */
static void emit_checks(struct build *b, int i, bool fixed)
{
	struct emit *e = &b->t->hot;
	struct where before = at(b->pcs[i], true), inside = before;
	bool is_first = true;

	if (needs_spill(b, i))
		inside.saved |= BIT(1);
	for (int k = 0; k < b->group_count; k++) {
		if (b->groups[k].at != i || b->groups[k].is_fixed != fixed)
			continue;
		if (is_first && inside.saved)
			emit_mov_slot_reg(e, RCX);              /* mov gs:[slot], rcx */
		if (is_first)
			build_mark(b, true, inside);
		emit_check(b, &b->groups[k], before, inside, is_first);
		is_first = false;
	}
	if (!is_first && inside.saved)
		emit_mov_reg_slot(e, RCX);                      /* mov rcx, gs:[slot] */
	if (!is_first)
		build_mark(b, true, before);
}

void stores_emit_checks(struct build *b, int i)
{
	if (i == 0 && b->group_count && b->groups[0].is_fixed) {
		emit_checks(b, i, true);
		b->entry_checked = b->t->hot.at;
	}
	emit_checks(b, i, false);
}
