#include "output.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "condition.h"
#include "message.h"
#include "output-internal.h"
#include "record.h"
#include "service.h"
#include "streams.h"
#include "watch-queue.h"

#define FORGET_LOOK_NS (1000 * 1000 * 1000)
#define UNMAP_LOOK_NS (20 * 1000 * 1000)
#define IDLE_MIN_NS (200 * 1000)
#define IDLE_MAX_NS (10 * 1000 * 1000)
#define CHUNK_WAIT_NS (100 * 1000)      /* the next one is waited for awake */

bool output_limit(struct output *output)
{
	if (output->shown >= output->options->limit)
		return false;
	if (++output->shown == output->options->limit)
		session_end(output->session);
	return true;
}

/* ---- draining ----------------------------------------------------------------------- */

/* False: the target's lock is held by somebody; to be tried again. */
static bool finalize(struct output *output, struct stream *stream)
{
	struct thread *thread = stream->thread;

	if (!stream->is_finished) {
		stream->is_finished = true;
		stream_end(output, stream, thread->tb->ring_lost);
		output->lost += thread->tb->ring_lost;
	}
	/* The last of it is written while its target is there. */
	if (output->view->round) {
		if (!target_area_quiet(thread))
			return false;
		output->view->round(output);
	}
	if (!target_area_release(thread))
		return false;
	session_wake(output->session);
	free(thread);
	free(stream);
	return true;
}

/* A thread that has made an exec goes on as another stream: not before the end of
 * the one that it was. */
static bool has_predecessor(const struct output *output, const struct stream *stream)
{
	for (const struct stream *s = output->streams; s; s = s->next)
		if (s->tid == stream->tid)
			return true;
	return false;
}

static struct stream *take_list(struct output *output)
{
	struct stream *oldest = NULL, *stream;

	pthread_mutex_lock(&output->lock);
	while ((stream = output->fresh)) {
		output->fresh = stream->next;
		stream->next = oldest;
		oldest = stream;
	}
	pthread_mutex_unlock(&output->lock);
	return oldest;
}

static void put_back(struct output *output, struct stream *stream)
{
	struct stream **end = &output->fresh;

	pthread_mutex_lock(&output->lock);
	while (*end)
		end = &(*end)->next;    /* it is older than these */
	stream->next = NULL;
	*end = stream;
	pthread_mutex_unlock(&output->lock);
}

static void take_fresh(struct output *output)
{
	struct stream *fresh = take_list(output), *newest = NULL, *next;

	for (; fresh; fresh = next) {
		next = fresh->next;
		if (has_predecessor(output, fresh)) {
			fresh->next = newest;
			newest = fresh;
			continue;
		}
		fresh->next = output->streams;
		output->streams = fresh;
		stream_begin(output, fresh);
	}
	for (; newest; newest = next) {
		next = newest->next;
		put_back(output, newest);
	}
}

static void idle(struct output *output, struct stream *stream)
{
	if (!stream->idle_ns)
		stream->idle_ns = output->now_ns;
	if (output->view->idle && !stream->is_muted)
		output->view->idle(output, stream);
	if (stream->has_own_writer && stream->writer->is_live)
		writer_flush(stream->writer);
}

/* One round over the rings in which there are whole chunks; true when there were. */
static bool drain_whole(struct output *output)
{
	bool any = false;

	for (struct stream *stream = output->streams; stream; stream = stream->next)
		if (!stream->is_finished && stream_drain(output, stream, false)) {
			stream->idle_ns = 0;
			any = true;
		}
	return any;
}

void output_relieve(struct output *output)
{
	output->now_ns = clock_monotonic_ns();
	drain_whole(output);
}

/* One round over all rings, *ends: of threads that have ended, too; true when there was
 * something. */
