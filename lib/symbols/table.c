/* Symbol tables: reading, sorting, and the choice among names of one address. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"

/* A count no table of ours exceeds: indices are 32 bit. */
#define SYMBOLS_MAX (UINT32_MAX / 2)

static bool push_symbol(struct image_table *table, const struct image_symbol *symbol)
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

/* What a symbol is to us: 0 for what we leave out. */
static uint32_t classify(const struct elf_file *file, const Elf64_Sym *sym)
{
	unsigned type = ELF64_ST_TYPE(sym->st_info);
	const struct elf_section *section;
	bool is_code;

	if (sym->st_shndx == SHN_UNDEF || sym->st_shndx == SHN_ABS ||
	    sym->st_shndx == SHN_COMMON)
		return 0;
	/* SHN_XINDEX and broken indices: the address says which section it is */
	section = sym->st_shndx < file->section_count ? &file->sections[sym->st_shndx] :
		elf_file_section_at(file, sym->st_value);
	if (!section || !(section->flags & SHF_ALLOC) ||
	    sym->st_value - section->address >= section->size)
		return 0;       /* also _etext and the like, which mark an end */
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
		if (!push_symbol(table, &symbol))
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

/* ---- which of several names ------------------------------------------------- */

static size_t underscores(const char *name)
{
	return strspn(name, "_");
}

/* The order of preference that symbols.h promises; < 0: `a` is better.
 *
 * Weak and global come late: in libc `puts` is weak and _IO_puts is global. */
static int prefer(const struct image_symbol *a, const struct image_symbol *b)
{
	static const uint32_t worse[] = { IMAGE_LABEL, IMAGE_LOCAL };

	for (size_t i = 0; i < 2; i++)
		if ((a->flags ^ b->flags) & worse[i])
			return a->flags & worse[i] ? 1 : -1;
	if (!a->size != !b->size)
		return a->size ? -1 : 1;

	size_t ua = underscores(a->name), ub = underscores(b->name);
	if (ua != ub)
		return ua < ub ? -1 : 1;
	if ((a->flags ^ b->flags) & IMAGE_DYNAMIC)
		return a->flags & IMAGE_DYNAMIC ? -1 : 1;
	if ((a->flags ^ b->flags) & IMAGE_WEAK)
		return a->flags & IMAGE_WEAK ? 1 : -1;

	size_t la = strlen(a->name), lb = strlen(b->name);
	if (la != lb)
		return la < lb ? -1 : 1;
	int c = strcmp(a->name, b->name);
	if (c)
		return c;
	/* the same name twice: the one that says more about its size */
	return a->size > b->size ? -1 : a->size < b->size;
}

static int by_address(const void *a, const void *b)
{
	const struct image_symbol *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return prefer(x, y);
}

/* ---- extents ------------------------------------------------------------------ */

/* Labels inside a function are no functions of their own. */
static bool is_inside(const struct image_extents *extents, const struct image_symbol *symbol)
{
	return (symbol->flags & IMAGE_LABEL) && extents->count &&
	       extents->items[extents->count - 1].reach > symbol->address;
}

static void collect_extents(const struct image_table *table, uint32_t kind,
			    struct image_extents *out)
{
	size_t room = 0;

	for (size_t i = 0; i < table->count; i++)
		room += !!(table->symbols[i].flags & kind);
	out->items = room ? malloc(room * sizeof *out->items) : NULL;
	if (!out->items)
		return;
	for (size_t i = 0; i < table->count; i++) {
		const struct image_symbol *symbol = &table->symbols[i];
		struct image_extent *last = out->count ? &out->items[out->count - 1] : NULL;

		if (!(symbol->flags & kind) || is_inside(out, symbol) ||
		    (last && last->start == symbol->address))
			continue;

		struct image_extent extent = {
			.start = symbol->address, .end = symbol->address + symbol->size,
			.symbol = i,
		};
		extent.reach = last && last->reach > extent.end ? last->reach : extent.end;
		out->items[out->count++] = extent;
	}
}

/* Hand-written assembly often gives no size: such a function ends where the next
 * one starts, or with its section. */
static void extend_unsized(struct image_extents *extents, const struct elf_file *file)
{
	uint64_t reach = 0;

	for (size_t i = 0; i < extents->count; i++) {
		struct image_extent *extent = &extents->items[i];
		const struct elf_section *section;

		if (extent->end == extent->start) {
			section = elf_file_section_at(file, extent->start);
			if (section)
				extent->end = section->address + section->size;
			if (i + 1 < extents->count && extents->items[i + 1].start < extent->end)
				extent->end = extents->items[i + 1].start;
		}
		if (extent->end > reach)
			reach = extent->end;
		extent->reach = reach;
	}
}

void image_table_load(struct image_table *table, const struct elf_file *file,
		      const struct elf_file *debug)
{
	if (!read_section_of_type(table, file, SHT_SYMTAB, 0) && debug)
		read_section_of_type(table, debug, SHT_SYMTAB, 0);
	read_section_of_type(table, file, SHT_DYNSYM, IMAGE_DYNAMIC);
	if (!table->count)
		return;
	qsort(table->symbols, table->count, sizeof *table->symbols, by_address);
	collect_extents(table, IMAGE_FUNCTION, &table->functions);
	extend_unsized(&table->functions, file);
	collect_extents(table, IMAGE_OBJECT, &table->objects);
	extend_unsized(&table->objects, file);
}

void image_table_deinit(struct image_table *table)
{
	free(table->symbols);
	free(table->files);
	free(table->functions.items);
	free(table->objects.items);
	memset(table, 0, sizeof *table);
}

const struct image_extent *image_extent_find(const struct image_extents *extents,
					     uint64_t address)
{
	size_t low = 0, high = extents->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (extents->items[mid].start <= address)
			low = mid + 1;
		else
			high = mid;
	}
	while (low > 0 && extents->items[low - 1].reach > address) {
		if (extents->items[low - 1].end > address)
			return &extents->items[low - 1];
		low--;
	}
	return NULL;
}
