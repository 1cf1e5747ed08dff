/* view-calls.c - the call tree as text. */
#include <stdlib.h>
#include <string.h>

#include "calltree.h"
#include "output-internal.h"

struct calls {
	struct output *output;
	struct stream *stream;
	struct calltree tree;
	struct names *names;
	struct calltree_ops ops;
};

struct calls_target {
	struct target *target;
	struct names *names;
	struct calls_target *next;
};

static struct names *names_of(struct output *output, struct target *target)
{
	struct calls_target *t;

	for (t = output->view_data; t; t = t->next)
		if (t->target == target)
			return t->names;
	t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->target = target;
	t->names = names_create(target);
	t->next = output->view_data;
	output->view_data = t;
	return t->names;
}

/* ---- a line ------------------------------------------------------------------------ */

#define INDENT_MAX 200

static size_t put_columns(struct calls *c, char *line, size_t room, uint64_t ticks, bool timed)
{
	double us = (double)clock_tsc_to_duration(ticks) / 1000;

	if (c->output->session->options->no_time)
		return (size_t)snprintf(line, room, "[%d] | ", c->stream->tid);
	if (!timed)
		return (size_t)snprintf(line, room, "%12s [%d] | ", "", c->stream->tid);
	if (us < 100000)
		return (size_t)snprintf(line, room, "%9.3f us [%d] | ", us, c->stream->tid);
	if (us < 100000e3)
		return (size_t)snprintf(line, room, "%9.3f ms [%d] | ", us / 1e3, c->stream->tid);
	return (size_t)snprintf(line, room, "%9.3f s  [%d] | ", us / 1e6, c->stream->tid);
}

static void put_line(struct calls *c, unsigned depth, uint64_t ticks, bool timed,
		     const char *before, const char *name, const char *after, const char *note)
{
	char line[4096];
	size_t n = put_columns(c, line, sizeof line, ticks, timed);
	unsigned indent = depth * 2 > INDENT_MAX ? INDENT_MAX : depth * 2;

	memset(line + n, ' ', indent);
	n += indent;
	n += (size_t)snprintf(line + n, sizeof line - n, "%s%s%s%s\n", before, name, after, note);
	if (n >= sizeof line) {
		n = sizeof line - 1;
		line[n - 1] = '\n';
	}
	writer_write(c->output, line, n);
}

static const char *note_of(const struct frame *frame, char *buf, size_t len)
{
	if (frame->is_signal)
		snprintf(buf, len, " /* signal %d, SIG%s */", frame->signal,
			 sigabbrev_np(frame->signal) ? sigabbrev_np(frame->signal) : "?");
	else
		snprintf(buf, len, "%s", frame->is_tail ? " /* tail call */" : "");
	return buf;
}

static void show_open(struct calls *c, struct frame *frame, unsigned depth)
{
	char note[48];

	if (frame->is_shown)
		return;
	frame->is_shown = true;
	put_line(c, depth, 0, false, "", frame->callee->text, "() {",
		 note_of(frame, note, sizeof note));
}

static void opened(void *context, struct frame *frame, unsigned depth)
{
	struct calls *c = context;
	struct frame *frames = c->tree.current->frames;

	(void)frame;
	if (depth)
		show_open(c, &frames[depth - 1], depth - 1);
}

static void closed(void *context, struct frame *frame, unsigned depth, uint64_t tsc)
{
	struct calls *c = context;
	char note[64];

	if (frame->callee->is_plt && !frame->is_shown && !tsc)
		return;
	if (frame->is_shown) {
		snprintf(note, sizeof note, " /* ");
		put_line(c, depth, tsc - frame->start, true, "} /* ", frame->callee->text, " */", "");
	} else {
		put_line(c, depth, tsc - frame->start, true, "", frame->callee->text, "();",
			 note_of(frame, note, sizeof note));
	}
}

/* ---- the view ------------------------------------------------------------------------- */

static int begin(struct output *output, struct stream *stream)
{
	struct calls *c = calloc(1, sizeof *c);

	if (!c || calltree_init(&c->tree) < 0) {
		free(c);
		return -1;
	}
	c->output = output;
	c->stream = stream;
	c->names = names_of(output, stream->target);
	c->ops = (struct calltree_ops){ opened, closed, c };
	stream->view = c;
	return 0;
}

static const struct name *name_at(struct calls *c, uint64_t address)
{
	return names_find(c->names, address);
}

static uint64_t pair(const uint32_t *words)
{
	return words[0] | (uint64_t)words[1] << 32;
}

/* A PLT stub's place is taken by the function it leads to, without a trace. */
static void tailcall(struct calls *c, const struct record *r)
{
	calltree_tailcall(&c->tree, &c->ops, name_at(c, r->site->target), r->sp, r->tsc);
}

static void event(struct output *output, struct stream *stream, const struct record *r)
{
	struct calls *c = stream->view;
	const struct site *site = r->site;
	uint64_t tsc = r->tsc;

	(void)output;
	if (!c)
		return;
	switch (site->kind) {
	case SITE_CALL:
		calltree_call(&c->tree, &c->ops, name_at(c, site->target), site->pc, r->sp, tsc);
		break;
	case SITE_CALL_INDIRECT:
		calltree_call(&c->tree, &c->ops, name_at(c, r->target), site->pc, r->sp, tsc);
		break;
	case SITE_TAILCALL:
		tailcall(c, r);
		break;
	case SITE_RETURN:
		calltree_return(&c->tree, &c->ops, name_at(c, site->pc),
				site->flags & SITE_AFTER_CALL, r->sp, tsc);
		break;
	case SITE_SIGNAL:
		calltree_signal(&c->tree, &c->ops, name_at(c, pair(r->extra + 5)),
				(int)r->extra[0], r->extra[4], r->extra[1], tsc);
		break;
	case SITE_SIGRETURN:
		calltree_sigreturn(&c->tree, &c->ops, r->extra[2], tsc);
		break;
	}
}

static void end(struct output *output, struct stream *stream)
{
	struct calls *c = stream->view;

	(void)output;
	if (!c)
		return;
	/* What is open at the end has not returned: its line stays open. */
	for (unsigned i = 0; i < c->tree.current->count; i++)
		show_open(c, &c->tree.current->frames[i], i);
	calltree_deinit(&c->tree);
	free(c);
}

const struct view view_calls = {
	.name = "calls", .begin = begin, .event = event, .end = end,
};
