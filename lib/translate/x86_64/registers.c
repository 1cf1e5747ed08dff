/* registers.c - which registers an instruction may change.
 *
 * The decoder knows which it overwrites for certain.  Here the common opcodes are known
 * that change one or none; of all others, every register that they touch.
 */
#include "stores.h"

static unsigned reg_field(const struct x86_insn *insn)
{
	return (insn->modrm >> 3 & 7) | (insn->vex_rxb & 4 ? 8 : 0);
}

/* A byte register without REX may be ah, ch, dh, bh. */
static uint16_t field_bit(const struct x86_insn *insn, bool is_byte)
{
	unsigned reg = reg_field(insn);

	return BIT(is_byte && !insn->rex && reg >= 4 ? reg - 4 : reg);
}

static uint16_t rm_bit(const struct x86_insn *insn, bool is_byte)
{
	unsigned rm = (insn->modrm & 7) | (insn->vex_rxb & 1 ? 8 : 0);

	if (insn->has_mem)
		return 0;
	return BIT(is_byte && !insn->rex && rm >= 4 ? rm - 4 : rm);
}

static uint16_t opcode_bit(const struct x86_insn *insn)
{
	return BIT((insn->opcode & 7) | (insn->vex_rxb & 1 ? 8 : 0));
}

/* Of opcodes 00 to 3f: add, or, adc, sbb, and, sub, xor, cmp. */
static uint16_t written_by_arithmetic(const struct x86_insn *insn)
{
	if ((insn->opcode & 0x38) == 0x38)
		return 0;
	switch (insn->opcode & 7) {
	case 0: case 1:
		return rm_bit(insn, !(insn->opcode & 1));
	case 2: case 3:
		return field_bit(insn, !(insn->opcode & 1));
	case 4: case 5:
		return BIT(0);
	default:
		return insn->regs_touched;
	}
}

static uint16_t written_by_one_byte(const struct x86_insn *insn)
{
	unsigned extension = insn->modrm >> 3 & 7;

	if (insn->opcode < 0x40)
		return written_by_arithmetic(insn);
	switch (insn->opcode) {
	case 0x50 ... 0x57: case 0x68: case 0x6a:               /* push */
		return BIT(X86_REG_RSP);
	case 0x58 ... 0x5f:                                     /* pop */
		return BIT(X86_REG_RSP) | opcode_bit(insn);
	case 0x63: case 0x69: case 0x6b: case 0x8b: case 0x8d:  /* movsxd, imul, mov, lea */
		return field_bit(insn, false);
	case 0x8a:
		return field_bit(insn, true);
	case 0x80: case 0x81: case 0x83:
		return extension == 7 ? 0 : rm_bit(insn, insn->opcode == 0x80);
	case 0x84: case 0x85: case 0xa8: case 0xa9:             /* test */
		return 0;
	case 0x88: case 0xc6: case 0xc0: case 0xd0: case 0xd2:  /* mov, shifts */
		return rm_bit(insn, true);
	case 0x89: case 0xc7: case 0xc1: case 0xd1: case 0xd3:
		return rm_bit(insn, false);
	case 0x98:
		return BIT(0);
	case 0x99:
		return BIT(2);
	case 0xb0 ... 0xb3: case 0xb8 ... 0xbf:
		return opcode_bit(insn);
	case 0xf6: case 0xf7:
		return extension < 2 ? 0 : extension < 4 ? rm_bit(insn, insn->opcode == 0xf6) :
		       BIT(0) | BIT(2);
	case 0xfe:
		return rm_bit(insn, true);
	case 0xff:
		return extension < 2 ? rm_bit(insn, false) : insn->regs_touched;
	default:
		return insn->regs_touched;
	}
}

/* Vector instructions that have no general register but in an address. */
static bool is_vector(uint8_t opcode)
{
	switch (opcode) {
	case 0x10 ... 0x17: case 0x28: case 0x29: case 0x2e: case 0x2f:
	case 0x51 ... 0x6d: case 0x6f: case 0x70: case 0x74 ... 0x76: case 0x7f:
	case 0xd4: case 0xd6: case 0xd8 ... 0xdf: case 0xe7: case 0xeb: case 0xef:
	case 0xf8 ... 0xfe:
		return true;
	default:
		return false;
	}
}

