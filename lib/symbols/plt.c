/* PLT stubs: found by their jump through a GOT slot, named after the relocation
 * that fills the slot.
 *
 *                lazy                  with IBT              -z now (.plt.got)
 *   .plt[0]      push [GOT+8]          same
 *                jmp  [GOT+16]
 *   .plt[n]      jmp  [slot]           endbr64               jmp [slot]
 *                push n                push n                xchg ax, ax
 *                jmp  .plt[0]          jmp .plt[0]
 *   .plt.sec[n]                        endbr64
 *                                      jmp [slot]
 *
 * Entries are 16 bytes, 8 in .plt.got without IBT.  Other linkers place other
 * things around the same `jmp [rip + slot]`, so that is what is looked for; an
 * entry without one that pushes n belongs to the nth relocation of .rela.plt. */
#include <stdlib.h>
#include <string.h>

#include "image.h"

struct slot {
	uint64_t address;
	const char *name;
};

struct slots {
	struct slot *items;
	size_t count, room;
};

static bool push_slot(struct slots *slots, uint64_t address, const char *name)
{
	if (slots->count == slots->room) {
		size_t room = slots->room ? slots->room * 2 : 256;
		struct slot *grown = realloc(slots->items, room * sizeof *grown);

		if (!grown)
			return false;
		slots->items = grown;
		slots->room = room;
	}
	slots->items[slots->count++] = (struct slot){ address, name };
	return true;
}

static const char *name_at(const struct image_table *table, uint64_t address)
{
	const struct image_extent *extent = image_extent_find(&table->functions, address);

	return extent && extent->start == address ? table->symbols[extent->symbol].name : NULL;
}

static const char *relocation_name(const struct elf_file *file, const struct image_table *table,
				   const struct elf_section *symbols, const Elf64_Rela *rela)
{
	struct bytes data, strings;
	uint64_t index = ELF64_R_SYM(rela->r_info);
	Elf64_Sym sym;

	switch (ELF64_R_TYPE(rela->r_info)) {
	case R_X86_64_IRELATIVE:        /* an ifunc of this file: its resolver */
		return name_at(table, rela->r_addend);
	case R_X86_64_JUMP_SLOT:
	case R_X86_64_GLOB_DAT:
		break;
	default:
		return NULL;
	}
	if (!symbols || symbols->link >= file->section_count ||
	    !elf_file_data(symbols, &data) || index >= data.size / sizeof sym ||
	    !elf_file_data(&file->sections[symbols->link], &strings))
		return NULL;
	memcpy(&sym, data.data + index * sizeof sym, sizeof sym);
	return bytes_string(strings, sym.st_name);
}

static bool push_indirect(struct image_stubs *stubs, uint64_t slot, const char *name)
{
	if (stubs->indirect_count == stubs->indirect_room) {
		size_t room = stubs->indirect_room ? stubs->indirect_room * 2 : 64;
		struct image_indirect *grown = realloc(stubs->indirects, room * sizeof *grown);

		if (!grown)
			return false;
		stubs->indirects = grown;
		stubs->indirect_room = room;
	}
	stubs->indirects[stubs->indirect_count++] = (struct image_indirect){ slot, name };
	return true;
}

static void read_relocations(struct image_stubs *stubs, const struct elf_file *file,
			     const struct image_table *table,
			     const struct elf_section *section, struct slots *slots)
{
	const struct elf_section *symbols = NULL;
	struct bytes data;

	if (section->link && section->link < file->section_count)
		symbols = &file->sections[section->link];
	if (!elf_file_data(section, &data))
		return;
	for (size_t at = 0; at + sizeof(Elf64_Rela) <= data.size; at += sizeof(Elf64_Rela)) {
		Elf64_Rela rela;

		memcpy(&rela, data.data + at, sizeof rela);
		const char *name = relocation_name(file, table, symbols, &rela);
		if (name && !push_slot(slots, rela.r_offset, name))
			return;
		if (name && ELF64_R_TYPE(rela.r_info) == R_X86_64_IRELATIVE &&
		    !push_indirect(stubs, rela.r_offset, name))
			return;
	}
}

static int by_slot(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static const char *slot_name(const struct slots *slots, uint64_t address)
{
	size_t low = 0, high = slots->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (slots->items[mid].address < address)
			low = mid + 1;
		else
			high = mid;
	}
	return low < slots->count && slots->items[low].address == address ?
		slots->items[low].name : NULL;
}

