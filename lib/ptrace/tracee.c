#include "tracee.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "process.h"

/* A stop that was asked for is a matter of microseconds, mostly. */
#define WAIT_YIELDS 50
#define WAIT_NAP_MIN_NS 20000
#define WAIT_NAP_MAX_NS 1000000

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

#ifndef PTRACE_O_SUSPEND_SECCOMP
#define PTRACE_O_SUSPEND_SECCOMP (1 << 21)
#endif

#ifndef PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG
#define PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG 0x4210
#define PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG 0x4211
#endif

static const unsigned long seize_options =
	PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
	PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD;

static int request(int what, pid_t tid, void *address, void *data)
{
	return ptrace(what, tid, address, data) < 0 ? -errno : 0;
}

int tracee_seize(pid_t tid, struct err *err)
{
	if (ptrace(PTRACE_SEIZE, tid, NULL, (void *)seize_options) == 0)
		return 0;
	return err_set(err, errno, "%s", strerror(errno));
}

int tracee_seize_alone(pid_t tid, struct err *err)
{
	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) == 0)
		return 0;
	return err_set(err, errno, "%s", strerror(errno));
}

int tracee_follow(pid_t tid)
{
	return request(PTRACE_SETOPTIONS, tid, NULL, (void *)seize_options);
}

int tracee_filters_suspend(pid_t tid, bool on)
{
	unsigned long options = seize_options | (on ? PTRACE_O_SUSPEND_SECCOMP : 0);

	return request(PTRACE_SETOPTIONS, tid, NULL, (void *)options);
}

int tracee_dispatch_get(pid_t tid, struct tracee_dispatch *out)
{
	memset(out, 0, sizeof *out);
	return request(PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG, tid, (void *)sizeof *out, out);
}

int tracee_dispatch_set(pid_t tid, const struct tracee_dispatch *dispatch)
{
	return request(PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG, tid, (void *)sizeof *dispatch,
		       (void *)dispatch);
}

int tracee_interrupt(pid_t tid)
{
	return request(PTRACE_INTERRUPT, tid, NULL, NULL);
}

static bool is_stopping_signal(int signal)
{
	return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN ||
	       signal == SIGTTOU;
}

static void classify_event(struct tracee_stop *stop, int event)
{
	static const struct {
		int event;
		enum tracee_stop_kind kind;
	} kinds[] = {
		{ PTRACE_EVENT_CLONE, STOP_CLONE },
		{ PTRACE_EVENT_FORK, STOP_FORK },
		{ PTRACE_EVENT_VFORK, STOP_VFORK },
		{ PTRACE_EVENT_EXEC, STOP_EXEC },
	};

	stop->kind = STOP_OTHER;
	stop->code = event;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (kinds[i].event == event)
			stop->kind = kinds[i].kind;
	if (ptrace(PTRACE_GETEVENTMSG, stop->tid, NULL, &stop->message) < 0)
		stop->message = 0;
}

static void classify(struct tracee_stop *stop)
{
	int status = stop->status, signal = WSTOPSIG(status), event = status >> 16;

	stop->message = 0;
	if (WIFEXITED(status)) {
		stop->kind = STOP_EXITED;
		stop->code = WEXITSTATUS(status);
	} else if (WIFSIGNALED(status)) {
		stop->kind = STOP_KILLED;
		stop->code = WTERMSIG(status);
	} else if (event == PTRACE_EVENT_STOP) {
		stop->kind = is_stopping_signal(signal) ? STOP_GROUP : STOP_INTERRUPT;
		stop->code = signal;
	} else if (event) {
		classify_event(stop, event);
	} else if (signal == (SIGTRAP | 0x80)) {
		stop->kind = STOP_SYSCALL;
		stop->code = 0;
	} else {
		stop->kind = STOP_SIGNAL;
		stop->code = signal;
	}
}

static int wait_once(pid_t tid, int options, struct tracee_stop *out)
{
	pid_t got;

	memset(out, 0, sizeof *out);
	do
		got = waitpid(tid, &out->status, __WALL | options);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	if (got == 0)
		return 0;
	out->tid = got;
	classify(out);
	return 0;
}

bool tracee_is_zombie(pid_t tid, struct tracee_stop *out)
{
	if (process_state(tid) != 'Z' || tracee_has_news(tid))
		return false;
	*out = (struct tracee_stop){ .tid = tid, .kind = STOP_ZOMBIE };
	return true;
}

