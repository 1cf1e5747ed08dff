/* target-internal.h - how a target's arena is divided; for the target-*.c files alone.
 *
 *     data_base: control | system calls | tables of branches | ways | trust | log of stores |
 *     heat | seen blocks		... areas_base: a thread's area, another, ...
 */
#ifndef TRACER_TARGET_INTERNAL_H
#define TRACER_TARGET_INTERNAL_H

#include "store_log.h"
#include "target.h"

#define SYS_TABLE_BYTES 65536
#define CONTROL_BYTES 65536
#define LOOKUP_BYTES ((TRANSLATE_LOOKUP_BYTES + 65535) & ~65535ul)
#define WAYS_AT (CONTROL_BYTES + SYS_TABLE_BYTES + LOOKUP_KINDS * LOOKUP_BYTES)
#define TRUST_AT (WAYS_AT + TRANSLATE_WAYS_BYTES)
#define LOG_AT (TRUST_AT + TRANSLATE_TRUST_BYTES)
#define LOG_BYTES ((sizeof(struct store_log) + 65535) & ~65535ul)
#define HEAT_AT (LOG_AT + LOG_BYTES)
#define SEEN_AT (HEAT_AT + TRANSLATE_HEAT_BYTES)
#define SHARED_BYTES (SEEN_AT + TRANSLATE_SEEN_BYTES)
#define RINGS_BYTES(t) (THREAD_AREA_HEAD_BYTES + (size_t)(t)->ring_chunks * RING_CHUNK_BYTES)
/* The ring runs a little over its end, into the next area or what lies before the counters. */
#define COUNTERS_AT(t) (RINGS_BYTES(t) + THREAD_BLOCK_OFFSET)
#define COUNTERS_BYTES(t) ((t)->counters ? (size_t)(t)->counters * 8 + RING_CHUNK_BYTES : 0)
#define AREA_BYTES(t) (RINGS_BYTES(t) + COUNTERS_BYTES(t))
#define AREAS_BYTES_MAX (3ul << 29)     /* or the arena would not be near the program */

/* ---- target-areas.c ----------------------------------------------------------------------- */

struct thread_block *target_area_block(const struct target *target, unsigned area);

/* ---- target-map.c ------------------------------------------------------------------------- */

/* Reads the map of the address space.  A first thread that has ended while others live
 * on has none any more: then it is read, from now on, through another one. */
int target_map_read(struct target *target);

/* The executable mapping that holds `address`, or NULL.  A miss in the snapshot is looked up
 * once more in a fresh one: the kernel grows stacks unasked. */
const struct map *target_map_code(struct target *target, uint64_t address);

#endif
