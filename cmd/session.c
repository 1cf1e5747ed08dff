#include "session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/sysinfo.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attach.h"
#include "clock-word.h"
#include "filter.h"
#include "flush.h"
#include "guard.h"
#include "life.h"
#include "limits.h"
#include "line-ahead.h"
#include "line-cache.h"
#include "message.h"
#include "output-internal.h"
#include "postponed.h"
#include "service.h"
#include "stacks.h"
#include "stops.h"
#include "tracee.h"
#include "watch-code.h"
#include "watch-seek.h"
#include "watch.h"
#include "writer.h"

#define THREAD_HASH 4096
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANITIZED true
#else
#define SANITIZED false
#endif
#define CLOCK_TRAPPED_TICKS 1000        /* an event takes some 100 where none traps */

/* ---- threads ----------------------------------------------------------------------- */

struct thread *session_thread(struct session *s, pid_t tid)
{
	struct thread *thread = s->threads[(unsigned)tid % THREAD_HASH];

	while (thread && thread->tid != tid)
		thread = thread->next;
	return thread;
}

struct thread *session_thread_add(struct session *s, pid_t tid, pid_t pid)
{
	struct thread **head = &s->threads[(unsigned)tid % THREAD_HASH];
	struct thread *thread = calloc(1, sizeof *thread);

	if (!thread)
		return NULL;
	thread->tid = tid;
	thread->pid = pid;
	thread->state = THREAD_NATIVE;
	thread->next = *head;
	*head = thread;
	s->thread_count++;
	s->threads_seen++;
	return thread;
}

void session_thread_remove(struct session *s, struct thread *thread)
{
	struct thread **link = &s->threads[(unsigned)thread->tid % THREAD_HASH];

	while (*link != thread)
		link = &(*link)->next;
	*link = thread->next;
	s->thread_count--;
	watch_code_thread_end(thread);
	postponed_release(s, thread);
	if (thread->stream)
		output_stream_end(thread);   /* which frees it */
	else
		free(thread);
}

struct thread *session_thread_next(struct session *s, struct thread *after)
{
	unsigned slot = 0;

	if (after && after->next)
		return after->next;
	if (after)
		slot = (unsigned)after->tid % THREAD_HASH + 1;
	for (; slot < THREAD_HASH; slot++)
		if (s->threads[slot])
			return s->threads[slot];
	return NULL;
}

/* ---- targets ------------------------------------------------------------------------- */

void session_target_add(struct session *s, struct target *target)
{
	target->next = s->targets;
	s->targets = target;
}

static void add_stats(struct session *s, const struct target *target)
{
	struct translate_stats stats;

	translator_stats(target->translator, &stats);
	s->gone.blocks += stats.blocks;
	s->gone.insns += stats.insns;
	s->gone.code_bytes += stats.code_bytes;
	s->gone.links += stats.links;
	s->gone.misses += stats.misses;
	s->gone.indirect_misses += stats.indirect_misses;
	s->gone.guesses += stats.guesses;
	s->gone.superblocks += stats.superblocks;
	s->gone.dropped += stats.dropped;
	s->gone.flushes += stats.flushes;
	s->translate_ns += target->translate_ns;
}

static void target_drop(struct session *s, struct target *target)
{
	struct target **link = &s->targets;

	while (*link && *link != target)
		link = &(*link)->next;
	if (*link)
		*link = target->next;
	target_destroy(target);
}

/* Ends targets whose last thread the output thread is done with. */
static void reap_targets(struct session *s)
{
	struct target *next;

	for (struct target *target = s->targets; target; target = next) {
		next = target->next;
		if (!target_is_gone(target) || __atomic_load_n(&target->threads, __ATOMIC_ACQUIRE))
			continue;
		service_stop(target);
		add_stats(s, target);
		target_drop(s, target);
	}
}

/* ---- wishes of the other threads ---------------------------------------------------------- */

static void wake(struct session *s)
{
	uint64_t one = 1;

	if (write(s->wake_fd, &one, sizeof one) < 0)
		return;         /* it is full of wake-ups already */
}

