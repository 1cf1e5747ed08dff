/* writer.h - where output goes: a file, a descriptor, a pipe to a command.
 *
 * Whole lines go in, so that what is written ends in a whole line whenever the
 * buffer is flushed.  For the output thread, but for opening and closing.  A write
 * that fails ends the session; its error is kept, and what follows is dropped.
 */
#ifndef TRACER_WRITER_H
#define TRACER_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

struct session;

struct writer {
	struct session *session;
	const char *name;               /* for messages; NULL: standard error */
	int fd;                         /* -1: closed */
	bool is_owned;                  /* to be closed */
	pid_t child;                    /* the command behind a pipe; 0: none */
	bool is_live;                   /* somebody may be watching: a terminal, a pipe */
	bool is_terminal;
	int error;                      /* errno of the first write that failed */
	char *buffer;
	size_t used, room;
	uint64_t flushed_ns;            /* when writer_flush_due() did so, monotonic */
};

/* `name` as -o has it; NULL: standard error.  Kept by reference.  appends: a file
 * that is there is gone on with. */
int writer_open(struct writer *w, struct session *session, const char *name, bool appends,
		struct err *err) must_check;
/* Writes what is buffered, waits for a command at the other end.  0, or the first
 * error that any write had, but EPIPE: who does not read on has had enough. */
int writer_close(struct writer *w, struct err *err);
void writer_flush(struct writer *w);
/* The same if this has not done so for some time: for who watches while events never pause. */
void writer_flush_due(struct writer *w, uint64_t now_ns);

/* The buffer full, or a line longer than it. */
char *writer_room_slow(struct writer *w, size_t len);

/* Room for `len` bytes; fill it, then tell where it ended. */
static inline char *writer_room(struct writer *w, size_t len)
{
	if (w->room - w->used < len)
		return writer_room_slow(w, len);
	return w->buffer + w->used;
}

static inline void writer_done(struct writer *w, const char *end)
{
	w->used = (size_t)(end - w->buffer);
}

/* A text of whole lines. */
void writer_write(struct writer *w, const char *text, size_t len);

#endif
