/* elf-file.h - one ELF file (64 bit, x86-64), read with libelf, checked.
 *
 * Whatever comes from here lies inside the file: sections have names, data of
 * the size they say, and no offset needs a second look.  The file is read by
 * pread, section by section, when asked; it is never mapped, because
 * another process may truncate it (SIGBUS).
 */
#ifndef TRACER_SYMBOLS_ELF_FILE_H
#define TRACER_SYMBOLS_ELF_FILE_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
	const uint8_t *data;            /* NULL: none */
	size_t size;
};

struct elf_section {
	const char *name;
	uint64_t address, size, flags, entry_size;
	uint32_t type, link, info;
	Elf_Scn *scn;
};

struct elf_file {
	Elf *elf;
	int fd;                         /* -1: an image in memory */
	uint64_t device, inode, size, changed_ns;       /* when it was opened; 0 of an image */
	void *image;
	struct elf_section *sections;   /* index as in the file; [0] is empty */
	size_t section_count;
	Elf64_Phdr *phdrs;
	size_t phdr_count;
};

/* Takes `fd`, closing it also on failure.  NULL: not such a file, or damaged. */
struct elf_file *elf_file_open(int fd);
/* Takes `image` (from malloc), freeing it also on failure. */
struct elf_file *elf_file_open_image(void *image, size_t size);
void elf_file_close(struct elf_file *f);        /* NULL allowed */

/* The first section of this name, or NULL. */
const struct elf_section *elf_file_section(const struct elf_file *f, const char *name);
/* The section that is loaded at ELF address `address`, or NULL. */
const struct elf_section *elf_file_section_at(const struct elf_file *f, uint64_t address);

/* The section's contents, decompressed; owned by the file.  False: none. */
bool elf_file_data(const struct elf_section *section, struct bytes *out);
bool elf_file_data_named(const struct elf_file *f, const char *name, struct bytes *out);

/* The note's bytes; false: the file has none. */
bool elf_file_build_id(const struct elf_file *f, struct bytes *out);

/* The string at `offset`, terminated inside `strings`; NULL when it is not. */
const char *bytes_string(struct bytes strings, uint64_t offset);

/* ---- program headers, wherever they are --------------------------------- */

/* Whether `head` (the first bytes of a file or mapping) begins an ELF file that we
 * can read.  Sets *phdrs and *count when the program headers lie inside `head`. */
bool elf_head_check(const void *head, size_t size, const Elf64_Phdr **phdrs, size_t *count);

#endif
