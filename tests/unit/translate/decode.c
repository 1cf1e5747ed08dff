#include "decode.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CF X86_FLAG_CF
#define ZF X86_FLAG_ZF
#define SF X86_FLAG_SF
#define OF X86_FLAG_OF
#define PF X86_FLAG_PF
#define DF X86_FLAG_DF
#define ARITH X86_FLAGS_ARITH

enum {
	RAX = 1, RCX = 2, RDX = 4, RBX = 8, RSP = 16, RBP = 32, RSI = 64, RDI = 128,
	R8 = 1 << 8, R9 = 1 << 9, R10 = 1 << 10, R12 = 1 << 12, R13 = 1 << 13, R15 = 1 << 15,
};

/* "48 89 e5" to bytes; returns their number. */
static size_t parse_hex(const char *hex, uint8_t *bytes)
{
	size_t count = 0;
	char *end;

	for (;; hex = end) {
		unsigned long byte = strtoul(hex, &end, 16);

		if (end == hex)
			return count;
		bytes[count++] = byte;
	}
}

static struct x86_insn decode(const char *hex)
{
	uint8_t bytes[64];
	struct x86_insn insn;
	size_t count = parse_hex(hex, bytes);
	int len = x86_decode(bytes, count, &insn);

	cr_assert_eq(len, insn.len, "%s", hex);
	return insn;
}

/* ---- lengths and kinds ------------------------------------------------------------- */

struct kind_case { const char *hex; enum x86_kind kind; };

static void check_kinds(const struct kind_case *cases, size_t count)
{
	uint8_t bytes[64];

	for (size_t i = 0; i < count; i++) {
		struct x86_insn insn = decode(cases[i].hex);

		cr_expect_eq(insn.kind, cases[i].kind, "%s: kind %d", cases[i].hex, insn.kind);
		cr_expect_eq(insn.len, parse_hex(cases[i].hex, bytes), "%s: len %d",
			     cases[i].hex, insn.len);
	}
}

#define CHECK_KINDS(...) do { \
	const struct kind_case cases[] = { __VA_ARGS__ }; \
	check_kinds(cases, sizeof cases / sizeof *cases); \
} while (0)

static void check_no_length(enum x86_kind kind, const char *hex)
{
	struct x86_insn insn = decode(hex);

	cr_expect_eq(insn.kind, kind, "%s: kind %d", hex, insn.kind);
	cr_expect_eq(insn.len, 0, "%s: len %d", hex, insn.len);
	cr_expect_eq(insn.regs_read, X86_REGS_ALL, "%s", hex);
	cr_expect_eq(insn.regs_touched, X86_REGS_ALL, "%s", hex);
	cr_expect_eq(insn.regs_written, 0, "%s", hex);
	cr_expect_eq(insn.flags_read, X86_FLAGS_ALL, "%s", hex);
}

Test(decode, finds_every_kind_of_branch)
{
	CHECK_KINDS({ "eb fe", X86_KIND_JMP }, { "e9 00 00 00 00", X86_KIND_JMP },
		    { "74 10", X86_KIND_JCC }, { "0f 85 00 01 00 00", X86_KIND_JCC },
		    { "e2 fe", X86_KIND_LOOP }, { "e3 00", X86_KIND_LOOP },
		    { "67 e3 00", X86_KIND_LOOP },
		    { "e8 00 00 00 00", X86_KIND_CALL },
		    { "ff e0", X86_KIND_JMP_IND }, { "41 ff 24 c0", X86_KIND_JMP_IND },
		    { "ff 25 00 00 00 00", X86_KIND_JMP_IND },
		    { "ff d0", X86_KIND_CALL_IND }, { "ff 54 24 08", X86_KIND_CALL_IND },
		    { "c3", X86_KIND_RET }, { "c2 08 00", X86_KIND_RET }, { "f3 c3", X86_KIND_RET },
		    { "ff 28", X86_KIND_FAR }, { "ff 18", X86_KIND_FAR }, { "cb", X86_KIND_FAR },
		    { "ca 00 00", X86_KIND_FAR }, { "48 cf", X86_KIND_FAR });
}

Test(decode, accepts_bnd_and_notrack_on_branches)
{
	CHECK_KINDS({ "f2 e8 00 00 00 00", X86_KIND_CALL }, { "f2 ff 25 00 00 00 00", X86_KIND_JMP_IND },
		    { "f2 c3", X86_KIND_RET }, { "3e ff e0", X86_KIND_JMP_IND },
		    { "2e 74 00", X86_KIND_JCC });
	cr_assert(decode("3e ff e0").prefixes & X86_PREFIX_NOTRACK);
}

