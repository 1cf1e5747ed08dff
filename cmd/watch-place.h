/* watch-place.h - WHERE:LEN[:r|w|rw] of --watch, found in a process. */
#ifndef TRACER_WATCH_PLACE_H
#define TRACER_WATCH_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "symbols.h"
#include "variable.h"

#define PLACE_BYTES_MAX 64      /* of a value that is shown whole */
#define PLACE_LEN_MAX (1u << 30)

struct place {
	char *text;             /* WHERE as given; owned */
	uint64_t address;
	unsigned len;           /* bytes, 1 to PLACE_LEN_MAX */
	int access;             /* 1: writes, 2: reads, 3: both */
	struct symbols_type type;       /* by DWARF; unknown for an address */
	uint8_t value[PLACE_BYTES_MAX];         /* last seen, of hw */
	bool is_known;                  /* `value` is: it was mapped */
};

/* Takes a text apart; *where is heap memory.  -EINVAL: not of the form. */
int place_parse(const char *text, char **where, unsigned *len, int *access,
		struct err *err) must_check;

int place_find(struct place *place, struct symbols *symbols, const char *text,
	       struct err *err) must_check;

void place_deinit(struct place *place);

#endif