void session_request_step(struct session *s, pid_t tid)
{
	pthread_mutex_lock(&s->requests_lock);
	if (s->request_count == s->request_room) {
		size_t room = s->request_room ? s->request_room * 2 : 64;
		pid_t *grown = realloc(s->requests, room * sizeof *grown);

		if (!grown) {
			pthread_mutex_unlock(&s->requests_lock);
			return;
		}
		s->requests = grown;
		s->request_room = room;
	}
	s->requests[s->request_count++] = tid;
	pthread_mutex_unlock(&s->requests_lock);
	wake(s);
}

void session_end(struct session *s)
{
	s->ends = true;
	wake(s);
}

void session_wake(struct session *s)
{
	wake(s);
}

void session_wake_output(struct session *s)
{
	output_wake(s->output);
}

static void on_wake(struct session *s)
{
	uint64_t count;
	pid_t *tids;
	size_t n;

	if (read(s->wake_fd, &count, sizeof count) < 0 && errno != EAGAIN)
		return;
	pthread_mutex_lock(&s->requests_lock);
	tids = s->requests;
	n = s->request_count;
	s->requests = NULL;
	s->request_count = s->request_room = 0;
	pthread_mutex_unlock(&s->requests_lock);
	for (size_t i = 0; i < n; i++) {
		struct thread *thread = session_thread(s, tids[i]);

		if (thread && thread_wants_step(thread) && !thread->is_stopped)
			tracee_interrupt(tids[i]);
	}
	free(tids);
	reap_targets(s);
}

/* ---- the main loop -------------------------------------------------------------------------- */

static void on_signal(struct session *s, int signal_fd)
{
	struct signalfd_siginfo infos[5];       /* as many as there are signals */
	static int interrupts;
	ssize_t n = read(signal_fd, infos, sizeof infos);

	for (ssize_t i = 0; i < n / (ssize_t)sizeof *infos; i++) {
		if (infos[i].ssi_signo == SIGCHLD)
			continue;
		/* A terminal's Ctrl-C has reached the program as well: its turn. */
		if (infos[i].ssi_signo == SIGINT && s->program && interrupts++ == 0)
			continue;
		s->ends = true;
	}
}

static int make_timer(uint64_t duration_ns)
{
	struct itimerspec spec = { .it_value = { (time_t)(duration_ns / 1000000000),
						 (long)(duration_ns % 1000000000) } };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	if (fd >= 0 && duration_ns)
		timerfd_settime(fd, 0, &spec, NULL);
	return fd;
}

static int make_signal_fd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Not longer than `ns`. */
static int wait_for(struct session *s, struct pollfd *fds, nfds_t n, uint64_t ns)
{
	uint64_t until_sent = postponed_send(s);

	if (ns > until_sent)
		ns = until_sent;
	const struct timespec limit = { ns >= 1000000000, ns >= 1000000000 ? 0 : (long)ns };

	return ppoll(fds, n, &limit, NULL);
}

static void loop(struct session *s)
{
	int signal_fd = make_signal_fd(), timer_fd = make_timer(s->options->duration_ns);
	struct pollfd fds[] = {
		{ .fd = signal_fd, .events = POLLIN },
		{ .fd = s->wake_fd, .events = POLLIN },
		{ .fd = timer_fd, .events = POLLIN },
	};

	while (!stops_may_end(s) && s->thread_count) {
		stops_handle_all(s);
		flush_full_targets(s);
		watch_follow_all(s);
		uint64_t look_ns = watch_turn_if_blocked(s);
		if (stops_may_end(s) || !s->thread_count)
			break;
		if (s->watches)
			writer_flush(output_writer(s->output));
		if (wait_for(s, fds, 3, look_ns) < 0 && errno != EINTR)
			break;
		if (fds[0].revents)
			on_signal(s, signal_fd);
		if (fds[1].revents)
			on_wake(s);
		if (fds[2].revents)
			s->ends = true;
	}
	close(signal_fd);
	close(timer_fd);
}