Test(decode, knows_what_leaves_user_code)
{
	CHECK_KINDS({ "0f 05", X86_KIND_SYSCALL }, { "0f 34", X86_KIND_SYSENTER },
		    { "cc", X86_KIND_INT }, { "cd 80", X86_KIND_INT }, { "f1", X86_KIND_INT },
		    { "f4", X86_KIND_HLT_OR_PRIV }, { "0f 22 d8", X86_KIND_HLT_OR_PRIV },
		    { "0f 01 f8", X86_KIND_HLT_OR_PRIV }, { "0f 01 d1", X86_KIND_HLT_OR_PRIV },
		    { "0f 0b", X86_KIND_UD }, { "0f b9 c0", X86_KIND_UD }, { "0f ff c0", X86_KIND_UD },
		    { "c7 f8 00 00 00 00", X86_KIND_XBEGIN });
}

Test(decode, ignores_operand_size_on_call_with_rex_w)
{
	/* the call to __tls_get_addr is padded so */
	CHECK_KINDS({ "66 66 48 e8 01 02 03 04", X86_KIND_CALL },
		    { "66 48 e8 01 02 03 04", X86_KIND_CALL },
		    { "66 48 ff 15 00 00 00 00", X86_KIND_CALL_IND });
}

Test(decode, refuses_near_branches_of_16_bits)
{
	check_no_length(X86_KIND_UNKNOWN, "66 e8 00 00 00 00");
	check_no_length(X86_KIND_UNKNOWN, "66 e9 00 00 00 00");
	check_no_length(X86_KIND_UNKNOWN, "66 74 00");
	check_no_length(X86_KIND_UNKNOWN, "66 0f 84 00 00 00 00");
	check_no_length(X86_KIND_UNKNOWN, "66 c3");
	check_no_length(X86_KIND_UNKNOWN, "66 ff e0");
}

Test(decode, measures_immediates_by_operand_size)
{
	CHECK_KINDS({ "b8 01 02 03 04" }, { "66 b8 01 02" }, { "48 b8 1 2 3 4 5 6 7 8" },
		    { "b0 01" }, { "81 c1 01 02 03 04" }, { "66 81 c1 01 02" },
		    { "48 81 c1 01 02 03 04" }, { "66 48 81 c1 01 02 03 04" }, { "83 c1 01" },
		    { "68 01 02 03 04" }, { "66 68 01 02" }, { "6a 01" }, { "c8 10 00 01" },
		    { "69 c0 01 02 03 04" }, { "66 69 c0 01 02" }, { "6b c0 01" },
		    { "c7 00 01 02 03 04" }, { "66 c7 00 01 02" }, { "c6 00 01" });
}

Test(decode, gives_test_an_immediate_and_its_group_none)
{
	CHECK_KINDS({ "f6 c0 01" }, { "f6 c8 01" }, { "f6 d0" }, { "f6 e0" },
		    { "f7 c0 01 02 03 04" }, { "f7 c8 01 02 03 04" }, { "f7 d8" }, { "48 f7 f1" });
}

Test(decode, measures_absolute_addresses)
{
	struct x86_insn insn = decode("a1 88 77 66 55 44 33 22 11");

	CHECK_KINDS({ "a0 1 2 3 4 5 6 7 8" }, { "67 a0 1 2 3 4" }, { "48 a3 1 2 3 4 5 6 7 8" });
	cr_assert_eq(insn.imm, 0x1122334455667788);
	cr_assert_eq(insn.disp_len, 8);
	cr_assert_eq(insn.imm_len, 0);
	cr_assert_eq(decode("67 a1 ff ff ff ff").imm, 0xffffffff);
}

Test(decode, measures_every_form_of_address)
{
	CHECK_KINDS({ "8b 00" }, { "8b 04 24" }, { "8b 40 01" }, { "8b 44 24 01" },
		    { "8b 80 1 2 3 4" }, { "8b 84 24 1 2 3 4" }, { "8b 05 1 2 3 4" },
		    { "8b 04 25 1 2 3 4" }, { "8b 04 05 1 2 3 4" }, { "8b 45 00" },
		    { "41 8b 45 00" }, { "41 8b 05 1 2 3 4" }, { "41 8b 04 24" }, { "8b c0" });
}

Test(decode, measures_vex_by_map)
{
	CHECK_KINDS({ "c5 f8 77" },				/* vzeroupper */
		    { "c5 fd 6f 06" },				/* vmovdqa */
		    { "c5 f9 70 c1 1b" },			/* vpshufd */
		    { "c4 e2 7d 58 05 00 00 00 00" },		/* vpbroadcastd */
		    { "c4 e3 7d 39 c1 01" },			/* vextracti128 */
		    { "c4 e1 f9 6e c0" },			/* vmovq */
		    { "c5 fb 93 c1" });				/* kmovd */
}

Test(decode, measures_evex_by_map)
{
	CHECK_KINDS({ "62 f1 fe 48 6f 06" },			/* vmovdqu64 */
		    { "62 f1 fe 48 6f 46 01" },
		    { "62 f1 fe 48 6f 86 00 01 00 00" },
		    { "62 f1 7d 48 72 f1 05" },			/* vpslld, imm */
		    { "62 f3 7d 48 3b c8 01" },			/* vextracti32x8 */
		    { "62 f3 75 48 1e 05 00 00 00 00 04" },	/* vpcmpud, rip-relative */
		    { "62 f2 7d 48 7c c0" },			/* vpbroadcastd zmm, r32 */
		    { "62 f2 7d 49 92 04 08" },			/* vgatherdps */
		    { "62 f5 74 48 58 c2" });			/* vaddph */
}

