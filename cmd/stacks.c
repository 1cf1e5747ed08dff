#include "stacks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "json.h"
#include "line.h"
#include "message.h"
#include "output.h"
#include "process.h"
#include "source.h"
#include "tracee.h"
#include "unwind.h"
#include "writer.h"

#define FRAMES_MAX 1024
#define INLINES_MAX 16

struct stacks {
	struct writer *w;
	const struct options *options;
	pid_t pid;
	struct symbols *symbols;
	struct unwinder *unwinder;
};

/* One line of a stack: a frame, or a function inlined in it. */
struct entry {
	uint64_t pc;
	const char *function;           /* "" when not known */
	const struct symbols_module *module;
	const struct symbol *symbol;
	struct source_line line;
	bool is_inline;
};

static ssize_t read_memory(void *context, uint64_t address, void *buf, size_t len)
{
	return tracee_read(((struct stacks *)context)->pid, address, buf, len);
}

static void to_unwind(const struct user_regs_struct *u, struct unwind_regs *out)
{
	const uint64_t values[UNWIND_REGS] = {
		u->rax, u->rdx, u->rcx, u->rbx, u->rsi, u->rdi, u->rbp, u->rsp,
		u->r8, u->r9, u->r10, u->r11, u->r12, u->r13, u->r14, u->r15, u->rip,
	};

	memset(out, 0, sizeof *out);
	memcpy(out->value, values, sizeof values);
	out->known = UNWIND_ALL;
	out->is_exact = true;
}

/* ---- text ---------------------------------------------------------------------------- */

static void text_entry(struct stacks *k, const struct entry *e, unsigned number)
{
	const char *module = e->module ? e->module->name : "";
	size_t room = strlen(module) + strlen(e->function) + LINE_SLACK +
		      (e->line.file ? strlen(e->line.file) : 0);
	char *at = writer_room(k->w, room);

	at += sprintf(at, "  #%-3u ", number);
	at = put_hex(at, e->pc);
	at = put_literal(at, " ");
	at = put_string(at, module);
	if (*e->function)
		at = put_string(put_literal(at, "!"), e->function);
	if (e->is_inline)
		at = put_literal(at, " (inlined)");
	else if (*e->function && e->symbol)
		at = put_hex(put_literal(at, "+"), e->pc - e->symbol->start);
	else if (e->module)
		at = put_hex(put_literal(at, "+"), e->pc - e->module->base);
	if (e->line.file && e->line.line)
		at += sprintf(at, " (%s:%u)", e->line.file, e->line.line);
	writer_done(k->w, put_literal(at, "\n"));
}

/* ---- JSON ------------------------------------------------------------------------------ */

static void json_entry(struct stacks *k, const struct entry *e, unsigned number)
{
	const char *module = e->module ? e->module->name : "";
	size_t room = JSON_STRING_ROOM(strlen(module)) + JSON_STRING_ROOM(strlen(e->function)) +
		      LINE_SLACK + (e->line.file ? JSON_STRING_ROOM(strlen(e->line.file)) : 0);
	char *at = writer_room(k->w, room);

	if (number)
		at = put_literal(at, ",");
	at = put_literal(put_hex(put_literal(at, "{\"pc\":\""), e->pc), "\"");
	if (*e->function)
		at = json_string(put_literal(at, ",\"function\":"), e->function);
	if (e->module) {
		uint64_t start = e->symbol ? e->symbol->start : e->module->base;

		at = json_string(put_literal(at, ",\"module\":"), module);
		at = put_u64(put_literal(at, ",\"offset\":"), e->pc - start);
	}
	if (e->line.file && e->line.line) {
		at = json_string(put_literal(at, ",\"file\":"), e->line.file);
		at = put_u64(put_literal(at, ",\"line\":"), e->line.line);
	}
	at = e->is_inline ? put_literal(at, ",\"inline\":true}") : put_literal(at, "}");
	writer_done(k->w, at);
}

/* ---- a thread --------------------------------------------------------------------------- */

static void put_entry(struct stacks *k, const struct entry *e, unsigned *number)
{
	if (k->options->format == FORMAT_JSON)
		json_entry(k, e, *number);
	else
		text_entry(k, e, *number);
	++*number;
}

