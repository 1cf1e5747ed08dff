/* replay-file.h - the chunks of a trace file, one after the other. */
#ifndef TRACER_REPLAY_FILE_H
#define TRACER_REPLAY_FILE_H

#include <stdint.h>
#include <sys/types.h>

#include "err.h"
#include "trace-file.h"

struct replay_file {
	int fd;
	const char *name;
	uint64_t size, at;
	struct trace_packer *packer;
	struct trace_bytes stored;
};

/* Opens it and reads its head.  An error says what it is, if it is no such file. */
int replay_file_open(struct replay_file *file, const char *name, struct err *err) must_check;
void replay_file_close(struct replay_file *file);

/* Back to the first chunk. */
void replay_file_rewind(struct replay_file *file);

/* The next chunk's head.  1: here it is; 0: there is none, this is the file's end;
 * -ENODATA: the file ends within it; -EBADMSG: it has been damaged; or another errno. */
int replay_file_next(struct replay_file *file, struct trace_chunk *out) must_check;

/* What it contains: with the head just read either this or that.  `out` is replaced.
 * -EBADMSG, -ENOMEM, or another errno. */
int replay_file_unpack(struct replay_file *file, const struct trace_chunk *chunk,
		       struct trace_bytes *out) must_check;
void replay_file_skip(struct replay_file *file, const struct trace_chunk *chunk);

#endif
