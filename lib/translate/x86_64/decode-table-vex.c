/*
 * The opcode maps under VEX, EVEX and XOP.
 *
 * Nearly all of these opcodes are the same to the decoder: vectors alone, one memory operand.
 * So a map is one byte for each opcode under each of the prefixes none, 66, f3 and f2, which
 * names a shape; a shape is a row. What is not listed is undefined.
 */
#include "decode-table.h"

enum shape {
	____,		/* undefined */
	LOAD,		/* vector or memory is read */
	LOAD_M,		/* memory alone */
	STOR,
	STOR_M,
	REGS,		/* vectors or masks alone */
	LOAD_I,		/* the same with an 8-bit immediate */
	STOR_I,
	REGS_I,
	GATHER,
	SCATTER,
	COMPARE,	/* writes all flags */
	TEST,		/* ptest: writes ZF and CF, clears others */
	TESTMASK,	/* kortest, ktest: the same on masks */
	VZERO,		/* no ModRM */
	GPR_IN,		/* general r/m to vector or mask, 32 or 64 bits */
	GPR_IN32,
	GPR_IN_REG,	/* the same, register form alone */
	GPR_IN_I,
	GPR_IN32_I,
	GPR_OUT,	/* vector to general r/m */
	GPR_OUT32,
	GPR_OUT_I,
	GPR_OUT32_I,
	TO_GPR,		/* vector or mask r/m to general reg */
	MASK_GPR,	/* register forms alone: movmsk, kmov */
	MASK_GPR32,
	MASK_GPR32_I,
	MASKMOV,	/* stores to [rdi] */
	SHIFT_71,	/* groups by ModRM.reg */
	SHIFT_72,
	SHIFT_73,
	MXCSR,
	ANDN, BLS, BZHI, BEXTR, PDEP, MULX, SHIFTX, RORX,
	PCMPESTRM, PCMPESTRI, PCMPISTRM, PCMPISTRI,
	TILE_LOAD_CONFIG, TILE_STORE_CONFIG, TILE_ZERO,
	TBM_1, TBM_2, TBM_BEXTR,
	SHAPES
};

/* blsr, blsmsk, blsi write VEX.vvvv */
#define F_BMI		F_W(OSZAPC)
static const struct row bls[8] = { [1 ... 3] = { OP_MODRM, By(W), Ey(R), F_BMI } };

/* blcfill, blsfill, blcs, tzmsk, blcic, blsic, t1mskc; blcmsk, blci */
#define TBM_ROW		{ OP_MODRM, By(W), Ey(R), F_BMI }
static const struct row tbm_1[8] = { [1 ... 7] = TBM_ROW };
static const struct row tbm_2[8] = { [1] = TBM_ROW, [6] = TBM_ROW };

/* ldtilecfg and, of the registers, tilerelease; sttilecfg; tilezero */
static const struct row tile_release[8] = { [0] = { OP_MODRM } };
static const struct row load_config[8] = { [0] = { OP_MODRM, Ex(R) } };
static const struct row load_config_reg[8] = { [0] = { BY_RM(tile_release) } };
static const struct row tile_load_config[2] = { { BY_REG(load_config) }, { BY_REG(load_config_reg) } };
static const struct row tile_store_config[8] = { [0] = { OP_MODRM, Ex(W), ATTR(ATTR_MEM_ONLY) } };
static const struct row tile_zero[8] = { [0] = { OP_MODRM, ATTR(ATTR_REG_ONLY) } };

static const struct row mxcsr[8] = {
	[2] = { OP_MODRM, Ex(R), ATTR(ATTR_MEM_ONLY) },
	[3] = { OP_MODRM, Ex(W), ATTR(ATTR_MEM_ONLY) },
};

#define SHIFT	{ OP_MODRM, Ex(R), Ib }
static const struct row shift_71[8] = { [2] = SHIFT, [4] = SHIFT, [6] = SHIFT };
static const struct row shift_72[8] = { [0 ... 1] = SHIFT, [2] = SHIFT, [4] = SHIFT, [6] = SHIFT };
static const struct row shift_73[8] = { [2 ... 3] = SHIFT, [6 ... 7] = SHIFT };

