/* watch-log.h - the tracer's end of the log of stores (store_log.h).
 *
 * Most accesses that hit are put down there by translated code itself.  Here the log is
 * read, in order; what has begun is ended for who is stopped; and the log is locked for
 * accesses that the tracer reports itself, and while memory is compared.
 *
 * requires: target->lock
 */
#ifndef TRACER_WATCH_LOG_H
#define TRACER_WATCH_LOG_H

#include "target.h"
#include "watch-access.h"

struct watch_log {
	bool is_used;                   /* code may put accesses down */
	bool is_locked;                 /* by us */
	uint64_t tail;                  /* our own count: the program can write the other */
};

/* The ranges are those of the places. */
void watch_log_begin(struct target *target);

/* False: a thread has the lock, and will have it for a moment. */
bool watch_log_lock(struct target *target);
/* The same, but tries for as long as a store takes. */
bool watch_log_lock_soon(struct target *target);
void watch_log_unlock(struct target *target);

/* Reports all that has been put down. */
void watch_log_read(struct target *target);

/* Lets code put this access down itself from now on, if it is of the kind.  `store` is
 * about to be made by the thread, as `accesses` says. */
void watch_log_tell_shape(struct thread *thread, uint32_t store,
			  const struct watch_accesses *accesses);
/* The thread asks about an access that code could put down by itself: it may try again. */
bool watch_log_may_retry(const struct thread *thread, const struct translate_store *store);

/* The thread has been stopped, and goes on natively with these registers; or it has
 * ended (NULL).  Then its lock, if it has one, is free. */
void watch_log_stopped(struct thread *thread, const struct translate_regs *regs);

#endif
