/* watch-place.h - WHERE:LEN[:r|w|rw] of --watch, found in a process.
 *
 * A name is looked for until it is found; where it is then is where it stays, until its
 * library is unmapped.  An address is always found, whether there is memory or not.
 */
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
	unsigned given_len;     /* LEN as given; 0: the size of what is there */
	int access;             /* 1: writes, 2: reads, 3: both */
	/* Where it is; when it is not to be found any more, where it was. */
	bool is_found;
	uint64_t address;
	unsigned len;           /* bytes, 1 to PLACE_LEN_MAX; 0: it was never found */
	const struct symbols_module *module;    /* it comes and goes with that; NULL: an address */
	struct symbols_type type;       /* by DWARF; unknown for an address */
	uint8_t value[PLACE_BYTES_MAX];         /* last seen, of hw */
	bool is_known;                  /* `value` is: it was mapped */
	bool is_refused;                /* that what has its name is not to be watched was said */
};

/* Takes a text apart; *where is heap memory.  -EINVAL: not of the form. */
int place_parse(const char *text, char **where, unsigned *len, int *access,
		struct err *err) must_check;

/* Not found yet: all but text, given_len and access are zero. */
int place_init(struct place *place, const char *text, struct err *err) must_check;
/* Looks where it is in the process.  -ENOENT: nothing has this name (yet); others as from
 * symbols_variable_find().  After a failure the place is as before. */
int place_find(struct place *place, struct symbols *symbols, struct err *err) must_check;
/* It is a variable of which each thread has its own: that of the one whose fs is this.
 * -ENOENT: it is none; -ENOTSUP: of a library; -EAGAIN: the thread has none yet. */
int place_find_thread_local(struct place *place, struct symbols *symbols, uint64_t fs,
			    struct err *err) must_check;
/* Is it gone with its module, as of the last symbols_refresh()?  Then it is not found. */
bool place_lose(struct place *place);

void place_deinit(struct place *place);

#endif
