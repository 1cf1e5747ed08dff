#include "service.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "session.h"
#include "syscalls.h"
#include "watch-code.h"

#define LOG_READ_NS 20000000    /* what --watch has found is shown after so long */
#define PUT_OFF_NS 100000      /* who is put off is looked at so often */
#define HELP_NS (50 * 1000 * 1000)
#define SPIN_MIN_NS 4000
#define SPIN_MAX_NS 400000
#define TRY_NS 32000            /* once in so many naps that were short: */
#define NAPS_TO_TRY 64
#define NAP_MIN_NS 20000
#define NAP_MAX_NS 1000000
#define LOOK_NS 200000  /* so long a thread looks for its answer: to put it to sleep and wake it takes as long
			 * in a virtual machine */
#define LOOKS_MEASURED 256
#define LOOKS_MIN 1000
#define LOOKS_MAX 100000

static long futex(uint32_t *word, int op, uint32_t value, const struct timespec *timeout)
{
	return syscall(SYS_futex, word, op, value, timeout, NULL, 0);
}

bool service_is_waiting(const struct thread_block *tb)
{
	uint32_t state = __atomic_load_n(&tb->request_state, __ATOMIC_ACQUIRE);

	return state == REQUEST_REQUESTED || state == REQUEST_SLEEPING;
}

void service_answer(struct thread *thread, struct cache_pc at)
{
	struct thread_block *tb = thread->tb;

	tb->answer = at.address;
	uint32_t old = __atomic_exchange_n(&tb->request_state, REQUEST_ANSWERED, __ATOMIC_ACQ_REL);
	if (old == REQUEST_SLEEPING)
		futex(&tb->request_state, FUTEX_WAKE, 1, NULL);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void service_ring(struct target *target, unsigned area)
{
	struct control *control = target->control;

	__atomic_fetch_or(&control->bells[area / 64], 1ull << (area % 64), __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&control->sleeping, __ATOMIC_SEQ_CST))
		futex(&control->sleeping, FUTEX_WAKE, 1, NULL);
}

void service_put_off(struct thread *thread, uint64_t ns)
{
	struct target *target = thread->target;

	thread->due_ns = now_ns() + ns;
	if (!target->due_ns || thread->due_ns < target->due_ns)
		target->due_ns = thread->due_ns;
}

/* ---- requests ------------------------------------------------------------------------ */

/* Where the thread goes on.  -EAGAIN: somebody else will answer. */
static int serve(struct thread *thread, struct cache_pc *at)
{
	struct thread_block *tb = thread->tb;
	struct translator *t = thread->target->translator;

	switch (tb->request_kind) {
	case REQUEST_MISS:
		return translator_miss(t, tb->exit, at);
	case REQUEST_MISS_CALL:
	case REQUEST_MISS_JMP:
	case REQUEST_MISS_RET:
		return translator_miss_indirect(t, (int)(tb->request_kind - REQUEST_MISS_CALL),
						(struct app_pc){ tb->target }, at);
	case REQUEST_HOT_CALL:
	case REQUEST_HOT_JMP:
	case REQUEST_HOT_RET:
		return translator_hot(t, (int)(tb->request_kind - REQUEST_HOT_CALL), tb->exit,
				      (struct app_pc){ tb->target }, at);
	case REQUEST_STALE:
		return translator_stale(t, tb->exit, at);
	case REQUEST_TRUSTED:
		return translator_trusted(t, tb->exit, at);
	case REQUEST_SYSCALL_PRE:
		return syscalls_before(thread, at);
	case REQUEST_SYSCALL_POST:
		if (!watch_code_syscall(thread))
			return -EAGAIN;
		return syscalls_after(thread, at);
	case REQUEST_SIGRETURN:
		return syscalls_sigreturn(thread, at);
	case REQUEST_RESUME:
		return syscalls_resume(thread, at);
	case REQUEST_WATCH:
		return watch_code_before(thread, at);
	case REQUEST_WATCHED:
		return watch_code_behind(thread, at);
	case REQUEST_RING:
		session_wake_output(thread->target->session);
		return -EAGAIN;
	default:
		return -EFAULT;         /* REQUEST_STEP, or a number the program wrote */
	}
}