static bool drain_all(struct output *output, bool *ends)
{
	struct stream **link = &output->streams, *stream;
	bool any = false;

	take_fresh(output);
	*ends = false;
	if (output->view->round)
		any = *ends = output->view->round(output);
	while ((stream = *link)) {
		bool is_ended = __atomic_load_n(&stream->is_ended, __ATOMIC_ACQUIRE);
		bool got = !stream->is_finished && stream_drain(output, stream, true);
		struct stream *next = stream->next;

		any |= got;
		*ends |= got && is_ended;
		if (got)
			stream->idle_ns = 0;
		else if (!stream->is_finished)
			idle(output, stream);
		if (stream->has_own_writer && !stream->is_finished)
			writer_flush_due(stream->writer, output->now_ns);
		if (!got && is_ended && finalize(output, stream))
			*link = next;
		else
			link = &stream->next;
	}
	return any;
}

static struct target *to_forget(struct output *output)
{
	pthread_mutex_lock(&output->lock);
	struct target *target = output->forget;
	pthread_mutex_unlock(&output->lock);
	return target;
}

/* One that waits for the end of its predecessor has not been read at all. */
static bool has_fresh(struct output *output, const struct target *target)
{
	bool has = false;

	pthread_mutex_lock(&output->lock);
	for (const struct stream *s = output->fresh; s; s = s->next)
		has |= s->target == target;
	pthread_mutex_unlock(&output->lock);
	return has;
}

static void forget(struct output *output, const struct target *target)
{
	for (struct stream *s = output->streams; s; s = s->next)
		if (s->target == target && output->view->forget && s->view && !s->is_finished)
			output->view->forget(output, s);
	spaces_forget(output, &target->origin);
	pthread_mutex_lock(&output->lock);
	output->forget = NULL;
	pthread_cond_signal(&output->forgotten);
	pthread_mutex_unlock(&output->lock);
}

enum unmapping { UNMAP_NOTHING, UNMAP_LATER, UNMAP_NOW };

/* A round reads a chunk of a ring at most: after so many as it has, and one, all has been
 * read that was there when it was asked for; or after one in which there was nothing to read, and
 * which has begun since. */
static enum unmapping look_whether_to_unmap(struct output *output, bool any)
{
	enum unmapping what = UNMAP_NOTHING;

	pthread_mutex_lock(&output->lock);
	if (output->unmap.target)
		what = output->unmap.rounds++ > (any ? output->session->ring_chunks + 1 : 0) ? UNMAP_NOW : UNMAP_LATER;
	pthread_mutex_unlock(&output->lock);
	return what;
}

static void unmap(struct output *output)
{
	const struct view *view = output->view;
	struct target *target = output->unmap.target;
	uint64_t start = output->unmap.start, end = output->unmap.end;

	for (struct stream *s = output->streams; s && view->unmap; s = s->next)
		if (s->target == target && s->view && !s->is_finished)
			view->unmap(output, s, start, end);
	for (struct space *s = output->spaces; s && view->space_unmap; s = s->next)
		if (s->origin == &target->origin && s->view)
			view->space_unmap(output, s, start, end);
	pthread_mutex_lock(&output->lock);
	output->unmap.target = NULL;
	pthread_cond_broadcast(&output->unmapped);
	pthread_mutex_unlock(&output->lock);
}

static void wait_a_little(struct output *output, uint64_t ns)
{
	pthread_mutex_lock(&output->lock);
	if (!output->is_woken)
		condition_wait(&output->wake, &output->lock, ns);
	output->is_woken = false;
	pthread_mutex_unlock(&output->lock);
}

/* Rounds over whole chunks as long as they come one after the other, but not so long that
 * a thread that fills none is forgotten. */
static void drain_fast(struct output *output)
{
	uint64_t until = clock_monotonic_ns() + IDLE_MAX_NS, patience = 0;

	do {
		output->now_ns = clock_monotonic_ns();
		if (output->progress)
			progress_update(output->progress);
		if (drain_whole(output))
			patience = output->now_ns + CHUNK_WAIT_NS;
		else if (output->now_ns < patience)
			sched_yield();
	} while (output->now_ns < patience && output->now_ns < until);
}

