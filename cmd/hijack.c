#include "hijack.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include "session.h"

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

static void cut_event(struct thread *thread, uint64_t pc, uint64_t rcx)
{
	const uint32_t payload[4] = { (uint32_t)pc, (uint32_t)(pc >> 32), (uint32_t)rcx,
				      (uint32_t)(rcx >> 32) };

	thread_event(thread, thread->target->id_cut, payload);
}

/* ---- off ------------------------------------------------------------------------------ */

static int in_cache(struct thread *thread, struct user_regs_struct *regs)
{
	struct target *target = thread->target;
	struct cache_pc at = { regs->rip };
	struct translate_regs raw;
	struct translate_state state;

	to_translate(regs, &raw);
	pthread_mutex_lock(&target->lock);
	bool found = translator_state_find(target->translator, at, &raw, thread->tb, &state);
	if (found && state.in_request) {
		thread->tb->request_state = REQUEST_IDLE;
		thread->wants_step = false;
	}
	pthread_mutex_unlock(&target->lock);
	if (!found)
		return -EFAULT;
	if (state.has_frame_edit)
		tracee_write(thread->pid, state.edit_address, &state.edit_value, 8);
	if (state.is_owed)
		thread_event(thread, state.event_id, state.event_payload);
	if (state.in_block)
		cut_event(thread, state.regs.pc, state.regs.gpr[1]);
	from_translate(&state.regs, regs);
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
	regs->gs_base = thread->tb->app_gs;
	return r;
}

int hijack_release(struct thread *thread, const struct user_regs_struct *regs)
{
	return tracee_regs_set(thread->tid, regs);
}

void hijack_keep_waiting(struct user_regs_struct *regs)
{
	static const int calls[] = { SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2,
				     SYS_semtimedop, SYS_rt_sigtimedwait, SYS_recvfrom,
				     SYS_recvmsg };

	if ((int64_t)regs->rax != -EINTR || (int64_t)regs->orig_rax < 0)
		return;
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		if (regs->orig_rax == (uint64_t)calls[i]) {
			regs->rax = regs->orig_rax;
			regs->orig_rax = ~0ull;
			regs->rip -= 2;
			return;
		}
}

/* ---- on --------------------------------------------------------------------------------- */

/* Parks a thread that is inside a system call, so that the kernel's restart of
 * it (pc -= 2) happens on the runtime's own instruction. */
static bool park(struct thread *thread, struct user_regs_struct *regs, struct cache_pc resume)
{
	struct thread_block *tb = thread->tb;

	if ((long long)regs->orig_rax < 0)
		return false;
	tb->sys_next = regs->rip;
	tb->sys_resume = resume.address;
	regs->rip = thread->target->runtime.syscall_done.address;
	return true;
}

int hijack(struct thread *thread, struct user_regs_struct *regs, struct err *err)
{
	struct target *target = thread->target;
	struct cache_pc at;

	thread->tb->app_gs = regs->gs_base == target_gs(thread) ? thread->tb->app_gs
								  : regs->gs_base;
	pthread_mutex_lock(&target->lock);
	int r = translator_enter(target->translator, (struct app_pc){ regs->rip }, &at);
	pthread_mutex_unlock(&target->lock);
	if (r == -EFAULT) {
		thread->state = THREAD_STEPPING;
		regs->gs_base = thread->tb->app_gs;
		r = tracee_regs_set(thread->tid, regs);
		return r < 0 ? err_set(err, ESRCH, "thread %d is gone", thread->tid) : 0;
	}
	if (r < 0)
		return err_set(err, -r, "the code cache is full or memory is short");
	regs->gs_base = target_gs(thread);
	if (!park(thread, regs, at))
		regs->rip = at.address;
	thread->state = THREAD_IN_CACHE;
	r = tracee_regs_set(thread->tid, regs);
	return r < 0 ? err_set(err, ESRCH, "thread %d is gone", thread->tid) : 0;
}

int hijack_resume(struct thread *thread, int signal)
{
	enum tracee_resume how = thread->state == THREAD_STEPPING ||
				 thread->state == THREAD_ENTERING ? TRACEE_STEP : TRACEE_CONT;

	thread->is_stopped = false;
	thread->is_listening = false;
	return tracee_resume(thread->tid, how, signal);
}
