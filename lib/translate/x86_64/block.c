/* block.c - reading a basic block, and what is known of it before it is emitted:
 * which registers and flags are dead before each instruction. */
#include "build.h"

#define PAGE_BYTES 4096

static void list_fleeting(struct translator *t, struct page_read *w)
{
	if (w->is_listed)
		return;
	w->is_listed = true;
	w->next_fleeting = t->fleeting;
	t->fleeting = (uint16_t)(w - t->pages_read + 1);
}

/* What is not writable changes by system calls alone, whose ranges are dropped. */
static void fill_window(struct translator *t, struct page_read *w, uint64_t page)
{
	const struct translate_config *c = &t->config;

	if (!w->bytes && !(w->bytes = region_take(&t->arrays, PAGE_BYTES))) {
		t->out_of_memory = true;
		return;
	}
	w->page = page;
	w->len = (uint16_t)c->read(c->context, (struct app_pc){ page }, w->bytes, PAGE_BYTES);
	w->is_kept = w->len == PAGE_BYTES && c->is_writable && !cache_is_changing(t, page) &&
		     !c->is_writable(c->context, (struct app_pc){ page });
	if (!w->is_kept)
		list_fleeting(t, w);
}

bool block_is_fixed(const struct translator *t, uint64_t pc)
{
	const struct page_read *w = &t->pages_read[(pc >> 12) % PAGES_READ];

	return w->page == (pc & ~4095ull) && w->len && w->is_kept;
}

static const uint8_t *window(struct translator *t, uint64_t pc, size_t *len)
{
	struct page_read *w = &t->pages_read[(pc >> 12) % PAGES_READ];
	uint64_t page = pc & ~4095ull;
	size_t at = pc - page;

	if (w->page != page || !w->len)
		fill_window(t, w, page);
	*len = w->len > at ? w->len - at : 0;
	return *len ? w->bytes + at : (const uint8_t *)"";
}

void block_look_anew(struct translator *t)
{
	while (t->fleeting) {
		struct page_read *w = &t->pages_read[t->fleeting - 1];

		t->fleeting = w->next_fleeting;
		w->is_listed = false;
		if (!w->is_kept)
			w->len = 0;
	}
}

/* Copies up to 15 bytes at pc, across a page's end if need be. */
size_t block_fetch(struct translator *t, uint64_t pc, uint8_t *out)
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

/* On a page that may change, a store that may hit what stands behind it ends the
 * block: what stands there is looked at again.  The stack is not meant. */
static bool may_hit_code(struct build *b, const struct x86_insn *insn)
{
	bool on_stack = insn->has_sib && (insn->sib & 7) == X86_REG_RSP && !(insn->vex_rxb & 1);

	return insn->writes_mem && (insn->has_mem ? !on_stack : insn->is_string) &&
	       volatile_is(b);
}

/* Decodes the instruction at pc, and keeps its bytes.  *there: the same in a window, with
 * *len bytes behind it; moved on. */
static void decode_one(struct build *b, uint64_t pc, uint8_t *bytes, struct x86_insn *insn,
		       const uint8_t **there, size_t *len)
{
	if (*len < X86_DECODE_QUICK_BYTES)
		*there = window(b->t, pc, len);
	if (*len < X86_DECODE_QUICK_BYTES) {            /* it may lie on two pages */
		x86_decode(bytes, block_fetch(b->t, pc, bytes), insn);
		*len = 0;
		return;
	}
	x86_decode(*there, *len, insn);
	memcpy(bytes, *there, X86_INSN_MAX_BYTES);
	*there += insn->len;
	*len -= insn->len;
}

/* Reads the block's instructions.  An instruction that cannot be decoded, or is
 * to be run natively, is the last one (count includes it, len may be 0). */