/* ---- a run ------------------------------------------------------------------------------------ */

static sigset_t signals_before;
static bool ignored_pipe, ignored_file_size;    /* by whoever started us */

static void block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTTOU);       /* written in the background, as our group is */
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &signals_before);
	ignored_pipe = signal(SIGPIPE, SIG_IGN) == SIG_IGN;
	/* Of our limit we want to be told by who writes, not to be ended. */
	ignored_file_size = signal(SIGXFSZ, SIG_IGN) == SIG_IGN;
}

static void unblock_in_program(void)
{
	guard_join_front();
	limits_restore();
	if (!ignored_pipe)
		signal(SIGPIPE, SIG_DFL);
	if (!ignored_file_size)
		signal(SIGXFSZ, SIG_DFL);
	sigprocmask(SIG_SETMASK, &signals_before, NULL);
}

static void choose_events(struct session *s)
{
	const struct options *o = s->options;
	bool has_blocks = o->mode == MODE_BLOCKS || o->mode == MODE_INSNS;
	bool counts = options_count(o);

	s->events = (struct translate_events){
		.calls = (o->mode == MODE_CALLS && !counts) || (has_blocks && filter_wants_calls(o)),
		.blocks = has_blocks || o->mode == MODE_PROFILE,
		.counts = o->mode == MODE_INSNS,
		.coverage = o->mode == MODE_COVERAGE,
		.count_calls = counts,
		.time = (o->mode == MODE_CALLS || (has_blocks && o->clock)) && !o->no_time,
	};
	/* Who shows each block as it comes, or stops behind some block, is told of each. */
	s->counts_paths = o->mode == MODE_PROFILE;
	s->events.paths = s->counts_paths ||
			  (has_blocks && o->record && !o->limit && !o->lossy && !s->events.calls && !s->events.time);
	s->lossy = o->lossy && !s->counts_paths;
	s->ring_chunks = s->events.paths ? 8 : counts ? 2 : 4;
}

/* The counter, unless the machine traps it and has a processor to spare. */
static void choose_clock(struct session *s)
{
	enum clock_source source = s->options->clock_source;

	if (!s->events.time)
		return;
	if (source == CLOCK_CHEAPER)
		source = clock_event_ticks(false) > CLOCK_TRAPPED_TICKS && get_nprocs() > 2 ?
			 CLOCK_COARSE : CLOCK_TSC;
	s->has_coarse_clock = source == CLOCK_COARSE;
	s->event_ticks = clock_event_ticks(s->has_coarse_clock);
	if (s->options->verbose)
		message_verbose(1, "clock: %s (an event takes %lu ns with tsc, %lu ns with coarse)",
				s->has_coarse_clock ? "coarse" : "tsc",
				clock_tsc_to_duration(clock_event_ticks(false)),
				clock_tsc_to_duration(clock_event_ticks(true)));
}

static int init(struct session *s, const struct options *options, struct err *err)
{
	memset(s, 0, sizeof *s);
	s->options = options;
	clock_start();
	choose_events(s);
	choose_clock(s);
	s->threads = calloc(THREAD_HASH, sizeof *s->threads);
	s->watches_seen = calloc(options->watches.count + 1, sizeof *s->watches_seen);
	s->lines = line_cache_create();
	s->lines_ahead = line_ahead_create();
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&s->requests_lock, NULL);
	if (!s->threads || !s->watches_seen || !s->lines || !s->lines_ahead || s->wake_fd < 0)
		return err_set(err, ENOMEM, "out of memory or descriptors");
	s->output = output_create(s, err);
	return s->output ? 0 : -1;
}

static uint64_t timeval_ns(const struct timeval *t)
{
	return (uint64_t)t->tv_sec * 1000000000 + (uint64_t)t->tv_usec * 1000;
}

