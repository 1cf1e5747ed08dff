/*
 * decode-table.h - the language in which the decoder's tables are written. Private to decode*.c.
 *
 * A row says what one opcode is. It reads like a line of an opcode map:
 *
 *	[0x01] = { OP_MODRM, Ev(RW), Gv(R), F_W(OSZAPC) },	add r/m, r
 *
 * The letter is where the operand is coded: E ModRM.rm, G ModRM.reg, B VEX.vvvv, Z the low
 * bits of the opcode. The second is its size:
 *
 *	b 8 bits   w 16   v 16, 32 or 64 by prefixes   y 32 or 64 by REX.W   d 32   q 64
 *	x not a general register (vector, mask, x87, segment): only its memory form matters
 *
 * Its argument is the access: R, W, RW, CW (written under a condition), N (address only).
 * Implicit registers, flags, immediates and peculiarities follow in any order.
 *
 * Where one opcode is several instructions the row leads on to others: BY_REG and BY_RM by a
 * field of ModRM, BY_MOD to memory form and register form, BY_PREFIX to the four mandatory
 * prefixes. A row that is absent is all zeros: undefined, the instruction is UNKNOWN.
 */
#ifndef TRANSLATE_X86_64_DECODE_TABLE_H
#define TRANSLATE_X86_64_DECODE_TABLE_H

#include "decode.h"

enum row_form {
	ROW_UNDEFINED,
	ROW_OP,			/* an instruction without ModRM */
	ROW_OP_MODRM,
	ROW_BY_REG,		/* sub[8] by ModRM.reg */
	ROW_BY_RM,		/* sub[8] by ModRM.rm */
	ROW_BY_MOD,		/* sub[2]: memory, register */
	ROW_BY_PREFIX,		/* sub[4]: none, 66, f3, f2 */
	ROW_BY_REX_B,		/* sub[2]: nop or xchg r8,rax */
	ROW_ESCAPE_0F,		/* bytes that lead to another map */
	ROW_ESCAPE_0F38,
	ROW_ESCAPE_0F3A,
	ROW_ESCAPE_3DNOW,
	ROW_ESCAPE_8F,		/* pop or XOP */
	ROW_ESCAPE_VEX2,
	ROW_ESCAPE_VEX3,
	ROW_ESCAPE_EVEX,
};

enum row_imm {
	IMM_NONE,
	IMM_8,
	IMM_Z,			/* 16 or 32 bits by operand size */
	IMM_V,			/* 16, 32 or 64 */
	IMM_32,
	IMM_8_8,		/* extrq, insertq */
	IMM_FIRST_ODD,		/* from here on more than a sign-extended number */
	IMM_16 = IMM_FIRST_ODD,	/* ret: unsigned */
	IMM_16_8,		/* enter */
	IMM_OPCODE,		/* 3DNow: the opcode comes last */
	IMM_MOFFS,		/* 64-bit address, 32 with the address-size prefix */
};

/* An operand: access in the high half, size in the low; 0: none. */
enum operand_size {
	SIZE_NONE, SIZE_b, SIZE_w, SIZE_d, SIZE_q, SIZE_v, SIZE_y, SIZE_x,
};

enum operand_access {
	N  = 0x80,		/* address only: lea, nop */
	R  = 0x10,
	W  = 0x20,
	RW = 0x30,
	CW = 0x50,		/* the old value may stay */
};

#define OPERAND_SIZE	0x0f

enum row_attr {
	ATTR_DEFAULT_64	= 0x0001, /* operand size 64 without REX.W: push, pop */
	ATTR_BRANCH_64	= 0x0002, /* likewise; 66 means different things to Intel and AMD */
	ATTR_WRITES_V	= 0x0004, /* implicit writes are whole only if operand size >= 32 */
	ATTR_MEM_ONLY	= 0x0008, /* a register form is undefined */
	ATTR_REG_ONLY	= 0x0010,
	ATTR_MOD_IGNORED = 0x0020, /* always a register: mov cr, dr */
	ATTR_MEM_R	= 0x0040, /* memory read that no operand says */
	ATTR_MEM_W	= 0x0080,
	ATTR_STRING	= 0x0100,
	ATTR_SHIFT_IMM	= 0x0200, /* a count of 0 leaves flags alone */
	ATTR_ZERO_IDIOM	= 0x0400, /* r,r does not depend on r */
	ATTR_ALL	= 0x0800, /* semantics not held: assume the worst */
	ATTR_VSIB	= 0x1000,
	ATTR_BIT_STRING	= 0x2000,
	ATTR_NOT_16	= 0x4000, /* undefined with 66 */
	ATTR_SEGMENT	= 0x8000, /* implicit memory by rsi obeys a segment prefix */
};

struct row {
	uint8_t form;
	uint8_t kind;
	uint8_t special;
	uint8_t imm;
	uint8_t rm, reg, vvvv, low;	/* operands */
	uint8_t flags_read, flags_written, flags_may;
	uint8_t prefixes;		/* mandatory ones that are defined, P_*; 0: any */
	uint16_t reads, writes;		/* implicit general registers */
	uint16_t attr;
	const struct row *sub;
};

#define OP		.form = ROW_OP
#define OP_MODRM	.form = ROW_OP_MODRM
#define BY_REG(t)	.form = ROW_BY_REG, .sub = t
#define BY_RM(t)	.form = ROW_BY_RM, .sub = t
#define BY_MOD(t)	.form = ROW_BY_MOD, .sub = t
#define BY_PREFIX(t)	.form = ROW_BY_PREFIX, .sub = t
#define BY_REX_B(t)	.form = ROW_BY_REX_B, .sub = t
#define ESCAPE(to)	.form = ROW_ESCAPE_##to

