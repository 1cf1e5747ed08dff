#include "maps.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int parse_line(char *line, struct map *m)
{
	char perms[5];
	int path_at = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n",
		   &m->start, &m->end, perms, &m->offset, &m->dev_major,
		   &m->dev_minor, &m->inode, &path_at) != 7)
		return -EINVAL;
	m->prot = (perms[0] == 'r' ? MAP_READ : 0) | (perms[1] == 'w' ? MAP_WRITE : 0) |
		  (perms[2] == 'x' ? MAP_EXEC : 0) | (perms[3] == 's' ? MAP_IS_SHARED : 0);
	line[strcspn(line, "\n")] = 0;
	m->path = strdup(path_at ? line + path_at : "");
	return m->path ? 0 : -ENOMEM;
}

static int append(struct maps *maps, size_t *room, char *line)
{
	if (maps->count == *room) {
		size_t want = *room ? *room * 2 : 64;
		struct map *grown = realloc(maps->items, want * sizeof *grown);

		if (!grown)
			return -ENOMEM;
		maps->items = grown;
		*room = want;
	}
	int r = parse_line(line, &maps->items[maps->count]);
	if (r == 0)
		maps->count++;
	return r == -EINVAL ? 0 : r;
}

int maps_read(pid_t pid, struct maps *out, struct err *err)
{
	char name[32], *line = NULL;
	size_t line_room = 0, room = 0;
	int r = 0;

	memset(out, 0, sizeof *out);
	snprintf(name, sizeof name, "/proc/%d/maps", pid);
	FILE *f = fopen(name, "re");
	if (!f) {
		int code = errno == ENOENT ? ESRCH : errno;
		return err_set(err, code, "%s: %s", name, strerror(code));
	}
	while (r == 0 && getline(&line, &line_room, f) > 0)
		r = append(out, &room, line);
	free(line);
	fclose(f);
	if (r < 0) {
		maps_deinit(out);
		return err_set(err, -r, "%s: %s", name, strerror(-r));
	}
	return 0;
}

void maps_deinit(struct maps *maps)
{
	for (size_t i = 0; i < maps->count; i++)
		free(maps->items[i].path);
	free(maps->items);
	memset(maps, 0, sizeof *maps);
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