Test(decode, tells_xop_from_pop)
{
	struct x86_insn pop = decode("8f 00"), xop = decode("8f e9 78 01 e8");

	cr_assert_eq(pop.len, 2);
	cr_assert_eq(pop.encoding, X86_ENCODING_LEGACY);
	cr_assert_eq(xop.len, 5);
	cr_assert_eq(xop.encoding, X86_ENCODING_XOP);
	cr_assert_eq(xop.map, 9);
	CHECK_KINDS({ "8f ea 78 10 c0 01 02 03 04" });		/* bextr, imm32 */
}

Test(decode, takes_the_3dnow_opcode_from_the_end)
{
	struct x86_insn insn = decode("0f 0f 40 08 9e");

	cr_assert_eq(insn.len, 5);
	cr_assert_eq(insn.opcode, 0x9e);
	cr_assert_eq(insn.map, X86_MAP_3DNOW);
}

Test(decode, measures_x87)
{
	CHECK_KINDS({ "d9 e8" }, { "db 2d 00 00 00 00" }, { "dd 5c 24 08" }, { "de c9" },
		    { "df e0" }, { "df 28" }, { "9b" });
}

Test(decode, measures_hints_and_nops)
{
	CHECK_KINDS({ "90" }, { "66 90" }, { "f3 90" }, { "0f 1f 00" }, { "0f 1f 44 00 00" },
		    { "66 2e 0f 1f 84 00 00 00 00 00" },
		    { "66 66 2e 0f 1f 84 00 00 00 00 00" },
		    { "f3 0f 1e fa" }, { "0f 18 08" }, { "0f 0d 08" });
}

Test(decode, says_truncated_at_every_cut)
{
	static const char *const whole[] = {
		"66 2e 0f 1f 84 00 00 00 00 00", "48 b8 1 2 3 4 5 6 7 8", "c4 e3 7d 39 44 24 08 01",
		"62 f3 75 48 1e 05 00 00 00 00 04", "f3 0f 1e fa", "0f 3a 0f 44 24 08 04",
		"8f ea 78 10 c0 01 02 03 04", "c8 10 00 01", "f7 84 24 1 2 3 4 5 6 7 8",
	};

	for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
		uint8_t bytes[64];
		struct x86_insn insn;
		size_t count = parse_hex(whole[i], bytes);

		for (size_t cut = 0; cut < count; cut++) {
			cr_expect_eq(x86_decode(bytes, cut, &insn), 0, "%s at %zu", whole[i], cut);
			cr_expect_eq(insn.kind, X86_KIND_TRUNCATED, "%s at %zu", whole[i], cut);
		}
		cr_expect_eq(x86_decode(bytes, count, &insn), (int)count, "%s", whole[i]);
	}
}

Test(decode, does_not_depend_on_what_follows)
{
	uint8_t bytes[64];
	struct x86_insn alone, followed;

	memset(bytes, 0xff, sizeof bytes);
	size_t count = parse_hex("48 8b 44 24 08", bytes);
	x86_decode(bytes, count, &alone);
	x86_decode(bytes, sizeof bytes, &followed);
	cr_assert_arr_eq(&alone, &followed, sizeof alone);
}

Test(decode, calls_more_than_15_bytes_undefined)
{
	struct x86_insn insn = decode("66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 90");

	cr_assert_eq(insn.kind, X86_KIND_UD);
	cr_assert_eq(insn.len, 15);
	check_no_length(X86_KIND_TRUNCATED, "66 66 66 66 66 66 66 66");
	CHECK_KINDS({ "66 66 66 66 66 66 66 66 66 66 66 66 66 66 90" });
	cr_assert_eq(decode("2e 2e 2e 2e 2e 2e 2e 81 84 24 1 2 3 4 5 6 7 8").kind, X86_KIND_UD);
}

Test(decode, calls_a_prefix_before_vex_undefined)
{
	cr_assert_eq(decode("66 c5 f8 77").kind, X86_KIND_UD);
	cr_assert_eq(decode("48 c5 f8 77").kind, X86_KIND_UD);
	cr_assert_eq(decode("f3 62 f1 fe 48 6f 06").kind, X86_KIND_UD);
	CHECK_KINDS({ "64 c5 fd 6f 06", X86_KIND_PLAIN }, { "67 c5 fd 6f 06", X86_KIND_PLAIN });
}

