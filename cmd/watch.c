#include "watch.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "attach.h"
#include "decode.h"
#include "message.h"
#include "output.h"
#include "record-access.h"
#include "process.h"
#include "stops.h"
#include "watch-kernel.h"
#include "watch-place.h"
#include "watch-show.h"
#include "watch-stack.h"
#include "watch-value.h"

#define PIECES_MAX 4
#define HWBKPT_TRAP 4           /* si_code TRAP_HWBKPT */

enum access { ACCESS_WRITE = 1, ACCESS_READ = 2 };

/* One debug register. */
struct piece {
	uint64_t address;
	unsigned len;
	const struct place *place;
};

struct watch {
	pid_t pid;
	struct symbols *symbols;
	struct place *places;
	size_t place_count;
	struct piece pieces[PIECES_MAX];
	unsigned piece_count;
	bool sees_kernel;               /* and its writes */
	struct unwinder *unwinder;      /* of -k */
	struct watch *next;
};

/* ---- which registers ------------------------------------------------------------------- */

/* Cuts [address, address + len) into aligned pieces.  -ENOSPC: there are too few
 * registers. */
static int cut(struct watch *w, const struct place *place, struct err *err)
{
	uint64_t at = place->address, left = place->len;

	while (left) {
		unsigned len = 8;

		while (at % len || len > left)
			len /= 2;
		if (w->piece_count == PIECES_MAX)
			return err_set(err, ENOSPC, "--watch %s: the four debug registers are too few "
				       "(say --watch-with code)", place->text);
		w->pieces[w->piece_count++] = (struct piece){ at, len, place };
		at += len;
		left -= len;
	}
	return 0;
}

static ssize_t read_memory(void *context, uint64_t address, void *buf, size_t len)
{
	return tracee_read(((struct watch *)context)->pid, address, buf, len);
}

/* The value that the first access will have changed. */
static int look_first(struct session *s, struct watch *w, struct place *p, struct err *err)
{
	p->is_known = tracee_read(w->pid, p->address, p->value, p->len) == (ssize_t)p->len;
	if (p->is_known)
		return 0;
	if (!s->options->wait)
		return err_set(err, EFAULT, "--watch %s: nothing is mapped at 0x%" PRIx64
			       " (--wait: until something is)", p->text, p->address);
	return 0;
}

/* Finds the places in the process as it is now. */
static int locate(struct session *s, struct watch *w, struct err *err)
{
	struct symbols_memory memory = { read_memory, w };
	const struct string_list *texts = &s->options->watches;
	int r;

	w->symbols = symbols_create(w->pid, &memory);
	w->places = calloc(texts->count, sizeof *w->places);
	if (!w->symbols || !w->places)
		return err_set(err, ENOMEM, "out of memory");
	symbols_set_demangle(w->symbols, !s->options->no_demangle);
	r = symbols_refresh(w->symbols, err);
	for (size_t i = 0; r >= 0 && i < texts->count; i++) {
		struct place *p = &w->places[w->place_count++];

		r = place_find(p, w->symbols, texts->items[i], err);
		if (r >= 0)
			r = cut(w, p, err);
		if (r >= 0)
			r = look_first(s, w, p, err);
	}
	return r < 0 ? r : 0;
}

static void forget(struct watch *w)
{
	unwinder_destroy(w->unwinder);
	symbols_destroy(w->symbols);
	for (size_t i = 0; i < w->place_count; i++)
		place_deinit(&w->places[i]);
	free(w->places);
	w->unwinder = NULL;
	w->symbols = NULL;
	w->places = NULL;
	w->place_count = w->piece_count = 0;
}

static struct watch *watch_of(struct session *s, pid_t pid)
{
	struct watch *w = s->watches;

	while (w && w->pid != pid)
		w = w->next;
	return w;
}

static struct watch *add(struct session *s, pid_t pid)
{
	struct watch *w = calloc(1, sizeof *w);

	if (w) {
		w->pid = pid;
		w->next = s->watches;
		s->watches = w;
	}
	return w;
}

/* DR7: enable bit, kind of access and length of each register. */
static int arm(const struct watch *w, pid_t tid)
{
	uint64_t control = 0;

	for (unsigned i = 0; i < w->piece_count; i++) {
		const struct piece *p = &w->pieces[i];
		uint64_t kind = p->place->access == ACCESS_WRITE ? 1 : 3;
		uint64_t len = p->len == 8 ? 2 : p->len - 1;
		int r = tracee_debug_set(tid, (int)i, p->address);

		if (r < 0)
			return r;
		control |= 1ull << (2 * i) | (kind | len << 2) << (16 + 4 * i);
	}
	return tracee_debug_set(tid, 7, control);
}

static int arm_kernel(const struct watch *w, struct thread *thread)
{
	int r = watch_kernel_is_blocked(thread) ? -EBUSY : 0;

	for (unsigned i = 0; r == 0 && i < w->piece_count; i++)
		if (w->pieces[i].place->access & ACCESS_WRITE)
			r = watch_kernel_arm(thread, w->pieces[i].address, w->pieces[i].len);
	return r;
}

