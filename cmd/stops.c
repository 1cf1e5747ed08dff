#include "stops.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "attach.h"
#include "hijack.h"
#include "message.h"
#include "output.h"
#include "process.h"
#include "rseq.h"
#include "seccomp.h"
#include "service.h"
#include "watch-code.h"
#include "watch.h"

/* si_code behind a single step: TRAP_TRACE; TRAP_BRKPT behind a system call */
#define STEP_TRAP 2
#define STEP_SYSCALL_TRAP 1

#define ROUND_MAX 64
/* so many signals in a row are a flood, which is held back for a while */
#define FLOOD_SIGNALS 8
#define FLOOD_NS 100000000
/* how often the stop at a handler is looked for before others have their turn */
#define HANDLER_ROUNDS 40

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

static void look_at_dispatch(struct thread *thread)
{
	struct tracee_dispatch dispatch;

	if (tracee_dispatch_get(thread->tid, &dispatch) < 0 || !dispatch.mode)
		return;
	target_lock(thread->target);
	target_dispatch(thread);
	target_unlock(thread->target);
}

/* `parent`: whose filters it has inherited, or NULL. */
static int take_in(struct session *s, struct thread *thread, struct target *target,
		   const struct thread *parent, struct err *err)
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
	/* A parent that may wait has filters that let it, or none. */
	if (!parent || __atomic_load_n(&parent->tb->quiet, __ATOMIC_SEQ_CST))
		look_at_filters(thread);
	look_at_dispatch(thread);
	if (!parent)                    /* a new thread tells of its area by itself */
		thread->tb->rseq = rseq_area(thread->tid);
	const uint32_t payload[2] = { (uint32_t)regs.rsp, (uint32_t)(regs.rsp >> 32) };
	thread_event(thread, target->id_thread, payload);
	return hijack(thread, &regs, err);
}

int stops_take_in(struct session *s, struct thread *thread, struct target *target,
		  struct err *err)
{
	return take_in(s, thread, target, NULL, err);
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
		if (stops_wait(s, thread->tid, true, &stop) < 0)
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

/* ---- turns ----------------------------------------------------------------------------- */

static bool take_from_round(struct session *s, pid_t tid, struct tracee_stop *out)
{
	for (unsigned i = s->round_at; i < s->round_count; i++) {
		if (s->round[i].tid != tid)
			continue;
		*out = s->round[i];
		s->round[i].tid = 0;
		return true;
	}
	return false;
}

int stops_wait(struct session *s, pid_t tid, bool block, struct tracee_stop *out)
{
	if (take_from_round(s, tid, out))
		return 0;
	return tracee_wait(tid, block, out);
}

/* waitpid() prefers some threads to others: who stops again and again must not keep it
 * from those that wait. */
static void collect_round(struct session *s)
{
	if (!s->round)
		s->round = calloc(ROUND_MAX, sizeof *s->round);
	s->round_at = s->round_count = 0;
	while (s->round && s->round_count < ROUND_MAX) {
		struct tracee_stop *stop = &s->round[s->round_count];

		if (tracee_wait(-1, false, stop) < 0 || stop->kind == STOP_NONE)
			break;
		s->round_count++;
	}
}

/* It may have been killed while it waited for its turn, or another thread have executed
 * a program in its place. */
static bool is_stale(const struct session *s, const struct tracee_stop *stop)
{
	return s->round_at > 1 && tracee_has_news(stop->tid) &&
	       (stop->kind == STOP_SIGNAL || stop->kind == STOP_INTERRUPT ||
		stop->kind == STOP_GROUP);
}

/* ---- children that come before their parent's word ---------------------------------------- */

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
	free(s->round);
	s->round = NULL;
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
	const struct thread *first = session_thread(s, target->pid);
	if (first && first->target == target)
		return;
	for (struct thread *t = session_thread_next(s, NULL); t; t = session_thread_next(s, t))
		if (t->target == target)
			return;
	__atomic_store_n(&target->is_gone, true, __ATOMIC_RELEASE);
	session_wake_output(s);
	session_wake(s);
}

/* ---- signals ------------------------------------------------------------------------------------ */

enum disposition {
	DISPOSITION_HANDLER,
	DISPOSITION_STAYS,
	DISPOSITION_STOPS,
	DISPOSITION_ENDS,
};

static bool dumps_core(int signal)
{
	static const uint64_t set = 1ull << SIGQUIT | 1ull << SIGILL | 1ull << SIGTRAP |
				    1ull << SIGABRT | 1ull << SIGBUS | 1ull << SIGFPE |
				    1ull << SIGSEGV | 1ull << SIGXCPU | 1ull << SIGXFSZ |
				    1ull << SIGSYS;

	return set >> signal & 1;
}

