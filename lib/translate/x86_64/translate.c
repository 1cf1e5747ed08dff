/* translate.c - from a basic block of the program to one in the cache.
 *
 * A fragment is a run of blocks laid out one behind the other, as execution is
 * likely to go: a branch falls through into the next block, an unconditional
 * jump is followed and left out, behind a call stands the block to return to.
 * Each keeps its own entry; a fragment ends where the next block has been
 * translated already, or nothing is known to follow.
 *
 *	call f			push ret		(or push [literal])
 *				jmp <f>
 *				<way in for returns>	entry of the next block
 *	jcc  there		jcc <there>		falls into the next block
 *	ret			save rdx;  pop rdx;  lookup
 *	syscall			mov rcx, next;  ...  jmp runtime_syscall
 */
#include <errno.h>
#include <stdlib.h>

#include "build.h"
#include "runtime.h"

#define COLD_SHARE 3    /* one part in three of the cache */

/* ---- marks ------------------------------------------------------------------------- */

static void mark(struct build *b, bool hot, struct where where, uint32_t site, bool is_owed)
{
	struct state state = {
		.at = hot ? b->t->hot.at : b->t->cold.at,
		.block = b->block->public.index,
		.pc = where.pc,
		.site = site,
		.saved = where.saved,
		.kind = where.at_rdx ? STATE_AT_RDX : where.at_target ? STATE_AT_TARGET : STATE_AT,
		.is_owed = is_owed,
		.in_block = where.in_block && b->t->config.events.blocks,
	};

	target_state_mark(b->t, hot, &state);
}

void build_mark(struct build *b, bool hot, struct where where)
{
	mark(b, hot, where, 0, false);
}

void build_mark_owed(struct build *b, bool hot, struct where where, uint32_t site)
{
	mark(b, hot, where, site, true);
}

/* ---- decoding ------------------------------------------------------------------------ */

static const uint8_t *window(struct translator *t, uint64_t pc, size_t *len)
{
	uint64_t page = pc & ~4095ull;
	int slot = (int)(pc >> 12 & 1);

	if (t->window[slot].page != page || !t->window[slot].len) {
		t->window[slot].page = page;
		t->window[slot].len = t->config.read(t->config.context, (struct app_pc){ page },
						     t->window[slot].bytes, 4096);
	}
	size_t at = pc - page;
	*len = t->window[slot].len > at ? t->window[slot].len - at : 0;
	return t->window[slot].bytes + at;
}

/* Copies up to 15 bytes at pc, across a page's end if need be. */
static size_t fetch(struct translator *t, uint64_t pc, uint8_t *out)
{
	size_t len, more = 0;
	const uint8_t *bytes = window(t, pc, &len);

	if (len >= X86_INSN_MAX_BYTES) {
		memcpy(out, bytes, X86_INSN_MAX_BYTES);
		return X86_INSN_MAX_BYTES;
	}
	memcpy(out, bytes, len);
	if (((pc + len) & 4095) == 0 && len) {
		bytes = window(t, pc + len, &more);
		if (more > X86_INSN_MAX_BYTES - len)
			more = X86_INSN_MAX_BYTES - len;
		memcpy(out + len, bytes, more);
	}
	return len + more;
}

static bool ends_block(const struct x86_insn *insn)
{
	return insn->kind != X86_KIND_PLAIN || !relocate_can(insn);
}

/* Reads the block's instructions.  An instruction that cannot be decoded, or is
 * to be run natively, is the last one (count includes it, len may be 0). */
static void decode(struct build *b)
{
	uint64_t pc = b->block->public.pc.address;
	uint8_t *bytes = b->bytes;

	for (b->count = 0; b->count < BLOCK_INSNS_MAX;) {
		struct x86_insn *insn = &b->insns[b->count];
		size_t len = fetch(b->t, pc, bytes);

		x86_decode(bytes, len, insn);
		if (insn->kind == X86_KIND_TRUNCATED && b->count)
			break;
		b->pcs[b->count++] = pc;
		pc += insn->len;
		bytes += insn->len;
		if (ends_block(insn)) {
			b->end_pc = pc;
			return;
		}
	}
	b->ends_early = true;
	b->end_pc = pc;
}

