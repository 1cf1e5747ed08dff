#include "service.h"

#include <asm/prctl.h>
#include <errno.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "postponed.h"
#include "session.h"
#include "tracee.h"
#include "watch-calls.h"
#include "watch-code.h"

/* what a sender of signals waits while those who get them get nowhere */
#define SENDER_WAITS_NS 200000
#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif
#define LOG_READ_NS 20000000    /* what --watch has found is shown after so long */
#define SPIN_MIN_NS 4000
#define SPIN_MAX_NS 150000
#define NAP_MIN_NS 20000
#define NAP_MAX_NS 1000000

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

/* ---- system calls that matter ------------------------------------------------------ */

#define CLONE_UNTRACED_FLAG 0x00800000ull

/* The kernel is not to hide a child from us. */
static void before_clone(struct thread *thread)
{
	struct thread_block *tb = thread->tb;

	if (tb->gpr[0] == SYS_clone) {
		tb->gpr[7] &= ~CLONE_UNTRACED_FLAG;
		return;
	}
	uint64_t flags;
	if (tracee_read(thread->tid, tb->gpr[7], &flags, 8) == 8 && (flags & CLONE_UNTRACED_FLAG)) {
		flags &= ~CLONE_UNTRACED_FLAG;
		tracee_write(thread->tid, tb->gpr[7], &flags, 8);
	}
}

/* arch_prctl on gs, whose base is ours: done here.  False: not about gs. */
static bool on_arch_prctl(struct thread *thread)
{
	struct thread_block *tb = thread->tb;
	uint64_t address = tb->gpr[6];

	if (tb->gpr[7] == ARCH_SET_GS) {
		bool canonical = address < 0x7ffffffff000ull;

		if (canonical)
			tb->app_gs = address;
		tb->gpr[0] = canonical ? 0 : (uint64_t)-EPERM;
		return true;
	}
	if (tb->gpr[7] == ARCH_GET_GS) {
		ssize_t n = tracee_write(thread->tid, address, &tb->app_gs, 8);

		tb->gpr[0] = n == 8 ? 0 : (uint64_t)-EFAULT;
		return true;
	}
	return false;
}

static void drop(struct target *target, uint64_t start, uint64_t len)
{
	uint64_t end = (start + len + 4095) & ~4095ull;

	if (end > start)
		translator_drop(target->translator, start & ~4095ull, end);
}

/* What is mapped now is about to go: events that are on their way name it. */
static void note_modules(struct target *target)
{
	target_symbols_lock(target);
	target_symbols_unlock(target);
}

/* A filter is about to be set that nobody has asked yet whether it lets our own
 * system calls through. */
static void before_filter(struct thread *thread, bool is_for_all)
{
	struct target *target = thread->target;

	thread_be_quiet(thread);
	for (unsigned i = 0; is_for_all && i < target->areas; i++)
		if (target->by_area[i])
			thread_be_quiet(target->by_area[i]);
}

/* The program is about to forbid what translated code does. */
static void before_prctl(struct thread *thread)
{
	const struct thread_block *tb = thread->tb;
	struct translator *t = thread->target->translator;

	if (tb->gpr[7] == PR_SET_SECCOMP) {
		before_filter(thread, false);
		if (tb->gpr[6] == SECCOMP_MODE_STRICT)
			translator_clock_stop(t);
	} else if (tb->gpr[7] == PR_SET_SYSCALL_USER_DISPATCH && tb->gpr[6]) {
		target_dispatch(thread);
	} else if (tb->gpr[7] == PR_SET_TSC && tb->gpr[6] == PR_TSC_SIGSEGV) {
		translator_clock_stop(t);
	}
}

/* We are slower to deliver signals than the kernel, and who gets them is to have time for
 * more than its handler.  False: the sender is to wait. */
static bool may_send(struct thread *thread)
{
	struct target *target = thread->target;
	uint64_t now = now_ns();

	if (now >= __atomic_load_n(&target->session->flood_ends_ns, __ATOMIC_ACQUIRE)) {
		target_watch_senders(target, false);
		return true;
	}
	if (thread->due_ns && now >= thread->due_ns)
		return true;
	service_put_off(thread, SENDER_WAITS_NS);
	return false;
}

