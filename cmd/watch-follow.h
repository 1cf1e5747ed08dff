/* watch-follow.h - places that come and go with libraries, with --watch by translated code.
 *
 * Behind a system call that has changed the map it is looked where the places are now.
 * While no thread has come back from it nobody can have written there.  Another place
 * is another translation: all are forgotten (flush.h), and the place changes
 * while the threads stand still.  One that is gone is watched on in vain, and what
 * is written there is not shown; so nothing is to be forgotten when it comes back to
 * where it was.
 */
#ifndef TRACER_WATCH_FOLLOW_H
#define TRACER_WATCH_FOLLOW_H

#include "target.h"

/* The map is about to lose these bytes: what has been found so far is written with the names
 * that are there.  requires: target->lock */
void watch_follow_before(struct target *target, uint64_t start, uint64_t len);

/* True: places are to change; the target is to be flushed.  requires: target->lock */
bool watch_follow(struct target *target);

/* They change.  requires: as target_flush() */
void watch_follow_apply(struct target *target);

/* Those that are found now; *out is heap memory.  How many, or -ENOMEM. */
ssize_t watch_follow_ranges(const struct target *target,
			    struct translate_range **out) must_check;

#endif
