/* filter.h - the patterns of -F, -N, -M and -X.
 *
 * A pattern is a glob, or a POSIX extended regular expression between slashes.
 * Each name is matched once; what came out is kept with it as bits.
 */
#ifndef TRACER_FILTER_H
#define TRACER_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

struct options;
struct filter;

enum filter_bit {
	FILTER_ONLY = 1,        /* -F names this function */
	FILTER_NOT = 2,         /* -N does */
	FILTER_MODULE = 4,      /* -M and -X let its module through */
};

/* -EINVAL: a pattern is wrong. */
int filter_create(const struct options *options, struct filter **out, struct err *err) must_check;
void filter_destroy(struct filter *filter);

uint8_t filter_name(const struct filter *filter, const char *function, const char *module);

/* Does it let everything through? */
bool filter_is_empty(const struct filter *filter);

/* Whether there is -F or -N: events then depend on the calls around them. */
bool filter_wants_calls(const struct options *options);

/* Is it a pattern?  For the command line. */
int filter_check(const char *pattern, struct err *err) must_check;

#endif
