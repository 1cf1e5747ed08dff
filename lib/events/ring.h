/* ring.h - reading the ring into which one thread writes its events.
 *
 * The ring is `chunks` pieces of RING_CHUNK bytes; the writer fills one after
 * the other and counts those that it has finished, the reader counts those that
 * it has read, and the writer waits (or drops) when all are in use.  See
 * thread_block.h for the writer's half and events.c for how it finds the end.
 *
 * All of it lies in memory that the target can write, so the reader believes
 * nothing: every number is checked, words are copied before they are looked at,
 * and a ring that makes no sense is reported as damaged and not read any more.
 *
 * Order: the writer stores words, then the cursor; chunk_end, then `produced`.
 * x86 keeps that order; the loads here are acquiring, so a word is never read
 * before the store that made it visible.
 */
#ifndef TRACER_RING_H
#define TRACER_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define RING_CHUNK 65536u
#define RING_ZONE 256u          /* unused at a chunk's start; may overflow into the next */
#define RING_CHUNK_WORDS (RING_CHUNK / 4)

struct ring {
	const uint8_t *data;            /* our view of the ring */
	uint64_t start;                 /* its address in the target */
	uint32_t chunks;
	const uint64_t *cursor, *produced, *chunk_end;
	const uint32_t *dropping;       /* the writer takes back its chunk; NULL: it never does */
	uint64_t *consumed;
	/* the reader's own; count and is_damaged may be loaded by others */
	uint64_t count;                 /* chunks read */
	uint32_t at;                    /* bytes of the current one read, zone included */
	bool is_damaged;
};

void ring_init(struct ring *ring);

/* Copies up to `max` words to `out`.  Returns their number, 0 when there is
 * nothing new, -EIO when the ring is damaged.  An event may be cut at the end
 * of what is returned; the rest follows. */
ssize_t ring_read(struct ring *ring, uint32_t *out, size_t max);

/* Chunks that the writer has finished, and that have not been read to their end.  Looks at
 * nothing that the writer writes more often. */
unsigned ring_whole(const struct ring *ring);

/* Unread bytes, for a gauge. */
size_t ring_fill(const struct ring *ring);

#endif
