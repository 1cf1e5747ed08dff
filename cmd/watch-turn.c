/* watch-turn.c - from debug registers to translated code while the program runs.
 *
 * A thread that blocks SIGTRAP does not stop at an access, and the trap that waits can be
 * seen by the program.  Nothing tells us of it, but the kernel counts accesses: now and then
 * these counts are compared with the traps that came.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "attach.h"
#include "message.h"
#include "process.h"
#include "stops.h"
#include "tracee.h"
#include "watch-internal.h"

#define LOOK_NS 10000000        /* how often */
#define LOOK_SHARE 20           /* of the time, at most one in so many is for looking */

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- when ------------------------------------------------------------------------------- */

/* As the kernel says while they run: it may be for a moment only, in the C library. */
static bool seems_blocked(struct session *s, pid_t pid)
{
	struct process_signals signals;

	for (struct thread *t = session_thread_next(s, NULL); t; t = session_thread_next(s, t))
		if (t->pid == pid && process_signals(t->tid, &signals) == 0 &&
		    (signals.blocked >> (SIGTRAP - 1) & 1))
			return true;
	return false;
}

static bool is_blocked(struct session *s, const struct watch *w)
{
	bool is;

	if (!seems_blocked(s, w->pid))
		return false;
	attach_pause_process(s, w->pid);
	is = watch_is_blocked(s, w);
	attach_resume_process(s, w->pid);
	return is;
}

/* Have there been accesses since the last time that no trap has told of? */
static bool has_missed(struct watch *w)
{
	uint64_t counts[WATCH_REGISTERS];
	bool any = false;

	watch_count_accesses(w, counts);
	for (unsigned i = 0; i < w->piece_count; i++) {
		struct piece *p = &w->pieces[i];
		uint64_t missed = counts[i] > p->traps ? counts[i] - p->traps : 0;

		any |= missed > p->missed;
		p->missed = missed;
	}
	return any;
}

static bool is_time_to_turn(struct session *s)
{
	for (struct watch *w = s->watches; w; w = w->next)
		if (w->was_blocked || (has_missed(w) && is_blocked(s, w)))
			return true;
	return false;
}

/* ---- how ---------------------------------------------------------------------------------- */

static bool has_pid(const pid_t *pids, size_t count, pid_t pid)
{
	for (size_t i = 0; i < count; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/* Also those that could not be watched. */
static size_t list_processes(struct session *s, pid_t *pids)
{
	size_t count = 0;

	for (struct thread *t = session_thread_next(s, NULL); t; t = session_thread_next(s, t))
		if (!has_pid(pids, count, t->pid))
			pids[count++] = t->pid;
	return count;
}

static void turn(struct session *s)
{
	pid_t *pids = calloc(s->thread_count + 1, sizeof *pids);
	size_t count = pids ? list_processes(s, pids) : 0;

	for (size_t i = 0; i < count; i++)
		attach_pause_process(s, pids[i]);
	if (count)
		watch_by_code(s, "SIGTRAP is blocked");
	for (size_t i = 0; i < count; i++) {
		struct err err = { 0 };

		if (attach_take_process(s, pids[i], &err) == 0 || err.code == ESRCH)
			continue;
		err_prefix(&err, "process %d is not watched any more", pids[i]);
		message_error(&err);
	}
	free(pids);
}

uint64_t watch_turn_if_blocked(struct session *s)
{
	uint64_t begun = now_ns();

	if (!s->watches || s->options->watch_way != WATCH_AUTO)
		return UINT64_MAX;
	if (begun < s->watch_look_ns)
		return s->watch_look_ns - begun;
	if (!s->ends && !stops_waits_in_vfork(s) && is_time_to_turn(s)) {
		turn(s);
		return UINT64_MAX;
	}
	uint64_t now = now_ns(), next = LOOK_NS + (now - begun) * LOOK_SHARE;
	s->watch_look_ns = now + next;
	return next;
}
