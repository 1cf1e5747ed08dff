/* Separate debug files, where gdb and Debian put them:
 *
 *     /usr/lib/debug/.build-id/ab/cdef....debug       by the build-id note
 *     DIR/NAME  DIR/.debug/NAME  /usr/lib/debug/DIR/NAME      by .gnu_debuglink
 *
 * each below the process's root first (a container has its own), then below ours. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "image.h"

#define DEBUG_DIRECTORY "/usr/lib/debug"
#define BUILD_ID_MAX 64

static struct elf_file *open_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		fd = -1;
	}
	return fd < 0 ? NULL : elf_file_open(fd);
}

static bool same_build_id(const struct elf_file *file, struct bytes id)
{
	struct bytes other;

	return elf_file_build_id(file, &other) && other.size == id.size &&
	       memcmp(other.data, id.data, id.size) == 0;
}

static struct elf_file *find_by_build_id(struct bytes id, const char *root)
{
	char hex[2 * BUILD_ID_MAX + 1], path[PATH_MAX];

	if (id.size < 2 || id.size > BUILD_ID_MAX)
		return NULL;
	for (size_t i = 0; i < id.size; i++)
		snprintf(hex + 2 * i, 3, "%02x", id.data[i]);
	snprintf(path, sizeof path, "%s" DEBUG_DIRECTORY "/.build-id/%.2s/%s.debug", root, hex,
		 hex + 2);

	struct elf_file *found = open_path(path);
	if (found && same_build_id(found, id))
		return found;
	elf_file_close(found);
	return NULL;
}

static bool has_crc(int fd, uint32_t want)
{
	unsigned char buf[64 * 1024];
	uLong crc = crc32(0, NULL, 0);
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, buf, sizeof buf, at)) > 0) {
		crc = crc32(crc, buf, n);
		at += n;
	}
	return n == 0 && crc == want;
}

/* Whether `found` is `file`'s: by build-id where both have one, since the
 * checksum means reading all of it. */
static bool belongs(const struct elf_file *found, const struct elf_file *file, uint32_t crc)
{
	struct bytes id, other;

	if (elf_file_build_id(file, &id) && elf_file_build_id(found, &other))
		return same_build_id(found, id);
	return has_crc(found->fd, crc);
}

static struct elf_file *find_by_link(const struct elf_file *file, struct bytes link,
				     const char *root, const char *module)
{
	static const char *const forms[] = {
		"%s%.*s/%s", "%s%.*s/.debug/%s", "%s" DEBUG_DIRECTORY "%.*s/%s",
	};
	const char *name = bytes_string(link, 0), *slash = strrchr(module, '/');
	size_t crc_at = name ? (strlen(name) + 4) & ~(size_t)3 : 0;
	char path[PATH_MAX];
	uint32_t crc;

	if (!name || !slash || strchr(name, '/') || crc_at + 4 > link.size)
		return NULL;
	memcpy(&crc, link.data + crc_at, sizeof crc);
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		snprintf(path, sizeof path, forms[i], root, (int)(slash - module), module, name);
		struct elf_file *found = open_path(path);

		if (found && belongs(found, file, crc))
			return found;
		elf_file_close(found);
	}
	return NULL;
}

struct elf_file *debug_file_find(const struct elf_file *file, const char *root,
				 const char *path)
{
	struct bytes id, link;
	struct elf_file *found = NULL;
	const char *const roots[] = { root, "" };

	for (size_t i = 0; !found && i < 2; i++)
		if (elf_file_build_id(file, &id))
			found = find_by_build_id(id, roots[i]);
	for (size_t i = 0; !found && i < 2; i++)
		if (elf_file_data_named(file, ".gnu_debuglink", &link))
			found = find_by_link(file, link, roots[i], path);
	return found;
}
