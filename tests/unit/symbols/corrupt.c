/* Damaged files: nothing here may crash or hang; what comes out does not matter. */
#include "helper.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "cfi.h"
#include "debug-info.h"
#include "image.h"

TestSuite(corrupt, .timeout = 300);

static const char source[] =
	"#include <unistd.h>\n"
	"static inline __attribute__((always_inline)) int in(int x) { return x * getppid(); }\n"
	"static __attribute__((noinline)) int hidden(int x) { return in(x) + in(x + 1); }\n"
	"int data = 3; static int quiet[20];\n"
	"int f(int n) { char a[n]; a[n - 1] = 1; return hidden(n) + a[0] + quiet[n]; }\n"
	"int g(void) __attribute__((weak, alias(\"h\")));\nint h(void) { return f(3) + data; }\n";

struct sample {
	uint8_t *bytes;
	size_t size;
};

static struct sample read_sample(const char *path)
{
	struct sample sample = {0};
	struct stat st;
	int fd = open(path, O_RDONLY);

	cr_assert_geq(fd, 0);
	cr_assert_eq(fstat(fd, &st), 0);
	sample.size = st.st_size;
	sample.bytes = malloc(sample.size);
	cr_assert_eq(read(fd, sample.bytes, sample.size), (ssize_t)sample.size);
	close(fd);
	return sample;
}

static struct sample compile(const char *name, const char *flags)
{
	write_file(in_directory("source.c"), source);
	run("gcc -shared -fPIC %s -o %s source.c", flags, name);
	return read_sample(in_directory(name));
}

static uint64_t state = 0x9e3779b97f4a7c15;

