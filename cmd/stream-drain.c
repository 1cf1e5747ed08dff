/* stream-drain.c - from a thread's ring to its view: events read, taken apart, handed on.
 *
 * Who writes into the ring and who reads it are on two processors, and each cache line
 * that both want costs the program what many events do.  So while a stream goes fast, only
 * whole chunks are read, and the line with the cursor is left alone; and a thread that has
 * to wait because its ring is full waits until there is room for half a ring.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <x86intrin.h>

#include "message.h"
#include "output-internal.h"
#include "service.h"
#include "streams.h"

/* ---- taking events apart ---------------------------------------------------------- */

static uint64_t wide(const uint32_t *words)
{
	return words[0] | (uint64_t)words[1] << 32;
}

static void take_apart(const struct site *site, const uint32_t *payload, struct record *out)
{
	out->site = site;
	out->sp = 0;
	out->target = out->count = out->tsc = 0;
	if (site->flags & SITE_HAS_SP)
		out->sp = *payload++;
	if (site->flags & SITE_HAS_FROM)
		out->from = *payload++;
	if (site->flags & SITE_HAS_TARGET) {
		out->target = wide(payload);
		payload += 2;
	}
	if (site->flags & SITE_HAS_COUNT) {
		out->count = wide(payload);
		payload += 2;
	}
	if (site->flags & SITE_HAS_TSC) {
		out->tsc = wide(payload);
		payload += 2;
	}
	if (site->flags & SITE_HAS_EXTRA)
		memcpy(out->extra, payload, site->words * 4u);
}

static void damaged(struct stream *stream)
{
	if (stream->thread)
		stream->thread->ring.is_damaged = true;
	if (stream->was_damaged)
		return;
	stream->was_damaged = true;
	message_warning("thread %d has overwritten its event ring: its further events are lost",
			stream->tid);
}

static void event(struct output *output, struct stream *stream, const uint32_t *words)
{
	uint32_t index = event_index(words[0]);
	const struct site *site = origin_site(stream->origin, index);
	struct record record;

	if (!site || site->words != event_words(words[0])) {
		damaged(stream);
		return;
	}
	if (!event_is_own(site->kind))
		output->events++;
	if (stream->is_muted)
		return;
	record.index = index;
	take_apart(site, words + 1, &record);
	output->view->event(output, stream, &record);
}

/* How many words the view has taken of its own accord. */
static size_t at_once(struct output *output, struct stream *stream, const uint32_t *words,
		      size_t n)
{
	if (!output->view->events || stream->is_muted)
		return 0;
	return output->view->events(output, stream, words, n);
}

void stream_events(struct output *output, struct stream *stream, const uint32_t *words, size_t n)
{
	size_t at = 0;

	while (stream->carry_count && at < n) {
		unsigned want = event_words(stream->carry[0]) + 1;

		while (stream->carry_count < want && at < n)
			stream->carry[stream->carry_count++] = words[at++];
		if (stream->carry_count < want)
			return;
		stream->carry_count = 0;
		if (!at_once(output, stream, stream->carry, want))
			event(output, stream, stream->carry);
	}
	while (at < n && !stream->was_damaged) {
		at += at_once(output, stream, words + at, n - at);
		if (at == n)
			return;
		unsigned want = event_words(words[at]) + 1;

		if (at + want > n) {
			stream->carry_count = (unsigned)(n - at);
			memcpy(stream->carry, words + at, (n - at) * 4);
			return;
		}
		event(output, stream, words + at);
		at += want;
	}
}

/* ---- a thread that waits for room ------------------------------------------------------ */

static bool is_waiting(const struct thread_block *tb)
{
	return tb && tb->request_kind == REQUEST_RING && service_is_waiting(tb);
}

/* Waiting counts from when it is first seen. */
static void look_whether_it_waits(struct stream *stream)
{
	if (stream->may_wait && !stream->waits_since_tsc && is_waiting(stream->thread->tb))
		stream->waits_since_tsc = __rdtsc();
}

/* The chunk that comes behind the one that is full is begun after that. */
static void note_wait(struct stream *stream)
{
	const struct ring *ring = &stream->thread->ring;
	uint64_t produced = __atomic_load_n(ring->produced, __ATOMIC_ACQUIRE);

	const struct target *target = stream->target;
	uint64_t now = target->has_clock_word ?
		       __atomic_load_n(&target->control->clock, __ATOMIC_RELAXED) : __rdtsc();

	stream->wait_ends[(produced + 1) % ring->chunks] = now;
}

/* Words have been read: was there a wait before them? */
static void recall_wait(struct stream *stream)
{
	const struct ring *ring = &stream->thread->ring;
	uint64_t chunk = ring->count - (ring->at == RING_ZONE);         /* theirs */
	uint64_t *end = &stream->wait_ends[chunk % ring->chunks];

	stream->waited_until = *end;
	*end = 0;
}

/* It goes on. */
static void answer_ring(struct output *output, struct stream *stream)
{
	struct target *target = stream->target;
	struct thread_block *tb = stream->thread->tb;

	stream->may_wait = is_waiting(tb);
	if (!stream->may_wait)
		stream->waits_since_tsc = 0;
	/* Held by one who may wait for us: then the next round does it. */
	if (!stream->may_wait || pthread_mutex_trylock(&target->lock))
		return;
	if (is_waiting(tb)) {
		note_wait(stream);
		service_answer(stream->thread, target->runtime.ring_retry);
	}
	if (stream->waits_since_tsc)
		output->ring_wait_tsc += __rdtsc() - stream->waits_since_tsc;
	stream->may_wait = false;
	stream->waits_since_tsc = 0;
	pthread_mutex_unlock(&target->lock);
}

/* A ring that makes no sense must not hold up the thread that fills it. */
static void discard(struct ring *ring)
{
	__atomic_store_n(ring->consumed, __atomic_load_n(ring->produced, __ATOMIC_ACQUIRE),
			 __ATOMIC_RELEASE);
}

/* ---- reading ------------------------------------------------------------------------- */

bool stream_drain(struct output *output, struct stream *stream, bool all)
{
	struct ring *ring = &stream->thread->ring;
	unsigned whole = ring_whole(ring);

	if (!all && !whole && !stream->may_wait)
		return false;
	stream->may_wait |= whole + 1 >= ring->chunks;
	look_whether_it_waits(stream);
	ssize_t n = all || whole ? ring_read(ring, output->words, RING_CHUNK_WORDS) : 0;

	if (n == -EIO) {
		damaged(stream);
		discard(ring);
	}
	if (n > 0)
		recall_wait(stream);
	if (n > 0 && output->view->event)
		stream_events(output, stream, output->words, (size_t)n);
	if (all || (stream->may_wait && ring_whole(ring) <= (ring->chunks - 1) / 2))
		answer_ring(output, stream);
	stream_modules(output, stream);
	return n > 0;
}
