/* condition.h - waiting for another thread, but not for ever.
 *
 * The limits are by the monotonic clock: by that of the day, which pthread_cond_timedwait() takes if
 * nothing is said, one that is set back by an hour would stop the reader of a program's events, and
 * so the program, for that hour.
 */
#ifndef TRACER_CONDITION_H
#define TRACER_CONDITION_H

#include <pthread.h>
#include <stdint.h>

/* For condition_wait(); pthread_cond_destroy() ends it. */
void condition_init(pthread_cond_t *condition);

/* Until somebody signals it, or `limit_ns` have passed, or for no reason at all.
 * requires: locked */
void condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, uint64_t limit_ns);

#endif
