/* watch-code-internal.h - what the files of --watch by translated code share. */
#ifndef TRACER_WATCH_CODE_INTERNAL_H
#define TRACER_WATCH_CODE_INTERNAL_H

#include "watch-code.h"
#include "watch-copy.h"
#include "watch-log.h"

struct watch_code {
	struct thread *owner;           /* whose turn it is */
	unsigned waiters;               /* threads that wait for theirs */
	bool has_ring;                  /* the program has an io_uring, or had one */
	struct place *next;             /* by place: where it is to be, if is_found */
	struct watch_copies copies;
	struct watch_log log;
};

#endif
