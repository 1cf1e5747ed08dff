/* The file behind a module: found also when it was deleted, replaced, or lies in
 * another mount namespace. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "symbols-internal.h"

#define VDSO_MAX (1024 * 1024)
#define HEAD_BYTES 4096

bool symbols_read_memory(const struct symbols *s, uint64_t address, void *buf, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = s->memory.read(s->memory.context, address + done,
					   (char *)buf + done, len - done);

		if (n <= 0 || (size_t)n > len - done)
			return false;
		done += n;
	}
	return true;
}

/* Whether the file begins as the mapping does.  Program headers and build-id
 * stand there, so two builds of one program differ. */
static bool begins_like_mapping(const struct symbols *s, const struct module *m, int fd)
{
	uint8_t file[HEAD_BYTES], memory[HEAD_BYTES];
	const Elf64_Phdr *phdrs;
	size_t count, end = 0;
	ssize_t n = pread(fd, file, sizeof file, 0);

	if (n <= 0 || m->offset != 0 || !elf_head_check(file, n, &phdrs, &count) || !phdrs)
		return false;
	end = (const uint8_t *)(phdrs + count) - file;
	for (size_t i = 0; i < count; i++)
		if (phdrs[i].p_type == PT_NOTE && phdrs[i].p_offset < (size_t)n &&
		    phdrs[i].p_filesz < n - phdrs[i].p_offset &&
		    phdrs[i].p_offset + phdrs[i].p_filesz > end)
			end = phdrs[i].p_offset + phdrs[i].p_filesz;
	return symbols_read_memory(s, m->public.start, memory, end) &&
	       memcmp(file, memory, end) == 0;
}

/* The inode decides where it can; some file systems (btrfs, overlays) show one
 * device in maps and another in stat, so the device is not asked for. */
static bool is_the_file(const struct symbols *s, const struct module *m, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	return st.st_ino == m->inode || begins_like_mapping(s, m, fd);
}

static int open_checked(const struct symbols *s, const struct module *m, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd >= 0 && !is_the_file(s, m, fd)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int open_module(const struct symbols *s, const struct module *m)
{
	char path[PATH_MAX + 64];
	int fd;

	/* the very file, whatever happened to its name; needs privileges */
	snprintf(path, sizeof path, "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, s->pid,
		 m->public.start, m->first_end);
	fd = open_checked(s, m, path);
	if (fd < 0) {
		snprintf(path, sizeof path, "/proc/%d/exe", s->pid);
		fd = m->public.is_main ? open_checked(s, m, path) : -1;
	}
	if (fd < 0) {
		snprintf(path, sizeof path, "/proc/%d/root%s", s->pid, m->public.path);
		fd = open_checked(s, m, path);
	}
	if (fd < 0)
		fd = open_checked(s, m, m->public.path);
	return fd;
}

static struct elf_file *read_vdso(const struct symbols *s, const struct module *m)
{
	uint64_t size = m->public.end - m->public.start;
	void *image = size <= VDSO_MAX ? malloc(size) : NULL;

	if (!image)
		return NULL;
	if (!symbols_read_memory(s, m->public.start, image, size)) {
		free(image);
		return NULL;
	}
	return elf_file_open_image(image, size);
}

struct image *module_image(struct symbols *s, struct module *m)
{
	struct elf_file *file;
	char root[32];

	if (m->has_image || m->public.is_retired)
		return m->image;
	m->has_image = true;
	if (m->public.is_vdso) {
		file = read_vdso(s, m);
	} else {
		int fd = open_module(s, m);

		file = fd < 0 ? NULL : elf_file_open(fd);
	}
	snprintf(root, sizeof root, "/proc/%d/root", s->pid);
	if (file)
		m->image = image_create(file, root, m->public.path);
	return m->image;
}

void module_close(struct module *m)
{
	image_destroy(m->image);
	free(m->functions);
	free(m->objects);
	free(m->stubs);
	free(m->fdes);
	free(m->indirects);
	m->indirects = NULL;
	m->indirect_count = 0;
	m->indirect_generation = 0;
	m->image = NULL;
	m->functions = m->objects = m->stubs = m->fdes = NULL;
}