static const struct row shapes[SHAPES] = {
	[LOAD]		= { OP_MODRM, Ex(R) },
	[LOAD_M]	= { OP_MODRM, Ex(R), ATTR(ATTR_MEM_ONLY) },
	[STOR]		= { OP_MODRM, Ex(W) },
	[STOR_M]	= { OP_MODRM, Ex(W), ATTR(ATTR_MEM_ONLY) },
	[REGS]		= { OP_MODRM, ATTR(ATTR_REG_ONLY) },
	[LOAD_I]	= { OP_MODRM, Ex(R), Ib },
	[STOR_I]	= { OP_MODRM, Ex(W), Ib },
	[REGS_I]	= { OP_MODRM, Ib, ATTR(ATTR_REG_ONLY) },
	[GATHER]	= { OP_MODRM, Ex(R), ATTR(ATTR_MEM_ONLY | ATTR_VSIB) },
	[SCATTER]	= { OP_MODRM, Ex(W), ATTR(ATTR_MEM_ONLY | ATTR_VSIB) },
	[COMPARE]	= { OP_MODRM, Ex(R), F_W(OSZAPC) },
	[TEST]		= { OP_MODRM, Ex(R), F_W(ZF | CF), F_MAY(OSZAPC) },
	[TESTMASK]	= { OP_MODRM, F_W(OSZAPC), ATTR(ATTR_REG_ONLY) },
	[VZERO]		= { OP },
	[GPR_IN]	= { OP_MODRM, Ey(R) },
	[GPR_IN32]	= { OP_MODRM, Ed(R) },
	[GPR_IN_REG]	= { OP_MODRM, Ey(R), ATTR(ATTR_REG_ONLY) },
	[GPR_IN_I]	= { OP_MODRM, Ey(R), Ib },
	[GPR_IN32_I]	= { OP_MODRM, Ed(R), Ib },
	[GPR_OUT]	= { OP_MODRM, Ey(W) },
	[GPR_OUT32]	= { OP_MODRM, Ed(W) },
	[GPR_OUT_I]	= { OP_MODRM, Ey(W), Ib },
	[GPR_OUT32_I]	= { OP_MODRM, Ed(W), Ib },
	[TO_GPR]	= { OP_MODRM, Gy(W), Ex(R) },
	[MASK_GPR]	= { OP_MODRM, Gy(W), ATTR(ATTR_REG_ONLY) },
	[MASK_GPR32]	= { OP_MODRM, Gd(W), ATTR(ATTR_REG_ONLY) },
	[MASK_GPR32_I]	= { OP_MODRM, Gd(W), Ib, ATTR(ATTR_REG_ONLY) },
	[MASKMOV]	= { OP_MODRM, READS(RDI),
			    ATTR(ATTR_REG_ONLY | ATTR_MEM_W | ATTR_SEGMENT) },
	[SHIFT_71]	= { BY_REG(shift_71) },
	[SHIFT_72]	= { BY_REG(shift_72) },
	[SHIFT_73]	= { BY_REG(shift_73) },
	[MXCSR]		= { BY_REG(mxcsr) },
	[ANDN]		= { OP_MODRM, Gy(W), By(R), Ey(R), F_BMI },
	[BLS]		= { BY_REG(bls) },
	[BZHI]		= { OP_MODRM, Gy(W), By(R), Ey(R), F_BMI },
	[BEXTR]		= { OP_MODRM, Gy(W), By(R), Ey(R), F_BMI },
	[PDEP]		= { OP_MODRM, Gy(W), By(R), Ey(R) },
	[MULX]		= { OP_MODRM, Gy(W), By(W), Ey(R), READS(RDX) },
	[SHIFTX]	= { OP_MODRM, Gy(W), By(R), Ey(R) },
	[RORX]		= { OP_MODRM, Gy(W), Ey(R), Ib },
	[PCMPESTRM]	= { OP_MODRM, Ex(R), Ib, READS(RAX | RDX), F_W(OSZAPC) },
	[PCMPESTRI]	= { OP_MODRM, Ex(R), Ib, READS(RAX | RDX), WRITES(RCX), F_W(OSZAPC) },
	[PCMPISTRM]	= { OP_MODRM, Ex(R), Ib, F_W(OSZAPC) },
	[PCMPISTRI]	= { OP_MODRM, Ex(R), Ib, WRITES(RCX), F_W(OSZAPC) },
	[TILE_LOAD_CONFIG] = { BY_MOD(tile_load_config) },
	[TILE_STORE_CONFIG] = { BY_REG(tile_store_config) },
	[TILE_ZERO]	= { BY_RM(tile_zero) },
	[TBM_1]		= { BY_REG(tbm_1) },
	[TBM_2]		= { BY_REG(tbm_2) },
	[TBM_BEXTR]	= { OP_MODRM, Gy(W), Ey(R), Id, F_W(OSZAPC) },
};

