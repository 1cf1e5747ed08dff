/* tracee.h - one traced thread: seize, stop, look at, let go.
 *
 * A thin layer over ptrace(2) and waitpid(2) with the field's pitfalls dealt
 * with once.  Only PTRACE_SEIZE is used, so no SIGSTOP is ever sent and a
 * group-stop is told apart from a signal.  All calls must come from the one
 * thread that seized.  Nothing here knows of translation.
 *
 *     tracee_seize(tid, &err);
 *     tracee_interrupt(tid);
 *     struct tracee_stop stop;
 *     tracee_wait(tid, &stop, &err);           // STOP_INTERRUPT
 *     tracee_regs_get(tid, &regs, &err);
 *     tracee_resume(tid, TRACEE_CONT, 0);
 *
 * Where a function says "stopped", the thread must be in a ptrace stop; it
 * fails with -ESRCH when the thread is not (it may have been killed).
 */
#ifndef TRACER_TRACEE_H
#define TRACER_TRACEE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include "err.h"

enum tracee_stop_kind {
	STOP_NONE,              /* nothing to report */
	STOP_EXITED,            /* gone; `code` is the exit status */
	STOP_KILLED,            /* gone; `code` is the signal */
	STOP_ZOMBIE,            /* gone, but its end will be reported when all threads have been */
	STOP_SIGNAL,            /* signal-delivery stop; `code` is the signal */
	STOP_GROUP,             /* group-stop; `code` is the stopping signal */
	STOP_INTERRUPT,         /* after tracee_interrupt(), or a new child's first stop */
	STOP_CLONE,             /* `message` is the new thread's id ... */
	STOP_FORK,              /* ... the new process's id ... */
	STOP_VFORK,
	STOP_EXEC,              /* ... the thread id that called execve */
	STOP_SYSCALL,           /* entry or exit, after TRACEE_SYSCALL */
	STOP_OTHER,             /* another PTRACE_EVENT; `code` is its number */
};

struct tracee_stop {
	pid_t tid;
	enum tracee_stop_kind kind;
	int code;
	unsigned long message;
	int status;             /* as waitpid() gave it */
};

/* It is gone, or as good as. */
static inline bool tracee_has_ended(const struct tracee_stop *stop)
{
	return stop->kind == STOP_EXITED || stop->kind == STOP_KILLED || stop->kind == STOP_ZOMBIE;
}

enum tracee_resume {
	TRACEE_CONT,
	TRACEE_STEP,            /* one instruction, or to the first one of a handler */
	TRACEE_SYSCALL,         /* to the next entry to or exit from a system call */
	TRACEE_LISTEN,          /* stay in the group-stop, report what ends it */
};

/* Starts to trace `tid`, which runs on.  New threads and children of it are
 * traced from their first instruction.  Errors: -ESRCH, -EPERM. */
int tracee_seize(pid_t tid, struct err *err) must_check;

/* The same in two steps.  A thread that runs makes others meanwhile: seized alone, it makes
 * none that are traced before anybody knows of them.  Once it stands, it is to be followed. */
int tracee_seize_alone(pid_t tid, struct err *err) must_check;
int tracee_follow(pid_t tid);

/* Asks for a stop; it is reported by tracee_wait() as STOP_INTERRUPT unless
 * something else stops the thread first. */
int tracee_interrupt(pid_t tid);

/* Waits for a change of `tid` (-1: of any tracee).  With `block` false returns
 * 0 and STOP_NONE when there is nothing.  -ECHILD: no tracee is left.
 * Who blocks for the first thread of a process, which has ended while others are there or
 * have not been waited for, gets STOP_ZOMBIE: the kernel reports it after them. */
int tracee_wait(pid_t tid, bool block, struct tracee_stop *out) must_check;

/* Is `tid` such a one?  Then *out is its STOP_ZOMBIE. */
bool tracee_is_zombie(pid_t tid, struct tracee_stop *out);

/* Has `tid` something to report that no tracee_wait() has told yet? */
bool tracee_has_news(pid_t tid);

/* Lets a stopped thread go on, delivering `signal` (0: none). */
int tracee_resume(pid_t tid, enum tracee_resume how, int signal);

/* Ends the tracing of a stopped thread. */
int tracee_detach(pid_t tid, int signal);

/* Lets a stopped thread's system calls pass its filters (seccomp) unseen, or ends
 * that.  -EPERM: the tracer lacks CAP_SYS_ADMIN; -EINVAL: the kernel cannot. */
int tracee_filters_suspend(pid_t tid, bool on) must_check;

/* Syscall User Dispatch of a stopped thread: which of its system calls are signals
 * instead; see prctl(2), PR_SET_SYSCALL_USER_DISPATCH. */
struct tracee_dispatch {
	uint64_t mode;                  /* 0: off */
	uint64_t selector, offset, len;
};
/* -EIO: the kernel cannot tell.  Off is all zeros. */
int tracee_dispatch_get(pid_t tid, struct tracee_dispatch *out) must_check;
int tracee_dispatch_set(pid_t tid, const struct tracee_dispatch *dispatch) must_check;

/* Registers of a stopped thread, gs and fs bases included. */
int tracee_regs_get(pid_t tid, struct user_regs_struct *out) must_check;
int tracee_regs_set(pid_t tid, const struct user_regs_struct *regs) must_check;

/* Debug register `index` (0..3, 6, 7) of a stopped thread. */
int tracee_debug_get(pid_t tid, int index, uint64_t *out) must_check;
int tracee_debug_set(pid_t tid, int index, uint64_t value) must_check;

int tracee_siginfo_get(pid_t tid, siginfo_t *out) must_check;
int tracee_siginfo_set(pid_t tid, const siginfo_t *info) must_check;
/* Is a stopped thread to get a signal that its own last instruction has raised - a fault, a
 * step, a call that a filter traps - and that is not reported yet?  It tells of where the
 * thread stands. */
bool tracee_has_fault(pid_t tid);
/* Does this signal wait for a stopped thread itself, blocked or not?  *out: its first. */
bool tracee_peek_signal(pid_t tid, int signal, siginfo_t *out);
int tracee_sigmask_get(pid_t tid, uint64_t *out) must_check;
int tracee_sigmask_set(pid_t tid, uint64_t mask) must_check;

/* Memory of process `pid`: returns the bytes copied, fewer than asked for at
 * an unreadable page, or -EFAULT for none.  process_vm_readv(2) first, then
 * /proc/PID/mem, which also reaches execute-only and read-only pages. */
ssize_t tracee_read(pid_t pid, uint64_t address, void *buf, size_t len_bytes);
ssize_t tracee_write(pid_t pid, uint64_t address, const void *buf, size_t len_bytes);

/* Starts `argv` and seizes it before its first instruction: on success the new
 * process waits in the STOP_EXEC of its program.  The child's signal mask and
 * dispositions are the caller's at the time of `before_exec`, which runs in the
 * child (NULL: nothing).  Errors: the errno of execve (-ENOENT, -EACCES, ...). */
int tracee_spawn(char *const argv[], void (*before_exec)(void), pid_t *pid,
		 struct err *err) must_check;

#endif
