#include "stops.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>

#include "attach.h"
#include "hijack.h"
#include "life.h"
#include "lock-memory.h"
#include "message.h"
#include "postponed.h"
#include "service.h"
#include "signals.h"
#include "syscalls.h"
#include "watch-code.h"
#include "watch.h"

/* si_code behind a single step: TRAP_TRACE; TRAP_BRKPT behind a system call */
#define STEP_TRAP 2
#define STEP_SYSCALL_TRAP 1

#define ROUND_MAX 64

/* ---- turns ------------------------------------------------------------------------------- */

bool stops_take_pending(struct session *s, pid_t tid, struct tracee_stop *out)
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
	if (stops_take_pending(s, tid, out))
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
		if (tracee_has_ended(&stop)) {
			stops_handle(s, &stop);
			return -ESRCH;
		}
		if (tracee_resume(thread->tid, TRACEE_CONT,
				  stop.kind == STOP_SIGNAL ? stop.code : 0) < 0)
			return -ESRCH;
	}
}

/* ---- what each kind of stop asks for ----------------------------------------------------- */

/* Into the cache, from wherever the thread natively is. */
static void enter(struct session *s, struct thread *thread, bool at_handler)
{
	struct user_regs_struct regs;
	struct err err = { 0 };

	if (tracee_regs_get(thread->tid, &regs) < 0)
		return;
	watch_code_stepped(thread, &regs);
	if (at_handler)
		signals_at_handler(thread, &regs);
	else if (thread->steps_call)
		syscalls_after_in_place(thread, &regs);
	thread->steps_call = false;
	if (hijack(thread, &regs, &err) < 0 && err.code != ESRCH) {
		message_error(&err);
		s->ends = true;
		return;
	}
	hijack_resume(thread, 0);
}

static void on_signal(struct session *s, struct thread *thread, int signal)
{
	siginfo_t info;

	if (signal == SIGTRAP && s->watches) {
		enum watch_trap trap = watch_on_trap(s, thread);

		if (trap == WATCH_TRAP_OURS)
			hijack_resume(thread, 0);
		if (trap != WATCH_TRAP_ANOTHERS)
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
	signals_deliver(s, thread, signal);
}

static bool is_syscall(const struct thread *thread, uint64_t pc)
{
	uint8_t bytes[2];

	return tracee_read(thread->tid, pc, bytes, 2) == 2 && bytes[0] == 0x0f && bytes[1] == 0x05;
}

/* Into the cache again: it is done, or will ask once more. */
static void go_back(struct thread *thread, struct user_regs_struct *regs)
{
	struct err err = { 0 };

	if (hijack(thread, regs, &err) == 0)
		hijack_resume(thread, 0);
}

/* Runs one instruction of the program natively. */
static void step(struct thread *thread)
{
	struct user_regs_struct regs;

	thread_want_step(thread, false);
	if (hijack_app_regs(thread, &regs) < 0) {
		hijack_resume(thread, 0);
		return;
	}
	thread->steps_call = thread->target->steps_syscalls && is_syscall(thread, regs.rip);
	if ((thread->steps_call && syscalls_before_in_place(thread, &regs)) ||
	    !watch_code_step(thread, &regs)) {
		go_back(thread, &regs);
		return;
	}
	thread->state = THREAD_STEPPING;
	if (hijack_release(thread, &regs) == 0)
		hijack_resume(thread, 0);
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
	hijack_resume(thread, 0);
}

/* In a group-stop: it stays, until the program goes on. */
static void listen_on(struct thread *thread)
{
	thread->is_listening = true;
	thread->was_in_group_stop = true;
	thread->is_stopped = false;     /* to ptrace it runs: it can be interrupted */
	tracee_resume(thread->tid, TRACEE_LISTEN, 0);
}

static void on_mlockall(struct thread *thread)
{
	struct thread_block *tb = thread->tb;
	struct err err = { 0 };

	thread_want_step(thread, false);
	int r = lock_memory(thread, &err);

	if (r == -ESRCH)
		return;
	if (r < 0) {
		message_warning("memory is not locked: %s", err.text);
		tb->gpr[0] = (uint64_t)-ENOMEM;
	}
	tb->gpr[1] = tb->sys_next;
	tb->gpr[11] = tb->rflags;
	target_lock(thread->target);
	service_answer(thread, (struct cache_pc){ tb->sys_resume });
	target_unlock(thread->target);
	if (r == 1)             /* its process was stopped meanwhile */
		listen_on(thread);
	else
		hijack_resume(thread, 0);
}

static void on_interrupt(struct session *s, struct thread *thread)
{
	postponed_unblock(thread);
	if (thread_wants_step(thread) && thread->tb && service_is_waiting(thread->tb)) {
		if (thread->tb->request_kind == REQUEST_SYSCALL_PRE &&
		    lock_memory_is_asked(thread->tb))
			on_mlockall(thread);
		else if (thread->tb->request_kind == REQUEST_SYSCALL_PRE)
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
	hijack_resume(thread, 0);
}

/* ---- all of them ------------------------------------------------------------------------- */

void stops_handle(struct session *s, const struct tracee_stop *stop)
{
	struct thread *thread = session_thread(s, stop->tid);

	s->stops++;
	if (stop->kind == STOP_EXEC) {
		life_on_exec(s, stop);
		return;
	}
	if (!thread) {
		if (stop->kind != STOP_EXITED && stop->kind != STOP_KILLED)
			life_keep_early(s, stop);
		return;
	}
	thread->is_stopped = true;
	__atomic_store_n(&thread->asks_behind, false, __ATOMIC_RELEASE);
	switch (stop->kind) {
	case STOP_EXITED:
	case STOP_KILLED:
		life_on_end(s, thread, stop);
		break;
	case STOP_SIGNAL:
		on_signal(s, thread, stop->code);
		break;
	case STOP_GROUP:
		postponed_unblock(thread);
		listen_on(thread);
		break;
	case STOP_INTERRUPT:
		on_interrupt(s, thread);
		break;
	case STOP_CLONE:
	case STOP_FORK:
	case STOP_VFORK:
		life_on_child(s, thread, stop);
		break;
	default:
		hijack_resume(thread, 0);
	}
}

bool stops_waits_in_vfork(struct session *s)
{
	struct thread *t = NULL;

	while ((t = session_thread_next(s, t)))
		if (t->vfork_parent && session_thread(s, t->vfork_parent))
			return true;
	return false;
}

bool stops_may_end(struct session *s)
{
	return s->ends && !stops_waits_in_vfork(s);
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
