/* watch-code.h - --watch by translated code: any number and size of ranges.
 *
 * The code asks before an access that may hit (REQUEST_WATCH); here the access is
 * computed exactly, and if it hits, the old value is taken and the code asks again
 * behind it (REQUEST_WATCHED).  Both on the service thread, while the thread waits.
 * Between the two the thread has its turn: no other thread's access of watched
 * memory begins, so that `old` and `new` are those of this very access.
 *
 * What it is to be told that way is little: most accesses the code puts down in a log by
 * itself (watch-log.h), from the second time on.
 *
 * Of what is watched for writes a copy is kept (watch-copy.h).  Where memory differs from it before
 * an access or behind a system call, the kernel has written, or somebody else.
 *
 * requires, of all but begin and end, and where nothing else is said: target->lock
 */
#ifndef TRACER_WATCH_CODE_H
#define TRACER_WATCH_CODE_H

#include "target.h"

/* Finds the places in the target's process; how many of them are to be translated for:
 * *ranges, heap memory.  Nothing to do without events.stores. */
ssize_t watch_code_begin(struct target *target, struct translate_range **ranges,
			 struct err *err) must_check;
void watch_code_end(struct target *target);

/* -EAGAIN: it is another thread's turn; the request is served again later. */
int watch_code_before(struct thread *thread, struct cache_pc *at);
int watch_code_behind(struct thread *thread, struct cache_pc *at);

/* The program has made an io_uring. */
void watch_code_ring(struct target *target);
/* A system call has returned.  False: another thread's turn, as above. */
bool watch_code_syscall(struct thread *thread);
/* The kernel has written a signal's frame; the thread is at its handler.  Takes the
 * lock itself, as the next does. */
void watch_code_signal(struct thread *thread, int signal);
/* The thread is about to end its process: what others have changed can be seen for the
 * last time.  requires: lock */
void watch_code_process_end(struct thread *thread);
/* The thread has ended, or is taken away. */
void watch_code_thread_end(struct thread *thread);

/* The thread is stopped with SIGSEGV or SIGBUS.  True: that was not the program's, but
 * ours when we looked at its memory; it is to go on.  Takes the lock. */
bool watch_code_fault(struct thread *thread);

/* Reports what code has put down so far.  Takes the lock. */
void watch_code_read(struct target *target);
/* The threads stand still, all translations are about to be forgotten: the same.  Takes
 * the lock. */
void watch_code_flush(struct target *target);

/* The thread has been stopped and goes on natively with these registers: an access
 * that has been made is reported, its turn ends. */
void watch_code_stopped(struct thread *thread, const struct translate_regs *regs);

/* The thread is to run the instruction at which it stands natively.  False: not now, another
 * thread accesses watched memory.  Takes the lock, as the next does. */
bool watch_code_step(struct thread *thread, const struct user_regs_struct *regs);
/* It has, or has been stopped before. */
void watch_code_stepped(struct thread *thread, const struct user_regs_struct *regs);

/* The thread is parked in a system call that was begun without us, or is made again:
 * behind it memory is looked at.  `resume` is where it goes on. */
void watch_code_park(struct thread *thread, const struct user_regs_struct *regs,
		     struct cache_pc resume);

#endif
