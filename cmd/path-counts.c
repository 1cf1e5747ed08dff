#include "path-counts.h"

#include <stdlib.h>

#define PAGE_BITS 9
#define PAGE_ITEMS (1u << PAGE_BITS)
#define KNOWN (1ull << 63)
#define AHEAD 16                /* events: so far away is what is fetched in time */

void path_counts_forget(struct path_counts *counts)
{
	for (uint32_t i = 0; i < counts->page_count; i++)
		free(counts->pages[i]);
	free(counts->pages);
	*counts = (struct path_counts){ 0 };
}

void path_counts_deinit(struct path_counts *counts)
{
	path_counts_forget(counts);
}

static bool grow(struct path_counts *counts, uint32_t page)
{
	uint32_t room = page + page / 2 + 16;
	uint64_t **grown = realloc(counts->pages, room * sizeof *grown);

	if (!grown)
		return false;
	for (uint32_t i = counts->page_count; i < room; i++)
		grown[i] = NULL;
	counts->pages = grown;
	counts->page_count = room;
	return true;
}

bool path_counts_know(struct path_counts *counts, uint32_t index)
{
	uint32_t page = index >> PAGE_BITS;

	if (page >= counts->page_count && !grow(counts, page))
		return false;
	if (!counts->pages[page])
		counts->pages[page] = calloc(PAGE_ITEMS, sizeof **counts->pages);
	if (!counts->pages[page])
		return false;
	counts->pages[page][index % PAGE_ITEMS] |= KNOWN;
	return true;
}

/* NULL: its page does not exist. */
static uint64_t *place(const struct path_counts *counts, uint32_t index)
{
	uint32_t page = index >> PAGE_BITS;

	if (page >= counts->page_count || !counts->pages[page])
		return NULL;
	return &counts->pages[page][index % PAGE_ITEMS];
}

size_t path_counts_add(struct path_counts *counts, const uint32_t *words, size_t n)
{
	size_t at;

	/* An id without payload is its index; one with payload is beyond all pages. */
	for (at = 0; at < n; at++) {
		uint64_t *item = place(counts, words[at]);

		if (at + AHEAD < n)
			__builtin_prefetch(place(counts, words[at + AHEAD]), 1);
		if (!item || !(*item & KNOWN))
			break;
		++*item;
	}
	return at;
}

bool path_counts_next(const struct path_counts *counts, uint32_t *index, uint64_t *n)
{
	for (; *index >> PAGE_BITS < counts->page_count; ++*index) {
		const uint64_t *item = place(counts, *index);

		if (!item) {
			*index |= PAGE_ITEMS - 1;
			continue;
		}
		*n = *item & ~KNOWN;
		if (*n)
			return true;
	}
	return false;
}

void path_counts_clear(struct path_counts *counts, uint32_t index)
{
	*place(counts, index) &= KNOWN;
}
