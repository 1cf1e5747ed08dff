#include "decode.h"
#include "decode-table.h"

#include <string.h>

/*
 * One pass from left to right: prefixes, opcode (which finds a row), ModRM with SIB and
 * displacement, immediate. Then the row's operands are read off as register sets.
 *
 * Bytes are read without a check of the length each: decode_window() may read WINDOW_BYTES,
 * more than the longest walk; whether all bytes used were the instruction's own is looked at
 * once, at the end. 15 prefixes, 3 opcode bytes, ModRM, SIB, displacement 4, immediate 8, and
 * 8 more, since numbers are loaded as 8 bytes whatever their length: 40.
 */
#define WINDOW_BYTES	X86_DECODE_QUICK_BYTES

struct decoder {
	const uint8_t *bytes;
	unsigned at;			/* the next byte */
	struct x86_insn *insn;
	bool segment_in_doubt;		/* fs or gs, then another segment prefix */
};

/* ---- small parts ---------------------------------------------------------------- */

static uint8_t take_u8(struct decoder *d)
{
	return d->bytes[d->at++];
}

/* The number of len bytes, 0 to 8, at p, of which 8 may be read. */
static int64_t signed_at(const uint8_t *p, unsigned len)
{
	unsigned unused = 63 - 8 * len + (len != 0);
	uint64_t raw;

	memcpy(&raw, p, sizeof raw);
	return (int64_t)(raw << unused & -(uint64_t)(len != 0)) >> unused;
}

/* ---- prefixes ------------------------------------------------------------------- */

enum prefix_class { NOT_PREFIX, PREFIX_FLAG, PREFIX_REPEAT, PREFIX_FS_GS, PREFIX_SEGMENT, PREFIX_REX };

static const struct { uint8_t class, flag; } prefix_of[256] = {
	[0x26] = { PREFIX_SEGMENT, 0 },
	[0x2e] = { PREFIX_SEGMENT, 0 },
	[0x36] = { PREFIX_SEGMENT, 0 },
	[0x3e] = { PREFIX_SEGMENT, X86_PREFIX_NOTRACK },
	[0x40 ... 0x4f] = { PREFIX_REX, 0 },
	[0x64] = { PREFIX_FS_GS, X86_PREFIX_SEG_FS },
	[0x65] = { PREFIX_FS_GS, X86_PREFIX_SEG_GS },
	[0x66] = { PREFIX_FLAG, X86_PREFIX_OPSIZE },
	[0x67] = { PREFIX_FLAG, X86_PREFIX_ADDRSIZE },
	[0xf0] = { PREFIX_FLAG, X86_PREFIX_LOCK },
	[0xf2] = { PREFIX_REPEAT, X86_PREFIX_REPNE },
	[0xf3] = { PREFIX_REPEAT, X86_PREFIX_REP },
};

#define SEG_BOTH	(X86_PREFIX_SEG_FS | X86_PREFIX_SEG_GS)
#define REPEAT_BOTH	(X86_PREFIX_REP | X86_PREFIX_REPNE)

/* Of the bits 66, 67, f3, f2: f3 and f2 take precedence over 66. */
static const uint8_t mandatory_prefix[16] = {
	0, 1, 0, 1,  2, 2, 2, 2,  3, 3, 3, 3,  3, 3, 3, 3,
};

static void add_prefix(struct decoder *d, uint8_t byte)
{
	uint8_t *prefixes = &d->insn->prefixes;

	switch (prefix_of[byte].class) {
	case PREFIX_REPEAT:
		*prefixes &= ~REPEAT_BOTH;
		break;
	case PREFIX_FS_GS:
		*prefixes &= ~SEG_BOTH;
		d->segment_in_doubt = false;
		break;
	case PREFIX_SEGMENT:
		d->segment_in_doubt = *prefixes & SEG_BOTH;
		break;
	}
	*prefixes |= prefix_of[byte].flag;
}

