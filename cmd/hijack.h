/* hijack.h - onto the code cache and off it again.
 *
 * All of it is the main thread's, on stopped threads.
 */
#ifndef TRACER_HIJACK_H
#define TRACER_HIJACK_H

#include <sys/user.h>

#include "target.h"
#include "tracee.h"

/* Moves a stopped thread, whose registers are the program's, into the cache.
 * Where its next instruction cannot be translated, it is set to run that one
 * natively (THREAD_STEPPING); while the cache is full it stays outside
 * (THREAD_OUTSIDE).  The thread stays stopped; resume it with
 * hijack_resume().  `regs` is changed to what was set. */
int hijack(struct thread *thread, struct user_regs_struct *regs, struct err *err) must_check;

/* The program's own registers of a stopped thread.  A request of its is
 * cancelled, an event that is owed is written, a cut block is marked: afterwards
 * the thread must not go on where it was.  The thread is not changed. */
int hijack_app_regs(struct thread *thread, struct user_regs_struct *regs) must_check;

/* Sets the thread to the program's own registers, gs base included. */
int hijack_release(struct thread *thread, const struct user_regs_struct *regs) must_check;

/* In the memory of `tid`, which is the thread or its fresh copy by fork: the rseq area
 * of the thread does not refer to the arena any more. */
void hijack_forget_sequence(pid_t tid, const struct thread *thread);

/* A thread that stays in the cache, stopped, no signal being delivered to a
 * handler: if that ended its system call early, the call is made again. */
void hijack_keep_waiting(struct thread *thread);

/* The same behind a stop by a signal, which natively ends such a call early too. */
void hijack_end_waiting(struct thread *thread);

/* One that stands outside stays stopped.  -ESRCH: it was killed meanwhile; its end will
 * be reported, so nobody need look. */
int hijack_resume(struct thread *thread, int signal);

#endif
