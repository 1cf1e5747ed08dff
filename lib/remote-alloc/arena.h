/* arena.h - memory that the tracer and the target share.
 *
 *      base                          base + code_bytes           base + total_bytes
 *       |  code                       |  data                      |
 *       |  target: read + execute     |  target: read + write      |
 *       |  tracer: read + write       |  tracer: read + write      |
 *
 * with an inaccessible guard of ARENA_GUARD_BYTES on both sides.  No page is
 * writable and executable in one process.  One file backs all of it: a memfd
 * that the target made and closed, or, where the target may make none, a shared
 * anonymous mapping that the tracer opens through /proc/PID/map_files.  Pages
 * cost memory only once touched.  A fork's child does not inherit it.
 *
 * `at` is a target address; arena_local() gives the tracer's view of it, and
 * NULL for an address outside, so a number read from the arena can be checked.
 */
#ifndef TRACER_ARENA_H
#define TRACER_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "remote.h"

#define ARENA_GUARD_BYTES 65536

struct arena {
	uint64_t base;                  /* target address */
	size_t code_bytes, data_bytes;
	uint8_t *local;                 /* the tracer's mapping of all of it */
	bool is_near;                   /* within 2 GiB of what was asked for */
};

struct arena_request {
	size_t code_bytes;              /* multiples of 64 KiB */
	size_t data_bytes, data_min_bytes;      /* less than data_bytes is tried down to the minimum */
	uint64_t near_start, near_end;  /* code that wants to be within 2 GiB; 0: none */
	bool force_far;                 /* for tests: never near */
};

/* Maps an arena in the target.  Falls back by itself: near, then anywhere;
 * memfd, then shared anonymous memory; smaller when the address space is
 * limited.  On failure nothing is left behind in the target. */
int arena_create(struct arena *arena, const struct remote_ops *ops,
		 const struct arena_request *request, struct err *err) must_check;

/* Unmaps it in the target; to be called before arena_deinit() unless the target
 * is gone or has replaced its image. */
int arena_unmap(struct arena *arena, const struct remote_ops *ops) must_check;

/* Ends the tracer's own mapping. */
void arena_deinit(struct arena *arena);

static inline uint64_t arena_end(const struct arena *arena)
{
	return arena->base + arena->code_bytes + arena->data_bytes;
}

static inline bool arena_holds(const struct arena *arena, uint64_t at)
{
	return at >= arena->base && at < arena_end(arena);
}

static inline void *arena_local(const struct arena *arena, uint64_t at)
{
	return arena_holds(arena, at) ? arena->local + (at - arena->base) : NULL;
}

#endif
