#include "json.h"

#include <string.h>

/* The length of the UTF-8 sequence at p, 0 when it is none.  Overlong forms,
 * surrogates and what lies beyond U+10FFFF are none. */
static size_t utf8_len(const unsigned char *p, size_t left)
{
	size_t len = p[0] >= 0xf0 && p[0] <= 0xf4 ? 4 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3 :
		     p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : 0;

	if (!len || len > left)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

static char *escape(char *at, unsigned char c)
{
	memcpy(at, "\\u00", 4);
	at[4] = "0123456789abcdef"[c >> 4];
	at[5] = "0123456789abcdef"[c & 15];
	return at + 6;
}

char *json_bytes(char *at, const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + len;

	*at++ = '"';
	while (p < end) {
		size_t n;

		if (*p == '"' || *p == '\\') {
			*at++ = '\\';
			*at++ = (char)*p++;
		} else if (*p >= 0x20 && *p < 0x7f) {
			*at++ = (char)*p++;
		} else if (*p >= 0x80 && (n = utf8_len(p, (size_t)(end - p)))) {
			memcpy(at, p, n);
			at += n;
			p += n;
		} else {
			at = escape(at, *p++);
		}
	}
	*at++ = '"';
	return at;
}

char *json_string(char *at, const char *text)
{
	return json_bytes(at, text, strlen(text));
}
