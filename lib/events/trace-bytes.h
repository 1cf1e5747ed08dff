/* trace-bytes.h - bytes that grow, and bytes that are read: what a trace file is put
 * together from.
 *
 * Numbers are written seven bits a byte, the lowest first, the top bit set in all but the
 * last byte; so small ones take one byte.  Who writes looks for `failed` (out of memory)
 * once at the end, who reads looks for `failed` (it made no sense) as often as it likes:
 * after it every number is 0 and every text empty.
 */
#ifndef TRACER_TRACE_BYTES_H
#define TRACER_TRACE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define TRACE_NUMBER_BYTES 10   /* the most that a number takes */

struct trace_bytes {
	uint8_t *data;
	size_t len, room;
	bool failed;
};

struct trace_cursor {
	const uint8_t *at, *end;
	bool failed;
};

void trace_bytes_deinit(struct trace_bytes *b);

/* Where the next `n` bytes may be written; then add to `len`.  NULL: out of memory, and
 * `failed` is set. */
uint8_t *trace_bytes_room(struct trace_bytes *b, size_t n);

void trace_put_bytes(struct trace_bytes *b, const void *bytes, size_t n);
void trace_put_number(struct trace_bytes *b, uint64_t value);
/* Its length, then its bytes. */
void trace_put_text(struct trace_bytes *b, const char *text);

static inline uint8_t *trace_number(uint8_t *at, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*at++ = (uint8_t)(value | 0x80);
	*at++ = (uint8_t)value;
	return at;
}

/* Differences go both ways: 0, -1, 1, -2 ... become 0, 1, 2, 3 ... */
static inline uint64_t trace_fold(uint64_t difference)
{
	return difference << 1 ^ (uint64_t)((int64_t)difference >> 63);
}

static inline uint64_t trace_unfold(uint64_t folded)
{
	return folded >> 1 ^ (0 - (folded & 1));
}

static inline size_t trace_left(const struct trace_cursor *c)
{
	return (size_t)(c->end - c->at);
}

uint64_t trace_get_number(struct trace_cursor *c);
/* A number that must not be above `max`. */
uint64_t trace_get_below(struct trace_cursor *c, uint64_t max);
/* NULL: there are not as many. */
const uint8_t *trace_get_bytes(struct trace_cursor *c, size_t n);
/* Not terminated. */
const char *trace_get_text(struct trace_cursor *c, size_t *len);

#endif
