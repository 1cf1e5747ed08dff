/* volatile.c - code that may change: on writable pages, or mapped twice.  Its
 * bytes are compared with those that were translated at each entry. */
#include "build.h"

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

/* --trust N: counts down; at 0 the block is translated anew, without all this.
 * rax, rcx and rdx are saved, `where` says so. */
static void emit_countdown(struct build *b, struct where where)
{
	const struct translate_config *c = &b->t->config;
	struct emit *e = &b->t->hot, *cold = &b->t->cold;

	if (c->trust < 0 || !c->trust_local || b->t->trust_count == TRANSLATE_TRUST_BYTES / 8)
		return;
	uint32_t index = b->t->trust_count++;
	c->trust_local[index] = (uint64_t)c->trust;
	uint32_t out = cold->at;
	build_mark(b, false, where);
	for (uint8_t r = 0; r <= 2; r++)
		emit_mov_reg_slot(cold, (struct reg){ r });
	exit_target(b, b->pcs[0], 0, REQUEST_TRUSTED);
	emit_mov_reg_imm64(e, RAX, c->trust_base + 8ull * index);       /* mov rax, counter */
	EMIT_RAW(e, 0x48, 0x8b, 0x08);                          /* mov rcx, [rax] */
	EMIT_RAW(e, 0x48, 0x8d, 0x49, 0xff);                    /* lea rcx, [rcx - 1] */
	EMIT_RAW(e, 0x48, 0x89, 0x08);                          /* mov [rax], rcx */
	EMIT_RAW(e, 0xe3, 0x02, 0xeb, 0x05);                    /* jrcxz +2;  jmp +5 */
	emit_jmp(e, out);                                       /* jmp out */
}

/* Compares the block's bytes with those that were translated, piece by piece,
 * without touching flags; where they differ, asks for a new translation. */
void volatile_emit_check(struct build *b)
{
	struct emit *e = &b->t->hot;
	uint64_t pc = b->pcs[0];
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
	emit_countdown(b, where);
	for (uint8_t r = 0; r <= 2; r++)
		emit_mov_reg_slot(e, (struct reg){ r });        /* mov rax rcx rdx, gs:[slot] */
	where.saved = 0;
	build_mark(b, true, where);
}

static bool is_writable(const struct translator *t, uint64_t pc)
{
	const struct translate_config *c = &t->config;

	return !block_is_fixed(t, pc) && c->is_writable &&
	       c->is_writable(c->context, (struct app_pc){ pc });
}

bool volatile_is(struct build *b)
{
	if (b->t->config.trust == 0 || b->block->is_trusted)
		return false;
	return is_writable(b->t, b->pcs[0]) || is_writable(b->t, b->end_pc - 1);
}
