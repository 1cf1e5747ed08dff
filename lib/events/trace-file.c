#include "trace-file.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#define LEVEL 1
#define WORTH_BYTES 64          /* less is not packed */

static const uint8_t magic[8] = { 0x89, 'T', 'R', 'A', 'C', 'E', 'R', '\n' };

struct trace_packer {
	ZSTD_CCtx *packs;
	ZSTD_DCtx *unpacks;
};

static uint8_t *put_4(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, 4);
	return at + 4;
}

static uint32_t get_4(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, 4);
	return value;
}

static uint32_t check_of(const uint8_t *bytes, size_t len)
{
	return (uint32_t)crc32_z(0, bytes, len);
}

/* ---- heads ------------------------------------------------------------------------------- */

void trace_head_put(uint8_t out[TRACE_HEAD_BYTES])
{
	memset(out, 0, TRACE_HEAD_BYTES);
	memcpy(out, magic, sizeof magic);
	put_4(out + 8, TRACE_VERSION);
}

uint32_t trace_head_get(const uint8_t head[TRACE_HEAD_BYTES])
{
	return memcmp(head, magic, sizeof magic) ? 0 : get_4(head + 8);
}

static void chunk_head_put(const struct trace_chunk *chunk, uint8_t *at)
{
	uint8_t *end = at;

	end = put_4(end, chunk->kind);
	end = put_4(end, chunk->stored);
	end = put_4(end, chunk->raw);
	end = put_4(end, chunk->check);
	put_4(end, check_of(at, 16));
}

int trace_chunk_head_get(const uint8_t head[TRACE_CHUNK_HEAD_BYTES], struct trace_chunk *out)
{
	*out = (struct trace_chunk){ get_4(head), get_4(head + 4), get_4(head + 8),
				     get_4(head + 12) };
	if (get_4(head + 16) != check_of(head, 16))
		return -EBADMSG;
	return out->raw <= TRACE_CHUNK_MAX && out->stored <= out->raw ? 0 : -EBADMSG;
}

/* ---- packing ------------------------------------------------------------------------------- */

struct trace_packer *trace_packer_create(void)
{
	struct trace_packer *packer = calloc(1, sizeof *packer);

	if (!packer)
		return NULL;
	packer->packs = ZSTD_createCCtx();
	packer->unpacks = ZSTD_createDCtx();
	if (packer->packs && packer->unpacks)
		return packer;
	trace_packer_destroy(packer);
	return NULL;
}

void trace_packer_destroy(struct trace_packer *packer)
{
	if (!packer)
		return;
	ZSTD_freeCCtx(packer->packs);
	ZSTD_freeDCtx(packer->unpacks);
	free(packer);
}

/* How many bytes stand at `out`, less than `len`; 0: it is not worth it. */
static size_t pack(struct trace_packer *packer, const void *raw, size_t len, uint8_t *out)
{
	if (len < WORTH_BYTES)
		return 0;
	size_t n = ZSTD_compressCCtx(packer->packs, out, len - 1, raw, len, LEVEL);

	return ZSTD_isError(n) ? 0 : n;
}

int trace_chunk_pack(struct trace_packer *packer, enum trace_kind kind, const void *raw,
		     size_t len, struct trace_bytes *out)
{
	if (len > TRACE_CHUNK_MAX)
		return -EFBIG;
	uint8_t *head = trace_bytes_room(out, TRACE_CHUNK_HEAD_BYTES + len);
	if (!head)
		return -ENOMEM;
	uint8_t *bytes = head + TRACE_CHUNK_HEAD_BYTES;
	size_t stored = pack(packer, raw, len, bytes);

	if (!stored && len) {
		memcpy(bytes, raw, len);
		stored = len;
	}
	const struct trace_chunk chunk = { kind, (uint32_t)stored, (uint32_t)len,
					   check_of(bytes, stored) };
	chunk_head_put(&chunk, head);
	out->len += TRACE_CHUNK_HEAD_BYTES + stored;
	return 0;
}

int trace_chunk_unpack(struct trace_packer *packer, const struct trace_chunk *chunk,
		       const uint8_t *stored, struct trace_bytes *out)
{
	out->len = 0;
	if (check_of(stored, chunk->stored) != chunk->check)
		return -EBADMSG;
	if (chunk->stored == chunk->raw) {
		trace_put_bytes(out, stored, chunk->stored);
		return out->failed ? -ENOMEM : 0;
	}
	uint8_t *at = trace_bytes_room(out, chunk->raw);
	if (!at)
		return -ENOMEM;
	size_t n = ZSTD_decompressDCtx(packer->unpacks, at, chunk->raw, stored, chunk->stored);
	if (ZSTD_isError(n) || n != chunk->raw)
		return -EBADMSG;
	out->len = n;
	return 0;
}
