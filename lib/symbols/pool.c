#include "pool.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES (64 * 1024)

struct pool_chunk {
	struct pool_chunk *next;
	size_t used, room;
	char bytes[] __attribute__((aligned(8)));
};

void pool_deinit(struct pool *pool)
{
	while (pool->chunks) {
		struct pool_chunk *next = pool->chunks->next;

		free(pool->chunks);
		pool->chunks = next;
	}
	free(pool->strings);
	memset(pool, 0, sizeof *pool);
}

void *pool_alloc(struct pool *pool, size_t size)
{
	struct pool_chunk *chunk = pool->chunks;

	size = (size + 7) & ~(size_t)7;
	if (!chunk || chunk->room - chunk->used < size) {
		size_t room = size > CHUNK_BYTES ? size : CHUNK_BYTES;

		chunk = calloc(1, sizeof *chunk + room);
		if (!chunk)
			return NULL;
		chunk->room = room;
		chunk->next = pool->chunks;
		pool->chunks = chunk;
	}
	void *at = chunk->bytes + chunk->used;
	chunk->used += size;
	return at;
}

static size_t string_hash(const char *text, size_t len)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)text[i]) * 0x100000001b3;
	return h ^ h >> 29;
}

static const char **string_slot(const char **slots, size_t room, const char *text, size_t len)
{
	size_t at = string_hash(text, len) & (room - 1);

	while (slots[at] && (strncmp(slots[at], text, len) != 0 || slots[at][len]))
		at = (at + 1) & (room - 1);
	return &slots[at];
}

/* Keeps a quarter of the slots empty, so that probing stays short. */
static bool strings_make_room(struct pool *pool)
{
	if (pool->string_count * 4 < pool->string_room * 3)
		return true;

	size_t room = pool->string_room ? pool->string_room * 2 : 1024;
	const char **slots = calloc(room, sizeof *slots);

	if (!slots)
		return false;
	for (size_t i = 0; i < pool->string_room; i++) {
		const char *s = pool->strings[i];

		if (s)
			*string_slot(slots, room, s, strlen(s)) = s;
	}
	free(pool->strings);
	pool->strings = slots;
	pool->string_room = room;
	return true;
}

const char *pool_string_n(struct pool *pool, const char *text, size_t len)
{
	/* a text ends at its first NUL whatever `len` says: slots are compared so */
	len = strnlen(text, len);
	if (!strings_make_room(pool))
		return NULL;

	const char **slot = string_slot(pool->strings, pool->string_room, text, len);
	if (*slot)
		return *slot;

	char *copy = pool_alloc(pool, len + 1);
	if (!copy)
		return NULL;
	memcpy(copy, text, len);
	*slot = copy;
	pool->string_count++;
	return copy;
}

const char *pool_string(struct pool *pool, const char *text)
{
	return pool_string_n(pool, text, strlen(text));
}
