/* Debug information and unwind rules: lines, inlined functions, rows, call stacks.
 *
 *     | part | length, 2 bytes | bytes ... | part | length | bytes ... | ...
 *
 * A part is a section by its number in names[]; the last two are what memory holds: code
 * and a stack, which begins with 17 registers.  Of the sections an ELF file is made
 * whose headers are right, so that what is in them is what is read. */
#include <errno.h>
#include <unistd.h>

#include "cfi.h"
#include "debug-info.h"
#include "expression.h"
#include "fuzz.h"
#include "symbols-internal.h"
#include "source.h"
#include "unwind.h"

#define CODE_AT 0x1000u                 /* .text, as the file says */
#define CODE_BYTES 0x1000u
#define FRAME_AT 0x3000u                /* .eh_frame */
#define BIAS 0x500000000000u
#define STACK_AT 0x7fff00000000u
#define FRAMES_MAX 64

static const char *const names[] = {
	"", ".text", ".shstrtab", ".debug_info", ".debug_abbrev", ".debug_line", ".debug_str",
	".debug_line_str", ".debug_aranges", ".debug_ranges", ".debug_rnglists", ".debug_addr",
	".debug_str_offsets", ".debug_types", ".eh_frame", ".debug_frame", ".go.buildinfo",
};

#define SECTIONS (sizeof names / sizeof *names)
#define FIRST 3                         /* that an input gives */
#define PARTS (SECTIONS - FIRST + 2)

struct parts {
	struct bytes sections[SECTIONS];
	struct bytes code, stack;
};

static void take_parts(struct input *in, struct parts *out)
{
	*out = (struct parts){0};
	while (input_left(in) >= 3) {
		size_t part = input_number(in, 1) % PARTS, size = input_number(in, 2);

		if (size > input_left(in))
			size = input_left(in);
		const struct bytes bytes = { in->at, size };
		if (part == PARTS - 1)
			out->stack = bytes;
		else if (part == PARTS - 2)
			out->code = bytes;
		else
			out->sections[FIRST + part] = bytes;
		in->at += size;
	}
}

/* ---- the file ----------------------------------------------------------------------------- */

static size_t put_names(uint8_t *at, Elf64_Shdr *headers)
{
	size_t len = 0;

	for (size_t i = 0; i < SECTIONS; i++) {
		headers[i].sh_name = (uint32_t)len;
		strcpy((char *)at + len, names[i]);
		len += strlen(names[i]) + 1;
	}
	return len;
}

static void put_header(Elf64_Shdr *h, size_t number, size_t offset, size_t size)
{
	h->sh_type = SHT_PROGBITS;
	h->sh_offset = offset;
	h->sh_size = size;
	h->sh_addralign = 1;
	if (number == 1) {
		h->sh_type = SHT_NOBITS;
		h->sh_flags = SHF_ALLOC | SHF_EXECINSTR;
		h->sh_addr = CODE_AT;
		h->sh_size = CODE_BYTES;
	} else if (number == 2) {
		h->sh_type = SHT_STRTAB;
	} else if (!strcmp(names[number], ".eh_frame")) {
		h->sh_flags = SHF_ALLOC;
		h->sh_addr = FRAME_AT;
	}
}

static struct elf_file *make_file(const struct parts *parts)
{
	Elf64_Ehdr head = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_DYN, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
		.e_shoff = sizeof head, .e_ehsize = sizeof head, .e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = SECTIONS, .e_shstrndx = 2,
	};
	Elf64_Shdr headers[SECTIONS] = {0};
	uint8_t strings[512];
	size_t at = sizeof head + sizeof headers, size = put_names(strings, headers);
	uint8_t *image = malloc(at + sizeof strings + SECTIONS * 65536);

	for (size_t i = 1; i < SECTIONS; i++) {
		struct bytes bytes = i == 2 ? (struct bytes){ strings, size } : parts->sections[i];

		put_header(&headers[i], i, at, bytes.size);
		if (bytes.size)
			memcpy(image + at, bytes.data, bytes.size);
		at += bytes.size;
	}
	memcpy(image, &head, sizeof head);
	memcpy(image + sizeof head, headers, sizeof headers);
	image = realloc(image, at);
	return elf_file_open_image(image, at);
}

/* ---- the process that it is mapped in ----------------------------------------------------- */

static ssize_t read_part(struct bytes from, uint64_t at, void *buf, size_t len)
{
	if (at >= from.size)
		return -EFAULT;
	if (len > from.size - at)
		len = from.size - at;
	memcpy(buf, from.data + at, len);
	return (ssize_t)len;
}