static void print_stats(struct session *s)
{
	struct rusage used = { 0 };     /* of the program that we have started, and its own */

	getrusage(RUSAGE_CHILDREN, &used);
	fprintf(stderr,
		"tracer-stats: {\"events\":%lu,\"lost\":%lu,\"ring_wait_ns\":%lu,\"threads\":%u,"
		"\"blocks_translated\":%lu,\"code_bytes\":%lu,\"misses\":%lu,\"links\":%lu,"
		"\"indirect_misses\":%lu,\"guesses\":%lu,\"superblocks\":%lu,\"invalidated\":%lu,\"flushes\":%lu,\"signals\":%lu,\"steps\":%lu,"
		"\"stops\":%lu,\"attach_ns\":%lu,\"stopped_ns\":%lu,\"detach_ns\":%lu,"
		"\"translate_ns\":%lu,\"clock_gap_ns\":%lu,\"recorded_bytes\":%lu,\"program_user_ns\":%lu,\"program_sys_ns\":%lu}\n",
		output_events(s->output), output_lost(s->output), output_ring_wait_ns(s->output),
		s->threads_seen, s->gone.blocks, s->gone.code_bytes, s->gone.misses, s->gone.links,
		s->gone.indirect_misses, s->gone.guesses, s->gone.superblocks, s->gone.dropped,
		s->gone.flushes, s->signals, s->steps, s->stops,
		s->attach_ns, s->stopped_ns, s->detach_ns, s->translate_ns,
		clock_tsc_to_duration(clock_word_gap()),
		output_recorded_bytes(s->output),
		timeval_ns(&used.ru_utime), timeval_ns(&used.ru_stime));
}

/* As the program ended: its status, or its signal. */
static int program_result(const struct session *s)
{
	if (!s->program_ended)
		return 0;
	if (WIFSIGNALED(s->program_status)) {
		int number = WTERMSIG(s->program_status);
		struct sigaction action = { .sa_handler = SIG_DFL };
		sigset_t set;

		fflush(NULL);
		sigaction(number, &action, NULL);
		sigemptyset(&set);
		sigaddset(&set, number);
		message_no_core();
		raise(number);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
		return 128 + number;
	}
	return WEXITSTATUS(s->program_status);
}

static int start(struct session *s, struct err *err)
{
	/* These two write what they find themselves, from this thread. */
	if (s->options->mode == MODE_STACKS)
		return stacks_print(s, err);
	if (s->options->mode == MODE_WATCH)
		return watch_begin(s, unblock_in_program, err);
	if (output_start(s->output, err) < 0)
		return 125;
	if (s->options->program)
		return attach_start_program(s, unblock_in_program, err);
	return attach_all(s, err);
}

/* What is left goes with the process, which is quicker than piece by piece: symbols and translations are
 * millions.  Sanitizers want to see it freed. */
static void deinit(struct session *s)
{
	struct thread *thread;

	watch_destroy(s);
	if (!SANITIZED)
		return;
	while (s->targets)
		target_drop(s, s->targets);
	while ((thread = session_thread_next(s, NULL)))
		session_thread_remove(s, thread);
	life_forget(s);
	output_destroy(s->output);
	line_ahead_destroy(s->lines_ahead);
	line_cache_destroy(s->lines);
	free(s->threads);
	free(s->watches_seen);
	free(s->requests);
	close(s->wake_fd);
	pthread_mutex_destroy(&s->requests_lock);
}

int session_run(const struct options *options)
{
	struct session s;
	struct err err = { 0 };
	int status;

	if (guard_is_alone())
		return 1;
	block_signals();
	limits_raise();
	if (init(&s, options, &err) < 0) {
		message_error(&err);
		return 1;
	}
	status = start(&s, &err);
	if (status)
		message_error(&err);
	else
		loop(&s);
	attach_detach_all(&s);
	watch_finish(&s);
	watch_seek_end(&s);
	if (output_finish(s.output, &err) < 0) {
		message_error(&err);
		status = 1;
	}
	for (struct target *target = s.targets; target; target = target->next) {
		service_stop(target);
		add_stats(&s, target);
	}
	if (options->stats)
		print_stats(&s);
	deinit(&s);
	return status ? status : program_result(&s);
}