/* What is usual, nothing or one REX, passes with one branch; only the last REX counts. */
static void take_prefixes(struct decoder *d)
{
	struct x86_insn *insn = d->insn;
	uint8_t byte = d->bytes[d->at], is_rex;

	do {
		while (prefix_of[byte].flag || prefix_of[byte].class == PREFIX_SEGMENT) {
			add_prefix(d, byte);
			if (++d->at == X86_INSN_MAX_BYTES)
				break;
			byte = d->bytes[d->at];
		}
		is_rex = (byte & 0xf0) == 0x40;
		insn->rex = byte & -(unsigned)is_rex;
		d->at += is_rex;
		byte = d->bytes[d->at];
	} while (is_rex && prefix_of[byte].class && d->at < X86_INSN_MAX_BYTES);
	insn->vex_rxb = insn->rex & 0xf;
	insn->prefix_len = d->at;
	insn->vex_pp = mandatory_prefix[insn->prefixes & 0xf];
}

/* ---- opcodes: each takes the bytes up to the opcode and returns its row ------------ */

static const struct row row_undefined, row_forbidden = { .kind = X86_KIND_UD };

/* A REX, 66, f2, f3 or lock prefix before VEX, EVEX or XOP is an error. */
static bool vex_is_forbidden(const struct x86_insn *insn)
{
	return insn->rex || insn->prefixes & (X86_PREFIX_OPSIZE | REPEAT_BOTH | X86_PREFIX_LOCK);
}

static uint8_t take_opcode(struct decoder *d, uint8_t map)
{
	d->insn->map = map;
	d->insn->opcode_off = d->at;
	return d->insn->opcode = take_u8(d);
}

/* c5 RvvvvLpp */
static const struct row *take_vex2(struct decoder *d)
{
	struct x86_insn *insn = d->insn;
	uint8_t payload = take_u8(d);

	if (vex_is_forbidden(insn))
		return &row_forbidden;
	insn->encoding = X86_ENCODING_VEX2;
	insn->vex_rxb = payload & 0x80 ? 0 : 4;
	insn->vex_vvvv = ~payload >> 3 & 0xf;
	insn->vex_l = payload >> 2 & 1;
	insn->vex_pp = payload & 3;
	return decode_vex_row(1, insn->vex_pp, take_opcode(d, 1));
}

/* The payload that VEX of three bytes and XOP share: RXBmmmmm WvvvvLpp. Returns the map. */
static unsigned take_vex_payload(struct x86_insn *insn, uint8_t first, uint8_t second)
{
	insn->vex_rxb = (~first >> 5 & 7) | (second >> 4 & 8);
	insn->vex_vvvv = ~second >> 3 & 0xf;
	insn->vex_l = second >> 2 & 1;
	insn->vex_pp = second & 3;
	return first & 0x1f;
}

static const struct row *take_vex3(struct decoder *d)
{
	struct x86_insn *insn = d->insn;

	if (vex_is_forbidden(insn))
		return &row_forbidden;
	insn->encoding = X86_ENCODING_VEX3;
	unsigned map = take_vex_payload(insn, d->bytes[d->at], d->bytes[d->at + 1]);
	d->at += 2;
	return decode_vex_row(map, insn->vex_pp, take_opcode(d, map));
}

static const struct row *take_xop(struct decoder *d)
{
	struct x86_insn *insn = d->insn;

	if (vex_is_forbidden(insn))
		return &row_forbidden;
	insn->encoding = X86_ENCODING_XOP;
	unsigned map = take_vex_payload(insn, d->bytes[d->at], d->bytes[d->at + 1]);
	d->at += 2;
	uint8_t opcode = take_opcode(d, map);
	return insn->vex_pp ? &row_undefined : decode_xop_row(map, opcode);
}