static void on_bell(struct target *target, unsigned area)
{
	struct thread *thread;
	struct cache_pc at;

	pthread_mutex_lock(&target->lock);
	thread = area < target->areas ? target->by_area[area] : NULL;
	if (thread && service_is_waiting(thread->tb)) {
		uint64_t start = now_ns();
		int r = serve(thread, &at);

		target->translate_ns += now_ns() - start;
		if (r == 0) {
			thread->due_ns = 0;
			service_answer(thread, at);
		} else if (r == -ENOSPC) {
			__atomic_store_n(&target->is_full, true, __ATOMIC_RELEASE);
			session_wake(target->session);
		} else if (r != -EAGAIN) {
			thread_want_step(thread, true);
			session_request_step(target->session, thread->tid);
		}
	}
	pthread_mutex_unlock(&target->lock);
}

/* Those that were put off, and whose time has come. */
static void on_due(struct target *target)
{
	uint64_t now = now_ns(), next = 0;

	if (!target->due_ns || now < target->due_ns)
		return;
	target->due_ns = 0;
	for (unsigned i = 0; i < target->areas_top; i++) {
		pthread_mutex_lock(&target->lock);
		uint64_t due = target->by_area[i] ? target->by_area[i]->due_ns : 0;
		pthread_mutex_unlock(&target->lock);
		if (due && due <= now)
			on_bell(target, i);
		else if (due && (!next || due < next))
			next = due;
	}
	if (next && (!target->due_ns || next < target->due_ns))
		target->due_ns = next;
}

bool service_is_urgent(const struct target *target)
{
	unsigned areas = __atomic_load_n(&target->areas_top, __ATOMIC_RELAXED);

	for (unsigned i = 0; i < (areas + 63) / 64; i++)
		if (__atomic_load_n(&target->control->bells[i], __ATOMIC_RELAXED))
			return true;
	return __atomic_load_n(&target->lock_wanted, __ATOMIC_RELAXED);
}

/* Serves every bell that has rung; how many there were. */
static unsigned on_bells(struct target *target)
{
	unsigned served = 0;

	if (target->due_ns)
		on_due(target);

	unsigned areas = __atomic_load_n(&target->areas_top, __ATOMIC_ACQUIRE);

	for (unsigned i = 0; i < (areas + 63) / 64; i++) {
		uint64_t *word = &target->control->bells[i];

		if (!__atomic_load_n(word, __ATOMIC_RELAXED))
			continue;
		uint64_t rung = __atomic_exchange_n(word, 0, __ATOMIC_ACQ_REL);
		for (; rung; rung &= rung - 1, served++)
			on_bell(target, i * 64 + (unsigned)__builtin_ctzll(rung));
	}
	return served;
}

/* Not where a miss is short: much of what look-ahead finds never runs, and lies between what
 * does, which costs more than what it saves.  Who cannot wake us waits for longer. */
static bool look_ahead(struct target *target)
{
	if (!__atomic_load_n(&target->has_quiet, __ATOMIC_ACQUIRE))
		return false;
	/* A mutex alone would go to who asks again at once: to us. */
	if (__atomic_load_n(&target->lock_wanted, __ATOMIC_SEQ_CST)) {
		sched_yield();
		return true;
	}
	pthread_mutex_lock(&target->lock);
	uint64_t start = now_ns();
	bool more = translator_look_ahead(target->translator);
	target->translate_ns += more ? now_ns() - start : 0;
	pthread_mutex_unlock(&target->lock);
	return more;
}

/* A page that is touched for the first time aborts a transaction, and is not touched then: where the
 * thread's next events go is mapped for it. */
static void map_ring(struct thread *thread)
{
	uint64_t page = __atomic_load_n(&thread->tb->cursor, __ATOMIC_RELAXED) & ~4095ull;
	uint8_t byte;

	for (int i = 0; i < 2; i++)
		(void)tracee_read(thread->tid, page + 4096 * (uint64_t)i, &byte, 1);
}

static void help_transactions(struct target *target)
{
	if (!translator_has_transactions(target->translator) || now_ns() - target->helped_ns < HELP_NS)
		return;
	pthread_mutex_lock(&target->lock);
	translator_help_transactions(target->translator);
	for (unsigned i = 0; i < target->areas_top; i++)
		if (target->by_area[i])
			map_ring(target->by_area[i]);
	pthread_mutex_unlock(&target->lock);
	target->helped_ns = now_ns();
}

/* Nobody may wake us: longer and longer naps. */
static void nap_until_bell(struct target *target)
{
	long ns = NAP_MIN_NS;

	while (!on_bells(target) && !__atomic_load_n(&target->service_ends, __ATOMIC_ACQUIRE)) {
		nanosleep(&(struct timespec){ 0, ns }, NULL);
		help_transactions(target);
		if (ns < NAP_MAX_NS)
			ns += ns / 4;
	}
}

