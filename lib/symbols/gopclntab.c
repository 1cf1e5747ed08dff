/* Functions of a stripped Go program, from the table that its runtime needs.
 *
 *   | magic 4 | 0 0 | quantum | pointer size 8 | functions 8 | files 8 |
 *   | text start 8 (Go 1.18 on) | offsets 8 each: names, units, files, pcs, functions |
 *   functions: | entry | offset of its record | ... | end of the last |
 *   record:    | entry | offset of its name, 4 | ...
 *
 * Entries are 8 byte addresses in Go 1.16 and 1.17, 4 byte offsets from the start of
 * text later.  Older tables are not read. */
#include <string.h>

#include "image.h"
#include "reader.h"

#define MAGIC_1_16 0xfffffffau
#define MAGIC_1_18 0xfffffff0u
#define MAGIC_1_20 0xfffffff1u

struct pclntab {
	struct bytes data;
	size_t entry_size;              /* of an entry address: 4 or 8 */
	uint64_t count, text;
	struct bytes names, functions;
};

static struct bytes part(struct bytes data, uint64_t offset)
{
	if (offset >= data.size)
		return (struct bytes){0};
	return (struct bytes){ data.data + offset, data.size - offset };
}

static bool read_header(struct pclntab *t, uint64_t text)
{
	struct reader r = { t->data.data, t->data.data + t->data.size, false };
	uint32_t magic = reader_fixed(&r, 4);

	if (magic != MAGIC_1_16 && magic != MAGIC_1_18 && magic != MAGIC_1_20)
		return false;
	reader_skip(&r, 3);
	if (reader_fixed(&r, 1) != 8)
		return false;
	t->count = reader_fixed(&r, 8);
	reader_skip(&r, 8);
	t->entry_size = magic == MAGIC_1_16 ? 8 : 4;
	if (t->entry_size == 4) {
		t->text = reader_fixed(&r, 8);
		/* a position-independent program's is filled in by the loader */
		if (t->text == 0)
			t->text = text;
	}
	t->names = part(t->data, reader_fixed(&r, 8));
	reader_skip(&r, 24);
	t->functions = part(t->data, reader_fixed(&r, 8));
	return !r.failed && t->names.size && t->functions.size &&
	       t->count < t->functions.size / (2 * t->entry_size);
}

static uint64_t entry_at(const struct pclntab *t, uint64_t index)
{
	uint64_t value = 0;

	memcpy(&value, t->functions.data + index * 2 * t->entry_size, t->entry_size);
	return t->text + value;
}

static const char *name_at(const struct pclntab *t, uint64_t index)
{
	uint64_t offset = 0;
	uint32_t name;

	memcpy(&offset, t->functions.data + (index * 2 + 1) * t->entry_size, t->entry_size);
	struct bytes record = part(t->functions, offset);
	if (record.size < t->entry_size + sizeof name)
		return NULL;
	memcpy(&name, record.data + t->entry_size, sizeof name);
	return bytes_string(t->names, name);
}

void image_table_load_go(struct image_table *table, const struct elf_file *file)
{
	const struct elf_section *text = elf_file_section(file, ".text");
	struct pclntab t = {0};

	if (!text || (!elf_file_data_named(file, ".gopclntab", &t.data) &&
		      !elf_file_data_named(file, ".data.rel.ro.gopclntab", &t.data)))
		return;
	if (!read_header(&t, text->address))
		return;
	for (uint64_t i = 0; i < t.count; i++) {
		const struct image_symbol symbol = {
			.address = entry_at(&t, i), .size = entry_at(&t, i + 1) - entry_at(&t, i),
			.name = name_at(&t, i), .file = IMAGE_NO_FILE,
			.flags = IMAGE_FUNCTION | IMAGE_LOCAL,
		};

		/* entries ascend, inside .text; the rest is damage */
		if (symbol.address - text->address >= text->size || symbol.size > text->size)
			break;
		if (symbol.name && symbol.name[0] && !image_table_push(table, &symbol))
			break;
	}
}