/* 62 RXBR'0mmm Wvvvv1pp zLLbV'aaa; what differs in the fixed bits is not EVEX as known here */
static const struct row *take_evex(struct decoder *d)
{
	struct x86_insn *insn = d->insn;
	uint8_t p0 = take_u8(d), p1 = take_u8(d), p2 = take_u8(d);

	if (vex_is_forbidden(insn))
		return &row_forbidden;
	if (p0 & 8 || !(p1 & 4))
		return &row_undefined;
	insn->encoding = X86_ENCODING_EVEX;
	insn->vex_rxb = (~p0 >> 5 & 7) | (p1 >> 4 & 8);
	insn->evex_r2 = !(p0 & 0x10);
	insn->vex_vvvv = (~p1 >> 3 & 0xf) | (~p2 & 8) << 1;
	insn->vex_pp = p1 & 3;
	insn->vex_l = p2 >> 5 & 3;
	insn->evex_b = p2 & 0x10;
	insn->evex_aaa = p2 & 7;
	return decode_evex_row(p0 & 7, insn->vex_pp, take_opcode(d, p0 & 7));
}

static const struct row *take_0f(struct decoder *d)
{
	return &decode_0f[take_opcode(d, X86_MAP_0F)];
}

static const struct row *take_3dnow(struct decoder *d)
{
	static const struct row row_3dnow = { OP_MODRM, Ex(R), .imm = IMM_OPCODE };

	d->insn->map = X86_MAP_3DNOW;
	return &row_3dnow;
}

/* 8f is pop r/m if what follows is a ModRM with reg 0, else XOP */
static const struct row *take_8f(struct decoder *d)
{
	static const struct row pop = { BY_REG(decode_group_8f) };

	return (d->bytes[d->at] & 0x1f) >= 8 ? take_xop(d) : &pop;
}

static const struct row *take_escape(struct decoder *d, unsigned form)
{
	switch (form) {
	case ROW_ESCAPE_0F:	return take_0f(d);
	case ROW_ESCAPE_0F38:	return &decode_0f38[take_opcode(d, X86_MAP_0F38)];
	case ROW_ESCAPE_0F3A:	return &decode_0f3a[take_opcode(d, X86_MAP_0F3A)];
	case ROW_ESCAPE_3DNOW:	return take_3dnow(d);
	case ROW_ESCAPE_8F:	return take_8f(d);
	case ROW_ESCAPE_VEX2:	return take_vex2(d);
	case ROW_ESCAPE_VEX3:	return take_vex3(d);
	default:		return take_evex(d);
	}
}

/* ---- ModRM ---------------------------------------------------------------------- */

static void take_modrm(struct decoder *d)
{
	if (d->insn->modrm_off)
		return;
	d->insn->modrm_off = d->at;
	d->insn->modrm = take_u8(d);
}

/* Follows a row that leads on, to the instruction it stands for. */
static const struct row *resolve(struct decoder *d, const struct row *row)
{
	const struct x86_insn *insn = d->insn;

	while (row->form > ROW_OP_MODRM) {
		switch (row->form) {
		case ROW_BY_PREFIX:
			row = &row->sub[insn->vex_pp];
			break;
		case ROW_BY_REX_B:
			row = &row->sub[insn->vex_rxb & 1];
			break;
		case ROW_BY_REG:
			take_modrm(d);
			row = &row->sub[modrm_reg(insn)];
			break;
		case ROW_BY_RM:
			take_modrm(d);
			row = &row->sub[modrm_rm(insn)];
			break;
		case ROW_BY_MOD:
			take_modrm(d);
			row = &row->sub[modrm_mod(insn) == 3];
			break;
		default:
			row = take_escape(d, row->form);
		}
	}
	return row;
}

/*
 * The memory operand: SIB, displacement. Returns the registers that make its address. Free of
 * branches: which of the many forms comes next cannot be predicted.
 */
