#include "remote.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "maps.h"
#include "rseq.h"
#include "seccomp.h"
#include "tracee.h"

/* ---- places in the target that we borrow -------------------------------------- */

static uint64_t find_syscall_insn_in(pid_t pid, const struct map *m)
{
	enum { PIECE = 64 * 1024 };
	uint8_t *buf = malloc(PIECE + 1);
	uint64_t found = 0;

	for (uint64_t at = m->start; buf && !found && at < m->end; at += PIECE) {
		size_t want = m->end - at < PIECE + 1 ? m->end - at : PIECE + 1;
		ssize_t n = tracee_read(pid, at, buf, want);

		if (n < 2)
			break;
		const uint8_t *hit = memmem(buf, (size_t)n, "\x0f\x05", 2);
		if (hit)
			found = at + (uint64_t)(hit - buf);
	}
	free(buf);
	return found;
}

static bool is_vdso(const struct map *m)
{
	return !strcmp(m->path, "[vdso]");
}

static uint64_t find_syscall_insn(pid_t pid, const struct maps *maps)
{
	uint64_t found = 0;

	for (size_t i = 0; i < maps->count && !found; i++)
		if (is_vdso(&maps->items[i]))
			found = find_syscall_insn_in(pid, &maps->items[i]);
	for (size_t i = 0; i < maps->count && !found; i++)
		if ((maps->items[i].prot & MAP_EXEC) && strcmp(maps->items[i].path, "[vsyscall]"))
			found = find_syscall_insn_in(pid, &maps->items[i]);
	return found;
}

/* The padding of an ELF identification is zero. */
static uint64_t find_zero_byte(pid_t pid, const struct maps *maps)
{
	for (size_t i = 0; i < maps->count; i++) {
		uint8_t head[16];
		uint64_t at = maps->items[i].start;

		if (!(maps->items[i].prot & MAP_READ))
			continue;
		if (tracee_read(pid, at, head, sizeof head) == sizeof head &&
		    !memcmp(head, "\177ELF", 4) && head[12] == 0)
			return at + 12;
	}
	return 0;
}

static int find_places(struct remote *remote, struct err *err)
{
	struct maps maps;
	/* Through the thread: the first one of the process may have ended. */
	int r = maps_read(remote->tid, &maps, err);

	if (r < 0)
		return r;
	if (!maps.count) {      /* it is being killed */
		maps_deinit(&maps);
		return err_set(err, ESRCH, "process %d is gone", remote->pid);
	}
	remote->syscall_insn = find_syscall_insn(remote->tid, &maps);
	remote->zero_byte = find_zero_byte(remote->tid, &maps);
	maps_deinit(&maps);
	if (!remote->syscall_insn)
		return err_set(err, ENOEXEC, "no system call instruction found in process %d "
			       "(it has no vdso and no readable code)", remote->pid);
	return 0;
}

/* ---- driving the thread ---------------------------------------------------------- */

static int lost(struct remote *remote)
{
	remote->is_gone = true;
	return -ESRCH;
}

/* Resumes as `how` says until a stop of kind `want`; SIGSTOP, which cannot be
 * blocked, is held back. */
static int drive(struct remote *remote, enum tracee_resume how, bool (*want)(enum tracee_stop_kind))
{
	struct tracee_stop stop;

	if (tracee_resume(remote->tid, how, 0) < 0)
		return lost(remote);
	for (;;) {
		if (tracee_wait(remote->tid, true, &stop) < 0 || tracee_has_ended(&stop))
			return lost(remote);
		if (want(stop.kind))
			return stop.kind;
		if (stop.kind == STOP_SIGNAL)
			remote->held_signals |= 1ull << (stop.code - 1);
		if (how == TRACEE_CONT) /* any stop ends the wait for the one asked for */
			tracee_interrupt(remote->tid);
		if (tracee_resume(remote->tid, how, 0) < 0)
			return lost(remote);
	}
}

static bool is_syscall_stop(enum tracee_stop_kind kind)
{
	return kind == STOP_SYSCALL;
}

static bool is_rest_stop(enum tracee_stop_kind kind)
{
	return kind == STOP_INTERRUPT || kind == STOP_GROUP;
}