static void find_dead(struct build *b)
{
	b->dead_regs[b->count] = 0;
	b->dead_flags[b->count] = 0;
	for (int i = b->count - 1; i >= 0; i--) {
		const struct x86_insn *insn = &b->insns[i];

		b->dead_regs[i] = (uint16_t)((b->dead_regs[i + 1] | insn->regs_written) &
					     ~insn->regs_read);
		b->dead_flags[i] = (uint8_t)((b->dead_flags[i + 1] | insn->flags_written) &
					     ~insn->flags_read);
		if (insn->kind != X86_KIND_PLAIN || insn->special == X86_SPECIAL_XSAVE)
			b->dead_regs[i] = b->dead_flags[i] = 0;
	}
	/* The direction flag is hardly ever written: it need not be dead for code
	 * that leaves it alone. */
	for (int i = 0; i <= b->count; i++)
		if ((b->dead_flags[i] & X86_FLAGS_ARITH) == X86_FLAGS_ARITH)
			b->dead_flags[i] = X86_FLAGS_ALL;
}

static bool keep_bytes(struct build *b)
{
	struct block *public = &b->block->public;
	size_t len = b->end_pc - b->pcs[0];
	uint8_t *copy = malloc(len ? len : 1);

	if (!copy) {
		b->t->out_of_memory = true;
		return false;
	}
	memcpy(copy, b->bytes, len);
	public->bytes = copy;
	public->bytes_len = (uint32_t)len;
	public->insn_count = (uint32_t)b->count;
	public->ends_in_syscall = b->insns[b->count - 1].kind == X86_KIND_SYSCALL;
	return !len || cache_block_cover(b->t, b->block);
}

/* ---- exits ----------------------------------------------------------------------------- */

/* nops until a displacement `ahead` bytes on lies within an aligned 8 bytes */
static void align_rel(struct emit *e, unsigned ahead)
{
	while (((e->at + ahead) & 7) > 4)
		emit_u8(e, 0x90);
}

/* Where the displacement at hot offset rel_at leads: to the block at pc, or to a
 * stub that asks for it. */
static uint32_t exit_target(struct build *b, uint64_t pc, uint32_t rel_at, uint32_t request)
{
	struct translator *t = b->t;
	uint32_t index = cache_exit_add(t, (struct app_pc){ pc }, rel_at);
	struct exit *exit = cache_exit(t, index);

	if (!exit || t->hot.is_full)
		return 0;
	struct xblock *target = cache_block(t, exit->target);
	if (request == REQUEST_MISS && !t->config.events.coverage && rel_at) {
		if (target->entry) {
			exit->is_linked = true;
			t->stats.links++;
		} else {
			cache_queue(t, target, b->block->depth + 1u);
		}
	}
	exit->stub = t->cold.at;
	build_mark(b, false, (struct where){ .pc = pc });
	emit_mov_tb_imm32(&t->cold, TB_EXIT, index);    /* mov dword gs:[exit], index */
	if (request != REQUEST_MISS) {
		emit_mov_tb_imm32(&t->cold, TB_REQUEST_KIND, request);
		emit_jmp(&t->cold, RUNTIME_OFFSET(runtime_request));
		exit->rel_at = 0;
	} else {
		emit_jmp(&t->cold, RUNTIME_OFFSET(runtime_exit_miss));
	}
	return exit->is_linked ? target->entry : exit->stub;
}

static void exit_emit(struct build *b, uint64_t pc, struct where where, uint32_t request)
{
	struct emit *e = &b->t->hot;

	build_mark(b, true, where);
	align_rel(e, 1);
	emit_jmp(e, exit_target(b, pc, e->at + 1, request));   /* jmp <pc> */
}

void exit_emit_jmp(struct build *b, uint64_t pc, struct where where)
{
	exit_emit(b, pc, where, REQUEST_MISS);
}

/* ---- the last instruction ----------------------------------------------------------------- */

struct last {
	const struct x86_insn *insn;
	uint64_t pc, next;      /* of the instruction, and behind it */
	int i;
};

