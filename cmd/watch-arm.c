/* watch-arm.c - debug registers, set in every thread.
 *
 * Preferred are breakpoints of perf_event_open(): they see the kernel's writes as well, new
 * threads inherit them, and the kernel sends their SIGTRAP like any other signal.  That of
 * a register that ptrace() sets is forced: who blocks or ignores SIGTRAP would find it
 * unblocked and its action the default.  They need a right: to look at the kernel
 * CAP_PERFMON, or kernel.perf_event_paranoid of 1 at most; without the kernel 2 is enough.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "message.h"
#include "process.h"
#include "tracee.h"
#include "watch-internal.h"

#define SIGTRAP_BIT (1ull << (SIGTRAP - 1))
#define ASYNCHRONOUS 1          /* TRAP_PERF_FLAG_ASYNC */
#define STORE_BYTES 64          /* the most of one */

/* ---- by perf_event_open() ------------------------------------------------------------------ */

static int add_fd(struct watch *w, int fd, unsigned number)
{
	if (w->fd_count == w->fd_room) {
		size_t room = w->fd_room ? 2 * w->fd_room : 16;
		struct watch_fd *grown = realloc(w->fds, room * sizeof *grown);

		if (!grown) {
			close(fd);
			return -ENOMEM;
		}
		w->fds = grown;
		w->fd_room = room;
	}
	w->fds[w->fd_count++] = (struct watch_fd){ fd, number };
	return 0;
}

static int open_event(struct watch *w, pid_t tid, struct perf_event_attr *attr, unsigned number)
{
	attr->type = PERF_TYPE_BREAKPOINT;
	attr->size = sizeof *attr;
	attr->sample_period = 1;
	attr->sigtrap = 1;
	attr->remove_on_exec = 1;               /* which sigtrap asks for */
	attr->inherit = attr->inherit_thread = 1;
	attr->sig_data = w->cookie | number;
	int fd = (int)syscall(SYS_perf_event_open, attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : add_fd(w, fd, number);
}

static int open_events(struct watch *w, pid_t tid)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < w->piece_count; i++) {
		const struct piece *p = &w->pieces[i];
		bool writes = p->place->access & ACCESS_WRITE;
		struct perf_event_attr attr = {
			.bp_type = p->place->access == ACCESS_WRITE ? HW_BREAKPOINT_W : HW_BREAKPOINT_RW,
			.bp_addr = p->address, .bp_len = p->len,
			.exclude_kernel = !w->sees_kernel || !writes,
		};

		r = open_event(w, tid, &attr, i);
	}
	if (r == 0 && w->library_at) {
		struct perf_event_attr attr = {
			.bp_type = HW_BREAKPOINT_X, .bp_addr = w->library_at, .bp_len = sizeof(long),
			.exclude_kernel = 1,
		};

		r = open_event(w, tid, &attr, WATCH_EVENT_LIBRARY);
	}
	return r;
}

static void close_events(struct watch *w)
{
	while (w->fd_count)
		close(w->fds[--w->fd_count].fd);
	free(w->fds);
	w->fds = NULL;
	w->fd_room = 0;
}

static int open_all_events(struct session *s, struct watch *w)
{
	int r = 0;

	for (struct thread *t = session_thread_next(s, NULL); r == 0 && t; t = session_thread_next(s, t)) {
		r = t->pid == w->pid ? open_events(w, t->tid) : 0;
		if (r == -ESRCH)
			r = 0;
	}
	if (r < 0)
		close_events(w);
	return r;
}

bool watch_event_info(const struct watch *w, const siginfo_t *info, struct watch_event_info *out)
{
	/* As the kernel lays it out: older headers do not know it. */
	struct {
		int head[4];
		uint64_t address, data;
		uint32_t type, flags;
	} raw;

	memcpy(&raw, info, sizeof raw);
	out->number = raw.data % WATCH_EVENT_NUMBERS;
	out->was_blocked = raw.flags & ASYNCHRONOUS;
	return info->si_code == WATCH_EVENT_TRAP && raw.data - out->number == w->cookie;
}

static bool blocks(const struct thread *thread)
{
	uint64_t mask;

	return tracee_sigmask_get(thread->tid, &mask) == 0 && (mask & SIGTRAP_BIT);
}

static struct piece *piece_of(struct watch *w, const siginfo_t *info)
{
	struct watch_event_info event;

	return watch_event_info(w, info, &event) && event.number < w->piece_count ?
	       &w->pieces[event.number] : NULL;
}

static bool has_trap(const struct watch *w, pid_t tid)
{
	struct watch_event_info event;
	siginfo_t info;

	return tracee_peek_signal(tid, SIGTRAP, &info) && watch_event_info(w, &info, &event);
}

/* Lets the thread report the trap of ours that waits, and nothing else.  (No other one waits
 * for the same thread then: SIGTRAP is not queued.) */
