/* Events that the tracer itself puts into a ring, whose thread block the program can write. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "session.h"
#include "target.h"
#include "thread-event.h"

#define CHUNKS 3u
#define BASE 0x7f0000000000ull
#define RING_START (BASE + THREAD_AREA_HEAD_BYTES)
#define TAIL_BYTES 4096u
#define DATA_BYTES (THREAD_AREA_HEAD_BYTES + CHUNKS * RING_CHUNK_BYTES + TAIL_BYTES)

struct rig {
	struct session session;
	struct target target;
	struct thread thread;
	uint32_t next;          /* payload to be read */
};

/* An arena with one area, between pages that fault. */
static struct rig *rig_create(bool lossy)
{
	struct rig *g = calloc(1, sizeof *g);
	uint8_t *p = mmap(NULL, DATA_BYTES + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert(g && p != MAP_FAILED);
	p += 4096;
	cr_assert_eq(mprotect(p, DATA_BYTES, PROT_READ | PROT_WRITE), 0);
	struct thread_block *tb = (struct thread_block *)(p + THREAD_BLOCK_OFFSET);
	g->session.lossy = lossy;
	g->target.session = &g->session;
	g->target.arena = (struct arena){ .base = BASE, .data_bytes = DATA_BYTES, .local = p };
	g->thread.target = &g->target;
	g->thread.tb = tb;
	tb->ring_start = RING_START;
	tb->ring_chunks = CHUNKS;
	tb->cursor = RING_START + RING_ZONE_BYTES;
	g->thread.ring = (struct ring){
		.data = p + THREAD_AREA_HEAD_BYTES, .start = RING_START, .chunks = CHUNKS,
		.cursor = &tb->cursor, .produced = &tb->ring_produced,
		.consumed = &tb->ring_consumed, .chunk_end = tb->ring_chunk_end,
	};
	ring_init(&g->thread.ring);
	return g;
}

static void put(struct rig *g, uint32_t value)
{
	const uint32_t payload[EVENT_WORDS_MAX] = { value, ~value };

	thread_event(&g->thread, event_id(7, EVENT_WORDS_MAX), payload);
}

/* Reads all that there is; events of put() with ascending values, some left out. */
static unsigned drain(struct rig *g)
{
	uint32_t words[EVENT_WORDS_MAX + 1];
	unsigned count = 0;

	for (ssize_t n; (n = ring_read(&g->thread.ring, words, EVENT_WORDS_MAX + 1)) > 0; count++) {
		cr_assert_eq(n, EVENT_WORDS_MAX + 1);
		cr_assert_eq(words[0], event_id(7, EVENT_WORDS_MAX));
		cr_assert_geq(words[1], g->next);
		cr_assert_eq(words[2], ~words[1]);
		g->next = words[1] + 1;
	}
	return count;
}

Test(thread_event, wraps_while_it_is_read)
{
	struct rig *g = rig_create(false);

	for (uint32_t i = 0; i < 20000; i++) {
		put(g, i);
		if (i % 100 == 99)
			cr_assert_eq(drain(g), 100);
	}
	cr_expect_eq(g->thread.tb->ring_lost, 0);
}

/* Nothing is written behind the chunk that is full, and all that is lost is counted. */
Test(thread_event, drops_what_does_not_fit)
{
	struct rig *g = rig_create(true);
	uint32_t sent = 0, got = 0;

	for (unsigned round = 0; round < 4; round++) {
		for (unsigned i = 0; i < 5000; i++)
			put(g, sent++);
		got += drain(g);
	}
	cr_expect_gt(g->thread.tb->ring_lost, 0);
	cr_expect_eq(got + g->thread.tb->ring_lost, sent);
}

Test(thread_event, survives_every_number_that_the_program_writes)
{
	static const uint64_t numbers[] = {
		0, 1, 2, 3, 63, 64, 0xffff, 0x7fffffff, 0xffffffff, 1ull << 63, ~0ull, ~0ull - 63, BASE,
		BASE - 4, RING_START, RING_START + 4, RING_START + RING_ZONE_BYTES + 1,
		RING_START + CHUNKS * RING_CHUNK_BYTES - 4, RING_START + CHUNKS * RING_CHUNK_BYTES,
		BASE + DATA_BYTES - 4, BASE + DATA_BYTES - 64, BASE + DATA_BYTES,
	};
	size_t count = sizeof numbers / sizeof *numbers;
	struct rig *g = rig_create(true);

	for (size_t i = 0; i < count * count; i++) {
		struct thread_block *tb = g->thread.tb;

		ring_init(&g->thread.ring);
		memset(tb, 0, sizeof *tb);
		tb->cursor = numbers[i % count];
		tb->ring_chunk = (uint32_t)numbers[i / count];
		put(g, 1);
		tb->cursor = RING_START + 4;
		tb->ring_produced = numbers[i % count];
		tb->ring_consumed = numbers[i / count];
		put(g, 2);
		put(g, 3);
	}
}