static const char *why_not(int r)
{
	return r == -EBUSY ? "it blocks SIGTRAP" :
	       r == -ENOSPC ? "too few debug registers" : strerror(-r);
}

void watch_thread(struct session *s, struct thread *thread)
{
	struct watch *w = watch_of(s, thread->pid);

	if (!w)
		return;
	if (arm(w, thread->tid) < 0) {
		message_warning("thread %d cannot be watched: its debug registers are not to be had",
				thread->tid);
		return;
	}
	int r = w->sees_kernel ? arm_kernel(w, thread) : 0;
	if (r < 0)
		message_warning("writes of the kernel for thread %d are not seen: %s (say "
				"--watch-with code)", thread->tid, why_not(r));
}

void watch_end_thread(struct thread *thread)
{
	watch_kernel_end(thread);
	if (tracee_debug_set(thread->tid, 7, 0) < 0)
		return;
}

/* ---- begin --------------------------------------------------------------------------------- */

static int arm_all(struct session *s, struct watch *w, struct err *err)
{
	for (struct thread *t = session_thread_next(s, NULL); t; t = session_thread_next(s, t)) {
		int r = t->pid == w->pid ? arm(w, t->tid) : 0;

		if (r < 0 && r != -ESRCH)
			return err_set(err, -r, "the debug registers are not to be had: %s "
				       "(another debugger may use them)", strerror(-r));
	}
	return 0;
}

/* 0; else why the kernel's writes are not seen. */
static int arm_kernel_all(struct session *s, struct watch *w)
{
	for (struct thread *t = session_thread_next(s, NULL); t; t = session_thread_next(s, t)) {
		int r = t->pid == w->pid ? arm_kernel(w, t) : 0;

		if (r < 0 && r != -ESRCH)
			return r;
	}
	w->sees_kernel = true;
	return 0;
}

static void disarm_all(struct session *s, const struct watch *w)
{
	for (struct thread *t = session_thread_next(s, NULL); t; t = session_thread_next(s, t))
		if (t->pid == w->pid)
			watch_end_thread(t);
}

/* Translated code looks at every access. */
static int by_code(struct session *s, const char *why)
{
	struct err err = { 0 };

	watch_destroy(s);
	s->events.stores = true;
	message_verbose(1, "--watch: by translated code (%s)", why);
	if (output_start(s->output, &err) < 0) {
		message_error(&err);
		session_end(s);
	}
	return 1;
}

/* Finds the places and arms the registers.  1: it is to be by translated code, as
 * has been said. */
static int choose_way(struct session *s, struct watch *w, struct err *err)
{
	enum watch_way way = s->options->watch_way;
	int r = locate(s, w, err);

	if (r < 0 && r != -ENOSPC)
		return r;
	if (way == WATCH_CODE)
		return by_code(s, "as --watch-with says");
	if (r == -ENOSPC)
		return way == WATCH_HW || w->next ? r : by_code(s, "four debug registers are too few");
	r = arm_all(s, w, err);
	if (r < 0)
		return way == WATCH_HW || w->next ? r : by_code(s, "no debug registers are to be had");
	r = arm_kernel_all(s, w);
	if (r < 0 && way != WATCH_HW && !w->next) {
		disarm_all(s, w);
		char why[128];

		snprintf(why, sizeof why, "debug registers do not show the kernel's writes: %s",
			 why_not(r));
		return by_code(s, why);
	}
	if (r < 0) {
		for (struct thread *t = session_thread_next(s, NULL); t; t = session_thread_next(s, t))
			if (t->pid == w->pid)
				watch_kernel_end(t);
		message_verbose(1, "--watch: writes by the kernel are not seen: %s", why_not(r));
	}
	for (size_t i = 0; i < w->place_count; i++)
		if (!w->places[i].is_known)
			message_warning("--watch %s: nothing is mapped at 0x%" PRIx64 " yet",
					w->places[i].text, w->places[i].address);
	message_verbose(1, "--watch: by debug registers (%u of %d)", w->piece_count, PIECES_MAX);
	return 0;
}

static int attach(struct session *s, pid_t pid, struct err *err)
{
	int r = process_attachable(pid, err);

	if (s->events.stores)           /* as it was for the process before */
		return attach_process(s, pid, err);
	struct watch *w = r < 0 ? NULL : add(s, pid);

	if (r < 0)
		return r;
	if (!w)
		return err_set(err, ENOMEM, "out of memory");
	r = attach_stop_process(s, pid, err);
	if (r < 0)
		return r;
	r = choose_way(s, w, err);
	if (r > 0)
		return attach_take_process(s, pid, err);
	if (r < 0) {
		attach_detach_process(s, pid);
		return r;
	}
	attach_resume_process(s, pid);
	return 0;
}

