/* predict.h - event words to bytes and back, a small fraction of their number.
 *
 * What follows an event is most often what followed the last event of the same site, or the
 * last but one that was another.  So a table keeps for each event the two that came after it; an
 * event that is as the table says is one bit or two, and only another one is written out.  Bits
 * and literals are what a general compressor then makes next to nothing of, as code runs in loops.
 *
 *     words of the ring     hits    seconds   ids        stacks   targets
 *     A                     0       0         A
 *     B                     0       0         B
 *     A B A B               1111
 *     A C                   1 0     0         C
 *     A B A C               1010    11
 *
 * The low half of rsp is a difference to the one before in the same stream, guessed along
 * with the id; so is the target of an indirect branch.  A hit is a hit in all of them.
 * Time stamps, counts and the tracer's own payload are written always, as differences
 * where that helps.
 *
 * Both sides keep a struct predictor for each stream of events, and make of the same
 * events the same table.  Pure: it knows shapes of sites, nothing else of them.
 */
#ifndef TRACER_PREDICT_H
#define TRACER_PREDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "event.h"
#include "trace-bytes.h"

/* What a site's events look like: enum site_flag, and these.  0: no such site. */
#define SHAPE_KNOWN 0x100u
#define SHAPE_OWN 0x200u        /* the tracer's, not the program's: is not counted */
#define SHAPE_WORDS_SHIFT 16    /* payload words: what the flags say, or with SITE_HAS_EXTRA any */
#define SHAPE_COUNT_SHIFT 24    /* how many events it is: more than one for a path of blocks */

/* The site's; 0: its flags and its words contradict each other, or it has a payload that is
 * not written (SITE_HAS_FROM). */
uint32_t shape_flags(const struct site *site);

/* Sites, by their index.  In bytes they have numbers of their own: only few of those that
 * the translator knows have events, and a reader need not believe in a number that is
 * far from all others.  Who reads has them by this number. */
struct shapes {
	struct shape {
		uint32_t flags, number;
	} *items;
	uint32_t room;
};

static inline struct shape shape_of(const struct shapes *shapes, uint32_t index)
{
	return index < shapes->room ? shapes->items[index] : (struct shape){ 0 };
}

/* -ENOMEM. */
int shapes_set(struct shapes *shapes, uint32_t index, struct shape shape) must_check;
void shapes_clear(struct shapes *shapes);
void shapes_deinit(struct shapes *shapes);

enum trace_section {
	TRACE_CONTROL,          /* not ours: trace-log.h */
	TRACE_HITS,             /* a bit an event, the lowest first; whole bytes a call */
	TRACE_SECONDS,          /* a bit for each of them that is 0; whole bytes for 64 events */
	TRACE_IDS,              /* 4 bytes each, little-endian, as are ... */
	TRACE_STACKS,           /* 4 */
	TRACE_TARGETS,          /* 8 */
	TRACE_VALUES,           /* numbers */
	TRACE_TIMES,            /* numbers: differences */
	TRACE_SECTIONS
};

struct predictor {
	/* By what was before: what comes, and what else.  See predict.c. */
	struct predicted_pair {
		uint32_t first, second;
	} *ids, *stacks;        /* stacks: NULL before the first event that needs it, as is ... */
	struct predicted_targets {
		uint64_t first, second;
	} *targets;
	uint32_t last, stack;
	uint64_t value, time;
};

int predictor_init(struct predictor *p) must_check;     /* -ENOMEM */
void predictor_deinit(struct predictor *p);
/* Sites are numbered anew. */
void predictor_reset(struct predictor *p);

struct predicted {
	size_t words;           /* taken, or made */
	size_t events;
	size_t own;             /* of them with SHAPE_OWN */
	size_t paths;           /* how many more they are, as some are paths of blocks */
};

/* Writes the first events in `words`, `max_events` at most, until one has no shape or is
 * cut at the end.  -ENOMEM. */
int predict_encode(struct predictor *p, const struct shapes *shapes, const uint32_t *words,
		   size_t n, size_t max_events, struct trace_bytes out[TRACE_SECTIONS],
		   struct predicted *did) must_check;

/* Reads `n` events; `words` has room for 1 + EVENT_WORDS_MAX times as many.  drops_time:
 * events come without their time stamp, and their ids say so.  -EBADMSG: it makes no sense;
 * -ENOMEM. */
int predict_decode(struct predictor *p, const struct shapes *shapes, size_t n, bool drops_time,
		   struct trace_cursor in[TRACE_SECTIONS], uint32_t *words,
		   size_t *word_count) must_check;

#endif
