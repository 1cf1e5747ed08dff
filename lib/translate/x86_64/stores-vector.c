/* stores-vector.c - accesses at as many addresses as a vector has elements: gathers, scatters.
 *
 * Where they are is in a vector register, and which of them are made in a mask; the owner, who is
 * asked each time, is told of both in the thread block:
 *
 *	vmovdqu gs:[index], ymm			AVX2
 *	vmovdqu gs:[mask], ymm
 *
 *	vmovdqu64 gs:[index], zmm		AVX-512
 *	kmovw gs:[mask], k
 */
#include "stores.h"

/* modrm and what follows it, for an operand in the thread block */
static void emit_operand(struct emit *e, unsigned reg, uint32_t offset)
{
	emit_u8(e, (uint8_t)((reg & 7) << 3 | 4));
	emit_u8(e, 0x25);
	emit_u32(e, offset);
}

static void emit_store_ymm(struct emit *e, unsigned ymm, uint32_t offset)
{
	EMIT_RAW(e, 0x65, 0xc5);                        /* vmovdqu gs:[offset], ymm */
	emit_u8(e, ymm & 8 ? 0x7e : 0xfe);
	emit_u8(e, 0x7f);
	emit_operand(e, ymm, offset);
}

static void emit_store_zmm(struct emit *e, unsigned zmm, uint32_t offset)
{
	EMIT_RAW(e, 0x65, 0x62);                        /* vmovdqu64 gs:[offset], zmm */
	emit_u8(e, (uint8_t)(0x61 | (zmm & 8 ? 0 : 0x80) | (zmm & 16 ? 0 : 0x10)));
	EMIT_RAW(e, 0xfe, 0x48, 0x7f);
	emit_operand(e, zmm, offset);
}

static void emit_store_mask(struct emit *e, unsigned k, uint32_t offset)
{
	EMIT_RAW(e, 0x65, 0xc5, 0xf8, 0x91);            /* kmovw gs:[offset], k */
	emit_operand(e, k, offset);
}

void store_emit_tell_elements(struct emit *e, const struct x86_insn *insn)
{
	unsigned index = (insn->sib >> 3 & 7) | (insn->vex_rxb & 2 ? 8 : 0);

	if (insn->encoding == X86_ENCODING_EVEX) {
		emit_store_zmm(e, index | (insn->vex_vvvv & 16), TB_WATCH_INDEX);
		emit_store_mask(e, insn->evex_aaa, TB_WATCH_MASK);
	} else {
		emit_store_ymm(e, index, TB_WATCH_INDEX);
		emit_store_ymm(e, insn->vex_vvvv, TB_WATCH_MASK);
	}
}
