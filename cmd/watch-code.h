/* watch-code.h - --watch by translated code: any number and size of ranges.
 *
 * The code asks before an access that may hit (REQUEST_WATCH); here the access is
 * computed exactly, and if it hits, the old value is taken and the code asks again
 * behind it.  Both on the service thread, while the thread waits.
 */
#ifndef TRACER_WATCH_CODE_H
#define TRACER_WATCH_CODE_H

#include "target.h"

/* SITE_STORE's payload: place, is_write, pc (2), address (2), size, old (2), new (2) */
#define WATCH_EVENT_WORDS 11

int watch_code_before(struct thread *thread, struct cache_pc *at);
int watch_code_behind(struct thread *thread, struct cache_pc *at);

#endif
