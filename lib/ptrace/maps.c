#include "maps.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

/* `fd` is of /proc/PID/maps.  `name` may be NULL. */
static int query_open(int fd, uint64_t address, uint64_t flags, struct map *out, char *name,
		      size_t room)
{
	struct procmap_query query = {
		.size = sizeof query, .query_flags = flags, .query_addr = address,
		.vma_name_addr = (uint64_t)(uintptr_t)name,
		.vma_name_size = name ? (uint32_t)room : 0,
	};
	int r = ioctl(fd, PROCMAP_QUERY_IOCTL, &query) < 0 ? -errno : 0;

	*out = (struct map){
		.start = query.vma_start,
		.end = query.vma_end,
		.offset = query.vma_offset,
		.inode = query.inode,
		.dev_major = query.dev_major,
		.dev_minor = query.dev_minor,
		.prot = (unsigned)query.vma_flags & 15, /* the same bits */
	};
	if (r == 0 && name && !query.vma_name_size)
		*name = 0;
	return r;
}

static int open_maps(pid_t pid)
{
	char name[32];

	snprintf(name, sizeof name, "/proc/%d/maps", pid);
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	return fd >= 0 ? fd : errno == ENOENT ? -ESRCH : -errno;
}

static int query_map(pid_t pid, uint64_t address, uint64_t flags, struct map *out)
{
	int fd = open_maps(pid);

	if (fd < 0)
		return fd;
	int r = query_open(fd, address, flags, out, NULL, 0);
	close(fd);
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

/* ---- a part --------------------------------------------------------------------------- */

struct near {
	int fd;
	struct maps *out;
	uint64_t inode;                 /* of the file around here; 0: not known yet */
	unsigned anonymous;             /* entries one after the other */
	char name[PATH_MAX];
};

#define ANONYMOUS_MAX 4                 /* in a module; stacks may be many */

/* What can be told to be in no module is not near one: a stack, the vdso. */
static bool is_of_module(struct near *near, const struct map *map)
{
	if (map->inode) {
		near->anonymous = 0;
		return !near->inode || near->inode == map->inode;
	}
	return (!near->name[0] || !strncmp(near->name, "[anon:", 6)) &&
	       near->anonymous++ < ANONYMOUS_MAX;
}

static int near_query(struct near *near, uint64_t address, uint64_t flags, struct map *map)
{
	int r = query_open(near->fd, address, flags, map, near->name, sizeof near->name);

	/* /proc/PID/maps writes it in another way */
	return r == 0 && strchr(near->name, '\n') ? -E2BIG : r;
}

static int near_append(struct near *near, const struct map *map)
{
	struct maps *maps = near->out;

	if (maps->count == MAPS_NEAR_MAX)
		return -E2BIG;
	struct map *item = &maps->items[maps->count];
	*item = *map;
	item->path = strdup(near->name);
	if (!item->path)
		return -ENOMEM;
	maps->count++;
	if (map->inode)
		near->inode = map->inode;
	return 0;
}

/* From the first entry at `start` or behind it: where what belongs to it begins. */
static int near_begin(struct near *near, uint64_t start, uint64_t *out)
{
	struct map map;
	int r = near_query(near, start, QUERY_COVERING_OR_NEXT, &map);

	*out = start;
	for (unsigned i = 0; r == 0 && is_of_module(near, &map); i++) {
		if (i == MAPS_NEAR_MAX)
			return -E2BIG;
		*out = map.start < *out ? map.start : *out;
		if (map.inode)
			near->inode = map.inode;
		if (map.start == 0 || map.start > start)
			break;
		r = near_query(near, map.start - 1, 0, &map);
	}
	near->inode = 0;
	near->anonymous = 0;
	return r == -ENOENT ? 0 : r;
}

static int near_read(struct near *near, uint64_t start, uint64_t end)
{
	struct map map;
	uint64_t reached = start;
	int r = near_begin(near, start, &start);

	while (r == 0) {
		r = near_query(near, start, QUERY_COVERING_OR_NEXT, &map);
		if (r < 0 ||
		    (map.start >= end && (map.start != reached || !is_of_module(near, &map))))
			break;
		r = near_append(near, &map);
		start = reached = map.end;
	}
	return r == -ENOENT ? 0 : r;
}

int maps_read_near(pid_t pid, uint64_t start, uint64_t end, struct maps *out)
{
	struct near near = { .fd = open_maps(pid), .out = out };

	*out = (struct maps){ malloc(MAPS_NEAR_MAX * sizeof *out->items), 0 };
	if (near.fd < 0 || !out->items) {
		free(out->items);
		out->items = NULL;
		if (near.fd < 0)
			return near.fd;
		close(near.fd);
		return -ENOMEM;
	}
	int r = near_read(&near, start, end);
	close(near.fd);
	if (r < 0)
		maps_deinit(out);
	return r;
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
