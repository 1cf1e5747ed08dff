/* record-access.h - --record with --watch: accesses, and what is at the addresses that they
 * refer to. */
#ifndef TRACER_RECORD_ACCESS_H
#define TRACER_RECORD_ACCESS_H

#include "trace-bytes.h"
#include "watch-place.h"
#include "watch-show.h"

struct record_accesses;

struct record_accesses *record_accesses_create(void);   /* NULL: out of memory */
void record_accesses_destroy(struct record_accesses *a);        /* NULL allowed */

/* Puts the access to `place` into the log, and before it what is new.  False: out of
 * memory. */
bool record_accesses_put(struct record_accesses *a, struct trace_bytes *control,
			 struct symbols *symbols, const struct place *place,
			 const struct watch_hit *hit);

/* ---- record.c ------------------------------------------------------------------------------ */

struct output;

/* One thread at a time: that which finds accesses, or the output thread. */
void record_access(struct output *output, struct symbols *symbols, const struct place *place,
		   const struct watch_hit *hit);
/* Writes what is left, and the end.  Does nothing without --record. */
void record_finish(struct output *output);

#endif
