#include "stops.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "attach.h"
#include "hijack.h"
#include "message.h"
#include "output.h"
#include "process.h"
#include "seccomp.h"
#include "service.h"
#include "watch-code.h"
#include "watch.h"

/* si_code behind a single step: TRAP_TRACE; TRAP_BRKPT behind a system call */
#define STEP_TRAP 2
#define STEP_SYSCALL_TRAP 1

/* A stop of a thread that its parent has not told of yet. */
struct tracee_early {
	struct tracee_stop stop;
	struct tracee_early *next;
};

/* ---- taking in ------------------------------------------------------------------------- */

/* Would the thread's filters let the runtime wait and wake? */
static bool may_wait(const struct thread *thread)
{
	struct seccomp_data data = {
		.nr = SYS_futex,
		.arch = AUDIT_ARCH_X86_64,
		.instruction_pointer = thread->target->runtime.syscall_done.address,
	};
	bool allowed = true;

	for (uint64_t op = FUTEX_WAIT; op <= FUTEX_WAKE; op++) {
		data.args[1] = op;
		allowed &= seccomp_allows(thread->tid, &data);
	}
	return allowed;
}

static void look_at_filters(struct thread *thread)
{
	int mode = seccomp_mode(thread->tid);

	if (mode == SECCOMP_MODE_STRICT || (mode == SECCOMP_MODE_FILTER && !may_wait(thread)))
		thread_be_quiet(thread);
}

int stops_take_in(struct session *s, struct thread *thread, struct target *target,
		  struct err *err)
{
	struct user_regs_struct regs;
	int r;

	if (tracee_regs_get(thread->tid, &regs) < 0)
		return err_set(err, ESRCH, "thread %d is gone", thread->tid);
	r = target_area_take(target, thread, regs.gs_base, err);
	if (r < 0)
		return r;
	r = output_stream_begin(s->output, thread, err);
	if (r < 0) {
		while (!target_area_release(thread))
			sched_yield();
		return r;
	}
	look_at_filters(thread);
	const uint32_t payload[2] = { (uint32_t)regs.rsp, (uint32_t)(regs.rsp >> 32) };
	thread_event(thread, target->id_thread, payload);
	return hijack(thread, &regs, err);
}

int stops_new_target(struct session *s, struct thread *thread, struct err *err)
{
	struct target *target;
	int r = target_create(s, thread->pid, thread->tid, &target, err);

	if (r < 0)
		return r;
	session_target_add(s, target);
	r = service_start(target, err);
	if (r == 0)
		r = stops_take_in(s, thread, target, err);
	return r;
}

/* ---- stops in general --------------------------------------------------------------------- */

static void resume(struct thread *thread, int signal)
{
	hijack_resume(thread, signal);  /* -ESRCH: killed meanwhile; its end is reported */
}

/* Lets the thread go, native, for good. */
static void let_go(struct session *s, struct thread *thread, int signal)
{
	tracee_detach(thread->tid, signal);
	session_thread_remove(s, thread);
}

int stops_settle(struct session *s, struct thread *thread)
{
	struct tracee_stop stop;

	tracee_interrupt(thread->tid);
	if (tracee_resume(thread->tid, TRACEE_CONT, 0) < 0)
		return -ESRCH;
	for (;;) {
		if (tracee_wait(thread->tid, true, &stop) < 0)
			return -ESRCH;
		if (stop.kind == STOP_INTERRUPT || stop.kind == STOP_GROUP)
			return 0;
		if (stop.kind == STOP_EXITED || stop.kind == STOP_KILLED) {
			stops_handle(s, &stop);
			return -ESRCH;
		}
		if (tracee_resume(thread->tid, TRACEE_CONT,
				  stop.kind == STOP_SIGNAL ? stop.code : 0) < 0)
			return -ESRCH;
	}
}

