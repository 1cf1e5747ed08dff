#include "trace-access.h"

#include <errno.h>

#include "trace-log.h"

enum what { MODULE = 1, SYMBOL, ADDRESS, PLACE, ACCESS };

enum flag { HAS_OLD = 1, HAS_STACK = 2 };

/* ---- written ------------------------------------------------------------------------- */

static void begin(struct trace_bytes *b, enum what what)
{
	trace_put_number(b, TRACE_RECORD_ACCESS);
	trace_put_number(b, what);
}

static void put_text(struct trace_bytes *b, const struct trace_text *text)
{
	trace_put_number(b, text->len);
	trace_put_bytes(b, text->text, text->len);
}

/* TRACE_NONE is 0. */
static void put_index(struct trace_bytes *b, uint32_t index)
{
	trace_put_number(b, (uint32_t)(index + 1));
}

void trace_access_module(struct trace_bytes *b, const struct trace_access_module *m)
{
	begin(b, MODULE);
	put_text(b, &m->name);
	trace_put_number(b, m->base);
}

void trace_access_symbol(struct trace_bytes *b, const struct trace_access_symbol *s)
{
	begin(b, SYMBOL);
	put_index(b, s->module);
	trace_put_number(b, s->start);
	put_text(b, &s->name);
	put_text(b, &s->mangled);
}

void trace_access_address(struct trace_bytes *b, const struct trace_access_address *a)
{
	begin(b, ADDRESS);
	trace_put_number(b, a->address);
	put_index(b, a->function);
	put_index(b, a->object);
	put_index(b, a->module);
	put_text(b, &a->file);
	trace_put_number(b, a->line);
}

void trace_access_place(struct trace_bytes *b, const struct trace_access_place *p)
{
	begin(b, PLACE);
	put_text(b, &p->text);
	trace_put_number(b, p->address);
	trace_put_number(b, p->len);
	trace_put_number(b, p->kind);
	trace_put_number(b, p->size);
	trace_put_number(b, p->enumerator_count);
}

void trace_enumerator(struct trace_bytes *b, const char *name, int64_t value)
{
	trace_put_text(b, name);
	trace_put_number(b, trace_fold((uint64_t)value));
}

void trace_access(struct trace_bytes *b, const struct trace_access *a)
{
	begin(b, ACCESS);
	trace_put_number(b, a->place);
	trace_put_number(b, a->tid);
	trace_put_number(b, a->pid);
	trace_put_number(b, a->what);
	trace_put_number(b, a->number);
	trace_put_number(b, a->address);
	trace_put_number(b, a->pc);
	trace_put_number(b, (a->old ? HAS_OLD : 0) | (a->has_stack ? HAS_STACK : 0));
	trace_put_number(b, a->len);
	if (a->old)
		trace_put_bytes(b, a->old, a->len);
	trace_put_bytes(b, a->new, a->len);
	if (!a->has_stack)
		return;
	trace_put_number(b, a->frame_count);
	for (uint32_t i = 0; i < a->frame_count; i++) {
		trace_put_number(b, a->frames[i].pc);
		trace_put_number(b, trace_fold(a->frames[i].lookup_pc - a->frames[i].pc));
	}
}

/* ---- read ---------------------------------------------------------------------------- */

static uint32_t get_32(struct trace_cursor *c)
{
	return (uint32_t)trace_get_below(c, UINT32_MAX);
}

static uint32_t get_index(struct trace_cursor *c)
{
	return get_32(c) - 1;
}

static void get_text(struct trace_cursor *c, struct trace_text *text)
{
	text->text = trace_get_text(c, &text->len);
}

void trace_enumerator_get(struct trace_cursor *c, struct trace_text *name, int64_t *value)
{
	get_text(c, name);
	*value = (int64_t)trace_unfold(trace_get_number(c));
}

static int read_module(struct trace_cursor *c, const struct trace_access_reader *r, void *context)
{
	struct trace_access_module m;

	get_text(c, &m.name);
	m.base = trace_get_number(c);
	return c->failed ? -EBADMSG : r->module(context, &m);
}

static int read_symbol(struct trace_cursor *c, const struct trace_access_reader *r, void *context)
{
	struct trace_access_symbol s = { .module = get_index(c) };

	s.start = trace_get_number(c);
	get_text(c, &s.name);
	get_text(c, &s.mangled);
	return c->failed ? -EBADMSG : r->symbol(context, &s);
}

static int read_address(struct trace_cursor *c, const struct trace_access_reader *r, void *context)
{
	struct trace_access_address a = { .address = trace_get_number(c) };

	a.function = get_index(c);
	a.object = get_index(c);
	a.module = get_index(c);
	get_text(c, &a.file);
	a.line = get_32(c);
	return c->failed ? -EBADMSG : r->address(context, &a);
}

static int read_place(struct trace_cursor *c, const struct trace_access_reader *r, void *context)
{
	struct trace_access_place p;

	get_text(c, &p.text);
	p.address = trace_get_number(c);
	p.len = get_32(c);
	p.kind = get_32(c);
	p.size = trace_get_number(c);
	/* each takes two bytes, at least */
	p.enumerator_count = (uint32_t)trace_get_below(c, trace_left(c) / 2);
	return c->failed ? -EBADMSG : r->place(context, &p, c);
}

static int read_access(struct trace_cursor *c, const struct trace_access_reader *r, void *context)
{
	struct trace_access a = { .place = get_32(c) };

	a.tid = get_32(c);
	a.pid = get_32(c);
	a.what = get_32(c);
	a.number = get_32(c);
	a.address = trace_get_number(c);
	a.pc = trace_get_number(c);
	uint64_t flags = trace_get_below(c, HAS_OLD | HAS_STACK);
	a.len = (uint32_t)trace_get_below(c, TRACE_VALUE_MAX);
	if (flags & HAS_OLD)
		a.old = trace_get_bytes(c, a.len);
	a.new = trace_get_bytes(c, a.len);
	a.has_stack = flags & HAS_STACK;
	if (a.has_stack)
		a.frame_count = (uint32_t)trace_get_below(c, TRACE_FRAMES_MAX);
	for (uint32_t i = 0; i < a.frame_count; i++) {
		a.frames[i].pc = trace_get_number(c);
		a.frames[i].lookup_pc = a.frames[i].pc + trace_unfold(trace_get_number(c));
	}
	return c->failed ? -EBADMSG : r->access(context, &a);
}

int trace_access_read(struct trace_cursor *c, const struct trace_access_reader *reader, void *context)
{
	switch (trace_get_number(c)) {
	case MODULE: return read_module(c, reader, context);
	case SYMBOL: return read_symbol(c, reader, context);
	case ADDRESS: return read_address(c, reader, context);
	case PLACE: return read_place(c, reader, context);
	case ACCESS: return read_access(c, reader, context);
	default: return -EBADMSG;
	}
}