enum { NONE, OPSIZE, REP, REPNE, PREFIXES };
typedef uint8_t shape_map[PREFIXES][256];

/* ---- VEX ------------------------------------------------------------------------ */

static const shape_map vex_0f = {
	[NONE] = {
		[0x10] = LOAD, STOR, LOAD, STOR_M, LOAD, LOAD, LOAD, STOR_M,
		[0x28] = LOAD, STOR,
		[0x2b] = STOR_M,
		[0x2e] = COMPARE, COMPARE,
		[0x41] = REGS, REGS, [0x44 ... 0x47] = REGS, [0x4a] = REGS, REGS,
		[0x50] = MASK_GPR32,
		[0x51 ... 0x5f] = LOAD,
		[0x77] = VZERO,
		[0x90] = LOAD, STOR_M, GPR_IN_REG, MASK_GPR32,
		[0x98] = TESTMASK, TESTMASK,
		[0xae] = MXCSR,
		[0xc2] = LOAD_I, [0xc6] = LOAD_I,
	},
	[OPSIZE] = {
		[0x10] = LOAD, STOR, LOAD_M, STOR_M, LOAD, LOAD, LOAD_M, STOR_M,
		[0x28] = LOAD, STOR,
		[0x2b] = STOR_M,
		[0x2e] = COMPARE, COMPARE,
		[0x41] = REGS, REGS, [0x44 ... 0x47] = REGS, [0x4a] = REGS, REGS,
		[0x50] = MASK_GPR32,
		[0x51] = LOAD, [0x54 ... 0x6d] = LOAD,
		[0x6e] = GPR_IN, LOAD,
		[0x70] = LOAD_I, SHIFT_71, SHIFT_72, SHIFT_73, LOAD, LOAD, LOAD,
		[0x7c] = LOAD, LOAD, GPR_OUT, STOR,
		[0x90] = LOAD, STOR_M, GPR_IN_REG, MASK_GPR32,
		[0x98] = TESTMASK, TESTMASK,
		[0xc2] = LOAD_I, [0xc4] = GPR_IN32_I, MASK_GPR32_I, LOAD_I,
		[0xd0 ... 0xd5] = LOAD, [0xd6] = STOR, MASK_GPR32, [0xd8 ... 0xe6] = LOAD,
		[0xe7] = STOR_M, [0xe8 ... 0xef] = LOAD,
		[0xf1 ... 0xf6] = LOAD, [0xf7] = MASKMOV, [0xf8 ... 0xfe] = LOAD,
	},
	[REP] = {
		[0x10] = LOAD, STOR, LOAD, [0x16] = LOAD,
		[0x2a] = GPR_IN, [0x2c] = TO_GPR, TO_GPR,
		[0x51 ... 0x53] = LOAD, [0x58 ... 0x5f] = LOAD,
		[0x6f] = LOAD, LOAD_I, [0x7e] = LOAD, STOR,
		[0xc2] = LOAD_I, [0xe6] = LOAD,
	},
	[REPNE] = {
		[0x10] = LOAD, STOR, LOAD,
		[0x2a] = GPR_IN, [0x2c] = TO_GPR, TO_GPR,
		[0x51] = LOAD, [0x58 ... 0x5a] = LOAD, [0x5c ... 0x5f] = LOAD,
		[0x70] = LOAD_I, [0x7c] = LOAD, LOAD,
		[0x92] = GPR_IN_REG, MASK_GPR,
		[0xc2] = LOAD_I, [0xd0] = LOAD, [0xe6] = LOAD, [0xf0] = LOAD_M,
	},
};

