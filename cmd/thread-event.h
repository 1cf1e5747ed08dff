/* thread-event.h - events that the tracer itself adds to a thread's ring. */
#ifndef TRACER_THREAD_EVENT_H
#define TRACER_THREAD_EVENT_H

#include "target.h"

/* Writes an event of the tracer itself into the ring of a thread that stands
 * still (stopped, or waiting for an answer). */
void thread_event(struct thread *thread, uint32_t id, const uint32_t *payload);

#endif
