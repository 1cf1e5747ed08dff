/* view-calls.c - from events to the call tree, and what of it is shown. */
#include <stdlib.h>
#include <string.h>

#include "calls.h"

#define LIVE_OPEN_NS (100 * 1000 * 1000ull)     /* a call that takes longer is shown open */

/* ---- filters -------------------------------------------------------------------------- */

/* The outermost frame that is known: it may have been called from a function that
 * the filters name. */
static struct frame caller_of(struct calls *c, const struct frame *frame)
{
	struct frame caller = { .is_hidden = true };

	if (frame->call_pc && filter_wants_calls(c->output->options))
		caller.around = names_find(c->names, frame->call_pc)->filter &
				(FILTER_ONLY | FILTER_NOT);
	return caller;
}

void calls_filter(struct calls *c, struct frame *frame, const struct frame *parent)
{
	if (parent) {
		calls_filter_within(c, frame, parent);
	} else {
		struct frame caller = caller_of(c, frame);

		calls_filter_within(c, frame, &caller);
	}
}

/* ---- showing ----------------------------------------------------------------------------- */

static void show(struct calls *c, struct frame *frame)
{
	if (frame->is_shown)
		return;
	frame->is_shown = true;
	if (frame->is_hidden)
		return;
	frame->shown = frame->callee;
	c->sink->open(c, frame);
}

/* The openings of all frames outside `frame` that are held back still. */
static void show_around(struct calls *c, struct frame *frame)
{
	struct frame *first = frame, *outermost = c->tree.current->frames;

	while (first > outermost && !first[-1].is_shown)
		first--;
	for (; first < frame; first++)
		show(c, first);
}

static void opened(void *context, struct frame *frame, struct frame *parent)
{
	struct calls *c = context;

	calls_filter(c, frame, parent);
	if (frame->is_hidden || c->min_ticks)
		return;
	if (parent && !parent->is_shown)
		show_around(c, frame);
	if (c->sink->is_eager && !(frame->traits & FRAME_STUB))
		show(c, frame);
}

static void renamed(void *context, struct frame *frame, struct frame *parent)
{
	struct calls *c = context;

	if (frame->is_shown && !frame->is_hidden)
		return;
	frame->is_shown = false;
	calls_filter(c, frame, parent);
	if (!frame->is_hidden && c->sink->is_eager && !c->min_ticks && !(frame->traits & FRAME_STUB)) {
		show_around(c, frame);
		show(c, frame);
	}
}

static void closed(void *context, struct frame *frame, enum calltree_end how, uint64_t tsc)
{
	struct calls *c = context;

	if (frame->is_hidden)
		return;
	if (!frame->is_shown) {
		if (c->min_ticks && frame_duration(frame, tsc, &c->tree.cost) < c->min_ticks)
			return;
		show_around(c, frame);
		frame->shown = frame->callee;
	}
	c->sink->close(c, frame, how, tsc);
}

static const struct name *name_of(void *context, uint64_t address)
{
	struct calls *c = context;

	return names_find(c->names, address);
}

/* ---- the view ------------------------------------------------------------------------------ */

static uint64_t ticks_of(uint64_t ns)
{
	uint64_t second = ns ? clock_tsc_to_duration(1ull << 32) : 1;

	return (uint64_t)((double)ns * (double)(1ull << 32) / (double)second);
}

static int begin(struct output *output, struct stream *stream)
{
	const struct options *o = output->options;
	struct calls *c = calloc(1, sizeof *c);

	if (!c || calltree_init(&c->tree) < 0) {
		free(c);
		return -1;
	}
	c->output = output;
	c->stream = stream;
	if (!o->no_time)
		c->tree.cost.event = output->session->event_ticks;
	c->names = stream->space->names;
	c->sink = o->format == FORMAT_JSON ? &calls_json : &calls_text;
	c->min_ticks = o->min_time_ns ? ticks_of(o->min_time_ns) : 0;
	c->depth_limit = o->depth ? o->depth : UINT32_MAX;
	c->ops = (struct calltree_ops){ opened, renamed, closed, name_of, c };
	if (o->summary) {
		c->ops = (struct calltree_ops){ summary_opened, summary_renamed, summary_closed,
						name_of, c };
		summary_begin(c);
	}
	stream->view = c;
	return 0;
}