static void keep_early(struct session *s, const struct tracee_stop *stop)
{
	struct tracee_early *early = calloc(1, sizeof *early);

	if (!early)
		return;
	early->stop = *stop;
	early->next = s->early;
	s->early = early;
}

static bool take_early(struct session *s, pid_t tid, struct tracee_stop *out)
{
	for (struct tracee_early **link = &s->early; *link; link = &(*link)->next) {
		struct tracee_early *early = *link;

		if (early->stop.tid != tid)
			continue;
		*out = early->stop;
		*link = early->next;
		free(early);
		return true;
	}
	return false;
}

void stops_forget(struct session *s)
{
	while (s->early) {
		struct tracee_early *early = s->early;

		s->early = early->next;
		free(early);
	}
}

/* ---- the end of a thread --------------------------------------------------------------------- */

static void on_end(struct session *s, struct thread *thread, const struct tracee_stop *stop)
{
	struct target *target = thread->target;

	if (thread->tid == s->program) {
		s->program_ended = true;
		s->program_status = stop->status;
	}
	thread->state = THREAD_GONE;
	session_thread_remove(s, thread);
	if (!target)
		return;
	for (struct thread *t = session_thread_next(s, NULL); t; t = session_thread_next(s, t))
		if (t->target == target)
			return;
	target->is_gone = true;
	session_wake(s);
}

/* ---- signals ------------------------------------------------------------------------------------ */

enum disposition {
	DISPOSITION_HANDLER,
	DISPOSITION_STAYS,
	DISPOSITION_STOPS,
	DISPOSITION_ENDS,
};

/* What the signal will do to the process when it is delivered now. */
static enum disposition disposition(pid_t tid, int signal)
{
	struct process_signals signals;
	uint64_t bit = 1ull << (signal - 1);

	if (process_signals(tid, &signals) < 0)
		return DISPOSITION_ENDS;
	if (signals.caught & bit)
		return DISPOSITION_HANDLER;
	if (signals.ignored & bit)
		return DISPOSITION_STAYS;
	switch (signal) {
	case SIGCHLD:
	case SIGURG:
	case SIGWINCH:
	case SIGCONT:
		return DISPOSITION_STAYS;
	case SIGSTOP:
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
		return DISPOSITION_STOPS;
	default:
		return DISPOSITION_ENDS;
	}
}

/* Faults report an address that may be the instruction's own: the program's. */
static void correct_siginfo(struct thread *thread, uint64_t cache_pc, uint64_t app_pc)
{
	siginfo_t info;

	if (tracee_siginfo_get(thread->tid, &info) < 0)
		return;
	bool has_address = info.si_signo == SIGILL || info.si_signo == SIGFPE ||
			   info.si_signo == SIGSEGV || info.si_signo == SIGBUS ||
			   info.si_signo == SIGTRAP || info.si_signo == SIGSYS;
	if (!has_address || info.si_code <= 0 || (uint64_t)info.si_addr != cache_pc)
		return;
	info.si_addr = (void *)app_pc;
	if (tracee_siginfo_set(thread->tid, &info) < 0)
		return;
}

/* The thread stands at the first instruction of a handler. */
static void signal_event(struct thread *thread, const struct user_regs_struct *regs)
{
	const struct interrupted *was = &thread->interrupted;
	const uint32_t payload[8] = {
		(uint32_t)was->signal, (uint32_t)was->rsp, (uint32_t)was->rip,
		(uint32_t)(was->rip >> 32), (uint32_t)regs->rsp, (uint32_t)regs->rip,
		(uint32_t)(regs->rip >> 32),
	};

	thread_event(thread, thread->target->id_signal, payload);
}

static void on_handler(struct thread *thread, const struct user_regs_struct *regs)
{
	signal_event(thread, regs);
	watch_code_signal(thread, thread->interrupted.signal);
}

