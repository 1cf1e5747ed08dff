/*
 * The factor of an 8-bit displacement under EVEX ("disp8*N"): what the memory operand is wide.
 *
 * Nearly all of the opcodes are FULL: the vector length, or one element where it is broadcast.
 * The others are listed, by map and prefix none, 66, f3, f2.
 */
#include "decode-table.h"

enum tuple {
	FULL,			/* vector; broadcast: 8 or 4 bytes by W */
	FULL16,			/* vector; broadcast: 2 bytes */
	HALF,			/* half a vector, with W a whole one; broadcast as FULL */
	HALF16,			/* half; broadcast: 2 bytes */
	QUARTER16,
	HALF_MEM,		/* without broadcast */
	QUARTER_MEM,
	EIGHTH_MEM,
	SCALAR,			/* 8 or 4 bytes by W */
	BYTE_WORD,		/* 2 bytes or 1 by W */
	DDUP,			/* movddup: 8 bytes, else the vector */
	N1, N2, N4, N8, N16, N32,
};

enum { NONE, OPSIZE, REP, REPNE, PREFIXES };
typedef uint8_t tuple_map[PREFIXES][256];

static const tuple_map tuples_0f = {
	[NONE] = { [0x12] = N8, N8, [0x16] = N8, N8, [0x2e] = N4, N4, [0x5a] = HALF },
	[OPSIZE] = {
		[0x12] = N8, N8, [0x16] = N8, N8, [0x2e] = N8, N8, [0x6e] = SCALAR,
		[0x78 ... 0x7b] = HALF, [0x7e] = SCALAR, [0xc4] = N2, [0xd1] = N16, N16, N16,
		[0xd6] = N8, [0xe1] = N16, N16, [0xf1] = N16, N16, N16,
	},
	[REP] = {
		[0x10] = N4, N4, [0x2a] = SCALAR, [0x2c] = N4, N4, [0x51] = N4,
		[0x58] = N4, N4, N4, [0x5c] = N4, N4, N4, N4,
		[0x78] = N4, N4, HALF, SCALAR, [0x7e] = N8, [0xc2] = N4, [0xe6] = HALF,
	},
	[REPNE] = {
		[0x10] = N8, N8, DDUP, [0x2a] = SCALAR, [0x2c] = N8, N8, [0x51] = N8,
		[0x58] = N8, N8, N8, [0x5c] = N8, N8, N8, N8,
		[0x78] = N8, N8, [0x7b] = SCALAR, [0xc2] = N8,
	},
};

static const tuple_map tuples_0f38 = {
	[OPSIZE] = {
		[0x13] = HALF_MEM, [0x18] = N4, N8, N16, N32,
		[0x20] = HALF_MEM, QUARTER_MEM, EIGHTH_MEM, HALF_MEM, QUARTER_MEM, HALF_MEM,
		[0x2d] = SCALAR,
		[0x30] = HALF_MEM, QUARTER_MEM, EIGHTH_MEM, HALF_MEM, QUARTER_MEM, HALF_MEM,
		[0x43] = SCALAR, [0x4d] = SCALAR, [0x4f] = SCALAR, [0x58] = N4, N8, N16, N32,
		[0x62] = BYTE_WORD, BYTE_WORD, [0x78] = N1, N2,
		[0x88 ... 0x8b] = SCALAR, [0x90 ... 0x93] = SCALAR,
		[0x99] = SCALAR, [0x9b] = SCALAR, [0x9d] = SCALAR, [0x9f ... 0xa3] = SCALAR,
		[0xa9] = SCALAR, [0xab] = SCALAR, [0xad] = SCALAR, [0xaf] = SCALAR,
		[0xb9] = SCALAR, [0xbb] = SCALAR, [0xbd] = SCALAR, [0xbf] = SCALAR,
		[0xc6 ... 0xc7] = SCALAR, [0xcb] = SCALAR, [0xcd] = SCALAR,
	},
	[REP] = {
		[0x10] = HALF_MEM, QUARTER_MEM, EIGHTH_MEM, HALF_MEM, QUARTER_MEM, HALF_MEM,
		[0x20] = HALF_MEM, QUARTER_MEM, EIGHTH_MEM, HALF_MEM, QUARTER_MEM, HALF_MEM,
		[0x30] = HALF_MEM, QUARTER_MEM, EIGHTH_MEM, HALF_MEM, QUARTER_MEM, HALF_MEM,
	},
	[REPNE] = { [0x52] = N16, N16, [0x9a] = N16, N16, [0xaa] = N16, N16 },
};