static long ops_syscall(void *context, long number, const uint64_t a[6])
{
	return remote_syscall(context, number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static uint64_t ops_empty_string(void *context)
{
	return ((struct remote *)context)->zero_byte;
}

static int suspend_filters(struct remote *remote, struct err *err)
{
	static const struct tracee_dispatch off;

	if (tracee_dispatch_get(remote->tid, &remote->dispatch) < 0)
		remote->dispatch.mode = 0;
	if (remote->dispatch.mode && tracee_dispatch_set(remote->tid, &off) < 0)
		return err_set(err, ESRCH, "thread %d is gone", remote->tid);
	if (seccomp_mode(remote->tid) <= SECCOMP_MODE_DISABLED)
		return 0;
	int r = tracee_filters_suspend(remote->tid, true);
	if (r == -ESRCH)
		return err_set(err, ESRCH, "thread %d is gone", remote->tid);
	if (r < 0)
		return err_set(err, -r, "process %d has a system call filter, which only root can "
			       "suspend (run the tracer as root)", remote->pid);
	remote->has_filters = true;
	return 0;
}

int remote_begin(struct remote *remote, pid_t pid, pid_t tid, struct err *err)
{
	memset(remote, 0, sizeof *remote);
	remote->pid = pid;
	remote->tid = tid;
	remote->ops = (struct remote_ops){ ops_syscall, ops_empty_string, remote, tid };
	int r = find_places(remote, err);
	if (r == 0)
		r = suspend_filters(remote, err);
	if (r < 0)
		return r;
	if (tracee_regs_get(tid, &remote->saved) < 0 ||
	    tracee_sigmask_get(tid, &remote->saved_mask) < 0 ||
	    tracee_sigmask_set(tid, ~0ull) < 0)
		return err_set(err, ESRCH, "thread %d is gone", tid);
	rseq_abort(tid, rseq_area(tid), &remote->saved);
	return 0;
}

long remote_syscall(struct remote *remote, long number, uint64_t a, uint64_t b, uint64_t c,
		    uint64_t d, uint64_t e, uint64_t f)
{
	struct user_regs_struct regs = remote->saved;

	if (remote->is_gone)
		return -ESRCH;
	regs.rip = remote->syscall_insn;
	regs.rax = (uint64_t)number;
	regs.orig_rax = ~0ull;          /* nothing to restart before it */
	regs.rdi = a;
	regs.rsi = b;
	regs.rdx = c;
	regs.r10 = d;
	regs.r8 = e;
	regs.r9 = f;
	regs.eflags &= ~0x100ull;       /* TF: no trap of the program's own here */
	if (tracee_regs_set(remote->tid, &regs) < 0)
		return lost(remote);
	for (int stops = 0; stops < 2; stops++)         /* entry, exit */
		if (drive(remote, TRACEE_SYSCALL, is_syscall_stop) < 0)
			return -ESRCH;
	if (tracee_regs_get(remote->tid, &regs) < 0)
		return lost(remote);
	return (long)regs.rax;
}

int remote_end(struct remote *remote, const struct user_regs_struct *regs, struct err *err)
{
	int kind;

	if (remote->is_gone)
		return err_set(err, ESRCH, "thread %d is gone", remote->tid);
	/* The kernel looks at a pending restart only on its way through the
	 * signal work, where a STOP_INTERRUPT takes place. */
	tracee_interrupt(remote->tid);
	kind = drive(remote, TRACEE_CONT, is_rest_stop);
	if (remote->has_filters && tracee_filters_suspend(remote->tid, false) < 0)
		kind = -ESRCH;
	if (remote->dispatch.mode && tracee_dispatch_set(remote->tid, &remote->dispatch) < 0)
		kind = -ESRCH;
	if (kind < 0 || tracee_regs_set(remote->tid, regs ? regs : &remote->saved) < 0 ||
	    tracee_sigmask_set(remote->tid, remote->saved_mask) < 0)
		return err_set(err, ESRCH, "thread %d is gone", remote->tid);
	for (int n = 1; n <= 64; n++)
		if (remote->held_signals >> (n - 1) & 1)
			syscall(SYS_tgkill, remote->pid, remote->tid, n);
	return kind == STOP_GROUP;
}
