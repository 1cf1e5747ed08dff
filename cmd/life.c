#include "life.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hijack.h"
#include "message.h"
#include "output.h"
#include "process.h"
#include "rseq.h"
#include "seccomp.h"
#include "service.h"
#include "stops.h"
#include "thread-event.h"
#include "watch.h"

/* A stop of a thread that its parent has not told of yet. */
struct tracee_early {
	struct tracee_stop stop;
	struct tracee_early *next;
};

/* ---- taking in --------------------------------------------------------------------------- */

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

int life_take_in(struct session *s, struct thread *thread, struct target *target,
		  struct err *err)
{
	return take_in(s, thread, target, NULL, err);
}

int life_new_target(struct session *s, struct thread *thread, struct err *err)
{
	struct target *target;
	int r = target_create(s, thread->pid, thread->tid, &target, err);

	if (r < 0)
		return r;
	session_target_add(s, target);
	r = service_start(target, err);
	if (r == 0)
		r = life_take_in(s, thread, target, err);
	return r;
}

/* ---- children that come before their parent's word --------------------------------------- */

void life_keep_early(struct session *s, const struct tracee_stop *stop)
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

void life_forget(struct session *s)
{
	free(s->round);
	s->round = NULL;
	while (s->early) {
		struct tracee_early *early = s->early;

		s->early = early->next;
		free(early);
	}
}

/* Lets the thread go, native, for good. */
static void let_go(struct session *s, struct thread *thread, int signal)
{
	tracee_detach(thread->tid, signal);
	session_thread_remove(s, thread);
}

/* ---- new threads and processes ----------------------------------------------------------- */

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

/* It stays at the stop with which it began, with its own registers, until we leave. */
static void child_failed(struct session *s, struct thread *child, const struct err *err)
{
	message_error(err);
	child->is_stopped = true;
	s->ends = true;
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
				  : life_new_target(s, child, &err);
	if (r < 0 && err.code && err.code != ESRCH && !was_killed(child))
		child_failed(s, child, &err);
	else
		hijack_resume(child, 0);
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

/* It cannot be stopped until its child has executed a program or ended, which may be
 * long; the cache may be emptied meanwhile. */
static void ask_behind_vfork(struct thread *parent)
{
	const struct translate_runtime *runtime = &parent->target->runtime;
	struct thread_block *tb = parent->tb;
	uint64_t *resume = tb->sys_resume == runtime->syscall_post.address ? &tb->sys_resume_saved
									   : &tb->sys_resume;

	target_lock(parent->target);    /* the service has looked at it before */
	*resume = runtime->syscall_resume.address;
	target_unlock(parent->target);
	__atomic_store_n(&parent->asks_behind, true, __ATOMIC_RELEASE);
}

/* Nothing is translated: the child runs natively, too. */
static void take_watched_child(struct session *s, const struct thread *parent,
			       struct thread *child, bool is_vfork)
{
	if (child->pid != parent->pid && !s->options->follow) {
		let_go(s, child, 0);
		return;
	}
	child->vfork_parent = is_vfork ? parent->tid : 0;
	watch_thread(s, child);
	hijack_resume(child, 0);
}

/* Cheaper than to read it in /proc. */
static bool is_thread_of(pid_t tid, pid_t pid)
{
	return syscall(SYS_tgkill, pid, tid, 0) == 0;
}

void life_on_child(struct session *s, struct thread *parent, const struct tracee_stop *stop)
{
	pid_t tid = (pid_t)stop->message;
	struct tracee_stop first;
	struct thread *child;

	if (!await_child(s, tid, &first) || tracee_has_ended(&first)) {
		hijack_resume(parent, 0);
		return;
	}
	if (stop->kind == STOP_VFORK && parent->tb)
		ask_behind_vfork(parent);

	pid_t pid = is_thread_of(tid, parent->pid) ? parent->pid : process_of_thread(tid);
	child = session_thread_add(s, tid, pid > 0 ? pid : tid);
	if (!child)
		s->ends = true;
	else if (s->watches)
		take_watched_child(s, parent, child, stop->kind == STOP_VFORK);
	else if (pid == parent->pid)
		take_child(s, parent, child, true);
	else if (!s->options->follow || s->is_detaching)
		release_child(s, parent, child);
	else {
		child->vfork_parent = stop->kind == STOP_VFORK ? parent->tid : 0;
		take_child(s, parent, child, process_shares_memory(pid, parent->pid));
	}
	hijack_resume(parent, 0);
}

/* ---- exec -------------------------------------------------------------------------------- */

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

			while (stops_take_pending(s, t->tid, &stale))
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

void life_on_exec(struct session *s, const struct tracee_stop *stop)
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
			hijack_resume(thread, 0);
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
	if (life_new_target(s, thread, &err) < 0) {
		if (err.code != ESRCH && !was_killed(thread))
			message_error(&err);
		let_go(s, thread, 0);
		return;
	}
	hijack_resume(thread, 0);
}

/* ---- the end of a thread ----------------------------------------------------------------- */

void life_on_end(struct session *s, struct thread *thread, const struct tracee_stop *stop)
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
