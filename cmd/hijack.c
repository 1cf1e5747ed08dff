#include "hijack.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include "rseq.h"
#include "session.h"
#include "syscalls.h"
#include "thread-event.h"
#include "waiting.h"
#include "watch-code.h"

/* ---- registers between the two worlds ---------------------------------------------- */

static void to_translate(const struct user_regs_struct *u, struct translate_regs *out)
{
	const uint64_t gpr[16] = { u->rax, u->rcx, u->rdx, u->rbx, u->rsp, u->rbp, u->rsi, u->rdi,
				   u->r8, u->r9, u->r10, u->r11, u->r12, u->r13, u->r14, u->r15 };

	memcpy(out->gpr, gpr, sizeof gpr);
	out->pc = u->rip;
	out->flags = u->eflags;
}

static void from_translate(const struct translate_regs *regs, struct user_regs_struct *u)
{
	unsigned long long *const fields[16] = {
		&u->rax, &u->rcx, &u->rdx, &u->rbx, &u->rsp, &u->rbp, &u->rsi, &u->rdi,
		&u->r8, &u->r9, &u->r10, &u->r11, &u->r12, &u->r13, &u->r14, &u->r15,
	};

	for (int i = 0; i < 16; i++)
		*fields[i] = regs->gpr[i];
	u->rip = regs->pc;
	u->eflags = regs->flags;
}

static void cut_event(struct thread *thread, const struct translate_state *state)
{
	uint64_t pc = state->regs.pc, rcx = state->regs.gpr[1];
	const uint32_t payload[6] = { (uint32_t)pc, (uint32_t)(pc >> 32), (uint32_t)rcx,
				      (uint32_t)(rcx >> 32), state->block->index,
				      state->in_part };

	thread_event(thread, thread->target->id_cut, payload);
}

/* ---- off ------------------------------------------------------------------------------ */

/* The rest of a call that is made for the program: how much was done before it. */
static bool makes_rest(const struct thread *thread)
{
	const struct thread_block *tb = thread->tb;

	return tb->sys_args[7] && tb->sys_resume == thread->target->runtime.syscall_post.address;
}

/* The program is behind its call, which has done so much. */
static void end_rest(struct thread *thread, struct cache_pc at, struct translate_state *state)
{
	struct thread_block *tb = thread->tb;
	bool is_made = at.address != thread->target->runtime.syscall_insn.address;
	int64_t more = is_made ? (int64_t)state->regs.gpr[0] : 0;

	state->regs.gpr[0] = tb->sys_args[7] + (more > 0 ? (uint64_t)more : 0);
	state->regs.gpr[6] = tb->sys_args[2];
	state->regs.gpr[2] = tb->sys_args[3];
	state->regs.gpr[1] = state->regs.pc = tb->sys_next;
	state->in_block = state->in_part = state->in_syscall = false;
	tb->sys_args[7] = 0;
}

static int in_cache(struct thread *thread, struct user_regs_struct *regs)
{
	struct target *target = thread->target;
	struct cache_pc at = { regs->rip };
	struct translate_regs raw;
	struct translate_state state;

	to_translate(regs, &raw);
	target_lock(target);
	bool is_behind_call =
		translator_is_calling(target->translator, at, thread->tb) &&
		thread->tb->sys_resume == target->runtime.syscall_post.address;
	bool found = translator_state_find(target->translator, at, &raw, thread->tb, &state);
	if (found && state.in_request) {
		__atomic_store_n(&thread->tb->request_state, REQUEST_IDLE, __ATOMIC_RELEASE);
		thread_want_step(thread, false);
	}
	if (found && is_behind_call && state.regs.pc == thread->tb->sys_next)
		syscalls_left(thread, state.regs.gpr[0]);
	if (found && target->watching)
		watch_code_stopped(thread, &state.regs);
	target_unlock(target);
	if (!found)
		return -EFAULT;
	if (makes_rest(thread))
		end_rest(thread, at, &state);
	if (state.has_frame_edit)
		tracee_write(thread->tid, state.edit_address, &state.edit_value, 8);
	for (unsigned i = 0; i < state.owed_count; i++)
		thread_event(thread, state.owed[i].id, state.owed[i].payload);
	if (state.in_block || state.in_part)
		cut_event(thread, &state);
	from_translate(&state.regs, regs);
	if (thread->tb->sys_resume != target->runtime.syscall_again.address)
		thread->waited_before_ns = 0;
	if (!state.in_syscall)
		regs->orig_rax = ~0ull;         /* a call of the runtime's own is nobody's restart */
	return 0;
}

