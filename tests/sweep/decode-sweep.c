/*
 * decode-sweep - the decoder against libzydis, over every instruction of ELF files.
 *
 *	decode-sweep [--limit-seconds N] FILE...
 *	decode-sweep --every-opcode
 *	decode-sweep [--seed S] --random N
 *
 * Walks each executable section (each segment, where there are no sections) linearly in the
 * steps of libzydis and compares length, kind, places of displacement and immediates,
 * pc-relative operand, and that the liveness errs to the safe side. --every-opcode feeds each
 * opcode of each map with each ModRM under the usual prefixes; --random N byte strings made of
 * prefixes, opcodes and noise.
 *
 * Prints what differs by mnemonic with examples, what the decoder calls UNKNOWN though libzydis
 * decodes it, and nanoseconds for an instruction. Exit status: 0 no wrong answer, 1 some, 2 usage.
 */
#include "decode.h"

#include <Zydis/Zydis.h>
#include <err.h>
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EXAMPLES	3
#define MNEMONICS	(ZYDIS_MNEMONIC_MAX_VALUE + 1)

/* What differs about one mnemonic. */
struct finding {
	uint64_t count;
	char what[EXAMPLES][64];
	uint8_t bytes[EXAMPLES][X86_INSN_MAX_BYTES];
};

static struct finding wrong[MNEMONICS], unknown[MNEMONICS];

static struct {
	uint64_t instructions, wrong, unknown, invalid, invalid_decoded;
	uint64_t timed_instructions, timed_ns;
	uint64_t exact;			/* liveness equal to the reference's */
} total;

static ZydisDecoder reference;

/* ---- findings ----------------------------------------------------------------------- */

static void record(struct finding *f, const char *what, const uint8_t *bytes)
{
	if (f->count < EXAMPLES) {
		snprintf(f->what[f->count], sizeof f->what[0], "%s", what);
		memcpy(f->bytes[f->count], bytes, X86_INSN_MAX_BYTES);
	}
	f->count++;
}

static void print_findings(const char *title, const struct finding *table)
{
	printf("%s\n", title);
	for (int m = 0; m < MNEMONICS; m++) {
		const struct finding *f = &table[m];

		if (f->count)
			printf("%12" PRIu64 "  %s\n", f->count, ZydisMnemonicGetString(m));
		for (uint64_t i = 0; i < f->count && i < EXAMPLES; i++) {
			printf("                ");
			for (int b = 0; b < X86_INSN_MAX_BYTES; b++)
				printf(" %02x", f->bytes[i][b]);
			printf("  %s\n", f->what[i]);
		}
	}
}

/* ---- what the reference says ----------------------------------------------------------- */

struct facts {
	uint16_t read, written, touched;
	uint8_t flags_read, flags_any;
	bool reads_mem, writes_mem, rip, fs, gs;
	int64_t disp;			/* of the ModRM operand, scaled */
};

static uint8_t our_flags(ZydisAccessedFlagsMask mask)
{
	static const struct { uint32_t theirs; uint8_t ours; } bits[] = {
		{ ZYDIS_CPUFLAG_CF, X86_FLAG_CF }, { ZYDIS_CPUFLAG_PF, X86_FLAG_PF },
		{ ZYDIS_CPUFLAG_AF, X86_FLAG_AF }, { ZYDIS_CPUFLAG_ZF, X86_FLAG_ZF },
		{ ZYDIS_CPUFLAG_SF, X86_FLAG_SF }, { ZYDIS_CPUFLAG_OF, X86_FLAG_OF },
		{ ZYDIS_CPUFLAG_DF, X86_FLAG_DF },
	};
	uint8_t flags = 0;

	for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
		flags |= mask & bits[i].theirs ? bits[i].ours : 0;
	return flags;
}

/* The bit of a general register, 0 of any other. */
static uint16_t gpr_bit(ZydisRegister reg)
{
	ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);

	if (ZydisRegisterGetClass(whole) != ZYDIS_REGCLASS_GPR64)
		return 0;
	return (uint16_t)(1u << ZydisRegisterGetId(whole));
}

static void add_register(struct facts *f, const ZydisDecodedOperand *op)
{
	uint16_t bit = gpr_bit(op->reg.value);
	bool whole = op->actions & ZYDIS_OPERAND_ACTION_WRITE && op->size >= 32;

	f->touched |= bit;
	if (op->actions & ZYDIS_OPERAND_ACTION_MASK_READ ||
	    (op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE && !whole))
		f->read |= bit;
	if (whole)
		f->written |= bit;
}