static int wait_for_one(pid_t tid, struct tracee_stop *out)
{
	struct timespec nap = { 0, WAIT_NAP_MIN_NS };

	for (unsigned tries = 0;; tries++) {
		int r = wait_once(tid, WNOHANG, out);

		if (r < 0 || out->kind != STOP_NONE)
			return r;
		if (tries < WAIT_YIELDS) {
			sched_yield();
			continue;
		}
		nanosleep(&nap, NULL);
		if (nap.tv_nsec < WAIT_NAP_MAX_NS)
			nap.tv_nsec *= 2;
		else if (tracee_is_zombie(tid, out))
			return 0;
	}
}

int tracee_wait(pid_t tid, bool block, struct tracee_stop *out)
{
	return block && tid > 0 ? wait_for_one(tid, out) : wait_once(tid, block ? 0 : WNOHANG, out);
}

bool tracee_has_news(pid_t tid)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)tid, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL) == 0 &&
	       info.si_pid == tid;
}

int tracee_resume(pid_t tid, enum tracee_resume how, int signal)
{
	static const int requests[] = {
		[TRACEE_CONT] = PTRACE_CONT,
		[TRACEE_STEP] = PTRACE_SINGLESTEP,
		[TRACEE_SYSCALL] = PTRACE_SYSCALL,
		[TRACEE_LISTEN] = PTRACE_LISTEN,
	};

	return request(requests[how], tid, NULL, (void *)(long)signal);
}

int tracee_detach(pid_t tid, int signal)
{
	return request(PTRACE_DETACH, tid, NULL, (void *)(long)signal);
}

int tracee_regs_get(pid_t tid, struct user_regs_struct *out)
{
	return request(PTRACE_GETREGS, tid, NULL, out);
}

int tracee_regs_set(pid_t tid, const struct user_regs_struct *regs)
{
	return request(PTRACE_SETREGS, tid, NULL, (void *)regs);
}

static void *debug_offset(int index)
{
	return (char *)NULL + offsetof(struct user, u_debugreg) +
	       (size_t)index * sizeof(((struct user *)0)->u_debugreg[0]);
}

int tracee_debug_get(pid_t tid, int index, uint64_t *out)
{
	errno = 0;
	*out = (uint64_t)ptrace(PTRACE_PEEKUSER, tid, debug_offset(index), NULL);
	return -errno;
}

int tracee_debug_set(pid_t tid, int index, uint64_t value)
{
	return request(PTRACE_POKEUSER, tid, debug_offset(index), (void *)value);
}

int tracee_siginfo_get(pid_t tid, siginfo_t *out)
{
	return request(PTRACE_GETSIGINFO, tid, NULL, out);
}

int tracee_siginfo_set(pid_t tid, const siginfo_t *info)
{
	return request(PTRACE_SETSIGINFO, tid, NULL, (void *)info);
}

bool tracee_has_fault(pid_t tid)
{
	struct __ptrace_peeksiginfo_args args = { .off = 0, .flags = 0, .nr = 16 };
	siginfo_t infos[16];
	uint64_t mask;
	long n = tracee_sigmask_get(tid, &mask) == 0 ? ptrace(PTRACE_PEEKSIGINFO, tid, &args, infos) : 0;

	for (long i = 0; i < n; i++) {
		int signal = infos[i].si_signo;

		/* one that is blocked was sent by somebody: the kernel unblocks its own */
		if (infos[i].si_code > 0 && !(mask >> (signal - 1) & 1) &&
		    (signal == SIGTRAP || signal == SIGSYS || signal == SIGILL || signal == SIGFPE ||
		     signal == SIGSEGV || signal == SIGBUS))
			return true;
	}
	return false;
}

bool tracee_peek_signal(pid_t tid, int signal, siginfo_t *out)
{
	struct __ptrace_peeksiginfo_args args = { .off = 0, .flags = 0, .nr = 16 };
	siginfo_t infos[16];
	long n = ptrace(PTRACE_PEEKSIGINFO, tid, &args, infos);

	for (long i = 0; i < n; i++)
		if (infos[i].si_signo == signal) {
			*out = infos[i];
			return true;
		}
	return false;
}

int tracee_sigmask_get(pid_t tid, uint64_t *out)
{
	return request(PTRACE_GETSIGMASK, tid, (void *)sizeof *out, out);
}

int tracee_sigmask_set(pid_t tid, uint64_t mask)
{
	return request(PTRACE_SETSIGMASK, tid, (void *)sizeof mask, &mask);
}