static struct where at(uint64_t pc, bool in_block)
{
	return (struct where){ .pc = pc, .in_block = in_block };
}

static void emit_push_literal(struct build *b, uint64_t pc)
{
	struct emit *e = build_out(b), *cold = &b->t->cold;

	if (pc <= 0x7fffffff) {
		emit_u8(e, 0x68);                       /* push imm32 */
		emit_u32(e, (uint32_t)pc);
		return;
	}
	if (b->to_cold) {       /* the literal cannot stand in the way */
		emit_u8(e, 0xeb);
		emit_u8(e, 8);                          /* jmp over the literal */
		emit_u64(e, pc);
		EMIT_RAW(e, 0xff, 0x35);                /* push [literal] */
		emit_u32(e, (uint32_t)-14);
		return;
	}
	while (cold->at & 7)
		emit_u8(cold, 0xcc);
	EMIT_RAW(e, 0xff, 0x35);                        /* push [literal] */
	emit_u32(e, cold->at - (e->at + 4));
	emit_u64(cold, pc);
}

static void emit_push_next(struct build *b, int i)
{
	emit_push_literal(b, b->pcs[i] + b->insns[i].len);
}

static void emit_push_return(struct build *b, const struct where behind)
{
	int i = b->count - 1;

	if (store_is_watched(b, i))
		store_emit(b, i, emit_push_next, behind);
	else
		emit_push_next(b, i);
}

static bool wants(struct build *b, enum site_kind kind, uint64_t pc, uint64_t target)
{
	const struct translate_config *c = &b->t->config;

	return c->events.calls && (!c->wants || c->wants(c->context, kind, (struct app_pc){ pc },
							 (struct app_pc){ target }));
}

static bool is_function(struct build *b, uint64_t pc)
{
	const struct translate_config *c = &b->t->config;

	return c->is_function && c->is_function(c->context, (struct app_pc){ pc });
}

static struct event transfer_event(struct build *b, enum site_kind kind, unsigned flags,
				   const struct last *last, uint64_t target)
{
	flags |= SITE_HAS_SP | (b->t->config.events.time ? SITE_HAS_TSC : 0u);
	return (struct event){
		.site = event_site(b, kind, flags, last->pc, target),
		.flags = (uint8_t)flags,
		.words = event_words_of(flags),
		.check = CHECK_NEAR,
	};
}

/* The block that the program will return to. */
static void expect_return(struct build *b, uint64_t next)
{
	struct xblock *to = cache_block_get(b->t, (struct app_pc){ next });

	if (to)
		to->is_after_call = true;
	else
		b->t->out_of_memory = true;
}

static void emit_call(struct build *b, const struct last *last)
{
	uint64_t target = x86_branch_target(last->insn, last->pc);
	bool reported = wants(b, SITE_CALL, last->pc, target);
	struct event event;

	expect_return(b, last->next);
	emit_push_return(b, at(target, false));
	if (reported) {
		event = transfer_event(b, SITE_CALL, 0, last, target);
		event.before = event.after = at(target, false);
		event.is_owed = true;
		event_emit(b, &event);
	}
	exit_emit_jmp(b, target, at(target, false));
	if (reported)
		event_finish(b, &event);
}

static void emit_indirect(struct build *b, const struct last *last, bool is_call)
{
	struct emit *e = &b->t->hot;
	struct where where = { .pc = last->pc, .saved = BIT(2), .in_block = true };
	bool reported = is_call && wants(b, SITE_CALL_INDIRECT, last->pc, 0);
	struct event event;

	emit_mov_slot_reg(e, RDX);                      /* mov gs:[slot], rdx */
	build_mark(b, true, where);
	relocate_load_target(b, last->i);               /* mov rdx, target */
	if (is_call) {
		expect_return(b, last->next);
		emit_push_return(b, (struct where){ .at_rdx = true, .saved = BIT(2) });
	}
	where = (struct where){ .at_rdx = true, .saved = BIT(2) };
	if (reported) {
		event = transfer_event(b, SITE_CALL_INDIRECT, SITE_HAS_TARGET, last, 0);
		event.before = event.after = where;
		event.is_owed = true;
		event_emit(b, &event);
	}
	lookup_emit(b, is_call ? LOOKUP_CALL : LOOKUP_JMP, where, false);
	if (reported)
		event_finish(b, &event);
}

