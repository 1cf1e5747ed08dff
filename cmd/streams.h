/* streams.h - beginning and end of a thread's events, and of a process's.  For
 * the output thread. */
#ifndef TRACER_STREAMS_H
#define TRACER_STREAMS_H

#include "output.h"

void stream_begin(struct output *output, struct stream *stream);
/* requires: the target is there still */
void stream_end(struct output *output, struct stream *stream, uint64_t lost);

/* Events in `words`; one that is cut at the end is carried over. */
void stream_events(struct output *output, struct stream *stream, const uint32_t *words,
		   size_t n);

/* Reads the stream's ring once; false: there was nothing.  Without `all` only what is
 * there in whole chunks. */
bool stream_drain(struct output *output, struct stream *stream, bool all);

/* With --format json: modules that have come or gone. */
void stream_modules(struct output *output, struct stream *stream);

/* Blocks and sites will be numbered anew.  requires: view->forget() for its streams */
void spaces_forget(struct output *output, const struct origin *origin);
void spaces_free(struct output *output);

/* -ff: can files be made beside `name`?  And whether all could be written. */
int streams_check_directory(const char *name, struct err *err) must_check;
int streams_error(struct output *output, struct err *err);

#endif
