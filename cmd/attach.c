#include "attach.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hijack.h"
#include "life.h"
#include "message.h"
#include "postponed.h"
#include "process.h"
#include "service.h"
#include "stops.h"
#include "tracee.h"
#include "waiting.h"
#include "watch.h"

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- a program of our own ------------------------------------------------------------- */

int attach_spawn(struct session *s, void (*before_exec)(void), struct thread **thread,
		 struct err *err)
{
	pid_t pid;
	int r = tracee_spawn(s->options->program, before_exec, &pid, err);

	*thread = NULL;
	if (r < 0)
		return r == -ENOENT || r == -ENOTDIR ? 127 : r == -ENOMEM || r == -EAGAIN ? 125 : 126;
	s->program = pid;
	*thread = session_thread_add(s, pid, pid);
	if (!*thread) {
		err_set(err, ENOMEM, "out of memory");
		return 125;
	}
	if (stops_settle(s, *thread) < 0) {
		*thread = NULL;
		return 0;
	}
	if (process_is_64bit(pid, err) < 0) {
		err_prefix(err, "%s cannot be traced", s->options->program[0]);
		kill(pid, SIGKILL);
		return 126;
	}
	return 0;
}

int attach_take_program(struct session *s, struct thread *thread, struct err *err)
{
	int r = life_new_target(s, thread, err);

	if (r < 0)
		kill(thread->pid, SIGKILL);
	else
		hijack_resume(thread, 0);
	return r;
}

int attach_start_program(struct session *s, void (*before_exec)(void), struct err *err)
{
	struct thread *thread;
	int status = attach_spawn(s, before_exec, &thread, err);

	if (status || !thread)
		return status;
	return attach_take_program(s, thread, err) < 0 ? 125 : 0;
}

/* ---- some of the threads --------------------------------------------------------------------- */

/* Threads of a process, of a target, or all. */
struct selection {
	pid_t pid;
	const struct target *target;
	bool in_cache;                  /* those only that may be in the code cache */
};

static bool belongs(const struct thread *thread, struct selection which)
{
	return (!which.pid || thread->pid == which.pid) &&
	       (!which.target || thread->target == which.target);
}

/* ---- a running process ------------------------------------------------------------------- */

static bool is_chosen(const struct session *s, pid_t tid)
{
	const struct options *o = s->options;

	for (size_t i = 0; i < o->tid_count; i++)
		if (o->tids[i] == tid)
			return true;
	return o->tid_count == 0;
}

/* Seizes the threads that are not yet ours and asks them to stop; how many. */
static int seize_new(struct session *s, pid_t pid, struct err *err)
{
	pid_t *tids;
	int n = process_threads(pid, &tids), fresh = 0;

	if (n < 0)
		return err_set(err, ESRCH, "no such process");
	for (int i = 0; i < n; i++) {
		struct err why = { 0 };

		if (session_thread(s, tids[i]) || !is_chosen(s, tids[i]))
			continue;
		if (tracee_seize_alone(tids[i], &why) < 0) {
			if (why.code == ESRCH)
				continue;       /* it has just ended */
			process_explain_seize(pid, why.code, err);
			fresh = -why.code;
			break;
		}
		struct thread *thread = session_thread_add(s, tids[i], pid);
		if (!thread) {
			fresh = err_set(err, ENOMEM, "out of memory");
			break;
		}
		waiting_note(thread);
		tracee_interrupt(tids[i]);
		fresh++;
	}
	free(tids);
	return fresh;
}

/* Waits for the stop of one thread.  A signal that arrives first goes on its
 * way: the thread is native still.  Any stop is taken by the kernel for the one that was
 * asked for, so that it has to be asked for again. */
