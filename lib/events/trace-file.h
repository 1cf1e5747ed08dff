/* trace-file.h - the frame of a trace file: a head, then chunks.
 *
 *     "\x89TRACER\n"  version  0  0  0      the head, 16 bytes: each number has 4
 *     kind  stored  raw  check  head-check  a chunk's head, 20 bytes
 *     ... `stored` bytes ...
 *     kind  stored  raw  ...
 *
 * Little-endian.  `raw` is the length once unpacked: the bytes are a frame of zstd, or, where
 * both lengths are the same, as they are.  `check` is the CRC-32 of the stored bytes,
 * `head-check` that of the sixteen before it: so a file that ends too early is told from
 * one that has been damaged.  Chunks of a kind that is not known are passed over; what an
 * older reader must not pass over is a new version.
 *
 * docs/trace-format.md says what stands in the chunks.  Pure: bytes in memory, no file.
 */
#ifndef TRACER_TRACE_FILE_H
#define TRACER_TRACE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "trace-bytes.h"

#define TRACE_VERSION 2u
#define TRACE_HEAD_BYTES 16
#define TRACE_CHUNK_HEAD_BYTES 20
#define TRACE_CHUNK_MAX (64u << 20)     /* unpacked; a larger one is a damaged one */

enum trace_kind {
	TRACE_INFO = 0x4f464e49,        /* "INFO": what was recorded, and how */
	TRACE_LOG = 0x20474f4c,         /* "LOG ": events, and what they refer to */
	TRACE_CLOCK = 0x4b434c43,       /* "CLCK": two clocks and the counter, read together */
	TRACE_NAMES = 0x454d414e,       /* "NAME": of addresses */
	TRACE_END = 0x20444e45,         /* "END ": nothing is missing */
};

struct trace_chunk {
	uint32_t kind, stored, raw, check;
};

void trace_head_put(uint8_t out[TRACE_HEAD_BYTES]);
/* The version; 0: it is no trace file. */
uint32_t trace_head_get(const uint8_t head[TRACE_HEAD_BYTES]);

struct trace_packer;
struct trace_packer *trace_packer_create(void);         /* NULL: out of memory */
void trace_packer_destroy(struct trace_packer *packer);

/* Appends the chunk to `out`.  -ENOMEM; -EFBIG: more than TRACE_CHUNK_MAX. */
int trace_chunk_pack(struct trace_packer *packer, enum trace_kind kind, const void *raw,
		     size_t len, struct trace_bytes *out) must_check;

/* -EBADMSG: it has been damaged. */
int trace_chunk_head_get(const uint8_t head[TRACE_CHUNK_HEAD_BYTES],
			 struct trace_chunk *out) must_check;
/* `out` is replaced by what was packed.  -EBADMSG, -ENOMEM. */
int trace_chunk_unpack(struct trace_packer *packer, const struct trace_chunk *chunk,
		       const uint8_t *stored, struct trace_bytes *out) must_check;

#endif