Test(decode, admits_what_it_does_not_know)
{
	static const char *const unknown[] = {
		"06", "60", "ce", "d6", "ea 1 2 3 4 5 6", "0f a6 c0", "0f a7 c0", "0f b8 c0",
		"0f 04", "0f 24 c0", "0f 38 ff c0", "0f 3a ff c0 00", "82 c0 01",
		"62 f4 7c 08 58 c0",			/* EVEX map 4 */
		"62 f9 fe 48 6f 06",			/* a reserved bit of EVEX */
		"66 0f c8",				/* bswap of 16 bits */
		"f3 41 90",				/* pause or xchg */
		"64 2e 8b 00",				/* fs or cs */
		"ff f8", "fe d0", "8d c0", "c4 e0 78 58 c0",
	};

	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
		check_no_length(X86_KIND_UNKNOWN, unknown[i]);
}

Test(decode, survives_any_bytes)
{
	uint32_t state = 1;
	uint8_t bytes[24];
	struct x86_insn insn;

	for (int i = 0; i < 300000; i++) {
		for (size_t b = 0; b < sizeof bytes; b++) {
			state = state * 1103515245 + 12345;
			bytes[b] = state >> 16;
		}
		size_t given = state >> 8 & 15;
		int len = x86_decode(bytes, given, &insn);
		cr_assert(len >= 0 && len <= (int)given && len <= X86_INSN_MAX_BYTES);
		cr_assert_eq(len == 0, insn.kind == X86_KIND_UNKNOWN || insn.kind == X86_KIND_TRUNCATED);
	}
}

/* ---- places of parts ------------------------------------------------------------------ */

Test(decode, finds_the_rip_relative_operand)
{
	struct x86_insn insn = decode("48 8b 05 10 00 00 00");

	cr_assert(insn.rip_relative && insn.has_mem && !insn.eip_relative);
	cr_assert_eq(insn.disp_off, 3);
	cr_assert_eq(insn.disp_len, 4);
	cr_assert_eq(insn.regs_read, 0);
	cr_assert_eq(x86_rip_target(&insn, 0x400000), 0x400017);
	insn = decode("c7 05 f0 ff ff ff 01 00 00 00");		/* an immediate behind it counts */
	cr_assert_eq(x86_rip_target(&insn, 0x400000), 0x400000 + 10 - 16);
}

Test(decode, truncates_the_eip_relative_operand)
{
	struct x86_insn insn = decode("67 8b 05 00 00 00 00");

	cr_assert(insn.rip_relative && insn.eip_relative);
	cr_assert_eq(x86_rip_target(&insn, 0x7fff00000000), 7);
}

Test(decode, takes_sib_without_base_as_absolute)
{
	struct x86_insn insn = decode("8b 04 25 78 56 34 12");

	cr_assert(!insn.rip_relative && insn.has_sib);
	cr_assert_eq(insn.regs_read, 0);
	cr_assert_eq(insn.disp, 0x12345678);
}

Test(decode, places_displacement_and_immediate)
{
	struct x86_insn insn = decode("f3 48 81 84 24 80 00 00 00 fe ff ff ff");

	cr_assert_eq(insn.prefix_len, 2);
	cr_assert_eq(insn.rex, 0x48);
	cr_assert_eq(insn.opcode_off, 2);
	cr_assert_eq(insn.modrm_off, 3);
	cr_assert_eq(insn.sib, 0x24);
	cr_assert_eq(insn.disp_off, 5);
	cr_assert_eq(insn.disp, 0x80);
	cr_assert_eq(insn.imm_off, 9);
	cr_assert_eq(insn.imm_len, 4);
	cr_assert_eq(insn.imm, -2);
}

Test(decode, computes_targets_of_branches)
{
	struct x86_insn loop = decode("e2 fe"), call = decode("e8 00 10 00 00");

	cr_assert_eq(x86_branch_target(&loop, 0x1000), 0x1000);
	cr_assert_eq(x86_branch_target(&call, 0x1000), 0x2005);
}

Test(decode, takes_the_stack_adjustment_of_ret_unsigned)
{
	cr_assert_eq(decode("c2 f0 ff").imm, 0xfff0);
}

Test(decode, ignores_rex_that_does_not_stand_before_the_opcode)
{
	struct x86_insn insn = decode("48 66 89 c8");

	cr_assert_eq(insn.rex, 0);
	cr_assert_eq(insn.operand_bytes, 2);
	cr_assert_eq(decode("41 48 89 c8").rex, 0x48);
}

Test(decode, keeps_the_last_of_repeated_prefixes)
{
	cr_assert_eq(decode("f2 f3 a4").prefixes, X86_PREFIX_REP);
	cr_assert_eq(decode("64 65 8b 00").prefixes, X86_PREFIX_SEG_GS);
}

