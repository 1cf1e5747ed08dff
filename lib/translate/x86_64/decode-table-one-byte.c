/* The one-byte opcode map. x87, d8 to df, stands in decode-table-x87.c. */
#include "decode-table.h"

/* ---- groups: opcodes which ModRM.reg tells apart --------------------------- */

#define GROUP_1(name, E, imm_) \
static const struct row name[8] = { \
	[0] = { OP_MODRM, E(RW), imm_, F_W(OSZAPC) },			/* add */ \
	[1] = { OP_MODRM, E(RW), imm_, F_W(OSZAPC) },			/* or */ \
	[2] = { OP_MODRM, E(RW), imm_, F_R(CF), F_W(OSZAPC) },		/* adc */ \
	[3] = { OP_MODRM, E(RW), imm_, F_R(CF), F_W(OSZAPC) },		/* sbb */ \
	[4] = { OP_MODRM, E(RW), imm_, F_W(OSZAPC) },			/* and */ \
	[5] = { OP_MODRM, E(RW), imm_, F_W(OSZAPC) },			/* sub */ \
	[6] = { OP_MODRM, E(RW), imm_, F_W(OSZAPC) },			/* xor */ \
	[7] = { OP_MODRM, E(R), imm_, F_W(OSZAPC) },			/* cmp */ \
}
GROUP_1(group_80, Eb, Ib);
GROUP_1(group_81, Ev, Iz);
GROUP_1(group_83, Ev, Ib);

/* rcl and rcr read the carry; rotations touch CF and OF alone. */
#define GROUP_2(name, E, ...) \
static const struct row name[8] = { \
	[0] = { OP_MODRM, E(RW), SHIFT_FLAGS(CF | OF), __VA_ARGS__ },			/* rol */ \
	[1] = { OP_MODRM, E(RW), SHIFT_FLAGS(CF | OF), __VA_ARGS__ },			/* ror */ \
	[2] = { OP_MODRM, E(RW), F_R(CF), SHIFT_FLAGS(CF | OF), __VA_ARGS__ },		/* rcl */ \
	[3] = { OP_MODRM, E(RW), F_R(CF), SHIFT_FLAGS(CF | OF), __VA_ARGS__ },		/* rcr */ \
	[4] = { OP_MODRM, E(RW), SHIFT_FLAGS(OSZAPC), __VA_ARGS__ },			/* shl */ \
	[5] = { OP_MODRM, E(RW), SHIFT_FLAGS(OSZAPC), __VA_ARGS__ },			/* shr */ \
	[6] = { OP_MODRM, E(RW), SHIFT_FLAGS(OSZAPC), __VA_ARGS__ },			/* shl */ \
	[7] = { OP_MODRM, E(RW), SHIFT_FLAGS(OSZAPC), __VA_ARGS__ },			/* sar */ \
}
#define SHIFT_FLAGS F_W
GROUP_2(group_c0, Eb, Ib, ATTR(ATTR_SHIFT_IMM));
GROUP_2(group_c1, Ev, Ib, ATTR(ATTR_SHIFT_IMM));
GROUP_2(group_d0, Eb, .attr = 0);
GROUP_2(group_d1, Ev, .attr = 0);
#undef SHIFT_FLAGS
#define SHIFT_FLAGS F_MAY
GROUP_2(group_d2, Eb, READS(RCX));
GROUP_2(group_d3, Ev, READS(RCX));
#undef SHIFT_FLAGS

static const struct row group_f6[8] = {
	[0] = { OP_MODRM, Eb(R), Ib, F_W(OSZAPC) },				/* test */
	[1] = { OP_MODRM, Eb(R), Ib, F_W(OSZAPC) },
	[2] = { OP_MODRM, Eb(RW) },						/* not */
	[3] = { OP_MODRM, Eb(RW), F_W(OSZAPC) },				/* neg */
	/* mul, imul, div, idiv: into ax or al and ah, the rest of rax stays */
	[4 ... 7] = { OP_MODRM, Eb(R), READS(RAX), F_W(OSZAPC) },
};

