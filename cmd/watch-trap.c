/* watch-trap.c - the traps of debug registers: what was accessed, by whom. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"
#include "message.h"
#include "output.h"
#include "record-access.h"
#include "watch-internal.h"
#include "watch-show.h"
#include "watch-stack.h"
#include "watch-value.h"

#define REGISTER_TRAP 4         /* si_code TRAP_HWBKPT */
#define FRAME_BYTES_MAX 16384   /* of a signal, with all of the processor's state */

/* ---- an access -------------------------------------------------------------------------------- */

/* Libraries may have come since it was last looked.  True: some have. */
static bool refresh(struct watch *w)
{
	return symbols_refresh(w->symbols, NULL) > 0;
}

/* The instruction that has just run: the trap comes behind it.  Found by decoding
 * from the function's start; a repeated string instruction may still stand at pc. */
static uint64_t find_insn(struct watch *w, uint64_t pc, struct x86_insn *insn)
{
	if (!symbols_module_find(w->symbols, pc - 1))
		refresh(w);
	const struct symbol *symbol = symbols_find(w->symbols, pc - 1);
	uint64_t at = symbol ? symbol->start : pc - X86_INSN_MAX_BYTES;
	uint8_t bytes[64];

	ssize_t n = tracee_read(w->pid, pc, bytes, sizeof bytes);
	if (n > 0 && x86_decode(bytes, (size_t)n, insn) && insn->rep_string)
		return pc;
	while (symbol && at < pc) {
		n = tracee_read(w->pid, at, bytes, sizeof bytes);
		if (n <= 0 || !x86_decode(bytes, (size_t)n, insn))
			break;
		if (at + insn->len == pc)
			return at;
		at += insn->len;
	}
	/* No function is known: whatever decodes to end here and accesses memory. */
	for (at = pc - 1; at >= pc - X86_INSN_MAX_BYTES; at--) {
		n = tracee_read(w->pid, at, bytes, sizeof bytes);
		if (n > 0 && x86_decode(bytes, (size_t)n, insn) && at + insn->len == pc &&
		    (insn->writes_mem || insn->reads_mem))
			return at;
	}
	memset(insn, 0, sizeof *insn);
	insn->writes_mem = true;
	return pc;
}

static bool is_counted(struct session *s, pid_t tid)
{
	const struct options *o = s->options;

	for (size_t i = 0; i < o->tid_count; i++)
		if (o->tids[i] == tid)
			return true;
	return !o->tid_count;
}

static void write_hit(struct session *s, struct watch *w, const struct place *place,
		      const struct watch_hit *hit)
{
	if (s->options->record) {
		record_access(s->output, w->symbols, place, hit);
		return;
	}
	if (!s->options->summary) {
		watch_show(output_writer(s->output), s->options, w->symbols, hit);
		return;
	}
	if (!s->watch_table)
		s->watch_table = watch_table_create();
	if (s->watch_table)
		watch_table_add(s->watch_table, w->symbols, hit);
}

static struct watch_stack *stack_of(struct watch *w, const struct user_regs_struct *regs, uint64_t pc)
{
	struct watch_stack *stack;
	bool is_known = true;

	if (!w->unwinder)
		w->unwinder = unwinder_create(w->symbols);
	stack = w->unwinder ? watch_stack_native(w->unwinder, regs, pc) : NULL;
	for (size_t i = 0; stack && i < stack->count; i++)
		is_known &= symbols_module_find(w->symbols, stack->frames[i].lookup_pc) != NULL;
	if (is_known || !refresh(w))
		return stack;
	free(stack);
	return watch_stack_native(w->unwinder, regs, pc);
}

