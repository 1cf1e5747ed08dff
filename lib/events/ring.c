#include "ring.h"

#include <errno.h>
#include <string.h>

void ring_init(struct ring *ring)
{
	ring->count = 0;
	ring->at = RING_ZONE;
	ring->is_damaged = false;
}

static uint64_t load(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static int damaged(struct ring *ring)
{
	__atomic_store_n(&ring->is_damaged, true, __ATOMIC_RELEASE);
	return -EIO;
}

/* --lossy: is the writer about to go back to the start of its chunk?  Our `consumed`
 * is seen before we look; it says that it drops before it looks at `consumed` for the
 * last time.  So either it sees that there is room, or we see that it drops. */
static bool is_dropping(const struct ring *ring)
{
	if (!ring->dropping)
		return false;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(ring->dropping, __ATOMIC_ACQUIRE);
}

/* How far the current chunk is written, as an offset in it; *whole: it is
 * finished.  -EAGAIN: the writer is just moving on; -EIO. */
static int written_end(struct ring *ring, uint32_t *end, bool *whole)
{
	uint32_t index = (uint32_t)(ring->count % ring->chunks);
	uint64_t chunk_start = ring->start + (uint64_t)index * RING_CHUNK;
	uint64_t produced = load(ring->produced);

	if (produced - ring->count > ring->chunks)
		return damaged(ring);
	if (produced == ring->count && is_dropping(ring))
		return -EAGAIN;
	/* The cursor in any case: it publishes what the tracer has put in itself. */
	uint64_t address = load(ring->cursor);

	*whole = produced != ring->count;
	if (*whole)
		address = load(&ring->chunk_end[index]);
	if (address < chunk_start + ring->at || address >= chunk_start + RING_CHUNK + RING_ZONE ||
	    address % 4) {
		/* The cursor moves to the next chunk before that is counted. */
		if (!*whole && address >= ring->start &&
		    address <= ring->start + (uint64_t)ring->chunks * RING_CHUNK + RING_ZONE)
			return -EAGAIN;
		return damaged(ring);
	}
	*end = (uint32_t)(address - chunk_start);
	return 0;
}

/* As ring_read(), of the current chunk; *next: it was the rest of it. */
static ssize_t read_chunk(struct ring *ring, uint32_t *out, size_t max, bool *next)
{
	uint32_t end;
	bool whole;
	int r = written_end(ring, &end, &whole);

	*next = false;
	if (r < 0)
		return r == -EAGAIN ? 0 : r;
	size_t words = (end - ring->at) / 4;
	bool all = words <= max;

	if (!all)
		words = max;
	memcpy(out, ring->data + (ring->count % ring->chunks) * RING_CHUNK + ring->at, words * 4);
	ring->at += (uint32_t)(words * 4);
	if (whole && all) {
		ring->at = RING_ZONE;
		__atomic_store_n(&ring->count, ring->count + 1, __ATOMIC_RELEASE);
		__atomic_store_n(ring->consumed, ring->count, __ATOMIC_RELEASE);
		*next = true;
	}
	return (ssize_t)words;
}

ssize_t ring_read(struct ring *ring, uint32_t *out, size_t max)
{
	bool next = true;
	ssize_t n = 0;

	if (ring->is_damaged)
		return -EIO;
	/* Chunks that end where they begin, one after the other, are no reason to stay. */
	for (uint32_t i = 0; next && n == 0 && i <= ring->chunks; i++)
		n = read_chunk(ring, out, max, &next);
	return n;
}

unsigned ring_whole(const struct ring *ring)
{
	uint64_t chunks = load(ring->produced) - ring->count;

	return chunks > ring->chunks ? 0 : (unsigned)chunks;
}

size_t ring_fill(const struct ring *ring)
{
	return (size_t)ring_whole(ring) * RING_CHUNK;
}
