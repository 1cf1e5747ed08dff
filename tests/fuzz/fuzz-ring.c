/* A ring that belongs to a program gone wild: it writes anything, at any moment.
 *
 *     | chunks | bytes of the ring ... | op, value | op, value | ...
 *
 * Each operation stores one of the numbers that the target can write, or reads.
 * The reader must stay in the ring, return, and never take back what it has read. */
#include <errno.h>

#include "fuzz.h"
#include "ring.h"

#define START 0x7f0000010000ull
#define CHUNKS_MAX 4u
#define OPERATION_BYTES 5

struct rig {
	uint8_t *data;                  /* with one page more: an event may overflow */
	uint64_t cursor, produced, consumed, chunk_end[CHUNKS_MAX];
	struct ring ring;
};

/* Numbers near those that are right, or any. */
static uint64_t foreign(struct rig *g, uint32_t value)
{
	uint64_t low = (uint64_t)g->ring.chunks * RING_CHUNK + RING_ZONE + 8;

	switch (value >> 28) {
	case 0:
		return START + (value & 0xffffff) % low;
	case 1:
		return START + (value & 3) * RING_CHUNK + RING_ZONE + (value >> 8 & 0xff);
	case 2:
		return START + ((value & 3) + 1) * RING_CHUNK - 128 + (value >> 8 & 0xff);
	case 3:
		return g->ring.count + (value & 7);
	case 4:
		return -(uint64_t)(value & 0xffff);
	default:
		return value & 0xfffffff;
	}
}

static void read_ring(struct rig *g, uint32_t value)
{
	uint64_t before = g->ring.count;
	size_t max = 1 + (value & (RING_CHUNK_WORDS + 63));
	uint32_t *words = malloc(max * sizeof *words);
	bool was_damaged = g->ring.is_damaged;
	ssize_t n = ring_read(&g->ring, words, max);

	fuzz_check(n == -EIO || (n >= 0 && (size_t)n <= max), "%zd words of %zu", n, max);
	fuzz_check((n == -EIO) == g->ring.is_damaged, "%zd words", n);
	fuzz_check(!was_damaged || n == -EIO, "a damaged ring is read");
	fuzz_check(g->ring.count >= before && g->ring.count - before <= g->ring.chunks + 1,
		   "%lu chunks at once", g->ring.count - before);
	fuzz_check(g->ring.at >= RING_ZONE && g->ring.at <= RING_CHUNK + RING_ZONE, "at %u",
		   g->ring.at);
	ring_fill(&g->ring);
	free(words);
}

static void operate(struct rig *g, uint8_t op, uint32_t value)
{
	uint32_t index = (uint32_t)(g->produced % g->ring.chunks);

	switch (op % 7) {
	case 0:
		g->cursor = foreign(g, value);
		break;
	case 1:
		g->produced = foreign(g, value);
		break;
	case 2:
		g->chunk_end[(value >> 24) % CHUNKS_MAX] = foreign(g, value);
		break;
	case 3:                         /* as the runtime moves on */
		g->chunk_end[index] = g->cursor;
		g->produced++;
		g->cursor = START + (index + 1) % g->ring.chunks * RING_CHUNK + RING_ZONE;
		break;
	case 4:
		g->cursor += (value & 0xff) * 4;
		break;
	default:
		read_ring(g, value);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rig rigs[CHUNKS_MAX];
	struct input in = { data, data + size };
	uint32_t chunks = 1 + (uint32_t)input_number(&in, 1) % CHUNKS_MAX;
	struct rig *g = &rigs[chunks - 1];

	if (!g->data)
		g->data = fuzz_map((size_t)chunks * RING_CHUNK + 4096);
	g->cursor = START + RING_ZONE;
	g->produced = g->consumed = 0;
	memset(g->chunk_end, 0, sizeof g->chunk_end);
	g->ring = (struct ring){
		.data = g->data, .start = START, .chunks = chunks, .cursor = &g->cursor,
		.produced = &g->produced, .chunk_end = g->chunk_end, .consumed = &g->consumed,
	};
	ring_init(&g->ring);
	while (input_left(&in)) {
		uint8_t op = (uint8_t)input_number(&in, 1);

		operate(g, op, (uint32_t)input_number(&in, OPERATION_BYTES - 1));
	}
	read_ring(g, 63);
	return 0;
}
