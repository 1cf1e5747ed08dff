/* watch-place.h - WHERE:LEN[:r|w|rw] of --watch, found in a process. */
#ifndef TRACER_WATCH_PLACE_H
#define TRACER_WATCH_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "symbols.h"

#define PLACE_BYTES_MAX 64      /* of a value that is shown whole */
#define PLACE_LEN_MAX (1u << 30)

struct place {
	char *text;             /* WHERE as given; owned */
	uint64_t address;
	unsigned len;           /* bytes, 1 to PLACE_LEN_MAX */
	int access;             /* 1: writes, 2: reads, 3: both */
	uint8_t value[PLACE_BYTES_MAX];         /* last seen */
};

/* Takes a text apart; *where is heap memory.  -EINVAL: not of the form. */
int place_parse(const char *text, char **where, unsigned *len, int *access,
		struct err *err) must_check;

int place_find(struct place *place, struct symbols *symbols, const char *text,
	       struct err *err) must_check;

/* A value as text: a decimal number for 1, 2, 4 and 8 bytes (as JSON the same),
 * else its bytes in hexadecimal. */
void place_value(unsigned len, const uint8_t *value, bool json, char *out, size_t out_size);

#endif
