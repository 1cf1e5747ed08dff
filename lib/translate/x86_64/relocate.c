/* relocate.c - moving one instruction to another address.
 *
 * Only a pc-relative operand changes.  In reach of 2 GiB its displacement does;
 * below 2 GiB absolute the operand becomes an absolute one; else the address
 * goes through a scratch register that the instruction does not touch.
 */
#include "build.h"

#define SCRATCH_CANDIDATES (BIT(0) | BIT(1) | BIT(2) | BIT(3) | BIT(6) | BIT(7))

bool relocate_can(const struct x86_insn *insn)
{
	if (insn->uses_seg_gs)
		return false;
	switch (insn->special) {
	case X86_SPECIAL_RDGSBASE:
	case X86_SPECIAL_WRGSBASE:
	case X86_SPECIAL_SEG_LOAD:
		return false;
	}
	return true;
}

static bool fits_i32(int64_t value)
{
	return value == (int32_t)value;
}

/* A register that the instruction leaves alone: a dead one if there is any. */
static struct reg pick_scratch(const struct x86_insn *insn, uint16_t dead)
{
	uint16_t free = (uint16_t)(SCRATCH_CANDIDATES & ~insn->regs_touched);

	if (free & dead)
		free &= dead;
	return (struct reg){ (uint8_t)__builtin_ctz(free) };
}

/* mov r, m and its kin: the destination can hold the address, too, while its own
 * value stands in its slot in case of a fault. */
static bool loads_whole_register(const struct x86_insn *insn)
{
	bool opcode = (insn->map == X86_MAP_ONE_BYTE &&
		       (insn->opcode == 0x8b || insn->opcode == 0x63)) ||
		      (insn->map == X86_MAP_0F && (insn->opcode == 0xb6 || insn->opcode == 0xb7 ||
						   insn->opcode == 0xbe || insn->opcode == 0xbf));
	unsigned dest = (insn->modrm >> 3 & 7) | (insn->rex & 4 ? 8 : 0);

	return insn->encoding == X86_ENCODING_LEGACY && opcode && insn->operand_bytes >= 4 &&
	       dest < 8 && (SCRATCH_CANDIDATES >> dest & 1);
}

/* The bytes before the opcode, with REX/VEX/EVEX register extensions of the
 * address (X and B) cleared. */
static void emit_head(struct emit *e, const struct x86_insn *insn, const uint8_t *bytes)
{
	uint8_t head[X86_INSN_MAX_BYTES];
	unsigned len = insn->modrm_off, p = insn->prefix_len;

	memcpy(head, bytes, len);
	if (insn->encoding == X86_ENCODING_LEGACY && insn->rex)
		head[p - 1] &= (uint8_t)~3u;
	else if (insn->encoding == X86_ENCODING_VEX3 || insn->encoding == X86_ENCODING_EVEX ||
		 insn->encoding == X86_ENCODING_XOP)
		head[p + 1] |= 0x60;    /* inverted X, B */
	emit_bytes(e, head, len);
}

static void emit_tail(struct emit *e, const struct x86_insn *insn, const uint8_t *bytes)
{
	unsigned from = insn->disp_off + 4u;

	emit_bytes(e, bytes + from, insn->len - from);
}

static bool emit_within_reach(struct build *b, const struct x86_insn *insn, const uint8_t *bytes,
			      uint64_t target)
{
	struct emit *e = build_out(b);
	int64_t distance = (int64_t)(target - (emit_address(e) + insn->len));
	uint8_t copy[X86_INSN_MAX_BYTES];

	if (!fits_i32(distance) || insn->eip_relative)
		return false;
	int32_t disp = (int32_t)distance;
	memcpy(copy, bytes, insn->len);
	memcpy(copy + insn->disp_off, &disp, 4);
	emit_bytes(e, copy, insn->len);
	return true;
}

static bool emit_absolute(struct build *b, const struct x86_insn *insn, const uint8_t *bytes,
			  uint64_t target)
{
	struct emit *e = build_out(b);

	if (target > 0x7fffffff || insn->eip_relative || insn->len == X86_INSN_MAX_BYTES)
		return false;
	emit_head(e, insn, bytes);
	emit_u8(e, (uint8_t)((insn->modrm & 0x38) | 4));
	emit_u8(e, 0x25);               /* no base, no index */
	emit_u32(e, (uint32_t)target);
	emit_tail(e, insn, bytes);
	return true;
}

static bool emit_lea(struct build *b, const struct x86_insn *insn, uint64_t target)
{
	if (insn->map != X86_MAP_ONE_BYTE || insn->opcode != 0x8d || insn->operand_bytes == 2)
		return false;
	if (insn->operand_bytes == 4)
		target = (uint32_t)target;
	struct reg dest = { (uint8_t)((insn->modrm >> 3 & 7) | (insn->rex & 4 ? 8 : 0)) };
	emit_mov_reg_imm64(build_out(b), dest, target);  /* mov dest, target */
	return true;
}

