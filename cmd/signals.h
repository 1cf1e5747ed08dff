/* signals.h - signals on their way to the program.
 *
 * The kernel delivers them: it builds the frame, from the program's own registers, and
 * stops the thread at the first instruction of its handler, from where it goes on in the
 * cache.  What a signal will do is known before (its disposition), so that a thread
 * leaves the cache only for those that need it.
 */
#ifndef TRACER_SIGNALS_H
#define TRACER_SIGNALS_H

#include <sys/user.h>

#include "session.h"

/* The thread stands in a signal-delivery stop: it gets the signal and goes on. */
void signals_deliver(struct session *s, struct thread *thread, int signal);

/* It stands at the first instruction of a handler, with `regs`: that is an event. */
void signals_at_handler(struct thread *thread, const struct user_regs_struct *regs);

#endif
