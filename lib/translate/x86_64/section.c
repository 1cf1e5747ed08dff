/* section.c - restartable sequences (rseq).
 *
 * A program tells the kernel, by a descriptor whose address it stores in its
 * thread's rseq area, that the instructions from start to end are to be run whole:
 * when the thread is preempted, moved to another processor or gets a signal in
 * there, the kernel lets it go on at `abort` instead.
 *
 *	lea rax, [descriptor]		descriptor: start, length of [start, end), abort
 *	mov fs:[area + 8], rax
 *    start:
 *	...				reads, compares; may leave by a branch
 *	mov [counter], rcx		the last instruction commits
 *    end:
 *
 * In the cache the kernel would see a foreign program counter there and never abort.
 * So a sequence is translated in one piece, with no instruction between that is not
 * the program's own, and the kernel is given a descriptor of the translation:
 *
 *	entry:	jmp over
 *		<signature>		four bytes that the kernel asks for
 *	abort:	jmp <abort>
 *	over:	<what stands at a block's beginning>
 *		mov rcx, gs:[rseq];  mov rax, <descriptor of ours>;  mov [rcx + 8], rax
 *		...			the sequence; branches out go to `ways`
 *		jmp behind
 *	ways:	<event: cut here>;  jmp <target>
 *	behind:
 *
 * A thread that is stopped in there gets the program's descriptor back (struct
 * state, `section`), so that the kernel aborts what it sees natively.  For the
 * reader a sequence is one block; one that was aborted has not run.
 *
 * Sequences are recognised where their descriptor's address is loaded and stored.
 * Those with calls, system calls or indirect branches are none to the kernel
 * either; one that is longer than a block is left alone, and is not restarted.
 */
#include <stdlib.h>

#include "build.h"

#define SECTION_BYTES_MAX 4096u
#define STORE_WITHIN 4          /* instructions behind the load of the address */

/* What the program gives to the kernel: see linux/rseq.h. */
struct descriptor {
	uint32_t version, flags;
	uint64_t start, length, abort;
};

#define DESCRIPTOR_BYTES 32u

/* ---- known ones ---------------------------------------------------------------------- */

const struct section *section_at(const struct translator *t, uint64_t pc)
{
	for (uint32_t i = 0; i < t->section_count; i++)
		if (t->sections[i].start == pc && !t->sections[i].is_gone)
			return &t->sections[i];
	return NULL;
}

void section_drop(struct translator *t, uint64_t start, uint64_t end)
{
	for (uint32_t i = 0; i < t->section_count; i++)
		if (t->sections[i].start < end && t->sections[i].end > start)
			t->sections[i].is_gone = true;
}

/* A number that a state can hold, and that stays what it is. */
static void add(struct translator *t, const struct section *section)
{
	if (t->section_count == t->section_room) {
		uint32_t room = t->section_room ? 2 * t->section_room : 16;
		struct section *grown = room > UINT16_MAX ? NULL :
					realloc(t->sections, room * sizeof *grown);

		if (!grown)
			return;
		t->sections = grown;
		t->section_room = room;
	}
	t->sections[t->section_count++] = *section;
}

/* ---- finding them ---------------------------------------------------------------------- */

static bool peek(struct translator *t, uint64_t address, void *buf, size_t len)
{
	const struct translate_config *c = &t->config;

	return c->peek && c->peek(c->context, address, buf, len) == len;
}

/* mov [memory], reg of 8 bytes */
static bool stores(const struct x86_insn *insn, unsigned reg)
{
	return insn->encoding == X86_ENCODING_LEGACY && insn->map == X86_MAP_ONE_BYTE &&
	       insn->opcode == 0x89 && insn->has_mem && insn->operand_bytes == 8 &&
	       ((insn->modrm >> 3 & 7u) | (insn->rex & 4 ? 8u : 0)) == reg;
}

/* The address that instruction i loads and one of the next stores; 0: none. */
static uint64_t stored_address(const struct build *b, int i)
{
	const struct x86_insn *insn = &b->insns[i];
	unsigned reg = (insn->modrm >> 3 & 7u) | (insn->rex & 4 ? 8u : 0);
	uint64_t address = 0;

	if (insn->encoding != X86_ENCODING_LEGACY || insn->map != X86_MAP_ONE_BYTE)
		return 0;
	if (insn->opcode == 0x8d && insn->rip_relative && insn->operand_bytes == 8) {
		address = x86_rip_target(insn, b->pcs[i]);
	} else if ((insn->opcode & 0xf8) == 0xb8 && insn->operand_bytes >= 4) {
		address = insn->operand_bytes == 8 ? (uint64_t)insn->imm : (uint32_t)insn->imm;
		reg = (insn->opcode & 7u) | (insn->rex & 1 ? 8u : 0);
	} else if (insn->opcode == 0xc7 && insn->operand_bytes == 8) {
		address = (uint64_t)insn->imm;
		if (insn->has_mem)
			return address;
		reg = (insn->modrm & 7u) | (insn->rex & 1 ? 8u : 0);
	}
	if (address & (DESCRIPTOR_BYTES - 1))
		return 0;
	for (int k = i + 1; address && k < b->count && k <= i + STORE_WITHIN; k++)
		if (stores(&b->insns[k], reg))
			return address;
	return 0;
}