static void take_back(struct watch *w, const struct thread *thread)
{
	struct tracee_stop stop;
	siginfo_t info;
	uint64_t mask;
	bool was_blocked = blocks(thread);

	if (!has_trap(w, thread->tid) ||
	    tracee_sigmask_get(thread->tid, &mask) < 0 ||
	    tracee_sigmask_set(thread->tid, ~SIGTRAP_BIT) < 0)
		return;
	if (tracee_resume(thread->tid, TRACEE_CONT, 0) == 0 &&
	    tracee_wait(thread->tid, true, &stop) == 0 && tracee_has_ended(&stop))
		return;
	if (!was_blocked && tracee_siginfo_get(thread->tid, &info) == 0 && piece_of(w, &info))
		piece_of(w, &info)->traps++;
	int ignored = tracee_sigmask_set(thread->tid, mask);
	(void)ignored;
}

/* It has a debug register of its own. */
static bool is_whole(const struct watch *w, unsigned number)
{
	return w->pieces[number].len == w->pieces[number].place->len;
}

void watch_count_accesses(const struct watch *w, uint64_t counts[WATCH_REGISTERS])
{
	uint64_t count;

	memset(counts, 0, WATCH_REGISTERS * sizeof *counts);
	for (size_t i = 0; i < w->fd_count; i++)
		if (w->fds[i].number < w->piece_count &&
		    read(w->fds[i].fd, &count, sizeof count) == sizeof count)
			counts[w->fds[i].number] += count;
}

/* Traps that came while SIGTRAP was blocked are one, or none when the thread has ended. */
static void report_missed(struct session *s, struct watch *w)
{
	uint64_t counts[WATCH_REGISTERS];

	watch_count_accesses(w, counts);
	for (unsigned i = 0; i < w->piece_count; i++) {
		struct piece *p = &w->pieces[i];

		if (is_whole(w, i) && !p->by_kernel && counts[i] > p->traps)
			watch_on_missed(s, w, p->place, counts[i] - p->traps);
	}
}

/* ---- by ptrace() ------------------------------------------------------------------------------ */

/* DR7: enable bit, kind of access and length of each register. */
int watch_arm_thread(const struct watch *w, pid_t tid)
{
	uint64_t control = 0;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < w->piece_count; i++) {
		const struct piece *p = &w->pieces[i];
		uint64_t kind = p->place->access == ACCESS_WRITE ? 1 : 3;
		uint64_t len = p->len == 8 ? 2 : p->len - 1;

		r = tracee_debug_set(tid, (int)i, p->address);
		control |= 1ull << (2 * i) | (kind | len << 2) << (16 + 4 * i);
	}
	if (r == 0 && w->library_at) {          /* 0: an instruction */
		r = tracee_debug_set(tid, WATCH_REGISTERS - 1, w->library_at);
		control |= 1ull << (2 * (WATCH_REGISTERS - 1));
	}
	return r < 0 ? r : tracee_debug_set(tid, 7, control);
}

bool watch_is_blocked(struct session *s, const struct watch *w)
{
	for (struct thread *t = session_thread_next(s, NULL); t; t = session_thread_next(s, t))
		if (t->pid == w->pid && blocks(t))
			return true;
	return false;
}

static bool is_ignored(const struct watch *w)
{
	struct process_signals signals;

	return process_signals(w->pid, &signals) == 0 && (signals.ignored & SIGTRAP_BIT);
}

static int set_all_registers(struct session *s, const struct watch *w)
{
	int r = is_ignored(w) || watch_is_blocked(s, w) ? -EBUSY : 0;

	for (struct thread *t = session_thread_next(s, NULL); r == 0 && t; t = session_thread_next(s, t)) {
		r = t->pid == w->pid ? watch_arm_thread(w, t->tid) : 0;
		if (r == -ESRCH)
			r = 0;
	}
	return r;
}

/* ---- either way ---------------------------------------------------------------------------------- */

/* It will be the same whatever is asked for. */
static bool is_final(int r)
{
	return r == 0 || r == -EMFILE || r == -ENFILE || r == -ENOSPC || r == -ENOMEM;
}

bool watch_has_neighbours(const struct watch *w)
{
	for (unsigned i = 0; i < w->piece_count; i++)
		for (unsigned k = 0; k < i; k++) {
			const struct piece *a = &w->pieces[i], *b = &w->pieces[k];

			if (a->place != b->place && a->address < b->address + b->len + STORE_BYTES &&
			    b->address < a->address + a->len + STORE_BYTES)
				return true;
		}
	return false;
}

int watch_arm_all(struct session *s, struct watch *w)
{
	/* Of a store that hits two of them one event would tell. */
	w->by_events = w->sees_kernel = !watch_has_neighbours(w);
	if (!w->by_events)
		return set_all_registers(s, w);
	int r = open_all_events(s, w);
	if (is_final(r))
		return r;
	w->sees_kernel = false;
	r = open_all_events(s, w);
	if (is_final(r))
		return r;
	w->by_events = false;
	return set_all_registers(s, w);
}

void watch_disarm_all(struct session *s, struct watch *w)
{
	for (struct thread *t = session_thread_next(s, NULL); t; t = session_thread_next(s, t)) {
		if (t->pid != w->pid)
			continue;
		if (!w->by_events && tracee_debug_set(t->tid, 7, 0) < 0)
			continue;
		if (w->by_events && t->is_stopped && !t->is_listening)
			take_back(w, t);
	}
	report_missed(s, w);
	close_events(w);
}