static uint16_t take_address(struct decoder *d, bool vsib)
{
	static const uint8_t disp_bytes[4] = { 0, 1, 4, 0 };
	struct x86_insn *insn = d->insn;
	unsigned mod = modrm_mod(insn), rm = modrm_rm(insn);
	bool has_sib = rm == 4;
	uint8_t sib = d->bytes[d->at] & -(unsigned)has_sib;
	unsigned base = has_sib ? sib & 7 : rm, index = (sib >> 3 & 7) | rex_x(insn);
	bool no_base = mod == 0 && base == 5, no_index = !has_sib || index == 4 || vsib;
	unsigned len = no_base ? 4 : disp_bytes[mod];

	d->at += has_sib;
	insn->has_mem = true;
	insn->has_sib = has_sib;
	insn->sib = sib;
	insn->rip_relative = no_base && !has_sib;
	insn->eip_relative = insn->rip_relative && insn->prefixes & X86_PREFIX_ADDRSIZE;
	insn->disp_off = d->at & -(unsigned)(len != 0);
	insn->disp_len = len;
	insn->disp = (int32_t)signed_at(d->bytes + d->at, len);
	d->at += len;
	return (unsigned)!no_base << (base | rex_b(insn)) | (unsigned)!no_index << index;
}

/* ---- immediates ----------------------------------------------------------------- */

/* By form and operand size, 2, 4, 8 as 0, 1, 2. */
static const uint8_t imm_bytes[][4] = {
	[IMM_8]		= { 1, 1, 1 },
	[IMM_16]	= { 2, 2, 2 },
	[IMM_Z]		= { 2, 4, 4 },
	[IMM_V]		= { 2, 4, 8 },
	[IMM_32]	= { 4, 4, 4 },
	[IMM_16_8]	= { 3, 3, 3 },
	[IMM_8_8]	= { 2, 2, 2 },
	[IMM_OPCODE]	= { 0 },
	[IMM_MOFFS]	= { 0 },
};

/* What is not sign-extended, or not an immediate in the strict sense yet comes last. */
static void take_odd_imm(struct decoder *d, unsigned form)
{
	struct x86_insn *insn = d->insn;

	switch (form) {
	case IMM_16:
		insn->imm &= 0xffff;
		break;
	case IMM_16_8:
		insn->imm &= 0xffffff;
		break;
	case IMM_OPCODE:
		insn->opcode_off = d->at;
		insn->opcode = take_u8(d);
		break;
	case IMM_MOFFS:
		insn->disp_off = d->at;
		insn->disp_len = insn->prefixes & X86_PREFIX_ADDRSIZE ? 4 : 8;
		insn->imm = signed_at(d->bytes + d->at, insn->disp_len);
		if (insn->disp_len == 4)
			insn->imm = (uint32_t)insn->imm;
		d->at += insn->disp_len;
		break;
	}
}

static void take_imm(struct decoder *d, unsigned form)
{
	struct x86_insn *insn = d->insn;
	unsigned len = imm_bytes[form][insn->operand_bytes >> 2];

	insn->imm_off = d->at & -(unsigned)(len != 0);
	insn->imm_len = len;
	insn->imm = signed_at(d->bytes + d->at, len);
	d->at += len;
	if (form >= IMM_FIRST_ODD)
		take_odd_imm(d, form);
}

/* ---- the whole ---------------------------------------------------------------------- */

/* Notes a segment prefix that has an effect. False: processors do not agree which. */
static bool set_segment(struct decoder *d, const struct row *row)
{
	struct x86_insn *insn = d->insn;
	bool by_modrm = insn->has_mem && !(row->rm & N);

	if (!by_modrm && !(row->attr & ATTR_SEGMENT))
		return true;
	insn->uses_seg_fs = insn->prefixes & X86_PREFIX_SEG_FS;
	insn->uses_seg_gs = insn->prefixes & X86_PREFIX_SEG_GS;
	return !d->segment_in_doubt;
}

/* By the bits: 64 by default 1, branch 2, prefix 66 4, REX.W 8. */
static const uint8_t operand_sizes[16] = {
	4, 8, 8, 8,  2, 2, 8, 8,  8, 8, 8, 8,  8, 8, 8, 8,
};

