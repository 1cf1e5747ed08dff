/* json.h - JSON text, built by hand in a caller's buffer (see line.h). */
#ifndef TRACER_JSON_H
#define TRACER_JSON_H

#include <stddef.h>
#include <stdint.h>

/* Bytes that a string of `len` may become, quotes included. */
#define JSON_STRING_ROOM(len) (6 * (len) + 3)

/* "text", quoted.  What is not UTF-8 is taken for Latin-1, so that the outcome is
 * valid whatever the bytes are.  Returns the end. */
char *json_string(char *at, const char *text);
char *json_bytes(char *at, const char *text, size_t len);

#endif
