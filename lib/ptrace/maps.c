#include "maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* A number, and the character behind it. */
static bool number(char **at, int base, char behind, uint64_t *out)
{
	char *end;

	*out = strtoull(*at, &end, base);
	if (end == *at || *end != behind)
		return false;
	*at = end + 1;
	return true;
}

/* "START-END rwxp OFFSET MAJOR:MINOR INODE    PATH", up to `end`: sscanf() would be most of
 * the work. */
static int parse_line(const char *line, const char *end, struct map *m)
{
	uint64_t major, minor;
	char *at = (char *)line;

	if (!number(&at, 16, '-', &m->start) || !number(&at, 16, ' ', &m->end) || end - at < 5 ||
	    at[4] != ' ')
		return -EINVAL;
	m->prot = (at[0] == 'r' ? MAP_READ : 0) | (at[1] == 'w' ? MAP_WRITE : 0) |
		  (at[2] == 'x' ? MAP_EXEC : 0) | (at[3] == 's' ? MAP_IS_SHARED : 0);
	at += 5;
	if (!number(&at, 16, ' ', &m->offset) || !number(&at, 16, ':', &major) ||
	    !number(&at, 16, ' ', &minor))
		return -EINVAL;
	m->dev_major = (uint32_t)major;
	m->dev_minor = (uint32_t)minor;
	m->inode = strtoull(at, &at, 10);
	while (at < end && *at == ' ')
		at++;
	m->path = strndup(at, (size_t)(end - at));
	return m->path ? 0 : -ENOMEM;
}

static int append(struct maps *maps, size_t *room, const char *line, const char *end)
{
	if (maps->count == *room) {
		size_t want = *room ? *room * 2 : 64;
		struct map *grown = realloc(maps->items, want * sizeof *grown);

		if (!grown)
			return -ENOMEM;
		maps->items = grown;
		*room = want;
	}
	int r = parse_line(line, end, &maps->items[maps->count]);
	if (r == 0)
		maps->count++;
	return r == -EINVAL ? 0 : r;
}

int maps_parse(const char *text, struct maps *out)
{
	size_t room = 0;
	const char *end;
	int r = 0;

	memset(out, 0, sizeof *out);
	for (; r == 0 && *text; text = end + (*end == '\n')) {
		end = strchrnul(text, '\n');
		r = append(out, &room, text, end);
	}
	if (r < 0)
		maps_deinit(out);
	return r;
}

/* What `fd` has to say, with a zero behind it, from malloc. */
static char *read_all(int fd, size_t *size)
{
	char *text = NULL;
	size_t room = 0;
	ssize_t n = 0;

	*size = 0;
	do {
		*size += (size_t)n;
		if (room - *size < 4096) {
			char *grown = realloc(text, room = room * 2 + 32768);

			if (!grown) {
				free(text);
				errno = ENOMEM;
				return NULL;
			}
			text = grown;
		}
		n = read(fd, text + *size, room - *size - 1);
	} while (n > 0);
	text[*size] = 0;
	if (n == 0)
		return text;
	int code = errno;
	free(text);
	errno = code;
	return NULL;
}

int maps_read_text(pid_t pid, char **out, size_t *size)
{
	char name[32];

	snprintf(name, sizeof name, "/proc/%d/maps", pid);
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	*out = NULL;
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	*out = read_all(fd, size);
	int r = *out ? 0 : -errno;
	close(fd);
	return r;
}

int maps_read(pid_t pid, struct maps *out, struct err *err)
{
	char *text;
	size_t size;
	int r = maps_read_text(pid, &text, &size);

	memset(out, 0, sizeof *out);
	if (r == 0)
		r = maps_parse(text, out);
	free(text);
	return r < 0 ? err_set(err, -r, "/proc/%d/maps: %s", pid, strerror(-r)) : 0;
}

void maps_deinit(struct maps *maps)
{
	for (size_t i = 0; i < maps->count; i++)
		free(maps->items[i].path);
	free(maps->items);
	memset(maps, 0, sizeof *maps);
}

/* ---- one entry ------------------------------------------------------------------------ */

/* As linux/fs.h has them since 6.11. */
struct procmap_query {
	uint64_t size, query_flags, query_addr;
	uint64_t vma_start, vma_end, vma_flags, vma_page_size, vma_offset, inode;
	uint32_t dev_major, dev_minor, vma_name_size, build_id_size;
	uint64_t vma_name_addr, build_id_addr;
};
#define PROCMAP_QUERY_IOCTL _IOWR('f', 17, struct procmap_query)

#define QUERY_EXECUTABLE 4
#define QUERY_COVERING_OR_NEXT 16

static int query_map(pid_t pid, uint64_t address, uint64_t flags, struct map *out)
{
	struct procmap_query query = {
		.size = sizeof query, .query_flags = flags, .query_addr = address,
	};
	char name[32];

	snprintf(name, sizeof name, "/proc/%d/maps", pid);
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	int r = ioctl(fd, PROCMAP_QUERY_IOCTL, &query) < 0 ? -errno : 0;
	close(fd);
	*out = (struct map){
		.start = query.vma_start,
		.end = query.vma_end,
		.offset = query.vma_offset,
		.inode = query.inode,
		.dev_major = query.dev_major,
		.dev_minor = query.dev_minor,
		.prot = (unsigned)query.vma_flags & 15, /* the same bits */
	};
	return r;
}

int maps_query(pid_t pid, uint64_t address, struct map *out)
{
	return query_map(pid, address, 0, out);
}

int maps_query_code(pid_t pid, uint64_t address, struct map *out)
{
	return query_map(pid, address, QUERY_EXECUTABLE | QUERY_COVERING_OR_NEXT, out);
}

const struct map *maps_find(const struct maps *maps, uint64_t address)
{
	size_t low = 0, high = maps->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (maps->items[mid].end <= address)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < maps->count && maps->items[low].start <= address)
		return &maps->items[low];
	return NULL;
}
