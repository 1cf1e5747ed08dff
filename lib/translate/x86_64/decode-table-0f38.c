/* The three-byte opcode maps, 0f 38 xx and 0f 3a xx, without VEX. */
#include "decode-table.h"

#define V_LOAD(p)	{ OP_MODRM, Ex(R), PREFIX(p) }
#define V_LOAD_I(p)	{ OP_MODRM, Ex(R), Ib, PREFIX(p) }
#define P_INT		(P_NO | P_66)

static const struct row pfx_f0[4] = {
	[0 ... 1] = { OP_MODRM, Gv(W), Ev(R), ATTR(ATTR_MEM_ONLY) },	/* movbe */
	[3] = { OP_MODRM, Gy(RW), Eb(R) },				/* crc32 */
};
static const struct row pfx_f1[4] = {
	[0 ... 1] = { OP_MODRM, Ev(W), Gv(R), ATTR(ATTR_MEM_ONLY) },
	[3] = { OP_MODRM, Gy(RW), Ev(R) },
};
static const struct row pfx_f5[4] = {
	[1] = { OP_MODRM, PRIVILEGED },					/* wruss */
};
static const struct row pfx_f6[4] = {
	[0] = { OP_MODRM, Ey(W), Gy(R), SPECIAL(SHADOW_STACK), ATTR(ATTR_MEM_ONLY) }, /* wrss */
	[1] = { OP_MODRM, Gy(RW), Ey(R), F_R(CF), F_W(CF) },		/* adcx */
	[2] = { OP_MODRM, Gy(RW), Ey(R), F_R(OF), F_W(OF) },		/* adox */
};
/* movdir64b: a store of 64 bytes to es:[r] from memory */
static const struct row pfx_f8[4] = {
	[1] = { OP_MODRM, Gq(R), Ex(R), ATTR(ATTR_MEM_ONLY | ATTR_MEM_W) },
};

const struct row decode_0f38[256] = {
	[0x00 ... 0x0b] = V_LOAD(P_INT),
	[0x10] = V_LOAD(P_66),
	[0x14 ... 0x15] = V_LOAD(P_66),
	[0x17] = { OP_MODRM, Ex(R), F_W(OSZAPC), PREFIX(P_66) },	/* ptest */
	[0x1c ... 0x1e] = V_LOAD(P_INT),
	[0x20 ... 0x25] = V_LOAD(P_66),
	[0x28 ... 0x29] = V_LOAD(P_66),
	[0x2a] = { OP_MODRM, Ex(R), PREFIX(P_66), ATTR(ATTR_MEM_ONLY) }, /* movntdqa */
	[0x2b] = V_LOAD(P_66),
	[0x30 ... 0x35] = V_LOAD(P_66),
	[0x37 ... 0x41] = V_LOAD(P_66),
	[0x80 ... 0x82] = { OP_MODRM, PRIVILEGED, PREFIX(P_66) },	/* invept ... */
	[0xc8 ... 0xcd] = V_LOAD(P_NO),					/* sha */
	[0xcf] = V_LOAD(P_66),
	[0xdb ... 0xdf] = V_LOAD(P_66),					/* aes */
	[0xf0] = { BY_PREFIX(pfx_f0) },
	[0xf1] = { BY_PREFIX(pfx_f1) },
	[0xf5] = { BY_PREFIX(pfx_f5) },
	[0xf6] = { BY_PREFIX(pfx_f6) },
	[0xf8] = { BY_PREFIX(pfx_f8) },
	[0xf9] = { OP_MODRM, Ey(W), Gy(R), PREFIX(P_NO), ATTR(ATTR_MEM_ONLY) }, /* movdiri */
};

/* pcmpestr: lengths in rax, rdx; ...i: the index into rcx */
#define COMPARE_STRINGS(reads_, writes_) \
	{ OP_MODRM, Ex(R), Ib, READS(reads_), WRITES(writes_), F_W(OSZAPC), PREFIX(P_66) }

const struct row decode_0f3a[256] = {
	[0x08 ... 0x0e] = V_LOAD_I(P_66),
	[0x0f] = V_LOAD_I(P_INT),					/* palignr */
	[0x14 ... 0x15] = { OP_MODRM, Ed(W), Ib, PREFIX(P_66) },	/* pextrb, pextrw */
	[0x16] = { OP_MODRM, Ey(W), Ib, PREFIX(P_66) },			/* pextrd, pextrq */
	[0x17] = { OP_MODRM, Ed(W), Ib, PREFIX(P_66) },			/* extractps */
	[0x20] = { OP_MODRM, Ed(R), Ib, PREFIX(P_66) },			/* pinsrb */
	[0x21] = V_LOAD_I(P_66),
	[0x22] = { OP_MODRM, Ey(R), Ib, PREFIX(P_66) },			/* pinsrd, pinsrq */
	[0x40 ... 0x42] = V_LOAD_I(P_66),
	[0x44] = V_LOAD_I(P_66),
	[0x60] = COMPARE_STRINGS(RAX | RDX, 0),
	[0x61] = COMPARE_STRINGS(RAX | RDX, RCX),
	[0x62] = COMPARE_STRINGS(0, 0),
	[0x63] = COMPARE_STRINGS(0, RCX),
	[0xcc] = V_LOAD_I(P_NO),					/* sha1rnds4 */
	[0xce ... 0xcf] = V_LOAD_I(P_66),
	[0xdf] = V_LOAD_I(P_66),
};