static void collect(struct session *s, struct thread *thread)
{
	struct tracee_stop stop;

	while (!thread->is_stopped) {
		if (tracee_wait(thread->tid, true, &stop) < 0 || tracee_has_ended(&stop)) {
			session_thread_remove(s, thread);
			return;
		}
		if (stop.kind == STOP_INTERRUPT || stop.kind == STOP_GROUP) {
			thread->is_stopped = true;
			thread->is_listening = stop.kind == STOP_GROUP;
			tracee_follow(thread->tid);
		} else {
			tracee_interrupt(thread->tid);
			tracee_resume(thread->tid, TRACEE_CONT,
				      stop.kind == STOP_SIGNAL ? stop.code : 0);
		}
	}
}

static void collect_all(struct session *s, pid_t pid)
{
	struct thread *next;

	for (struct thread *t = session_thread_next(s, NULL); t; t = next) {
		next = session_thread_next(s, t);
		if (t->pid == pid && !t->is_stopped)
			collect(s, t);
	}
}

static void abandon(struct session *s, pid_t pid)
{
	struct thread *next;

	for (struct thread *t = session_thread_next(s, NULL); t; t = next) {
		next = session_thread_next(s, t);
		if (t->pid != pid)
			continue;
		tracee_detach(t->tid, 0);
		session_thread_remove(s, t);
	}
}

int attach_stop_process(struct session *s, pid_t pid, struct err *err)
{
	for (;;) {
		int fresh = seize_new(s, pid, err);

		if (fresh <= 0) {
			collect_all(s, pid);
			if (fresh < 0)
				abandon(s, pid);
			return fresh;
		}
		collect_all(s, pid);
	}
}

/* The thread through which system calls are made: best one that waits for
 * nothing. */
static struct thread *pick_thread(struct session *s, pid_t pid)
{
	struct thread *pick = NULL;

	for (struct thread *t = session_thread_next(s, NULL); t; t = session_thread_next(s, t)) {
		struct user_regs_struct regs;

		if (t->pid != pid || !t->is_stopped)
			continue;
		if (!pick || pick->is_listening)
			pick = t;
		if (!t->is_listening && tracee_regs_get(t->tid, &regs) == 0 &&
		    (long long)regs.orig_rax < 0)
			return t;
	}
	return pick;
}

static int take_in_all(struct session *s, pid_t pid, struct target *target, struct err *err)
{
	for (struct thread *t = session_thread_next(s, NULL); t; t = session_thread_next(s, t)) {
		int r;

		if (t->pid != pid || t->target)
			continue;
		r = life_take_in(s, t, target, err);
		if (r < 0 && err->code != ESRCH)
			return r;
	}
	return 0;
}

static void resume_one(struct thread *t)
{
	if (t->is_listening) {
		t->is_stopped = false;  /* to ptrace it runs: it can be interrupted */
		tracee_resume(t->tid, TRACEE_LISTEN, 0);
	} else {
		hijack_resume(t, 0);
	}
}

/* Who waits on a socket goes first, while the others cannot look at its limit. */
static void resume_all(struct session *s, struct selection which)
{
	for (struct thread *t = session_thread_next(s, NULL); t; t = session_thread_next(s, t))
		if (belongs(t, which) && t->is_stopped && !t->is_listening && t->short_limit.is_set)
			resume_one(t);
	for (struct thread *t = session_thread_next(s, NULL); t; t = session_thread_next(s, t))
		if (belongs(t, which) && t->is_stopped)
			resume_one(t);
}

void attach_resume_process(struct session *s, pid_t pid)
{
	resume_all(s, (struct selection){ .pid = pid });
}

void attach_resume_target(struct session *s, const struct target *target)
{
	resume_all(s, (struct selection){ .target = target });
}

int attach_take_process(struct session *s, pid_t pid, struct err *err)
{
	struct thread *first = pick_thread(s, pid);
	int r;

	if (!first)
		return err_set(err, ESRCH, "no such process");
	r = life_new_target(s, first, err);
	if (r == 0)
		r = take_in_all(s, pid, first->target, err);
	if (r < 0) {
		attach_detach_process(s, pid);
		return r;
	}
	attach_resume_process(s, pid);
	message_verbose(1, "attached to process %d", pid);
	return 0;
}

