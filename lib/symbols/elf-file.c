#include "elf-file.h"

#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTE_BUILD_ID 3         /* NT_GNU_BUILD_ID */

/* libelf answers 64-bit questions about 64-bit files alone. */
static bool is_ours(Elf *elf)
{
	const char *ident = elf_getident(elf, NULL);
	GElf_Ehdr ehdr;

	if (!ident || elf_kind(elf) != ELF_K_ELF || ident[EI_CLASS] != ELFCLASS64 ||
	    ident[EI_DATA] != ELFDATA2LSB)
		return false;
	/* A copy, here and below: libelf's own may stand at odd addresses. */
	return gelf_getehdr(elf, &ehdr) && ehdr.e_machine == EM_X86_64;
}

static bool read_sections(struct elf_file *f)
{
	size_t count, strings;

	if (elf_getshdrnum(f->elf, &count) < 0 || elf_getshdrstrndx(f->elf, &strings) < 0)
		return false;
	f->sections = calloc(count + 1, sizeof *f->sections);
	if (!f->sections)
		return false;
	f->section_count = count;
	for (size_t i = 0; i < count; i++) {
		struct elf_section *section = &f->sections[i];
		Elf_Scn *scn = elf_getscn(f->elf, i);
		const char *name;
		GElf_Shdr shdr;

		section->name = "";
		if (!scn || !gelf_getshdr(scn, &shdr) || i == 0)
			continue;
		name = elf_strptr(f->elf, strings, shdr.sh_name);
		*section = (struct elf_section){
			.name = name ? name : "",
			.address = shdr.sh_addr, .size = shdr.sh_size,
			.flags = shdr.sh_flags, .entry_size = shdr.sh_entsize,
			.type = shdr.sh_type, .link = shdr.sh_link,
			.info = shdr.sh_info, .scn = scn,
		};
		/* no section of ours reaches around the end of the address space */
		if (section->address + section->size < section->address)
			section->size = 0;
	}
	return true;
}

static bool read_phdrs(struct elf_file *f)
{
	const Elf64_Phdr *phdrs = elf64_getphdr(f->elf);
	size_t count;

	if (!phdrs || elf_getphdrnum(f->elf, &count) < 0)
		return true;            /* a debug file may have none */
	f->phdrs = malloc(count * sizeof *phdrs);
	if (!f->phdrs)
		return false;
	memcpy(f->phdrs, phdrs, count * sizeof *phdrs);
	f->phdr_count = count;
	return true;
}

static struct elf_file *open_elf(Elf *elf, int fd, void *image)
{
	struct elf_file *f = calloc(1, sizeof *f);

	if (!f) {
		elf_end(elf);
		if (fd >= 0)
			close(fd);
		free(image);
		return NULL;
	}
	*f = (struct elf_file){ .elf = elf, .fd = fd, .image = image };
	if (!elf || !is_ours(elf) || !read_sections(f) || !read_phdrs(f)) {
		elf_file_close(f);
		return NULL;
	}
	return f;
}

struct elf_file *elf_file_open(int fd)
{
	struct stat st;

	elf_version(EV_CURRENT);
	struct elf_file *f = open_elf(elf_begin(fd, ELF_C_READ, NULL), fd, NULL);
	if (f && fstat(fd, &st) == 0) {
		f->device = st.st_dev;
		f->inode = st.st_ino;
		f->size = (uint64_t)st.st_size;
		f->changed_ns = (uint64_t)st.st_ctim.tv_sec * 1000000000 +
				(uint64_t)st.st_ctim.tv_nsec;
	}
	return f;
}

struct elf_file *elf_file_open_image(void *image, size_t size)
{
	elf_version(EV_CURRENT);
	return open_elf(elf_memory(image, size), -1, image);
}

void elf_file_close(struct elf_file *f)
{
	if (!f)
		return;
	elf_end(f->elf);
	if (f->fd >= 0)
		close(f->fd);
	free(f->image);
	free(f->sections);
	free(f->phdrs);
	free(f);
}

const struct elf_section *elf_file_section(const struct elf_file *f, const char *name)
{
	for (size_t i = 1; i < f->section_count; i++)
		if (strcmp(f->sections[i].name, name) == 0)
			return &f->sections[i];
	return NULL;
}

