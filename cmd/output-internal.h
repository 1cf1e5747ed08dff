/* output-internal.h - what the output thread's files share: the output, what is
 * kept for a target, the clock, and the views. */
#ifndef TRACER_OUTPUT_INTERNAL_H
#define TRACER_OUTPUT_INTERNAL_H

#include <pthread.h>

#include "filter.h"
#include "names.h"
#include "options.h"
#include "output.h"
#include "session.h"
#include "writer.h"

struct output {
	struct session *session;
	const struct options *options;
	const struct view *view;
	struct filter *filter;
	struct stream *streams;         /* the output thread's */
	struct stream *fresh;           /* new ones; under lock */
	struct space *spaces;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool is_woken, ends, is_running;
	struct target *forget;          /* see output_forget(); under lock */
	pthread_cond_t forgotten;
	struct {
		struct target *target;  /* NULL: nothing is asked for */
		uint64_t start, end;
		unsigned rounds;        /* over all rings, since then */
	} unmap;                        /* see output_unmap(); under lock */
	pthread_cond_t unmapped;
	pthread_t thread;
	uint32_t *words;
	uint64_t events, lost, ring_wait_tsc;
	uint64_t shown;                 /* events written, for --limit */
	uint64_t now_ns;                /* at the beginning of this round */
	struct writer main;             /* closed with -ff */
	bool has_main, has_header;
	pid_t *own_tids;                /* of -ff: files that have been begun */
	size_t own_count;
	struct writer *failed;          /* the first of -ff's that could not be closed well */
	int failed_code;
	bool colored;
	void *view_data;                /* the mode's own */
	struct watch_queue *watches;    /* of --watch; else NULL */
	struct progress *progress;      /* NULL: none is to be shown */
	struct recording *recording;    /* of --record; else NULL */
};

/* What is kept for the streams of one target, and of its names until the end. */
struct space {
	struct origin *origin;          /* NULL: its last stream has ended */
	struct names *names;
	unsigned users;
	pid_t pid;
	unsigned generation;            /* of names, whose modules are out */
	size_t modules_cursor;
	void *view;                     /* the mode's own, per target */
	struct space *next;
};

/* The functions that make of events what the options ask for. */
const struct view *view_choose(const struct options *options);

/* Counts an event that is about to be written.  False: --limit has been reached,
 * it is not to be. */
bool output_limit(struct output *output);
static inline bool output_show(struct output *output)
{
	return !output->options->limit || output_limit(output);
}

/* Reads the rings that fill up: in between, for a view that takes long over a space's end. */
void output_relieve(struct output *output);

/* ---- beginnings of lines --------------------------------------------------------------- */

/* The columns of -t, -tt, -ttt and -r; nothing without. */
char *put_clock(struct output *output, struct stream *stream, char *at, uint64_t tsc);
/* "[4711] " */
char *put_tid(struct stream *stream, char *at);
/* `{"type":TYPE,"tid":..,"pid":..` and, where a clock was read, the time. */
char *put_json_begin(struct output *output, struct stream *stream, char *at, const char *type,
		     uint64_t tsc);
#define JSON_BEGIN_BYTES 160
/* `,"file":..,"line":..` of an address; nothing where no line is known. */
size_t json_line_room(struct names *names, const struct name *name);
char *put_json_line(char *at, const struct name *name);

/* ---- clock.c: time-stamp counter to time ---------------------------------------------- */

/* The clocks are calibrated against each other from here to the first question, which waits
 * where that was too short. */
void clock_start(void);
/* ns of CLOCK_MONOTONIC at that time-stamp. */
uint64_t clock_tsc_to_ns(uint64_t tsc);
/* The same of the clock that tells the date. */
uint64_t clock_tsc_to_epoch_ns(uint64_t tsc);
/* The length in ns of a stretch of `tsc` ticks. */
uint64_t clock_tsc_to_duration(uint64_t tsc);
uint64_t clock_monotonic_ns(void);
/* What an event with a time stamp costs the program, in ticks: measured once.  coarse: with
 * the clock of clock-word.h. */
uint64_t clock_event_ticks(bool coarse);

/* The clocks read together. */
struct clock_reading {
	uint64_t tsc, ns, epoch_ns;
};
void clock_read(struct clock_reading *out);
/* From now on these two tell what a time-stamp is, instead of this machine's clocks: it
 * was taken in another run. */
void clock_set(const struct clock_reading *first, const struct clock_reading *last);

/* ---- progress.c: the line on a terminal -------------------------------------------------- */

struct progress *progress_create(struct output *output);        /* NULL: none */
void progress_update(struct progress *progress);
void progress_destroy(struct progress *progress);

#endif