static const struct row group_f7[8] = {
	[0] = { OP_MODRM, Ev(R), Iz, F_W(OSZAPC) },				/* test */
	[1] = { OP_MODRM, Ev(R), Iz, F_W(OSZAPC) },
	[2] = { OP_MODRM, Ev(RW) },						/* not */
	[3] = { OP_MODRM, Ev(RW), F_W(OSZAPC) },				/* neg */
	[4 ... 5] = { OP_MODRM, Ev(R), READS(RAX), WRITES(RAX | RDX),		/* mul, imul */
		      ATTR(ATTR_WRITES_V), F_W(OSZAPC) },
	[6 ... 7] = { OP_MODRM, Ev(R), READS(RAX | RDX), WRITES(RAX | RDX),	/* div, idiv */
		      ATTR(ATTR_WRITES_V), F_W(OSZAPC) },
};

static const struct row group_fe[8] = {
	[0 ... 1] = { OP_MODRM, Eb(RW), F_W(OSZAPC & ~CF) },			/* inc, dec */
};

static const struct row group_ff[8] = {
	[0 ... 1] = { OP_MODRM, Ev(RW), F_W(OSZAPC & ~CF) },			/* inc, dec */
	[2] = { OP_MODRM, Eq(R), KIND(CALL_IND), READS(RSP), WRITES(RSP),
		ATTR(ATTR_BRANCH_64 | ATTR_MEM_W) },
	[3] = { OP_MODRM, Ex(R), KIND(FAR), ATTR(ATTR_ALL | ATTR_MEM_ONLY) },
	[4] = { OP_MODRM, Eq(R), KIND(JMP_IND), ATTR(ATTR_BRANCH_64) },
	[5] = { OP_MODRM, Ex(R), KIND(FAR), ATTR(ATTR_ALL | ATTR_MEM_ONLY) },
	[6] = { OP_MODRM, Ev(R), READS(RSP), WRITES(RSP), SPECIAL(STACK_PUSH),
		ATTR(ATTR_DEFAULT_64 | ATTR_MEM_W) },
};

const struct row decode_group_8f[8] = {
	[0] = { OP_MODRM, Ev(W), READS(RSP), WRITES(RSP), SPECIAL(STACK_POP),
		ATTR(ATTR_DEFAULT_64 | ATTR_MEM_R) },
};

/* c6 f8 and c7 f8 are xabort and xbegin, with no other register form of /7 */
static const struct row xabort_rm[8] = {
	[0] = { OP_MODRM, Ib, SPECIAL(XABORT), ATTR(ATTR_ALL) },
};
static const struct row xbegin_rm[8] = {
	[0] = { OP_MODRM, Id, KIND(XBEGIN), SPECIAL(XBEGIN),
		ATTR(ATTR_BRANCH_64 | ATTR_ALL) },
};
static const struct row xabort_mod[2] = { [1] = { BY_RM(xabort_rm) } };
static const struct row xbegin_mod[2] = { [1] = { BY_RM(xbegin_rm) } };
static const struct row group_c6[8] = {
	[0] = { OP_MODRM, Eb(W), Ib },
	[7] = { BY_MOD(xabort_mod) },
};
static const struct row group_c7[8] = {
	[0] = { OP_MODRM, Ev(W), Iz },
	[7] = { BY_MOD(xbegin_mod) },
};

static const struct row nop_or_xchg[2] = {
	[0] = { OP, SPECIAL(NOP) },
	[1] = { OP, Zv(RW), READS(RAX), WRITES(RAX), ATTR(ATTR_WRITES_V),
		PREFIX(P_NO | P_66 | P_F2) },	/* f3 41 90 may be pause */
};

static const struct row group_8c[2] = {
	[0] = { OP_MODRM, Ew(W), SPECIAL(SEG_STORE) },
	[1] = { OP_MODRM, Ev(W), SPECIAL(SEG_STORE) },
};

/* ---- the map ---------------------------------------------------------------- */

