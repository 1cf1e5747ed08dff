/* view-counts.c - tables of what translated code has counted, with hardly any event: how
 * often functions were called (-c with --no-time), and how often blocks have run (--profile).
 */
#include <stdlib.h>

#include "call-counts.h"
#include "calls.h"
#include "profile.h"

struct thread_counts {
	struct call_counts calls;
	struct profile *profile;        /* of the process; NULL: without */
};

static int begin(struct output *output, struct stream *stream)
{
	bool has_profile = output->options->mode == MODE_PROFILE;
	struct thread_counts *c = calloc(1, sizeof *c);
	struct counts *counts = summary_counts(stream->space);

	if (counts && has_profile && !counts->profile)
		counts->profile = profile_create();
	if (!c || !counts || (has_profile && !counts->profile)) {
		free(c);
		return -1;
	}
	c->calls.stream = stream;
	c->calls.counts = counts;
	c->profile = counts->profile;
	stream->view = c;
	return 0;
}

/* Part of a block has run, as it was counted or as it was not. */
static void correct(struct thread_counts *c, const struct record *record)
{
	struct counted_cut cut;

	if (!counted_cut(c->calls.stream, record, &cut))
		return;
	if (cut.was_counted)
		profile_correct(c->profile, cut.block, cut.end, ~0ull, -1ull);
	else
		profile_correct(c->profile, cut.block, 0, cut.end, 1);
}

static void event(struct output *output, struct stream *stream, const struct record *record)
{
	struct thread_counts *c = stream->view;

	(void)output;
	call_counts_event(&c->calls, record);
	if (c->profile && record->site->kind == SITE_CUT)
		correct(c, record);
}

static void add(void *context, const struct block *block, const struct site *site, uint64_t n)
{
	struct thread_counts *c = context;

	if (block && c->profile)
		profile_add(c->profile, block, n);
	if (site)
		call_counts_add(&c->calls, site->kind, site->pc, site->target, n);
}

static void take_part(struct output *output, struct stream *stream, uint64_t start, uint64_t end)
{
	const struct counted counted = { add, stream->view };

	output->events += counted_take(stream, start, end, &counted);
}

static void take(struct output *output, struct stream *stream)
{
	take_part(output, stream, 0, ~0ull);
}

static void end(struct output *output, struct stream *stream)
{
	take(output, stream);
	free(stream->view);
	stream->view = NULL;
}

const struct view view_call_counts = {
	.name = "summary", .begin = begin, .event = event, .forget = take,
	.unmap = take_part, .end = end, .space_end = summary_space_end, .space_free = summary_space_free,
	.finish = summary_finish,
}, view_profile = {
	.name = "profile", .begin = begin, .event = event, .forget = take,
	.unmap = take_part, .end = end, .space_unmap = profile_space_unmap, .space_end = profile_space_end, .space_free = summary_space_free,
	.finish = profile_finish,
};
