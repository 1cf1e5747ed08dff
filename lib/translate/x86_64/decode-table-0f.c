/* The two-byte opcode map, 0f xx. */
#include "decode-table.h"

/* Vector instructions without a general register: load, store, registers alone. */
#define V_LOAD(p)	{ OP_MODRM, Ex(R), PREFIX(p) }
#define V_LOAD_I(p)	{ OP_MODRM, Ex(R), Ib, PREFIX(p) }
#define V_LOAD_MEM(p)	{ OP_MODRM, Ex(R), PREFIX(p), ATTR(ATTR_MEM_ONLY) }
#define V_STORE(p)	{ OP_MODRM, Ex(W), PREFIX(p) }
#define V_STORE_MEM(p)	{ OP_MODRM, Ex(W), PREFIX(p), ATTR(ATTR_MEM_ONLY) }
#define V_REG(p)	{ OP_MODRM, PREFIX(p), ATTR(ATTR_REG_ONLY) }
#define V_REG_I(p)	{ OP_MODRM, Ib, PREFIX(p), ATTR(ATTR_REG_ONLY) }

#define P_INT	(P_NO | P_66)			/* mmx and sse */
#define P_SCALAR (P_F3 | P_F2)
#define P_FLOAT	(P_NO | P_66 | P_F3 | P_F2)	/* ps, pd, ss, sd */

#define PRIV		{ OP, PRIVILEGED }
#define PRIV_MODRM	{ OP_MODRM, PRIVILEGED }
#define WORST		{ OP_MODRM, ATTR(ATTR_ALL) }
#define HINT		{ OP_MODRM, Ev(N), Gv(N), SPECIAL(NOP) }
#define PREFETCH	{ OP_MODRM, Ex(R) }

/* ---- 0f 00, 0f 01: system ----------------------------------------------------- */

static const struct row group_00[8] = {
	[0 ... 1] = { OP_MODRM, Ev(W) },			/* sldt, str */
	[2 ... 3] = { OP_MODRM, Ew(R), PRIVILEGED },		/* lldt, ltr */
	[4 ... 5] = { OP_MODRM, Ew(R), F_W(ZF) },		/* verr, verw */
};

static const struct row mem_01[8] = {
	[0 ... 1] = { OP_MODRM, Ex(W) },			/* sgdt, sidt */
	[2 ... 3] = PRIV_MODRM,					/* lgdt, lidt */
	[4] = { OP_MODRM, Ew(W) },				/* smsw */
	[5] = { OP_MODRM, Ex(RW), PREFIX(P_F3), SPECIAL(SHADOW_STACK), ATTR(ATTR_ALL) },
	[6 ... 7] = PRIV_MODRM,					/* lmsw, invlpg */
};
static const struct row reg_01_0[8] = {
	[0] = { OP_MODRM, PREFIX(P_NO), ATTR(ATTR_ALL) },	/* enclv */
	[1] = { OP_MODRM, PREFIX(P_NO), ATTR(ATTR_ALL) },	/* vmcall */
	[2 ... 5] = { OP_MODRM, PREFIX(P_NO), PRIVILEGED },	/* vmlaunch ... pconfig */
};
static const struct row reg_01_1[8] = {
	[0 ... 3] = { OP_MODRM, PREFIX(P_NO), PRIVILEGED },	/* monitor, mwait, clac, stac */
	[7] = { OP_MODRM, PREFIX(P_NO), PRIVILEGED },		/* encls */
};
static const struct row reg_01_2[8] = {
	[0] = { OP_MODRM, PREFIX(P_NO), READS(RCX), WRITES(RAX | RDX) },	/* xgetbv */
	[1] = { OP_MODRM, PREFIX(P_NO), PRIVILEGED },				/* xsetbv */
	[4] = { OP_MODRM, PREFIX(P_NO), ATTR(ATTR_ALL) },			/* vmfunc */
	[5] = { OP_MODRM, PREFIX(P_NO), SPECIAL(XEND), ATTR(ATTR_ALL) },
	[6] = { OP_MODRM, PREFIX(P_NO), F_W(OSZAPC) },				/* xtest */
};
static const struct row reg_01_3[8] = {
	[0] = { OP_MODRM, PRIVILEGED },				/* vmrun */
	[1] = { OP_MODRM, ATTR(ATTR_ALL) },			/* vmmcall */
	[2 ... 7] = { OP_MODRM, PRIVILEGED },			/* vmload ... invlpga */
};
static const struct row reg_01_5[8] = {
	[0] = { OP_MODRM, PREFIX(P_NO), .flags_read = 0 },	/* serialize */
	[2] = { OP_MODRM, PREFIX(P_F3), SPECIAL(SHADOW_STACK), ATTR(ATTR_ALL) },
	[6] = { OP_MODRM, PREFIX(P_NO), READS(RCX), WRITES(RAX | RDX) },	/* rdpkru */
	[7] = { OP_MODRM, PREFIX(P_NO), READS(RAX | RCX | RDX) },		/* wrpkru */
};
static const struct row reg_01_7[8] = {
	[0] = { OP_MODRM, PRIVILEGED, SPECIAL(SWAPGS) },
	[1] = { OP_MODRM, WRITES(RAX | RCX | RDX), SPECIAL(RDTSCP) },
	[2] = { OP_MODRM, READS(RAX | RCX | RDX), PREFIX(P_NO) },		/* monitorx */
	[3] = { OP_MODRM, READS(RAX | RCX | RBX), PREFIX(P_NO) },		/* mwaitx */
	[4] = { OP_MODRM, READS(RAX), ATTR(ATTR_MEM_W | ATTR_SEGMENT), PREFIX(P_NO) }, /* clzero */
	[5] = { OP_MODRM, READS(RCX), WRITES(RAX | RDX), PREFIX(P_NO), F_MAY(OSZAPC) }, /* rdpru */
};
static const struct row reg_01[8] = {
	[0] = { BY_RM(reg_01_0) }, [1] = { BY_RM(reg_01_1) }, [2] = { BY_RM(reg_01_2) },
	[3] = { BY_RM(reg_01_3) }, [4] = { OP_MODRM, Ev(W) }, [5] = { BY_RM(reg_01_5) },
	[6] = { OP_MODRM, PRIVILEGED }, [7] = { BY_RM(reg_01_7) },
};
static const struct row mod_01[2] = { { BY_REG(mem_01) }, { BY_REG(reg_01) } };

