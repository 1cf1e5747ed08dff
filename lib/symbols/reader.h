/* reader.h - a cursor over foreign bytes that cannot leave them.
 *
 * Past the end every read gives 0 and sets `failed`, which stays set: a parser
 * reads a whole record and asks once. */
#ifndef TRACER_SYMBOLS_READER_H
#define TRACER_SYMBOLS_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct reader {
	const uint8_t *at, *end;
	bool failed;
};

static inline size_t reader_left(const struct reader *r)
{
	return r->end - r->at;
}

static inline uint64_t reader_fixed(struct reader *r, size_t size)
{
	uint64_t value = 0;

	if (reader_left(r) < size) {
		r->failed = true;
		r->at = r->end;
		return 0;
	}
	memcpy(&value, r->at, size);
	r->at += size;
	return value;
}

static inline void reader_skip(struct reader *r, uint64_t size)
{
	if (reader_left(r) < size) {
		r->failed = true;
		r->at = r->end;
	} else {
		r->at += size;
	}
}

static inline uint64_t reader_uleb(struct reader *r)
{
	uint64_t value = 0;
	unsigned shift = 0, byte;

	do {
		byte = reader_fixed(r, 1);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while ((byte & 0x80) && !r->failed);
	return value;
}

static inline int64_t reader_sleb(struct reader *r)
{
	uint64_t value = 0;
	unsigned shift = 0, byte;

	do {
		byte = reader_fixed(r, 1);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while ((byte & 0x80) && !r->failed);
	if ((byte & 0x40) && shift < 64)
		value |= ~0ull << shift;
	return value;
}

/* A terminated string; "" and failed when it does not end. */
static inline const char *reader_string(struct reader *r)
{
	const uint8_t *start = r->at, *nul = reader_left(r) ? memchr(start, 0, reader_left(r)) : NULL;

	if (!nul) {
		r->failed = true;
		r->at = r->end;
		return "";
	}
	r->at = nul + 1;
	return (const char *)start;
}

#endif
