/* watch-seek.h - places of --watch that libraries bring and take away: looked for, at the
 * beginning and, with --wait, whenever libraries have come or gone; and what is said of it.
 *
 * What is looked for again is there when its library's mapping is: of what is watched for
 * writes, one that can be written (a loader maps a file whole, then its parts).
 */
#ifndef TRACER_WATCH_SEEK_H
#define TRACER_WATCH_SEEK_H

#include "session.h"
#include "watch-place.h"

/* Makes place number `index` of the options, for a process whose threads are stopped.  0, also
 * when it is not found and --wait is given: that is said.  Else as place_find(), and as
 * place_find_thread_local() for the thread of --tid, or the first. */
int watch_seek_first(struct session *s, size_t index, struct place *place, pid_t pid,
		     struct symbols *symbols, struct err *err) must_check;

/* One that has been found went with its library, as of the last refresh: said. */
bool watch_seek_lost(struct place *place);

/* Is one that is not found there now, in the process of `task`?  Then *out is it, and said.
 * out->text is the place's. */
bool watch_seek_again(struct session *s, size_t index, struct place *place,
		      struct symbols *symbols, pid_t task, struct place *out);

/* Says of which nothing was ever found. */
void watch_seek_end(struct session *s);

#endif
