/* maps.h - the memory map of a process, from /proc/PID/maps.
 *
 * A snapshot: the process may change its map at any time unless all its
 * threads are stopped.  Entries are sorted by address and do not overlap.
 *
 *     struct maps maps;
 *     if (maps_read(pid, &maps, &err) == 0) {
 *         const struct map *m = maps_find(&maps, pc);
 *         ...
 *         maps_deinit(&maps);
 *     }
 */
#ifndef TRACER_MAPS_H
#define TRACER_MAPS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

enum map_prot {
	MAP_READ = 1,
	MAP_WRITE = 2,
	MAP_EXEC = 4,
	MAP_IS_SHARED = 8,
};

struct map {
	uint64_t start, end;    /* [start, end) */
	uint64_t offset;        /* in the file, bytes */
	uint64_t inode;         /* 0: no file */
	uint32_t dev_major, dev_minor;
	unsigned prot;          /* enum map_prot, or-ed */
	char *path;             /* "" when anonymous; "[vdso]", "[stack]"; a trailing
	                         * " (deleted)" is kept.  Owned by the snapshot. */
};

struct maps {
	struct map *items;
	size_t count;
};

/* Reads the map of process `pid`.  -ESRCH: no such process; -EACCES: not ours
 * to read; -ENOMEM.  On failure *out is empty and needs no maps_deinit(). */
int maps_read(pid_t pid, struct maps *out, struct err *err) must_check;
void maps_deinit(struct maps *maps);

/* The same in two steps: the text, from malloc, with a zero behind it; and what it says. */
int maps_read_text(pid_t pid, char **out, size_t *size);
int maps_parse(const char *text, struct maps *out);

/* The entry that holds `address`, or NULL. */
const struct map *maps_find(const struct maps *maps, uint64_t address);

/* Asks for that entry alone, which takes no longer where there are many; `path` is NULL.
 * -ENOENT: there is none; -ENOTTY: the kernel (before 6.11) cannot be asked; -ESRCH. */
int maps_query(pid_t pid, uint64_t address, struct map *out);
/* The same for the first entry from `address` on that can be executed. */
int maps_query_code(pid_t pid, uint64_t address, struct map *out);

/* What is mapped in [start, end), with what lies next to it without a gap and may belong to
 * the same file, on either side: as long as it is of that file, or a little that is anonymous.  To be given to
 * maps_deinit().  -E2BIG: it is more than MAPS_NEAR_MAX entries; otherwise as maps_query(), but
 * for nothing there, which is a count of 0. */
#define MAPS_NEAR_MAX 64
int maps_read_near(pid_t pid, uint64_t start, uint64_t end, struct maps *out) must_check;

#endif