static uint64_t pair(const uint32_t *words)
{
	return words[0] | (uint64_t)words[1] << 32;
}

static void event(struct output *output, struct stream *stream, const struct record *r)
{
	struct calls *c = stream->view;
	const struct site *site = r->site;
	uint64_t tsc = r->tsc ? r->tsc : c->last_tsc, target = site->target;
	const struct name *callee = NULL;

	calls_waited(c);
	c->last_tsc = tsc;
	c->tree.cost.events += !event_is_own(site->kind);
	switch (site->kind) {
	case SITE_CALL_INDIRECT:
		target = r->target;
		/* fall through */
	case SITE_CALL:
		callee = names_of_index(c->names, r->index, target);
		calltree_call(&c->tree, &c->ops, callee, site->pc, r->sp, tsc);
		break;
	case SITE_TAILCALL:
		callee = names_of_index(c->names, r->index, target);
		calltree_tailcall(&c->tree, &c->ops, callee, site->pc != target ? site->pc : 0,
				  r->sp, tsc);
		break;
	case SITE_RETURN:
		c->return_pc = site->pc;
		calltree_return(&c->tree, &c->ops, site->pc, site->flags & SITE_AFTER_CALL, r->sp,
				tsc);
		break;
	case SITE_SIGNAL:
		calltree_signal(&c->tree, &c->ops, names_find(c->names, pair(r->extra + 5)),
				(int)r->extra[0], r->extra[4], r->extra[1], tsc);
		break;
	case SITE_SIGRETURN:
		calltree_sigreturn(&c->tree, &c->ops, pair(r->extra), r->extra[2], tsc);
		break;
	}
	if (c->is_quick)
		summary_learn(c, r, callee);
	(void)output;
}

static void show_all(struct calls *c)
{
	struct call_stack *s = c->tree.current;
	unsigned first = s->count;

	while (first && !s->frames[first - 1].is_shown)
		first--;
	for (; first < s->count; first++)
		if (!c->min_ticks || frame_duration(&s->frames[first], c->last_tsc,
						    &c->tree.cost) >= c->min_ticks)
			show(c, &s->frames[first]);
}

/* Somebody is watching, and the call takes its time: its line comes now. */
static void idle(struct output *output, struct stream *stream)
{
	struct calls *c = stream->view;
	struct frame *t = calltree_top(&c->tree);

	if (!t || t->is_shown || output->options->summary || !stream->writer->is_live ||
	    output->now_ns - stream->idle_ns < LIVE_OPEN_NS || c->min_ticks)
		return;
	show_all(c);
}

static void count_all(struct calls *c, struct call_stack *s)
{
	for (unsigned i = s->count; i-- > 0;) {
		const struct frame *frame = &s->frames[i];

		if (i)
			s->frames[i - 1].children += frame_duration(frame, c->last_tsc, &c->tree.cost);
		summary_closed(c, &s->frames[i], CALLTREE_UNWOUND, c->last_tsc);
	}
}

/* What is open at the end has not returned: it is shown open, or, in a summary,
 * counted with the time up to now. */
static void end(struct output *output, struct stream *stream)
{
	struct calls *c = stream->view;

	for (struct call_stack *s = c->tree.stacks; s; s = s->next) {
		c->tree.current = s;
		if (output->options->summary)
			count_all(c, s);
		else
			show_all(c);
	}
	calltree_deinit(&c->tree);
	free(c->open);
	free(c);
	stream->view = NULL;
}

const struct view view_calls = {
	.name = "calls", .begin = begin, .event = event, .idle = idle, .end = end,
	.header = "#  DURATION      TID | FUNCTION\n",
}, view_calls_no_time = {
	.name = "calls", .begin = begin, .event = event, .idle = idle, .end = end,
	.header = "#  TID | FUNCTION\n",
}, view_calls_json = {
	.name = "calls", .begin = begin, .event = event, .idle = idle, .end = end,
}, view_summary = {
	.name = "summary", .begin = begin, .event = event, .events = summary_events, .end = end,
	.space_forget = summary_space_forget, .space_end = summary_space_end, .space_free = summary_space_free, .finish = summary_finish,
};