/* `draft`: what is known of it without the place.  regs: NULL, no thread is known. */
static void show(struct session *s, struct watch *w, pid_t tid, struct place *p,
		 const struct watch_hit *draft, const struct user_regs_struct *regs)
{
	const struct options *o = s->options;
	uint8_t now[PLACE_BYTES_MAX], old[PLACE_BYTES_MAX];
	struct watch_hit hit = {
		.tid = tid, .pid = w->pid, .where = p->text, .type = &p->type,
		.address = p->address, .len = p->len, .old = p->is_known ? old : NULL, .new = now,
		.pc = draft->pc, .what = draft->what, .number = draft->number,
	};
	struct watch_stack *stack = NULL;

	if (o->limit && s->watch_hits >= o->limit)
		return;
	if (tracee_read(w->pid, p->address, now, p->len) != (ssize_t)p->len)
		return;
	memcpy(old, p->value, p->len);
	memcpy(p->value, now, p->len);
	p->is_known = true;
	if (!is_counted(s, tid) || !watch_value_wanted(o, &p->type, p->len, old, now))
		return;
	if (o->stack && !o->summary && regs)
		hit.stack = stack = stack_of(w, regs, draft->pc ? draft->pc : regs->rip);
	write_hit(s, w, p, &hit);
	free(stack);
	if (++s->watch_hits == o->limit)
		session_end(s);
	output_count(s->output);
}

void watch_finish(struct session *s)
{
	if (s->options->mode == MODE_WATCH && !s->events.stores)
		record_finish(s->output);
	if (!s->options->summary || s->events.stores || s->options->mode != MODE_WATCH)
		return;
	if (!s->watch_table)
		s->watch_table = watch_table_create();
	if (s->watch_table)
		watch_table_write(s->watch_table, output_writer(s->output), s->options);
	watch_table_destroy(s->watch_table);
	s->watch_table = NULL;
}

/* ---- which accesses a trap tells of ------------------------------------------------------- */

/* Traps for several writes may be one: what has changed is shown. */
static void show_changes(struct session *s, struct watch *w, struct thread *thread,
			 const struct watch_hit *draft, const struct user_regs_struct *regs)
{
	uint8_t now[PLACE_BYTES_MAX];

	for (size_t i = 0; i < w->place_count; i++) {
		struct place *p = &w->places[i];

		if (p->is_found && (p->access & ACCESS_WRITE) &&
		    tracee_read(w->pid, p->address, now, p->len) == (ssize_t)p->len &&
		    (!p->is_known || memcmp(now, p->value, p->len)))
			show(s, w, thread->tid, p, draft, regs);
	}
}

void watch_on_missed(struct session *s, struct watch *w, struct place *place, uint64_t count)
{
	const struct watch_hit draft = { .what = WATCH_OTHER };
	uint8_t now[PLACE_BYTES_MAX];

	message_warning("--watch %s: %" PRIu64 " accesses were not seen: SIGTRAP was blocked, or an "
			"io_uring made them (say --watch-with code)", place->text, count);
	output_lose(s->output, count);
	if (!s->options->record && !s->options->summary)
		watch_show_lost(output_writer(s->output), s->options, w->pid, place->text, count);
	if ((place->access & ACCESS_WRITE) && place->is_known &&
	    tracee_read(w->pid, place->address, now, place->len) == (ssize_t)place->len &&
	    memcmp(now, place->value, place->len))
		show(s, w, w->pid, place, &draft, NULL);
}

/* The program has accessed the place. */
static void show_access(struct session *s, struct watch *w, struct thread *thread,
			struct place *place, const struct user_regs_struct *regs)
{
	struct x86_insn insn;
	struct watch_hit draft = { .pc = find_insn(w, regs->rip, &insn) };
	bool is_write = insn.writes_mem || !insn.reads_mem;

	draft.what = is_write ? WATCH_WRITE : WATCH_READ;
	if (place->access & (is_write ? ACCESS_WRITE : ACCESS_READ))
		show(s, w, thread->tid, place, &draft, regs);
}

/* ---- of perf_event_open() ------------------------------------------------------------------ */

/* At a handler's first instruction, with the frame that the kernel has written for it: the
 * context is above the return address. */
static bool is_in_frame(const struct piece *p, const struct user_regs_struct *regs)
{
	return regs->rdx == regs->rsp + 8 && regs->rdi && regs->rdi <= 64 &&
	       p->address >= regs->rsp && p->address - regs->rsp < FRAME_BYTES_MAX;
}

static bool is_behind_call(const struct watch *w, const struct user_regs_struct *regs)
{
	static const uint8_t syscall_insn[2] = { 0x0f, 0x05 };
	uint8_t before[2];

	return (int64_t)regs->orig_rax >= 0 &&
	       tracee_read(w->pid, regs->rip - 2, before, 2) == 2 &&
	       !memcmp(before, syscall_insn, 2);
}