/* The thread can go on when its signals have been delivered. */
static bool waits_for_signals(struct thread *thread)
{
	if (!__atomic_load_n(&thread->postponed_count, __ATOMIC_ACQUIRE) ||
	    postponed_is_pending(thread))
		return false;
	if (!__atomic_exchange_n(&thread->wants_signals, true, __ATOMIC_ACQ_REL))
		session_wake(thread->target->session);
	return true;
}

static bool sees_mask(uint64_t number)
{
	return number != SYS_rt_sigaction && number != SYS_alarm && number != SYS_setitimer &&
	       number != SYS_timer_create && number != SYS_timer_settime &&
	       number != SYS_timer_delete;
}

/* What becomes of a signal must not change before those are delivered that came earlier:
 * the thread waits for its own, or for those of others.  But where the next one always is
 * there before the call is made, that one comes as if during the call. */
static bool may_set_signals(struct thread *thread)
{
	struct target *target = thread->target;
	struct thread_block *tb = thread->tb;

	if (__atomic_load_n(&thread->call_passes, __ATOMIC_ACQUIRE) &&
	    (!sees_mask(tb->gpr[0] & 0xffff) ||
	     !__atomic_load_n(&thread->blocked, __ATOMIC_ACQUIRE))) {
		thread->call_waits = thread->call_passes = false;
		tb->sys_resume = target->runtime.syscall_resume.address;
		return true;
	}
	thread->call_waits = waits_for_signals(thread);
	thread->call_sees_mask = sees_mask(tb->gpr[0] & 0xffff);
	return !thread->call_waits && ((tb->gpr[0] & 0xffff) != SYS_rt_sigaction ||
				       !__atomic_load_n(&target->postponed, __ATOMIC_ACQUIRE));
}

static bool is_sender(uint64_t number)
{
	return number == SYS_kill || number == SYS_tkill || number == SYS_tgkill ||
	       number == SYS_rt_sigqueueinfo || number == SYS_rt_tgsigqueueinfo ||
	       number == SYS_pidfd_send_signal;
}

/* Somebody is to be traced who may be traced by us: the main thread's business. */
static bool wants_tracee(const struct thread_block *tb)
{
	return (tb->gpr[0] & 0xffff) == SYS_ptrace &&
	       (tb->gpr[7] == PTRACE_TRACEME || tb->gpr[7] == PTRACE_ATTACH ||
		tb->gpr[7] == PTRACE_SEIZE);
}

/* With --watch: to be asked again behind it. */
static void remember(struct thread *thread)
{
	struct thread_block *tb = thread->tb;
	const uint64_t call[7] = { tb->gpr[0], tb->gpr[7], tb->gpr[6], tb->gpr[2], tb->gpr[10],
				   tb->gpr[8], tb->gpr[9] };

	if (!thread->target->watching ||
	    tb->sys_resume == thread->target->runtime.syscall_resume.address)
		return;
	memcpy(tb->sys_args, call, sizeof call);
	tb->sys_resume_saved = tb->sys_resume;
	tb->sys_resume = thread->target->runtime.syscall_post.address;
}

static struct cache_pc before_syscall(struct thread *thread)
{
	struct thread_block *tb = thread->tb;
	struct target *target = thread->target;

	switch (tb->gpr[0] & 0xffff) {
	case SYS_munmap:
		note_modules(target);
		drop(target, tb->gpr[7], tb->gpr[6]);
		target_map_changed(target);
		remember(thread);
		break;
	case SYS_rt_sigaction:
		return target->runtime.syscall_note;
	case SYS_execve:
	case SYS_execveat:
	case SYS_exit_group:
		note_modules(target);
		break;
	case SYS_clone:
	case SYS_clone3:
		before_clone(thread);
		remember(thread);
		break;
	case SYS_prctl:
		before_prctl(thread);
		remember(thread);
		break;
	case SYS_seccomp:
		if (tb->gpr[7] == SECCOMP_SET_MODE_STRICT || tb->gpr[7] == SECCOMP_SET_MODE_FILTER)
			before_filter(thread, tb->gpr[6] & SECCOMP_FILTER_FLAG_TSYNC);
		if (tb->gpr[7] == SECCOMP_SET_MODE_STRICT)
			translator_clock_stop(target->translator);
		break;
	case SYS_arch_prctl:
		if (!on_arch_prctl(thread))
			break;
		tb->gpr[1] = tb->sys_next;
		tb->gpr[11] = tb->rflags;
		return (struct cache_pc){ tb->sys_resume };
	default:                        /* asked about for its signals */
		if (watch_calls_action((int)(tb->gpr[0] & 0xffff), false) != SYS_ACTION_NATIVE)
			remember(thread);
		break;
	}
	return thread->target->runtime.syscall_native;
}

