/* postponed.h - signals that are kept back, so that a program gets on with its work.
 *
 * A signal costs us more than the kernel.  Where the next one always is there before the
 * handler of the last has returned, as with a timer of some microseconds, the program would
 * never leave its handlers.  Then it gets as much time as they took.  The signal that is
 * there is kept meanwhile, and its number blocked, so that those that follow wait in the
 * kernel; system calls that could show it, or change what becomes of signals, end that time
 * (syscalls_watch_settings).  Afterwards they are delivered in the order they came.
 *
 * Of a process with several threads, another one may get a signal that is blocked in one.
 *
 * All of it is the main thread's, where nothing else is said.
 */
#ifndef TRACER_POSTPONED_H
#define TRACER_POSTPONED_H

#include <stdbool.h>
#include <stdint.h>

#include "session.h"

/* The thread stands in the delivery stop of `signal`, for which the program has a handler.
 * May it be kept back?  Has the program done nothing since the last one?  True: it is kept
 * back, the thread is to go on without it.  Else *signal, which may be an earlier one, is
 * to be delivered. */
bool postponed_take(struct session *s, struct thread *thread, int *signal, bool may_keep,
		    bool gets_nowhere);

/* The stopped thread's time is over: its mask is its own again.  To be called whenever it is
 * interrupted, gets another signal, or is let go. */
void postponed_unblock(struct thread *thread);

/* Does the thread itself block the first that is kept for it?  requires: as above */
bool postponed_is_pending(const struct thread *thread);

/* It has returned from a handler, and may have the frame's mask by now.  requires: the
 * target's lock; the thread waits for an answer */
void postponed_returned(struct thread *thread);

/* Asks for the delivery of those whose time has come.  Returns in how many nanoseconds to
 * call again, UINT64_MAX: no need. */
uint64_t postponed_send(struct session *s);

/* The thread has been let go, or has ended: what was kept for it is sent to it, or to its
 * process. */
void postponed_release(struct session *s, struct thread *thread);

#endif
