/* lock-memory.h - mlockall(2) of a program that is traced.
 *
 * The kernel would fill and lock our arena as well, most of which is never used: more than a
 * gigabyte.  So the call is made a mapping at a time, for the program's own.
 */
#ifndef TRACER_LOCK_MEMORY_H
#define TRACER_LOCK_MEMORY_H

#include <stdbool.h>

#include "target.h"

/* Is that the system call before which the thread waits, and does it lock what is mapped? */
bool lock_memory_is_asked(const struct thread_block *tb);

/* Makes it, for a thread that waits for the answer and is stopped (STOP_INTERRUPT); the
 * result is in tb->gpr[0].  The thread stays stopped. */
int lock_memory(struct thread *thread, struct err *err) must_check;

#endif
