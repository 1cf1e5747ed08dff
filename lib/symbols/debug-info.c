/* What libdwarf gets to see of a file: sections that elf-file.h has checked and
 * decompressed.  Its own reader of ELF files is not used. */
#include "debug-info.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void debug_lock(void)
{
	pthread_mutex_lock(&lock);
}

void debug_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

bool debug_ok(struct debug_info *info, int result, Dwarf_Error *error)
{
	if (result == DW_DLV_ERROR && *error) {
		dwarf_dealloc_error(info->dbg, *error);
		*error = NULL;
	}
	return result == DW_DLV_OK;
}

/* ---- sections ----------------------------------------------------------- */

static int section_info(void *object, Dwarf_Half index, Dwarf_Obj_Access_Section *out,
			int *error)
{
	struct debug_info *info = object;
	struct bytes data;

	memset(out, 0, sizeof *out);
	out->name = "";
	if (index == 0)
		return DW_DLV_OK;
	if (index > info->section_count)
		return DW_DLV_NO_ENTRY;
	out->name = info->sections[index - 1]->name;
	out->type = info->sections[index - 1]->type;
	if (elf_file_data(info->sections[index - 1], &data))
		out->size = data.size;
	return DW_DLV_OK;
}

static int load_section(void *object, Dwarf_Half index, Dwarf_Small **out, int *error)
{
	struct debug_info *info = object;
	struct bytes data;

	if (index == 0 || index > info->section_count ||
	    !elf_file_data(info->sections[index - 1], &data))
		return DW_DLV_NO_ENTRY;
	*out = (Dwarf_Small *)data.data;
	return DW_DLV_OK;
}

static Dwarf_Endianness byte_order(void *object)
{
	return DW_OBJECT_LSB;
}

/* Of .debug_frame in 64-bit DWARF and such: what the class of the file says. */
static Dwarf_Small word_size(void *object)
{
	return 8;
}

static Dwarf_Unsigned section_count(void *object)
{
	return ((struct debug_info *)object)->section_count + 1;
}

static const Dwarf_Obj_Access_Methods methods = {
	.get_section_info = section_info, .get_byte_order = byte_order,
	.get_length_size = word_size, .get_pointer_size = word_size,
	.get_section_count = section_count, .load_section = load_section,
};

/* Range lists are missing on purpose, see debug-ranges.c. */
static void collect_sections(struct debug_info *info)
{
	static const char *const names[] = {
		".debug_info", ".debug_abbrev", ".debug_line", ".debug_line_str",
		".debug_str", ".debug_str_offsets", ".debug_addr",
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const struct elf_section *section = elf_file_section(info->file, names[i]);
		struct bytes data;

		if (section && elf_file_data(section, &data))
			info->sections[info->section_count++] = section;
	}
}

static bool has_lines(const struct elf_file *file)
{
	struct bytes data;

	return file && elf_file_data_named(file, ".debug_info", &data) &&
	       elf_file_data_named(file, ".debug_line", &data);
}

struct debug_info *debug_info_create(const struct elf_file *file, const struct elf_file *debug)
{
	struct debug_info *info;
	Dwarf_Error error = NULL;

	if (!has_lines(file) && !has_lines(debug))
		return NULL;
	info = calloc(1, sizeof *info);
	if (!info)
		return NULL;
	info->code = file;
	info->file = has_lines(file) ? file : debug;
	info->access = (Dwarf_Obj_Access_Interface){ info, &methods };
	collect_sections(info);
	debug_lock();
	int result = dwarf_object_init_b(&info->access, NULL, NULL, DW_GROUPNUMBER_ANY, &info->dbg, &error);
	debug_unlock();
	if (!debug_ok(info, result, &error)) {
		info->dbg = NULL;
		debug_info_destroy(info);
		return NULL;
	}
	return info;
}

void debug_info_destroy(struct debug_info *info)
{
	Dwarf_Error error = NULL;

	if (!info)
		return;
	if (info->dbg)
		dwarf_object_finish(info->dbg, &error);
	for (size_t i = 0; i < info->unit_count; i++)
		debug_unit_deinit(&info->units[i]);
	free(info->units);
	free(info->ranges);
	pool_deinit(&info->pool);
	free(info);
}

/* ---- DIEs --------------------------------------------------------------- */

Dwarf_Die debug_die_at(struct debug_info *info, uint64_t offset)
{
	Dwarf_Die die = NULL;
	Dwarf_Error error = NULL;

	return debug_ok(info, dwarf_offdie_b(info->dbg, offset, 1, &die, &error), &error) ?
		die : NULL;
}

void debug_die_free(Dwarf_Die die)
{
	if (die)
		dwarf_dealloc_die(die);
}

bool debug_is_code(const struct debug_info *info, uint64_t address)
{
	const struct elf_section *section = elf_file_section_at(info->code, address);

	return section && (section->flags & SHF_EXECINSTR);
}
