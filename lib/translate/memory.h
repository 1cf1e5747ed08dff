/* memory.h - memory for a translator: millions of small things that go all at once.
 *
 * A page that nobody has used costs more than what is put there, most of all in a virtual
 * machine: what is large consists of huge pages, where the kernel has them, and is not
 * touched before it is used; what is small is had at once.
 */
#ifndef TRACER_MEMORY_H
#define TRACER_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed pages; NULL: out of memory.  Freed by memory_unmap() with the same size. */
void *memory_map(size_t bytes);
void memory_unmap(void *memory, size_t bytes);

/* Of shared memory that is filled from its start on: the pages from `at` on are had, a good
 * many at once instead of by a fault each, but none at `end` or behind it.  Returns where those
 * end that are had.  source: madvise(2), MADV_POPULATE_WRITE, since Linux 5.14; before it pages come
 * as they are touched */
size_t memory_have(uint8_t *start, size_t at, size_t end);

/* ---- a region: nothing is freed by itself ------------------------------------------- */

struct region {
	struct piece *pieces;      /* the latest first */
	uint8_t *at, *end;              /* of its room */
};

/* `bytes` of it at an address that is a multiple of 8, zeroed unless the region has been
 * cleared; NULL: out of memory. */
void *region_take(struct region *region, size_t bytes);
/* All that was taken is free again. */
void region_clear(struct region *region);
void region_deinit(struct region *region);

/* ---- a growing array whose elements never move -------------------------------------- */

#define CHUNK_BITS 12           /* elements of a chunk */
#define CHUNKS_MAX 65536

struct chunked {
	void **chunks;
	struct region *region;      /* where they come from */
	size_t element_bytes;
	uint32_t count;
};

/* False: out of memory. */
bool chunked_init(struct chunked *c, struct region *region, size_t element_bytes);
void chunked_deinit(struct chunked *c);
void *chunked_more(struct chunked *c, uint32_t slot);   /* for chunked_place() */
void *chunked_add(struct chunked *c);   /* zeroed; NULL: out of memory */
void chunked_clear(struct chunked *c);

/* NULL: there are not so many.  May be called while another thread adds. */
static inline void *chunked_at(const struct chunked *c, uint32_t index)
{
	if (index >= __atomic_load_n(&c->count, __ATOMIC_ACQUIRE))
		return NULL;
	return (char *)c->chunks[index >> CHUNK_BITS] +
	       (index & ((1u << CHUNK_BITS) - 1)) * c->element_bytes;
}

/* The place of element `index`, one of them or the one behind the last, which is not
 * counted by that; NULL: out of memory. */
static inline void *chunked_place(struct chunked *c, uint32_t index)
{
	void *chunk = index >> CHUNK_BITS < CHUNKS_MAX ? c->chunks[index >> CHUNK_BITS] : NULL;

	if (!chunk && !(chunk = chunked_more(c, index >> CHUNK_BITS)))
		return NULL;
	return (char *)chunk + (index & ((1u << CHUNK_BITS) - 1)) * c->element_bytes;
}

#endif