/* ---- hints -------------------------------------------------------------------- */

static const struct row mod_0d[2] = { PREFETCH, HINT };
static const struct row mem_18[8] = { [0 ... 3] = PREFETCH, [4 ... 7] = HINT };
static const struct row mod_18[2] = { { BY_REG(mem_18) }, HINT };

/* Once MPX; nops where it is absent or off. Bounds may be loaded and stored. */
static const struct row mpx[2] = {
	[0] = { OP_MODRM, Ex(RW) },
	[1] = { OP_MODRM, Eq(R), Gq(R) },
};

/* 0f 1e: rdssp leaves its register alone where shadow stacks are off */
static const struct row rdssp[8] = {
	[0] = HINT,
	[1] = { OP_MODRM, Ey(CW), SPECIAL(SHADOW_STACK) },
	[2 ... 7] = HINT,
};
static const struct row mod_1e_f3[2] = { HINT, { BY_REG(rdssp) } };
static const struct row pfx_1e[4] = { HINT, HINT, { BY_MOD(mod_1e_f3) }, HINT };

/* ---- sse ---------------------------------------------------------------------- */

static const struct row mod_12_no[2] = { V_LOAD(0), V_REG(0) };		/* movlps, movhlps */
static const struct row pfx_12[4] = {
	{ BY_MOD(mod_12_no) }, V_LOAD_MEM(0), V_LOAD(0), V_LOAD(0),
};
static const struct row pfx_16[4] = {
	{ BY_MOD(mod_12_no) }, V_LOAD_MEM(0), V_LOAD(0),
};
static const struct row pfx_2a[4] = {
	V_LOAD(0), V_LOAD(0),
	{ OP_MODRM, Ey(R) }, { OP_MODRM, Ey(R) },			/* cvtsi2ss, cvtsi2sd */
};
static const struct row pfx_2b[4] = {
	V_STORE_MEM(0), V_STORE_MEM(0), V_STORE_MEM(0), V_STORE_MEM(0), /* movntp, movnts */
};
static const struct row pfx_2c[4] = {
	V_LOAD(0), V_LOAD(0),
	{ OP_MODRM, Gy(W), Ex(R) }, { OP_MODRM, Gy(W), Ex(R) },		/* cvttss2si, cvttsd2si */
};
static const struct row shift_71[8] = {
	[2] = V_REG_I(P_INT), [4] = V_REG_I(P_INT), [6] = V_REG_I(P_INT),
};
static const struct row shift_73[8] = {
	[2] = V_REG_I(P_INT), [3] = V_REG_I(P_66), [6] = V_REG_I(P_INT), [7] = V_REG_I(P_66),
};
static const struct row extrq[8] = {
	[0] = { OP_MODRM, .imm = IMM_8_8, ATTR(ATTR_REG_ONLY) },
};
static const struct row pfx_78[4] = {
	PRIV_MODRM,							/* vmread */
	{ BY_REG(extrq) }, { 0 },
	{ OP_MODRM, .imm = IMM_8_8, ATTR(ATTR_REG_ONLY) },		/* insertq */
};
static const struct row pfx_79[4] = { PRIV_MODRM, V_REG(0), { 0 }, V_REG(0) };
static const struct row pfx_7e[4] = {
	{ OP_MODRM, Ey(W) }, { OP_MODRM, Ey(W) }, V_LOAD(0),		/* movd, movq */
};
static const struct row pfx_d6[4] = { { 0 }, V_STORE(0), V_REG(0), V_REG(0) };

