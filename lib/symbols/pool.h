/* pool.h - memory that lives as long as one struct symbols, and its strings.
 *
 * Nothing in a pool is freed before pool_deinit(), nothing moves.  Equal strings
 * are stored once: their pointers may be compared.  A zeroed struct is empty.
 */
#ifndef TRACER_SYMBOLS_POOL_H
#define TRACER_SYMBOLS_POOL_H

#include <stddef.h>
#include <stdint.h>

struct pool_chunk;

struct pool {
	struct pool_chunk *chunks;      /* the newest first; it has room */
	const char **strings;           /* open addressing */
	size_t string_count, string_room;       /* room: a power of two */
};

void pool_deinit(struct pool *pool);

/* Zeroed, aligned to 8.  NULL: out of memory. */
void *pool_alloc(struct pool *pool, size_t size);

/* The one copy of these `len` bytes, terminated.  NULL: out of memory. */
const char *pool_string_n(struct pool *pool, const char *text, size_t len);
const char *pool_string(struct pool *pool, const char *text);

#endif