static int start(struct session *s, void (*before_exec)(void), struct err *err)
{
	struct thread *thread;
	int status = attach_spawn(s, before_exec, &thread, err);

	if (status || !thread)
		return status;
	struct watch *w = add(s, thread->pid);
	int r = w ? choose_way(s, w, err) : err_set(err, ENOMEM, "out of memory");
	if (r > 0) {
		r = attach_take_program(s, thread, err);
		return r < 0 ? 1 : 0;
	}
	if (r < 0) {
		kill(thread->pid, SIGKILL);
		return 1;
	}
	thread->is_stopped = false;
	tracee_resume(thread->tid, TRACEE_CONT, 0);
	return 0;
}

int watch_begin(struct session *s, void (*before_exec)(void), struct err *err)
{
	size_t attached = 0;

	if (s->options->program)
		return start(s, before_exec, err);
	for (size_t i = 0; i < s->options->pid_count; i++) {
		struct err why = { 0 };

		if (attach(s, s->options->pids[i], &why) == 0) {
			attached++;
			continue;
		}
		err_prefix(&why, "cannot watch process %d", s->options->pids[i]);
		message_error(&why);
	}
	err->code = 0;
	return attached ? 0 : 1;
}

bool watch_exec(struct session *s, struct thread *thread)
{
	struct watch *w = watch_of(s, thread->pid);
	struct err err = { 0 };

	if (!w)
		w = add(s, thread->pid);
	if (!w)
		return false;
	forget(w);
	watch_kernel_end(thread);
	if (locate(s, w, &err) == 0 && arm(w, thread->tid) == 0 &&
	    (!w->sees_kernel || arm_kernel(w, thread) == 0))
		return true;
	message_warning("process %d has executed another program, which is not watched: %s",
			thread->pid, err.text);
	return false;
}

void watch_destroy(struct session *s)
{
	while (s->watches) {
		struct watch *w = s->watches;

		s->watches = w->next;
		forget(w);
		free(w);
	}
}

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

/* `draft`: what is known of it without the place. */
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
	if (o->stack && !o->summary)
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

/* ---- the kernel ---------------------------------------------------------------------------- */

/* Traps for several writes may be one: what has changed is shown. */
static void show_changes(struct session *s, struct watch *w, struct thread *thread,
			 const struct watch_hit *draft, const struct user_regs_struct *regs)
{
	uint8_t now[PLACE_BYTES_MAX];

	for (size_t i = 0; i < w->place_count; i++) {
		struct place *p = &w->places[i];

		if ((p->access & ACCESS_WRITE) &&
		    tracee_read(w->pid, p->address, now, p->len) == (ssize_t)p->len &&
		    (!p->is_known || memcmp(now, p->value, p->len)))
			show(s, w, thread->tid, p, draft, regs);
	}
}

/* The thread is behind a system call; or at a handler, whose frame it was. */
static void on_kernel_trap(struct session *s, struct watch *w, struct thread *thread,
			   const struct user_regs_struct *regs)
{
	static const uint8_t syscall_insn[2] = { 0x0f, 0x05 };
	struct watch_hit draft = { .what = WATCH_SIGNAL, .number = (unsigned)regs->rdi };
	uint8_t before[2];

	if (tracee_read(w->pid, regs->rip - 2, before, 2) == 2 && !memcmp(before, syscall_insn, 2) &&
	    (int64_t)regs->orig_rax >= 0)
		draft = (struct watch_hit){ .what = WATCH_SYSCALL, .pc = regs->rip - 2,
					    .number = (unsigned)regs->orig_rax };
	if (!symbols_module_find(w->symbols, regs->rip))
		refresh(w);
	show_changes(s, w, thread, &draft, regs);
}

bool watch_on_trap(struct session *s, struct thread *thread)
{
	struct watch *w = watch_of(s, thread->pid);
	struct user_regs_struct regs;
	struct x86_insn insn;
	siginfo_t info;
	uint64_t status;
	const struct place *shown = NULL;

	if (!w || tracee_siginfo_get(thread->tid, &info) < 0 ||
	    tracee_regs_get(thread->tid, &regs) < 0)
		return false;
	if (info.si_code == WATCH_KERNEL_TRAP) {
		if (thread->watch_kernel)
			on_kernel_trap(s, w, thread, &regs);
		return true;
	}
	if (info.si_code != HWBKPT_TRAP || tracee_debug_get(thread->tid, 6, &status) < 0 ||
	    !(status & 15))
		return false;
	uint64_t pc = find_insn(w, regs.rip, &insn);
	for (unsigned i = 0; i < w->piece_count; i++) {
		struct piece *p = &w->pieces[i];
		struct place *place = (struct place *)p->place;
		bool is_write = insn.writes_mem || !insn.reads_mem;

		if (!(status >> i & 1) || place == shown)
			continue;
		shown = place;
		if (place->access & (is_write ? ACCESS_WRITE : ACCESS_READ))
			show(s, w, thread->tid, place,
			     &(struct watch_hit){ .pc = pc,
						  .what = is_write ? WATCH_WRITE : WATCH_READ },
			     &regs);
	}
	if (tracee_debug_set(thread->tid, 6, 0) < 0)
		return true;
	return true;
}