const struct elf_section *elf_file_section_at(const struct elf_file *f, uint64_t address)
{
	for (size_t i = 1; i < f->section_count; i++) {
		const struct elf_section *s = &f->sections[i];

		/* .tbss has addresses that belong to what follows it */
		if ((s->flags & SHF_ALLOC) && !(s->flags & SHF_TLS) &&
		    address - s->address < s->size)
			return s;
	}
	return NULL;
}

/* libelf does it in place, once; our copy of the header stays as it was. */
static bool decompress(const struct elf_section *section)
{
	GElf_Shdr shdr;

	return gelf_getshdr(section->scn, &shdr) &&
	       (!(shdr.sh_flags & SHF_COMPRESSED) || elf_compress(section->scn, 0, 0) >= 0);
}

bool elf_file_data(const struct elf_section *section, struct bytes *out)
{
	bool is_compressed = section && (section->flags & SHF_COMPRESSED);
	Elf_Data *data;

	*out = (struct bytes){0};
	if (!section || !section->scn || section->type == SHT_NOBITS ||
	    (is_compressed && !decompress(section)))
		return false;
	/* what was decompressed is with elf_getdata alone */
	data = is_compressed ? elf_getdata(section->scn, NULL) :
			       elf_rawdata(section->scn, NULL);
	if (!data || !data->d_buf || !data->d_size)
		return false;
	*out = (struct bytes){ data->d_buf, data->d_size };
	return true;
}

bool elf_file_data_named(const struct elf_file *f, const char *name, struct bytes *out)
{
	return elf_file_data(elf_file_section(f, name), out);
}

const char *bytes_string(struct bytes strings, uint64_t offset)
{
	if (offset >= strings.size ||
	    !memchr(strings.data + offset, 0, strings.size - offset))
		return NULL;
	return (const char *)strings.data + offset;
}

/*   +--------+--------+------+------+-----------+
 *   | namesz | descsz | type | name | desc      |  name and desc padded to 4
 *   +--------+--------+------+------+-----------+  */
static bool note_build_id(struct bytes notes, struct bytes *out)
{
	while (notes.size >= 12) {
		uint32_t head[3];

		memcpy(head, notes.data, sizeof head);
		uint64_t name_size = ((uint64_t)head[0] + 3) & ~3ull;
		uint64_t desc_size = ((uint64_t)head[1] + 3) & ~3ull;
		uint64_t room = notes.size - 12;

		if (name_size > room || head[1] > room - name_size)
			return false;
		if (head[2] == NOTE_BUILD_ID && head[0] == 4 && head[1] > 0 &&
		    memcmp(notes.data + 12, "GNU", 4) == 0) {
			*out = (struct bytes){ notes.data + 12 + name_size, head[1] };
			return true;
		}
		if (desc_size > room - name_size)
			return false;
		notes.data += 12 + name_size + desc_size;
		notes.size -= 12 + name_size + desc_size;
	}
	return false;
}

bool elf_file_build_id(const struct elf_file *f, struct bytes *out)
{
	for (size_t i = 1; i < f->section_count; i++) {
		struct bytes notes;

		if (f->sections[i].type == SHT_NOTE &&
		    elf_file_data(&f->sections[i], &notes) && note_build_id(notes, out))
			return true;
	}
	return false;
}

bool elf_head_check(const void *head, size_t size, const Elf64_Phdr **phdrs, size_t *count)
{
	const Elf64_Ehdr *ehdr = head;

	*phdrs = NULL;
	*count = 0;
	if (size < sizeof *ehdr || memcmp(ehdr->e_ident, ELFMAG, SELFMAG) != 0 ||
	    ehdr->e_ident[EI_CLASS] != ELFCLASS64 || ehdr->e_ident[EI_DATA] != ELFDATA2LSB ||
	    ehdr->e_machine != EM_X86_64)
		return false;
	if (ehdr->e_phentsize == sizeof(Elf64_Phdr) && ehdr->e_phoff % 8 == 0 &&
	    ehdr->e_phoff <= size &&
	    ehdr->e_phnum <= (size - ehdr->e_phoff) / sizeof(Elf64_Phdr)) {
		*phdrs = (const Elf64_Phdr *)((const char *)head + ehdr->e_phoff);
		*count = ehdr->e_phnum;
	}
	return true;
}
