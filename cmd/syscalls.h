/* syscalls.h - the program's system calls that concern us.
 *
 * The runtime makes them natively, from one place; a table in the arena says for each number
 * whether the thread asks before it, behind it, or not at all.  Asked are those that change
 * what is mapped, who runs, what becomes of signals, or what we need ourselves.
 *
 * What is asked is answered by the service (service.h), under the target's lock.
 */
#ifndef TRACER_SYSCALLS_H
#define TRACER_SYSCALLS_H

#include <sys/user.h>

#include "target.h"

/* requires: target->sys_table, target->store_log */
void syscalls_fill_table(struct target *target);

/* Whether system calls that send signals ask; those that change what becomes of them, or
 * show it. */
void syscalls_watch_senders(struct target *target, bool on);
void syscalls_watch_settings(struct target *target, bool on);

/* REQUEST_SYSCALL_PRE: where the thread goes on.  -EAGAIN: it is to wait; -EFAULT: it is
 * the main thread's to answer. */
int syscalls_before(struct thread *thread, struct cache_pc *at) must_check;
/* REQUEST_SYSCALL_POST.  -ENOSPC: places of --watch have moved, the target is to be flushed
 * before the thread goes on. */
int syscalls_after(struct thread *thread, struct cache_pc *at) must_check;
/* The same of a thread that is taken away from behind its call before it has asked.
 * requires: target->lock; main thread */
void syscalls_left(struct thread *thread, uint64_t result);
/* REQUEST_RESUME, REQUEST_SIGRETURN; as translator_enter(), or -EAGAIN */
int syscalls_resume(struct thread *thread, struct cache_pc *at) must_check;
int syscalls_sigreturn(struct thread *thread, struct cache_pc *at) must_check;

/* For a system call that is run natively, in place, with these registers; main thread.
 * True: it has been done already, and its result is in them. */
bool syscalls_before_in_place(struct thread *thread, struct user_regs_struct *regs);
/* Behind it. */
void syscalls_after_in_place(struct thread *thread, const struct user_regs_struct *regs);

#endif
