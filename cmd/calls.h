/* calls.h - the call view's parts: view-calls.c makes frames of events and decides
 * which are shown; a sink writes them.
 *
 * A frame's opening is held back until something in it is shown, so that a leaf
 * takes one line, and until its length is known where --min-time asks for it.
 */
#ifndef TRACER_CALLS_H
#define TRACER_CALLS_H

#include "calltree.h"
#include "output-internal.h"

struct calls;

struct calls_sink {
	/* The frame's opening.  requires: what is around it has been shown */
	void (*open)(struct calls *c, struct frame *frame);
	/* Its end; frame->is_shown: its opening is out. */
	void (*close)(struct calls *c, struct frame *frame, enum calltree_end how, uint64_t tsc);
	bool is_eager;          /* openings are not held back */
};

struct calls {
	struct output *output;
	struct stream *stream;
	struct names *names;
	struct calltree tree;
	struct calltree_ops ops;
	const struct calls_sink *sink;
	uint64_t min_ticks;             /* of --min-time */
	uint64_t last_tsc, return_pc;
	uint32_t depth_limit;
	/* -c */
	uint32_t *open;                 /* by function id: how often it is open */
	uint32_t open_room;
	bool is_timed, is_quick;        /* not --no-time; summary_events() can be used */
	struct counts *counts;
};

extern const struct view view_calls;
extern const struct calls_sink calls_text, calls_json;

/* Shown frames only, as -F, -N, -M, -X and -D have it. */
void calls_filter(struct calls *c, struct frame *frame, const struct frame *parent);
static inline void calls_filter_within(const struct calls *c, struct frame *frame,
				       const struct frame *parent)
{
	const uint8_t bits = frame->callee->filter;

	frame->around = parent->around | (bits & (FILTER_ONLY | FILTER_NOT));
	frame->depth = parent->depth + !parent->is_hidden;
	frame->is_hidden = frame->around != FILTER_ONLY || !(bits & FILTER_MODULE) ||
			   frame->depth >= c->depth_limit;
}

/* Before an event: the thread may have waited for room since the last one. */
static inline void calls_waited(struct calls *c)
{
	uint64_t until = c->stream->waited_until;

	c->stream->waited_until = 0;
	if (until > c->last_tsc && c->last_tsc)
		c->tree.cost.waited += until - c->last_tsc;
}

/* ---- summary.c ------------------------------------------------------------------------ */

struct count {
	uint64_t calls, total, self, min, max, sum;     /* in ticks, then in ns; with
							 * --profile `self` is instructions */
};

/* Of one process. */
struct counts {
	struct count *items;            /* by function id */
	uint32_t room;
	struct summary_sites *sites;    /* summary-count.c; or NULL */
	struct hot_paths *hot;          /* of --profile, as are ... */
	struct profile *profile;        /* ... its counts, and ... */
	const struct profile_line *lines;       /* ... what it was resolved to */
	size_t line_count;
};

static inline void summary_add(struct count *n, const struct frame *frame, uint64_t duration)
{

	if (!n->calls++ || duration < n->min)
		n->min = duration;
	if (duration > n->max)
		n->max = duration;
	n->sum += duration;
	if (!frame->is_recursive)
		n->total += duration;
	if (duration > frame->children)
		n->self += duration - frame->children;
}

void summary_begin(struct calls *c);
/* The counts of a process; NULL: out of memory. */
struct counts *summary_counts(struct space *space);
/* n calls more of the function with this id. */
void summary_calls_add(struct counts *counts, uint32_t id, uint64_t n);
/* n instructions more of it. */
void summary_insns_add(struct counts *counts, uint32_t id, uint64_t n);
void summary_opened(void *context, struct frame *frame, struct frame *parent);
void summary_renamed(void *context, struct frame *frame, struct frame *parent);
void summary_closed(void *context, struct frame *frame, enum calltree_end how, uint64_t tsc);
void summary_space_end(struct output *output, struct space *space);
void summary_space_free(struct space *space);
void summary_finish(struct output *output);

/* A function of all processes. */
struct summary_row {
	const char *function;   /* what is shown for it, where it has no name */
	const struct name *name;
	struct count count;
};

/* Those that have run, in this order; how many, in *out, to be freed. */
size_t summary_rows(struct output *output, enum sort_key key, struct summary_row **out);
/* "main [prog]" */
char *summary_put_function(const struct output *output, char *at, const struct name *name);

/* ---- summary-count.c ------------------------------------------------------------------- */

/* view->events: as many of the first events as are of the usual kind. */
size_t summary_events(struct output *output, struct stream *stream, const uint32_t *words,
		      size_t n);
/* The next event of the same site may be of the usual kind.  callee: what it called. */
void summary_learn(struct calls *c, const struct record *r, const struct name *callee);
void summary_space_forget(struct output *output, struct space *space);
void summary_sites_destroy(struct summary_sites *sites);

#endif