/* ---- 0f ae: state, fences, fs and gs bases ------------------------------------ */

static const struct row mem_ae_4[4] = {
	[0] = { OP_MODRM, Ex(RW), READS(RAX | RDX), SPECIAL(XSAVE) },
	[2] = { OP_MODRM, Ey(R) },				/* ptwrite */
};
static const struct row mem_ae_6[4] = {
	[0] = { OP_MODRM, Ex(RW), READS(RAX | RDX), SPECIAL(XSAVE) },	/* xsaveopt */
	[1] = { OP_MODRM, Ex(R) },				/* clwb */
	[2] = PRIV_MODRM,					/* clrssbsy */
};
static const struct row mem_ae[8] = {
	[0] = { OP_MODRM, Ex(W), SPECIAL(XSAVE), PREFIX(P_NO) },
	[1] = { OP_MODRM, Ex(R), SPECIAL(XSAVE), PREFIX(P_NO) },
	[2] = { OP_MODRM, Ex(R), PREFIX(P_NO) },		/* ldmxcsr */
	[3] = { OP_MODRM, Ex(W), PREFIX(P_NO) },		/* stmxcsr */
	[4] = { BY_PREFIX(mem_ae_4) },
	[5] = { OP_MODRM, Ex(R), READS(RAX | RDX), SPECIAL(XSAVE), PREFIX(P_NO) },
	[6] = { BY_PREFIX(mem_ae_6) },
	[7] = { OP_MODRM, Ex(R), PREFIX(P_NO | P_66) },		/* clflush, clflushopt */
};
static const struct row reg_ae_5[4] = {
	[0] = { OP_MODRM },					/* lfence */
	[2] = { OP_MODRM, Ey(R), SPECIAL(SHADOW_STACK) },	/* incssp */
};
static const struct row reg_ae_6[4] = {
	[0] = { OP_MODRM },						/* mfence */
	[1] = { OP_MODRM, Ed(R), READS(RAX | RDX), F_W(OSZAPC) },	/* tpause */
	[2] = { OP_MODRM, Eq(R) },					/* umonitor */
	[3] = { OP_MODRM, Ed(R), READS(RAX | RDX), F_W(OSZAPC) },	/* umwait */
};
static const struct row reg_ae[8] = {
	[0] = { OP_MODRM, Ey(W), PREFIX(P_F3), SPECIAL(RDFSBASE) },
	[1] = { OP_MODRM, Ey(W), PREFIX(P_F3), SPECIAL(RDGSBASE) },
	[2] = { OP_MODRM, Ey(R), PREFIX(P_F3), SPECIAL(WRFSBASE) },
	[3] = { OP_MODRM, Ey(R), PREFIX(P_F3), SPECIAL(WRGSBASE) },
	[4] = { OP_MODRM, Ey(R), PREFIX(P_F3) },		/* ptwrite */
	[5] = { BY_PREFIX(reg_ae_5) },
	[6] = { BY_PREFIX(reg_ae_6) },
	[7] = { OP_MODRM, PREFIX(P_NO) },			/* sfence */
};
static const struct row mod_ae[2] = { { BY_REG(mem_ae) }, { BY_REG(reg_ae) } };

/* ---- 0f ba, bit tests; 0f c7 ---------------------------------------------------- */

