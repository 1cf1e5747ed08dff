#include "memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE (2ul << 20)
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#define PAGE 4096ul
#define AHEAD (32 * PAGE)       /* a page of its own takes as long as sixteen together */
#define PIECE_MIN HUGE_PAGE
#define PIECE_MAX (4ul << 20)

static void *map(size_t bytes, int flags)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

/* At a multiple of a huge page, so that it consists of such. */
static void *map_huge(size_t bytes)
{
	uint8_t *whole = map(bytes + HUGE_PAGE, 0);
	size_t before = -(uintptr_t)whole & (HUGE_PAGE - 1);

	if (!whole)
		return map(bytes, 0);
	if (before)
		munmap(whole, before);
	munmap(whole + before + bytes, HUGE_PAGE - before);
	madvise(whole + before, bytes, MADV_HUGEPAGE);
	return whole + before;
}

void *memory_map(size_t bytes)
{
	return bytes < HUGE_PAGE ? map(bytes, MAP_POPULATE) : map_huge(bytes);
}

void memory_unmap(void *memory, size_t bytes)
{
	if (memory)
		munmap(memory, bytes);
}

size_t memory_have(uint8_t *start, size_t at, size_t end)
{
	size_t from = at & ~(PAGE - 1), to = from + AHEAD;
	bool is_last = to >= end;

	if (is_last)
		to = end & ~(PAGE - 1);
	if (to > from)
		madvise(start + from, to - from, MADV_POPULATE_WRITE);
	return is_last ? SIZE_MAX : to;
}

/* ---- regions -------------------------------------------------------------------------- */

struct piece {
	struct piece *next;
	size_t bytes;
};

static bool add_piece(struct region *region, size_t need)
{
	size_t bytes = region->pieces ? 2 * region->pieces->bytes : PIECE_MIN;

	if (bytes > PIECE_MAX)
		bytes = PIECE_MAX;
	while (bytes < need + sizeof(struct piece))
		bytes *= 2;
	struct piece *piece = memory_map(bytes);
	if (!piece)
		return false;
	*piece = (struct piece){ region->pieces, bytes };
	region->pieces = piece;
	region->at = (uint8_t *)(piece + 1);
	region->end = (uint8_t *)piece + bytes;
	return true;
}

void *region_take(struct region *region, size_t bytes)
{
	bytes = (bytes + 7) & ~7ul;
	if ((size_t)(region->end - region->at) < bytes && !add_piece(region, bytes))
		return NULL;
	region->at += bytes;
	return region->at - bytes;
}

static void free_latest(struct region *region)
{
	struct piece *piece = region->pieces;

	region->pieces = piece->next;
	memory_unmap(piece, piece->bytes);
}

void region_clear(struct region *region)
{
	if (!region->pieces)
		return;
	while (region->pieces->next)
		free_latest(region);
	region->at = (uint8_t *)(region->pieces + 1);
	region->end = (uint8_t *)region->pieces + region->pieces->bytes;
}

void region_deinit(struct region *region)
{
	while (region->pieces)
		free_latest(region);
	region->at = region->end = NULL;
}

/* ---- chunked arrays -------------------------------------------------------------------- */

bool chunked_init(struct chunked *c, struct region *region, size_t element_bytes)
{
	*c = (struct chunked){ .region = region, .element_bytes = element_bytes };
	c->chunks = calloc(CHUNKS_MAX, sizeof *c->chunks);
	return c->chunks;
}

void chunked_deinit(struct chunked *c)
{
	free(c->chunks);
}

void *chunked_more(struct chunked *c, uint32_t slot)
{
	if (slot >= CHUNKS_MAX)
		return NULL;
	return c->chunks[slot] = region_take(c->region, c->element_bytes << CHUNK_BITS);
}

void *chunked_add(struct chunked *c)
{
	void *element = chunked_place(c, c->count);

	if (!element)
		return NULL;
	memset(element, 0, c->element_bytes);           /* used before a flush, maybe */
	__atomic_store_n(&c->count, c->count + 1, __ATOMIC_RELEASE);
	return element;
}

void chunked_clear(struct chunked *c)
{
	__atomic_store_n(&c->count, 0, __ATOMIC_RELEASE);
}