Test(decode, scales_the_short_displacement_of_evex)
{
	static const struct { const char *hex; uint8_t scale; } cases[] = {
		{ "62 f1 fe 48 6f 46 01", 64 },		/* vmovdqu64 zmm */
		{ "62 f1 fe 28 7f 46 01", 32 },		/* vmovdqu64 ymm, a store */
		{ "62 f1 74 58 58 46 01", 4 },		/* vaddps, broadcast */
		{ "62 f1 f5 58 58 46 01", 8 },		/* vaddpd, broadcast */
		{ "62 f1 f7 08 58 46 01", 8 },		/* vaddsd */
		{ "62 f2 7d 48 20 46 01", 32 },		/* vpmovsxbw */
		{ "62 f3 7d 48 39 46 01 01", 16 },	/* vextracti32x4 */
		{ "62 f2 7d 48 78 46 01", 1 },		/* vpbroadcastb */
		{ "c5 fd 6f 46 01", 1 }, { "8b 46 01", 1 }, { "89 c8", 0 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		cr_expect_eq(decode(cases[i].hex).disp8_scale, cases[i].scale, "%s: %d", cases[i].hex,
			     decode(cases[i].hex).disp8_scale);
	cr_assert_eq(decode("62 f1 fe 48 6f 46 ff").disp, -1);
}

Test(decode, takes_no_general_register_for_the_index_of_a_gather)
{
	struct x86_insn insn = decode("c4 e2 69 92 04 0b");

	cr_assert(insn.vsib && insn.has_sib);
	cr_assert_eq(insn.regs_touched, RBX);
	cr_assert(!decode("8b 04 0b").vsib);
}

/* ---- registers ------------------------------------------------------------------------- */

struct regs_case { const char *hex; uint16_t read, written; };

static void check_regs(const struct regs_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct x86_insn insn = decode(cases[i].hex);

		cr_expect_eq(insn.regs_read, cases[i].read, "%s: read %x", cases[i].hex, insn.regs_read);
		cr_expect_eq(insn.regs_written, cases[i].written, "%s: written %x",
			     cases[i].hex, insn.regs_written);
		cr_expect_eq((cases[i].read | cases[i].written) & ~insn.regs_touched, 0,
			     "%s: touched %x", cases[i].hex, insn.regs_touched);
	}
}

#define CHECK_REGS(...) do { \
	const struct regs_case cases[] = { __VA_ARGS__ }; \
	check_regs(cases, sizeof cases / sizeof *cases); \
} while (0)

Test(decode, counts_32_bit_destinations_as_whole)
{
	CHECK_REGS({ "89 c8", RCX, RAX }, { "48 89 c8", RCX, RAX }, { "4d 89 c8", R9, R8 },
		   { "b8 1 2 3 4", 0, RAX }, { "41 b8 1 2 3 4", 0, R8 }, { "0f b6 c1", RCX, RAX },
		   { "8d 44 8b 01", RBX | RCX, RAX }, { "48 63 c8", RAX, RCX });
}

Test(decode, counts_8_and_16_bit_destinations_as_read)
{
	CHECK_REGS({ "88 c8", RAX | RCX, 0 }, { "66 89 c8", RAX | RCX, 0 }, { "b0 01", RAX, 0 },
		   { "66 b8 1 2", RAX, 0 }, { "0f 94 c0", RAX, 0 }, { "66 0f b6 c1", RAX | RCX, 0 });
}

Test(decode, maps_high_bytes_to_their_register)
{
	CHECK_REGS({ "88 e0", RAX, 0 },			/* mov al, ah */
		   { "b7 01", RBX, 0 },			/* mov bh, 1 */
		   { "40 b7 01", RDI, 0 },		/* mov dil, 1 */
		   { "40 88 e0", RSP | RAX, 0 },	/* mov al, spl */
		   { "0f b6 ce", RDX, RCX });		/* movzx ecx, dh */
}

Test(decode, reads_address_registers)
{
	CHECK_REGS({ "48 8b 44 8b 08", RBX | RCX, RAX }, { "43 8b 04 a5 0 0 0 0", R12, RAX },
		   { "8b 04 24", RSP, RAX }, { "42 8b 04 24", RSP | R12, RAX },
		   { "41 8b 45 00", R13, RAX }, { "48 89 04 0b", RAX | RBX | RCX, 0 });
}

Test(decode, does_not_read_what_a_zero_idiom_clears)
{
	CHECK_REGS({ "31 c0", 0, RAX }, { "4d 31 c0", 0, R8 }, { "29 c9", 0, RCX },
		   { "31 c8", RAX | RCX, RAX }, { "30 c0", RAX, 0 }, { "66 31 c0", RAX, 0 },
		   { "19 c0", RAX, RAX }, { "41 31 c0", RAX | R8, R8 }, { "33 00", RAX, RAX });
}

Test(decode, treats_conditional_writes_as_reads)
{
	CHECK_REGS({ "0f 44 c1", RAX | RCX, 0 }, { "0f bc c1", RAX | RCX, 0 },
		   { "f3 0f bc c1", RCX, RAX }, { "0f b1 0b", RAX | RCX | RBX, 0 },
		   { "0f b1 cb", RAX | RCX | RBX, 0 });
}

