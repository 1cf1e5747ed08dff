/* view-call-counts.c - a table of how often functions were called (-c with --no-time):
 * translated code counts, so that there are hardly any events.
 */
#include <stdlib.h>

#include "call-counts.h"
#include "calls.h"

#define LOOK_NS 20000000

struct thread_counts {
	struct call_counts calls;
	uint32_t seen;                  /* counters whose functions have names */
	uint64_t looked_ns;
};

static int begin(struct output *output, struct stream *stream)
{
	struct thread_counts *c = calloc(1, sizeof *c);

	(void)output;
	if (!c || !summary_counts(stream->space)) {
		free(c);
		return -1;
	}
	c->calls.stream = stream;
	c->calls.counts = summary_counts(stream->space);
	stream->view = c;
	return 0;
}

static void event(struct output *output, struct stream *stream, const struct record *record)
{
	struct thread_counts *c = stream->view;

	(void)output;
	call_counts_event(&c->calls, record);
}

/* Before what was called is unmapped. */
static void idle(struct output *output, struct stream *stream)
{
	struct thread_counts *c = stream->view;

	if (output->now_ns - c->looked_ns < LOOK_NS)
		return;
	c->looked_ns = output->now_ns;
	call_counts_look_ahead(&c->calls, &c->seen);
}

static void add(void *context, const struct block *block, const struct site *site, uint64_t n)
{
	struct call_counts *c = context;

	(void)block;
	if (site)
		call_counts_add(c, site->kind, site->pc, site->target, n);
}

static void take(struct output *output, struct stream *stream)
{
	struct thread_counts *c = stream->view;
	const struct counted counted = { add, &c->calls };

	output->events += counted_take(stream, &counted);
}

static void forget(struct output *output, struct stream *stream)
{
	struct thread_counts *c = stream->view;

	take(output, stream);
	c->seen = 0;
}

static void end(struct output *output, struct stream *stream)
{
	take(output, stream);
	free(stream->view);
	stream->view = NULL;
}

const struct view view_call_counts = {
	.name = "summary", .begin = begin, .event = event, .idle = idle, .forget = forget,
	.end = end, .space_end = summary_space_end, .space_free = summary_space_free,
	.finish = summary_finish,
};