static bool stops_process(int signal)
{
	return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

/* What was found out before is true until the program says otherwise. */
static void forget_signals(struct thread *thread)
{
	struct target *target = thread->target;
	uint32_t *noted = &target->control->noted;
	bool is_noted = __atomic_load_n(noted, __ATOMIC_RELAXED) &&
			__atomic_exchange_n(noted, 0, __ATOMIC_ACQ_REL);

	if (is_noted || target->signals_of != thread->pid)
		target->handled = target->ignored = 0;
	target->signals_of = thread->pid;
}

/* But a handler may have reset itself (SA_RESETHAND): where that matters, the kernel
 * is asked. */
static bool is_handled_again(const struct target *target, int signal)
{
	return (target->handled >> (signal - 1) & 1) && !dumps_core(signal) &&
	       !stops_process(signal);
}

/* What the signal will do to the process when it is delivered now. */
static enum disposition ask_disposition(pid_t tid, int signal)
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
	default:
		return stops_process(signal) ? DISPOSITION_STOPS : DISPOSITION_ENDS;
	}
}

static enum disposition disposition(struct thread *thread, int signal)
{
	struct target *target = thread->target;
	uint64_t bit = 1ull << (signal - 1);

	if (!target)
		return ask_disposition(thread->tid, signal);
	forget_signals(thread);
	if (is_handled_again(target, signal))
		return DISPOSITION_HANDLER;
	if (target->ignored & bit)
		return DISPOSITION_STAYS;
	enum disposition what = ask_disposition(thread->tid, signal);
	target->handled |= what == DISPOSITION_HANDLER ? bit : 0;
	target->ignored |= what == DISPOSITION_STAYS ? bit : 0;
	return what;
}

static bool has_address(int signal)
{
	return signal == SIGILL || signal == SIGFPE || signal == SIGSEGV || signal == SIGBUS ||
	       signal == SIGTRAP || signal == SIGSYS;
}

