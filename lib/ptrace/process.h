/* process.h - facts about a process, from /proc, before and while it is traced.
 *
 * Every reason why a process cannot be traced is found here and worded as one
 * line: what the cause is, and what to do.
 */
#ifndef TRACER_PROCESS_H
#define TRACER_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

/* The list of its threads.  *out is heap memory, free()d by the caller.
 * Returns their number, or -ESRCH, -ENOMEM. */
int process_threads(pid_t pid, pid_t **out) must_check;

/* 0 when nothing speaks against attaching; else an error that names cause and
 * cure: no such process, a thread's id, kernel thread, zombie, 32-bit program,
 * already traced (by whom), ourselves or our ancestor. */
int process_attachable(pid_t pid, struct err *err) must_check;

/* The same for the failure of a seize: why the kernel said `code` (positive). */
int process_explain_seize(pid_t pid, int code, struct err *err);

/* Is `name` one of the words? */
bool process_features_name(const char *features, const char *name);

/* 0 when the program file of `pid` is a 64-bit x86 one. */
int process_is_64bit(pid_t pid, struct err *err) must_check;

/* Does thread `tid` catch `signal` with a handler?  Does it ignore it? */
struct process_signals {
	uint64_t caught, ignored, blocked;      /* bit n-1: signal n */
};
int process_signals(pid_t tid, struct process_signals *out) must_check;

/* R, S, D, T, t, Z as in /proc; 0: there is none. */
char process_state(pid_t tid);

/* May it lock all of its memory but `except` bytes of it?  0, -EPERM, -ENOMEM as from
 * mlockall(2). */
int process_may_lock(pid_t pid, size_t except);

/* Has it an io_uring open?  (False also where its descriptors are not to be read.) */
bool process_has_ring(pid_t pid);

/* Do two processes share one address space (vfork, CLONE_VM)? */
bool process_shares_memory(pid_t a, pid_t b);

/* The thread group of `tid`, or a negative errno. */
pid_t process_of_thread(pid_t tid);

#endif
