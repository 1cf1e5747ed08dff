/* The index of all FDEs of a file.
 *
 *   .eh_frame    | length | 0        | CIE ...  |      a CIE
 *                | length | distance | FDE ...  |      distance: from here back to its CIE
 *   .debug_frame | length | -1       | CIE ...  |
 *                | length | offset   | FDE ...  |      offset of the CIE in the section
 *
 * length 0xffffffff: 64 bits of length follow, and in .debug_frame ids have 64 bits. */
#include <libdwarf/dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "cfi.h"
#include "reader.h"

bool cfi_read_record(const struct cfi_section *section, uint64_t offset,
		     struct cfi_record *out)
{
	struct bytes data = section->data;
	size_t id_size = 4;

	if (offset >= data.size)
		return false;
	struct reader r = { data.data + offset, data.data + data.size, false };
	uint64_t length = reader_fixed(&r, 4);
	if (length == 0xffffffff) {
		length = reader_fixed(&r, 8);
		id_size = section->is_eh ? 4 : 8;
	}
	if (r.failed || length < id_size || length > reader_left(&r))
		return false;           /* length 0 ends .eh_frame */

	uint64_t id_at = r.at - data.data;
	out->end = r.at + length;
	out->next = id_at + length;
	uint64_t id = reader_fixed(&r, id_size);
	out->body = r.at;
	if (section->is_eh) {
		out->is_cie = id == 0;
		out->cie = id_at - id;
	} else {
		out->is_cie = id == (id_size == 4 ? 0xffffffff : UINT64_MAX);
		out->cie = id;
	}
	return true;
}

uint64_t cfi_read_pointer(const struct cfi_section *section, struct reader *r,
			  uint8_t encoding)
{
	uint64_t base = 0, value;

	switch (encoding & 0x70) {
	case DW_EH_PE_pcrel:
		base = section->address + (r->at - section->data.data);
		break;
	case DW_EH_PE_absptr:
		break;
	default:                        /* relative to what only a loader knows */
		r->failed = true;
		return 0;
	}
	switch (encoding & 0x0f) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		value = reader_fixed(r, 8);
		break;
	case DW_EH_PE_udata4:
		value = reader_fixed(r, 4);
		break;
	case DW_EH_PE_sdata4:
		value = (int64_t)(int32_t)reader_fixed(r, 4);
		break;
	case DW_EH_PE_udata2:
		value = reader_fixed(r, 2);
		break;
	case DW_EH_PE_sdata2:
		value = (int64_t)(int16_t)reader_fixed(r, 2);
		break;
	case DW_EH_PE_uleb128:
		value = reader_uleb(r);
		break;
	case DW_EH_PE_sleb128:
		value = reader_sleb(r);
		break;
	default:
		r->failed = true;
		return 0;
	}
	return base + value;
}

static bool read_augmentation(const struct cfi_section *section, const char *letters,
			      struct reader *r, struct cfi_cie *out)
{
	if (letters[0] == 0)
		return true;
	if (letters[0] != 'z')
		return false;           /* "eh" of gcc 2: nobody knows its length */
	out->has_augmentation = true;

	uint64_t size = reader_uleb(r);
	if (r->failed || size > reader_left(r))
		return false;
	struct reader aug = { r->at, r->at + size, false };
	reader_skip(r, size);
	for (letters++; *letters; letters++) {
		uint8_t encoding;

		switch (*letters) {
		case 'R':
			out->fde_encoding = reader_fixed(&aug, 1);
			break;
		case 'P':
			encoding = reader_fixed(&aug, 1);
			/* where the value leads does not matter, its length does */
			cfi_read_pointer(section, &aug, encoding & 0x0f);
			break;
		case 'L':
			reader_skip(&aug, 1);
			break;
		case 'S':
			out->is_signal = true;
			break;
		case 'B':
			break;
		default:
			return !aug.failed;     /* the length lets us go on */
		}
	}
	return !aug.failed;
}

