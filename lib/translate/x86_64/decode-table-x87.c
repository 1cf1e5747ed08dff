/*
 * x87: the opcodes d8 to df. Memory form by ModRM.reg, register form by reg, then by rm. The
 * aliases without an official name (fcom2, fxch4, fstp8, ...) and ffreep are in.
 */
#include "decode-table.h"

#define LOAD		{ OP_MODRM, Ex(R) }
#define STORE		{ OP_MODRM, Ex(W) }
#define ENV_LOAD	{ OP_MODRM, Ex(R), SPECIAL(FPU_ENV) }
#define ENV_STORE	{ OP_MODRM, Ex(W), SPECIAL(FPU_ENV) }
#define STACK		{ OP_MODRM }		/* operands are st registers alone */
#define CONDITIONAL(f)	{ OP_MODRM, F_R(f) }
/* fcomi and its like: ZF PF CF get the result, the others may be cleared or stay */
#define COMPARE		{ OP_MODRM, F_W(ZF | PF | CF), F_MAY(OSZAPC) }

static const struct row d8_mem[8] = { [0 ... 7] = LOAD };
static const struct row d8_reg[8] = { [0 ... 7] = STACK };

static const struct row d9_mem[8] = {
	[0] = LOAD, [2] = STORE, [3] = STORE, [4] = ENV_LOAD, [5] = LOAD,
	[6] = ENV_STORE, [7] = STORE,
};
static const struct row d9_fnop[8] = { [0] = STACK };
static const struct row d9_e0[8] = { [0] = STACK, [1] = STACK, [4] = STACK, [5] = STACK };
static const struct row d9_e8[8] = { [0 ... 6] = STACK };
static const struct row d9_reg[8] = {
	[0] = STACK, [1] = STACK, [2] = { BY_RM(d9_fnop) }, [3] = STACK, [4] = { BY_RM(d9_e0) },
	[5] = { BY_RM(d9_e8) }, [6] = STACK, [7] = STACK,
};

static const struct row da_mem[8] = { [0 ... 7] = LOAD };
static const struct row da_fucompp[8] = { [1] = STACK };
static const struct row da_reg[8] = {
	[0] = CONDITIONAL(CF), [1] = CONDITIONAL(ZF), [2] = CONDITIONAL(CF | ZF),
	[3] = CONDITIONAL(PF), [5] = { BY_RM(da_fucompp) },
};

static const struct row db_mem[8] = {
	[0] = LOAD, [1] = STORE, [2] = STORE, [3] = STORE, [5] = LOAD, [7] = STORE,
};
static const struct row db_e0[8] = { [0 ... 4] = STACK };	/* feni, fdisi, fnclex, fninit */
static const struct row db_reg[8] = {
	[0] = CONDITIONAL(CF), [1] = CONDITIONAL(ZF), [2] = CONDITIONAL(CF | ZF),
	[3] = CONDITIONAL(PF), [4] = { BY_RM(db_e0) }, [5] = COMPARE, [6] = COMPARE,
};

static const struct row dc_mem[8] = { [0 ... 7] = LOAD };
static const struct row dc_reg[8] = { [0 ... 7] = STACK };

static const struct row dd_mem[8] = {
	[0] = LOAD, [1] = STORE, [2] = STORE, [3] = STORE, [4] = ENV_LOAD,
	[6] = ENV_STORE, [7] = STORE,
};
static const struct row dd_reg[8] = { [0 ... 5] = STACK };

static const struct row de_mem[8] = { [0 ... 7] = LOAD };
static const struct row de_fcompp[8] = { [1] = STACK };
static const struct row de_reg[8] = {
	[0 ... 2] = STACK, [3] = { BY_RM(de_fcompp) }, [4 ... 7] = STACK,
};

static const struct row df_mem[8] = {
	[0] = LOAD, [1] = STORE, [2] = STORE, [3] = STORE, [4] = LOAD, [5] = LOAD,
	[6] = STORE, [7] = STORE,
};
static const struct row df_fnstsw[8] = { [0] = { OP_MODRM, READS(RAX) } };	/* into ax */
static const struct row df_reg[8] = {
	[0 ... 3] = STACK, [4] = { BY_RM(df_fnstsw) }, [5] = COMPARE, [6] = COMPARE,
};

const struct row decode_x87[8][2] = {
	{ { BY_REG(d8_mem) }, { BY_REG(d8_reg) } },
	{ { BY_REG(d9_mem) }, { BY_REG(d9_reg) } },
	{ { BY_REG(da_mem) }, { BY_REG(da_reg) } },
	{ { BY_REG(db_mem) }, { BY_REG(db_reg) } },
	{ { BY_REG(dc_mem) }, { BY_REG(dc_reg) } },
	{ { BY_REG(dd_mem) }, { BY_REG(dd_reg) } },
	{ { BY_REG(de_mem) }, { BY_REG(de_reg) } },
	{ { BY_REG(df_mem) }, { BY_REG(df_reg) } },
};