static bool read_section(struct translator *t, uint64_t address, uint64_t behind,
			 struct section *out)
{
	struct descriptor d;

	if (address & (DESCRIPTOR_BYTES - 1) || !peek(t, address, &d, sizeof d))
		return false;
	*out = (struct section){ .start = d.start, .end = d.start + d.length, .abort = d.abort,
				 .descriptor = address };
	return d.version == 0 && d.length && d.length <= SECTION_BYTES_MAX &&
	       d.start > behind && d.start - behind < SECTION_BYTES_MAX &&
	       d.abort - d.start >= d.length && peek(t, d.abort - 4, &out->signature, 4);
}

/* The sequence whose descriptor is at `address`, if there is one that begins not far behind. */
static void note(struct translator *t, uint64_t address, uint64_t behind)
{
	struct section found;

	if (!address || !read_section(t, address, behind, &found) || section_at(t, found.start))
		return;
	translator_drop(t, found.start, found.end);
	add(t, &found);
}

void section_look(struct build *b)
{
	if (!b->t->config.peek || b->t->config.events.stores)
		return;
	for (int i = 0; i < b->count; i++)
		note(b->t, stored_address(b, i), b->pcs[i]);
}

void translator_sections_find(struct translator *t, const struct translate_regs *regs)
{
	if (t->config.events.stores)
		return;
	for (int r = 0; r < 16; r++)
		note(t, regs->gpr[r], regs->pc);
}

/* ---- translating one ----------------------------------------------------------------------- */

struct sequence {
	struct build *b;
	const struct section *section;
	uint32_t at[BLOCK_INSNS_MAX];           /* of each instruction */
	struct jump { uint32_t rel_at; int to; } inner[BLOCK_INSNS_MAX];
	struct { uint32_t rel_at; uint64_t from, to; } outer[BLOCK_INSNS_MAX];
	int inner_count, outer_count;
};

static int index_of(const struct build *b, uint64_t pc)
{
	for (int i = 0; i < b->count; i++)
		if (b->pcs[i] == pc)
			return i;
	return -1;
}

/* All of it must be such that nothing need stand between its instructions. */
static bool can_be_whole(const struct build *b, const struct section *s)
{
	for (int i = 0; i < b->count; i++) {
		const struct x86_insn *insn = &b->insns[i];

		switch (insn->kind) {
		case X86_KIND_PLAIN:
			if (!relocate_can(insn) || !relocate_reaches(b, i))
				return false;
			break;
		case X86_KIND_JCC:
		case X86_KIND_JMP: {
			uint64_t to = x86_branch_target(insn, b->pcs[i]);

			if (to > s->start && to < s->end && index_of(b, to) < 0)
				return false;
			break;
		}
		default:
			return false;
		}
	}
	return true;
}

bool section_decode(struct build *b, const struct section *s)
{
	uint64_t pc = s->start;

	for (b->count = 0; pc < s->end; b->count++) {
		struct x86_insn *insn = &b->insns[b->count];

		if (b->count == BLOCK_INSNS_MAX)
			return false;
		x86_decode(b->bytes + (pc - s->start),
			   block_fetch(b->t, pc, b->bytes + (pc - s->start)), insn);
		if (!insn->len)
			return false;
		b->pcs[b->count] = pc;
		pc += insn->len;
	}
	b->end_pc = pc;
	b->ends_early = true;
	return pc == s->end && can_be_whole(b, s) && !volatile_is(b);
}

static struct where inside(const struct sequence *q, uint64_t pc)
{
	return (struct where){ .pc = pc, .in_block = true, .section = q->b->section };
}

static void emit_branch(struct sequence *q, int i)
{
	struct build *b = q->b;
	struct emit *e = &b->t->hot;
	const struct x86_insn *insn = &b->insns[i];
	uint64_t to = x86_branch_target(insn, b->pcs[i]);

	if (insn->kind == X86_KIND_JMP) {
		emit_u8(e, 0xe9);                               /* jmp <to> */
	} else {
		emit_u8(e, 0x0f);                               /* jcc <to> */
		emit_u8(e, (uint8_t)(0x80 | (insn->opcode & 15)));
	}
	if (to >= q->section->start && to < q->section->end) {
		q->inner[q->inner_count++] = (struct jump){ e->at, index_of(b, to) };
	} else {
		q->outer[q->outer_count].rel_at = e->at;
		q->outer[q->outer_count].from = b->pcs[i] + insn->len;
		q->outer[q->outer_count++].to = to;
	}
	emit_u32(e, 0);
}

