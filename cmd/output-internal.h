/* output-internal.h - what the output thread's files share: the output, the
 * writer, the clock, and the views. */
#ifndef TRACER_OUTPUT_INTERNAL_H
#define TRACER_OUTPUT_INTERNAL_H

#include <pthread.h>
#include <stdio.h>

#include "output.h"
#include "session.h"

struct output {
	struct session *session;
	const struct view *view;
	struct stream *streams;         /* the output thread's */
	struct stream *fresh;           /* new ones; under lock */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool is_woken, ends, is_running;
	pthread_t thread;
	uint32_t *words;
	uint64_t events, lost, ring_wait_tsc;
	bool limit_reached;
	/* the writer's */
	FILE *file;
	bool is_pipe, is_live, is_terminal;
	int write_error;                /* errno of the first failed write */
	void *view_data;                /* the mode's own */
};

/* The functions that make of events what the options ask for. */
const struct view *view_choose(const struct options *options);

/* ---- writer.c: where it goes -------------------------------------------------------- */

int writer_open(struct output *output, struct err *err) must_check;
/* Writes out what is buffered.  0, or the first error that any write had. */
int writer_close(struct output *output, struct err *err);
/* For output that somebody watches: not to be held back in a buffer. */
void writer_flush_if_live(struct output *output);
/* Text; an error ends the session (EPIPE quietly) and is kept. */
void writer_write(struct output *output, const char *text, size_t len);

/* ---- clock.c: time-stamp counter to time ---------------------------------------------- */

/* ns of CLOCK_MONOTONIC at that time-stamp; calibrated against both clocks. */
uint64_t clock_tsc_to_ns(uint64_t tsc);
/* The length in ns of a stretch of `tsc` ticks. */
uint64_t clock_tsc_to_duration(uint64_t tsc);

#endif