static void add_memory(struct facts *f, const ZydisDecodedOperand *op)
{
	uint16_t address = gpr_bit(op->mem.base) | gpr_bit(op->mem.index);

	f->read |= address;
	f->touched |= address;
	f->rip |= op->mem.base == ZYDIS_REGISTER_RIP || op->mem.base == ZYDIS_REGISTER_EIP;
	if (op->encoding == ZYDIS_OPERAND_ENCODING_MODRM_RM)
		f->disp = op->mem.disp.value;
	if (op->mem.type == ZYDIS_MEMOP_TYPE_AGEN)
		return;
	f->reads_mem |= (op->actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0;
	f->writes_mem |= (op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
	f->fs |= op->mem.segment == ZYDIS_REGISTER_FS;
	f->gs |= op->mem.segment == ZYDIS_REGISTER_GS;
}

static struct facts facts_of(const ZydisDecodedInstruction *z, const ZydisDecodedOperand *ops)
{
	struct facts f = { 0 };

	for (int i = 0; i < z->operand_count; i++) {
		if (ops[i].type == ZYDIS_OPERAND_TYPE_REGISTER)
			add_register(&f, &ops[i]);
		else if (ops[i].type == ZYDIS_OPERAND_TYPE_MEMORY)
			add_memory(&f, &ops[i]);
	}
	if (z->cpu_flags) {
		f.flags_read = our_flags(z->cpu_flags->tested);
		f.flags_any = our_flags(z->cpu_flags->modified | z->cpu_flags->set_0 |
					z->cpu_flags->set_1 | z->cpu_flags->undefined);
	}
	return f;
}

static enum x86_kind branch_kind(const ZydisDecodedInstruction *z, enum x86_kind direct,
				 enum x86_kind indirect)
{
	if (z->meta.branch_type == ZYDIS_BRANCH_TYPE_FAR)
		return X86_KIND_FAR;
	return z->raw.imm[0].is_relative ? direct : indirect;
}

static enum x86_kind kind_of(const ZydisDecodedInstruction *z)
{
	switch (z->mnemonic) {
	case ZYDIS_MNEMONIC_CALL:
		return branch_kind(z, X86_KIND_CALL, X86_KIND_CALL_IND);
	case ZYDIS_MNEMONIC_JMP:
		return branch_kind(z, X86_KIND_JMP, X86_KIND_JMP_IND);
	case ZYDIS_MNEMONIC_RET:
		return branch_kind(z, X86_KIND_RET, X86_KIND_RET);
	case ZYDIS_MNEMONIC_IRET:
	case ZYDIS_MNEMONIC_IRETD:
	case ZYDIS_MNEMONIC_IRETQ:	return X86_KIND_FAR;
	case ZYDIS_MNEMONIC_LOOP:
	case ZYDIS_MNEMONIC_LOOPE:
	case ZYDIS_MNEMONIC_LOOPNE:
	case ZYDIS_MNEMONIC_JRCXZ:
	case ZYDIS_MNEMONIC_JECXZ:	return X86_KIND_LOOP;
	case ZYDIS_MNEMONIC_XBEGIN:	return X86_KIND_XBEGIN;
	case ZYDIS_MNEMONIC_XEND:
	case ZYDIS_MNEMONIC_XABORT:	return X86_KIND_PLAIN;
	case ZYDIS_MNEMONIC_SYSCALL:	return X86_KIND_SYSCALL;
	case ZYDIS_MNEMONIC_SYSENTER:	return X86_KIND_SYSENTER;
	case ZYDIS_MNEMONIC_INT:
	case ZYDIS_MNEMONIC_INT1:
	case ZYDIS_MNEMONIC_INT3:	return X86_KIND_INT;
	case ZYDIS_MNEMONIC_UD0:
	case ZYDIS_MNEMONIC_UD1:
	case ZYDIS_MNEMONIC_UD2:	return X86_KIND_UD;
	default:
		break;
	}
	if (z->meta.category == ZYDIS_CATEGORY_COND_BR)
		return X86_KIND_JCC;
	return z->attributes & ZYDIS_ATTRIB_IS_PRIVILEGED ? X86_KIND_HLT_OR_PRIV : X86_KIND_PLAIN;
}

/* ---- comparison ----------------------------------------------------------------------- */

/* NULL, or what is wrong about where the parts of the instruction are. */
static const char *compare_shape(const struct x86_insn *x, const ZydisDecodedInstruction *z,
				 const struct facts *f)
{
	unsigned imm_bytes = (z->raw.imm[0].size + z->raw.imm[1].size) / 8;

	if (x->len != z->length)
		return "length";
	if (x->kind != kind_of(z) &&
	    !(x->kind == X86_KIND_HLT_OR_PRIV && kind_of(z) == X86_KIND_PLAIN))
		return "kind";
	if (x->rip_relative != f->rip)
		return "rip_relative";
	if (x->disp_len != z->raw.disp.size / 8 ||
	    (x->disp_len && x->disp_off != z->raw.disp.offset))
		return "displacement";
	if (x->imm_len != imm_bytes || (imm_bytes && x->imm_off != z->raw.imm[0].offset))
		return "immediate";
	if (x->has_mem && x->disp8_scale && x->disp_len == 1 &&
	    f->disp != (int64_t)x->disp * x->disp8_scale)
		return "disp8_scale";
	return NULL;
}

/* `xor r,r` and nops read less than their operands say. */
static bool reads_less(const struct x86_insn *x, const ZydisDecodedInstruction *z)
{
	if (x->special == X86_SPECIAL_NOP)
		return true;
	return (z->mnemonic == ZYDIS_MNEMONIC_XOR || z->mnemonic == ZYDIS_MNEMONIC_SUB) &&
	       !x->has_mem && x->modrm_off && x->regs_read == 0;
}

/*
 * libzydis 4.0 takes r13d for the base of an address that has none, under an address-size
 * prefix and REX.B.
 */
static void drop_phantom_base(const struct x86_insn *x, struct facts *f)
{
	if (x->has_sib && (x->sib & 7) == 5 && x->modrm < 0x40 && x->vex_rxb & 1 &&
	    x->prefixes & X86_PREFIX_ADDRSIZE) {
		f->read &= ~(1u << 13);
		f->touched &= ~(1u << 13);
	}
}

/* The reference leaves out that strings advance registers, and counts their own ZF as read. */
static void add_string(const struct x86_insn *x, struct facts *f)
{
	f->written |= 1u << 6 | 1u << 7;
	if (x->rep_string)
		f->flags_read &= ~X86_FLAG_ZF;
}

static const char *compare_liveness(const struct x86_insn *x, const ZydisDecodedInstruction *z,
				    const struct facts *f)
{
	if (f->read & ~x->regs_read && !reads_less(x, z))
		return "regs_read";
	if (x->regs_written & ~f->written)
		return "regs_written";
	if (f->touched & ~x->regs_touched)
		return "regs_touched";
	if (f->flags_read & ~x->flags_read)
		return "flags_read";
	if (x->flags_written & ~f->flags_any)
		return "flags_written";
	if (f->flags_any & ~x->flags_may_write && x->flags_may_write)
		return "flags_may_write";
	if (x->special == X86_SPECIAL_NOP)
		return NULL;
	if (f->reads_mem && !x->reads_mem)
		return "reads_mem";
	if (f->writes_mem && !x->writes_mem)
		return "writes_mem";
	if ((f->fs && !x->uses_seg_fs) || (f->gs && !x->uses_seg_gs))
		return "segment";
	return NULL;
}

/* Compares one instruction. Returns the reference's length, 0 if it decodes none. */
static unsigned compare(const uint8_t *bytes, size_t len_bytes)
{
	ZydisDecodedInstruction z;
	ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
	uint8_t shown[X86_INSN_MAX_BYTES] = { 0 };
	struct x86_insn x;

	x86_decode(bytes, len_bytes, &x);
	if (ZYAN_FAILED(ZydisDecoderDecodeFull(&reference, bytes, len_bytes, &z, ops))) {
		total.invalid++;
		total.invalid_decoded += x.len != 0;
		return 0;
	}
	total.instructions++;
	memcpy(shown, bytes, z.length);
	if (x.kind == X86_KIND_UNKNOWN) {
		total.unknown++;
		record(&unknown[z.mnemonic], "", shown);
		return z.length;
	}
	struct facts f = facts_of(&z, ops);
	drop_phantom_base(&x, &f);
	if (x.is_string)
		add_string(&x, &f);
	const char *what = compare_shape(&x, &z, &f);
	if (!what)
		what = compare_liveness(&x, &z, &f);
	total.exact += x.regs_read == f.read && x.regs_written == f.written &&
		       x.flags_read == f.flags_read && x.flags_may_write == f.flags_any;
	if (what) {
		total.wrong++;
		record(&wrong[z.mnemonic], what, shown);
	}
	return z.length;
}

/* ---- ELF files ------------------------------------------------------------------------- */

static double now_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void time_decoder(const uint8_t *code, size_t size)
{
	double start = now_seconds();
	struct x86_insn x;
	uint64_t count = 0;

	for (size_t at = 0; at < size; count++) {
		int len = x86_decode(code + at, size - at, &x);

		at += len ? len : 1;
	}
	total.timed_ns += (now_seconds() - start) * 1e9;
	total.timed_instructions += count;
}

static void sweep_code(const uint8_t *code, size_t size, double deadline)
{
	time_decoder(code, size);
	for (size_t at = 0; at < size;) {
		unsigned len = compare(code + at, size - at);

		at += len ? len : 1;
		if ((total.instructions & 0xffff) == 0 && now_seconds() > deadline)
			return;
	}
}

/* Returns how many executable sections there are. */
static int sweep_sections(Elf *elf, double deadline)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	int count = 0;

	while ((section = elf_nextscn(elf, section))) {
		Elf_Data *data = NULL;

		if (!gelf_getshdr(section, &header) || !(header.sh_flags & SHF_EXECINSTR) ||
		    header.sh_type == SHT_NOBITS)
			continue;
		while ((data = elf_rawdata(section, data)))
			sweep_code(data->d_buf, data->d_size, deadline);
		count++;
	}
	return count;
}

static void sweep_segments(Elf *elf, double deadline)
{
	size_t file_bytes, count = 0;
	const char *file = elf_rawfile(elf, &file_bytes);
	GElf_Phdr header;

	elf_getphdrnum(elf, &count);
	for (size_t i = 0; i < count; i++) {
		if (gelf_getphdr(elf, i, &header) && header.p_type == PT_LOAD &&
		    header.p_flags & PF_X && header.p_offset <= file_bytes &&
		    header.p_filesz <= file_bytes - header.p_offset)
			sweep_code((const uint8_t *)file + header.p_offset, header.p_filesz, deadline);
	}
}

static void sweep_file(const char *path, double deadline)
{
	GElf_Ehdr header;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf *elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_READ_MMAP, NULL);

	if (elf && elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &header) &&
	    header.e_machine == EM_X86_64 && sweep_sections(elf, deadline) == 0)
		sweep_segments(elf, deadline);
	elf_end(elf);
	if (fd >= 0)
		close(fd);
}