/* Looks for as long as it has paid: programs ask often, or hardly at all. */
static bool spin(struct target *target)
{
	uint64_t until = now_ns() + target->spin_ns;

	do {
		for (int i = 0; i < 16; i++) {
			if (on_bells(target)) {
				target->spin_ns = target->shares_processor ? 0 : SPIN_MAX_NS;
				return true;
			}
			__builtin_ia32_pause();
		}
	} while (now_ns() < until && !__atomic_load_n(&target->service_ends, __ATOMIC_RELAXED));
	if (!target->shares_processor)
		target->spin_ns = target->spin_ns / 2 > SPIN_MIN_NS ? target->spin_ns / 2 : SPIN_MIN_NS;
	return false;
}

/* It has slept, and not for long.  Would looking have paid?  Who is woken each time does not see that;
 * who looks where the thread wants the same processor keeps it from asking.  So now and then. */
static void try_longer(struct target *target)
{
	if (!target->shares_processor && ++target->short_naps % NAPS_TO_TRY == 0 && target->spin_ns < TRY_NS)
		target->spin_ns = TRY_NS;
}

static void sleep_until_bell(struct target *target)
{
	struct control *control = target->control;
	uint64_t begun = now_ns();
	const struct timespec limit = { 0, target->due_ns ? PUT_OFF_NS :
					   target->watching ? LOG_READ_NS : 100 * 1000 * 1000 };

	if (spin(target))
		return;
	if (target->watching)
		watch_code_read(target);
	if (__atomic_load_n(&target->has_quiet, __ATOMIC_ACQUIRE)) {
		nap_until_bell(target);
		return;
	}
	/* Sleeping is said before the bells, and the end, are looked at for the last time;
	 * the thread rings before it looks whether we sleep. */
	__atomic_store_n(&control->sleeping, 1, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!on_bells(target) && !__atomic_load_n(&target->service_ends, __ATOMIC_ACQUIRE))
		futex(&control->sleeping, FUTEX_WAIT, 1, &limit);
	__atomic_store_n(&control->sleeping, 0, __ATOMIC_SEQ_CST);
	if (now_ns() - begun < SPIN_MAX_NS)
		try_longer(target);
}

static void *service_main(void *context)
{
	struct target *target = context;

	/* The program waits for this thread, and hardly ever for the one that reads its ring: where both want
	 * one processor, this one goes first, if it is allowed to. */
	(void)!nice(-5);
	while (!__atomic_load_n(&target->service_ends, __ATOMIC_ACQUIRE)) {
		help_transactions(target);
		if (!on_bells(target) && !look_ahead(target))
			sleep_until_bell(target);
	}
	return NULL;
}

/* Is there one processor for the program and for us?  Who looks keeps the other one from it then. */
static bool share_processor(pid_t pid)
{
	cpu_set_t ours, its;

	if (sched_getaffinity(0, sizeof ours, &ours) < 0 || sched_getaffinity(pid, sizeof its, &its) < 0)
		return false;           /* more processors than fit, or gone */
	CPU_OR(&ours, &ours, &its);
	return CPU_COUNT(&ours) == 1;
}

/* How often a thread looks in LOOK_NS: by the shortest of some measurements, since others run, too. */
static uint32_t measure_looks(void)
{
	uint64_t shortest = ~0ull;

	for (int i = 0; i < 4; i++) {
		uint64_t begun = now_ns();

		for (int j = 0; j < LOOKS_MEASURED; j++)
			__builtin_ia32_pause();
		uint64_t took = now_ns() - begun;
		shortest = took < shortest ? took : shortest;
	}
	uint64_t n = (uint64_t)LOOK_NS * LOOKS_MEASURED / (shortest ? shortest : 1);
	return n < LOOKS_MIN ? LOOKS_MIN : n > LOOKS_MAX ? LOOKS_MAX : (uint32_t)n;
}

int service_start(struct target *target, struct err *err)
{
	static uint32_t looks;          /* of the main thread */

	if (!looks)
		looks = measure_looks();
	target->shares_processor = share_processor(target->pid);
	target->control->spin = target->shares_processor ? 1 : looks;
	int r = pthread_create(&target->service, NULL, service_main, target);

	if (r)
		return err_set(err, r, "no thread can be made: %s", strerror(r));
	target->has_service = true;
	return 0;
}

void service_stop(struct target *target)
{
	if (!target->has_service)
		return;
	__atomic_store_n(&target->service_ends, true, __ATOMIC_SEQ_CST);
	__atomic_store_n(&target->control->sleeping, 0, __ATOMIC_SEQ_CST);
	futex(&target->control->sleeping, FUTEX_WAKE, 1, NULL);
	pthread_join(target->service, NULL);
	target->has_service = false;
}