static const shape_map vex_0f38 = {
	[NONE] = {
		[0x49] = TILE_LOAD_CONFIG, [0x5e] = REGS,
		[0xf2] = ANDN, BLS, [0xf5] = BZHI, [0xf7] = BEXTR,
	},
	[OPSIZE] = {
		[0x00 ... 0x0d] = LOAD, [0x0e] = TEST, TEST,
		[0x13] = LOAD, [0x16] = LOAD, TEST, LOAD, LOAD, LOAD_M, [0x1c ... 0x1e] = LOAD,
		[0x20 ... 0x25] = LOAD, [0x28] = LOAD, LOAD, LOAD_M, LOAD,
		[0x2c] = LOAD_M, LOAD_M, STOR_M, STOR_M,
		[0x30 ... 0x41] = LOAD, [0x45 ... 0x47] = LOAD,
		[0x49] = TILE_STORE_CONFIG, [0x4b] = LOAD_M, [0x5e] = REGS,
		[0x50 ... 0x53] = LOAD, [0x58] = LOAD, LOAD, LOAD_M, [0x78] = LOAD, LOAD,
		[0x8c] = LOAD_M, [0x8e] = STOR_M, [0x90 ... 0x93] = GATHER,
		[0x96 ... 0x9f] = LOAD, [0xa6 ... 0xaf] = LOAD, [0xb6 ... 0xbf] = LOAD,
		[0xcf] = LOAD, [0xdb ... 0xdf] = LOAD,
		[0xf7] = SHIFTX,
	},
	[REP] = { [0x4b] = STOR_M, [0x5c] = REGS, [0x5e] = REGS, [0xf5] = PDEP, [0xf7] = SHIFTX },
	[REPNE] = {
		[0x49] = TILE_ZERO, [0x4b] = LOAD_M, [0x5c] = REGS, [0x5e] = REGS,
		[0xf5] = PDEP, MULX, SHIFTX,
	},
};

static const shape_map vex_0f3a = {
	[OPSIZE] = {
		[0x00 ... 0x02] = LOAD_I, [0x04 ... 0x06] = LOAD_I, [0x08 ... 0x0f] = LOAD_I,
		[0x14] = GPR_OUT32_I, GPR_OUT32_I, GPR_OUT_I, GPR_OUT32_I, LOAD_I, STOR_I,
		[0x1d] = STOR_I, [0x20] = GPR_IN32_I, LOAD_I, GPR_IN_I,
		[0x30 ... 0x33] = REGS_I, [0x38] = LOAD_I, STOR_I,
		[0x40 ... 0x42] = LOAD_I, [0x44] = LOAD_I, [0x46] = LOAD_I,
		[0x48 ... 0x4c] = LOAD_I, [0x5c ... 0x5f] = LOAD_I,
		[0x60] = PCMPESTRM, PCMPESTRI, PCMPISTRM, PCMPISTRI,
		[0x68 ... 0x6f] = LOAD_I, [0x78 ... 0x7f] = LOAD_I,
		[0xce] = LOAD_I, LOAD_I, [0xdf] = LOAD_I,
	},
	[REPNE] = { [0xf0] = RORX },
};

/* ---- EVEX ----------------------------------------------------------------------- */

static const shape_map evex_0f = {
	[NONE] = {
		[0x10] = LOAD, STOR, LOAD, STOR_M, LOAD, LOAD, LOAD, STOR_M,
		[0x28] = LOAD, STOR, [0x2b] = STOR_M, [0x2e] = COMPARE, COMPARE,
		[0x51] = LOAD, [0x54 ... 0x5f] = LOAD, [0x78] = LOAD, LOAD,
		[0xc2] = LOAD_I, [0xc6] = LOAD_I,
	},
	[OPSIZE] = {
		[0x10] = LOAD, STOR, LOAD_M, STOR_M, LOAD, LOAD, LOAD_M, STOR_M,
		[0x28] = LOAD, STOR, [0x2b] = STOR_M, [0x2e] = COMPARE, COMPARE,
		[0x51] = LOAD, [0x54 ... 0x6d] = LOAD, [0x6e] = GPR_IN, LOAD,
		[0x70] = LOAD_I, SHIFT_71, SHIFT_72, SHIFT_73, LOAD, LOAD, LOAD,
		[0x78 ... 0x7b] = LOAD, [0x7e] = GPR_OUT, STOR,
		[0xc2] = LOAD_I, [0xc4] = GPR_IN32_I, MASK_GPR32_I, LOAD_I,
		[0xd1 ... 0xd5] = LOAD, [0xd6] = STOR, [0xd8 ... 0xe6] = LOAD,
		[0xe7] = STOR_M, [0xe8 ... 0xef] = LOAD,
		[0xf1 ... 0xf6] = LOAD, [0xf8 ... 0xfe] = LOAD,
	},
	[REP] = {
		[0x10] = LOAD, STOR, LOAD, [0x16] = LOAD,
		[0x2a] = GPR_IN, [0x2c] = TO_GPR, TO_GPR,
		[0x51] = LOAD, [0x58 ... 0x5f] = LOAD, [0x6f] = LOAD, LOAD_I,
		[0x78] = TO_GPR, TO_GPR, LOAD, GPR_IN, [0x7e] = LOAD, STOR,
		[0xc2] = LOAD_I, [0xe6] = LOAD,
	},
	[REPNE] = {
		[0x10] = LOAD, STOR, LOAD,
		[0x2a] = GPR_IN, [0x2c] = TO_GPR, TO_GPR,
		[0x51] = LOAD, [0x58 ... 0x5a] = LOAD, [0x5c ... 0x5f] = LOAD,
		[0x6f] = LOAD, LOAD_I, [0x78] = TO_GPR, TO_GPR, LOAD, GPR_IN, [0x7f] = STOR,
		[0xc2] = LOAD_I, [0xe6] = LOAD,
	},
};

