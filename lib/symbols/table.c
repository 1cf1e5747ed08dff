/* Symbol tables: reading. */
#include <stdlib.h>
#include <string.h>

#include "image.h"

/* A count no table of ours exceeds: indices are 32 bit. */
#define SYMBOLS_MAX (UINT32_MAX / 2)

bool image_table_push(struct image_table *table, const struct image_symbol *symbol)
{
	if (table->count == table->room) {
		size_t room = table->room ? table->room * 2 : 1024;
		struct image_symbol *grown = room > SYMBOLS_MAX ? NULL :
			realloc(table->symbols, room * sizeof *grown);

		if (!grown)
			return false;
		table->symbols = grown;
		table->room = room;
	}
	table->symbols[table->count++] = *symbol;
	return true;
}

static bool push_file(struct image_table *table, const char *name)
{
	if (table->file_count == table->file_room) {
		size_t room = table->file_room ? table->file_room * 2 : 64;
		const char **grown = realloc(table->files, room * sizeof *grown);

		if (!grown)
			return false;
		table->files = grown;
		table->file_room = room;
	}
	table->files[table->file_count++] = name;
	return true;
}

/* The index is not to be relied upon: tools that remove sections leave it as it was
 * in .dynsym, and there are more sections than it can count.  Then the address says. */
static const struct elf_section *section_of(const struct elf_file *file, const Elf64_Sym *sym)
{
	const struct elf_section *section = sym->st_shndx < file->section_count ?
		&file->sections[sym->st_shndx] : NULL;

	if (section && (section->flags & SHF_ALLOC)) {
		if (sym->st_value - section->address < section->size)
			return section;
		if (sym->st_value - section->address == section->size)
			return NULL;    /* _etext and the like mark an end */
	}
	return elf_file_section_at(file, sym->st_value);
}

/* What a symbol is to us: 0 for what we leave out. */
static uint32_t classify(const struct elf_file *file, const Elf64_Sym *sym)
{
	unsigned type = ELF64_ST_TYPE(sym->st_info);
	const struct elf_section *section;
	bool is_code;

	if (sym->st_shndx == SHN_UNDEF || sym->st_shndx == SHN_ABS ||
	    sym->st_shndx == SHN_COMMON)
		return 0;
	section = section_of(file, sym);
	if (!section)
		return 0;
	is_code = section->flags & SHF_EXECINSTR;
	if (type == STT_GNU_IFUNC)
		return IMAGE_FUNCTION | IMAGE_IFUNC;
	if (type == STT_FUNC)
		return IMAGE_FUNCTION;
	if (type == STT_NOTYPE)
		return is_code ? IMAGE_FUNCTION | IMAGE_LABEL : IMAGE_OBJECT | IMAGE_LABEL;
	if (type == STT_OBJECT && !(section->flags & SHF_TLS))
		return IMAGE_OBJECT;
	return 0;
}

static uint32_t binding(const Elf64_Sym *sym)
{
	switch (ELF64_ST_BIND(sym->st_info)) {
	case STB_LOCAL:
		return IMAGE_LOCAL;
	case STB_WEAK:
		return IMAGE_WEAK;
	default:
		return 0;
	}
}

static void read_symbols(struct image_table *table, const struct elf_file *file,
			 const struct elf_section *section, uint32_t extra)
{
	struct bytes data, strings;
	uint32_t source = IMAGE_NO_FILE;

	if (section->link >= file->section_count || !elf_file_data(section, &data) ||
	    !elf_file_data(&file->sections[section->link], &strings))
		return;
	/* one check for all strings, in place of one for each */
	if (strings.data[strings.size - 1])
		return;
	for (size_t at = sizeof(Elf64_Sym); at + sizeof(Elf64_Sym) <= data.size;
	     at += sizeof(Elf64_Sym)) {
		Elf64_Sym sym;

		memcpy(&sym, data.data + at, sizeof sym);
		if (sym.st_name == 0 || sym.st_name >= strings.size)
			continue;

		const char *name = (const char *)strings.data + sym.st_name;
		if (ELF64_ST_TYPE(sym.st_info) == STT_FILE) {
			if (!push_file(table, name))
				return;
			source = table->file_count - 1;
			continue;
		}

		uint32_t flags = classify(file, &sym);
		if (!flags)
			continue;
		flags |= binding(&sym) | extra;
		struct image_symbol symbol = {
			.address = sym.st_value, .size = sym.st_size, .name = name,
			.file = flags & IMAGE_LOCAL ? source : IMAGE_NO_FILE,
			.flags = flags,
		};
		if (symbol.address + symbol.size < symbol.address)
			symbol.size = 0;
		if (!image_table_push(table, &symbol))
			return;
	}
}

static bool read_section_of_type(struct image_table *table, const struct elf_file *file,
				 uint32_t type, uint32_t extra)
{
	size_t before = table->count;

	for (size_t i = 1; i < file->section_count; i++)
		if (file->sections[i].type == type)
			read_symbols(table, file, &file->sections[i], extra);
	return table->count > before;
}

void image_table_load(struct image_table *table, const struct elf_file *file,
		      const struct elf_file *debug)
{
	if (!read_section_of_type(table, file, SHT_SYMTAB, 0) &&
	    (!debug || !read_section_of_type(table, debug, SHT_SYMTAB, 0)))
		image_table_load_go(table, file);
	read_section_of_type(table, file, SHT_DYNSYM, IMAGE_DYNAMIC);
	if (!table->count)
		return;
	image_table_sort(table);
	image_extents_build(&table->functions, table, IMAGE_FUNCTION, file);
	image_extents_build(&table->objects, table, IMAGE_OBJECT, file);
}

void image_table_deinit(struct image_table *table)
{
	free(table->symbols);
	free(table->files);
	free(table->functions.items);
	free(table->objects.items);
	memset(table, 0, sizeof *table);
}
