#include "ring.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "event.h"

#define CHUNKS 4u
#define START 0x7f0000010000ull         /* where the target has the ring */

/* The half that the target can write, and a reader of it.  Nothing lies behind
 * the ring but its zone of overflow: what reads further faults. */
struct rig {
	uint8_t *data;
	uint64_t cursor, produced, consumed;
	uint64_t chunk_end[64];
	struct ring ring;
	uint32_t next;          /* word to be written */
	uint32_t expected;      /* word to be read */
	bool ends;              /* to produce_for_ever() */
};

static struct rig *rig_create(uint32_t chunks)
{
	struct rig *g = calloc(1, sizeof *g);
	size_t bytes = (size_t)chunks * RING_CHUNK, zone = 4096;
	uint8_t *p = mmap(NULL, bytes + 2 * zone, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert(g && p != MAP_FAILED);
	cr_assert_eq(mprotect(p, bytes + zone, PROT_READ | PROT_WRITE), 0);
	g->data = p;
	g->cursor = START + RING_ZONE;
	g->ring = (struct ring){
		.data = p, .start = START, .chunks = chunks, .cursor = &g->cursor,
		.produced = &g->produced, .chunk_end = g->chunk_end, .consumed = &g->consumed,
	};
	ring_init(&g->ring);
	return g;
}

static uint32_t index_now(const struct rig *g)
{
	return (uint32_t)(g->produced % g->ring.chunks);
}

static uint64_t first_of(uint32_t index)
{
	return START + (uint64_t)index * RING_CHUNK + RING_ZONE;
}

static bool has_room(const struct rig *g)
{
	return g->produced - g->consumed + 1 < g->ring.chunks;
}

/* As runtime_ring_advance does, in its three steps. */
static void advance(struct rig *g)
{
	uint32_t next = (index_now(g) + 1) % g->ring.chunks;

	g->chunk_end[index_now(g)] = g->cursor;
	g->cursor = first_of(next);
	g->produced++;
}

/* An event of `words`; false when the writer would have to wait. */
static bool write_event(struct rig *g, unsigned words)
{
	for (unsigned i = 0; i < words; i++) {
		memcpy(g->data + (g->cursor + 4 * i - START), &g->next, 4);
		g->next++;
	}
	g->cursor += 4 * words;
	if (g->cursor < START + (uint64_t)(index_now(g) + 1) * RING_CHUNK)
		return true;
	if (!has_room(g))
		return false;
	advance(g);
	return true;
}

static size_t read_some(struct rig *g, size_t max)
{
	uint32_t words[2 * RING_CHUNK_WORDS];
	ssize_t n = ring_read(&g->ring, words, max);

	cr_assert_geq(n, 0);
	cr_assert_leq((size_t)n, max);
	for (ssize_t i = 0; i < n; i++)
		cr_assert_eq(words[i], g->expected + (uint32_t)i);
	g->expected += (uint32_t)n;
	return (size_t)n;
}

static void read_all(struct rig *g)
{
	while (read_some(g, 2 * RING_CHUNK_WORDS))
		;
}

/* ---- a writer that behaves -------------------------------------------------------------- */

Test(ring, is_empty_at_first)
{
	struct rig *g = rig_create(CHUNKS);

	cr_expect_eq(read_some(g, 100), 0);
	cr_expect_eq(ring_fill(&g->ring), 0);
}

Test(ring, gives_what_is_written_at_once)
{
	struct rig *g = rig_create(CHUNKS);

	write_event(g, 3);
	cr_expect_eq(read_some(g, 100), 3);
	cr_expect_eq(read_some(g, 100), 0);
	write_event(g, 1);
	cr_expect_eq(read_some(g, 100), 1);
}

Test(ring, cuts_an_event_at_the_end_of_the_buffer)
{
	struct rig *g = rig_create(CHUNKS);

	write_event(g, 5);
	cr_expect_eq(read_some(g, 2), 2);
	cr_expect_eq(read_some(g, 2), 2);
	cr_expect_eq(read_some(g, 2), 1);
	cr_expect_eq(read_some(g, 0), 0);
}

Test(ring, wraps_with_events_of_every_size)
{
	for (unsigned words = 1; words <= 1 + EVENT_WORDS_MAX; words++) {
		struct rig *g = rig_create(CHUNKS);

		for (unsigned i = 0; i < 100000; i++) {
			if (!write_event(g, words)) {
				read_all(g);
				cr_assert(has_room(g));
				advance(g);
			}
			if (i % 977 == 0)
				read_some(g, i % 200);
		}
		read_all(g);
		cr_expect_eq(g->expected, g->next);
		cr_expect_gt(g->produced, CHUNKS);
		free(g);
	}
}

Test(ring, has_whole_chunks_until_they_are_read_to_their_end)
{
	struct rig *g = rig_create(CHUNKS);

	write_event(g, 3);
	cr_expect_eq(ring_whole(&g->ring), 0);
	while (write_event(g, 3))
		;
	cr_expect_eq(ring_whole(&g->ring), CHUNKS - 1);
	read_some(g, 100);
	cr_expect_eq(ring_whole(&g->ring), CHUNKS - 1);
	read_some(g, 2 * RING_CHUNK_WORDS);
	cr_expect_eq(ring_whole(&g->ring), CHUNKS - 2);
	g->produced = 1ull << 40;
	cr_expect_eq(ring_whole(&g->ring), 0, "a number that makes no sense");
	free(g);
}

Test(ring, fills_and_goes_on_when_it_was_read)
{
	struct rig *g = rig_create(2);

	while (write_event(g, 7))
		;
	cr_expect_eq(g->produced, 1);
	cr_expect_eq(ring_fill(&g->ring), RING_CHUNK);
	/* The last event may lie over the end of the last chunk. */
	cr_expect_geq(g->cursor, START + 2 * RING_CHUNK);
	read_all(g);
	cr_expect_eq(g->expected, g->next, "what overflows the chunk is part of it");
	cr_expect_eq(g->consumed, 1);
	advance(g);
	write_event(g, 7);
	read_all(g);
	cr_expect_eq(g->expected, g->next);
}

Test(ring, counts_a_chunk_as_read_only_when_all_of_it_is)
{
	struct rig *g = rig_create(CHUNKS);

	while (g->produced == 0)
		write_event(g, 1);
	size_t whole = (RING_CHUNK - RING_ZONE) / 4;
	cr_expect_eq(read_some(g, whole - 1), whole - 1);
	cr_expect_eq(g->consumed, 0);
	cr_expect_eq(read_some(g, whole), 1);
	cr_expect_eq(g->consumed, 1);
}

Test(ring, reads_what_a_lost_writer_left)
{
	/* Killed anywhere between the stores of its bookkeeping. */
	for (int stores = 0; stores <= 3; stores++) {
		struct rig *g = rig_create(CHUNKS);

		while (g->cursor < START + RING_CHUNK - 4)
			write_event(g, 1);
		memcpy(g->data + (g->cursor - START), &g->next, 4);
		g->next++;
		g->cursor += 4;
		uint64_t end = g->cursor;
		if (stores >= 1)
			g->chunk_end[0] = end;
		if (stores >= 2)
			g->cursor = first_of(1);
		if (stores >= 3)
			g->produced = 1;
		read_all(g);
		cr_expect(!g->ring.is_damaged, "after %d stores", stores);
		/* Not counted and moved on: the end of the chunk is not known. */
		cr_expect_eq(g->expected, stores == 2 ? 0 : g->next, "after %d stores", stores);
		cr_expect_eq(read_some(g, 100), 0);
		free(g);
	}
}

Test(ring, does_not_take_the_start_of_the_next_chunk_for_an_end)
{
	for (uint32_t chunks = 2; chunks <= CHUNKS; chunks++) {
		struct rig *g = rig_create(chunks);

		for (unsigned round = 0; round < 3 * chunks; round++) {
			uint32_t next = (index_now(g) + 1) % chunks;
			uint32_t words = 100;

			for (uint32_t i = 0; i < words; i++, g->next++, g->cursor += 4)
				memcpy(g->data + (g->cursor - START), &g->next, 4);
			read_some(g, 30);
			g->chunk_end[index_now(g)] = g->cursor;
			g->cursor = first_of(next);     /* and not counted yet */
			cr_expect_eq(read_some(g, 1000), 0);
			cr_expect(!g->ring.is_damaged, "chunk %u of %u", round % chunks, chunks);
			g->produced++;
			read_all(g);
			cr_expect_eq(g->expected, g->next);
		}
		free(g);
	}
}

Test(ring, takes_an_empty_chunk_for_no_end)
{
	struct rig *g = rig_create(CHUNKS);

	advance(g);
	advance(g);
	write_event(g, 2);
	cr_expect_eq(read_some(g, 100), 2);
	cr_expect_eq(g->consumed, 2);
}

Test(ring, counts_on_beyond_32_bits)
{
	struct rig *g = rig_create(CHUNKS);

	g->produced = g->consumed = g->ring.count = 1ull << 33;
	write_event(g, 2);
	advance(g);
	write_event(g, 2);
	read_all(g);
	cr_expect_eq(g->expected, 4);
}

/* ---- one that does not --------------------------------------------------------------------- */

static const uint64_t hostile[] = {
	0, 1, 2, 3, 4, 5, 63, 64, 65, 255, 256, 257, 65535, 65536, 0x7fffffff, 0x80000000,
	0xffffffff, 1ull << 32, 1ull << 63, ~0ull, ~0ull - 3, ~0ull - 255, ~0ull - 65535,
	START, START - 4, START + 1, START + 4, START + RING_ZONE - 4, START + RING_ZONE,
	START + RING_ZONE + 2, START + RING_ZONE + 4, START + RING_CHUNK - 4, START + RING_CHUNK,
	START + RING_CHUNK + RING_ZONE - 4, START + RING_CHUNK + RING_ZONE,
	START + RING_CHUNK + RING_ZONE + 4, START + CHUNKS * RING_CHUNK,
	START + CHUNKS * RING_CHUNK + RING_ZONE - 4, START + CHUNKS * RING_CHUNK + RING_ZONE,
	START + CHUNKS * RING_CHUNK + RING_ZONE + 4, START + (1ull << 32), START + (1ull << 32) + RING_ZONE,
};
#define HOSTILE (sizeof hostile / sizeof *hostile)

/* Reads until nothing comes; never more than what is sane for that many calls. */
static void read_hostile(struct rig *g)
{
	uint32_t words[RING_CHUNK_WORDS + RING_ZONE];
	const size_t max[] = { 0, 1, 77, sizeof words / 4 };

	for (unsigned i = 0; i < 40; i++) {
		ssize_t n = ring_read(&g->ring, words, max[i % 4]);

		cr_assert(n == -EIO || (n >= 0 && (size_t)n <= max[i % 4]), "%zd", n);
		if (n == -EIO)
			cr_assert_eq(ring_read(&g->ring, words, 1), -EIO, "damage is for good");
		cr_assert_leq(ring_fill(&g->ring), (size_t)CHUNKS * RING_CHUNK);
	}
}

static void begin_hostile(struct rig *g, unsigned written)
{
	memset(g->chunk_end, 0, sizeof g->chunk_end);
	g->cursor = START + RING_ZONE;
	g->produced = g->consumed = 0;
	g->next = g->expected = 0;
	ring_init(&g->ring);
	for (unsigned i = 0; i < written; i++)
		write_event(g, 7);
	read_some(g, 10);
}

Test(ring, survives_every_number_damaged)
{
	struct rig *g = rig_create(CHUNKS);

	for (unsigned written = 0; written < 6000; written += 1500)
		for (size_t i = 0; i < HOSTILE; i++)
			for (unsigned field = 0; field < 4 + CHUNKS; field++) {
				begin_hostile(g, written);
				if (field == 0)
					g->cursor = hostile[i];
				else if (field == 1)
					g->produced = hostile[i];
				else if (field == 2)
					g->consumed = hostile[i];
				else if (field == 3)
					g->cursor += hostile[i];
				else
					g->chunk_end[field - 4] = hostile[i];
				read_hostile(g);
			}
}

Test(ring, survives_all_numbers_damaged)
{
	struct rig *g = rig_create(CHUNKS);

	for (size_t i = 0; i < HOSTILE; i++)
		for (size_t j = 0; j < HOSTILE; j++)
			for (size_t k = 0; k < HOSTILE; k++) {
				begin_hostile(g, 0);
				g->cursor = hostile[i];
				g->produced = hostile[j];
				for (unsigned c = 0; c < 64; c++)
					g->chunk_end[c] = hostile[k] + c % CHUNKS * RING_CHUNK;
				read_hostile(g);
			}
}

Test(ring, ends_when_empty_chunks_are_produced_for_ever)
{
	struct rig *g = rig_create(CHUNKS);

	for (unsigned c = 0; c < CHUNKS; c++)
		g->chunk_end[c] = first_of(c);
	g->produced = CHUNKS;
	cr_expect_eq(read_some(g, 100), 0);
	cr_expect_eq(g->consumed, CHUNKS);
}

static void *produce_for_ever(void *context)
{
	struct rig *g = context;

	while (!__atomic_load_n(&g->ends, __ATOMIC_ACQUIRE))
		__atomic_store_n(&g->produced, __atomic_load_n(&g->consumed, __ATOMIC_ACQUIRE) + CHUNKS,
				 __ATOMIC_RELEASE);
	return NULL;
}

/* A call takes no more than what was there at its start, however fast more comes. */
Test(ring, returns_while_empty_chunks_are_produced, .timeout = 20)
{
	struct rig *g = rig_create(CHUNKS);
	pthread_t thread;
	uint32_t word;

	for (unsigned c = 0; c < CHUNKS; c++)
		g->chunk_end[c] = first_of(c);
	cr_assert_eq(pthread_create(&thread, NULL, produce_for_ever, g), 0);
	for (unsigned i = 0; i < 100000; i++) {
		uint64_t before = g->ring.count;

		cr_assert_eq(ring_read(&g->ring, &word, 1), 0);
		cr_assert_leq(g->ring.count - before, CHUNKS + 1);
	}
	__atomic_store_n(&g->ends, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
}

Test(ring, says_damaged_when_more_is_produced_than_there_is)
{
	struct rig *g = rig_create(CHUNKS);
	uint32_t word;

	g->produced = CHUNKS + 1;
	cr_expect_eq(ring_read(&g->ring, &word, 1), -EIO);
	g->produced = 0;
	cr_expect_eq(ring_read(&g->ring, &word, 1), -EIO);
}

Test(ring, says_damaged_when_the_writer_takes_words_back)
{
	struct rig *g = rig_create(CHUNKS);
	uint32_t words[16];

	write_event(g, 8);
	cr_expect_eq(ring_read(&g->ring, words, 16), 8);
	g->cursor -= 8;
	/* It lies within the ring, so it may be a writer that has moved on: wait. */
	ssize_t n = ring_read(&g->ring, words, 16);
	cr_expect(n == 0 || n == -EIO);
	g->cursor = START - 4;
	cr_expect_eq(ring_read(&g->ring, words, 16), -EIO);
}
