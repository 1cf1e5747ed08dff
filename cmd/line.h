/* line.h - building a line of output by hand.
 *
 * Each function writes at `at`, where the caller has made room (writer_room()),
 * and returns where it ended.  Nothing is terminated.  This is the path that every
 * event takes, so there is no printf in it.
 *
 *     char *at = writer_room(w, name->text_len + LINE_SLACK);
 *     at = put_text(at, name->text, name->text_len);
 *     at = put_literal(at, "();\n");
 *     writer_done(w, at);
 */
#ifndef TRACER_LINE_H
#define TRACER_LINE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LINE_SLACK 512          /* room for all that is not a name or an indentation */

static inline char *put_text(char *at, const char *text, size_t len)
{
	memcpy(at, text, len);
	return at + len;
}

#define put_literal(at, literal) put_text(at, literal, sizeof(literal) - 1)

static inline char *put_string(char *at, const char *text)
{
	return put_text(at, text, strlen(text));
}

static inline char *put_spaces(char *at, size_t n)
{
	memset(at, ' ', n);
	return at + n;
}

static inline char *put_u64(char *at, uint64_t value)
{
	char digits[20];
	int n = 0;

	do
		digits[n++] = (char)('0' + value % 10);
	while (value /= 10);
	while (n)
		*at++ = digits[--n];
	return at;
}

/* `value` with exactly `width` digits, zeros in front. */
static inline char *put_digits(char *at, uint64_t value, int width)
{
	for (int i = width; i-- > 0; value /= 10)
		at[i] = (char)('0' + value % 10);
	return at + width;
}

/* "0x40113c" */
static inline char *put_hex(char *at, uint64_t value)
{
	int n = value ? (67 - __builtin_clzll(value)) / 4 : 1;

	*at++ = '0';
	*at++ = 'x';
	for (int i = n; i-- > 0; value >>= 4)
		at[i] = "0123456789abcdef"[value & 15];
	return at + n;
}

#endif