/* Its result is that of the parts together. */
static void after_rest(struct thread_block *tb)
{
	if ((int64_t)tb->gpr[0] > 0)
		tb->gpr[0] += tb->sys_args[7];
	else
		tb->gpr[0] = tb->sys_args[7];
	tb->gpr[6] = tb->sys_args[2];
	tb->gpr[2] = tb->sys_args[3];
	tb->sys_args[7] = 0;
}

static struct cache_pc after_syscall(struct thread *thread)
{
	struct thread_block *tb = thread->tb;
	struct target *target = thread->target;
	const uint64_t *args = tb->sys_args + 1;
	int64_t result = (int64_t)tb->gpr[0];
	bool failed = result < 0 && result > -4096;

	switch (tb->sys_args[0] & 0xffff) {
	case SYS_mmap:
		if (failed)
			break;
		drop(target, (uint64_t)result, args[1]);
		if (args[2] & PROT_EXEC || args[3] & MAP_FIXED)
			target_map_changed(target);
		break;
	case SYS_mprotect:
	case SYS_pkey_mprotect:
		drop(target, args[0], args[1]);
		target->maps_are_old = true;
		if (args[2] & PROT_EXEC)
			target_map_changed(target);
		break;
	case SYS_rseq:
		if (!failed)
			__atomic_store_n(&tb->rseq, args[2] & 1 ? 0 : args[0],  /* _UNREGISTER */
					 __ATOMIC_RELEASE);
		break;
	case SYS_write:
	case SYS_sendto:
	case SYS_recvfrom:
		if (tb->sys_args[7])
			after_rest(tb);
		break;
	case SYS_mremap:
		drop(target, args[0], args[1]);
		if (!failed)
			drop(target, (uint64_t)result, args[2]);
		target_map_changed(target);
		break;
	}
	return (struct cache_pc){ tb->sys_resume_saved };
}

/* ---- system calls made in place ----------------------------------------------------- */

bool service_before_call(struct thread *thread, struct user_regs_struct *regs)
{
	struct thread_block *tb = thread->tb;
	const uint64_t call[7] = { regs->rax, regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8,
				   regs->r9 };
	uint64_t native = thread->target->runtime.syscall_native.address;

	tb->gpr[0] = regs->rax;
	tb->gpr[7] = regs->rdi;
	tb->gpr[6] = regs->rsi;
	tb->gpr[2] = regs->rdx;
	tb->rflags = regs->eflags;
	tb->sys_next = regs->rip + 2;
	tb->sys_resume = tb->sys_resume_saved = 0;
	memcpy(tb->sys_args, call, sizeof call);
	target_lock(thread->target);
	bool is_done = before_syscall(thread).address != native;
	target_unlock(thread->target);
	regs->rdi = tb->gpr[7];
	if (is_done) {
		regs->rax = tb->gpr[0];
		regs->rip = regs->rcx = tb->sys_next;
		regs->r11 = regs->eflags;
	}
	return is_done;
}

static void sigreturn_event(struct thread *thread, uint64_t pc, uint64_t sp)
{
	const uint32_t payload[6] = { (uint32_t)pc, (uint32_t)(pc >> 32), (uint32_t)sp,
				      (uint32_t)(sp >> 32) };

	thread_event(thread, thread->target->id_sigreturn, payload);
}

void service_after_call(struct thread *thread, const struct user_regs_struct *regs)
{
	struct thread_block *tb = thread->tb;
	uint64_t number = tb->sys_args[0] & 0xffff;

	if (number == SYS_rt_sigreturn)
		sigreturn_event(thread, regs->rip, regs->rsp);
	if (number != SYS_mmap && number != SYS_mprotect && number != SYS_pkey_mprotect &&
	    number != SYS_mremap)
		return;
	tb->gpr[0] = regs->rax;
	target_lock(thread->target);
	after_syscall(thread);
	target_unlock(thread->target);
}