static void emit_ret(struct build *b, const struct last *last)
{
	struct emit *e = &b->t->hot;
	struct where where = { .pc = last->pc, .saved = BIT(2), .in_block = true };

	emit_mov_slot_reg(e, RDX);                      /* mov gs:[slot], rdx */
	build_mark(b, true, where);
	if (last->insn->imm_len) {
		/* The whole of it, or nothing, so that no state lies between. */
		EMIT_RAW(e, 0x48, 0x8b, 0x14, 0x24);    /* mov rdx, [rsp] */
		EMIT_RAW(e, 0x48, 0x8d, 0xa4, 0x24);    /* lea rsp, [rsp + 8 + imm16] */
		emit_u32(e, 8u + (uint16_t)last->insn->imm);
	} else {
		emit_u8(e, 0x5a);                       /* pop rdx */
	}
	lookup_emit(b, LOOKUP_RET, (struct where){ .at_rdx = true, .saved = BIT(2) }, false);
}

static void emit_jump(struct build *b, const struct last *last)
{
	uint64_t target = x86_branch_target(last->insn, last->pc);
	bool reported = b->t->config.events.calls && is_function(b, target) &&
			wants(b, SITE_TAILCALL, last->pc, target);
	struct event event;

	if (reported) {
		event = transfer_event(b, SITE_TAILCALL, 0, last, target);
		event.before = at(last->pc, true);
		event.after = at(target, false);
		event_emit(b, &event);
	}
	exit_emit_jmp(b, target, at(reported ? target : last->pc, !reported));
	if (reported)
		event_finish(b, &event);
}

/* jcc rel32, or xbegin rel32: both end in a displacement of four bytes */
static void emit_branch(struct build *b, const struct last *last)
{
	struct emit *e = &b->t->hot;
	uint64_t target = x86_branch_target(last->insn, last->pc);

	align_rel(e, 2);
	if (last->insn->kind == X86_KIND_XBEGIN)
		EMIT_RAW(e, 0xc7, 0xf8);                        /* xbegin <target> */
	else {
		emit_u8(e, 0x0f);                               /* jcc <target> */
		emit_u8(e, (uint8_t)(0x80 | (last->insn->opcode & 15)));
	}
	emit_u32(e, exit_target(b, target, e->at, REQUEST_MISS) - (e->at + 4));
}

/* loop, jrcxz: no wide form, so they jump over a jump. */
static void emit_loop(struct build *b, const struct last *last)
{
	struct emit *e = &b->t->hot;
	uint64_t target = x86_branch_target(last->insn, last->pc);

	if (last->insn->prefixes & X86_PREFIX_ADDRSIZE)
		emit_u8(e, 0x67);
	emit_u8(e, last->insn->opcode);
	emit_u8(e, 2);                                          /* loop taken */
	build_mark(b, true, at(last->next, false));
	emit_u8(e, 0xeb);
	uint32_t over = e->at;
	emit_u8(e, 0);                                          /* jmp over */
	exit_emit_jmp(b, target, at(target, false));            /* taken: jmp <target> */
	if (!e->is_full)
		e->local[over] = (uint8_t)(e->at - (over + 1));
}

static void emit_syscall(struct build *b, const struct last *last)
{
	struct emit *e = &b->t->hot;

	build_mark(b, true, at(last->pc, true));
	emit_mov_reg_imm64(e, RCX, last->next);         /* mov rcx, next */
	emit_mov_tb_reg(e, TB_SYS_NEXT, RCX);           /* mov gs:[sys_next], rcx */
	emit_lea_reg_cache(e, RCX, e->at + 7 + 9 + 5);  /* lea rcx, [resume] */
	emit_mov_tb_reg(e, TB_SYS_RESUME, RCX);         /* mov gs:[sys_resume], rcx */
	emit_jmp(e, RUNTIME_OFFSET(runtime_syscall));   /* jmp runtime_syscall */
	build_mark(b, true, at(last->next, false));     /* resume: */
}

