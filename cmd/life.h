/* life.h - how threads and processes come and go while they are traced.
 *
 * All of it is the main thread's.  A stop is told of with what tracee_wait() gave.
 */
#ifndef TRACER_LIFE_H
#define TRACER_LIFE_H

#include "session.h"
#include "tracee.h"

/* Makes a stopped thread run in the cache of `target`: area, stream, hijack.
 * requires: a STOP_INTERRUPT or the like; registers are the program's. */
int life_take_in(struct session *s, struct thread *thread, struct target *target,
		 struct err *err) must_check;

/* A fresh target for the process of a stopped thread, with its service. */
int life_new_target(struct session *s, struct thread *thread, struct err *err) must_check;

/* A thread or process that `parent` has made (STOP_CLONE, STOP_FORK, STOP_VFORK): taken
 * in, or set free when it is not wanted.  Waits for its first stop. */
void life_on_child(struct session *s, struct thread *parent, const struct tracee_stop *stop);

/* The first stop of a thread whose parent has not told of it yet is kept till then. */
void life_keep_early(struct session *s, const struct tracee_stop *stop);
/* Drops what was kept of threads that nobody has told of. */
void life_forget(struct session *s);

/* Another program runs in the process (STOP_EXEC). */
void life_on_exec(struct session *s, const struct tracee_stop *stop);

/* STOP_EXITED, STOP_KILLED */
void life_on_end(struct session *s, struct thread *thread, const struct tracee_stop *stop);

#endif
