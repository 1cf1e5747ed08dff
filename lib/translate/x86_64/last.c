/* last.c - the instruction that ends a block: branches, calls, returns, system
 * calls, and what is to be run natively. */
#include "build.h"
#include "runtime.h"

struct last {
	const struct x86_insn *insn;
	uint64_t pc, next;      /* of the instruction, and behind it */
	int i;
};

#define LITERALS_BYTES 64

/* A place for a literal, beside those of the neighbours: they are read as data. */
static uint32_t put_literal(struct translator *t, uint64_t value)
{
	struct emit *cold = &t->cold;

	if (t->literal_at == t->literal_end) {
		while (cold->at & 7)
			emit_u8(cold, 0xcc);
		t->literal_at = cold->at;
		for (int i = 0; i < LITERALS_BYTES / 8; i++)
			emit_u64(cold, 0);
		t->literal_end = cold->at;
	}
	if (cold->is_full)
		return cold->at;
	memcpy(cold->local + t->literal_at, &value, 8);
	t->literal_at += 8;
	return t->literal_at - 8;
}

static void emit_push_literal(struct build *b, uint64_t pc)
{
	struct emit *e = build_out(b);

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
	EMIT_RAW(e, 0xff, 0x35);                        /* push [literal] */
	emit_u32(e, put_literal(b->t, pc) - (e->at + 4));
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

static bool is_function(const struct build *b, uint64_t pc)
{
	const struct translate_config *c = &b->t->config;

	return c->is_function && c->is_function(c->context, (struct app_pc){ pc });
}

static struct event transfer_event(struct build *b, enum site_kind kind, unsigned flags,
				   const struct last *last, uint64_t target)
{
	if (b->t->config.events.calls)
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

/* Returns the target when it is to be laid out next: within a path. */
static uint64_t emit_call(struct build *b, const struct last *last)
{
	uint64_t target = x86_branch_target(last->insn, last->pc);
	bool reported = b->t->config.events.calls;
	struct event event;

	expect_return(b, last->next);
	returns_emit_call(b, last->next);
	emit_push_return(b, at(target, false));
	if (b->path_site) {
		if (!b->ahead)
			b->returns[b->return_count++] = last->next;
		build_mark(b, true, at(target, false));
		return target;
	}
	if (reported) {
		event = transfer_event(b, SITE_CALL, 0, last, target);
		event.before = event.after = at(target, false);
		event.is_owed = true;
		event_emit(b, &event);
	}
	exit_emit_jmp(b, target, at(target, false));
	if (reported)
		event_finish(b, &event);
	return 0;
}

/* What count_plan() or path_plan() has left for here. */
static void emit_late(struct build *b)
{
	if (b->count_late && b->t->config.events.paths)
		path_emit_late(b);
	else if (b->count_late)
		count_emit_late(b);
}

/* The branch has been done, but for going there. */
static void go_on_at_rdx(struct build *b, int lookup, struct where where, struct event *event)
{
	if (b->goes_to)
		superblock_emit_guess(b, lookup, where);
	else
		guess_emit(b, lookup, where, event);
}

static void emit_indirect(struct build *b, const struct last *last, bool is_call)
{
	struct emit *e = &b->t->hot;
	uint16_t saved = b->count_late ? BIT(1) | BIT(2) : BIT(2);
	struct where where = { .pc = last->pc, .saved = saved, .in_block = true };
	bool reported = is_call && b->t->config.events.calls;
	struct event event;

	if (is_call)
		returns_emit_call(b, last->next);
	emit_late(b);
	if (!is_call && !b->goes_to &&
	    guess_emit_by_register(b, (struct where){ last->pc, b->count_late ? BIT(1) : 0, .in_block = true }))
		return;
	emit_mov_slot_reg(e, RDX);                      /* mov gs:[slot], rdx */
	build_mark(b, true, where);
	relocate_load_target(b, last->i);               /* mov rdx, target */
	if (is_call) {
		expect_return(b, last->next);
		emit_push_return(b, (struct where){ .at_rdx = true, .saved = BIT(2) });
	}
	where = (struct where){ .at_rdx = true, .saved = saved };
	if (reported) {
		event = transfer_event(b, SITE_CALL_INDIRECT, SITE_HAS_TARGET, last, 0);
		event.before = event.after = where;
		event.is_owed = true;
		event_emit(b, &event);
	}
	go_on_at_rdx(b, is_call ? LOOKUP_CALL : LOOKUP_JMP, where, reported ? &event : NULL);
}

static void emit_ret(struct build *b, const struct last *last)
{
	struct emit *e = &b->t->hot;
	uint16_t saved = b->count_late ? BIT(1) | BIT(2) : BIT(2);
	struct where where = { .pc = last->pc, .saved = saved, .in_block = true };

	emit_late(b);
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
	go_on_at_rdx(b, LOOKUP_RET, (struct where){ .at_rdx = true, .saved = saved }, NULL);
}

static bool is_reported_jump(const struct build *b, uint64_t target)
{
	const struct translate_events *events = &b->t->config.events;

	return (events->calls || events->count_calls) && is_function(b, target) &&
	       (events->calls || count_stub(b));
}

bool last_saves_rcx(const struct build *b)
{
	const struct x86_insn *last = &b->insns[b->count - 1];

	if (b->ends_early)
		return false;
	return last->kind == X86_KIND_RET ||
	       (last->kind == X86_KIND_JMP_IND && !(last->regs_read & BIT(1)));
}

bool last_is_left_out(const struct build *b)
{
	uint64_t pc = b->pcs[b->count - 1], target = x86_branch_target(&b->insns[b->count - 1], pc);
	const struct xblock *to = cache_block_find(b->t, (struct app_pc){ target });

	if (b->ahead)
		return b->goes_to;
	if (b->t->config.events.paths)
		return target > pc && !count_stub(b) &&         /* no loop, and not reported */
		       !(to && to->entry && b->path_len >= PATH_BLOCKS_SHORT);
	return !is_reported_jump(b, target) && target && to != b->block && !(to && to->entry);
}

/* Returns the target when it is to be laid out next, so that no jump is needed. */
static uint64_t emit_jump(struct build *b, const struct last *last)
{
	uint64_t target = x86_branch_target(last->insn, last->pc);
	bool reported = is_reported_jump(b, target);
	struct event event;

	if (b->is_left_out)
		return target;
	if (reported) {
		event = transfer_event(b, SITE_TAILCALL, 0, last, target);
		event.before = at(last->pc, true);
		event.after = at(target, false);
		event_emit(b, &event);
	}
	exit_emit_jmp(b, target, at(reported ? target : last->pc, !reported));
	if (reported)
		event_finish(b, &event);
	return 0;
}

/* jcc rel32, or xbegin rel32: both end in a displacement of four bytes */
static void emit_branch(struct build *b, const struct last *last)
{
	struct emit *e = &b->t->hot;
	uint64_t target = x86_branch_target(last->insn, last->pc);

	if (b->goes_to) {
		superblock_emit_jcc(b, last->insn, target);
		return;
	}
	if (b->path_site) {                                     /* a jcc */
		emit_u8(e, 0x0f);                               /* jcc away */
		emit_u8(e, (uint8_t)(0x80 | (last->insn->opcode & 15)));
		emit_u32(e, path_emit_away(b, target) - (e->at + 4));
		return;
	}
	exit_align(b->t, e, 2);
	if (last->insn->kind == X86_KIND_XBEGIN) {
		EMIT_RAW(e, 0xc7, 0xf8);                        /* xbegin <target> */
		transaction_begins(b->t, last->next);
	} else {
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
uint64_t last_emit(struct build *b, bool *is_return)
{
	struct last last = {
		.insn = &b->insns[b->count - 1],
		.i = b->count - 1,
		.pc = b->pcs[b->count - 1],
		.next = b->end_pc,
	};
	uint64_t pc;

	*is_return = false;
	build_mark(b, true, at(last.pc, true));
	switch (last.insn->kind) {
	case X86_KIND_CALL:
		pc = emit_call(b, &last);
		*is_return = !pc;
		return pc ? pc : last.next;
	case X86_KIND_CALL_IND:
		emit_indirect(b, &last, true);
		*is_return = !b->goes_to;
		return b->goes_to ? b->goes_to : last.next;
	case X86_KIND_JMP_IND:
		emit_indirect(b, &last, false);
		return b->goes_to;
	case X86_KIND_RET:
		emit_ret(b, &last);
		return b->goes_to;
	case X86_KIND_JMP:
		return emit_jump(b, &last);
	case X86_KIND_JCC:
	case X86_KIND_XBEGIN:
		emit_branch(b, &last);
		break;
	case X86_KIND_LOOP:
		emit_loop(b, &last);
		break;
	case X86_KIND_SYSCALL:
		if (b->t->config.steps_syscalls) {
			emit_step(b, &last);
			return 0;
		}
		emit_syscall(b, &last);
		break;
	default:
		emit_step(b, &last);
		return 0;
	}
	if (b->goes_to)
		return b->goes_to;
	build_mark(b, true, at(last.next, false));
	return last.next;
}

/* 16-bit forms and others that are not worth a translation */
bool last_is_odd(const struct x86_insn *insn)
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

unsigned target_ways_on(const struct xblock *b, uint64_t to[2], bool *returns)
{
	const struct block *block = &b->public;
	struct x86_insn insn = { .kind = X86_KIND_UNKNOWN };
	uint64_t pc = block->pc.address, next = pc;

	for (uint32_t at = 0; at < block->bytes_len; at += insn.len) {
		pc = next;
		if (!x86_decode(block->bytes + at, block->bytes_len - at, &insn) || insn.special == X86_SPECIAL_XEND)
			return 0;
		next = pc + insn.len;
	}
	*returns = insn.kind == X86_KIND_CALL || insn.kind == X86_KIND_CALL_IND;
	to[0] = to[1] = next;
	switch (insn.kind) {
	case X86_KIND_JCC:
	case X86_KIND_LOOP:
	case X86_KIND_CALL:
		to[0] = x86_branch_target(&insn, pc);
		return 2;
	case X86_KIND_JMP:
		to[0] = x86_branch_target(&insn, pc);
		return 1;
	case X86_KIND_PLAIN:
	case X86_KIND_CALL_IND:
	case X86_KIND_XBEGIN:
		return 1;
	default:
		return 0;
	}
}