int hijack_app_regs(struct thread *thread, struct user_regs_struct *regs)
{
	int r = tracee_regs_get(thread->tid, regs);

	if (r < 0 || !thread->target || !thread->tb)
		return r;
	if (arena_holds(&thread->target->arena, regs->rip))
		r = in_cache(thread, regs);
	else if (thread->state == THREAD_STEPPING)
		watch_code_stepped(thread, regs);
	regs->gs_base = thread->tb->app_gs;
	return r;
}

/* The kernel is not to find our descriptor of a restartable sequence any more: it looks
 * for the last one that was set whenever it takes the processor from a thread. */
void hijack_forget_sequence(pid_t tid, const struct thread *thread)
{
	uint64_t area = thread->tb ? __atomic_load_n(&thread->tb->rseq, __ATOMIC_ACQUIRE) : 0;
	uint64_t at = area + RSEQ_DESCRIPTOR, address, none = 0;

	if (!area)
		return;
	if (tracee_read(tid, at, &address, 8) == 8 && arena_holds(&thread->target->arena, address))
		tracee_write(tid, at, &none, 8);
}

int hijack_release(struct thread *thread, const struct user_regs_struct *regs)
{
	hijack_forget_sequence(thread->tid, thread);
	return tracee_regs_set(thread->tid, regs);
}

/* ---- on --------------------------------------------------------------------------------- */

/* Parks it before the rest of its call, behind which the service adds up. */
static void park_rest(struct thread *thread, struct user_regs_struct *regs, struct cache_pc resume)
{
	struct thread_block *tb = thread->tb;

	tb->sys_args[0] = regs->orig_rax;
	tb->sys_args[2] = regs->rsi;
	tb->sys_args[3] = regs->rdx;
	tb->sys_args[7] = regs->rax;
	tb->sys_resume_saved = resume.address;
	tb->sys_resume = thread->target->runtime.syscall_post.address;
	waiting_make_rest(regs);
	regs->rip = thread->target->runtime.syscall_insn.address;
}

/* Parks a thread that is inside a system call, so that the kernel's restart of
 * it (pc -= 2) happens on the runtime's own instruction. */
static void park(struct thread *thread, struct user_regs_struct *regs, struct cache_pc resume)
{
	struct thread_block *tb = thread->tb;
	const struct translate_runtime *runtime = &thread->target->runtime;

	tb->sys_next = regs->rip;
	tb->sys_resume = resume.address;
	regs->rip = runtime->syscall_done.address;
	if (!thread->is_listening && waiting_was_parted(thread, regs)) {
		park_rest(thread, regs, resume);
		return;
	}
	if (thread->target->watching)
		watch_code_park(thread, regs, resume);
	if (!waiting_was_cut(regs))
		return;
	if (thread->is_listening) {
		regs->orig_rax = ~0ull;         /* over, as hijack_end_waiting() says */
		return;
	}
	/* Made again with a shorter limit; its registers come back behind it. */
	tb->slots[2] = regs->rdx;
	tb->slots[10] = regs->r10;
	tb->sys_resume_saved = resume.address;
	tb->sys_resume = runtime->syscall_again.address;
	waiting_again(thread, regs);
}