static void decode(struct build *b)
{
	uint64_t pc = b->block->public.pc.address;
	uint8_t *bytes = b->bytes;
	const uint8_t *there = NULL;
	size_t len = 0;

	for (b->count = 0; b->count < BLOCK_INSNS_MAX;) {
		struct x86_insn *insn = &b->insns[b->count];

		if (b->count && b->t->section_count && section_at(b->t, pc))
			break;
		decode_one(b, pc, bytes, insn, &there, &len);
		if (insn->kind == X86_KIND_TRUNCATED && b->count)
			break;
		b->pcs[b->count++] = pc;
		pc += insn->len;
		bytes += insn->len;
		b->end_pc = pc;
		if (ends_block(insn))
			return;
		if (may_hit_code(b, insn))
			break;
	}
	b->ends_early = true;
}

void block_decode(struct build *b)
{
	uint32_t known = b->t->section_count;

	decode(b);
	section_look(b);
	if (b->t->section_count != known)
		decode(b);      /* again: it ends where a sequence begins */
}

/* Opcodes of two bytes that work on registers alone and cannot fault there. */
static bool is_harmless_0f(uint8_t opcode)
{
	switch (opcode) {
	case 0x28: case 0x29: case 0x57:                /* movaps, xorps */
	case 0x6e: case 0x6f: case 0x7e: case 0x7f:     /* movd, movdqa */
	case 0xa3: case 0xab: case 0xb3: case 0xbb: case 0xba:          /* bt.. */
	case 0xa4: case 0xa5: case 0xac: case 0xad: case 0xaf:          /* shld, shrd, imul */
	case 0xb0: case 0xb1: case 0xc0: case 0xc1:     /* cmpxchg, xadd */
	case 0xb6: case 0xb7: case 0xbe: case 0xbf:     /* movzx, movsx */
	case 0xb8: case 0xbc: case 0xbd:                /* popcnt, bsf, bsr */
	case 0xd6: case 0xef:                           /* movq, pxor */
		return true;
	default:                                        /* cmov, setcc, bswap */
		return (opcode & 0xf0) == 0x40 || (opcode & 0xf0) == 0x90 ||
		       (opcode & 0xf8) == 0xc8;
	}
}

/* Can it raise a signal at its own address?  A handler, or who reads a core, then
 * sees all registers as the program has left them, the overwritten ones, too. */
static bool may_fault(const struct x86_insn *insn)
{
	if (insn->special == X86_SPECIAL_NOP)
		return false;
	if (insn->reads_mem || insn->writes_mem || insn->special != X86_SPECIAL_NONE ||
	    insn->encoding != X86_ENCODING_LEGACY)
		return true;
	if (insn->map == X86_MAP_0F)
		return !is_harmless_0f(insn->opcode);
	if (insn->map != X86_MAP_ONE_BYTE)
		return true;
	if ((insn->opcode | 1) == 0xf7)                 /* div, idiv */
		return (insn->modrm >> 3 & 7) >= 6;
	return (insn->opcode & 0xf8) == 0xd8 || insn->opcode == 0x9b;   /* x87 */
}

void block_find_dead(struct build *b)
{
	b->dead_regs[b->count] = 0;
	b->dead_flags[b->count] = 0;
	for (int i = b->count - 1; i >= 0; i--) {
		const struct x86_insn *insn = &b->insns[i];

		b->dead_regs[i] = b->dead_flags[i] = 0;
		if (insn->kind != X86_KIND_PLAIN || may_fault(insn))
			continue;
		b->dead_regs[i] = (uint16_t)((b->dead_regs[i + 1] | insn->regs_written) &
					     ~insn->regs_read);
		b->dead_flags[i] = (uint8_t)((b->dead_flags[i + 1] | insn->flags_written) &
					     ~insn->flags_read);
	}
	/* The direction flag is hardly ever written: it need not be dead for code
	 * that leaves it alone. */
	for (int i = 0; i <= b->count; i++)
		if ((b->dead_flags[i] & X86_FLAGS_ARITH) == X86_FLAGS_ARITH)
			b->dead_flags[i] = X86_FLAGS_ALL;
}

uint16_t block_free_regs(const struct build *b, int i)
{
	return (uint16_t)(b->dead_regs[i] & ~(BIT(4) | BIT(12)));
}

bool block_keep_bytes(struct build *b)
{
	struct block *public = &b->block->public;
	size_t len = b->end_pc - b->pcs[0];
	uint8_t *copy = region_take(&b->t->bytes, len ? len : 1);

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