static ssize_t read_memory(void *context, uint64_t address, void *buf, size_t len)
{
	const struct parts *parts = context;

	if (address - STACK_AT < 0x100000)
		return read_part(parts->stack, address - STACK_AT, buf, len);
	return read_part(parts->code, address - (BIAS + CODE_AT), buf, len);
}

static struct symbols *make_process(struct parts *parts, struct image *image)
{
	const struct symbols_memory memory = { read_memory, parts };
	struct symbols *s = symbols_create(getpid(), &memory);
	struct module *m = pool_alloc(&s->pool, sizeof *m);

	*m = (struct module){
		.public = {
			.name = "file", .path = "/nowhere/file", .base = BIAS,
			.start = BIAS, .end = BIAS + 0x5000,
		},
		.image = image, .has_image = true, .is_elf = true, .is_known = true,
	};
	s->mappings = malloc(2 * sizeof *s->mappings);
	s->mappings[0] = (struct mapping){ BIAS, BIAS + 0x5000, m, true };
	s->mappings[1] = (struct mapping){ STACK_AT, STACK_AT + 0x100000, NULL, false };
	s->mapping_count = 2;
	s->ever = malloc(sizeof *s->ever);
	s->ever[0] = m;
	s->ever_count = 1;
	s->generation = 1;
	return s;
}

/* ---- what it is asked ---------------------------------------------------------------------------- */

static size_t use_lines(struct symbols *s)
{
	struct source_inline inlined[8];
	struct source_line line;
	size_t sum = 0;

	for (uint64_t at = BIAS + CODE_AT - 8; at < BIAS + CODE_AT + 0x200; at += 3) {
		if (symbols_line(s, at, &line))
			sum += strlen(line.file) + line.line;
		for (size_t n = symbols_inline(s, at, inlined, 8); n > 0; n--)
			sum += strlen(inlined[n - 1].name) + strlen(inlined[n - 1].call.file);
		symbols_function_start(s, at);
		symbols_find(s, at);
	}
	return sum;
}

static void use_stack(struct symbols *s, const struct parts *parts, uint64_t pc)
{
	struct unwinder *u = unwinder_create(s);
	struct unwind_regs regs = { .known = UNWIND_ALL, .is_exact = true };
	struct unwind_frame frames[FRAMES_MAX];
	size_t known = parts->stack.size < sizeof regs.value ? parts->stack.size : sizeof regs.value;
	int end;

	if (known)
		memcpy(regs.value, parts->stack.data, known);
	for (int i = 0; i < UNWIND_REGS; i++)
		if (!(regs.value[i] >> 20))
			regs.value[i] += STACK_AT;
	regs.value[UNWIND_RIP] = pc;
	size_t n = unwind_stack(u, &regs, frames, FRAMES_MAX, &end);
	fuzz_check(n >= 1 && n <= FRAMES_MAX && end <= 0, "%zu frames, %d", n, end);
	unwinder_destroy(u);
}

static void use_rows(struct symbols *s, struct image *image, const struct parts *parts)
{
	const struct cfi *cfi = image_cfi(image);
	struct cfi_row row;

	for (size_t i = 0; cfi && i < cfi->count && i < 16; i++) {
		const struct cfi_fde *fde = &cfi->fdes[i];

		fuzz_check(i == 0 || fde[-1].start <= fde->start, "FDE %zu is out of order", i);
		cfi_is_function_start(cfi, fde);
		for (uint64_t at = 0; at < fde->size && at < 64; at += 3)
			cfi_row(cfi, fde, fde->start + at, &row);
		use_stack(s, parts, BIAS + fde->start);
		use_stack(s, parts, BIAS + fde->start + fde->size / 2);
	}
	use_stack(s, parts, BIAS + CODE_AT + 16);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };
	struct parts parts;

	take_parts(&in, &parts);
	struct elf_file *file = make_file(&parts);
	fuzz_check(file, "the file is refused");
	struct image *image = image_create(file, "/nowhere", "/nowhere/file");
	fuzz_check(image, "out of memory");
	image->has_debug = true;        /* look for no other file */
	image->is_go = parts.sections[SECTIONS - 1].size;
	struct symbols *s = make_process(&parts, image);
	size_t sum = use_lines(s);
	use_rows(s, image, &parts);
	symbols_destroy(s);
	return sum == SIZE_MAX;
}