bool cfi_read_cie(const struct cfi_section *section, uint64_t offset, struct cfi_cie *out)
{
	struct cfi_record record;

	if (!cfi_read_record(section, offset, &record) || !record.is_cie)
		return false;

	struct reader r = { record.body, record.end, false };
	*out = (struct cfi_cie){ .offset = offset, .fde_encoding = DW_EH_PE_absptr };
	unsigned version = reader_fixed(&r, 1);
	const char *letters = reader_string(&r);
	if (version >= 4) {
		uint64_t address_size = reader_fixed(&r, 1), segment_size = reader_fixed(&r, 1);

		if (address_size != 8 || segment_size != 0)
			return false;
	}
	out->code_align = reader_uleb(&r);
	out->data_align = reader_sleb(&r);
	out->return_register = version == 1 ? reader_fixed(&r, 1) : reader_uleb(&r);
	if (!read_augmentation(section, letters, &r, out))
		return false;
	out->instructions = r.at;
	out->end = record.end;
	return !r.failed && out->return_register < CFI_REGISTERS;
}

static bool push_fde(struct cfi *cfi, const struct cfi_fde *fde)
{
	if (cfi->count == cfi->room) {
		size_t room = cfi->room ? cfi->room * 2 : 256;
		struct cfi_fde *grown = realloc(cfi->fdes, room * sizeof *grown);

		if (!grown)
			return false;
		cfi->fdes = grown;
		cfi->room = room;
	}
	cfi->fdes[cfi->count++] = *fde;
	return true;
}

/* The linker leaves rules of code that it threw away, at address 0 or so. */
static bool is_code(const struct elf_file *file, const struct elf_section **last,
		    uint64_t address)
{
	if (!*last || address - (*last)->address >= (*last)->size)
		*last = elf_file_section_at(file, address);
	return *last && ((*last)->flags & SHF_EXECINSTR);
}

static void index_section(struct cfi *cfi, const struct elf_file *file, uint8_t number)
{
	const struct cfi_section *section = &cfi->sections[number];
	const struct elf_section *code = NULL;
	struct cfi_cie cie = { .offset = UINT32_MAX };
	struct cfi_record record;

	for (uint64_t at = 0; at < UINT32_MAX && cfi_read_record(section, at, &record);
	     at = record.next) {
		if (record.is_cie)
			continue;
		if (cie.offset != record.cie && !cfi_read_cie(section, record.cie, &cie)) {
			cie.offset = UINT32_MAX;
			continue;
		}
		struct reader r = { record.body, record.end, false };
		struct cfi_fde fde = { .offset = at, .section = number };
		fde.start = cfi_read_pointer(section, &r, cie.fde_encoding);
		fde.size = cfi_read_pointer(section, &r, cie.fde_encoding & 0x0f);
		if (!r.failed && fde.size && fde.start + fde.size > fde.start &&
		    is_code(file, &code, fde.start) && !push_fde(cfi, &fde))
			return;
	}
}

static int by_start(const void *a, const void *b)
{
	const struct cfi_fde *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->section != y->section)
		return x->section - y->section;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static void add_section(struct cfi *cfi, const struct elf_file *file, const char *name,
			bool is_eh)
{
	const struct elf_section *found = file ? elf_file_section(file, name) : NULL;
	struct cfi_section section = { .is_eh = is_eh };

	if (!found || !elf_file_data(found, &section.data))
		return;
	section.address = found->address;
	cfi->sections[cfi->section_count++] = section;
}

struct cfi *cfi_create(const struct elf_file *file, const struct elf_file *debug)
{
	struct cfi *cfi = calloc(1, sizeof *cfi);

	if (!cfi)
		return NULL;
	add_section(cfi, file, ".eh_frame", true);
	unsigned before = cfi->section_count;
	add_section(cfi, file, ".debug_frame", false);
	if (cfi->section_count == before)
		add_section(cfi, debug, ".debug_frame", false);
	for (unsigned i = 0; i < cfi->section_count; i++)
		index_section(cfi, file, i);
	if (!cfi->count) {
		cfi_destroy(cfi);
		return NULL;
	}
	qsort(cfi->fdes, cfi->count, sizeof *cfi->fdes, by_start);
	return cfi;
}

void cfi_destroy(struct cfi *cfi)
{
	if (!cfi)
		return;
	free(cfi->fdes);
	free(cfi);
}

const struct cfi_fde *cfi_find(const struct cfi *cfi, uint64_t address)
{
	size_t low = 0, high = cfi->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (cfi->fdes[mid].start <= address)
			low = mid + 1;
		else
			high = mid;
	}
	/* two sections may have rules for one start: the first is .eh_frame's */
	while (low > 1 && cfi->fdes[low - 2].start == cfi->fdes[low - 1].start)
		low--;
	if (low == 0 || address - cfi->fdes[low - 1].start >= cfi->fdes[low - 1].size)
		return NULL;
	return &cfi->fdes[low - 1];
}
