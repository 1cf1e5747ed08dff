/* remote.h - system calls that a stopped thread executes on our behalf.
 *
 * A `syscall` instruction that already exists in the target is borrowed (the
 * vdso's, or another): nothing is written into the program.  The thread is
 * driven from system-call entry to exit by PTRACE_SYSCALL, whose stops are no
 * signals, so that no disposition of the program can change.  Its signals are
 * blocked meanwhile and stay pending, its system call filters are suspended.  remote_end() leaves the thread in the
 * very state that remote_begin() found: registers, signal mask, and the restart
 * of an interrupted system call; but a restartable sequence is aborted.
 *
 *     struct remote remote;
 *     remote_begin(&remote, pid, tid, &err);
 *     long fd = remote_syscall(&remote, SYS_memfd_create, name, 0, 0, 0, 0, 0);
 *     remote_end(&remote, &err);
 *
 * Between begin and end nobody else may resume or wait for the thread.
 */
#ifndef TRACER_REMOTE_H
#define TRACER_REMOTE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include "err.h"
#include "tracee.h"

/* The operations through which the arena talks to a process: `struct remote`
 * is the real one, a test supplies its own. */
struct remote_ops {
	/* the kernel's result, -errno on failure; -ESRCH when the thread is gone */
	long (*syscall)(void *context, long number, const uint64_t args[6]);
	/* the address of a readable zero byte: an empty string */
	uint64_t (*empty_string)(void *context);
	void *context;
	pid_t pid;
};

struct remote {
	pid_t pid, tid;
	uint64_t syscall_insn;          /* address of `0f 05` in the target */
	uint64_t zero_byte;             /* address of a readable zero byte */
	struct user_regs_struct saved;
	uint64_t saved_mask;
	uint64_t held_signals;          /* SIGSTOP seen meanwhile: sent again at the end */
	bool is_gone;
	bool has_filters;               /* suspended between begin and end */
	struct tracee_dispatch dispatch;        /* switched off between begin and end */
	struct remote_ops ops;
};

/* requires: `tid` in a ptrace stop that is inside the kernel's signal work: a
 * STOP_INTERRUPT, STOP_SIGNAL or STOP_GROUP, not a STOP_EXEC or STOP_CLONE. */
int remote_begin(struct remote *remote, pid_t pid, pid_t tid, struct err *err) must_check;

/* One system call; the kernel's result. */
long remote_syscall(struct remote *remote, long number, uint64_t a, uint64_t b, uint64_t c,
		    uint64_t d, uint64_t e, uint64_t f);

/* Restores the thread, which is then in a STOP_INTERRUPT or STOP_GROUP: the
 * latter when it is part of a stopped process.  `regs`: what to leave in its
 * registers instead of what was found (NULL: that).  -ESRCH: it is gone.
 * Returns 1 when the thread is in a group-stop, else 0. */
int remote_end(struct remote *remote, const struct user_regs_struct *regs,
	       struct err *err) must_check;

#endif