static const shape_map evex_0f38 = {
	[OPSIZE] = {
		[0x00] = LOAD, [0x04] = LOAD, [0x0b ... 0x0d] = LOAD, [0x10 ... 0x16] = LOAD,
		[0x18] = LOAD, LOAD, LOAD_M, LOAD_M, [0x1c ... 0x29] = LOAD, [0x2a] = LOAD_M,
		[0x2b ... 0x2d] = LOAD, [0x30 ... 0x40] = LOAD, [0x42 ... 0x47] = LOAD,
		[0x4c ... 0x55] = LOAD, [0x58] = LOAD, LOAD, LOAD_M, LOAD_M,
		[0x62] = LOAD, STOR, LOAD, LOAD, LOAD, [0x70 ... 0x73] = LOAD,
		[0x75 ... 0x79] = LOAD, [0x7a] = GPR_IN_REG, GPR_IN_REG, GPR_IN_REG,
		[0x7d ... 0x7f] = LOAD, [0x83] = LOAD, [0x88] = LOAD, LOAD, STOR, STOR,
		[0x8d] = LOAD, [0x8f] = LOAD, [0x90 ... 0x93] = GATHER,
		[0x96 ... 0x9f] = LOAD, [0xa0 ... 0xa3] = SCATTER, [0xa6 ... 0xaf] = LOAD,
		[0xb4 ... 0xbf] = LOAD, [0xc4] = LOAD, [0xc6 ... 0xc7] = GATHER, [0xc8] = LOAD,
		[0xca ... 0xcd] = LOAD, [0xcf] = LOAD, [0xdc ... 0xdf] = LOAD,
	},
	[REP] = {
		[0x10 ... 0x15] = STOR, [0x20 ... 0x25] = STOR, [0x26] = LOAD, LOAD,
		[0x28 ... 0x2a] = REGS, [0x30 ... 0x35] = STOR, [0x38 ... 0x3a] = REGS,
		[0x52] = LOAD, [0x72] = LOAD,
	},
	[REPNE] = {
		[0x52] = LOAD_M, LOAD_M, [0x68] = LOAD, [0x72] = LOAD,
		[0x9a] = LOAD_M, LOAD_M, [0xaa] = LOAD_M, LOAD_M,
	},
};

static const shape_map evex_0f3a = {
	[NONE] = {
		[0x08] = LOAD_I, [0x0a] = LOAD_I, [0x26] = LOAD_I, LOAD_I,
		[0x56] = LOAD_I, LOAD_I, [0x66] = LOAD_I, LOAD_I, [0xc2] = LOAD_I,
	},
	[OPSIZE] = {
		[0x00] = LOAD_I, LOAD_I, [0x03 ... 0x05] = LOAD_I, [0x08 ... 0x0b] = LOAD_I,
		[0x0f] = LOAD_I,
		[0x14] = GPR_OUT32_I, GPR_OUT32_I, GPR_OUT_I, GPR_OUT32_I,
		[0x18] = LOAD_I, STOR_I, LOAD_I, STOR_I, [0x1d] = STOR_I, LOAD_I, LOAD_I,
		[0x20] = GPR_IN32_I, LOAD_I, GPR_IN_I, LOAD_I, [0x25 ... 0x27] = LOAD_I,
		[0x38] = LOAD_I, STOR_I, LOAD_I, STOR_I, [0x3e] = LOAD_I, LOAD_I,
		[0x42 ... 0x44] = LOAD_I, [0x50] = LOAD_I, LOAD_I, [0x54 ... 0x57] = LOAD_I,
		[0x66] = LOAD_I, LOAD_I, [0x70 ... 0x73] = LOAD_I, [0xce] = LOAD_I, LOAD_I,
	},
	[REP] = { [0xc2] = LOAD_I },
};