int attach_process(struct session *s, pid_t pid, struct err *err)
{
	uint64_t start = now_ns();
	int r = process_attachable(pid, err);

	if (r == 0)
		r = attach_stop_process(s, pid, err);
	if (r == 0)
		r = attach_take_process(s, pid, err);
	if (r < 0)
		return r;
	uint64_t took = now_ns() - start;
	s->attach_ns += took;
	if (took > s->stopped_ns)
		s->stopped_ns = took;
	return 0;
}

int attach_all(struct session *s, struct err *err)
{
	size_t attached = 0;

	for (size_t i = 0; i < s->options->pid_count; i++) {
		struct err why = { 0 };

		if (attach_process(s, s->options->pids[i], &why) == 0) {
			attached++;
			continue;
		}
		err_prefix(&why, "cannot attach to process %d", s->options->pids[i]);
		message_error(&why);
	}
	err->code = 0;
	return attached ? 0 : 1;
}

/* ---- stopping what runs --------------------------------------------------------------------- */

/* The thread, if it runs and is still one of these: who has executed a program has another target. */
static struct thread *still_running(struct session *s, pid_t tid, struct selection which)
{
	struct thread *thread = session_thread(s, tid);

	return thread && belongs(thread, which) && !thread->is_stopped ? thread : NULL;
}

/* Waits until the thread stands where its state is ours to change.  What it
 * reports before that is handled as ever; any stop takes back the interrupt.  False:
 * it does not stop until that time (0: ever). */
static bool stop_one(struct session *s, pid_t tid, struct selection which, uint64_t until)
{
	struct tracee_stop stop;
	struct thread *thread;

	while ((thread = still_running(s, tid, which))) {
		if (stops_wait(s, tid, !until, &stop) < 0) {
			session_thread_remove(s, thread);
			return true;
		}
		if (stop.kind == STOP_NONE && !tracee_is_zombie(tid, &stop)) {
			if (now_ns() > until)
				return false;
			nanosleep(&(struct timespec){ 0, 100000 }, NULL);
			continue;
		}
		if (stop.kind == STOP_ZOMBIE) {
			thread->state = THREAD_GONE;
			thread->is_stopped = true;      /* for good */
			return true;
		}
		/* An interrupt overtakes the report of a step, which would be a signal to a
		 * thread that is let go; and faults, which tell of addresses of ours. */
		if (stop.kind == STOP_INTERRUPT && tracee_has_fault(tid)) {
			tracee_resume(tid, TRACEE_CONT, 0);
			continue;
		}
		if (stop.kind == STOP_INTERRUPT || stop.kind == STOP_GROUP) {
			__atomic_store_n(&thread->asks_behind, false, __ATOMIC_RELEASE);
			thread->is_stopped = true;
			thread->is_listening = stop.kind == STOP_GROUP;
			return true;
		}
		stops_handle(s, &stop);
		if (still_running(s, tid, which))
			tracee_interrupt(tid);
	}
	return true;
}

static bool is_to_stop(const struct thread *thread, struct selection which)
{
	return belongs(thread, which) && !thread->is_stopped &&
	       !(which.in_cache && __atomic_load_n(&thread->asks_behind, __ATOMIC_ACQUIRE));
}

static struct thread *find_running(struct session *s, struct selection which)
{
	struct thread *t = session_thread_next(s, NULL);

	while (t && !is_to_stop(t, which))
		t = session_thread_next(s, t);
	return t;
}

static void ask(struct thread *thread)
{
	waiting_note(thread);
	tracee_interrupt(thread->tid);
	thread->is_asked = true;
}

/* True when there was one that still ran, and all of them have stopped in time. */
static bool stop_running(struct session *s, struct selection which, uint64_t until)
{
	struct thread *t;
	bool any = false;

	for (t = session_thread_next(s, NULL); t; t = session_thread_next(s, t)) {
		t->is_asked = is_to_stop(t, which);
		if (t->is_asked)
			ask(t);
		any |= t->is_asked;
	}
	while ((t = find_running(s, which))) {     /* any of them may end meanwhile */
		if (!t->is_asked)       /* and others begin */
			ask(t);
		if (!stop_one(s, t->tid, which, until))
			return false;
	}
	return any;
}

