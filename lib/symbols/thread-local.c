#include "thread-local.h"

#include <string.h>

#include "symbols-internal.h"

/* How far below fs the program's own block begins: it is the first one, and ends there but
 * for what its alignment asks for. */
static bool find_block(const struct elf_file *file, uint64_t *below)
{
	for (size_t i = 0; i < file->phdr_count; i++) {
		const Elf64_Phdr *p = &file->phdrs[i];
		uint64_t align = p->p_align ? p->p_align : 1;
		uint64_t first = -p->p_vaddr & (align - 1);

		if (p->p_type != PT_TLS || (align & (align - 1)))
			continue;
		*below = ((p->p_memsz - first + align - 1) & -align) + first;
		return true;
	}
	return false;
}

static bool find_in_section(const struct elf_file *file, const struct elf_section *section,
			    const char *name, Elf64_Sym *out)
{
	struct bytes data, strings;

	if ((section->type != SHT_SYMTAB && section->type != SHT_DYNSYM) ||
	    section->link >= file->section_count || !elf_file_data(section, &data) ||
	    !elf_file_data(&file->sections[section->link], &strings))
		return false;
	for (size_t at = 0; at + sizeof *out <= data.size; at += sizeof *out) {
		const char *text;

		memcpy(out, data.data + at, sizeof *out);
		text = bytes_string(strings, out->st_name);
		if (ELF64_ST_TYPE(out->st_info) == STT_TLS && out->st_shndx != SHN_UNDEF && text &&
		    !strcmp(text, name))
			return true;
	}
	return false;
}

static bool find_in_file(const struct elf_file *file, const char *name, Elf64_Sym *out)
{
	for (size_t i = 1; file && i < file->section_count; i++)
		if (find_in_section(file, &file->sections[i], name, out))
			return true;
	return false;
}

static bool find_in_module(struct symbols *s, struct module *m, const char *name,
			   struct symbols_thread_local *out)
{
	struct image *image = module_image(s, m);
	uint64_t below;
	Elf64_Sym sym;

	if (!image || (!find_in_file(image->file, name, &sym) &&
		       !find_in_file(image_debug_file(image), name, &sym)))
		return false;
	*out = (struct symbols_thread_local){ .module = &m->public, .size = sym.st_size };
	if (m->public.is_main && find_block(image->file, &below)) {
		out->has_distance = true;
		out->distance = below - sym.st_value;
	}
	return true;
}

static bool is_named(const struct symbols_module *module, const char *name, size_t len)
{
	return !strncmp(module->name, name, len) &&
	       (!module->name[len] || !strncmp(module->name + len, ".so", 3));
}

bool symbols_thread_local_find(struct symbols *s, const char *text,
			       struct symbols_thread_local *out)
{
	const char *mark = strchr(text, '!');

	for (size_t i = 0; i < s->module_count; i++) {
		struct module *m = s->modules[i];

		if (mark && !is_named(&m->public, text, (size_t)(mark - text)))
			continue;
		if (find_in_module(s, m, mark ? mark + 1 : text, out))
			return true;
	}
	return false;
}