/* CF is the bit; ZF stays, the others are undefined */
#define F_BIT	F_W(OSZAPC & ~ZF)

static const struct row group_ba[8] = {
	[4] = { OP_MODRM, Ev(R), Ib, F_BIT },			/* bt */
	[5 ... 7] = { OP_MODRM, Ev(RW), Ib, F_BIT },		/* bts, btr, btc */
};

static const struct row mem_c7_6[4] = { PRIV_MODRM, PRIV_MODRM, PRIV_MODRM };
static const struct row mem_c7[8] = {
	/* cmpxchg8b, cmpxchg16b: rdx:rax is replaced if it differs */
	[1] = { OP_MODRM, Ex(RW), READS(RAX | RDX | RCX | RBX), F_W(ZF) },
	[3] = PRIV_MODRM,					/* xrstors */
	[4] = { OP_MODRM, Ex(RW), READS(RAX | RDX), SPECIAL(XSAVE), PREFIX(P_NO) },
	[5] = PRIV_MODRM,					/* xsaves */
	[6] = { BY_PREFIX(mem_c7_6) },				/* vmptrld, vmclear, vmxon */
	[7] = { OP_MODRM, PRIVILEGED, PREFIX(P_NO) },		/* vmptrst */
};
static const struct row reg_c7_7[4] = {
	[0 ... 1] = { OP_MODRM, Ev(W), F_W(OSZAPC) },		/* rdseed */
	[2] = { OP_MODRM, Eq(W) },				/* rdpid */
};
static const struct row reg_c7[8] = {
	[6] = { OP_MODRM, Ev(W), F_W(OSZAPC), PREFIX(P_NO | P_66) },	/* rdrand */
	[7] = { BY_PREFIX(reg_c7_7) },
};
static const struct row mod_c7[2] = { { BY_REG(mem_c7) }, { BY_REG(reg_c7) } };

#define JCC_NEAR(f)	{ OP, Id, KIND(JCC), ATTR(ATTR_BRANCH_64), F_R(f) }
#define SETCC(f)	{ OP_MODRM, Eb(W), F_R(f) }
#define CMOVCC(f)	{ OP_MODRM, Gv(CW), Ev(R), F_R(f) }
#define SHIFT_DOUBLE_I	{ OP_MODRM, Ev(CW), Gv(R), Ib, F_W(OSZAPC), ATTR(ATTR_SHIFT_IMM) }
#define SHIFT_DOUBLE	{ OP_MODRM, Ev(CW), Gv(R), READS(RCX), F_MAY(OSZAPC) }
#define BIT(access)	{ OP_MODRM, Ev(access), Gv(R), F_BIT, ATTR(ATTR_BIT_STRING) }
#define LOAD_FAR	{ OP_MODRM, Gv(W), Ex(R), SPECIAL(SEG_LOAD), ATTR(ATTR_MEM_ONLY) }

static const struct row pfx_b8[4] = {
	[2] = { OP_MODRM, Gv(W), Ev(R), F_W(OSZAPC) },		/* popcnt */
};
/* bsf and bsr leave the destination alone if the source is 0 */
#define BIT_SCAN	{ OP_MODRM, Gv(CW), Ev(R), F_W(OSZAPC) }
static const struct row pfx_bc[4] = {
	BIT_SCAN, BIT_SCAN,
	{ OP_MODRM, Gv(W), Ev(R), F_W(OSZAPC) },		/* tzcnt, lzcnt */
	BIT_SCAN,
};

