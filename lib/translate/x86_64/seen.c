/* seen.c - the store by which a block says that it has run, and its end; see coverage.c. */
#include "build.h"

#define OPCODE_BYTES 3u         /* of the nop; the rest is its displacement, whatever that is */

/* Its first three bytes within aligned 8 bytes, so that one store replaces them. */
static void align(struct emit *e)
{
	static const uint8_t nops[2][2] = { { 0x66, 0x90 }, { 0x90 } };
	unsigned at = e->at & 7;

	if (at > 8 - OPCODE_BYTES)
		emit_bytes(e, nops[at - 6], 8 - at);
}

void seen_emit(struct build *b)
{
	struct emit *e = &b->t->hot;
	uint64_t byte = b->t->config.seen_base + b->block->public.index;

	align(e);
	b->block->seen_at = e->at;
	EMIT_RAW(e, 0xc6, 0x05);                        /* mov byte ptr [seen + index], 1 */
	emit_u32(e, (uint32_t)(byte - (emit_address(e) + 5)));
	emit_u8(e, 1);
}

void target_seen_remove(struct translator *t, const struct xblock *b)
{
	static const uint8_t nop[OPCODE_BYTES] = { 0x0f, 0x1f, 0x80 };  /* nop [rax + ..] */
	uint8_t eight[8];
	uint64_t value;

	if (!b->seen_at)
		return;
	uint32_t from = b->seen_at & ~7u;
	memcpy(eight, t->config.local + from, 8);
	memcpy(eight + (b->seen_at - from), nop, OPCODE_BYTES);
	memcpy(&value, eight, 8);
	__atomic_store_n((uint64_t *)(t->config.local + from), value, __ATOMIC_RELEASE);
}