/* op r/m,r; op r,r/m; op accumulator,imm */
#define ARITHMETIC(at, access, reads_flags, idiom) \
	[(at) + 0] = { OP_MODRM, Eb(access), Gb(R), F_R(reads_flags), F_W(OSZAPC) }, \
	[(at) + 1] = { OP_MODRM, Ev(access), Gv(R), F_R(reads_flags), F_W(OSZAPC), ATTR(idiom) }, \
	[(at) + 2] = { OP_MODRM, Gb(access), Eb(R), F_R(reads_flags), F_W(OSZAPC) }, \
	[(at) + 3] = { OP_MODRM, Gv(access), Ev(R), F_R(reads_flags), F_W(OSZAPC), ATTR(idiom) }, \
	[(at) + 4] = { OP, Ib, READS(RAX), F_R(reads_flags), F_W(OSZAPC) }, \
	[(at) + 5] = { OP, Iz, READS(RAX), WRITES((access) == R ? 0 : RAX), \
		       ATTR(ATTR_WRITES_V), F_R(reads_flags), F_W(OSZAPC) }

#define JCC_SHORT(flags)	{ OP, Ib, KIND(JCC), ATTR(ATTR_BRANCH_64), F_R(flags) }

/* String instructions: `by` the registers that advance. With a prefix rcx counts. */
#define STRING(by, ...) \
	{ OP, READS(by), WRITES(by), F_R(DF), __VA_ARGS__ }
#define S_LOAD		(ATTR_STRING | ATTR_MEM_R)
#define S_STORE		(ATTR_STRING | ATTR_MEM_W)