/* It has waited until SIGTRAP was not blocked any more, and stands for all of them. */
static void on_late_event(struct session *s, struct watch *w, struct thread *thread,
			  const struct user_regs_struct *regs)
{
	const struct watch_hit draft = { .what = WATCH_OTHER };

	if (!thread->watch_was_blocked)
		message_warning("thread %d has blocked SIGTRAP: its accesses meanwhile are not "
				"shown (say --watch-with code)", thread->tid);
	thread->watch_was_blocked = w->was_blocked = true;
	show_changes(s, w, thread, &draft, regs);
}

/* The thread is behind a system call, or at a handler, whose frame it was; or it has
 * accessed the piece itself. */
static void on_event(struct session *s, struct watch *w, struct thread *thread,
		     struct piece *piece, const struct user_regs_struct *regs)
{
	struct watch_hit draft = { .what = WATCH_SIGNAL, .number = (unsigned)regs->rdi };

	if (!symbols_module_find(w->symbols, regs->rip))
		refresh(w);
	if (is_behind_call(w, regs)) {
		draft = (struct watch_hit){ .what = WATCH_SYSCALL, .pc = regs->rip - 2,
					    .number = (unsigned)regs->orig_rax };
		piece->by_kernel = true;
		show_changes(s, w, thread, &draft, regs);
	} else if (w->sees_kernel && is_in_frame(piece, regs)) {
		piece->by_kernel = true;
		show_changes(s, w, thread, &draft, regs);
	} else {
		show_access(s, w, thread, piece->place, regs);
	}
}

/* ---- both ---------------------------------------------------------------------------------- */

static enum watch_trap hold(struct session *s, struct watch *w)
{
	w->libraries_changed = s->watches_changed = true;
	return WATCH_TRAP_HOLD;
}

static enum watch_trap on_event_trap(struct session *s, struct watch *w, struct thread *thread,
				     const siginfo_t *info, const struct user_regs_struct *regs)
{
	struct watch_event_info event;

	if (!watch_event_info(w, info, &event))
		return WATCH_TRAP_ANOTHERS;
	if (event.number == WATCH_EVENT_LIBRARY)
		return hold(s, w);
	if (event.number < w->piece_count)
		w->pieces[event.number].traps++;
	if (event.was_blocked)
		on_late_event(s, w, thread, regs);
	else if (event.number < w->piece_count && w->fd_count)
		on_event(s, w, thread, &w->pieces[event.number], regs);
	return WATCH_TRAP_OURS;
}

static enum watch_trap on_register_trap(struct session *s, struct watch *w, struct thread *thread,
					const struct user_regs_struct *regs)
{
	const struct place *shown = NULL;
	uint64_t status;

	if (tracee_debug_get(thread->tid, 6, &status) < 0 || !(status & 15))
		return WATCH_TRAP_ANOTHERS;
	if (tracee_debug_set(thread->tid, 6, 0) < 0)
		return WATCH_TRAP_OURS;
	if (w->library_at && (status >> (WATCH_REGISTERS - 1) & 1))
		return hold(s, w);
	for (unsigned i = 0; i < w->piece_count; i++) {
		struct place *place = w->pieces[i].place;

		if (!(status >> i & 1) || place == shown)
			continue;
		shown = place;
		show_access(s, w, thread, place, regs);
	}
	return WATCH_TRAP_OURS;
}

enum watch_trap watch_on_trap(struct session *s, struct thread *thread)
{
	struct watch *w = watch_of(s, thread->pid);
	struct user_regs_struct regs;
	siginfo_t info;

	if (!w || tracee_siginfo_get(thread->tid, &info) < 0 ||
	    tracee_regs_get(thread->tid, &regs) < 0)
		return WATCH_TRAP_ANOTHERS;
	if (info.si_code == WATCH_EVENT_TRAP)
		return on_event_trap(s, w, thread, &info, &regs);
	if (info.si_code == REGISTER_TRAP)
		return on_register_trap(s, w, thread, &regs);
	return WATCH_TRAP_ANOTHERS;
}