static uint8_t operand_bytes(const struct x86_insn *insn, uint16_t attr)
{
	unsigned by_default = attr & (ATTR_DEFAULT_64 | ATTR_BRANCH_64);
	unsigned opsize = insn->prefixes & X86_PREFIX_OPSIZE;

	return operand_sizes[by_default | opsize << 2 | (insn->vex_rxb & 8)];
}

/* Forms of a defined opcode that are not defined, or that processors do not agree about. */
static bool is_doubtful(const struct x86_insn *insn, const struct row *row)
{
	uint16_t attr = row->attr;

	if (row->form == ROW_UNDEFINED)
		return true;
	if (row->prefixes && !(row->prefixes >> insn->vex_pp & 1))
		return true;
	if (attr & (ATTR_BRANCH_64 | ATTR_NOT_16))
		return insn->prefixes & X86_PREFIX_OPSIZE && !rex_w(insn);
	if (attr & ATTR_MEM_ONLY)
		return modrm_mod(insn) == 3;
	if (attr & ATTR_REG_ONLY && modrm_mod(insn) != 3)
		return true;
	return insn->evex_r2 && row->reg & OPERAND_SIZE;
}

static int finish_unknown(struct x86_insn *insn, enum x86_kind kind)
{
	insn->kind = kind;
	insn->len = 0;
	decode_assume_worst(insn);
	return 0;
}

/* used: bytes looked at, from which what was found follows. */
static int finish(struct x86_insn *insn, unsigned used, size_t len_bytes, enum x86_kind kind)
{
	if (used > X86_INSN_MAX_BYTES && len_bytes >= X86_INSN_MAX_BYTES) {
		used = X86_INSN_MAX_BYTES;
		kind = X86_KIND_UD;
	}
	if (used > len_bytes)
		return finish_unknown(insn, X86_KIND_TRUNCATED);
	if (kind == X86_KIND_UNKNOWN)
		return finish_unknown(insn, kind);
	insn->kind = kind;
	insn->len = used;
	if (kind == X86_KIND_UD)
		decode_assume_worst(insn);
	return insn->len;
}

static int decode_window(const uint8_t *window, size_t len_bytes, struct x86_insn *out)
{
	struct decoder d = { .bytes = window, .insn = out };
	uint16_t address = 0;

	memset(out, 0, sizeof *out);
	take_prefixes(&d);
	const struct row *row = resolve(&d, &decode_one_byte[take_opcode(&d, X86_MAP_ONE_BYTE)]);
	if (row == &row_forbidden)
		return finish(out, d.at, len_bytes, X86_KIND_UD);
	if (row->form == ROW_OP_MODRM)
		take_modrm(&d);
	if (is_doubtful(out, row))
		return finish(out, d.at, len_bytes, X86_KIND_UNKNOWN);
	out->operand_bytes = operand_bytes(out, row->attr);
	if (out->modrm_off && modrm_mod(out) != 3 && !(row->attr & ATTR_MOD_IGNORED)) {
		out->vsib = row->attr & ATTR_VSIB;
		address = take_address(&d, out->vsib);
		out->disp8_scale = out->encoding == X86_ENCODING_EVEX ? decode_disp8_scale(out) : 1;
	}
	take_imm(&d, row->imm);
	decode_semantics(out, row, address);
	if (out->prefixes & SEG_BOTH && !set_segment(&d, row))
		return finish(out, d.at, len_bytes, X86_KIND_UNKNOWN);
	return finish(out, d.at, len_bytes, row->kind);
}

int x86_decode(const uint8_t *bytes, size_t len_bytes, struct x86_insn *out)
{
	uint8_t copy[WINDOW_BYTES] = { 0 };

	if (len_bytes >= WINDOW_BYTES)
		return decode_window(bytes, len_bytes, out);
	memcpy(copy, bytes, len_bytes);
	return decode_window(copy, len_bytes, out);
}
