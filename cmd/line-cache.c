#include "line-cache.h"

#include <stdlib.h>
#include <string.h>

#include "pool.h"

#define HASH_MIN 4096u

struct item {
	struct source_file *file;
	uint64_t address;
	struct origin_line line;
};

struct line_cache {
	struct pool pool;               /* of texts and files */
	struct source_file **files;
	size_t file_count;
	struct item *items;             /* open addressing; file NULL: free */
	size_t count, room;             /* room: a power of two */
};

struct line_cache *line_cache_create(void)
{
	struct line_cache *cache = calloc(1, sizeof *cache);

	if (cache)
		cache->items = calloc(HASH_MIN, sizeof *cache->items);
	if (!cache || !cache->items) {
		free(cache);
		return NULL;
	}
	cache->room = HASH_MIN;
	return cache;
}

void line_cache_destroy(struct line_cache *cache)
{
	if (!cache)
		return;
	pool_deinit(&cache->pool);
	free(cache->files);
	free(cache->items);
	free(cache);
}

static struct source_file *file_find(const struct line_cache *cache, const struct source_file *file)
{
	for (size_t i = 0; i < cache->file_count; i++)
		if (source_file_is(cache->files[i], file))
			return cache->files[i];
	return NULL;
}

static struct source_file *file_add(struct line_cache *cache, const struct source_file *file)
{
	struct source_file **grown, *copy = file_find(cache, file);

	if (copy)
		return copy;
	grown = realloc(cache->files, (cache->file_count + 1) * sizeof *grown);
	if (!grown)
		return NULL;
	cache->files = grown;
	copy = pool_alloc(&cache->pool, sizeof *copy);
	if (!copy)
		return NULL;
	*copy = *file;
	return grown[cache->file_count++] = copy;
}

static struct item *slot_of(struct item *items, size_t room, const struct source_file *file,
			    uint64_t address)
{
	size_t i = ((address + (uintptr_t)file) * 0x9e3779b97f4a7c15ull >> 32) & (room - 1);

	while (items[i].file && (items[i].address != address || items[i].file != file))
		i = (i + 1) & (room - 1);
	return &items[i];
}

static bool make_room(struct line_cache *cache)
{
	if (cache->count * 2 < cache->room)
		return true;
	size_t room = 2 * cache->room;
	struct item *grown = calloc(room, sizeof *grown);
	if (!grown)
		return false;
	for (size_t i = 0; i < cache->room; i++) {
		const struct item *item = &cache->items[i];

		if (item->file)
			*slot_of(grown, room, item->file, item->address) = *item;
	}
	free(cache->items);
	cache->items = grown;
	cache->room = room;
	return true;
}

bool line_cache_find(const struct line_cache *cache, const struct source_place *place,
		     struct origin_line *out)
{
	const struct source_file *file = file_find(cache, &place->file);
	const struct item *item = file ? slot_of(cache->items, cache->room, file, place->address)
				       : NULL;

	if (!item || !item->file)
		return false;
	*out = item->line;
	return true;
}

void line_cache_add(struct line_cache *cache, const struct source_place *place,
		    const struct origin_line *line)
{
	struct source_file *file = file_add(cache, &place->file);
	const char *text = line->line ? pool_string(&cache->pool, line->file) : "";
	struct item *item;

	if (!file || !text || !make_room(cache))
		return;
	item = slot_of(cache->items, cache->room, file, place->address);
	if (item->file)
		return;
	*item = (struct item){ file, place->address, { text, line->line } };
	cache->count++;
}
