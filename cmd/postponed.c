#include "postponed.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "process.h"
#include "service.h"
#include "syscalls.h"
#include "tracee.h"

/* so often it may get nowhere before it is given time */
#define IDLE_SIGNALS 3
#define TIME_MIN_NS 20000
#define TIME_MAX_NS 1000000
/* a flood is over when nothing came for that long */
#define CALM_NS 10000000
/* so many are kept; the kernel's own limit is of this order */
#define KEPT_MAX 4096

struct postponed {
	siginfo_t *items;               /* in the order they arrived */
	unsigned count, room;
	unsigned idle;                  /* in a row, with nothing of the program between them */
	int asked;                      /* the signal that we have sent to get a stop, or 0 */
	bool gives_time;                /* to the program, after each */
	uint64_t delivered_ns;          /* when the last one was */
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t clamp(uint64_t ns)
{
	return ns < TIME_MIN_NS ? TIME_MIN_NS : ns > TIME_MAX_NS ? TIME_MAX_NS : ns;
}

static bool is_queued(int signal)
{
	return signal >= 32;    /* the kernel's SIGRTMIN */
}

static bool has(const struct postponed *p, int signal)
{
	for (unsigned i = 0; i < p->count; i++)
		if (p->items[i].si_signo == signal)
			return true;
	return false;
}

/* Those who waited for the last of them may go on. */
static void ring_all(struct session *s, const struct target *target)
{
	for (struct thread *t = session_thread_next(s, NULL); t; t = session_thread_next(s, t))
		if (t->target == target && t->tb && service_is_waiting(t->tb))
			service_ring(t->target, t->area);
}

static void count(struct session *s, struct thread *thread, int by)
{
	struct target *target = thread->target;
	unsigned before = __atomic_fetch_add(&target->postponed, (unsigned)by, __ATOMIC_ACQ_REL);

	s->postponed += (unsigned)by;
	__atomic_fetch_add(&thread->postponed_count, (unsigned)by, __ATOMIC_ACQ_REL);
	if (before == 0)
		syscalls_watch_settings(target, true);
	if (before + (unsigned)by == 0) {
		syscalls_watch_settings(target, false);
		ring_all(s, target);
	}
}

static bool push(struct session *s, struct thread *thread, const siginfo_t *info)
{
	struct postponed *p = thread->postponed;

	if (!is_queued(info->si_signo) && has(p, info->si_signo))
		return true;
	if (p->count == KEPT_MAX)
		return false;
	if (p->count == p->room) {
		unsigned room = p->room ? p->room * 2 : 8;
		siginfo_t *grown = realloc(p->items, room * sizeof *grown);

		if (!grown)
			return false;
		p->items = grown;
		p->room = room;
	}
	p->items[p->count++] = *info;
	__atomic_store_n(&thread->postponed_first, p->items[0].si_signo, __ATOMIC_RELEASE);
	count(s, thread, 1);
	return true;
}

static siginfo_t pop(struct session *s, struct thread *thread)
{
	struct postponed *p = thread->postponed;
	siginfo_t first = p->items[0];

	memmove(p->items, p->items + 1, --p->count * sizeof *p->items);
	if (p->count)
		__atomic_store_n(&thread->postponed_first, p->items[0].si_signo, __ATOMIC_RELEASE);
	count(s, thread, -1);
	return first;
}

/* The program has time: more of its kind are to stay in the kernel. */
static void block(struct thread *thread, int signal)
{
	uint64_t mask, bit = 1ull << (signal - 1);

	if (__atomic_load_n(&thread->call_passes, __ATOMIC_ACQUIRE) &&
	    __atomic_load_n(&thread->call_sees_mask, __ATOMIC_RELAXED))
		return;         /* now that call comes */
	target_lock(thread->target);
	if (tracee_sigmask_get(thread->tid, &mask) == 0 && !(mask & bit) &&
	    tracee_sigmask_set(thread->tid, mask | bit) == 0)
		thread->blocked |= bit;
	target_unlock(thread->target);
}

void postponed_unblock(struct thread *thread)
{
	uint64_t mask;

	if (!thread->postponed)
		return;
	target_lock(thread->target);
	if (thread->blocked && tracee_sigmask_get(thread->tid, &mask) == 0) {
		int ignored = tracee_sigmask_set(thread->tid, mask & ~thread->blocked);

		(void)ignored;          /* killed meanwhile */
	}
	thread->blocked = 0;
	target_unlock(thread->target);
}

bool postponed_is_pending(const struct thread *thread)
{
	struct process_signals signals;
	int first = __atomic_load_n(&thread->postponed_first, __ATOMIC_ACQUIRE);

	return !thread->blocked && process_signals(thread->tid, &signals) == 0 &&
	       (signals.blocked >> (first - 1) & 1);
}

void postponed_returned(struct thread *thread)
{
	struct process_signals signals;

	if (thread->blocked && process_signals(thread->tid, &signals) == 0)
		thread->blocked &= signals.blocked;
}

/* The one that was kept longest is delivered in the place of the one that is here. */
static int deliver_first(struct session *s, struct thread *thread)
{
	struct postponed *p = thread->postponed;
	siginfo_t first = pop(s, thread);
	int ignored = tracee_siginfo_set(thread->tid, &first);

	(void)ignored;          /* killed meanwhile */
	p->delivered_ns = now_ns();
	__atomic_store_n(&thread->call_passes, __atomic_load_n(&thread->call_waits, __ATOMIC_RELAXED),
			 __ATOMIC_RELEASE);
	return first.si_signo;
}

/* Is it what we have sent, or does it stand for it? */
static bool is_asked(const struct postponed *p, const siginfo_t *info)
{
	/* 0: we are outside of its namespace */
	bool is_ours = info->si_code == SI_TKILL &&
		       (info->si_pid == getpid() || info->si_pid == 0);

	return p->asked == info->si_signo && (is_ours || !is_queued(info->si_signo));
}

/* When the program will have had as much time as the last signal took.  A handler may
 * never return. */
static uint64_t due_ns(const struct thread *thread)
{
	const struct postponed *p = thread->postponed;
	uint64_t returned = __atomic_load_n(&thread->returned_ns, __ATOMIC_ACQUIRE);

	if (!p->gives_time)
		return 0;
	if (returned < p->delivered_ns)
		return p->delivered_ns + TIME_MAX_NS;
	return returned + clamp(returned - p->delivered_ns);
}

/* Is one that has just come to wait? */
static bool wants_time(struct thread *thread, bool gets_nowhere, uint64_t now)
{
	struct postponed *p = thread->postponed;

	if (gets_nowhere && __atomic_load_n(&thread->returned_ns, __ATOMIC_ACQUIRE) < p->delivered_ns)
		__atomic_store_n(&thread->returned_ns, now, __ATOMIC_RELEASE);

	uint64_t due = due_ns(thread);

	if (p->gives_time) {
		p->gives_time = p->count || now < due + CALM_NS;
		return p->count || now < due;
	}
	p->idle = gets_nowhere ? p->idle + 1 : 0;
	if (p->idle < IDLE_SIGNALS)
		return false;
	p->idle = 0;
	p->gives_time = true;
	return true;
}

bool postponed_take(struct session *s, struct thread *thread, int *signal, bool may_keep,
		    bool gets_nowhere)
{
	struct postponed *p = thread->postponed;
	uint64_t now = now_ns();
	siginfo_t info;

	if (!p && !gets_nowhere)
		return false;
	if (!p)
		p = thread->postponed = calloc(1, sizeof *p);
	if (!p || tracee_siginfo_get(thread->tid, &info) < 0)
		return false;
	if (is_asked(p, &info)) {
		p->asked = 0;
		if (!p->count)
			return true;
		*signal = deliver_first(s, thread);
		return false;
	}
	bool is_early = wants_time(thread, gets_nowhere, now) && (may_keep || p->count);
	/* What we have sent stands behind it in the kernel's queue. */
	bool is_due = p->count && (!may_keep || p->asked == info.si_signo);
	if (p->count == KEPT_MAX) {     /* one goes, one comes */
		*signal = deliver_first(s, thread);
		push(s, thread, &info);         /* there is room for it now */
		return false;
	}
	if ((is_early || is_due) && push(s, thread, &info)) {
		if (!is_due) {
			block(thread, info.si_signo);
			return true;
		}
		*signal = deliver_first(s, thread);
		return false;
	}
	p->delivered_ns = now;
	return false;
}

static bool is_blocked(struct thread *thread)
{
	target_lock(thread->target);
	bool yes = thread->blocked;
	target_unlock(thread->target);
	return yes;
}

uint64_t postponed_send(struct session *s)
{
	uint64_t now, next = UINT64_MAX;

	if (!s->postponed)
		return UINT64_MAX;
	now = now_ns();
	for (struct thread *t = session_thread_next(s, NULL); t; t = session_thread_next(s, t)) {
		struct postponed *p = t->postponed;

		if (!p || !p->count || t->is_listening || (p->asked && !is_blocked(t)))
			continue;
		bool is_wanted = __atomic_exchange_n(&t->wants_signals, false, __ATOMIC_ACQ_REL);

		uint64_t due = due_ns(t);

		if (due > now && !is_wanted) {
			next = due - now < next ? due - now : next;
			continue;
		}
		if (!p->asked)
			syscall(SYS_tgkill, t->pid, t->tid, p->items[0].si_signo);
		p->asked = p->asked ? p->asked : p->items[0].si_signo;
		tracee_interrupt(t->tid);       /* it is blocked until then */
	}
	return next;
}

static bool has_others(struct session *s, const struct thread *thread)
{
	struct thread *t = session_thread_next(s, NULL);

	while (t && (t == thread || t->pid != thread->pid))
		t = session_thread_next(s, t);
	return t;
}

void postponed_release(struct session *s, struct thread *thread)
{
	struct postponed *p = thread->postponed;

	if (!p)
		return;
	while (p->count) {
		siginfo_t info = pop(s, thread);

		/* The kernel lets nobody but itself say that it was itself. */
		if (info.si_code >= 0 || info.si_code == SI_TKILL)
			info.si_code = SI_QUEUE;
		if (thread->state == THREAD_NATIVE)
			syscall(SYS_rt_tgsigqueueinfo, thread->pid, thread->tid, info.si_signo, &info);
		else if (thread->state == THREAD_GONE && has_others(s, thread))
			syscall(SYS_rt_sigqueueinfo, thread->pid, info.si_signo, &info);
	}
	free(p->items);
	free(p);
	thread->postponed = NULL;
}
