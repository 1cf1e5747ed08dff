/* superblock.c - blocks laid out in the order in which they were executed.
 *
 * All of them are one path (path.c), which is told where it is left:
 *
 *	<head>:	block 1				as it was executed:
 *		jcc away			  the branch that was not taken
 *		block 2
 *		jncc away			  one that was: reversed
 *		block 3
 *		save rdx;  pop rdx;  save rcx	  a return, an indirect call or jump:
 *		mov rcx, 1 - block 4		  compared with where it went
 *		lea rcx, [rcx + rdx]
 *		loop away			  (it jumps into the nop, whose end is a jump)
 *		nop
 *		restore rdx, rcx
 *		block 4
 *		<event: 4 blocks>;  jmp ...	away: <event: so many>;  jmp <there>, or lookup
 *
 * What is a loop in the program may be several rounds of it here.  Each block is a copy
 * that belongs to this superblock alone, so each may be left where it is.
 */
#include "build.h"

/* May control come to `pc` behind the block's last instruction? */
static bool may_go_to(const struct build *b, uint64_t pc)
{
	const struct x86_insn *last = &b->insns[b->count - 1];

	if (b->ends_early)
		return pc == b->end_pc;
	switch (last->kind) {
	case X86_KIND_JCC:
		return pc == b->end_pc || pc == x86_branch_target(last, b->pcs[b->count - 1]);
	case X86_KIND_JMP:                              /* in a stub it is reported */
		return pc == x86_branch_target(last, b->pcs[b->count - 1]) && !count_stub(b);
	case X86_KIND_CALL:
		return pc == x86_branch_target(last, b->pcs[b->count - 1]);
	case X86_KIND_JMP_IND:                          /* in the resolver likewise */
	case X86_KIND_CALL_IND:
	case X86_KIND_RET:
		return count_stub(b) != STUB_RESOLVER;
	default:
		return false;
	}
}

/* Can a copy of the block there be made?  What may change, and a restartable sequence, is looked up
 * by its address each time. */
static bool may_stand_at(struct build *b, uint64_t pc)
{
	const struct translate_config *c = &b->t->config;
	const struct xblock *to = cache_block_get(b->t, (struct app_pc){ pc });
	struct app_pc last = { pc + BLOCK_INSNS_MAX * X86_INSN_MAX_BYTES };

	if (!to || section_at(b->t, pc))
		return false;
	return c->trust == 0 || to->is_trusted || !c->is_writable ||
	       (!c->is_writable(c->context, (struct app_pc){ pc }) && !c->is_writable(c->context, last));
}

/* What is reported on arrival elsewhere is known here when the path is told: 1 + its site. */
static uint32_t transfer_to(struct build *b, uint64_t pc)
{
	const struct x86_insn *last = &b->insns[b->count - 1];
	int lookup = last->kind == X86_KIND_CALL_IND ? LOOKUP_CALL : last->kind == X86_KIND_JMP_IND ? LOOKUP_JMP :
		     LOOKUP_RET;
	const struct xblock *to = cache_block_get(b->t, (struct app_pc){ pc });
	struct site site;

	if (lookup == LOOKUP_RET || b->ends_early || !to || !target_arrival(b->t, to, lookup, &site))
		return 0;
	site.pc = b->pcs[b->count - 1];
	site.flags = site.words = 0;
	return 1 + cache_site_add(b->t, &site);
}

void superblock_plan(struct build *b)
{
	uint64_t pc = b->ahead_count ? b->ahead[0] : 0;

	b->goes_by = 0;
	b->goes_to = pc && !path_is_full(b) && may_go_to(b, pc) && may_stand_at(b, pc) ? pc : 0;
	if (b->goes_to && b->t->config.events.count_calls)
		b->block->public.passes = transfer_to(b, pc);
}

void superblock_emit_jcc(struct build *b, const struct x86_insn *insn, uint64_t target)
{
	struct emit *e = &b->t->hot;
	bool is_taken = b->goes_to != b->end_pc;
	uint64_t away = is_taken ? b->end_pc : target;

	emit_u8(e, 0x0f);                               /* jcc away, or jncc */
	emit_u8(e, (uint8_t)(0x80 | ((insn->opcode & 15) ^ is_taken)));
	emit_u32(e, path_emit_away(b, away) - (e->at + 4));
	build_mark(b, true, at(b->goes_to, false));
}

void superblock_emit_guess(struct build *b, int lookup, struct where where)
{
	struct emit *e = &b->t->hot;

	where.arrives = b->goes_by = (uint8_t)(1 + lookup);
	build_mark(b, true, where);
	if (!(where.saved & BIT(1)))
		emit_mov_slot_reg(e, RCX);              /* mov gs:[slot], rcx */
	where.saved |= BIT(1);
	build_mark(b, true, where);
	if (b->t->config.has_fast_loop) {
		guess_emit_distance(e, RDX, b->goes_to - 1, 0);
		EMIT_RAW(e, 0xe2, 3);                   /* loop +3: less 1, is it 0? */
		EMIT_RAW(e, 0x0f, 0x1f, 0x84);          /* nop, whose end is ... */
	} else {
		guess_emit_distance(e, RDX, b->goes_to, 0);
		EMIT_RAW(e, 0xe3, 5);                   /* jrcxz +5 */
	}
	emit_jmp(e, b->t->cold.at);                     /* jmp away */
	path_emit_away_indirect(b, lookup, where);
	where.at_rdx = false;
	where.pc = b->goes_to;
	build_mark(b, true, where);
	emit_mov_reg_slot(e, RDX);                      /* mov rdx, gs:[slot] */
	where.saved &= (uint16_t)~BIT(2);
	build_mark(b, true, where);
	emit_mov_reg_slot(e, RCX);                      /* mov rcx, gs:[slot] */
	where.saved = 0;
	build_mark(b, true, where);
}

void superblock_emit_end(struct build *b, uint64_t pc)
{
	struct emit *e = &b->t->hot;
	int lookup = b->goes_by - 1;
	struct where where = { .pc = pc, .arrives = b->goes_by };

	path_emit_end(b, where);
	build_mark(b, true, where);
	emit_mov_slot_reg(e, RDX);                      /* mov gs:[slot], rdx */
	where.saved = BIT(2);
	build_mark(b, true, where);
	emit_mov_reg_imm64(e, RDX, pc);                 /* mov rdx, pc */
	lookup_emit(b, true, lookup, (struct where){ .at_rdx = true, .saved = BIT(2) });
}
