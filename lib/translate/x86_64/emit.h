/* emit.h - assembling into the code cache.
 *
 * One call an instruction, in Intel order, with the assembly line as a comment
 * on its right where it is used.  Registers are one-field structs.  Nothing here
 * fails: writing past the end sets `is_full` and stays, checked once at the end.
 *
 *     emit_mov_slot_reg(e, RCX);               // mov gs:[slot rcx], rcx
 *     emit_mov_reg_tb(e, RCX, TB_CURSOR);      // mov rcx, gs:[cursor]
 */
#ifndef TRACER_EMIT_H
#define TRACER_EMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "memory.h"
#include "thread_block.h"

#define EMIT_NEAR 16384u        /* what a run of blocks takes, mostly */

struct reg { uint8_t number; };

#define RAX ((struct reg){ 0 })
#define RCX ((struct reg){ 1 })
#define RDX ((struct reg){ 2 })
#define RBX ((struct reg){ 3 })
#define RSP ((struct reg){ 4 })
#define RSI ((struct reg){ 6 })
#define RDI ((struct reg){ 7 })

struct emit {
	uint8_t *local;         /* the tracer's view of address 0 of the cache */
	uint64_t base;          /* the target's */
	uint32_t at;            /* offset of the next byte */
	uint32_t end;
	bool is_full;
	size_t had;             /* so far there are pages: see memory_have() */
};

/* What is emitted next finds pages there. */
static inline void emit_have(struct emit *e)
{
	if (e->at + EMIT_NEAR > e->had)
		e->had = memory_have(e->local, e->at, e->end);
}

static inline void emit_bytes(struct emit *e, const void *bytes, unsigned len)
{
	if (e->at + len > e->end) {
		e->is_full = true;
		return;
	}
	memcpy(e->local + e->at, bytes, len);
	e->at += len;
}

static inline void emit_u8(struct emit *e, uint8_t value) { emit_bytes(e, &value, 1); }
static inline void emit_u32(struct emit *e, uint32_t value) { emit_bytes(e, &value, 4); }
static inline void emit_u64(struct emit *e, uint64_t value) { emit_bytes(e, &value, 8); }

static inline uint64_t emit_address(const struct emit *e) { return e->base + e->at; }

/* op with a thread-block operand: 65 REX op modrm(reg, SIB) SIB(disp32) disp32 */
static inline void emit_tb(struct emit *e, uint8_t rex_w, uint8_t op, uint8_t reg, uint32_t offset)
{
	uint8_t rex = (uint8_t)(rex_w | (reg >= 8 ? 0x44 : 0));

	emit_u8(e, 0x65);
	if (rex)
		emit_u8(e, (uint8_t)(0x40 | rex));
	emit_u8(e, op);
	emit_u8(e, (uint8_t)((reg & 7) << 3 | 4));
	emit_u8(e, 0x25);
	emit_u32(e, offset);
}

/* mov gs:[offset], reg */
static inline void emit_mov_tb_reg(struct emit *e, uint32_t offset, struct reg r)
{
	emit_tb(e, 0x48, 0x89, r.number, offset);
}

/* mov reg, gs:[offset] */
static inline void emit_mov_reg_tb(struct emit *e, struct reg r, uint32_t offset)
{
	emit_tb(e, 0x48, 0x8b, r.number, offset);
}

/* mov gs:[slot], reg  and back */
static inline void emit_mov_slot_reg(struct emit *e, struct reg r)
{
	emit_mov_tb_reg(e, TB_SLOT(r.number), r);
}

static inline void emit_mov_reg_slot(struct emit *e, struct reg r)
{
	emit_mov_reg_tb(e, r, TB_SLOT(r.number));
}

/* mov dword gs:[offset], imm32 */
static inline void emit_mov_tb_imm32(struct emit *e, uint32_t offset, uint32_t value)
{
	emit_tb(e, 0, 0xc7, 0, offset);
	emit_u32(e, value);
}

/* jmp gs:[offset] */
static inline void emit_jmp_tb(struct emit *e, uint32_t offset)
{
	emit_tb(e, 0, 0xff, 4, offset);
}

/* mov reg, imm64 (the shortest form that gives it) */
static inline void emit_mov_reg_imm64(struct emit *e, struct reg r, uint64_t value)
{
	if (value <= 0xffffffff) {              /* mov r32, imm32 zero-extends */
		if (r.number >= 8)
			emit_u8(e, 0x41);
		emit_u8(e, (uint8_t)(0xb8 | (r.number & 7)));
		emit_u32(e, (uint32_t)value);
		return;
	}
	emit_u8(e, r.number >= 8 ? 0x49 : 0x48);
	emit_u8(e, (uint8_t)(0xb8 | (r.number & 7)));
	emit_u64(e, value);
}

/* jmp rel32 to an offset in the cache; the displacement may be patched later */
static inline void emit_jmp(struct emit *e, uint32_t to)
{
	emit_u8(e, 0xe9);
	emit_u32(e, to - (e->at + 4));
}

/* lea reg, [rip + offset in the cache] */
static inline void emit_lea_reg_cache(struct emit *e, struct reg r, uint32_t to)
{
	emit_u8(e, r.number >= 8 ? 0x4c : 0x48);
	emit_u8(e, 0x8d);
	emit_u8(e, (uint8_t)((r.number & 7) << 3 | 5));
	emit_u32(e, to - (e->at + 4));
}

/* A short jump whose displacement stands at `at` leads here. */
static inline void emit_land(struct emit *e, uint32_t at)
{
	if (!e->is_full)
		e->local[at] = (uint8_t)(e->at - (at + 1));
}

#define EMIT_RAW(e, ...) \
	do { \
		static const uint8_t raw[] = { __VA_ARGS__ }; \
		emit_bytes(e, raw, sizeof raw); \
	} while (0)

#endif
