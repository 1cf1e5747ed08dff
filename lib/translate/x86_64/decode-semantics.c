/* What an instruction reads and writes, from its row and the registers that it names. */
#include "decode-table.h"

/* ---- registers ------------------------------------------------------------------ */

/* Bytes of an operand by size and operand size in effect (2, 4, 8 as 0, 1, 2); 0: no register. */
static const uint8_t operand_width[8][4] = {
	[SIZE_b] = { 1, 1, 1 },
	[SIZE_w] = { 2, 2, 2 },
	[SIZE_d] = { 4, 4, 4 },
	[SIZE_q] = { 8, 8, 8 },
	[SIZE_v] = { 2, 4, 8 },
	[SIZE_y] = { 4, 4, 8 },
};

/*
 * Adds an explicit general register. Without REX 4 to 7 as bytes are ah, ch, dh, bh. Free of
 * branches, as nothing about operands can be predicted.
 */
static void use_reg(struct x86_insn *insn, unsigned number, uint8_t operand)
{
	unsigned width = operand_width[operand & OPERAND_SIZE][insn->operand_bytes >> 2];
	bool is_high = width == 1 && !insn->rex, narrow = width < 4;
	unsigned bit = (unsigned)(width != 0) << (number & ~(4u * is_high));
	bool reads = operand >> 4 & 1, writes = operand >> 5 & 1;

	insn->regs_touched |= bit;
	insn->regs_read |= bit & -(unsigned)(reads | (writes & narrow));
	insn->regs_written |= bit & -(unsigned)(writes & !narrow);
}

static void use_implicit(struct x86_insn *insn, const struct row *row)
{
	insn->regs_read |= row->reads;
	if (row->attr & ATTR_WRITES_V && insn->operand_bytes == 2)
		insn->regs_read |= row->writes;
	else
		insn->regs_written |= row->writes;
	insn->regs_touched |= row->reads | row->writes;
}

/* The operand in ModRM.rm; `address` are the registers of its address if it is memory. */
static void use_rm(struct x86_insn *insn, const struct row *row, uint16_t address)
{
	if (!insn->has_mem) {
		use_reg(insn, modrm_rm(insn) | rex_b(insn), row->rm);
		return;
	}
	insn->regs_touched |= address;
	if (row->special == X86_SPECIAL_NOP)
		return;
	insn->regs_read |= address;
	insn->reads_mem |= (row->rm & R) != 0;
	insn->writes_mem |= (row->rm & W) || (row->rm & ~OPERAND_SIZE) == CW;
	if (row->attr & ATTR_BIT_STRING)
		insn->special = X86_SPECIAL_BIT_STRING;
}

static void use_operands(struct x86_insn *insn, const struct row *row, uint16_t address)
{
	if (insn->modrm_off) {
		use_rm(insn, row, address);
		use_reg(insn, modrm_reg(insn) | rex_r(insn), row->reg);
	} else {
		use_reg(insn, (insn->opcode & 7) | rex_b(insn), row->low);
	}
	if (row->vvvv)
		use_reg(insn, insn->vex_vvvv & 0xf, row->vvvv);
	use_implicit(insn, row);
}

/* ---- what rows cannot say --------------------------------------------------------- */

void decode_assume_worst(struct x86_insn *insn)
{
	insn->regs_read = insn->regs_touched = X86_REGS_ALL;
	insn->regs_written = 0;
	insn->flags_read = insn->flags_may_write = X86_FLAGS_ALL;
	insn->flags_written = 0;
	insn->reads_mem = insn->writes_mem = true;
}

static void adjust_string(struct x86_insn *insn)
{
	insn->is_string = true;
	if (!(insn->prefixes & (X86_PREFIX_REP | X86_PREFIX_REPNE)))
		return;
	insn->rep_string = true;
	insn->regs_read |= insn->regs_written | RCX;	/* nothing happens if rcx is 0 */
	insn->regs_touched |= RCX;
	insn->regs_written = 0;
	insn->flags_written = 0;
}

#define ATTR_ADJUSTS	(ATTR_STRING | ATTR_SHIFT_IMM | ATTR_ZERO_IDIOM | ATTR_ALL)

static void adjust(struct x86_insn *insn, const struct row *row)
{
	uint16_t attr = row->attr;

	if (attr & ATTR_STRING)
		adjust_string(insn);
	if (attr & ATTR_SHIFT_IMM && !(insn->imm & (rex_w(insn) ? 63 : 31)))
		insn->flags_written = insn->flags_may_write = 0;
	if (attr & ATTR_ZERO_IDIOM && !insn->has_mem && insn->operand_bytes != 2 &&
	    (modrm_reg(insn) | rex_r(insn)) == (modrm_rm(insn) | rex_b(insn)))
		insn->regs_read = 0;
	if (attr & ATTR_ALL)
		decode_assume_worst(insn);
}

void decode_semantics(struct x86_insn *insn, const struct row *row, uint16_t address)
{
	insn->special = row->special;
	insn->reads_mem = row->attr & ATTR_MEM_R;
	insn->writes_mem = row->attr & ATTR_MEM_W;
	insn->flags_read = row->flags_read;
	insn->flags_written = row->flags_written;
	insn->flags_may_write = row->flags_written | row->flags_may;
	use_operands(insn, row, address);
	if (row->attr & ATTR_ADJUSTS)
		adjust(insn, row);
}