/* maps 5 and 6: half precision */
static const shape_map evex_5 = {
	[NONE] = {
		[0x1d] = LOAD, [0x2e] = COMPARE, COMPARE, [0x51] = LOAD,
		[0x58 ... 0x5f] = LOAD, [0x78] = LOAD, LOAD, [0x7c] = LOAD, LOAD,
	},
	[OPSIZE] = {
		[0x1d] = LOAD, [0x5a] = LOAD, LOAD, [0x6e] = GPR_IN32,
		[0x78 ... 0x7d] = LOAD, [0x7e] = GPR_OUT32,
	},
	[REP] = {
		[0x10] = LOAD, STOR, [0x2a] = GPR_IN, [0x2c] = TO_GPR, TO_GPR, [0x51] = LOAD,
		[0x58 ... 0x5f] = LOAD, [0x78] = TO_GPR, TO_GPR, [0x7b] = GPR_IN, [0x7d] = LOAD,
	},
	[REPNE] = { [0x5a] = LOAD, [0x7a] = LOAD, [0x7d] = LOAD },
};

static const shape_map evex_6 = {
	[NONE] = { [0x13] = LOAD },
	[OPSIZE] = {
		[0x13] = LOAD, [0x2c] = LOAD, LOAD, [0x42] = LOAD, LOAD, [0x4c ... 0x4f] = LOAD,
		[0x96 ... 0x9f] = LOAD, [0xa6 ... 0xaf] = LOAD, [0xb6 ... 0xbf] = LOAD,
	},
	[REP] = { [0x56] = LOAD, LOAD, [0xd6] = LOAD, LOAD },
	[REPNE] = { [0x56] = LOAD, LOAD, [0xd6] = LOAD, LOAD },
};

/* ---- XOP: no prefixes; map 8 with an immediate, map 10 with one of 32 bits -------- */

static const uint8_t xop_8[256] = {
	[0x85 ... 0x87] = LOAD_I, [0x8e] = LOAD_I, LOAD_I, [0x95 ... 0x97] = LOAD_I,
	[0x9e] = LOAD_I, LOAD_I, [0xa2] = LOAD_I, LOAD_I, [0xa6] = LOAD_I, [0xb6] = LOAD_I,
	[0xc0 ... 0xc3] = LOAD_I, [0xcc ... 0xcf] = LOAD_I, [0xec ... 0xef] = LOAD_I,
};

static const uint8_t xop_9[256] = {
	[0x01] = TBM_1, TBM_2, [0x80 ... 0x83] = LOAD, [0x90 ... 0x9b] = LOAD,
	[0xc1 ... 0xc3] = LOAD, [0xc6] = LOAD, LOAD, [0xcb] = LOAD, [0xd1 ... 0xd3] = LOAD,
	[0xd6] = LOAD, LOAD, [0xdb] = LOAD, [0xe1 ... 0xe3] = LOAD,
};

static const uint8_t xop_10[256] = { [0x10] = TBM_BEXTR };

const struct row *decode_vex_row(unsigned map, unsigned pp, uint8_t opcode)
{
	switch (map) {
	case 1:  return &shapes[vex_0f[pp][opcode]];
	case 2:  return &shapes[vex_0f38[pp][opcode]];
	case 3:  return &shapes[vex_0f3a[pp][opcode]];
	default: return &shapes[____];
	}
}

const struct row *decode_evex_row(unsigned map, unsigned pp, uint8_t opcode)
{
	switch (map) {
	case 1:  return &shapes[evex_0f[pp][opcode]];
	case 2:  return &shapes[evex_0f38[pp][opcode]];
	case 3:  return &shapes[evex_0f3a[pp][opcode]];
	case 5:  return &shapes[evex_5[pp][opcode]];
	case 6:  return &shapes[evex_6[pp][opcode]];
	default: return &shapes[____];
	}
}

const struct row *decode_xop_row(unsigned map, uint8_t opcode)
{
	switch (map) {
	case 8:  return &shapes[xop_8[opcode]];
	case 9:  return &shapes[xop_9[opcode]];
	case 10: return &shapes[xop_10[opcode]];
	default: return &shapes[____];
	}
}