const struct row decode_0f[256] = {
	[0x00] = { BY_REG(group_00) },
	[0x01] = { BY_MOD(mod_01) },
	[0x02 ... 0x03] = { OP_MODRM, Gv(CW), Ev(R), F_W(ZF) },	/* lar, lsl */
	[0x05] = { OP, KIND(SYSCALL), ATTR(ATTR_ALL) },
	[0x06] = PRIV,						/* clts */
	[0x07] = PRIV,						/* sysret */
	[0x08 ... 0x09] = PRIV,					/* invd, wbinvd */
	[0x0b] = { OP, KIND(UD), ATTR(ATTR_ALL) },
	[0x0d] = { BY_MOD(mod_0d) },				/* prefetchw */
	[0x0e] = { OP },					/* femms */

	[0x0f] = { ESCAPE(3DNOW) },

	[0x10] = V_LOAD(P_FLOAT),
	[0x11] = V_STORE(P_FLOAT),
	[0x12] = { BY_PREFIX(pfx_12) },
	[0x13] = V_STORE_MEM(P_INT),
	[0x14 ... 0x15] = V_LOAD(P_INT),
	[0x16] = { BY_PREFIX(pfx_16) },
	[0x17] = V_STORE_MEM(P_INT),
	[0x18] = { BY_MOD(mod_18) },
	[0x19] = HINT,
	[0x1a ... 0x1b] = { BY_MOD(mpx) },
	[0x1c ... 0x1d] = HINT,
	[0x1e] = { BY_PREFIX(pfx_1e) },
	[0x1f] = HINT,
	[0x20 ... 0x23] = { OP_MODRM, KIND(HLT_OR_PRIV), ATTR(ATTR_ALL | ATTR_MOD_IGNORED) },
	[0x28] = V_LOAD(P_INT),
	[0x29] = V_STORE(P_INT),
	[0x2a] = { BY_PREFIX(pfx_2a) },
	[0x2b] = { BY_PREFIX(pfx_2b) },
	[0x2c ... 0x2d] = { BY_PREFIX(pfx_2c) },
	[0x2e ... 0x2f] = { OP_MODRM, Ex(R), F_W(OSZAPC), PREFIX(P_INT) },	/* ucomis, comis */

	[0x30] = PRIV,						/* wrmsr */
	[0x31] = { OP, WRITES(RAX | RDX), SPECIAL(RDTSC) },
	[0x32] = PRIV,						/* rdmsr */
	[0x33] = { OP, READS(RCX), WRITES(RAX | RDX) },		/* rdpmc */
	[0x34] = { OP, KIND(SYSENTER), ATTR(ATTR_ALL) },
	[0x35] = PRIV,						/* sysexit */
	[0x38] = { ESCAPE(0F38) },
	[0x3a] = { ESCAPE(0F3A) },
	SIXTEEN_CONDITIONS(0x40, CMOVCC),

	[0x50] = { OP_MODRM, Gd(W), PREFIX(P_INT), ATTR(ATTR_REG_ONLY) },	/* movmsk */
	[0x51] = V_LOAD(P_FLOAT),
	[0x52 ... 0x53] = V_LOAD(P_NO | P_F3),
	[0x54 ... 0x57] = V_LOAD(P_INT),
	[0x58 ... 0x5a] = V_LOAD(P_FLOAT),
	[0x5b] = V_LOAD(P_NO | P_66 | P_F3),
	[0x5c ... 0x5f] = V_LOAD(P_FLOAT),
	[0x60 ... 0x6b] = V_LOAD(P_INT),
	[0x6c ... 0x6d] = V_LOAD(P_66),
	[0x6e] = { OP_MODRM, Ey(R), PREFIX(P_INT) },		/* movd, movq */
	[0x6f] = V_LOAD(P_NO | P_66 | P_F3),
	[0x70] = V_LOAD_I(P_FLOAT),
	[0x71 ... 0x72] = { BY_REG(shift_71) },
	[0x73] = { BY_REG(shift_73) },
	[0x74 ... 0x76] = V_LOAD(P_INT),
	[0x77] = { OP, PREFIX(P_NO) },				/* emms */
	[0x78] = { BY_PREFIX(pfx_78) },
	[0x79] = { BY_PREFIX(pfx_79) },
	[0x7c ... 0x7d] = V_LOAD(P_66 | P_F2),
	[0x7e] = { BY_PREFIX(pfx_7e) },
	[0x7f] = V_STORE(P_NO | P_66 | P_F3),
	SIXTEEN_CONDITIONS(0x80, JCC_NEAR),
	SIXTEEN_CONDITIONS(0x90, SETCC),

	[0xa0] = { OP, READS(RSP), WRITES(RSP), SPECIAL(SEG_STORE),		/* push fs */
		   ATTR(ATTR_DEFAULT_64 | ATTR_MEM_W) },
	[0xa1] = { OP, READS(RSP), WRITES(RSP), SPECIAL(SEG_LOAD),		/* pop fs */
		   ATTR(ATTR_DEFAULT_64 | ATTR_MEM_R) },
	[0xa2] = { OP, READS(RAX | RCX), WRITES(RAX | RCX | RDX | RBX), SPECIAL(CPUID) },
	[0xa3] = BIT(R),					/* bt */
	[0xa4] = SHIFT_DOUBLE_I,				/* shld */
	[0xa5] = SHIFT_DOUBLE,
	[0xa8] = { OP, READS(RSP), WRITES(RSP), SPECIAL(SEG_STORE),		/* push gs */
		   ATTR(ATTR_DEFAULT_64 | ATTR_MEM_W) },
	[0xa9] = { OP, READS(RSP), WRITES(RSP), SPECIAL(SEG_LOAD),		/* pop gs */
		   ATTR(ATTR_DEFAULT_64 | ATTR_MEM_R) },
	[0xaa] = PRIV,						/* rsm */
	[0xab] = BIT(RW),					/* bts */
	[0xac] = SHIFT_DOUBLE_I,				/* shrd */
	[0xad] = SHIFT_DOUBLE,
	[0xae] = { BY_MOD(mod_ae) },
	[0xaf] = { OP_MODRM, Gv(RW), Ev(R), F_W(OSZAPC) },	/* imul */
	[0xb0] = { OP_MODRM, Eb(RW), Gb(R), READS(RAX), F_W(OSZAPC) },	/* cmpxchg */
	[0xb1] = { OP_MODRM, Ev(CW), Gv(R), READS(RAX), F_W(OSZAPC) },
	[0xb2] = LOAD_FAR,					/* lss */
	[0xb3] = BIT(RW),					/* btr */
	[0xb4 ... 0xb5] = LOAD_FAR,				/* lfs, lgs */
	[0xb6] = { OP_MODRM, Gv(W), Eb(R) },			/* movzx */
	[0xb7] = { OP_MODRM, Gv(W), Ew(R) },
	[0xb8] = { BY_PREFIX(pfx_b8) },
	[0xb9] = { OP_MODRM, KIND(UD), ATTR(ATTR_ALL) },
	[0xba] = { BY_REG(group_ba) },
	[0xbb] = BIT(RW),					/* btc */
	[0xbc ... 0xbd] = { BY_PREFIX(pfx_bc) },
	[0xbe] = { OP_MODRM, Gv(W), Eb(R) },			/* movsx */
	[0xbf] = { OP_MODRM, Gv(W), Ew(R) },

	[0xc0] = { OP_MODRM, Eb(RW), Gb(RW), F_W(OSZAPC) },	/* xadd */
	[0xc1] = { OP_MODRM, Ev(RW), Gv(RW), F_W(OSZAPC) },
	[0xc2] = V_LOAD_I(P_FLOAT),
	[0xc3] = { OP_MODRM, Ey(W), Gy(R), PREFIX(P_NO), ATTR(ATTR_MEM_ONLY) },	/* movnti */
	[0xc4] = { OP_MODRM, Ed(R), Ib, PREFIX(P_INT) },	/* pinsrw */
	[0xc5] = { OP_MODRM, Gd(W), Ib, PREFIX(P_INT), ATTR(ATTR_REG_ONLY) },	/* pextrw */
	[0xc6] = V_LOAD_I(P_INT),
	[0xc7] = { BY_MOD(mod_c7) },
	[0xc8 ... 0xcf] = { OP, Zy(RW), ATTR(ATTR_NOT_16) },	/* bswap */

	[0xd0] = V_LOAD(P_66 | P_F2),
	[0xd1 ... 0xd5] = V_LOAD(P_INT),
	[0xd6] = { BY_PREFIX(pfx_d6) },
	[0xd7] = { OP_MODRM, Gd(W), PREFIX(P_INT), ATTR(ATTR_REG_ONLY) },	/* pmovmskb */
	[0xd8 ... 0xe5] = V_LOAD(P_INT),
	[0xe6] = V_LOAD(P_66 | P_F3 | P_F2),
	[0xe7] = V_STORE_MEM(P_INT),
	[0xe8 ... 0xef] = V_LOAD(P_INT),
	[0xf0] = V_LOAD_MEM(P_F2),				/* lddqu */
	[0xf1 ... 0xf6] = V_LOAD(P_INT),
	[0xf7] = { OP_MODRM, READS(RDI), PREFIX(P_INT),		/* maskmovq, maskmovdqu */
		   ATTR(ATTR_REG_ONLY | ATTR_MEM_W | ATTR_SEGMENT) },
	[0xf8 ... 0xfe] = V_LOAD(P_INT),
	[0xff] = { OP_MODRM, KIND(UD), ATTR(ATTR_ALL) },
};