const struct row decode_one_byte[256] = {
	ARITHMETIC(0x00, RW, 0, 0),				/* add */
	ARITHMETIC(0x08, RW, 0, 0),				/* or */
	ARITHMETIC(0x10, RW, CF, 0),				/* adc */
	ARITHMETIC(0x18, RW, CF, 0),				/* sbb */
	ARITHMETIC(0x20, RW, 0, 0),				/* and */
	ARITHMETIC(0x28, RW, 0, ATTR_ZERO_IDIOM),		/* sub */
	ARITHMETIC(0x30, RW, 0, ATTR_ZERO_IDIOM),		/* xor */
	ARITHMETIC(0x38, R, 0, 0),				/* cmp */

	[0x0f] = { ESCAPE(0F) },
	[0x50 ... 0x57] = { OP, Zv(R), READS(RSP), WRITES(RSP), SPECIAL(STACK_PUSH),
			    ATTR(ATTR_DEFAULT_64 | ATTR_MEM_W) },
	[0x58 ... 0x5f] = { OP, Zv(W), READS(RSP), WRITES(RSP), SPECIAL(STACK_POP),
			    ATTR(ATTR_DEFAULT_64 | ATTR_MEM_R) },
	[0x62] = { ESCAPE(EVEX) },
	[0x63] = { OP_MODRM, Gv(W), Ed(R) },			/* movsxd */
	[0x68] = { OP, Iz, READS(RSP), WRITES(RSP), SPECIAL(STACK_PUSH),
		   ATTR(ATTR_DEFAULT_64 | ATTR_MEM_W) },
	[0x69] = { OP_MODRM, Gv(W), Ev(R), Iz, F_W(OSZAPC) },	/* imul */
	[0x6a] = { OP, Ib, READS(RSP), WRITES(RSP), SPECIAL(STACK_PUSH),
		   ATTR(ATTR_DEFAULT_64 | ATTR_MEM_W) },
	[0x6b] = { OP_MODRM, Gv(W), Ev(R), Ib, F_W(OSZAPC) },
	[0x6c ... 0x6d] = { OP, READS(RDI | RDX), WRITES(RDI), F_R(DF), ATTR(S_STORE) }, /* ins */
	[0x6e ... 0x6f] = { OP, READS(RSI | RDX), WRITES(RSI), F_R(DF),			/* outs */
			    ATTR(S_LOAD | ATTR_SEGMENT) },
	SIXTEEN_CONDITIONS(0x70, JCC_SHORT),

	[0x80] = { BY_REG(group_80) },
	[0x81] = { BY_REG(group_81) },
	[0x83] = { BY_REG(group_83) },
	[0x84] = { OP_MODRM, Eb(R), Gb(R), F_W(OSZAPC) },	/* test */
	[0x85] = { OP_MODRM, Ev(R), Gv(R), F_W(OSZAPC) },
	[0x86] = { OP_MODRM, Eb(RW), Gb(RW) },			/* xchg */
	[0x87] = { OP_MODRM, Ev(RW), Gv(RW) },
	[0x88] = { OP_MODRM, Eb(W), Gb(R) },			/* mov */
	[0x89] = { OP_MODRM, Ev(W), Gv(R) },
	[0x8a] = { OP_MODRM, Gb(W), Eb(R) },
	[0x8b] = { OP_MODRM, Gv(W), Ev(R) },
	[0x8c] = { BY_MOD(group_8c) },				/* mov r/m,sreg */
	[0x8d] = { OP_MODRM, Gv(W), Ex(N), ATTR(ATTR_MEM_ONLY) },	/* lea */
	[0x8e] = { OP_MODRM, Ew(R), SPECIAL(SEG_LOAD) },
	[0x8f] = { ESCAPE(8F) },
	[0x90] = { BY_REX_B(nop_or_xchg) },
	[0x91 ... 0x97] = { OP, Zv(RW), READS(RAX), WRITES(RAX), ATTR(ATTR_WRITES_V) }, /* xchg */
	[0x98] = { OP, READS(RAX), WRITES(RAX), ATTR(ATTR_WRITES_V) },			/* cdqe */
	[0x99] = { OP, READS(RAX), WRITES(RDX), ATTR(ATTR_WRITES_V) },			/* cqo */
	[0x9b] = { OP },					/* fwait */
	[0x9c] = { OP, READS(RSP), WRITES(RSP), F_R(X86_FLAGS_ALL), SPECIAL(PUSHF),
		   ATTR(ATTR_DEFAULT_64 | ATTR_MEM_W) },
	[0x9d] = { OP, READS(RSP), WRITES(RSP), F_W(X86_FLAGS_ALL), SPECIAL(POPF),
		   ATTR(ATTR_DEFAULT_64 | ATTR_MEM_R) },
	[0x9e] = { OP, READS(RAX), F_W(OSZAPC & ~OF) },		/* sahf */
	[0x9f] = { OP, READS(RAX), F_R(OSZAPC & ~OF) },		/* lahf */

	[0xa0] = { OP, .imm = IMM_MOFFS, READS(RAX), ATTR(ATTR_MEM_R | ATTR_SEGMENT) },
	[0xa1] = { OP, .imm = IMM_MOFFS, WRITES(RAX),
		   ATTR(ATTR_MEM_R | ATTR_SEGMENT | ATTR_WRITES_V) },
	[0xa2 ... 0xa3] = { OP, .imm = IMM_MOFFS, READS(RAX), ATTR(ATTR_MEM_W | ATTR_SEGMENT) },
	[0xa4 ... 0xa5] = STRING(RSI | RDI, ATTR(S_LOAD | S_STORE | ATTR_SEGMENT)),	/* movs */
	[0xa6 ... 0xa7] = STRING(RSI | RDI, F_W(OSZAPC), ATTR(S_LOAD | ATTR_SEGMENT)),	/* cmps */
	[0xa8] = { OP, Ib, READS(RAX), F_W(OSZAPC) },		/* test */
	[0xa9] = { OP, Iz, READS(RAX), F_W(OSZAPC) },
	[0xaa ... 0xab] = { OP, READS(RAX | RDI), WRITES(RDI), F_R(DF), ATTR(S_STORE) }, /* stos */
	[0xac] = { OP, READS(RAX | RSI), WRITES(RSI), F_R(DF), ATTR(S_LOAD | ATTR_SEGMENT) },
	[0xad] = { OP, READS(RSI), WRITES(RSI | RAX), F_R(DF),	/* lods */
		   ATTR(S_LOAD | ATTR_SEGMENT | ATTR_WRITES_V) },
	[0xae ... 0xaf] = { OP, READS(RAX | RDI), WRITES(RDI), F_R(DF), F_W(OSZAPC),	/* scas */
			    ATTR(S_LOAD) },
	[0xb0 ... 0xb7] = { OP, Zb(W), Ib },			/* mov */
	[0xb8 ... 0xbf] = { OP, Zv(W), Iv },

	[0xc0] = { BY_REG(group_c0) },
	[0xc1] = { BY_REG(group_c1) },
	[0xc2] = { OP, Iw, KIND(RET), READS(RSP), WRITES(RSP),
		   ATTR(ATTR_BRANCH_64 | ATTR_MEM_R) },
	[0xc3] = { OP, KIND(RET), READS(RSP), WRITES(RSP),
		   ATTR(ATTR_BRANCH_64 | ATTR_MEM_R) },
	[0xc4] = { ESCAPE(VEX3) },
	[0xc5] = { ESCAPE(VEX2) },
	[0xc6] = { BY_REG(group_c6) },
	[0xc7] = { BY_REG(group_c7) },
	[0xc8] = { OP, .imm = IMM_16_8, READS(RSP | RBP), WRITES(RSP | RBP),	/* enter */
		   ATTR(ATTR_DEFAULT_64 | ATTR_WRITES_V | ATTR_MEM_R | ATTR_MEM_W) },
	[0xc9] = { OP, READS(RSP | RBP), WRITES(RSP | RBP),				/* leave */
		   ATTR(ATTR_DEFAULT_64 | ATTR_WRITES_V | ATTR_MEM_R) },
	[0xca] = { OP, Iw, KIND(FAR), ATTR(ATTR_ALL) },
	[0xcb] = { OP, KIND(FAR), ATTR(ATTR_ALL) },
	[0xcc] = { OP, KIND(INT), ATTR(ATTR_ALL) },
	[0xcd] = { OP, Ib, KIND(INT), ATTR(ATTR_ALL) },
	[0xcf] = { OP, KIND(FAR), ATTR(ATTR_ALL) },

	[0xd0] = { BY_REG(group_d0) },
	[0xd1] = { BY_REG(group_d1) },
	[0xd2] = { BY_REG(group_d2) },
	[0xd3] = { BY_REG(group_d3) },
	[0xd7] = { OP, READS(RAX | RBX), ATTR(ATTR_MEM_R | ATTR_SEGMENT) },		/* xlat */
	[0xd8] = { BY_MOD(decode_x87[0]) },
	[0xd9] = { BY_MOD(decode_x87[1]) },
	[0xda] = { BY_MOD(decode_x87[2]) },
	[0xdb] = { BY_MOD(decode_x87[3]) },
	[0xdc] = { BY_MOD(decode_x87[4]) },
	[0xdd] = { BY_MOD(decode_x87[5]) },
	[0xde] = { BY_MOD(decode_x87[6]) },
	[0xdf] = { BY_MOD(decode_x87[7]) },

	[0xe0 ... 0xe1] = { OP, Ib, KIND(LOOP), READS(RCX), WRITES(RCX), F_R(ZF),
			    ATTR(ATTR_BRANCH_64) },
	[0xe2] = { OP, Ib, KIND(LOOP), READS(RCX), WRITES(RCX), ATTR(ATTR_BRANCH_64) },
	[0xe3] = { OP, Ib, KIND(LOOP), READS(RCX), ATTR(ATTR_BRANCH_64) },
	[0xe4 ... 0xe5] = { OP, Ib, READS(RAX) },		/* in */
	[0xe6 ... 0xe7] = { OP, Ib, READS(RAX) },		/* out */
	[0xe8] = { OP, Id, KIND(CALL), READS(RSP), WRITES(RSP),
		   ATTR(ATTR_BRANCH_64 | ATTR_MEM_W) },
	[0xe9] = { OP, Id, KIND(JMP), ATTR(ATTR_BRANCH_64) },
	[0xeb] = { OP, Ib, KIND(JMP), ATTR(ATTR_BRANCH_64) },
	[0xec ... 0xef] = { OP, READS(RAX | RDX) },		/* in, out */

	[0xf1] = { OP, KIND(INT), ATTR(ATTR_ALL) },
	[0xf4] = { OP, PRIVILEGED },				/* hlt */
	[0xf5] = { OP, F_R(CF), F_W(CF) },			/* cmc */
	[0xf6] = { BY_REG(group_f6) },
	[0xf7] = { BY_REG(group_f7) },
	[0xf8 ... 0xf9] = { OP, F_W(CF) },			/* clc, stc */
	[0xfa ... 0xfb] = { OP, PRIVILEGED },			/* cli, sti */
	[0xfc ... 0xfd] = { OP, F_W(DF) },			/* cld, std */
	[0xfe] = { BY_REG(group_fe) },
	[0xff] = { BY_REG(group_ff) },
};