Test(decode, knows_implicit_registers)
{
	CHECK_REGS({ "48 f7 e1", RAX | RCX, RAX | RDX }, { "66 f7 e1", RAX | RCX | RDX, 0 },
		   { "f6 e1", RAX | RCX, 0 }, { "48 f7 f1", RAX | RCX | RDX, RAX | RDX },
		   { "99", RAX, RDX }, { "98", RAX, RAX }, { "66 98", RAX, 0 },
		   { "0f a2", RAX | RCX, RAX | RBX | RCX | RDX }, { "0f 31", 0, RAX | RDX },
		   { "d3 e0", RAX | RCX, RAX }, { "d7", RAX | RBX, 0 },
		   { "f0 48 0f c7 0f", RAX | RDX | RBX | RCX | RDI, 0 },
		   { "e3 00", RCX, 0 }, { "e2 00", RCX, RCX }, { "49 90", RAX | R8, RAX | R8 },
		   { "87 cb", RCX | RBX, RCX | RBX });
}

Test(decode, pushes_and_pops_64_bits)
{
	CHECK_REGS({ "50", RAX | RSP, RSP }, { "41 50", R8 | RSP, RSP }, { "58", RSP, RAX | RSP },
		   { "66 58", RAX | RSP, RSP }, { "6a 00", RSP, RSP }, { "ff 33", RBX | RSP, RSP },
		   { "e8 0 0 0 0", RSP, RSP }, { "c3", RSP, RSP }, { "c9", RSP | RBP, RSP | RBP });
}

Test(decode, advances_the_registers_of_strings)
{
	CHECK_REGS({ "a4", RSI | RDI, RSI | RDI }, { "48 ab", RAX | RDI, RDI },
		   { "48 ad", RSI, RAX | RSI }, { "ac", RAX | RSI, RSI }, { "a6", RSI | RDI, RSI | RDI });
}

Test(decode, certainly_writes_nothing_with_a_repeat_prefix)
{
	struct x86_insn insn = decode("f3 a6");

	CHECK_REGS({ "f3 a4", RCX | RSI | RDI, 0 }, { "f3 48 ab", RAX | RCX | RDI, 0 },
		   { "f3 48 ad", RAX | RCX | RSI, 0 });
	cr_assert(insn.rep_string && insn.is_string);
	cr_assert_eq(insn.flags_written, 0);
	cr_assert_eq(insn.flags_may_write, ARITH);
	cr_assert(!decode("a6").rep_string);
}

Test(decode, knows_the_general_registers_of_vex)
{
	CHECK_REGS({ "c4 e2 60 f2 c1", RBX | RCX, RAX },		/* andn eax, ebx, ecx */
		   { "c4 e2 78 f3 d9", RCX, RAX },			/* blsi eax, ecx */
		   { "c4 e2 f3 f6 c3", RDX | RBX, RAX | RCX },		/* mulx rax, rcx, rbx */
		   { "c4 e3 7b f0 c1 07", RCX, RAX },			/* rorx */
		   { "c4 62 71 f7 c3", RBX | RCX, R8 },			/* shlx r8d, ebx, ecx */
		   { "c4 e2 62 f5 c1", RBX | RCX, RAX },		/* pext */
		   { "c5 fd d7 c1", 0, RAX },				/* vpmovmskb */
		   { "c4 e1 f9 7e c0", 0, RAX },			/* vmovq rax, xmm0 */
		   { "c4 c1 f9 6e c0", R8, 0 },				/* vmovq xmm0, r8 */
		   { "c5 fb 2c c1", 0, RAX },				/* vcvttsd2si */
		   { "c4 e3 79 61 c1 00", RAX | RDX, RCX },		/* vpcmpestri */
		   { "c4 e2 69 92 04 0b", RBX, 0 });			/* vgatherdps, vector index */
}

Test(decode, knows_the_general_registers_of_evex)
{
	CHECK_REGS({ "62 f2 fd 48 7c c1", RCX, 0 },			/* vpbroadcastq zmm0, rcx */
		   { "62 f1 fd 08 7e c0", 0, RAX },			/* vmovq rax, xmm0 */
		   { "62 f1 7f 08 78 c1", 0, RAX },			/* vcvttsd2usi */
		   { "c5 fb 93 c1", 0, RAX },				/* kmovd eax, k1 */
		   { "c5 fb 92 c9", RCX, 0 },				/* kmovd k1, ecx */
		   { "62 f2 7d 49 a2 04 0b", RBX, 0 });			/* vscatterdps */
}

Test(decode, knows_the_general_registers_of_sse)
{
	CHECK_REGS({ "66 48 0f 6e c1", RCX, 0 }, { "66 48 0f 7e c1", 0, RCX },
		   { "f3 0f 7e c1", 0, 0 }, { "f2 48 0f 2a c1", RCX, 0 }, { "f2 0f 2c c1", 0, RAX },
		   { "0f 2c c1", 0, 0 }, { "66 0f d7 c1", 0, RAX }, { "66 0f c5 c1 00", 0, RAX },
		   { "66 0f 3a 14 c1 00", 0, RCX }, { "66 0f 3a 63 c1 00", 0, RCX },
		   { "f2 48 0f 38 f1 c1", RAX | RCX, RAX }, { "f3 0f b8 c1", RCX, RAX },
		   { "66 0f f7 c1", RDI, 0 }, { "df e0", RAX, 0 });
}