/* The frame's inlined functions first: each was called from the next. */
static void put_frame(struct stacks *k, const struct unwind_frame *frame, unsigned *number)
{
	struct source_inline inlined[INLINES_MAX];
	struct entry e = { .pc = frame->pc };
	uint64_t pc = frame->lookup_pc;

	e.symbol = symbols_find(k->symbols, pc);
	e.module = symbols_module_find(k->symbols, pc);
	if (!symbols_line(k->symbols, pc, &e.line))
		e.line = (struct source_line){ 0 };
	size_t n = symbols_inline(k->symbols, pc, inlined, INLINES_MAX);
	for (size_t i = 0; i < n; i++) {
		e.function = inlined[i].name ? inlined[i].name : "";
		e.is_inline = true;
		put_entry(k, &e, number);
		e.line = inlined[i].call;
	}
	e.is_inline = false;
	e.function = e.symbol ? e.symbol->name : "";
	put_entry(k, &e, number);
}

static void thread_name(pid_t pid, pid_t tid, char *out, size_t len)
{
	char name[64];

	out[0] = 0;
	snprintf(name, sizeof name, "/proc/%d/task/%d/comm", pid, tid);
	FILE *f = fopen(name, "re");
	if (!f)
		return;
	if (fgets(out, (int)len, f))
		out[strcspn(out, "\n")] = 0;
	fclose(f);
}

static void begin_thread(struct stacks *k, pid_t tid)
{
	char comm[64];
	char *at = writer_room(k->w, LINE_SLACK);

	if (k->options->format == FORMAT_JSON) {
		at += sprintf(at, "{\"type\":\"stack\",\"tid\":%d,\"pid\":%d,\"stack\":[", tid, k->pid);
	} else {
		thread_name(k->pid, tid, comm, sizeof comm);
		at += sprintf(at, "[%d] %s\n", tid, comm);
	}
	writer_done(k->w, at);
}

static void print_thread(struct stacks *k, pid_t tid)
{
	static struct unwind_frame frames[FRAMES_MAX];
	struct user_regs_struct u;
	struct unwind_regs regs;
	unsigned number = 0;

	if (tracee_regs_get(tid, &u) < 0)
		return;
	to_unwind(&u, &regs);
	begin_thread(k, tid);
	size_t n = unwind_stack(k->unwinder, &regs, frames, FRAMES_MAX, NULL);
	for (size_t i = 0; i < n; i++)
		put_frame(k, &frames[i], &number);
	if (k->options->format == FORMAT_JSON)
		writer_write(k->w, "]}\n", 3);
}

/* ---- a process ---------------------------------------------------------------------------- */

static int by_tid(const void *a, const void *b)
{
	return *(const pid_t *)a - *(const pid_t *)b;
}

static void print_threads(struct session *s, struct stacks *k)
{
	pid_t *tids = calloc(s->thread_count, sizeof *tids);
	size_t n = 0;

	if (!tids)
		return;
	for (struct thread *t = session_thread_next(s, NULL); t; t = session_thread_next(s, t))
		if (t->pid == k->pid && t->is_stopped)
			tids[n++] = t->tid;
	qsort(tids, n, sizeof *tids, by_tid);
	for (size_t i = 0; i < n; i++)
		print_thread(k, tids[i]);
	free(tids);
}

static int print_process(struct session *s, pid_t pid, struct err *err)
{
	struct stacks k = { .w = output_writer(s->output), .options = s->options, .pid = pid };
	struct symbols_memory memory = { read_memory, &k };
	int r = process_attachable(pid, err);

	if (r == 0)
		r = attach_stop_process(s, pid, err);
	if (r < 0)
		return r;
	k.symbols = symbols_create(pid, &memory);
	if (k.symbols)
		symbols_set_demangle(k.symbols, !s->options->no_demangle);
	k.unwinder = k.symbols ? unwinder_create(k.symbols) : NULL;
	if (!k.unwinder)
		r = err_set(err, ENOMEM, "out of memory");
	else
		r = symbols_refresh(k.symbols, err);
	if (r >= 0)
		print_threads(s, &k);
	attach_detach_process(s, pid);
	unwinder_destroy(k.unwinder);
	symbols_destroy(k.symbols);
	return r < 0 ? r : 0;
}

int stacks_print(struct session *s, struct err *err)
{
	size_t done = 0;

	for (size_t i = 0; i < s->options->pid_count; i++) {
		struct err why = { 0 };

		if (print_process(s, s->options->pids[i], &why) == 0) {
			done++;
			continue;
		}
		err_prefix(&why, "cannot attach to process %d", s->options->pids[i]);
		message_error(&why);
	}
	err->code = 0;
	return done ? 0 : 1;
}
