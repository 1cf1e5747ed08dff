/*
 * decode.h - what one x86-64 instruction is, from its bytes alone.
 *
 * Bytes in, struct out: length, kind of branch, the places of its parts, pc-relative operand,
 * general registers and flags read and written. 64-bit user mode. It knows no process, keeps no
 * state, allocates nothing, and is fit for any number of threads.
 *
 * Invariants:
 *  - A length is never guessed. What the tables do not hold is X86_KIND_UNKNOWN with len 0.
 *  - All liveness errs to one side: regs_read, regs_touched, flags_read, flags_may_write,
 *    reads_mem and writes_mem may say too much, regs_written and flags_written too little.
 *  - A register whose old value partly survives (8- and 16-bit destinations, cmov, bsf, a
 *    repeated string instruction) is in regs_read and not in regs_written.
 *  - `xor r,r` and `sub r,r` do not read r, and a nop reads nothing: neither depends on them.
 *
 * What it does not do: names, text, operands of vectors, or a verdict about instructions which
 * the processor would refuse (they decode, or are UNKNOWN; the processor faults all the same).
 *
 *	struct x86_insn insn;
 *
 *	if (x86_decode(code, sizeof code, &insn) > 0 && insn.kind == X86_KIND_JCC)
 *		target = x86_branch_target(&insn, pc);
 */
#ifndef TRANSLATE_X86_64_DECODE_H
#define TRANSLATE_X86_64_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define X86_INSN_MAX_BYTES 15
#define X86_DECODE_QUICK_BYTES 48	/* so many, and nothing is copied */

enum x86_kind {
	X86_KIND_PLAIN,
	X86_KIND_JMP,		/* direct, relative */
	X86_KIND_JCC,
	X86_KIND_LOOP,		/* loop, loope, loopne, jrcxz, jecxz */
	X86_KIND_CALL,		/* direct, relative */
	X86_KIND_JMP_IND,
	X86_KIND_CALL_IND,
	X86_KIND_RET,		/* c3, c2 */
	X86_KIND_FAR,		/* far jmp, call, ret; iret */
	X86_KIND_SYSCALL,	/* 0f 05 */
	X86_KIND_SYSENTER,
	X86_KIND_INT,		/* int n, int3, int1 */
	X86_KIND_XBEGIN,	/* imm: relative address of the abort handler */
	X86_KIND_HLT_OR_PRIV,	/* faults in user mode */
	X86_KIND_UD,		/* ud0, ud1, ud2; too long; prefixes that VEX forbids */
	X86_KIND_UNKNOWN,	/* not decodable with certainty; len is 0 */
	X86_KIND_TRUNCATED,	/* more bytes are needed than were given; len is 0 */
};

enum x86_encoding {
	X86_ENCODING_LEGACY,
	X86_ENCODING_VEX2,
	X86_ENCODING_VEX3,
	X86_ENCODING_EVEX,
	X86_ENCODING_XOP,
};

/* Values of struct x86_insn.map: of EVEX also 5 and 6, of XOP 8, 9 and 10. */
enum x86_map {
	X86_MAP_ONE_BYTE = 0,
	X86_MAP_0F = 1,
	X86_MAP_0F38 = 2,
	X86_MAP_0F3A = 3,
	X86_MAP_3DNOW = 15,	/* 0f 0f; the opcode is the last byte */
};

/* Instructions that a translator must or may treat apart; their kind is PLAIN unless said. */
enum x86_special {
	X86_SPECIAL_NONE,
	X86_SPECIAL_NOP,	/* nop, pause, endbr, hint nop: no effect on state */
	X86_SPECIAL_RDFSBASE,
	X86_SPECIAL_RDGSBASE,
	X86_SPECIAL_WRFSBASE,
	X86_SPECIAL_WRGSBASE,
	X86_SPECIAL_SWAPGS,	/* kind HLT_OR_PRIV */
	X86_SPECIAL_SEG_LOAD,	/* mov sreg,r/m; pop fs, gs; lfs, lgs, lss */
	X86_SPECIAL_SEG_STORE,	/* mov r/m,sreg; push fs, gs */
	X86_SPECIAL_XBEGIN,	/* kind XBEGIN */
	X86_SPECIAL_XEND,
	X86_SPECIAL_XABORT,
	X86_SPECIAL_CPUID,
	X86_SPECIAL_RDTSC,
	X86_SPECIAL_RDTSCP,
	X86_SPECIAL_PUSHF,
	X86_SPECIAL_POPF,
	X86_SPECIAL_XSAVE,	/* fxsave, xsave, xsavec, xsaveopt and their restores */
	X86_SPECIAL_FPU_ENV,	/* fnstenv, fnsave, fldenv, frstor: hold the last x87 pc */
	X86_SPECIAL_BIT_STRING,	/* bt, bts, btr, btc mem,reg: reach beyond the ModRM address */
	X86_SPECIAL_SHADOW_STACK, /* rdssp, incssp, saveprevssp, rstorssp, wrss */
	X86_SPECIAL_STACK_PUSH,	/* push (not pushf, push fs): writes below rsp */
	X86_SPECIAL_STACK_POP,	/* pop (not popf, pop fs) */
};

