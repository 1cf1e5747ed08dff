/* A file's bytes: sections, symbol tables, PLT stubs, Go's function table, build-id.
 * Whatever they are, what is handed out must lie in them. */
#include "elf-file.h"
#include "fuzz.h"
#include "image.h"

static size_t use_table(const struct image_table *table)
{
	size_t sum = 0;

	for (size_t i = 0; i < table->count; i++) {
		const struct image_symbol *s = &table->symbols[i];

		sum += strlen(s->name);
		fuzz_check(s->file == IMAGE_NO_FILE || s->file < table->file_count, "%s", s->name);
		fuzz_check(i == 0 || s[-1].address <= s->address, "%s is out of order", s->name);
		image_extent_find(&table->functions, s->address);
		image_extent_find(&table->objects, s->address + s->size);
	}
	for (size_t i = 0; i < table->file_count; i++)
		sum += strlen(table->files[i]);
	return sum;
}

static void check_extents(const struct image_extents *extents, const struct image_table *table)
{
	for (size_t i = 0; i < extents->count; i++) {
		const struct image_extent *e = &extents->items[i];

		fuzz_check(e->symbol < table->count, "extent %zu", i);
		fuzz_check(e->end >= e->start && e->reach >= e->end, "extent %zu", i);
		fuzz_check(i == 0 || (e[-1].start < e->start && e[-1].reach <= e->reach),
			   "extent %zu", i);
	}
}

static size_t use_stubs(const struct image_stubs *stubs)
{
	size_t sum = 0;

	for (size_t i = 0; i < stubs->count; i++) {
		sum += strlen(stubs->items[i].name);
		image_stub_find(stubs, stubs->items[i].start + 1);
	}
	for (size_t i = 0; i < stubs->indirect_count; i++)
		sum += strlen(stubs->indirects[i].name);
	return sum;
}

static size_t use_sections(const struct elf_file *file)
{
	struct bytes bytes;
	size_t sum = 0;

	for (size_t i = 0; i < file->section_count; i++) {
		sum += strlen(file->sections[i].name);
		if (!(file->sections[i].flags & SHF_COMPRESSED) &&
		    elf_file_data(&file->sections[i], &bytes))
			sum += (size_t)bytes.data[0] + bytes.data[bytes.size - 1];
	}
	if (elf_file_build_id(file, &bytes))
		for (size_t i = 0; i < bytes.size; i++)
			sum += bytes.data[i];
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *copy = malloc(size ? size : 1);
	const Elf64_Phdr *phdrs;
	size_t count, sum = 0;

	memcpy(copy, data, size);
	if (elf_head_check(copy, size, &phdrs, &count))
		for (size_t i = 0; i < count; i++)
			sum += phdrs[i].p_type;
	struct elf_file *file = elf_file_open_image(copy, size);
	if (!file)
		return 0;
	sum += use_sections(file);
	struct image *image = image_create(file, "/nowhere", "/nowhere/file");
	fuzz_check(image, "out of memory");
	image->has_debug = true;        /* look for no other file */
	const struct image_table *table = image_table(image);
	sum += use_table(table);
	check_extents(&table->functions, table);
	check_extents(&table->objects, table);
	sum += use_stubs(image_stubs(image));
	image_destroy(image);
	return sum == SIZE_MAX;
}