Test(decode, reads_nothing_in_a_nop_but_says_what_it_names)
{
	struct x86_insn insn = decode("66 0f 1f 44 8b 00");

	cr_assert_eq(insn.regs_read, 0);
	cr_assert_eq(insn.regs_touched & (RBX | RCX), RBX | RCX);
	cr_assert_eq(insn.special, X86_SPECIAL_NOP);
	cr_assert(!insn.reads_mem && !insn.writes_mem);
	cr_assert_eq(decode("f3 0f 1e fa").regs_read, 0);
	cr_assert_eq(decode("f3 0f 1e fa").special, X86_SPECIAL_NOP);
}

Test(decode, reads_the_address_of_a_prefetch)
{
	cr_assert_eq(decode("0f 18 0e").regs_read, RSI);
	cr_assert_eq(decode("0f 0d 0e").regs_read, RSI);
	cr_assert_eq(decode("66 0f ae 36").regs_read, RSI);
}

Test(decode, assumes_the_worst_of_a_system_call)
{
	struct x86_insn insn = decode("0f 05");

	cr_assert_eq(insn.regs_read, X86_REGS_ALL);
	cr_assert_eq(insn.regs_written, 0);
	cr_assert_eq(insn.flags_read, X86_FLAGS_ALL);
	cr_assert_eq(insn.flags_written, 0);
}

/* ---- flags --------------------------------------------------------------------------------- */

struct flags_case { const char *hex; uint8_t read, written, may; };

static void check_flags(const struct flags_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct x86_insn insn = decode(cases[i].hex);

		cr_expect_eq(insn.flags_read, cases[i].read, "%s: read %x", cases[i].hex, insn.flags_read);
		cr_expect_eq(insn.flags_written, cases[i].written, "%s: written %x",
			     cases[i].hex, insn.flags_written);
		cr_expect_eq(insn.flags_may_write, cases[i].written | cases[i].may, "%s: may %x",
			     cases[i].hex, insn.flags_may_write);
	}
}

#define CHECK_FLAGS(...) do { \
	const struct flags_case cases[] = { __VA_ARGS__ }; \
	check_flags(cases, sizeof cases / sizeof *cases); \
} while (0)

Test(decode, knows_the_flags_of_arithmetic)
{
	CHECK_FLAGS({ "01 c8", 0, ARITH }, { "11 c8", CF, ARITH }, { "19 c8", CF, ARITH },
		    { "83 d0 01", CF, ARITH }, { "39 c8", 0, ARITH }, { "85 c0", 0, ARITH },
		    { "ff c0", 0, ARITH & ~CF }, { "f7 d0", 0, 0 }, { "f7 d8", 0, ARITH },
		    { "8d 00", 0, 0 }, { "89 c8", 0, 0 }, { "0f a3 c8", 0, ARITH & ~ZF },
		    { "66 0f 38 f6 c1", CF, CF }, { "f3 0f 38 f6 c1", OF, OF },
		    { "f5", CF, CF }, { "fd", 0, DF });
}

Test(decode, leaves_flags_alone_when_the_count_may_be_zero)
{
	CHECK_FLAGS({ "d3 e0", 0, 0, ARITH }, { "d3 c0", 0, 0, CF | OF }, { "c1 e0 00", 0, 0 },
		    { "c1 e0 20", 0, 0 }, { "48 c1 e0 20", 0, ARITH }, { "c1 e0 01", 0, ARITH },
		    { "c1 c0 03", 0, CF | OF }, { "d1 d0", CF, CF | OF },
		    { "0f a5 c8", 0, 0, ARITH }, { "0f a4 c8 03", 0, ARITH });
}

Test(decode, knows_the_flags_of_conditions)
{
	CHECK_FLAGS({ "70 00", OF, 0 }, { "72 00", CF, 0 }, { "74 00", ZF, 0 }, { "77 00", CF | ZF, 0 },
		    { "79 00", SF, 0 }, { "7a 00", PF, 0 }, { "7c 00", SF | OF, 0 },
		    { "7f 00", SF | OF | ZF, 0 }, { "0f 97 c0", CF | ZF, 0 }, { "0f 4d c1", SF | OF, 0 },
		    { "e1 00", ZF, 0 }, { "e2 00", 0, 0 }, { "da c1", CF, 0 });
}

Test(decode, knows_the_flags_of_vectors)
{
	CHECK_FLAGS({ "0f 2e c1", 0, ARITH }, { "66 0f 38 17 c1", 0, ARITH },
		    { "c5 f8 98 c1", 0, ARITH }, { "c4 e2 60 f2 c1", 0, ARITH },
		    { "c4 e2 71 f7 c3", 0, 0 }, { "c4 e2 f3 f6 c3", 0, 0 },
		    { "db f1", 0, ZF | PF | CF, ARITH }, { "66 0f ef c0", 0, 0 });
}

