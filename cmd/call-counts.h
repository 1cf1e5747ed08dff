/* call-counts.h - how often functions were called, from counters instead of events.
 *
 * The same numbers as the call tree gives (calltree.h), without knowing which call was made
 * within which: a jump to a function is a call of it, unless it is the function's own; one
 * from a stub of the procedure linkage table makes of the call of the stub that of the
 * function, where that has a name.
 */
#ifndef TRACER_CALL_COUNTS_H
#define TRACER_CALL_COUNTS_H

#include <stdint.h>

#include "counted.h"
#include "output-internal.h"

struct counts;
struct name;

/* Of one thread. */
struct call_counts {
	struct stream *stream;
	struct counts *counts;          /* of the process: see calls.h */
	const struct name *stub;        /* the last one that went to the resolver */
};

/* n calls or jumps of this kind.  `from`: where a jump came from. */
void call_counts_add(struct call_counts *c, enum site_kind kind, uint64_t from, uint64_t target,
		     uint64_t n);
/* The same of an event. */
void call_counts_event(struct call_counts *c, const struct record *record);

#endif
