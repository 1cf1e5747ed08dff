#include "flush.h"

#include <errno.h>

#include "attach.h"
#include "hijack.h"
#include "message.h"
#include "output.h"
#include "service.h"
#include "watch-code.h"

/* Off the cache, with their own registers. */
static void take_off(struct session *s, const struct target *target)
{
	struct user_regs_struct regs;

	for (struct thread *t = session_thread_next(s, NULL); t; t = session_thread_next(s, t))
		if (t->target == target && t->is_stopped && t->state == THREAD_IN_CACHE &&
		    hijack_app_regs(t, &regs) == 0 && hijack_release(t, &regs) == 0)
			t->state = THREAD_OUTSIDE;
}

static void put_back(struct session *s, const struct target *target)
{
	struct user_regs_struct regs;
	struct err err = { 0 };

	for (struct thread *t = session_thread_next(s, NULL); t; t = session_thread_next(s, t)) {
		if (t->target != target || t->state != THREAD_OUTSIDE ||
		    tracee_regs_get(t->tid, &regs) < 0)
			continue;
		if (hijack(t, &regs, &err) == 0 && t->state != THREAD_OUTSIDE)
			continue;
		if (err.code == ESRCH)
			continue;
		message_warning("the code cache is too small for a single block (give a larger "
				"--cache-size)");
		s->ends = true;
	}
}

/* Who has asked meanwhile (asks_behind) was not answered. */
static void answer(struct session *s, struct target *target)
{
	for (struct thread *t = session_thread_next(s, NULL); t; t = session_thread_next(s, t))
		if (t->target == target && t->tb && service_is_waiting(t->tb))
			service_ring(target, t->area);
}

static void flush(struct session *s, struct target *target)
{
	attach_stop_target(s, target);
	take_off(s, target);
	watch_code_flush(target);
	if (!output_forget(s->output, target)) {
		s->ends = true;         /* asked to end meanwhile */
		return;
	}
	target_lock(target);
	target_flush(target);
	target_unlock(target);
	put_back(s, target);
	answer(s, target);
	attach_resume_target(s, target);
}

void flush_full_targets(struct session *s)
{
	for (struct target *target = s->targets; target && !s->ends; target = target->next)
		if (__atomic_load_n(&target->is_full, __ATOMIC_ACQUIRE) && !target_is_gone(target))
			flush(s, target);
}