void hijack_keep_waiting(struct thread *thread)
{
	struct thread_block *tb = thread->tb;
	struct user_regs_struct regs;

	if (!tb || thread->state != THREAD_IN_CACHE ||
	    tracee_regs_get(thread->tid, &regs) < 0 ||
	    regs.rip != thread->target->runtime.syscall_done.address)
		return;
	bool is_parted = waiting_was_parted(thread, &regs);
	if (is_parted && makes_rest(thread)) {
		tb->sys_args[7] += regs.rax;
		waiting_make_rest(&regs);
		regs.rip -= 2;
		int ignored = tracee_regs_set(thread->tid, &regs);
		(void)ignored;
		return;
	}
	if (!is_parted && !waiting_was_cut(&regs))
		return;
	struct cache_pc resume = { tb->sys_resume };
	if (resume.address == thread->target->runtime.syscall_post.address)
		resume.address = tb->sys_resume_saved;
	if (resume.address == thread->target->runtime.syscall_again.address) {
		resume.address = tb->sys_resume_saved;
		regs.rdx = tb->slots[2];
		regs.r10 = tb->slots[10];
	} else {
		thread->waited_before_ns = 0;
	}
	regs.rip = tb->sys_next;
	park(thread, &regs, resume);
	int ignored = tracee_regs_set(thread->tid, &regs);
	(void)ignored;
}

void hijack_end_waiting(struct thread *thread)
{
	struct user_regs_struct regs;

	if (!thread->tb || thread->state != THREAD_IN_CACHE ||
	    tracee_regs_get(thread->tid, &regs) < 0 ||
	    regs.rip != thread->target->runtime.syscall_done.address || !waiting_was_cut(&regs))
		return;
	regs.orig_rax = ~0ull;          /* a result like any other */
	int ignored = tracee_regs_set(thread->tid, &regs);
	(void)ignored;
}

/* Behind an exec registers are those of a new program: nothing is left of the call. */
static bool is_new_image(const struct user_regs_struct *regs)
{
	return (regs->orig_rax == SYS_execve || regs->orig_rax == SYS_execveat) && !regs->rax;
}

int hijack(struct thread *thread, struct user_regs_struct *regs, struct err *err)
{
	struct target *target = thread->target;
	struct translate_regs program;
	struct cache_pc at;

	rseq_abort(thread->tid, __atomic_load_n(&thread->tb->rseq, __ATOMIC_ACQUIRE), regs);

	thread->tb->app_gs = regs->gs_base == target_gs(thread) ? thread->tb->app_gs
								  : regs->gs_base;
	thread->tb->app_fs = regs->fs_base;
	to_translate(regs, &program);
	target_lock(target);
	translator_sections_find(target->translator, &program);
	int r = translator_enter(target->translator, (struct app_pc){ regs->rip }, &at);
	if (r == -ENOSPC)       /* from now on nobody is let in: see asks_behind */
		__atomic_store_n(&target->is_full, true, __ATOMIC_RELEASE);
	target_unlock(target);
	if (r == -EFAULT) {
		thread->state = THREAD_STEPPING;
		regs->gs_base = thread->tb->app_gs;
		r = tracee_regs_set(thread->tid, regs);
		return r < 0 ? err_set(err, ESRCH, "thread %d is gone", thread->tid) : 0;
	}
	if (r == -ENOSPC) {
		thread->state = THREAD_OUTSIDE;
		regs->gs_base = thread->tb->app_gs;
		r = tracee_regs_set(thread->tid, regs);
		return r < 0 ? err_set(err, ESRCH, "thread %d is gone", thread->tid) : 0;
	}
	if (r < 0)
		return err_set(err, -r, "memory is short");
	regs->gs_base = target_gs(thread);
	if (is_new_image(regs))
		regs->orig_rax = ~0ull;
	if ((long long)regs->orig_rax >= 0)
		park(thread, regs, at);
	else
		regs->rip = at.address;
	thread->state = THREAD_IN_CACHE;
	r = tracee_regs_set(thread->tid, regs);
	return r < 0 ? err_set(err, ESRCH, "thread %d is gone", thread->tid) : 0;
}

int hijack_resume(struct thread *thread, int signal)
{
	enum tracee_resume how = thread->state == THREAD_STEPPING ||
				 thread->state == THREAD_ENTERING ? TRACEE_STEP : TRACEE_CONT;

	if (thread->state == THREAD_OUTSIDE)
		return 0;
	thread->is_stopped = false;
	thread->is_listening = false;
	int r = tracee_resume(thread->tid, how, signal);
	waiting_settle(thread, thread->tid);
	return r;
}
