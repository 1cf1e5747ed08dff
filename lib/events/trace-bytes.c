#include "trace-bytes.h"

#include <stdlib.h>

/* ---- written ------------------------------------------------------------------------- */

void trace_bytes_deinit(struct trace_bytes *b)
{
	free(b->data);
	*b = (struct trace_bytes){ 0 };
}

uint8_t *trace_bytes_room(struct trace_bytes *b, size_t n)
{
	if (b->room - b->len < n) {
		size_t room = b->room ? b->room : 256;

		while (room - b->len < n)
			room *= 2;
		uint8_t *grown = realloc(b->data, room);
		if (!grown) {
			b->failed = true;
			return NULL;
		}
		b->data = grown;
		b->room = room;
	}
	return b->data + b->len;
}

void trace_put_bytes(struct trace_bytes *b, const void *bytes, size_t n)
{
	uint8_t *at = trace_bytes_room(b, n);

	if (at && n) {
		memcpy(at, bytes, n);
		b->len += n;
	}
}

void trace_put_number(struct trace_bytes *b, uint64_t value)
{
	uint8_t *at = trace_bytes_room(b, TRACE_NUMBER_BYTES);

	if (at)
		b->len += (size_t)(trace_number(at, value) - at);
}

void trace_put_text(struct trace_bytes *b, const char *text)
{
	size_t len = strlen(text);

	trace_put_number(b, len);
	trace_put_bytes(b, text, len);
}

/* ---- read ---------------------------------------------------------------------------- */

static uint64_t fail(struct trace_cursor *c)
{
	c->failed = true;
	c->at = c->end;
	return 0;
}

uint64_t trace_get_number(struct trace_cursor *c)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (c->at == c->end)
			return fail(c);
		uint8_t byte = *c->at++;

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	return fail(c);
}

uint64_t trace_get_below(struct trace_cursor *c, uint64_t max)
{
	uint64_t value = trace_get_number(c);

	return value > max ? fail(c) : value;
}

const uint8_t *trace_get_bytes(struct trace_cursor *c, size_t n)
{
	const uint8_t *at = c->at;

	if (trace_left(c) < n) {
		fail(c);
		return NULL;
	}
	c->at += n;
	return at;
}

const char *trace_get_text(struct trace_cursor *c, size_t *len)
{
	*len = (size_t)trace_get_below(c, trace_left(c));
	const uint8_t *at = trace_get_bytes(c, *len);

	if (!at)
		*len = 0;
	return at ? (const char *)at : "";
}