/* Faults report an address that may be the instruction's own: the program's. */
static void correct_siginfo(struct thread *thread, uint64_t cache_pc, uint64_t app_pc)
{
	siginfo_t info;

	if (tracee_siginfo_get(thread->tid, &info) < 0)
		return;
	if (info.si_code <= 0 || (uint64_t)info.si_addr != cache_pc)
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

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* A thread that gets the next signal before it has left the last one's end behind makes
 * no progress, and would not until the sender does something else. */
static void look_for_flood(struct session *s, struct thread *thread, uint64_t at)
{
	const struct target *target = thread->target;
	bool gets_nowhere = translator_is_behind_sigreturn(target->translator,
							    (struct cache_pc){ at }, thread->tb);

	thread->idle_signals = gets_nowhere ? thread->idle_signals + 1 : 0;
	if (thread->idle_signals < FLOOD_SIGNALS)
		return;
	thread->idle_signals = 0;
	__atomic_store_n(&s->flood_ends_ns, now_ns() + FLOOD_NS, __ATOMIC_RELEASE);
	for (struct target *t = s->targets; t; t = t->next)
		if (!target_is_gone(t))
			target_watch_senders(t, true);
}

/* The stop at the first instruction of a handler is a matter of microseconds, less
 * than it takes to fall asleep and be woken. */
static void await_handler(struct session *s, pid_t tid)
{
	struct tracee_stop stop;

	for (int i = 0; i < HANDLER_ROUNDS; i++) {
		if (stops_wait(s, tid, false, &stop) < 0)
			return;
		if (stop.kind != STOP_NONE) {
			stops_handle(s, &stop);
			return;
		}
		sched_yield();
	}
}

static void deliver(struct session *s, struct thread *thread, int signal)
{
	struct user_regs_struct regs, raw;
	enum disposition what = disposition(thread, signal);

	s->signals++;
	thread->steps_call = false;
	bool stays = what == DISPOSITION_STAYS || what == DISPOSITION_STOPS;

	if (!thread->tb || (stays && thread->state == THREAD_IN_CACHE)) {
		if (what == DISPOSITION_STAYS)
			hijack_keep_waiting(thread);
		resume(thread, signal);
		return;
	}
	bool is_known = tracee_regs_get(thread->tid, &raw) == 0;
	if (is_known && (signal == SIGSEGV || signal == SIGBUS) && watch_code_fault(thread, &raw)) {
		resume(thread, 0);
		return;
	}
	if (is_known)
		look_for_flood(s, thread, raw.rip);
	if (!is_known || hijack_app_regs(thread, &regs) < 0) {
		resume(thread, signal);
		return;
	}
	if (has_address(signal))
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
	pid_t tid = thread->tid;
	resume(thread, signal);
	if (what == DISPOSITION_HANDLER)
		await_handler(s, tid);
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
	else if (thread->steps_call)
		service_after_call(thread, &regs);
	thread->steps_call = false;
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

static bool is_syscall(const struct thread *thread, uint64_t pc)
{
	uint8_t bytes[2];

	return tracee_read(thread->tid, pc, bytes, 2) == 2 && bytes[0] == 0x0f && bytes[1] == 0x05;
}

/* Runs one instruction of the program natively. */
static void step(struct thread *thread)
{
	struct user_regs_struct regs;

	thread_want_step(thread, false);
	if (hijack_app_regs(thread, &regs) < 0) {
		resume(thread, 0);
		return;
	}
	thread->steps_call = thread->target->steps_syscalls && is_syscall(thread, regs.rip);
	if (thread->steps_call && service_before_call(thread, &regs)) {
		struct err err = { 0 };

		if (hijack(thread, &regs, &err) == 0)
			resume(thread, 0);
		return;
	}
	thread->state = THREAD_STEPPING;
	if (hijack_release(thread, &regs) == 0)
		resume(thread, 0);
}

/* A followed child that somebody else is to trace goes on natively, for good. */
static void give_up(struct session *s, pid_t pid)
{
	struct target *target = s->targets;

	message_warning("process %d is to be traced by another program: it is set free", pid);
	attach_detach_process(s, pid);
	while (target && target->pid != pid)
		target = target->next;
	if (!target)
		return;
	__atomic_store_n(&target->is_gone, true, __ATOMIC_RELEASE);
	session_wake_output(s);
	session_wake(s);
}

/* ptrace(): a debugger that we follow takes a child that we follow, or a child offers
 * itself.  The program that was started by us has us as its parent: it is refused. */
static void on_ptrace(struct session *s, struct thread *thread)
{
	struct thread_block *tb = thread->tb;
	bool offers_itself = tb->gpr[7] == PTRACE_TRACEME;
	struct thread *wanted = offers_itself ? thread : session_thread(s, (pid_t)tb->gpr[6]);

	thread_want_step(thread, false);
	if (wanted && wanted->pid != s->program && (offers_itself || wanted->pid != thread->pid))
		give_up(s, wanted->pid);
	if (wanted == thread && thread->pid != s->program)
		return;
	target_lock(thread->target);
	service_answer(thread, thread->target->runtime.syscall_native);
	target_unlock(thread->target);
	resume(thread, 0);
}

static void on_interrupt(struct session *s, struct thread *thread)
{
	if (thread_wants_step(thread) && thread->tb && service_is_waiting(thread->tb)) {
		if (thread->tb->request_kind == REQUEST_SYSCALL_PRE)
			on_ptrace(s, thread);
		else
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
	return stops_wait(s, tid, true, stop) == 0;
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
	if (!shares_memory)
		hijack_forget_sequence(child->tid, parent);
	r = tracee_regs_set(child->tid, &regs);
	if (r == 0)
		r = shares_memory ? take_in(s, child, parent->target, parent, &err)
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
		if (!process_shares_memory(child->pid, parent->pid))
			hijack_forget_sequence(child->tid, parent);
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

/* Cheaper than to read it in /proc. */
static bool is_thread_of(pid_t tid, pid_t pid)
{
	return syscall(SYS_tgkill, pid, tid, 0) == 0;
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
	pid_t pid = is_thread_of(tid, parent->pid) ? parent->pid : process_of_thread(tid);
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
			struct tracee_stop stale;
			bool last = true;

			while (take_from_round(s, t->tid, &stale))
				;
			session_thread_remove(s, t);
			for (struct thread *o = session_thread_next(s, NULL); o && last;
			     o = session_thread_next(s, o))
				last = o->target != target;
			if (target && last)
				__atomic_store_n(&target->is_gone, true, __ATOMIC_RELEASE);
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
		on_interrupt(s, thread);
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
	do {
		if (s->round_at == s->round_count)
			collect_round(s);
		while (!stops_may_end(s) && s->round_at < s->round_count) {
			struct tracee_stop stop = s->round[s->round_at++];

			if (stop.tid && !is_stale(s, &stop))
				stops_handle(s, &stop);
		}
	} while (!stops_may_end(s) && s->round_count);
}