static bool dumps_core(int signal)
{
	static const uint64_t set = 1ull << SIGQUIT | 1ull << SIGILL | 1ull << SIGTRAP |
				    1ull << SIGABRT | 1ull << SIGBUS | 1ull << SIGFPE |
				    1ull << SIGSEGV | 1ull << SIGXCPU | 1ull << SIGXFSZ |
				    1ull << SIGSYS;

	return set >> signal & 1;
}

/* The program is about to end by the signal. */
static void say_end(const struct thread *thread, int signal, uint64_t cache_pc, uint64_t pc)
{
	char at[256];

	target_symbols_lock(thread->target);
	symbols_format(thread->target->symbols, pc, at, sizeof at);
	target_symbols_unlock(thread->target);
	message_verbose(1, "thread %d: signal %d (%s) at %s", thread->tid, signal,
			strsignal(signal), at);
	message_verbose(2, "cache pc 0x%lx, pc 0x%lx", cache_pc, pc);
}

static void deliver(struct session *s, struct thread *thread, int signal)
{
	enum disposition what = disposition(thread->tid, signal);
	struct user_regs_struct regs, raw;

	s->signals++;
	bool stays = what == DISPOSITION_STAYS || what == DISPOSITION_STOPS;

	if (!thread->tb || (stays && thread->state == THREAD_IN_CACHE)) {
		if (what == DISPOSITION_STAYS)
			hijack_keep_waiting(thread);
		resume(thread, signal);
		return;
	}
	if (tracee_regs_get(thread->tid, &raw) < 0 || hijack_app_regs(thread, &regs) < 0) {
		resume(thread, signal);
		return;
	}
	correct_siginfo(thread, raw.rip, regs.rip);
	if (what == DISPOSITION_HANDLER) {
		thread->interrupted = (struct interrupted){ signal, regs.rsp, regs.rip };
		/* The frame does not hold gs; the handler's translation wants ours. */
		regs.gs_base = target_gs(thread);
		thread->state = THREAD_ENTERING;
	} else if (what == DISPOSITION_ENDS) {
		say_end(thread, signal, raw.rip, regs.rip);
		/* Should it survive (an init process does), one step on it is seen. */
		thread->state = THREAD_ENTERING;
	}
	if (hijack_release(thread, &regs) < 0)
		return;
	if (what == DISPOSITION_ENDS && dumps_core(signal)) {
		pid_t tid = thread->tid;

		attach_hold_others(s, thread);
		if (session_thread(s, tid) != thread)
			return;
	}
	resume(thread, signal);
}

/* Into the cache, from wherever the thread natively is. */
static void enter(struct session *s, struct thread *thread, bool at_handler)
{
	struct user_regs_struct regs;
	struct err err = { 0 };

	if (tracee_regs_get(thread->tid, &regs) < 0)
		return;
	if (at_handler)
		on_handler(thread, &regs);
	if (hijack(thread, &regs, &err) < 0 && err.code != ESRCH) {
		message_error(&err);
		s->ends = true;
		return;
	}
	resume(thread, 0);
}

static void on_signal(struct session *s, struct thread *thread, int signal)
{
	siginfo_t info;

	if (signal == SIGTRAP && s->watches && watch_on_trap(s, thread)) {
		resume(thread, 0);
		return;
	}
	if (signal == SIGTRAP && tracee_siginfo_get(thread->tid, &info) == 0) {
		/* ptrace_notify() after a handler's frame was set up: si_code SIGTRAP */
		bool at_handler = thread->state == THREAD_ENTERING && info.si_code == SIGTRAP;
		bool stepped = (thread->state == THREAD_STEPPING ||
				thread->state == THREAD_ENTERING) &&
			       (info.si_code == STEP_TRAP || info.si_code == STEP_SYSCALL_TRAP);

		if (at_handler || stepped) {
			s->steps += stepped;
			enter(s, thread, at_handler);
			attach_resume_held(s, thread->pid);
			return;
		}
	}
	deliver(s, thread, signal);
}