/* ---- requests ------------------------------------------------------------------------ */

static int on_sigreturn(struct thread *thread, struct cache_pc *at)
{
	struct thread_block *tb = thread->tb;

	__atomic_store_n(&thread->returned_ns, now_ns(), __ATOMIC_RELEASE);
	postponed_returned(thread);
	sigreturn_event(thread, tb->target, tb->gpr[4]);
	return translator_enter(thread->target->translator, (struct app_pc){ tb->target }, at);
}

/* While the cache is being emptied nobody goes there: see flush.c. */
static int on_resume(struct thread *thread, struct cache_pc *at)
{
	struct target *target = thread->target;
	int r = target->is_full || waits_for_signals(thread) ? -EAGAIN
				: translator_enter(target->translator,
						   (struct app_pc){ thread->tb->target }, at);

	if (r == 0)
		__atomic_store_n(&thread->asks_behind, false, __ATOMIC_RELEASE);
	return r;
}

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
	case REQUEST_STALE:
		return translator_stale(t, tb->exit, at);
	case REQUEST_TRUSTED:
		return translator_trusted(t, tb->exit, at);
	case REQUEST_SYSCALL_PRE:
		if (is_sender(tb->gpr[0] & 0xffff) && !may_send(thread))
			return -EAGAIN;
		if (!may_set_signals(thread))
			return -EAGAIN;
		if (wants_tracee(tb))
			return -EFAULT;
		*at = before_syscall(thread);
		return 0;
	case REQUEST_SYSCALL_POST:
		if (!watch_code_syscall(thread))
			return -EAGAIN;
		*at = after_syscall(thread);
		return 0;
	case REQUEST_SIGRETURN:
		return on_sigreturn(thread, at);
	case REQUEST_RESUME:
		return on_resume(thread, at);
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

static bool look_ahead(struct target *target)
{
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

/* Nobody may wake us: longer and longer naps. */
static void nap_until_bell(struct target *target)
{
	long ns = NAP_MIN_NS;

	while (!on_bells(target) && !__atomic_load_n(&target->service_ends, __ATOMIC_ACQUIRE)) {
		nanosleep(&(struct timespec){ 0, ns }, NULL);
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
				target->spin_ns = SPIN_MAX_NS;
				return true;
			}
			__builtin_ia32_pause();
		}
	} while (now_ns() < until);
	target->spin_ns = target->spin_ns / 2 > SPIN_MIN_NS ? target->spin_ns / 2 : SPIN_MIN_NS;
	return false;
}

static void sleep_until_bell(struct target *target)
{
	struct control *control = target->control;
	const struct timespec limit = { 0, target->due_ns ? SENDER_WAITS_NS / 2 :
					   target->watching ? LOG_READ_NS : 100 * 1000 * 1000 };

	if (spin(target))
		return;
	if (target->watching)
		watch_code_read(target);
	if (__atomic_load_n(&target->has_quiet, __ATOMIC_ACQUIRE)) {
		nap_until_bell(target);
		return;
	}
	/* Sleeping is said before the bells are looked at for the last time; the
	 * thread rings before it looks whether we sleep. */
	__atomic_store_n(&control->sleeping, 1, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!on_bells(target))
		futex(&control->sleeping, FUTEX_WAIT, 1, &limit);
	__atomic_store_n(&control->sleeping, 0, __ATOMIC_SEQ_CST);
}

static void *service_main(void *context)
{
	struct target *target = context;

	while (!__atomic_load_n(&target->service_ends, __ATOMIC_ACQUIRE))
		if (!on_bells(target) && !look_ahead(target))
			sleep_until_bell(target);
	return NULL;
}

int service_start(struct target *target, struct err *err)
{
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
	__atomic_store_n(&target->service_ends, true, __ATOMIC_RELEASE);
	futex(&target->control->sleeping, FUTEX_WAKE, 1, NULL);
	pthread_join(target->service, NULL);
	target->has_service = false;
}
