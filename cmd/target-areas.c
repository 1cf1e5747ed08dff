/* target-areas.c - a thread's part of the arena: its block, its ring, its counters. */
#include <errno.h>
#include <string.h>

#include "guard.h"
#include "session.h"
#include "target-internal.h"

static uint8_t *local_at(struct target *target, uint64_t at)
{
	return arena_local(&target->arena, at);
}

static uint64_t area_base(const struct target *target, unsigned area)
{
	return target->areas_base + (uint64_t)area * AREA_BYTES(target);
}

uint64_t target_gs(const struct thread *thread)
{
	return area_base(thread->target, thread->area) + THREAD_BLOCK_OFFSET;
}

struct thread_block *target_area_block(const struct target *target, unsigned area)
{
	return (struct thread_block *)arena_local(&target->arena, area_base(target, area) + THREAD_BLOCK_OFFSET);
}

static int free_area(struct target *target)
{
	for (unsigned i = 0; i < target->areas; i++)
		if (!(target->areas_used[i / 64] >> (i % 64) & 1))
			return (int)i;
	return -ENOSPC;
}

static void init_block(struct target *target, struct thread *thread, uint64_t app_gs)
{
	struct thread_block *tb = thread->tb;
	uint64_t base = area_base(target, thread->area);

	memset(tb, 0, sizeof *tb);
	tb->app_gs = app_gs;
	tb->stack_top = base + THREAD_STACK_TOP;
	tb->control = target->data_base;
	tb->sys_table = target->data_base + CONTROL_BYTES;
	for (int i = 0; i < LOOKUP_KINDS; i++)
		tb->lookup[i] = tb->sys_table + SYS_TABLE_BYTES + (uint64_t)i * LOOKUP_BYTES;
	tb->ways = target->data_base + WAYS_AT;
	tb->watch_log = target->store_log ? target->data_base + LOG_AT : 0;
	tb->ring_start = base + THREAD_AREA_HEAD_BYTES;
	tb->ring_chunks = target->ring_chunks;
	tb->ring_lossy = target->session->lossy;
	tb->cursor = tb->ring_start + RING_ZONE_BYTES;
	tb->index = thread->area;
	translator_returns_forget(target->translator, tb);
}

static void init_ring(struct target *target, struct thread *thread)
{
	struct thread_block *tb = thread->tb;

	thread->ring = (struct ring){
		.data = local_at(target, tb->ring_start),
		.start = tb->ring_start,
		.chunks = tb->ring_chunks,
		.cursor = &tb->cursor,
		.produced = &tb->ring_produced,
		.consumed = &tb->ring_consumed,
		.dropping = &tb->ring_dropping,
		.chunk_end = tb->ring_chunk_end,
	};
	ring_init(&thread->ring);
}

static int take_free_area(struct target *target, struct thread *thread)
{
	int area = free_area(target);

	if (area < 0)
		return area;
	target->areas_used[area / 64] |= 1ull << (area % 64);
	target->threads++;
	thread->target = target;
	thread->area = (unsigned)area;
	thread->tb = target_area_block(target, (unsigned)area);
	__atomic_store_n(&thread->tb->request_state, REQUEST_IDLE, __ATOMIC_RELEASE);
	target->by_area[area] = thread;
	if ((unsigned)area >= target->areas_top)
		__atomic_store_n(&target->areas_top, (unsigned)area + 1, __ATOMIC_RELEASE);
	return area;
}

int target_area_take(struct target *target, struct thread *thread, uint64_t app_gs,
		     struct err *err)
{
	target_lock(target);
	int area = take_free_area(target, thread);
	target_unlock(target);
	if (area < 0)
		return err_set(err, ENOSPC, "thread %d: more than %u threads at once (%s)",
			       thread->tid, target->areas, target->counters ?
			       "give -p to a process that has them already, or count fewer with --tid"
			       : "choose some with --tid");
	init_block(target, thread, app_gs);
	init_ring(target, thread);
	return 0;
}

bool target_area_quiet(struct thread *thread)
{
	struct target *target = thread->target;

	if (!target || !thread->tb)
		return true;
	if (pthread_mutex_trylock(&target->lock))
		return false;
	target->by_area[thread->area] = NULL;
	pthread_mutex_unlock(&target->lock);
	return true;
}

bool target_area_release(struct thread *thread)
{
	struct target *target = thread->target;

	if (!target || !thread->tb)
		return true;
	/* Who holds it may be waiting for room in a ring, which the caller makes. */
	if (pthread_mutex_trylock(&target->lock))
		return false;
	target->areas_used[thread->area / 64] &= ~(1ull << (thread->area % 64));
	target->by_area[thread->area] = NULL;
	thread->tb = NULL;
	pthread_mutex_unlock(&target->lock);
	__atomic_sub_fetch(&target->threads, 1, __ATOMIC_RELEASE);
	return true;
}