void attach_pause_process(struct session *s, pid_t pid)
{
	while (stop_running(s, (struct selection){ .pid = pid }, 0))
		;
}

void attach_stop_target(struct session *s, const struct target *target)
{
	while (stop_running(s, (struct selection){ .target = target, .in_cache = true }, 0))
		;
}

/* ---- letting go ---------------------------------------------------------------------------- */

/* Everyone's own registers; afterwards nobody needs the arena. */
static void release_registers(struct session *s, struct selection which)
{
	struct user_regs_struct regs;

	for (struct thread *t = session_thread_next(s, NULL); t; t = session_thread_next(s, t)) {
		if (!belongs(t, which) || hijack_app_regs(t, &regs) < 0)
			continue;
		if (!t->is_listening && waiting_was_cut(&regs))
			waiting_again(t, &regs);
		postponed_unblock(t);
		if (hijack_release(t, &regs) == 0)
			t->state = THREAD_NATIVE;
	}
}

void attach_hold_others(struct session *s, const struct thread *but)
{
	struct user_regs_struct regs;
	pid_t pid = but->pid, tid = but->tid;
	uint64_t until = now_ns() + 1000000000;

	while (stop_running(s, (struct selection){ .pid = pid }, until))
		;
	for (struct thread *t = session_thread_next(s, NULL); t; t = session_thread_next(s, t)) {
		if (t->pid != pid || t->tid == tid || !t->is_stopped || t->state != THREAD_IN_CACHE ||
		    hijack_app_regs(t, &regs) < 0 || hijack_release(t, &regs) < 0)
			continue;
		t->state = THREAD_STEPPING;
		t->is_held = true;
		s->held++;
	}
}

void attach_resume_held(struct session *s, pid_t pid)
{
	if (!s->held)
		return;
	s->held = 0;
	for (struct thread *t = session_thread_next(s, NULL); t; t = session_thread_next(s, t)) {
		if (!t->is_held)
			continue;
		if (t->pid != pid) {
			s->held++;
			continue;
		}
		t->is_held = false;
		hijack_resume(t, 0);
	}
}

static void unmap(struct session *s, struct target *target)
{
	struct thread *by = NULL;
	struct err err = { 0 };

	for (struct thread *t = session_thread_next(s, NULL); t; t = session_thread_next(s, t))
		if (t->target == target && t->is_stopped && t->state != THREAD_GONE && (!by || by->is_listening))
			by = t;
	if (by && target_unmap(target, by->tid, NULL, &err) < 0 && err.code != ESRCH)
		message_error(&err);
}

static void detach_threads(struct session *s, struct selection which)
{
	for (struct thread *t = session_thread_next(s, NULL); t; t = session_thread_next(s, t))
		if (belongs(t, which) && t->short_limit.is_set) {
			tracee_detach(t->tid, 0);       /* again below, which does nothing */
			waiting_settle(t, t->tid);
		}

	struct thread *next;

	for (struct thread *t = session_thread_next(s, NULL); t; t = next) {
		next = session_thread_next(s, t);
		if (!belongs(t, which))
			continue;
		tracee_detach(t->tid, 0);
		session_thread_remove(s, t);
	}
}

void attach_detach_process(struct session *s, pid_t pid)
{
	struct selection which = { .pid = pid };

	while (stop_running(s, which, 0))
		;
	release_registers(s, which);
	watch_leave(s, pid);
	for (struct target *target = s->targets; target; target = target->next)
		if (!target_is_gone(target) && (!pid || target->pid == pid))
			unmap(s, target);
	detach_threads(s, which);
}

void attach_detach_all(struct session *s)
{
	uint64_t start = now_ns();

	s->is_detaching = true;
	attach_detach_process(s, 0);
	for (struct target *target = s->targets; target; target = target->next)
		service_stop(target);
	s->detach_ns = now_ns() - start;
}
