/* flush.h - a full code cache begins anew while its program lives.
 *
 * Who finds the cache full says so in target->is_full; the main thread then stops
 * every thread of the target, takes them off the cache, waits until the output
 * thread has read every event (they refer to what will be forgotten), empties the
 * translator, and puts the threads back.  A thread that cannot enter until then
 * stands outside (THREAD_OUTSIDE), with its own registers.
 */
#ifndef TRACER_FLUSH_H
#define TRACER_FLUSH_H

#include "session.h"

/* Empties what is full.  For the main thread, in no stop's handling. */
void flush_full_targets(struct session *s);

#endif