static uint64_t random64(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Everything that the library can be asked about one file. */
static void ask_all(struct image *image)
{
	const struct image_table *table = image_table(image);
	const struct image_stubs *stubs = image_stubs(image);
	const struct cfi *cfi = image_cfi(image);
	struct debug_info *info = image_debug_info(image);
	struct debug_inline inlined[8];
	struct debug_line line;
	struct cfi_row row;
	size_t sum = 0;

	for (size_t i = 0; i < table->count; i++)
		sum += strlen(table->symbols[i].name);
	for (size_t i = 0; i < stubs->count; i++)
		sum += strlen(stubs->items[i].name);
	for (uint64_t address = 0; address < 0x5000; address += 5) {
		const struct cfi_fde *fde = cfi ? cfi_find(cfi, address) : NULL;

		image_extent_find(&table->functions, address);
		image_extent_find(&table->objects, address);
		image_stub_find(stubs, address);
		if (fde && cfi_row(cfi, fde, address, &row) == 0)
			sum += row.cfa_register + cfi_is_function_start(cfi, fde);
		if (!info || address % 3)
			continue;
		if (debug_info_line(info, address, &line))
			sum += strlen(line.file);
		for (size_t n = debug_info_inline(info, address, inlined, 8); n > 0; n--)
			sum += strlen(inlined[n - 1].name) + strlen(inlined[n - 1].call.file);
	}
	cr_assert_neq(sum, SIZE_MAX);
}

static bool ask_file(const char *path, const uint8_t *bytes, size_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct elf_file *file;
	struct image *image;

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
	file = elf_file_open(fd);
	if (!file)
		return false;
	image = image_create(file, "/nowhere", path);
	cr_assert_not_null(image);
	ask_all(image);
	image_destroy(image);
	return true;
}

static void ask_truncated(const char *flags)
{
	struct sample sample = compile("sample.so", flags);

	for (size_t size = 0; size < sample.size; size += 1 + random64() % 97)
		ask_file(in_directory("broken.so"), sample.bytes, size);
	cr_assert(ask_file(in_directory("broken.so"), sample.bytes, sample.size));
	free(sample.bytes);
}

static void ask_flipped(const char *flags, size_t times)
{
	struct sample sample = compile("sample.so", flags);
	uint8_t *copy = malloc(sample.size);
	size_t opened = 0;

	for (size_t i = 0; i < times; i++) {
		memcpy(copy, sample.bytes, sample.size);
		for (size_t n = 1 + random64() % 20; n > 0; n--) {
			uint64_t at = random64() % sample.size;

			copy[at] = random64() % 4 ? random64() : random64() % 2 ? 0xff : 0;
		}
		opened += ask_file(in_directory("broken.so"), copy, sample.size);
	}
	cr_assert_gt(opened, times / 2, "only %zu were ELF files at all", opened);
	free(copy);
	free(sample.bytes);
}

/* The tables themselves, where a random byte in the whole file would rarely fall. */
static void ask_damaged_section(const char *flags, const char *name, size_t times)
{
	struct sample sample = compile("sample.so", flags);
	uint8_t *copy = malloc(sample.size);
	struct elf_file *file = elf_file_open(open(in_directory("sample.so"), O_RDONLY));
	const struct elf_section *section = elf_file_section(file, name);

	cr_assert_not_null(section, "%s", name);
	uint64_t offset = elf64_getshdr(section->scn)->sh_offset, size = section->size;
	for (size_t i = 0; i < times; i++) {
		memcpy(copy, sample.bytes, sample.size);
		for (size_t n = 1 + random64() % 4; n > 0; n--)
			copy[offset + random64() % size] =
				random64() % 3 ? random64() : random64() % 2 ? 0xff : 0x7f;
		cr_assert(ask_file(in_directory("broken.so"), copy, sample.size));
	}
	elf_file_close(file);
	free(copy);
	free(sample.bytes);
}

Test(corrupt, survives_truncation)
{
	ask_truncated("-O1");
	ask_truncated("-O1 -g");
}

Test(corrupt, survives_changed_bytes)
{
	ask_flipped("-O1", 2000);
}

Test(corrupt, survives_changed_bytes_with_debug_information)
{
	ask_flipped("-O1 -g", 1000);
	ask_flipped("-O1 -g -gz", 500);
}

Test(corrupt, survives_damaged_tables)
{
	static const char *const names[] = { ".symtab", ".dynsym", ".strtab", ".eh_frame",
					     ".rela.plt", ".plt", ".dynamic",
					     ".note.gnu.build-id" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		ask_damaged_section("-O1", names[i], 300);
}

Test(corrupt, survives_damaged_debug_information)
{
	static const char *const names[] = { ".debug_info", ".debug_abbrev", ".debug_line",
					     ".debug_aranges", ".debug_str", ".debug_line_str",
					     ".debug_rnglists" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		ask_damaged_section("-O1 -g -freorder-blocks-and-partition -ffunction-sections",
				    names[i], 200);
	ask_damaged_section("-O1 -g -gdwarf-4 -ffunction-sections", ".debug_ranges", 200);
	ask_damaged_section("-O1 -g -gdwarf-4", ".debug_line", 200);
	ask_damaged_section("-O1 -g -fno-asynchronous-unwind-tables", ".debug_frame", 300);
}

/* A section's header may say anything. */
Test(corrupt, survives_section_headers_that_lie)
{
	struct sample sample = compile("sample.so", "-O1 -g");
	uint8_t *copy = malloc(sample.size);
	Elf64_Ehdr ehdr;

	memcpy(&ehdr, sample.bytes, sizeof ehdr);
	for (size_t i = 0; i < 2000; i++) {
		static const uint64_t values[] = { 0, 1, 7, UINT64_MAX, INT64_MAX, 1ull << 32,
						   0xffffffff, 1ull << 63 };
		size_t which = random64() % ehdr.e_shnum;
		size_t field = random64() % (sizeof(Elf64_Shdr) / 8);
		uint64_t value = random64() % 2 ? values[random64() % 8] : random64() % 0x8000;

		memcpy(copy, sample.bytes, sample.size);
		memcpy(copy + ehdr.e_shoff + which * sizeof(Elf64_Shdr) + field * 8, &value, 8);
		ask_file(in_directory("broken.so"), copy, sample.size);
	}
	free(copy);
	free(sample.bytes);
}

/* libelf gives pointers into an image: the headers may stand anywhere. */
Test(corrupt, reads_headers_at_odd_offsets)
{
	struct sample sample = compile("sample.so", "-O1");
	Elf64_Ehdr ehdr;

	memcpy(&ehdr, sample.bytes, sizeof ehdr);
	size_t headers = ehdr.e_shnum * sizeof(Elf64_Shdr), at = sample.size | 1;
	uint8_t *copy = calloc(1, at + headers);
	memcpy(copy, sample.bytes, sample.size);
	memcpy(copy + at, sample.bytes + ehdr.e_shoff, headers);
	ehdr.e_shoff = at;
	memcpy(copy, &ehdr, sizeof ehdr);
	struct elf_file *file = elf_file_open_image(copy, at + headers);
	cr_assert_not_null(file);
	cr_expect_not_null(elf_file_section(file, ".text"));
	elf_file_close(file);
	free(sample.bytes);
}

Test(corrupt, refuses_what_is_no_elf_file)
{
	cr_assert_not(ask_file(in_directory("broken.so"), (const uint8_t *)"", 0));
	cr_assert_not(ask_file(in_directory("broken.so"), (const uint8_t *)"#!/bin/sh\n", 10));
	cr_assert_not(ask_file(in_directory("broken.so"), (const uint8_t *)ELFMAG, SELFMAG));
}
