#include "thread-event.h"

#include <string.h>
#include <unistd.h>

#include "guard.h"
#include "session.h"

/* An event that has left its chunk: the ring was full then. */
static bool is_past_chunk(uint64_t cursor)
{
	return (cursor >> 8 & 0xff) == 0;
}

static bool is_damaged(const struct thread *thread)
{
	return __atomic_load_n(&thread->ring.is_damaged, __ATOMIC_ACQUIRE);
}

/* As runtime.S does when the cursor has left its chunk.  False: there is no room.  The
 * program can write its thread block, so our own count of what is read decides. */
static bool advance(struct thread *thread)
{
	struct thread_block *tb = thread->tb;
	const struct ring *ring = &thread->ring;
	uint64_t produced = tb->ring_produced;
	uint32_t chunk = tb->ring_chunk % ring->chunks;

	while (produced + 1 - __atomic_load_n(&ring->count, __ATOMIC_ACQUIRE) >= ring->chunks) {
		if (thread->target->session->lossy || is_damaged(thread) || guard_is_alone())
			return false;
		session_wake_output(thread->target->session);
		usleep(100);
	}
	tb->ring_chunk_end[chunk] = tb->cursor;
	chunk = (chunk + 1) % ring->chunks;
	tb->ring_chunk = chunk;
	__atomic_store_n(&tb->cursor, ring->start + (uint64_t)chunk * RING_CHUNK_BYTES + RING_ZONE_BYTES,
			 __ATOMIC_RELEASE);
	__atomic_store_n(&tb->ring_produced, produced + 1, __ATOMIC_RELEASE);
	return true;
}

void thread_event(struct thread *thread, uint32_t id, const uint32_t *payload)
{
	struct thread_block *tb = thread->tb;
	const struct ring *ring = &thread->ring;
	unsigned words = event_words(id);
	uint64_t cursor = tb->cursor;

	/* The program has seen that this chunk was read; so must we before we write to it. */
	(void)__atomic_load_n(&ring->count, __ATOMIC_ACQUIRE);
	if (is_damaged(thread))
		return;
	if (is_past_chunk(cursor)) {
		if (!advance(thread)) {
			tb->ring_lost++;
			return;
		}
		cursor = tb->cursor;
	}
	/* Behind the last chunk stands the tail of the ring, for what overflows. */
	if (cursor - ring->start >= (uint64_t)ring->chunks * RING_CHUNK_BYTES || cursor % 4)
		return;
	uint32_t *at = arena_local(&thread->target->arena, cursor);
	if (!at)
		return;
	at[0] = id;
	memcpy(at + 1, payload, words * 4);
	cursor += 4 + words * 4;
	__atomic_store_n(&tb->cursor, cursor, __ATOMIC_RELEASE);
	if (is_past_chunk(cursor))
		advance(thread);
}