static void *output_main(void *context)
{
	struct output *output = context;
	uint64_t idle_ns = IDLE_MIN_NS;

	for (;;) {
		bool ends = __atomic_load_n(&output->ends, __ATOMIC_ACQUIRE), hurry;
		/* Asked for before this round, in which there was nothing left. */
		struct target *old = to_forget(output);

		drain_fast(output);
		bool any = drain_all(output, &hurry);
		if (output->has_main)
			writer_flush_due(&output->main, output->now_ns);

		enum unmapping unmapping = look_whether_to_unmap(output, any);
		if (unmapping == UNMAP_NOW)
			unmap(output);
		if (unmapping == UNMAP_LATER)   /* a thread waits for that */
			continue;
		if (any) {
			idle_ns = IDLE_MIN_NS;
			if (!hurry && !ends && !old)
				wait_a_little(output, IDLE_MIN_NS);
			continue;
		}
		if (old && !has_fresh(output, old))
			forget(output, old);
		if (ends && !output->streams && !output->fresh)
			break;
		if (output->has_main && output->main.is_live)
			writer_flush(&output->main);
		wait_a_little(output, idle_ns);
		if (idle_ns < IDLE_MAX_NS)
			idle_ns *= 2;
	}
	if (output->view->finish)
		output->view->finish(output);
	progress_destroy(output->progress);
	return NULL;
}

/* ---- for the main thread ----------------------------------------------------------------- */

static int open_main(struct output *output, struct err *err)
{
	const struct options *o = output->options;

	bool has_streams = !o->record && o->mode != MODE_WATCH && o->mode != MODE_STACKS &&
			   o->mode != MODE_PROFILE && !o->summary;

	if (o->file_per_thread && has_streams)
		return streams_check_directory(o->output, err);
	int r = writer_open(&output->main, output->session, o->record ? o->record : o->output, false, err);
	if (r < 0)
		return r;
	output->has_main = true;
	output->colored = o->color > 0 ||
			  (o->color == 0 && output->main.is_terminal && !getenv("NO_COLOR"));
	return 0;
}

struct output *output_create(struct session *session, struct err *err)
{
	struct output *output = calloc(1, sizeof *output);

