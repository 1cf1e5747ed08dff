/* view-counts.c - tables of what translated code has counted: how often functions were called
 * (-c with --no-time), and how often blocks have run (--profile).
 *
 * Calls are counted where they stand, with hardly any event.  Paths of blocks are told of when
 * they are new, which shows what is worth a superblock; superblocks count themselves.
 */
#include <stdlib.h>

#include "call-counts.h"
#include "calls.h"
#include "hot-paths.h"
#include "path-counts.h"
#include "profile.h"

struct thread_counts {
	struct call_counts calls;
	struct profile *profile;        /* of the process; NULL: without, as are ... */
	struct hot_paths *hot;          /* ... those of the process */
	struct path_counts paths;       /* that were told of */
};

static int begin(struct output *output, struct stream *stream)
{
	bool has_profile = output->options->mode == MODE_PROFILE;
	struct thread_counts *c = calloc(1, sizeof *c);
	struct counts *counts = summary_counts(stream->space);

	if (counts && has_profile && !counts->profile)
		counts->profile = profile_create();
	if (counts && has_profile && !counts->hot)
		counts->hot = hot_paths_create(true);
	if (!c || !counts || (has_profile && (!counts->profile || !counts->hot))) {
		free(c);
		return -1;
	}
	c->calls.stream = stream;
	c->calls.counts = counts;
	c->profile = counts->profile;
	c->hot = counts->hot;
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

/* What a site says has been n times more. */
static void add(void *context, const struct site *site, uint64_t n)
{
	struct thread_counts *c = context;

	if (site->kind != SITE_BLOCK) {
		call_counts_add(&c->calls, site->kind, site->pc, site->target, n);
		return;
	}
	struct counted_path path = counted_path_begin(c->calls.stream, site);
	while (counted_path_next(&path)) {
		profile_add(c->profile, path.block, n);
		if (path.transfer)
			call_counts_add(&c->calls, path.transfer->kind, path.transfer->pc, path.transfer->target, n);
	}
}

static bool know(struct thread_counts *c, struct stream *stream, uint32_t word)
{
	const struct site *site = origin_site(stream->origin, event_index(word));

	return site && site->kind == SITE_BLOCK && !site->words && !event_words(word) &&
	       path_counts_know(&c->paths, word);
}

/* Takes events of paths. */
static size_t events(struct output *output, struct stream *stream, const uint32_t *words, size_t n)
{
	struct thread_counts *c = stream->view;
	size_t at = 0;

	(void)output;
	if (!c->profile)
		return 0;
	hot_paths_look(c->hot, stream->origin, words, n);
	do
		at += path_counts_add(&c->paths, words + at, n - at);
	while (at < n && know(c, stream, words[at]));
	hot_paths_pass(c->hot, at);
	return at;
}

static void event(struct output *output, struct stream *stream, const struct record *record)
{
	struct thread_counts *c = stream->view;

	(void)output;
	if (record->site->kind == SITE_BLOCK)   /* memory is short */
		add(c, record->site, 1);
	else
		call_counts_event(&c->calls, record);
	if (c->profile && record->site->kind == SITE_CUT)
		correct(c, record);
}

static void take_part(struct output *output, struct stream *stream, uint64_t start, uint64_t end)
{
	struct thread_counts *c = stream->view;
	const struct counted counted = { add, c };
	const struct name *stub = c->calls.stub;        /* of events, which come in order */
	uint32_t index = 0;
	uint64_t n;

	output->events += counted_take(stream, start, end, &counted);
	for (; path_counts_next(&c->paths, &index, &n); index++) {
		const struct site *site = origin_site(stream->origin, index);

		if (!counted_touches(stream, site, start, end))
			continue;
		path_counts_clear(&c->paths, index);
		output->events += n;
		add(c, site, n);
	}
	c->calls.stub = stub;
}

static void take(struct output *output, struct stream *stream)
{
	take_part(output, stream, 0, ~0ull);
}

/* Sites are numbered anew. */
static void forget(struct output *output, struct stream *stream)
{
	struct thread_counts *c = stream->view;

	take(output, stream);
	path_counts_forget(&c->paths);
	if (c->hot)
		hot_paths_clear(c->hot);
}

static void end(struct output *output, struct stream *stream)
{
	struct thread_counts *c = stream->view;

	take(output, stream);
	path_counts_deinit(&c->paths);
	free(c);
	stream->view = NULL;
}

const struct view view_call_counts = {
	.name = "summary", .begin = begin, .event = event, .forget = forget,
	.unmap = take_part, .end = end, .space_end = summary_space_end, .space_free = summary_space_free,
	.finish = summary_finish,
}, view_profile = {
	.name = "profile", .begin = begin, .event = event, .events = events, .forget = forget,
	.unmap = take_part, .end = end, .space_unmap = profile_space_unmap, .space_end = profile_space_end, .space_free = summary_space_free,
	.finish = profile_finish,
};
