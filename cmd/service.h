/* service.h - the thread that answers what translated code asks for.
 *
 * One per target.  It sleeps on the bell of the control block, translates what
 * was missed, answers, and looks ahead while nothing is asked.
 */
#ifndef TRACER_SERVICE_H
#define TRACER_SERVICE_H

#include "target.h"

int service_start(struct target *target, struct err *err) must_check;
/* Ends the thread and waits for its end. */
void service_stop(struct target *target);

/* Answers the request of a thread: it goes on at `at`. */
void service_answer(struct thread *thread, struct cache_pc at);

/* The thread's request is looked at again after so long.  requires: lock; the service */
void service_put_off(struct thread *thread, uint64_t ns);

/* The service looks at the request of the thread in this area (again). */
void service_ring(struct target *target, unsigned area);

/* Has somebody asked for something that has not been looked at? */
bool service_is_urgent(const struct target *target);

/* True while the thread waits for an answer. */
bool service_is_waiting(const struct thread_block *tb);

#endif