/* ---- random bytes ------------------------------------------------------------------------ */

static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint32_t random_u32(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state >> 16;
}

/* Prefixes, an escape to one of the maps, then noise. */
static void make_random(uint8_t bytes[32])
{
	static const uint8_t prefixes[] = {
		0x66, 0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x64, 0x65, 0x2e, 0x3e, 0x40, 0x41, 0x48,
		0x49, 0x4c, 0x4f,
	};
	static const uint8_t escapes[][3] = {
		{ 1, 0x0f }, { 1, 0x0f }, { 2, 0x0f, 0x38 }, { 2, 0x0f, 0x3a }, { 1, 0xc5 },
		{ 1, 0xc4 }, { 1, 0x62 }, { 1, 0x8f }, { 0 }, { 0 }, { 0 }, { 0 },
	};
	unsigned at = 0, count = random_u32() % 4;

	for (int i = 0; i < 32; i++)
		bytes[i] = random_u32();
	while (count-- > 0)
		bytes[at++] = prefixes[random_u32() % sizeof prefixes];
	const uint8_t *escape = escapes[random_u32() % (sizeof escapes / sizeof *escapes)];
	memcpy(bytes + at, escape + 1, escape[0]);
	at += escape[0];
	if (escape[0] == 1 && (escape[1] == 0xc4 || escape[1] == 0x62))	/* a map that exists */
		bytes[at] = (bytes[at] & 0xf0) | (random_u32() % 6 + 1);
}

