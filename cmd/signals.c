#include "signals.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "attach.h"
#include "hijack.h"
#include "message.h"
#include "postponed.h"
#include "process.h"
#include "stops.h"
#include "syscalls.h"
#include "thread-event.h"
#include "tracee.h"
#include "watch-code.h"

/* so many signals in a row are a flood, which is held back for a while */
#define FLOOD_SIGNALS 8
#define FLOOD_NS 100000000
/* how often the stop at a handler is looked for before others have their turn */
#define HANDLER_ROUNDS 40

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

/* Of the instruction at which the thread stands, as opposed to one that was sent. */
static bool is_fault(pid_t tid, int signal)
{
	siginfo_t info;

	return has_address(signal) && tracee_siginfo_get(tid, &info) == 0 && info.si_code > 0;
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

void signals_at_handler(struct thread *thread, const struct user_regs_struct *regs)
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
static bool gets_nowhere(const struct thread *thread, uint64_t at)
{
	return translator_is_behind_sigreturn(thread->target->translator, (struct cache_pc){ at },
					      thread->tb);
}

/* A thread in a system call gets its signals at once: they end it.  So does one whose
 * calls are all reported. */
static bool may_postpone(const struct thread *thread, uint64_t at)
{
	const struct target *target = thread->target;

	return thread->state == THREAD_IN_CACHE && !target->watching && !target->steps_syscalls &&
	       !translator_is_calling(target->translator, (struct cache_pc){ at }, thread->tb);
}

static void look_for_flood(struct session *s, struct thread *thread, uint64_t at)
{
	thread->idle_signals = gets_nowhere(thread, at) ? thread->idle_signals + 1 : 0;
	if (thread->idle_signals < FLOOD_SIGNALS)
		return;
	thread->idle_signals = 0;
	__atomic_store_n(&s->flood_ends_ns, now_ns() + FLOOD_NS, __ATOMIC_RELEASE);
	for (struct target *t = s->targets; t; t = t->next)
		if (!target_is_gone(t))
			syscalls_watch_senders(t, true);
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

void signals_deliver(struct session *s, struct thread *thread, int signal)
{
	struct user_regs_struct regs, raw;
	enum disposition what = disposition(thread, signal);

	s->signals++;
	thread->steps_call = false;
	if (thread->tb && (signal == SIGSEGV || signal == SIGBUS) && watch_code_fault(thread)) {
		hijack_resume(thread, 0);
		return;
	}
	bool stays = what == DISPOSITION_STAYS || what == DISPOSITION_STOPS;

	if (!thread->tb || (stays && thread->state == THREAD_IN_CACHE)) {
		if (what == DISPOSITION_STAYS)
			hijack_keep_waiting(thread);
		hijack_resume(thread, signal);
		return;
	}
	bool is_known = tracee_regs_get(thread->tid, &raw) == 0;
	if (is_known)
		look_for_flood(s, thread, raw.rip);
	if (is_known && what == DISPOSITION_HANDLER && !is_fault(thread->tid, signal) &&
	    postponed_take(s, thread, &signal, may_postpone(thread, raw.rip),
			   gets_nowhere(thread, raw.rip))) {
		hijack_resume(thread, 0);
		return;
	}
	if (!is_known || hijack_app_regs(thread, &regs) < 0) {
		hijack_resume(thread, signal);
		return;
	}
	postponed_unblock(thread);
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
	hijack_resume(thread, signal);
	if (what == DISPOSITION_HANDLER)
		await_handler(s, tid);
}