	if (output)
		output->words = malloc(RING_CHUNK_WORDS * 4 + RING_ZONE);
	if (!output || !output->words) {
		free(output);
		err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	output->session = session;
	output->options = session->options;
	pthread_mutex_init(&output->lock, NULL);
	condition_init(&output->wake);
	condition_init(&output->forgotten);
	condition_init(&output->unmapped);
	output->view = view_choose(session->options);
	if (filter_create(session->options, &output->filter, err) < 0 ||
	    open_main(output, err) < 0) {
		output_destroy(output);
		return NULL;
	}
	if (session->options->record && record_begin(output, err) < 0) {
		output_destroy(output);
		return NULL;
	}
	if (!session->options->replay)
		output->progress = progress_create(output);
	if (session->options->mode == MODE_WATCH && !(output->watches = watch_queue_create())) {
		output_destroy(output);
		err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	return output;
}

int output_start(struct output *output, struct err *err)
{
	int r = pthread_create(&output->thread, NULL, output_main, output);

	if (r)
		return err_set(err, r, "no thread can be made: %s", strerror(r));
	output->is_running = true;
	return 0;
}

int output_finish(struct output *output, struct err *err)
{
	if (output->is_running) {
		__atomic_store_n(&output->ends, true, __ATOMIC_RELEASE);
		output_wake(output);
		pthread_join(output->thread, NULL);
		output->is_running = false;
	}
	return output->has_main ? writer_close(&output->main, err) : streams_error(output, err);
}

void output_destroy(struct output *output)
{
	spaces_free(output);
	filter_destroy(output->filter);
	watch_queue_destroy(output->watches);
	record_destroy(output->recording);
	free(output->own_tids);
	free(output->words);
	free(output);
}

int output_stream_begin(struct output *output, struct thread *thread, struct err *err)
{
	struct stream *stream = calloc(1, sizeof *stream);

	if (!stream)
		return err_set(err, ENOMEM, "out of memory");
	stream->thread = thread;
	stream->target = thread->target;
	stream->origin = &thread->target->origin;
	stream->tid = thread->tid;
	stream->pid = thread->pid;
	thread->stream = stream;
	pthread_mutex_lock(&output->lock);
	stream->next = output->fresh;
	output->fresh = stream;
	pthread_mutex_unlock(&output->lock);
	return 0;
}

/* Found when the output thread next looks: threads may end by the thousand. */
void output_stream_end(struct thread *thread)
{
	__atomic_store_n(&thread->stream->is_ended, true, __ATOMIC_RELEASE);
}

/* A signal that asks for the end waits to be read. */
static bool is_asked_to_end(void)
{
	sigset_t pending;

	sigpending(&pending);
	return sigismember(&pending, SIGTERM) || sigismember(&pending, SIGHUP) ||
	       sigismember(&pending, SIGINT);
}

bool output_forget(struct output *output, struct target *target)
{
	bool done;

	pthread_mutex_lock(&output->lock);
	output->forget = target;
	output->is_woken = true;
	pthread_cond_signal(&output->wake);
	while (output->forget && !is_asked_to_end())
		condition_wait(&output->forgotten, &output->lock, FORGET_LOOK_NS);
	done = !output->forget;
	output->forget = NULL;
	pthread_mutex_unlock(&output->lock);
	return done;
}

/* requires: lock */
static void wait_for_unmap(struct output *output)
{
	output->is_woken = true;
	pthread_cond_signal(&output->wake);
	condition_wait(&output->unmapped, &output->lock, UNMAP_LOOK_NS);
}

void output_unmap(struct output *output, struct target *target, uint64_t start, uint64_t end)
{
	enum mode mode = output->options->mode;
	bool names = mode == MODE_CALLS || mode == MODE_BLOCKS || mode == MODE_INSNS ||
		     mode == MODE_PROFILE;

	if (!names)
		return;
	pthread_mutex_lock(&output->lock);
	while (output->unmap.target && output->is_running && !is_asked_to_end())
		wait_for_unmap(output);         /* of another target */
	output->unmap.target = target;
	output->unmap.start = start;
	output->unmap.end = end;
	output->unmap.rounds = 0;
	while (output->unmap.target == target && output->is_running && !is_asked_to_end())
		wait_for_unmap(output);
	output->unmap.target = NULL;
	pthread_mutex_unlock(&output->lock);
}

struct writer *output_writer(struct output *output)
{
	return &output->main;
}

void output_count(struct output *output)
{
	output->events++;
}

static void wake(void *output)
{
	output_wake(output);
}

void output_watch(struct output *output, const struct watch_event *event)
{
	watch_queue_add(output->watches, event, wake, output);
}

void output_watch_goes_on(struct output *output, uint64_t hits, struct watch_table *table)
{
	output->shown = hits;
	output->view_data = table;
}

void output_watches_drain(struct output *output)
{
	watch_queue_drain(output->watches, wake, output);
}

void output_wake(struct output *output)
{
	pthread_mutex_lock(&output->lock);
	output->is_woken = true;
	pthread_cond_signal(&output->wake);
	pthread_mutex_unlock(&output->lock);
}

uint64_t output_events(const struct output *output)
{
	return output->events;
}

void output_lose(struct output *output, uint64_t count)
{
	output->lost += count;
}

uint64_t output_lost(const struct output *output)
{
	return output->lost;
}

uint64_t output_recorded_bytes(const struct output *output)
{
	return record_bytes(output->recording);
}

uint64_t output_ring_wait_ns(const struct output *output)
{
	return clock_tsc_to_duration(output->ring_wait_tsc);
}