static void patch(struct emit *e, uint32_t rel_at, uint32_t to)
{
	uint32_t value = to - (rel_at + 4);

	if (!e->is_full)
		memcpy(e->local + rel_at, &value, 4);
}

/* jmp over what follows until land() */
static uint32_t leap(struct emit *e)
{
	emit_u8(e, 0xe9);
	emit_u32(e, 0);
	return e->at - 4;
}

/* The part of the block that ran ends before pc. */
static void emit_cut(struct build *b, uint64_t pc, uint64_t to)
{
	struct event event = {
		.site = event_site(b, SITE_CUT, 0, pc, pc),
		.words = 0,
		.before = at(to, false),
		.after = at(to, false),
		.check = CHECK_HERE,
	};

	if (b->t->config.events.blocks || b->count_at >= 0)
		event_emit(b, &event);
}

static uint32_t emit_abort(struct sequence *q)
{
	struct emit *e = &q->b->t->hot;
	const struct section *s = q->section;

	build_mark(q->b, true, at(s->start, false));
	uint32_t over = leap(e);
	emit_u32(e, s->signature);
	uint32_t abort = e->at;
	build_mark(q->b, true, at(s->abort, false));
	emit_cut(q->b, s->start, s->abort);             /* abort: */
	exit_emit_jmp(q->b, s->abort, at(s->abort, false));
	patch(e, over, e->at);
	build_mark(q->b, true, at(s->start, false));              /* over: */
	return abort;
}

/* Gives the kernel our descriptor. */
static void emit_install(struct sequence *q, uint32_t descriptor)
{
	struct emit *e = &q->b->t->hot;
	struct where where = inside(q, q->section->start);

	build_mark(q->b, true, where);
	emit_mov_slot_reg(e, RAX);                      /* mov gs:[slot], rax */
	emit_mov_slot_reg(e, RCX);                      /* mov gs:[slot], rcx */
	where.saved = BIT(0) | BIT(1);
	build_mark(q->b, true, where);
	emit_mov_reg_tb(e, RCX, TB_RSEQ);               /* mov rcx, gs:[rseq] */
	emit_lea_reg_cache(e, RAX, descriptor);         /* lea rax, [descriptor] */
	EMIT_RAW(e, 0xe3, 0x04);                        /* jrcxz +4 */
	EMIT_RAW(e, 0x48, 0x89, 0x41, 0x08);            /* mov [rcx + 8], rax */
	emit_mov_reg_slot(e, RCX);                      /* mov rcx, gs:[slot] */
	emit_mov_reg_slot(e, RAX);                      /* mov rax, gs:[slot] */
	build_mark(q->b, true, inside(q, q->section->start));
}

static void emit_sequence(struct sequence *q)
{
	struct build *b = q->b;
	struct emit *e = &b->t->hot;

	for (int i = 0; i < b->count; i++) {
		q->at[i] = e->at;
		build_mark(b, true, inside(q, b->pcs[i]));
		if (b->insns[i].kind == X86_KIND_PLAIN)
			relocate_emit(b, i);
		else
			emit_branch(q, i);
	}
	for (int i = 0; i < q->inner_count; i++)
		patch(e, q->inner[i].rel_at, q->at[q->inner[i].to]);
	build_mark(b, true, at(q->section->end, false));
}

static void emit_ways(struct sequence *q)
{
	struct emit *e = &q->b->t->hot;
	uint32_t behind = q->outer_count ? leap(e) : 0;

	for (int i = 0; i < q->outer_count; i++) {
		uint64_t to = q->outer[i].to;

		patch(e, q->outer[i].rel_at, e->at);
		build_mark(q->b, true, at(to, false));
		if (q->outer[i].from < q->section->end)
			emit_cut(q->b, q->outer[i].from, to);
		exit_emit_jmp(q->b, to, at(to, false));
	}
	if (behind)
		patch(e, behind, e->at);
	build_mark(q->b, true, at(q->section->end, false));
}

void section_emit(struct build *b, const struct section *section, void (*emit_begin)(struct build *b))
{
	struct emit *hot = &b->t->hot, *cold = &b->t->cold;
	struct sequence q = { .b = b, .section = section };

	while (cold->at & (DESCRIPTOR_BYTES - 1) && !cold->is_full)
		emit_u8(cold, 0xcc);
	uint32_t place = cold->at;
	for (unsigned i = 0; i < DESCRIPTOR_BYTES / 8; i++)
		emit_u64(cold, 0);
	uint32_t abort = emit_abort(&q);
	emit_begin(b);
	emit_install(&q, place);
	uint32_t start = hot->at;
	emit_sequence(&q);
	uint32_t end = hot->at;
	emit_ways(&q);
	struct descriptor ours = { .start = hot->base + start, .length = end - start,
				   .abort = hot->base + abort };
	if (!cold->is_full)
		memcpy(cold->local + place, &ours, sizeof ours);
}