/* Bits of struct x86_insn.prefixes. */
#define X86_PREFIX_OPSIZE	0x01	/* 66 */
#define X86_PREFIX_ADDRSIZE	0x02	/* 67 */
#define X86_PREFIX_REP		0x04	/* f3, the last of f2 and f3 */
#define X86_PREFIX_REPNE	0x08	/* f2, likewise; before a near branch it is bnd */
#define X86_PREFIX_LOCK		0x10	/* f0 */
#define X86_PREFIX_SEG_FS	0x20	/* 64, the last of 64 and 65 */
#define X86_PREFIX_SEG_GS	0x40	/* 65, likewise */
#define X86_PREFIX_NOTRACK	0x80	/* 3e; notrack before an indirect jmp or call */

#define X86_FLAG_CF	0x01
#define X86_FLAG_PF	0x02
#define X86_FLAG_AF	0x04
#define X86_FLAG_ZF	0x08
#define X86_FLAG_SF	0x10
#define X86_FLAG_OF	0x20
#define X86_FLAG_DF	0x40
#define X86_FLAGS_ARITH	0x3f	/* all but DF */
#define X86_FLAGS_ALL	0x7f

#define X86_REGS_ALL	0xffff
#define X86_REG_RSP	4

struct x86_insn {
	uint8_t len;		/* of the whole instruction, 1 to 15; 0: UNKNOWN, TRUNCATED */
	uint8_t kind;		/* enum x86_kind */
	uint8_t special;	/* enum x86_special */
	uint8_t encoding;	/* enum x86_encoding */
	uint8_t map;		/* enum x86_map */
	uint8_t opcode;
	uint8_t prefixes;	/* X86_PREFIX_ */
	uint8_t rex;		/* legacy: the REX byte in effect, 0 if none */

	/* VEX, EVEX, XOP */
	uint8_t vex_rxb;	/* W 8, R 4, X 2, B 1, uninverted; of legacy too, from REX */
	uint8_t vex_vvvv;	/* uninverted; of EVEX 5 bits */
	uint8_t vex_pp;		/* 0: none, 1: 66, 2: f3, 3: f2; of legacy the same, by prefixes */
	uint8_t vex_l;		/* vector length field: 0: 128, 1: 256, 2: 512 */
	uint8_t evex_aaa;	/* mask register */
	bool evex_b;		/* broadcast, rounding */
	bool evex_r2;		/* register field's fifth bit, uninverted */

	uint8_t prefix_len;	/* legacy prefixes + REX, before the opcode or the VEX/EVEX/XOP */
	uint8_t opcode_off;	/* of the main opcode byte */
	uint8_t modrm_off;	/* 0: no ModRM */
	uint8_t modrm;
	uint8_t sib;
	uint8_t disp_off;
	uint8_t disp_len;	/* 0: none; 8: moffs of a0-a3, value in imm */
	uint8_t imm_off;
	uint8_t imm_len;	/* 0: none; enter: 3, imm16 | imm8 << 16; extrq: 2, two imm8 */
	uint8_t disp8_scale;	/* factor of an 8-bit displacement: 1, under EVEX more; 0: no memory */
	uint8_t operand_bytes;	/* operand size in effect: 2, 4, 8 (for 8-bit opcodes too) */
	bool has_sib;
	bool has_mem;		/* a memory operand by ModRM */
	bool rip_relative;	/* ModRM mod 0 rm 5 */
	bool eip_relative;	/* the same with an address-size prefix: truncated to 32 bits */
	bool vsib;		/* the SIB index is a vector */
	bool rep_string;	/* movs, stos, lods, cmps, scas, ins, outs with f3 or f2 */
	bool is_string;		/* one of these, with or without */
	bool reads_mem;		/* by ModRM or implicitly */
	bool writes_mem;
	bool uses_seg_fs;	/* a memory access relative to fs */
	bool uses_seg_gs;
	uint8_t flags_read;	/* X86_FLAG_: may be read */
	uint8_t flags_written;	/* certainly overwritten, or left undefined */
	uint8_t flags_may_write; /* flags_written and those written under a condition */
	uint16_t regs_read;	/* bit n: general register of hardware number n; any part, any role */
	uint16_t regs_written;	/* all 64 bits overwritten for certain */
	uint16_t regs_touched;	/* in any role, also where neither of the above is set (nop) */
	int32_t disp;		/* sign-extended, not scaled */
	int64_t imm;		/* sign-extended; of ret and enter unsigned; moffs: the address */
};

/*
 * Decodes the instruction at bytes, of which len_bytes may be read. 15 are always enough,
 * X86_DECODE_QUICK_BYTES are faster.
 * Returns its length; 0 with out->kind UNKNOWN or TRUNCATED. out is always completely set;
 * where the length is 0 its liveness fields are the conservative ones.
 */
int x86_decode(const uint8_t *bytes, size_t len_bytes, struct x86_insn *out)
	__attribute__((nonnull));

/*
 * The target of a direct branch (JMP, JCC, LOOP, CALL; XBEGIN: of its abort handler) that
 * stands at pc.
 */
static inline uint64_t x86_branch_target(const struct x86_insn *insn, uint64_t pc)
{
	return pc + insn->len + (uint64_t)insn->imm;
}

/* The address of the rip_relative operand of an instruction at pc. */
static inline uint64_t x86_rip_target(const struct x86_insn *insn, uint64_t pc)
{
	uint64_t address = pc + insn->len + (uint64_t)(int64_t)insn->disp;

	return insn->eip_relative ? (uint32_t)address : address;
}

#endif