static void emit_through(struct build *b, const struct x86_insn *insn, const uint8_t *bytes,
			 struct reg s)
{
	struct emit *e = build_out(b);

	emit_head(e, insn, bytes);
	emit_u8(e, (uint8_t)((insn->modrm & 0x38) | s.number));        /* [s] */
	emit_tail(e, insn, bytes);
}

static void emit_far(struct build *b, int i, const struct x86_insn *insn, const uint8_t *bytes,
		     uint64_t target)
{
	struct emit *e = build_out(b);
	uint64_t next = b->pcs[i] + insn->len;

	if (loads_whole_register(insn)) {
		struct reg dest = { (uint8_t)(insn->modrm >> 3 & 7) };

		emit_mov_slot_reg(e, dest);             /* mov gs:[slot], dest */
		build_mark(b, !b->to_cold, (struct where){ b->pcs[i], BIT(dest.number), .in_block = true });
		emit_mov_reg_imm64(e, dest, target);    /* mov dest, target */
		emit_through(b, insn, bytes, dest);     /* op dest, [dest]: faults, or is done */
		return;
	}
	struct reg s = pick_scratch(insn, b->dead_regs[i]);
	bool is_dead = b->dead_regs[i] >> s.number & 1;
	if (!is_dead) {
		emit_mov_slot_reg(e, s);                /* mov gs:[slot], s */
		build_mark(b, !b->to_cold, (struct where){ b->pcs[i], BIT(s.number), .in_block = true });
	}
	emit_mov_reg_imm64(e, s, target);               /* mov s, target */
	emit_through(b, insn, bytes, s);                /* op [s] */
	if (!is_dead) {
		build_mark(b, !b->to_cold, (struct where){ next, BIT(s.number), .in_block = true });
		emit_mov_reg_slot(e, s);                /* mov s, gs:[slot] */
	}
}

bool relocate_reaches(const struct build *b, int i)
{
	const struct x86_insn *insn = &b->insns[i];
	uint64_t target = x86_rip_target(insn, b->pcs[i]), base = b->t->config.base;

	if (!insn->rip_relative || (insn->map == X86_MAP_ONE_BYTE && insn->opcode == 0x8d))
		return true;
	if (insn->eip_relative)
		return false;
	return fits_i32((int64_t)(target - base)) &&
	       fits_i32((int64_t)(target - (base + b->t->config.size_bytes)));
}

void relocate_emit(struct build *b, int i)
{
	const struct x86_insn *insn = &b->insns[i];
	const uint8_t *bytes = b->bytes + (b->pcs[i] - b->pcs[0]);

	if (!insn->rip_relative) {
		emit_bytes(build_out(b), bytes, insn->len);
		return;
	}
	uint64_t target = x86_rip_target(insn, b->pcs[i]);
	if (emit_lea(b, insn, target) || emit_within_reach(b, insn, bytes, target) ||
	    emit_absolute(b, insn, bytes, target))
		return;
	emit_far(b, i, insn, bytes, target);
}

/* ---- the operand of an indirect branch --------------------------------------------- */

/* mov rdx, rm with the address parts of an FF /2 or /4 */
static void emit_load_rm(struct emit *e, const struct x86_insn *insn, const uint8_t *bytes)
{
	if (insn->uses_seg_fs)
		emit_u8(e, 0x64);
	if (insn->prefixes & X86_PREFIX_ADDRSIZE)
		emit_u8(e, 0x67);
	emit_u8(e, (uint8_t)(0x48 | (insn->rex & 3)));
	emit_u8(e, 0x8b);
	emit_u8(e, (uint8_t)((insn->modrm & 0xc7) | 2 << 3));
	emit_bytes(e, bytes + insn->modrm_off + 1, insn->len - insn->modrm_off - 1u);
}

void relocate_load_target(struct build *b, int i)
{
	const struct x86_insn *insn = &b->insns[i];
	const uint8_t *bytes = b->bytes + (b->pcs[i] - b->pcs[0]);
	struct emit *e = build_out(b);

	if (!insn->rip_relative) {
		emit_load_rm(e, insn, bytes);                   /* mov rdx, rm */
		return;
	}
	uint64_t target = x86_rip_target(insn, b->pcs[i]);
	int64_t distance = (int64_t)(target - (emit_address(e) + 7));
	if (fits_i32(distance) && !insn->uses_seg_fs) {
		EMIT_RAW(e, 0x48, 0x8b, 0x15);                  /* mov rdx, [rip + distance] */
		emit_u32(e, (uint32_t)distance);
		return;
	}
	emit_mov_reg_imm64(e, RDX, target);                     /* mov rdx, target */
	if (insn->uses_seg_fs)
		emit_u8(e, 0x64);
	EMIT_RAW(e, 0x48, 0x8b, 0x12);                          /* mov rdx, [rdx] */
}
