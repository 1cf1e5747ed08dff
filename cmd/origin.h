/* origin.h - where events come from: what is known of a process besides them.
 *
 * An event refers to a site, a site to a block, and both to addresses that have names.  A
 * live process knows them through its translator and its symbols (struct target holds its
 * origin), a recorded one through what stands in the file (replay-origin.h).  Output is
 * made of the one as of the other.  For the output thread.
 */
#ifndef TRACER_ORIGIN_H
#define TRACER_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "event.h"
#include "translate.h"

struct origin;

/* What is at an address.  Texts stay valid as long as the origin. */
struct origin_name {
	const char *function, *mangled;         /* NULL: no function is known there */
	uint64_t start;                         /* of the function */
	const char *module;                     /* NULL: none */
	uint64_t base;                          /* the module's load bias */
	const void *identity;                   /* the module's: another one is another */
	bool is_plt;                            /* a stub of the procedure linkage table */
	bool is_start;                          /* a function starts at this address */
};

struct origin_line {
	const char *file;
	unsigned line;
};

struct origin_module {
	const char *name, *path;
	const void *identity;
	uint64_t base, start, end;
	bool is_added;                          /* else it is gone */
};

struct origin_ops {
	/* NULL: there is none. */
	const struct site *(*site)(const struct origin *origin, uint32_t index);
	const struct block *(*block)(const struct origin *origin, uint32_t index);
	void (*name)(struct origin *origin, uint64_t address, struct origin_name *out);
	/* False: none is known. */
	bool (*line)(struct origin *origin, uint64_t address, struct origin_line *out);
	/* The line is going to be asked for, `offset` behind the load bias of the module that lines_of()
	 * has given a number; it is -1 where there are none.  lines_wait() waits a little for all that
	 * was asked when *asked was 0; false: it is known.  line_known(): false: nobody has looked there; line 0: there is none.
	 * NULL, all four: nothing is looked up ahead. */
	int (*lines_of)(struct origin *origin, uint64_t address, const void *identity);
	void (*line_soon)(struct origin *origin, int lines, uint64_t offset);
	bool (*lines_wait)(struct origin *origin, uint64_t *asked);
	bool (*line_known)(struct origin *origin, int lines, uint64_t offset, struct origin_line *out);
	/* Modules that have come and gone, from the first; false: nothing new. */
	bool (*module_next)(struct origin *origin, size_t *cursor, struct origin_module *out);
	/* Counts the changes of what is mapped. */
	unsigned (*map_changes)(const struct origin *origin);
	/* Those of them that took code away: names may be those of something else by now. */
	unsigned (*code_gone)(const struct origin *origin);
	/* --coverage: indexes of blocks that have run for the first time, at most `room`;
	 * -EAGAIN: it cannot be said just now. */
	ssize_t (*covered)(struct origin *origin, size_t *cursor, uint32_t *out, size_t room);
	/* As translator_superblock(); -EAGAIN: not just now.  NULL: nothing is translated. */
	int (*superblock)(struct origin *origin, const uint64_t *pcs, unsigned count, bool counts);
	/* As translator_count_paths(); false: not just now. */
	bool (*count_paths)(struct origin *origin);
};

struct origin {
	const struct origin_ops *ops;
	pid_t pid;
};

extern const struct origin_ops origin_live;     /* of a struct target */

static inline const struct site *origin_site(const struct origin *origin, uint32_t index)
{
	return origin->ops->site(origin, index);
}

static inline const struct block *origin_block(const struct origin *origin, uint32_t index)
{
	return origin->ops->block(origin, index);
}

static inline void origin_name(struct origin *origin, uint64_t address, struct origin_name *out)
{
	origin->ops->name(origin, address, out);
}

static inline bool origin_line(struct origin *origin, uint64_t address, struct origin_line *out)
{
	return origin->ops->line(origin, address, out);
}

static inline int origin_lines_of(struct origin *origin, uint64_t address, const void *identity)
{
	return origin->ops->lines_of ? origin->ops->lines_of(origin, address, identity) : -1;
}

static inline void origin_line_soon(struct origin *origin, int lines, uint64_t offset)
{
	origin->ops->line_soon(origin, lines, offset);
}

static inline bool origin_lines_wait(struct origin *origin, uint64_t *asked)
{
	return origin->ops->lines_wait && origin->ops->lines_wait(origin, asked);
}

static inline bool origin_line_known(struct origin *origin, int lines, uint64_t offset,
				     struct origin_line *out)
{
	return origin->ops->line_known(origin, lines, offset, out);
}

static inline bool origin_module_next(struct origin *origin, size_t *cursor,
				      struct origin_module *out)
{
	return origin->ops->module_next(origin, cursor, out);
}

static inline unsigned origin_map_changes(const struct origin *origin)
{
	return origin->ops->map_changes(origin);
}

static inline unsigned origin_code_gone(const struct origin *origin)
{
	return origin->ops->code_gone(origin);
}

static inline ssize_t origin_covered(struct origin *origin, size_t *cursor, uint32_t *out,
				     size_t room)
{
	return origin->ops->covered(origin, cursor, out, room);
}

static inline int origin_superblock(struct origin *origin, const uint64_t *pcs, unsigned count, bool counts)
{
	return origin->ops->superblock(origin, pcs, count, counts);
}

static inline bool origin_count_paths(struct origin *origin)
{
	return origin->ops->count_paths(origin);
}

#endif