static void sweep_random(uint64_t count)
{
	uint8_t bytes[32];

	while (count-- > 0) {
		make_random(bytes);
		compare(bytes, 1 + random_u32() % 31);
	}
}

/* ---- every opcode ------------------------------------------------------------------------- */

/* Compares the instruction that head begins, under each opcode and each ModRM. */
static void sweep_opcodes(const uint8_t *head, unsigned len)
{
	static const uint8_t tail[] = { 0x4a, 0x11, 0x22, 0x33, 0x84, 0x55, 0x66, 0x77, 0x88, 0x99 };
	uint8_t bytes[32] = { 0 };

	memcpy(bytes, head, len);
	memcpy(bytes + len + 2, tail, sizeof tail);
	for (unsigned opcode = 0; opcode < 256; opcode++) {
		for (unsigned modrm = 0; modrm < 256; modrm++) {
			bytes[len] = opcode;
			bytes[len + 1] = modrm;
			compare(bytes, sizeof bytes);
		}
	}
}

static void sweep_legacy(void)
{
	static const struct { unsigned len; uint8_t bytes[4]; } prefixes[] = {
		{ 0 }, { 1, { 0x66 } }, { 1, { 0xf3 } }, { 1, { 0xf2 } }, { 1, { 0x48 } },
		{ 1, { 0x45 } }, { 1, { 0x67 } }, { 2, { 0x66, 0x4c } }, { 2, { 0xf3, 0x49 } },
		{ 2, { 0xf2, 0x48 } }, { 2, { 0x66, 0xf2 } }, { 2, { 0x64, 0x4f } },
		{ 2, { 0x65, 0x67 } },
	};
	static const struct { unsigned len; uint8_t bytes[2]; } maps[] = {
		{ 0 }, { 1, { 0x0f } }, { 2, { 0x0f, 0x38 } }, { 2, { 0x0f, 0x3a } },
	};
	uint8_t head[8];

	for (size_t p = 0; p < sizeof prefixes / sizeof *prefixes; p++) {
		for (size_t m = 0; m < sizeof maps / sizeof *maps; m++) {
			memcpy(head, prefixes[p].bytes, prefixes[p].len);
			memcpy(head + prefixes[p].len, maps[m].bytes, maps[m].len);
			sweep_opcodes(head, prefixes[p].len + maps[m].len);
		}
	}
}