static ssize_t proc_mem(pid_t pid, uint64_t address, void *buf, size_t len, bool write)
{
	char name[32];

	snprintf(name, sizeof name, "/proc/%d/mem", pid);
	int fd = open(name, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = write ? pwrite(fd, buf, len, (off_t)address)
			  : pread(fd, buf, len, (off_t)address);
	if (n < 0)
		n = -EFAULT;
	close(fd);
	return n;
}

ssize_t tracee_read(pid_t pid, uint64_t address, void *buf, size_t len_bytes)
{
	struct iovec local = { buf, len_bytes };
	/* One remote piece a page: the call stops at the first piece that cannot
	 * be read whole, and what precedes it still counts. */
	struct iovec remote[16];
	size_t done = 0;

	while (done < len_bytes) {
		int count = 0;
		size_t batch = 0;

		while (count < 16 && done + batch < len_bytes) {
			uint64_t at = address + done + batch;
			size_t piece = 4096 - (at & 4095);

			if (piece > len_bytes - done - batch)
				piece = len_bytes - done - batch;
			remote[count].iov_base = (void *)at;
			remote[count++].iov_len = piece;
			batch += piece;
		}
		local.iov_base = (char *)buf + done;
		local.iov_len = batch;
		ssize_t n = process_vm_readv(pid, &local, 1, remote, count, 0);
		if (n < 0)
			n = proc_mem(pid, address + done, (char *)buf + done, batch, false);
		if (n <= 0)
			break;
		done += (size_t)n;
		if ((size_t)n < batch)
			break;
	}
	return done ? (ssize_t)done : -EFAULT;
}

ssize_t tracee_write(pid_t pid, uint64_t address, const void *buf, size_t len_bytes)
{
	struct iovec local = { (void *)buf, len_bytes };
	struct iovec remote = { (void *)address, len_bytes };
	ssize_t n = process_vm_writev(pid, &local, 1, &remote, 1, 0);

	if (n == (ssize_t)len_bytes)
		return n;
	return proc_mem(pid, address, (void *)buf, len_bytes, true);
}

/* ---- starting a program -------------------------------------------------- */

static void spawn_child(char *const argv[], void (*before_exec)(void), int go, int report)
{
	char byte;
	int code;

	if (before_exec)
		before_exec();
	if (read(go, &byte, 1) != 1)
		_exit(127);
	execvp(argv[0], argv);
	code = errno;
	if (write(report, &code, sizeof code) < 0)
		_exit(126);
	_exit(127);
}

/* Waits for the STOP_EXEC of the program; other stops before it are let pass
 * (a signal that arrives meanwhile is delivered). */
static int await_exec(pid_t pid, int report, struct err *err, const char *name)
{
	struct tracee_stop stop;

	for (;;) {
		int r = tracee_wait(pid, true, &stop), code;

		if (r < 0)
			return err_set(err, -r, "%s: %s", name, strerror(-r));
		if (stop.kind == STOP_EXEC)
			return 0;
		if (tracee_has_ended(&stop)) {
			if (read(report, &code, sizeof code) != sizeof code)
				code = ECHILD;
			return err_set(err, code, "%s: %s", name, strerror(code));
		}
		tracee_resume(pid, stop.kind == STOP_GROUP ? TRACEE_LISTEN : TRACEE_CONT,
			      stop.kind == STOP_SIGNAL ? stop.code : 0);
	}
}

int tracee_spawn(char *const argv[], void (*before_exec)(void), pid_t *pid,
		 struct err *err)
{
	int go[2], report[2], r;

	if (pipe2(go, O_CLOEXEC) < 0)
		return err_set(err, errno, "pipe: %s", strerror(errno));
	if (pipe2(report, O_CLOEXEC) < 0) {
		r = err_set(err, errno, "pipe: %s", strerror(errno));
		goto close_go;
	}
	*pid = fork();
	if (*pid == 0) {
		close(go[1]);
		spawn_child(argv, before_exec, go[0], report[1]);
	}
	close(report[1]);
	if (*pid < 0) {
		r = err_set(err, errno, "fork: %s", strerror(errno));
		goto close_report;
	}
	r = tracee_seize(*pid, err);
	if (r == 0) {
		if (write(go[1], "", 1) != 1)
			r = err_set(err, EPIPE, "%s: cannot be started", argv[0]);
		else
			r = await_exec(*pid, report[0], err, argv[0]);
	}
	if (r < 0 && err && err->code == EPERM)
		waitpid(*pid, NULL, WNOHANG);
close_report:
	close(report[0]);
close_go:
	close(go[0]);
	close(go[1]);
	return r;
}