static void emit_step(struct build *b, const struct last *last)
{
	exit_emit(b, last->pc, at(last->pc, true), REQUEST_STEP);
}

/* Emits the last instruction.  Returns the program address that execution falls
 * into behind it, 0 when there is none; *is_return: it gets there by a return. */
static uint64_t emit_last(struct build *b, bool *is_return)
{
	struct last last = {
		.insn = &b->insns[b->count - 1],
		.i = b->count - 1,
		.pc = b->pcs[b->count - 1],
		.next = b->end_pc,
	};

	*is_return = false;
	build_mark(b, true, at(last.pc, true));
	switch (last.insn->kind) {
	case X86_KIND_CALL:
		emit_call(b, &last);
		*is_return = true;
		return last.next;
	case X86_KIND_CALL_IND:
		emit_indirect(b, &last, true);
		*is_return = true;
		return last.next;
	case X86_KIND_JMP_IND:
		emit_indirect(b, &last, false);
		return 0;
	case X86_KIND_RET:
		emit_ret(b, &last);
		return 0;
	case X86_KIND_JMP:
		emit_jump(b, &last);
		return 0;
	case X86_KIND_JCC:
	case X86_KIND_XBEGIN:
		emit_branch(b, &last);
		break;
	case X86_KIND_LOOP:
		emit_loop(b, &last);
		break;
	case X86_KIND_SYSCALL:
		emit_syscall(b, &last);
		break;
	default:
		emit_step(b, &last);
		return 0;
	}
	build_mark(b, true, at(last.next, false));
	return last.next;
}

/* 16-bit forms and others that are not worth a translation */
static bool is_odd(const struct x86_insn *insn)
{
	switch (insn->kind) {
	case X86_KIND_JMP_IND:
	case X86_KIND_CALL_IND:
	case X86_KIND_RET:
		return insn->prefixes & (X86_PREFIX_OPSIZE | X86_PREFIX_SEG_GS) ||
		       insn->eip_relative;
	default:
		return false;
	}
}

/* ---- a block -------------------------------------------------------------------------------- */

static void emit_block_event(struct build *b)
{
	uint64_t pc = b->pcs[0];
	unsigned flags = b->t->config.events.time ? SITE_HAS_TSC : 0;

	if (b->t->config.wants && !b->t->config.wants(b->t->config.context, SITE_BLOCK,
						      (struct app_pc){ pc }, (struct app_pc){ pc }))
		return;
	struct event event = {
		.site = event_site(b, SITE_BLOCK, flags, pc, pc),
		.flags = (uint8_t)flags,
		.words = event_words_of(flags),
		.before = at(pc, false),
		.after = at(pc, true),
		.dead = b->dead_regs[0],
		.check = b->dead_flags[0] == X86_FLAGS_ALL ? CHECK_FLAGS_DEAD : CHECK_HERE,
	};
	event_emit(b, &event);
}

/* How often a repeated string instruction ran: rcx before it and after. */
static void emit_count_event(struct build *b, int i, uint64_t pc)
{
	struct event event = {
		.site = event_site(b, SITE_REP, SITE_HAS_COUNT, b->pcs[i], pc),
		.flags = SITE_HAS_COUNT,
		.words = event_words_of(SITE_HAS_COUNT),
		.before = at(pc, true),
		.after = at(pc, true),
		.check = CHECK_HERE,
	};

	event_emit(b, &event);
}

/* ---- code that may change ----------------------------------------------------------------- */

/* mov[zx] rcx, [rdx + at], `len` bytes */
static void emit_load_piece(struct emit *e, uint32_t at, unsigned len)
{
	if (len == 8)
		EMIT_RAW(e, 0x48, 0x8b, 0x8a);
	else if (len == 4)
		EMIT_RAW(e, 0x8b, 0x8a);
	else if (len == 2)
		EMIT_RAW(e, 0x0f, 0xb7, 0x8a);
	else
		EMIT_RAW(e, 0x0f, 0xb6, 0x8a);
	emit_u32(e, at);
}

/* Compares the block's bytes with those that were translated, piece by piece,
 * without touching flags; where they differ, asks for a new translation. */
