/* session.h - one run of the tracer: what is traced, how, and the main loop.
 *
 * The main thread owns every ptrace call.  It sleeps in poll(2) on its signals
 * (SIGCHLD for stops, SIGINT and SIGTERM to end), on the wake-up descriptor that
 * the other threads write to, and on the clock of --duration.
 */
#ifndef TRACER_SESSION_H
#define TRACER_SESSION_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "options.h"
#include "target.h"

struct line_cache;
struct output;

struct session {
	const struct options *options;
	struct translate_events events;
	bool counts_paths;              /* --profile: by events, and by counters of what is hot */
	unsigned ring_chunks;
	bool lossy;
	bool has_coarse_clock;
	uint64_t event_ticks;           /* what an event with a time stamp costs the program; 0:
					 * they have none */

	struct target *targets;
	struct watch *watches;          /* --watch with debug registers: all runs natively */
	uint8_t *watches_seen;          /* by place of --watch: see watch-seek.c; atomic */
	bool watches_changed;           /* some wait for watch_follow_all() */
	uint64_t watch_hits;
	uint64_t watch_look_ns;         /* when watch_turn_if_blocked() looks again */
	struct watch_table *watch_table;        /* of -c with debug registers */
	struct thread **threads;        /* by tid: hash of chains */
	unsigned thread_count, threads_seen;
	struct tracee_early *early;     /* stops of threads not heard of yet */
	struct tracee_stop *round;      /* stops that wait for their turn, in the order they came */
	unsigned round_count, round_at;
	unsigned postponed;             /* signals that some thread will get later */
	unsigned held;                  /* threads with is_held */
	uint64_t flood_ends_ns;         /* senders of signals are held back until then; atomic */

	struct output *output;
	struct line_cache *lines;       /* of all targets */
	struct line_ahead *lines_ahead;
	int wake_fd;                    /* eventfd: other threads want the main one */
	pthread_mutex_t requests_lock;
	pid_t *requests;                /* tids that wait to be stepped */
	size_t request_count, request_room;

	pid_t program;                  /* started by us; 0 with -p */
	int program_status;             /* as waitpid() gave it */
	bool program_ended;
	volatile bool ends;             /* detach and leave */
	bool is_detaching;
	uint64_t signals, steps, stops, attach_ns, stopped_ns, detach_ns, translate_ns;
	struct translate_stats gone;    /* of targets that have ended */
};

/* Runs it all; returns the exit status of the command. */
int session_run(const struct options *options);

/* ---- for the other parts of cmd/ --------------------------------------------------- */

struct thread *session_thread(struct session *s, pid_t tid);
struct thread *session_thread_add(struct session *s, pid_t tid, pid_t pid);
void session_thread_remove(struct session *s, struct thread *thread);
struct thread *session_thread_next(struct session *s, struct thread *after);

void session_target_add(struct session *s, struct target *target);

/* Asks the main thread to run the request of `tid` natively.  Any thread. */
void session_request_step(struct session *s, pid_t tid);
/* Asks for the end: detach, leave.  Any thread. */
void session_end(struct session *s);
void session_wake_output(struct session *s);

/* The main thread is to look at what has ended.  Any thread. */
void session_wake(struct session *s);

#endif