/* `first` 0xc4 or 0x8f: each map, prefix, W, L, and two registers in vvvv */
static void sweep_vex(uint8_t first, unsigned map_from, unsigned map_to)
{
	for (unsigned map = map_from; map <= map_to; map++) {
		for (unsigned bits = 0; bits < 32; bits++) {
			uint8_t vvvv = bits & 16 ? 0x78 : 0x28;
			uint8_t head[] = { first, (bits & 16 ? 0xe0 : 0x40) | map,
					   (bits & 8) << 4 | vvvv | (bits & 7) };

			sweep_opcodes(head, sizeof head);
		}
	}
}

/* Each map, prefix, W, vector length, broadcast, and vvvv all ones or not. */
static void sweep_evex(void)
{
	for (unsigned map = 1; map <= 6; map++) {
		for (unsigned bits = 0; bits < 128; bits++) {
			uint8_t vvvv = bits & 64 ? 0x7c : 0x2c;
			uint8_t head[] = { 0x62, (bits & 64 ? 0xf0 : 0x50) | map,
					   (bits & 32) << 2 | vvvv | (bits & 3),
					   (bits & 12) << 3 | (bits & 16) | 9 };

			sweep_opcodes(head, sizeof head);
			head[3] &= ~1;		/* without a mask register */
			sweep_opcodes(head, sizeof head);
		}
	}
}

static void sweep_every_opcode(void)
{
	sweep_legacy();
	sweep_vex(0xc4, 1, 3);
	sweep_vex(0x8f, 8, 10);
	sweep_evex();
}

/* ---- main ---------------------------------------------------------------------------------- */

static void print_totals(void)
{
	printf("instructions %" PRIu64 "\nwrong %" PRIu64 "\nunknown %" PRIu64 " (%.5f %%)\n"
	       "liveness equal to the reference's %" PRIu64 "\n"
	       "invalid to the reference %" PRIu64 ", of them decoded here %" PRIu64 "\n",
	       total.instructions, total.wrong, total.unknown,
	       total.instructions ? 100.0 * total.unknown / total.instructions : 0.0,
	       total.exact, total.invalid, total.invalid_decoded);
	if (total.timed_instructions)
		printf("ns/instruction %.1f\n",
		       (double)total.timed_ns / total.timed_instructions);
}

int main(int argc, char **argv)
{
	double deadline = now_seconds() + 1e9;

	elf_version(EV_CURRENT);
	ZydisDecoderInit(&reference, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	if (argc < 2)
		errx(2, "usage: decode-sweep [--limit-seconds N] FILE... | --every-opcode | --random N");
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--limit-seconds") && i + 1 < argc)
			deadline = now_seconds() + atof(argv[++i]);
		else if (!strcmp(argv[i], "--seed") && i + 1 < argc)
			random_state += strtoull(argv[++i], NULL, 0) << 8;
		else if (!strcmp(argv[i], "--random") && i + 1 < argc)
			sweep_random(strtoull(argv[++i], NULL, 0));
		else if (!strcmp(argv[i], "--every-opcode"))
			sweep_every_opcode();
		else if (now_seconds() < deadline)
			sweep_file(argv[i], deadline);
	}
	print_findings("WRONG", wrong);
	print_findings("UNKNOWN", unknown);
	print_totals();
	return total.wrong ? 1 : 0;
}
