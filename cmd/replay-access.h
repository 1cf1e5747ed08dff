/* replay-access.h - recorded accesses of --watch, with what is at their addresses. */
#ifndef TRACER_REPLAY_ACCESS_H
#define TRACER_REPLAY_ACCESS_H

#include "trace-bytes.h"
#include "watch-place.h"
#include "watch-show.h"

struct replay_accesses;

/* mangled: names as they stand in the symbol table.  `show` is given each access, with
 * symbols that know its addresses; `place` and `hit` are valid until it returns.  NULL: out
 * of memory. */
struct replay_accesses *replay_accesses_create(bool mangled,
					       void (*show)(void *context, struct symbols *symbols,
							    const struct place *place,
							    struct watch_hit *hit),
					       void *context);
void replay_accesses_destroy(struct replay_accesses *a);        /* NULL allowed */

/* A record.  -EBADMSG, -ENOMEM. */
int replay_accesses_read(struct replay_accesses *a, struct trace_cursor *control) must_check;

#endif
