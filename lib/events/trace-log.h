/* trace-log.h - a LOG chunk: what happened, in the order in which it was read.
 *
 * The chunk is the sections of predict.h, their lengths in front.  The control section is
 * a list of records; one of them says "here come n events of this stream", and these then
 * stand in the other sections.  All else that replay needs to understand them comes before:
 * processes, streams (threads), modules, blocks and sites.
 *
 * Spaces (processes, between two execs) and streams are numbered in the order in which they
 * begin, from 0; modules, blocks and sites in the order in which their records stand, in
 * each space, and blocks and sites from 0 again after FORGET.
 */
#ifndef TRACER_TRACE_LOG_H
#define TRACER_TRACE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "event.h"
#include "predict.h"
#include "trace-bytes.h"

enum trace_record {
	TRACE_RECORD_SPACE = 1, /* space, pid */
	TRACE_RECORD_SPACE_END, /* space */
	TRACE_RECORD_STREAM,    /* stream, space, tid, pid */
	TRACE_RECORD_STREAM_END,        /* stream, lost */
	TRACE_RECORD_FORGET,    /* space */
	TRACE_RECORD_MODULE,    /* space, see trace_log_module() */
	TRACE_RECORD_BLOCK,     /* space, ... */
	TRACE_RECORD_SITE,      /* space, ... */
	TRACE_RECORD_EVENTS,    /* stream, n */
	TRACE_RECORD_COVERED,   /* stream, block */
	TRACE_RECORD_ACCESS,    /* see trace-access.h */
	TRACE_RECORD_WAITED,    /* stream, tsc */
};

struct trace_module {
	bool is_added;          /* else it is gone */
	uint32_t id;            /* that of a new one is how many there have been */
	uint64_t base, start, end;
	const char *name, *path;        /* not terminated where they were read */
	size_t name_len, path_len;
};

struct trace_block {
	uint32_t insn_count;
	bool ends_in_syscall;
	uint32_t before;        /* of a path: the number of the one that fell into it; or TRACE_NO_BLOCK */
	uint64_t pc;
	const uint8_t *bytes;
	uint32_t bytes_len;
};

#define TRACE_NO_BLOCK UINT32_MAX

/* ---- written: into section TRACE_CONTROL ------------------------------------------------- */

void trace_log_space(struct trace_bytes *b, uint32_t space, uint32_t pid);
void trace_log_space_end(struct trace_bytes *b, uint32_t space);
void trace_log_stream(struct trace_bytes *b, uint32_t stream, uint32_t space, uint32_t tid,
		      uint32_t pid);
void trace_log_stream_end(struct trace_bytes *b, uint32_t stream, uint64_t lost);
void trace_log_forget(struct trace_bytes *b, uint32_t space);
void trace_log_module(struct trace_bytes *b, uint32_t space, const struct trace_module *module);
void trace_log_block(struct trace_bytes *b, uint32_t space, const struct trace_block *block);
/* site->block: the block's number, or TRACE_NO_BLOCK. */
void trace_log_site(struct trace_bytes *b, uint32_t space, const struct site *site);
void trace_log_events(struct trace_bytes *b, uint32_t stream, size_t n);
void trace_log_covered(struct trace_bytes *b, uint32_t stream, uint32_t block);
/* Before its next event the stream had to wait for room, until then. */
void trace_log_waited(struct trace_bytes *b, uint32_t stream, uint64_t tsc);

/* Lengths and sections, one behind the other.  Out of memory: out->failed. */
void trace_log_join(const struct trace_bytes sections[TRACE_SECTIONS], struct trace_bytes *out);

/* ---- read -------------------------------------------------------------------------------- */

/* What is done with the records.  Each returns 0, or a negative errno that ends the
 * reading.  What they are given is valid until they return. */
struct trace_log_reader {
	int (*space)(void *context, uint32_t space, uint32_t pid);
	int (*space_end)(void *context, uint32_t space);
	int (*stream)(void *context, uint32_t stream, uint32_t space, uint32_t tid, uint32_t pid);
	int (*stream_end)(void *context, uint32_t stream, uint64_t lost);
	int (*forget)(void *context, uint32_t space);
	int (*module)(void *context, uint32_t space, const struct trace_module *module);
	int (*block)(void *context, uint32_t space, const struct trace_block *block);
	int (*site)(void *context, uint32_t space, const struct site *site);
	/* to be taken out of the sections with predict_decode(), all of them */
	int (*events)(void *context, uint32_t stream, size_t n,
		      struct trace_cursor sections[TRACE_SECTIONS]);
	int (*covered)(void *context, uint32_t stream, uint32_t block);
	int (*waited)(void *context, uint32_t stream, uint64_t tsc);
	int (*access)(void *context, struct trace_cursor *control);
};

/* 0; -EBADMSG: it makes no sense; or what a function has returned. */
int trace_log_read(const uint8_t *raw, size_t len, const struct trace_log_reader *reader,
		   void *context) must_check;

#endif