/* The slot that the nth entry of .rela.plt fills, 0 when there is none. */
static uint64_t nth_slot(const struct elf_file *file, uint32_t n)
{
	Elf64_Rela rela;
	struct bytes data;

	if (!elf_file_data_named(file, ".rela.plt", &data) || n >= data.size / sizeof rela)
		return 0;
	memcpy(&rela, data.data + (size_t)n * sizeof rela, sizeof rela);
	return rela.r_offset;
}

/* The name of the stub whose `size` bytes are at `code`. */
static const char *stub_name(const struct elf_file *file, const struct slots *slots,
			     const uint8_t *code, size_t size, uint64_t address)
{
	int32_t operand;

	for (size_t i = 0; i + 6 <= size; i++) {
		if (code[i] != 0xff || code[i + 1] != 0x25)     /* jmp [rip + x] */
			continue;
		memcpy(&operand, code + i + 2, sizeof operand);
		const char *name = slot_name(slots, address + i + 6 + (int64_t)operand);
		if (name)
			return name;
	}
	for (size_t i = 0; i + 5 <= size && i <= 4; i += 4) {   /* behind endbr64 or not */
		if (code[i] != 0x68)                            /* push imm32 */
			continue;
		memcpy(&operand, code + i + 1, sizeof operand);
		return slot_name(slots, nth_slot(file, operand));
	}
	return NULL;
}

static bool push_stub(struct image_stubs *stubs, const struct image_stub *stub)
{
	if (stubs->count == stubs->room) {
		size_t room = stubs->room ? stubs->room * 2 : 128;
		struct image_stub *grown = realloc(stubs->items, room * sizeof *grown);

		if (!grown)
			return false;
		stubs->items = grown;
		stubs->room = room;
	}
	stubs->items[stubs->count++] = *stub;
	return true;
}

static void read_stubs(struct image_stubs *stubs, const struct elf_file *file,
		       const struct elf_section *section, const struct slots *slots)
{
	struct bytes code;
	size_t step = 16;

	if (!elf_file_data(section, &code))
		return;
	/* `jmp [slot]; xchg ax, ax` again after 8 bytes: the short form */
	if (code.size >= 8 && code.data[0] == 0xff && code.data[1] == 0x25 &&
	    code.data[6] == 0x66 && code.data[7] == 0x90)
		step = 8;
	for (size_t at = 0; at + step <= code.size; at += step) {
		uint64_t address = section->address + at;
		const char *name = stub_name(file, slots, code.data + at, step, address);
		bool is_first = at == 0 && code.data[0] == 0xff && code.data[1] == 0x35;

		if (!name && !is_first)
			continue;
		struct image_stub stub = { address, step, name ? name : "" };
		if (!push_stub(stubs, &stub))
			return;
	}
}

static int by_start(const void *a, const void *b)
{
	const struct image_stub *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

void image_stubs_load(struct image_stubs *stubs, const struct elf_file *file,
		      const struct image_table *table)
{
	struct slots slots = {0};

	for (size_t i = 1; i < file->section_count; i++)
		if (file->sections[i].type == SHT_RELA && (file->sections[i].flags & SHF_ALLOC))
			read_relocations(stubs, file, table, &file->sections[i], &slots);
	if (slots.count)
		qsort(slots.items, slots.count, sizeof *slots.items, by_slot);
	for (size_t i = 1; i < file->section_count; i++) {
		const struct elf_section *section = &file->sections[i];

		if ((section->flags & SHF_EXECINSTR) &&
		    (strncmp(section->name, ".plt", 4) == 0 ||
		     strcmp(section->name, ".iplt") == 0))
			read_stubs(stubs, file, section, &slots);
	}
	if (stubs->count)
		qsort(stubs->items, stubs->count, sizeof *stubs->items, by_start);
	free(slots.items);
}

void image_stubs_deinit(struct image_stubs *stubs)
{
	free(stubs->items);
	free(stubs->indirects);
	memset(stubs, 0, sizeof *stubs);
}

const struct image_stub *image_stub_find(const struct image_stubs *stubs, uint64_t address)
{
	size_t low = 0, high = stubs->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (stubs->items[mid].start <= address)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0 || address - stubs->items[low - 1].start >= stubs->items[low - 1].size)
		return NULL;
	return &stubs->items[low - 1];
}
