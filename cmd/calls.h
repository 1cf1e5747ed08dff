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
};

extern const struct view view_calls;
extern const struct calls_sink calls_text, calls_json;

/* Shown frames only, as -F, -N, -M, -X and -D have it. */
void calls_filter(struct calls *c, struct frame *frame, const struct frame *parent);

/* ---- summary.c ------------------------------------------------------------------------ */

void summary_opened(void *context, struct frame *frame, struct frame *parent);
void summary_renamed(void *context, struct frame *frame, struct frame *parent);
void summary_closed(void *context, struct frame *frame, enum calltree_end how, uint64_t tsc);
void summary_space_end(struct output *output, struct space *space);
void summary_space_free(struct space *space);
void summary_finish(struct output *output);

#endif
