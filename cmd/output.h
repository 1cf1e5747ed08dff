/* output.h - the thread that reads every ring and writes what the user sees.
 *
 * A traced thread's events become a `struct stream`; the mode (calls, blocks,
 * ...) supplies the functions that make text of it.  Formatting happens here,
 * away from the target, which waits only when its ring is full.
 */
#ifndef TRACER_OUTPUT_H
#define TRACER_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "target.h"

struct session;
struct output;
struct watch_event;
struct watch_table;
struct space;
struct writer;

/* One event, taken apart. */
struct record {
	const struct site *site;
	uint32_t index;                 /* the site's */
	uint32_t sp;                    /* SITE_HAS_SP: low half of rsp */
	uint32_t from;                  /* SITE_HAS_FROM: number of the block */
	uint64_t target;                /* of an indirect branch */
	uint64_t count;                 /* SITE_REP: rcx */
	uint64_t tsc;                   /* 0: no clock was read */
	uint32_t extra[EVENT_WORDS_MAX];        /* of the tracer's own events */
};

/* A thread's events, as the output thread sees them. */
struct stream {
	struct thread *thread;          /* NULL: it is replayed; as is ... */
	struct target *target;
	struct origin *origin;          /* of its events */
	pid_t tid, pid;
	void *view;                     /* the mode's own, per thread */
	struct space *space;            /* what is kept for its target */
	struct writer *writer;          /* where it is written */
	bool has_own_writer;
	bool goes_on;                   /* with a file that was begun before */
	bool is_muted;                  /* --tid leaves it out */
	uint64_t last_tsc;              /* of -r */
	uint64_t idle_ns;               /* since when nothing has come; 0: something has */
	char tid_text[16], json_ids[48];
	unsigned tid_text_len, json_ids_len;
	uint32_t carry[EVENT_WORDS_MAX + 1];    /* an event cut at the end of a read */
	unsigned carry_count;
	bool may_wait;                  /* its ring was full a moment ago */
	uint64_t waits_since_tsc;       /* for room in it; 0: it does not */
	uint64_t wait_ends[RING_CHUNKS_MAX];    /* tsc: when it was let on to this chunk; 0: it
						 * did not wait before that */
	uint64_t waited_until;          /* before the events that come now; 0: not */
	bool is_ended;                  /* set by the main thread */
	bool was_damaged;
	uint64_t lost;                  /* events, with --lossy; known at its end */
	bool is_finished;               /* but for its area */
	struct stream *next;
};

/* What a mode does with events.  Called by the output thread only. */
struct view {
	const char *name;
	int (*begin)(struct output *output, struct stream *stream);
	void (*event)(struct output *output, struct stream *stream, const struct record *record);
	/* Handles as many of the first events in `words` as it can quickly, whole ones; how
	 * many words they took.  It counts them (output->events).  NULL: none. */
	size_t (*events)(struct output *output, struct stream *stream, const uint32_t *words,
			 size_t n);
	void (*idle)(struct output *output, struct stream *stream);     /* nothing new for now */
	/* what comes beside the rings; true: there was something */
	bool (*round)(struct output *output);
	/* blocks and sites will be numbered anew: of a thread, then of its target */
	void (*forget)(struct output *output, struct stream *stream);
	void (*space_forget)(struct output *output, struct space *space);
	void (*end)(struct output *output, struct stream *stream);      /* the thread is gone */
	/* code in [start, end) is about to be unmapped: what is kept of it by address alone
	 * gets its names now; of a thread, then of its process */
	void (*unmap)(struct output *output, struct stream *stream, uint64_t start, uint64_t end);
	void (*space_unmap)(struct output *output, struct space *space, uint64_t start,
			    uint64_t end);
	void (*space_end)(struct output *output, struct space *space);  /* its last one is */
	void (*space_free)(struct space *space);
	void (*finish)(struct output *output);          /* after the last stream */
	const char *header;             /* the text's first line; NULL: none */
};

struct output *output_create(struct session *session, struct err *err);
int output_start(struct output *output, struct err *err) must_check;
/* Drains what is left, writes the end, and ends the thread.  Returns 0, or a
 * negative errno when not all could be written. */
int output_finish(struct output *output, struct err *err);
void output_destroy(struct output *output);

/* A thread that runs in the cache begins, ends.  After output_stream_end() the
 * output thread owns the struct thread and its area, and frees both. */
int output_stream_begin(struct output *output, struct thread *thread, struct err *err);
void output_stream_end(struct thread *thread);

/* Waits until every event of the target has been read and nothing is kept of its
 * blocks and sites.  False: a signal asks the tracer to end meanwhile.
 * requires: its threads stand still */
bool output_forget(struct output *output, struct target *target);

/* Code in [start, end) is about to be unmapped: waits until all events so far have been read,
 * with the names that are there.  Not when a signal asks the tracer to end meanwhile. */
void output_unmap(struct output *output, struct target *target, uint64_t start, uint64_t end);

/* Where lines go that are no events.  requires: no stream has begun */
struct writer *output_writer(struct output *output);
/* One of them was an event, for the counters. */
void output_count(struct output *output);

/* An access that --watch asks for; waits while the queue is full.  Any thread. */
void output_watch(struct output *output, const struct watch_event *event);
/* So many have been shown, or counted in the table (which may be NULL), before the output
 * thread begins. */
void output_watch_goes_on(struct output *output, uint64_t hits, struct watch_table *table);
/* Waits until all of them are written, with the names that are in the process now. */
void output_watches_drain(struct output *output);

void output_wake(struct output *output);
uint64_t output_events(const struct output *output);
/* Besides, so many events are lost.  requires: the output thread does not run */
void output_lose(struct output *output, uint64_t count);
uint64_t output_lost(const struct output *output);
/* Of --record. */
uint64_t output_recorded_bytes(const struct output *output);
uint64_t output_ring_wait_ns(const struct output *output);
bool output_has_failed(const struct output *output);

#endif