/* ---- interrupts ---------------------------------------------------------------------------------- */

/* Runs one instruction of the program natively. */
static void step(struct thread *thread)
{
	struct user_regs_struct regs;

	thread_want_step(thread, false);
	if (hijack_app_regs(thread, &regs) < 0) {
		resume(thread, 0);
		return;
	}
	thread->state = THREAD_STEPPING;
	if (hijack_release(thread, &regs) == 0)
		resume(thread, 0);
}

static void on_interrupt(struct thread *thread)
{
	if (thread_wants_step(thread) && thread->tb && service_is_waiting(thread->tb)) {
		step(thread);
		return;
	}
	if (thread->was_in_group_stop)
		hijack_end_waiting(thread);
	else
		hijack_keep_waiting(thread);
	thread->was_in_group_stop = false;
	resume(thread, 0);
}

/* ---- new threads and processes -------------------------------------------------------------------- */

/* The state that a child starts with is the parent's, in the middle of its
 * system call: behind it, in the program's terms. */
static void child_regs(const struct thread *parent, struct user_regs_struct *regs)
{
	regs->rip = parent->tb->sys_next;
	regs->rcx = parent->tb->sys_next;
	regs->gs_base = parent->tb->app_gs;
	regs->orig_rax = ~0ull;
}

static bool await_child(struct session *s, pid_t tid, struct tracee_stop *stop)
{
	if (take_early(s, tid, stop))
		return true;
	return tracee_wait(tid, true, stop) == 0;
}

static void child_failed(struct session *s, struct thread *child, const struct err *err)
{
	message_error(err);
	s->ends = true;
	(void)child;
}

/* Killed in the middle of what failed: that is no failure. */
static bool was_killed(const struct thread *thread)
{
	struct user_regs_struct regs;

	return tracee_regs_get(thread->tid, &regs) < 0;
}

/* A thread of the same process, or a followed child: onto the cache. */
static void take_child(struct session *s, struct thread *parent, struct thread *child,
		       bool shares_memory)
{
	struct user_regs_struct regs;
	struct err err = { 0 };
	int r = tracee_regs_get(child->tid, &regs);

	if (r < 0)
		return;
	child_regs(parent, &regs);
	r = tracee_regs_set(child->tid, &regs);
	if (r == 0)
		r = shares_memory ? stops_take_in(s, child, parent->target, &err)
				  : stops_new_target(s, child, &err);
	if (r < 0 && err.code && err.code != ESRCH && !was_killed(child))
		child_failed(s, child, &err);
	else
		resume(child, 0);
}

static void release_child(struct session *s, struct thread *parent, struct thread *child)
{
	struct user_regs_struct regs;

	if (parent->tb && tracee_regs_get(child->tid, &regs) == 0) {
		child_regs(parent, &regs);
		if (tracee_regs_set(child->tid, &regs) < 0)
			return;
	}
	let_go(s, child, 0);
}

/* Nothing is translated: the child runs natively, too. */
static void take_watched_child(struct session *s, const struct thread *parent,
			       struct thread *child)
{
	if (child->pid != parent->pid && !s->options->follow) {
		let_go(s, child, 0);
		return;
	}
	watch_thread(s, child);
	resume(child, 0);
}

static void on_child(struct session *s, struct thread *parent, const struct tracee_stop *stop)
{
	pid_t tid = (pid_t)stop->message;
	struct tracee_stop first;
	struct thread *child;

	if (!await_child(s, tid, &first) || first.kind == STOP_EXITED ||
	    first.kind == STOP_KILLED) {
		resume(parent, 0);
		return;
	}
	pid_t pid = process_of_thread(tid);
	child = session_thread_add(s, tid, pid > 0 ? pid : tid);
	if (!child)
		s->ends = true;
	else if (s->watches)
		take_watched_child(s, parent, child);
	else if (pid == parent->pid)
		take_child(s, parent, child, true);
	else if (!s->options->follow || s->is_detaching)
		release_child(s, parent, child);
	else {
		child->vfork_parent = stop->kind == STOP_VFORK ? parent->tid : 0;
		take_child(s, parent, child, process_shares_memory(pid, parent->pid));
	}
	resume(parent, 0);
}