static void emit_check_bytes(struct build *b, uint64_t pc)
{
	struct emit *e = &b->t->hot;
	struct where where = { .pc = pc };
	uint32_t len = b->block->public.bytes_len;

	build_mark(b, true, where);
	for (uint8_t r = 0; r <= 2; r++)
		emit_mov_slot_reg(e, (struct reg){ r });        /* mov gs:[slot], rax rcx rdx */
	where.saved = BIT(0) | BIT(1) | BIT(2);
	build_mark(b, true, where);
	/* The way out: the registers back, then the request. */
	uint32_t out = b->t->cold.at;
	build_mark(b, false, where);
	for (uint8_t r = 0; r <= 2; r++)
		emit_mov_reg_slot(&b->t->cold, (struct reg){ r });
	exit_target(b, pc, 0, REQUEST_STALE);
	emit_mov_reg_imm64(e, RDX, pc);                         /* mov rdx, pc */
	for (uint32_t at = 0; at < len;) {
		unsigned piece = len - at >= 8 ? 8 : len - at >= 4 ? 4 : len - at >= 2 ? 2 : 1;
		uint64_t value = 0;

		memcpy(&value, b->bytes + at, piece);
		emit_load_piece(e, at, piece);                  /* mov rcx, [rdx + at] */
		emit_mov_reg_imm64(e, RAX, -value);             /* mov rax, -value */
		EMIT_RAW(e, 0x48, 0x8d, 0x0c, 0x01);            /* lea rcx, [rcx + rax] */
		EMIT_RAW(e, 0xe3, 0x05);                        /* jrcxz +5 */
		emit_jmp(e, out);                               /* jmp out */
		at += piece;
	}
	for (uint8_t r = 0; r <= 2; r++)
		emit_mov_reg_slot(e, (struct reg){ r });        /* mov rax rcx rdx, gs:[slot] */
	where.saved = 0;
	build_mark(b, true, where);
}

static bool is_writable(struct build *b, uint64_t pc)
{
	const struct translate_config *c = &b->t->config;

	return c->is_writable && c->is_writable(c->context, (struct app_pc){ pc });
}

static void emit_body(struct build *b)
{
	const struct translate_events *events = &b->t->config.events;
	int plain = b->ends_early ? b->count : b->count - 1;

	for (int i = 0; i < plain; i++) {
		bool counted = events->blocks && events->counts && b->insns[i].rep_string;

		build_mark(b, true, at(b->pcs[i], true));
		if (counted)
			emit_count_event(b, i, b->pcs[i]);
		if (store_is_watched(b, i))
			store_emit(b, i, NULL, at(b->pcs[i] + b->insns[i].len, true));
		else
			relocate_emit(b, i);
		if (counted) {
			build_mark(b, true, at(b->pcs[i + 1], true));
			emit_count_event(b, i, b->pcs[i] + b->insns[i].len);
		}
	}
}

/* Translates one block; *follow: the address that lies behind it in the
 * fragment, 0 for none.  -EFAULT: there is nothing to execute. */
static int translate_block(struct build *b, bool is_return, uint64_t *follow, bool *follow_return)
{
	struct translator *t = b->t;
	struct xblock *block = b->block;

	decode(b);
	if (b->insns[0].kind == X86_KIND_TRUNCATED && b->count == 1)
		return -EFAULT;
	if (!b->ends_early && is_odd(&b->insns[b->count - 1]))
		b->insns[b->count - 1].kind = X86_KIND_UNKNOWN;
	if (b->insns[b->count - 1].len == 0)
		b->end_pc = b->pcs[b->count - 1];
	find_dead(b);
	if (!keep_bytes(b))
		return -ENOMEM;
	if (is_return && !block->lookup_entry[LOOKUP_RET])
		lookup_emit_return_entry(b);
	uint32_t entry = t->hot.at;
	build_mark(b, true, at(b->pcs[0], false));
	if (is_writable(b, b->pcs[0]) || is_writable(b, b->end_pc - 1))
		emit_check_bytes(b, b->pcs[0]);
	if (t->config.events.blocks)
		emit_block_event(b);
	emit_body(b);
	*follow_return = false;
	if (b->ends_early) {
		build_mark(b, true, at(b->end_pc, false));
		*follow = b->end_pc;
	} else {
		*follow = emit_last(b, follow_return);
	}
	if (t->hot.is_full || t->cold.is_full)
		return -ENOSPC;
	block->entry = entry;
	t->stats.blocks++;
	t->stats.insns += (uint64_t)b->count;
	b->done[b->done_count++] = block;
	return 0;
}