#define Eb(access)	.rm = (access) | SIZE_b
#define Ew(access)	.rm = (access) | SIZE_w
#define Ed(access)	.rm = (access) | SIZE_d
#define Eq(access)	.rm = (access) | SIZE_q
#define Ev(access)	.rm = (access) | SIZE_v
#define Ey(access)	.rm = (access) | SIZE_y
#define Ex(access)	.rm = (access) | SIZE_x
#define Gb(access)	.reg = (access) | SIZE_b
#define Gw(access)	.reg = (access) | SIZE_w
#define Gd(access)	.reg = (access) | SIZE_d
#define Gq(access)	.reg = (access) | SIZE_q
#define Gv(access)	.reg = (access) | SIZE_v
#define Gy(access)	.reg = (access) | SIZE_y
#define By(access)	.vvvv = (access) | SIZE_y
#define Zb(access)	.low = (access) | SIZE_b
#define Zv(access)	.low = (access) | SIZE_v
#define Zy(access)	.low = (access) | SIZE_y

#define Ib	.imm = IMM_8
#define Iw	.imm = IMM_16
#define Iz	.imm = IMM_Z
#define Iv	.imm = IMM_V
#define Id	.imm = IMM_32

#define KIND(k)		.kind = X86_KIND_##k
#define SPECIAL(s)	.special = X86_SPECIAL_##s
#define ATTR(a)		.attr = (a)
#define READS(r)	.reads = (r)
#define WRITES(r)	.writes = (r)
#define PREFIX(p)	.prefixes = (p)

#define F_R(f)		.flags_read = (f)
#define F_W(f)		.flags_written = (f)
#define F_MAY(f)	.flags_may = (f)

/* mandatory prefixes: bit n as in struct x86_insn.vex_pp */
#define P_NO	0x1
#define P_66	0x2
#define P_F3	0x4
#define P_F2	0x8

#define RAX	0x01
#define RCX	0x02
#define RDX	0x04
#define RBX	0x08
#define RSP	0x10
#define RBP	0x20
#define RSI	0x40
#define RDI	0x80

#define CF	X86_FLAG_CF
#define PF	X86_FLAG_PF
#define AF	X86_FLAG_AF
#define ZF	X86_FLAG_ZF
#define SF	X86_FLAG_SF
#define OF	X86_FLAG_OF
#define DF	X86_FLAG_DF
#define OSZAPC	X86_FLAGS_ARITH

/* The flags that condition n (as in jcc, setcc, cmovcc) reads, for each of the sixteen. */
#define COND_O	OF
#define COND_B	CF
#define COND_Z	ZF
#define COND_BE	(CF | ZF)
#define COND_S	SF
#define COND_P	PF
#define COND_L	(SF | OF)
#define COND_LE	(SF | OF | ZF)

/* A pair of rows for each condition and its opposite, from opcode `at`. */
#define SIXTEEN_CONDITIONS(at, row) \
	[(at) + 0x0 ... (at) + 0x1] = row(COND_O),  [(at) + 0x2 ... (at) + 0x3] = row(COND_B), \
	[(at) + 0x4 ... (at) + 0x5] = row(COND_Z),  [(at) + 0x6 ... (at) + 0x7] = row(COND_BE), \
	[(at) + 0x8 ... (at) + 0x9] = row(COND_S),  [(at) + 0xa ... (at) + 0xb] = row(COND_P), \
	[(at) + 0xc ... (at) + 0xd] = row(COND_L),  [(at) + 0xe ... (at) + 0xf] = row(COND_LE)

/* Privileged in all its forms: the shape is given only for the length. */
#define PRIVILEGED	KIND(HLT_OR_PRIV), ATTR(ATTR_ALL)

static inline bool rex_w(const struct x86_insn *insn) { return insn->vex_rxb & 8; }
static inline unsigned rex_r(const struct x86_insn *insn) { return (insn->vex_rxb & 4) << 1; }
static inline unsigned rex_x(const struct x86_insn *insn) { return (insn->vex_rxb & 2) << 2; }
static inline unsigned rex_b(const struct x86_insn *insn) { return (insn->vex_rxb & 1) << 3; }

static inline unsigned modrm_mod(const struct x86_insn *insn) { return insn->modrm >> 6; }
static inline unsigned modrm_reg(const struct x86_insn *insn) { return insn->modrm >> 3 & 7; }
static inline unsigned modrm_rm(const struct x86_insn *insn) { return insn->modrm & 7; }

extern const struct row decode_one_byte[256];
extern const struct row decode_x87[8][2];
extern const struct row decode_0f[256];
extern const struct row decode_0f38[256];
extern const struct row decode_0f3a[256];
extern const struct row decode_group_8f[8];

/*
 * Sets registers, flags, memory accesses and special of an instruction all else of which is
 * set. `address` are the registers of its ModRM address, if it has one.
 */
void decode_semantics(struct x86_insn *insn, const struct row *row, uint16_t address);

/* The liveness that errs nowhere: reads all, overwrites nothing for certain. */
void decode_assume_worst(struct x86_insn *insn);

/* The row of a VEX, EVEX or XOP opcode; an undefined row if it has none. */
const struct row *decode_vex_row(unsigned map, unsigned pp, uint8_t opcode);
const struct row *decode_evex_row(unsigned map, unsigned pp, uint8_t opcode);
const struct row *decode_xop_row(unsigned map, uint8_t opcode);

/* The factor of an EVEX instruction's 8-bit displacement. */
uint8_t decode_disp8_scale(const struct x86_insn *insn);

#endif