Test(decode, knows_the_flags_of_pushf_popf_and_strings)
{
	CHECK_FLAGS({ "9c", X86_FLAGS_ALL, 0 }, { "9d", 0, X86_FLAGS_ALL }, { "a4", DF, 0 },
		    { "a6", DF, ARITH }, { "f2 ae", DF, 0, ARITH }, { "9e", 0, ARITH & ~OF },
		    { "9f", ARITH & ~OF, 0 });
}

/* ---- memory and segments --------------------------------------------------------------------- */

static void check_memory(const char *hex, bool reads, bool writes)
{
	struct x86_insn insn = decode(hex);

	cr_expect_eq(insn.reads_mem, reads, "%s: reads %d", hex, insn.reads_mem);
	cr_expect_eq(insn.writes_mem, writes, "%s: writes %d", hex, insn.writes_mem);
}

Test(decode, tells_loads_from_stores)
{
	check_memory("8b 00", true, false);
	check_memory("89 00", false, true);
	check_memory("01 00", true, true);
	check_memory("39 00", true, false);
	check_memory("8d 00", false, false);
	check_memory("89 c8", false, false);
	check_memory("0f 11 00", false, true);
	check_memory("c5 fd 7f 07", false, true);
	check_memory("62 f1 fe 48 7f 07", false, true);
	check_memory("0f 94 00", false, true);
	check_memory("d9 18", false, true);
	check_memory("0f b1 0b", true, true);
}

Test(decode, knows_implicit_memory)
{
	check_memory("50", false, true);
	check_memory("58", true, false);
	check_memory("ff 30", true, true);
	check_memory("8f 00", true, true);
	check_memory("a4", true, true);
	check_memory("ab", false, true);
	check_memory("c3", true, false);
	check_memory("e8 0 0 0 0", false, true);
	check_memory("66 0f f7 c1", false, true);
}

Test(decode, notes_segments_only_where_memory_is_reached)
{
	cr_assert(decode("64 48 8b 04 25 28 00 00 00").uses_seg_fs);
	cr_assert(decode("65 8b 00").uses_seg_gs);
	cr_assert(!decode("65 89 c8").uses_seg_gs);
	cr_assert(!decode("65 8d 00").uses_seg_gs);
	cr_assert(decode("65 a4").uses_seg_gs);
	cr_assert(!decode("65 ab").uses_seg_gs);
	cr_assert(decode("64 a1 1 2 3 4 5 6 7 8").uses_seg_fs);
}

/* ---- what a translator treats apart ------------------------------------------------------------ */

Test(decode, marks_special_instructions)
{
	static const struct { const char *hex; enum x86_special special; } cases[] = {
		{ "f3 48 0f ae c0", X86_SPECIAL_RDFSBASE }, { "f3 48 0f ae c8", X86_SPECIAL_RDGSBASE },
		{ "f3 48 0f ae d0", X86_SPECIAL_WRFSBASE }, { "f3 48 0f ae d8", X86_SPECIAL_WRGSBASE },
		{ "0f 01 f8", X86_SPECIAL_SWAPGS }, { "8e d8", X86_SPECIAL_SEG_LOAD },
		{ "0f a9", X86_SPECIAL_SEG_LOAD }, { "0f b5 00", X86_SPECIAL_SEG_LOAD },
		{ "8c d8", X86_SPECIAL_SEG_STORE }, { "0f a8", X86_SPECIAL_SEG_STORE },
		{ "c7 f8 0 0 0 0", X86_SPECIAL_XBEGIN }, { "0f 01 d5", X86_SPECIAL_XEND },
		{ "c6 f8 00", X86_SPECIAL_XABORT }, { "0f a2", X86_SPECIAL_CPUID },
		{ "0f 31", X86_SPECIAL_RDTSC }, { "0f 01 f9", X86_SPECIAL_RDTSCP },
		{ "9c", X86_SPECIAL_PUSHF }, { "9d", X86_SPECIAL_POPF },
		{ "0f ae 00", X86_SPECIAL_XSAVE }, { "0f ae 20", X86_SPECIAL_XSAVE },
		{ "0f c7 20", X86_SPECIAL_XSAVE }, { "d9 30", X86_SPECIAL_FPU_ENV },
		{ "dd 30", X86_SPECIAL_FPU_ENV }, { "d9 20", X86_SPECIAL_FPU_ENV },
		{ "48 0f ab 00", X86_SPECIAL_BIT_STRING }, { "48 0f ab c0", X86_SPECIAL_NONE },
		{ "f3 48 0f 1e c8", X86_SPECIAL_SHADOW_STACK }, { "50", X86_SPECIAL_STACK_PUSH },
		{ "ff 30", X86_SPECIAL_STACK_PUSH }, { "8f 00", X86_SPECIAL_STACK_POP },
		{ "0f ae e8", X86_SPECIAL_NONE }, { "89 c8", X86_SPECIAL_NONE },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		cr_expect_eq(decode(cases[i].hex).special, cases[i].special, "%s: %d", cases[i].hex,
			     decode(cases[i].hex).special);
}