/* ---- exec -------------------------------------------------------------------------------------------- */

/* Whoever called execve now has the process's id; all its other threads ended. */
static struct thread *after_exec(struct session *s, pid_t pid, pid_t former)
{
	struct thread *thread = session_thread(s, pid), *next;
	bool followed = thread && thread->is_followed;

	for (struct thread *t = session_thread_next(s, NULL); t; t = next) {
		next = session_thread_next(s, t);
		if (t->pid == pid || t->tid == former) {
			struct target *target = t->target;
			bool last = true;

			session_thread_remove(s, t);
			for (struct thread *o = session_thread_next(s, NULL); o && last;
			     o = session_thread_next(s, o))
				last = o->target != target;
			if (target && last)
				target->is_gone = true;
		}
	}
	thread = session_thread_add(s, pid, pid);
	if (thread)
		thread->is_followed = followed;
	session_wake(s);
	return thread;
}

static void on_exec(struct session *s, const struct tracee_stop *stop)
{
	struct thread *thread = after_exec(s, stop->tid, (pid_t)stop->message);
	struct err err = { 0 };

	if (!thread) {
		s->ends = true;
		return;
	}
	if (stops_settle(s, thread) < 0)
		return;
	if (s->watches) {
		if (watch_exec(s, thread))
			resume(thread, 0);
		else
			let_go(s, thread, 0);
		return;
	}
	if (process_is_64bit(thread->pid, &err) < 0) {
		message_warning("process %d has executed another program, which is not traced: %s",
				thread->pid, err.text);
		let_go(s, thread, 0);
		return;
	}
	if (stops_new_target(s, thread, &err) < 0) {
		if (err.code != ESRCH && !was_killed(thread))
			message_error(&err);
		let_go(s, thread, 0);
		return;
	}
	resume(thread, 0);
}

/* ---- all of them ---------------------------------------------------------------------------------------- */

void stops_handle(struct session *s, const struct tracee_stop *stop)
{
	struct thread *thread = session_thread(s, stop->tid);

	s->stops++;
	if (stop->kind == STOP_EXEC) {
		on_exec(s, stop);
		return;
	}
	if (!thread) {
		if (stop->kind != STOP_EXITED && stop->kind != STOP_KILLED)
			keep_early(s, stop);
		return;
	}
	thread->is_stopped = true;
	switch (stop->kind) {
	case STOP_EXITED:
	case STOP_KILLED:
		on_end(s, thread, stop);
		break;
	case STOP_SIGNAL:
		on_signal(s, thread, stop->code);
		break;
	case STOP_GROUP:
		thread->is_listening = true;
		thread->was_in_group_stop = true;
		thread->is_stopped = false;     /* to ptrace it runs: it can be interrupted */
		tracee_resume(thread->tid, TRACEE_LISTEN, 0);
		break;
	case STOP_INTERRUPT:
		on_interrupt(thread);
		break;
	case STOP_CLONE:
	case STOP_FORK:
	case STOP_VFORK:
		on_child(s, thread, stop);
		break;
	default:
		resume(thread, 0);
	}
}

bool stops_may_end(struct session *s)
{
	struct thread *t = NULL;

	if (!s->ends)
		return false;
	while ((t = session_thread_next(s, t)))
		if (t->vfork_parent && session_thread(s, t->vfork_parent))
			return false;
	return true;
}

void stops_handle_all(struct session *s)
{
	struct tracee_stop stop;

	while (!stops_may_end(s) && tracee_wait(-1, false, &stop) == 0 && stop.kind != STOP_NONE)
		stops_handle(s, &stop);
}