static const tuple_map tuples_0f3a = {
	[NONE] = {
		[0x08] = FULL16, [0x0a] = N2, [0x26] = FULL16, N2, [0x56] = FULL16, N2,
		[0x66] = FULL16, N2, [0xc2] = FULL16,
	},
	[OPSIZE] = {
		[0x0a] = N4, N8, [0x14] = N1, N2, SCALAR, N4, N16, N16, N32, N32,
		[0x1d] = HALF_MEM, [0x20] = N1, N4, SCALAR, [0x27] = SCALAR,
		[0x38] = N16, N16, N32, N32, [0x51] = SCALAR, [0x55] = SCALAR, [0x57] = SCALAR,
		[0x67] = SCALAR,
	},
	[REP] = { [0xc2] = N2 },
};

static const tuple_map tuples_5 = {
	[NONE] = {
		[0x1d] = N4, [0x2e] = N2, N2, [0x51] = FULL16, [0x58] = FULL16, FULL16, QUARTER16,
		[0x5c ... 0x5f] = FULL16, [0x78] = HALF16, HALF16, [0x7c] = FULL16, FULL16,
	},
	[OPSIZE] = {
		[0x5b] = HALF16, [0x6e] = N2, [0x78 ... 0x7b] = QUARTER16,
		[0x7c] = FULL16, FULL16, N2,
	},
	[REP] = {
		[0x10] = N2, N2, [0x2a] = SCALAR, [0x2c] = N2, N2, [0x51] = N2,
		[0x58] = N2, N2, N2, HALF16, N2, N2, N2, N2,
		[0x78] = N2, N2, [0x7b] = SCALAR, [0x7d] = FULL16,
	},
	[REPNE] = { [0x5a] = N8, [0x7d] = FULL16 },
};

static const tuple_map tuples_6 = {
	[NONE] = { [0x13] = N2 },
	[OPSIZE] = {
		[0x13] = HALF16, [0x2c] = FULL16, N2, [0x42] = FULL16, N2,
		[0x4c] = FULL16, N2, FULL16, N2,
		[0x96 ... 0x98] = FULL16, N2, FULL16, N2, FULL16, N2, FULL16, N2,
		[0xa6 ... 0xa8] = FULL16, N2, FULL16, N2, FULL16, N2, FULL16, N2,
		[0xb6 ... 0xb8] = FULL16, N2, FULL16, N2, FULL16, N2, FULL16, N2,
	},
	[REP] = { [0x57] = N4, [0xd7] = N4 },
	[REPNE] = { [0x57] = N4, [0xd7] = N4 },
};

static enum tuple tuple_of(const struct x86_insn *insn)
{
	switch (insn->map) {
	case 1:  return tuples_0f[insn->vex_pp][insn->opcode];
	case 2:  return tuples_0f38[insn->vex_pp][insn->opcode];
	case 3:  return tuples_0f3a[insn->vex_pp][insn->opcode];
	case 5:  return tuples_5[insn->vex_pp][insn->opcode];
	default: return tuples_6[insn->vex_pp][insn->opcode];
	}
}

uint8_t decode_disp8_scale(const struct x86_insn *insn)
{
	bool w = insn->vex_rxb & 8;
	uint8_t vector = 16 << insn->vex_l, by_w = w ? 8 : 4;

	switch (tuple_of(insn)) {
	case FULL:		return insn->evex_b ? by_w : vector;
	case FULL16:		return insn->evex_b ? 2 : vector;
	case HALF:		return insn->evex_b ? by_w : w ? vector : vector / 2;
	case HALF16:		return insn->evex_b ? 2 : vector / 2;
	case QUARTER16:		return insn->evex_b ? 2 : vector / 4;
	case HALF_MEM:		return vector / 2;
	case QUARTER_MEM:	return vector / 4;
	case EIGHTH_MEM:	return vector / 8;
	case SCALAR:		return by_w;
	case BYTE_WORD:		return w ? 2 : 1;
	case DDUP:		return vector == 16 ? 8 : vector;
	case N1:		return 1;
	case N2:		return 2;
	case N4:		return 4;
	case N8:		return 8;
	case N16:		return 16;
	case N32:		return 32;
	}
	return 0;
}
