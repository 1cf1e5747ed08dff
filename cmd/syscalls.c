#include "syscalls.h"

#include <asm/prctl.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <time.h>

#include "lock-memory.h"
#include "output.h"
#include "postponed.h"
#include "service.h"
#include "session.h"
#include "store_log.h"
#include "thread-event.h"
#include "tracee.h"
#include "watch-calls.h"
#include "watch-code.h"
#include "watch-follow.h"

/* what a sender of signals waits while those who get them get nowhere */
#define SENDER_WAITS_NS 200000
#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif
#ifndef ARCH_SHSTK_ENABLE
#define ARCH_SHSTK_ENABLE 0x5001
#endif
#define CLONE_UNTRACED_FLAG 0x00800000ull

/* ---- which ones ask ---------------------------------------------------------------------- */

/* Are all watched ranges in the log? */
static bool has_ranges(const struct target *target)
{
	return target->session->options->watches.count <= LOG_RANGES_MAX;
}

void syscalls_fill_table(struct target *target)
{
	static const int pre[] = { SYS_clone, SYS_clone3, SYS_arch_prctl, SYS_munmap,
				   SYS_execve, SYS_execveat, SYS_exit_group, SYS_seccomp,
				   SYS_prctl, SYS_ptrace, SYS_mlockall };
	static const int post[] = { SYS_mmap, SYS_mprotect, SYS_mremap, SYS_pkey_mprotect,
				    SYS_rseq };
	uint8_t *table = target->sys_table;

	for (size_t i = 0; i < sizeof pre / sizeof *pre; i++)
		table[pre[i]] = SYS_ACTION_PRE;
	for (size_t i = 0; i < sizeof post / sizeof *post; i++)
		table[post[i]] = SYS_ACTION_POST;
	table[SYS_rt_sigaction] = SYS_ACTION_NOTE;
	table[SYS_rt_sigreturn] = SYS_ACTION_SIGRETURN;
	if (target->store_log)
		watch_calls_fill(table, has_ranges(target));
}

/* What a system call does that nobody is to be asked about before it. */
static uint8_t usual_action(const struct target *target, int number)
{
	return target->store_log ? watch_calls_action(number, has_ranges(target)) :
				   SYS_ACTION_NATIVE;
}

/* What a system call number is to do from now on, in all threads. */
static void set_action(struct target *target, long number, uint8_t action)
{
	__atomic_store_n(&target->sys_table[number], action, __ATOMIC_SEQ_CST);
}

void syscalls_watch_senders(struct target *target, bool on)
{
	static const int senders[] = { SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo,
				       SYS_rt_tgsigqueueinfo, SYS_pidfd_send_signal };

	for (size_t i = 0; i < sizeof senders / sizeof *senders; i++)
		set_action(target, senders[i],
			   on ? SYS_ACTION_PRE : usual_action(target, senders[i]));
}

void syscalls_watch_settings(struct target *target, bool on)
{
	static const int settings[] = { SYS_rt_sigprocmask, SYS_alarm, SYS_setitimer,
					SYS_timer_create, SYS_timer_settime, SYS_timer_delete,
					SYS_rt_sigpending, SYS_rt_sigsuspend, SYS_rt_sigtimedwait,
					SYS_signalfd, SYS_signalfd4, SYS_ppoll, SYS_pselect6,
					SYS_epoll_pwait, SYS_epoll_pwait2, SYS_fork, SYS_vfork };

	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
		set_action(target, settings[i],
			   on ? SYS_ACTION_PRE : usual_action(target, settings[i]));
	set_action(target, SYS_rt_sigaction, on ? SYS_ACTION_PRE : SYS_ACTION_NOTE);
}

/* ---- before one of them ------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

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

/* The kernel refuses any other base of a segment. */
static bool is_canonical(uint64_t address)
{
	return address < 0x7ffffffff000ull;
}

/* arch_prctl on gs, whose base is ours, and on what translated code cannot serve: done
 * here.  False: about something else. */
static bool on_arch_prctl(struct thread *thread)
{
	struct thread_block *tb = thread->tb;
	uint64_t address = tb->gpr[6];
	uint32_t option = (uint32_t)tb->gpr[7];         /* an int to the kernel */

	if (option == ARCH_SET_GS) {
		if (is_canonical(address))
			tb->app_gs = address;
		tb->gpr[0] = is_canonical(address) ? 0 : (uint64_t)-EPERM;
		return true;
	}
	if (option == ARCH_GET_GS) {
		ssize_t n = tracee_write(thread->tid, address, &tb->app_gs, 8);

		tb->gpr[0] = n == 8 ? 0 : (uint64_t)-EFAULT;
		return true;
	}
	if (option == ARCH_SHSTK_ENABLE) {          /* as on a processor without it */
		tb->gpr[0] = (uint64_t)-EOPNOTSUPP;
		return true;
	}
	return false;
}