uint16_t registers_may_write(const struct x86_insn *insn)
{
	if (insn->special == X86_SPECIAL_NOP)
		return 0;
	if (insn->special == X86_SPECIAL_XABORT)
		return insn->regs_touched;
	if (insn->map == X86_MAP_0F && is_vector(insn->opcode))
		return 0;
	if (insn->encoding != X86_ENCODING_LEGACY)
		return insn->regs_touched;
	if (insn->map == X86_MAP_ONE_BYTE)
		return written_by_one_byte(insn);
	if (insn->map != X86_MAP_0F)
		return insn->regs_touched;
	switch (insn->opcode) {
	case 0x40 ... 0x4f:                                     /* cmov */
	case 0xaf: case 0xb6: case 0xb7: case 0xbe: case 0xbf:  /* imul, movzx, movsx */
		return field_bit(insn, false);
	case 0x90 ... 0x9f:                                     /* setcc */
		return rm_bit(insn, true);
	default:
		return insn->regs_touched;
	}
}

bool registers_move_rsp(const struct x86_insn *insn, int64_t *by)
{
	int64_t word = insn->prefixes & X86_PREFIX_OPSIZE ? 2 : 8;

	if (insn->encoding != X86_ENCODING_LEGACY || insn->map != X86_MAP_ONE_BYTE)
		return false;
	switch (insn->opcode) {
	case 0x50 ... 0x57: case 0x68: case 0x6a:
		*by = -word;
		return true;
	case 0x58 ... 0x5f:
		*by = word;
		return opcode_bit(insn) != BIT(X86_REG_RSP);
	case 0x81: case 0x83:
		if (rm_bit(insn, false) != BIT(X86_REG_RSP) || insn->operand_bytes != 8)
			return false;
		*by = (insn->modrm >> 3 & 7) == 5 ? -insn->imm : insn->imm;
		return (insn->modrm >> 3 & 7) == 5 || (insn->modrm >> 3 & 7) == 0;
	case 0x8d:
		*by = insn->disp;
		return reg_field(insn) == X86_REG_RSP && insn->operand_bytes == 8 && insn->has_sib &&
		       insn->sib == 0x24 && !(insn->vex_rxb & 3) &&
		       !(insn->prefixes & X86_PREFIX_ADDRSIZE);
	default:
		return false;
	}
}

/* Operands: of `mov`, `lea`, `add`, `sub`, `inc`, `dec` of 64 bits. */
bool registers_copy(const struct x86_insn *insn, unsigned *to, unsigned *from, int64_t *by)
{
	unsigned reg = reg_field(insn), rm = (insn->modrm & 7) | (insn->vex_rxb & 1 ? 8u : 0);
	unsigned extension = insn->modrm >> 3 & 7;

	if (insn->encoding != X86_ENCODING_LEGACY || insn->map != X86_MAP_ONE_BYTE ||
	    insn->operand_bytes != 8 || (insn->has_mem && insn->opcode != 0x8d))
		return false;
	*to = *from = rm;
	*by = insn->imm;
	switch (insn->opcode) {
	case 0x81: case 0x83:                                   /* add, sub */
		*by = extension == 5 ? -insn->imm : insn->imm;
		return extension == 0 || extension == 5;
	case 0xff:                                              /* inc, dec */
		*by = extension ? -1 : 1;
		return extension < 2;
	case 0x89:
		*from = reg;
		*by = 0;
		return true;
	case 0x8b:
		*to = reg;
		*by = 0;
		return true;
	case 0x8d:
		*to = reg;
		*by = insn->disp_len ? insn->disp : 0;
		if (insn->has_sib) {
			*from = (insn->sib & 7) | (insn->vex_rxb & 1 ? 8u : 0);
			if ((insn->sib >> 3 & 7) != 4 || (insn->vex_rxb & 2) ||
			    ((insn->sib & 7) == 5 && !(insn->modrm >> 6)))
				return false;
		}
		return insn->has_mem && !insn->rip_relative &&
		       !(insn->prefixes & X86_PREFIX_ADDRSIZE);
	default:
		return false;
	}
}