/* Goes on at pc in another fragment. */
static void leave_for(struct build *b, uint64_t pc, bool is_return)
{
	struct xblock *to = cache_block_get(b->t, (struct app_pc){ pc });
	struct build way_in = { .t = b->t, .block = to };

	if (!to)
		return;
	if (is_return && to->entry && to->lookup_entry[LOOKUP_RET])
		return;                 /* control cannot come here but by that way */
	if (is_return && to->entry)
		lookup_emit_return_entry(&way_in);
	else if (is_return) {
		cache_queue(b->t, to, b->block->depth + 1u);
		return;                 /* else the first return will miss */
	}
	exit_emit_jmp(b, pc, at(pc, false));
}

/* A fragment is let in only when all of it stands: what falls out of one of its
 * blocks falls into the next. */
static void publish(struct build *b)
{
	for (int i = 0; i < b->done_count; i++)
		if (!b->t->config.events.coverage)
			cache_link_incoming(b->t, b->done[i]);
}

int target_translate(struct translator *t, struct xblock *first)
{
	struct build *b = calloc(1, sizeof *b);
	uint64_t pc = first->public.pc.address;
	bool is_return = false;
	int r = 0;

	if (!b)
		return -ENOMEM;
	t->window[0].len = t->window[1].len = 0;
	b->t = t;
	for (int n = 0; pc; n++) {
		uint64_t follow = 0;
		bool follow_return = false;
		struct xblock *block = cache_block_get(t, (struct app_pc){ pc });

		if (!block) {
			r = -ENOMEM;
			break;
		}
		bool stop = block->entry || n == FRAGMENT_BLOCKS_MAX ||
			    (n && t->config.events.coverage);
		if (!stop) {
			b->ends_early = false;
			struct xblock *before = b->block;
			b->block = block;
			block->depth = first->depth;
			r = translate_block(b, is_return, &follow, &follow_return);
			if (r == -EFAULT && n) {        /* the way there stays a miss */
				b->block = before;
				stop = true;
				r = 0;
			}
			if (r < 0)
				break;
		}
		if (stop) {
			leave_for(b, pc, is_return);
			break;
		}
		pc = follow;
		is_return = follow_return;
	}
	if (t->hot.is_full || t->cold.is_full)
		r = -ENOSPC;
	if (t->out_of_memory)
		r = -ENOMEM;
	if (r == 0)
		publish(b);
	free(b);
	return r;
}

/* ---- start --------------------------------------------------------------------------------------- */

void target_init(struct translator *t)
{
	uint32_t runtime_len = (uint32_t)(runtime_end - runtime_start);
	uint32_t split = (uint32_t)(t->config.size_bytes - t->config.size_bytes / COLD_SHARE) & ~63u;

	memcpy(t->config.local, runtime_start, runtime_len);
	t->hot = (struct emit){ t->config.local, t->config.base, (runtime_len + 63) & ~63u, split,
				false };
	t->cold = (struct emit){ t->config.local, t->config.base, split,
				 (uint32_t)t->config.size_bytes, false };
}

void translator_runtime(const struct translator *t, struct translate_runtime *out)
{
	uint64_t base = t->config.base;

	out->syscall_insn.address = base + RUNTIME_OFFSET(runtime_syscall_insn);
	out->syscall_done.address = base + RUNTIME_OFFSET(runtime_syscall_done);
	out->syscall_native.address = base + RUNTIME_OFFSET(runtime_syscall_native);
	out->syscall_again.address = base + RUNTIME_OFFSET(runtime_syscall_again);
	out->ring_retry.address = base + RUNTIME_OFFSET(runtime_ring_retry);
}