/* Other code may be at these addresses afterwards.  False: there is none. */
static bool before_unmap(struct target *target, uint64_t start, uint64_t end)
{
	if (!target_symbols_note(target, start, end))
		return false;
	output_unmap(target->session->output, target, start, end);
	__atomic_fetch_add(&target->code_gone, 1, __ATOMIC_RELEASE);
	return true;
}

static void drop(struct target *target, uint64_t start, uint64_t len)
{
	uint64_t end = (start + len + 4095) & ~4095ull;

	if (end > start)
		translator_drop(target->translator, start & ~4095ull, end);
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
		syscalls_watch_senders(target, false);
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

/* Shows the thread's mask, or gives it to somebody. */
static bool sees_mask(uint64_t number)
{
	static const int numbers[] = {
		SYS_rt_sigprocmask, SYS_rt_sigpending, SYS_rt_sigsuspend, SYS_rt_sigtimedwait,
		SYS_signalfd, SYS_signalfd4, SYS_ppoll, SYS_pselect6, SYS_epoll_pwait,
		SYS_epoll_pwait2, SYS_fork, SYS_vfork, SYS_clone, SYS_clone3, SYS_execve,
		SYS_execveat,
	};

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if ((uint64_t)numbers[i] == number)
			return true;
	return false;
}

/* What becomes of a signal must not change before those are delivered that came earlier:
 * the thread waits for its own.  But where the next one always is
 * there before the call is made, that one comes as if during the call. */
static bool may_set_signals(struct thread *thread)
{
	struct target *target = thread->target;
	struct thread_block *tb = thread->tb;

	if (__atomic_load_n(&thread->call_passes, __ATOMIC_ACQUIRE) &&
	    (!thread->blocked || !sees_mask(tb->gpr[0] & 0xffff))) {
		__atomic_store_n(&thread->call_waits, false, __ATOMIC_RELAXED);
		__atomic_store_n(&thread->call_passes, false, __ATOMIC_RELAXED);
		tb->sys_resume = target->runtime.syscall_resume.address;
		return true;
	}
	bool waits = waits_for_signals(thread);
	__atomic_store_n(&thread->call_waits, waits, __ATOMIC_RELAXED);
	__atomic_store_n(&thread->call_sees_mask, sees_mask(tb->gpr[0] & 0xffff), __ATOMIC_RELAXED);
	return !waits;
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

/* To be asked again behind it. */
static void remember_always(struct thread *thread)
{
	struct thread_block *tb = thread->tb;
	const uint64_t call[7] = { tb->gpr[0], tb->gpr[7], tb->gpr[6], tb->gpr[2], tb->gpr[10],
				   tb->gpr[8], tb->gpr[9] };

	if (tb->sys_resume == thread->target->runtime.syscall_resume.address)
		return;
	memcpy(tb->sys_args, call, sizeof call);
	tb->sys_resume_saved = tb->sys_resume;
	tb->sys_resume = thread->target->runtime.syscall_post.address;
}

/* The same with --watch alone. */
static void remember(struct thread *thread)
{
	if (thread->target->watching)
		remember_always(thread);
}

static struct cache_pc before_syscall(struct thread *thread)
{
	struct thread_block *tb = thread->tb;
	struct target *target = thread->target;
	bool has_code;

	switch (tb->gpr[0] & 0xffff) {
	case SYS_munmap:
		has_code = before_unmap(target, tb->gpr[7], tb->gpr[7] + tb->gpr[6]);
		watch_follow_before(target, tb->gpr[7], tb->gpr[6]);
		drop(target, tb->gpr[7], tb->gpr[6]);
		target_map_changed(target, tb->gpr[7], tb->gpr[6]);
		if (has_code)           /* symbols may look before it is gone */
			remember_always(thread);
		else
			remember(thread);
		break;
	case SYS_rt_sigaction:
		return target->runtime.syscall_note;
	case SYS_execve:
	case SYS_execveat:
	case SYS_exit_group:
		target_symbols_note(target, 0, ~0ull);
		watch_code_process_end(thread);
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
		if (!on_arch_prctl(thread)) {
			remember(thread);
			/* Where nobody is asked behind it. */
			if (tb->sys_resume == target->runtime.syscall_resume.address &&
			    (uint32_t)tb->gpr[7] == ARCH_SET_FS && is_canonical(tb->gpr[6]))
				tb->app_fs = tb->gpr[6];
			break;
		}
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

int syscalls_before(struct thread *thread, struct cache_pc *at)
{
	const struct thread_block *tb = thread->tb;

	if (is_sender(tb->gpr[0] & 0xffff) && !may_send(thread))
		return -EAGAIN;
	if (!may_set_signals(thread))
		return -EAGAIN;
	if (wants_tracee(tb) || lock_memory_is_asked(tb))
		return -EFAULT;
	*at = before_syscall(thread);
	return 0;
}

/* ---- behind it ---------------------------------------------------------------------------- */

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

/* What the call of sys_args has done to the map.  False: places of --watch have moved, the
 * target is to be flushed. */
static bool note_map(struct thread *thread, int64_t result)
{
	const uint64_t *args = thread->tb->sys_args + 1;
	struct target *target = thread->target;
	bool failed = result < 0 && result > -4096;

	switch (thread->tb->sys_args[0] & 0xffff) {
	case SYS_mmap:
		if (failed)
			return true;
		drop(target, (uint64_t)result, args[1]);
		if (args[2] & PROT_EXEC || args[3] & MAP_FIXED)
			target_map_changed(target, (uint64_t)result, args[1]);
		break;
	case SYS_mprotect:
	case SYS_pkey_mprotect:
		drop(target, args[0], args[1]);
		target->maps_are_old = true;
		if (args[2] & PROT_EXEC)
			target_map_changed(target, args[0], args[1]);
		break;
	case SYS_mremap:
		drop(target, args[0], args[1]);
		if (!failed)
			drop(target, (uint64_t)result, args[2]);
		target_map_changed(target, args[0], args[1]);
		if (!failed)
			target_map_changed(target, (uint64_t)result, args[2]);
		break;
	case SYS_munmap:
		target_map_changed(target, args[0], args[1]);
		break;
	default:
		return true;
	}
	return !watch_follow(target);
}

/* Of any call that is asked about behind it. */
static bool note_result(struct thread *thread, int64_t result)
{
	struct thread_block *tb = thread->tb;

	if ((tb->sys_args[0] & 0xffff) == SYS_rseq && result == 0)      /* _UNREGISTER */
		__atomic_store_n(&tb->rseq, tb->sys_args[3] & 1 ? 0 : tb->sys_args[1],
				 __ATOMIC_RELEASE);
	if ((tb->sys_args[0] & 0xffff) == SYS_arch_prctl && result == 0 &&
	    (uint32_t)tb->sys_args[1] == ARCH_SET_FS)
		tb->app_fs = tb->sys_args[2];
	if ((tb->sys_args[0] & 0xffff) == SYS_io_uring_setup && result >= 0)
		watch_code_ring(thread->target);
	return note_map(thread, result);
}

int syscalls_after(struct thread *thread, struct cache_pc *at)
{
	struct thread_block *tb = thread->tb;
	uint64_t number = tb->sys_args[0] & 0xffff;
	bool goes_on = note_result(thread, (int64_t)tb->gpr[0]);

	if (tb->sys_args[7] && (number == SYS_write || number == SYS_sendto || number == SYS_recvfrom))
		after_rest(tb);
	at->address = tb->sys_resume_saved;
	return goes_on ? 0 : -ENOSPC;
}

void syscalls_left(struct thread *thread, uint64_t result)
{
	if (!note_result(thread, (int64_t)result))
		__atomic_store_n(&thread->target->is_full, true, __ATOMIC_RELEASE);
}

static void sigreturn_event(struct thread *thread, uint64_t pc, uint64_t sp)
{
	const uint32_t payload[6] = { (uint32_t)pc, (uint32_t)(pc >> 32), (uint32_t)sp,
				      (uint32_t)(sp >> 32) };

	thread_event(thread, thread->target->id_sigreturn, payload);
}

int syscalls_sigreturn(struct thread *thread, struct cache_pc *at)
{
	struct thread_block *tb = thread->tb;

	__atomic_store_n(&thread->returned_ns, now_ns(), __ATOMIC_RELEASE);
	postponed_returned(thread);
	sigreturn_event(thread, tb->target, tb->gpr[4]);
	return translator_enter(thread->target->translator, (struct app_pc){ tb->target }, at);
}

/* While the cache is being emptied nobody goes there: see flush.c. */
int syscalls_resume(struct thread *thread, struct cache_pc *at)
{
	struct target *target = thread->target;
	int r = target->is_full || waits_for_signals(thread) ? -EAGAIN
				: translator_enter(target->translator,
						   (struct app_pc){ thread->tb->target }, at);

	if (r == 0)
		__atomic_store_n(&thread->asks_behind, false, __ATOMIC_RELEASE);
	return r;
}

/* ---- system calls made in place ----------------------------------------------------- */

bool syscalls_before_in_place(struct thread *thread, struct user_regs_struct *regs)
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

void syscalls_after_in_place(struct thread *thread, const struct user_regs_struct *regs)
{
	struct thread_block *tb = thread->tb;
	uint64_t number = tb->sys_args[0] & 0xffff;

	if (number == SYS_rt_sigreturn)
		sigreturn_event(thread, regs->rip, regs->rsp);
	target_lock(thread->target);
	if (number == SYS_mmap || number == SYS_mprotect || number == SYS_pkey_mprotect ||
	    number == SYS_mremap || number == SYS_munmap)
		syscalls_left(thread, regs->rax);
	target_unlock(thread->target);
}
