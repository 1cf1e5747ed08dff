/* stops.h - what to do when a tracee stops. */
#ifndef TRACER_STOPS_H
#define TRACER_STOPS_H

#include "session.h"
#include "tracee.h"

/* Handles every stop that is pending; does not block. */
void stops_handle_all(struct session *s);
/* Does somebody wait in vfork for a child that we follow?  He cannot be stopped before that
 * child runs another program. */
bool stops_waits_in_vfork(struct session *s);
/* The session is to end, and can: nobody does. */
bool stops_may_end(struct session *s);

/* As tracee_wait() of one thread: what has been collected of it comes first. */
int stops_wait(struct session *s, pid_t tid, bool block, struct tracee_stop *out) must_check;

/* A stop of `tid` that has been collected and waits for its turn is taken out of turn. */
bool stops_take_pending(struct session *s, pid_t tid, struct tracee_stop *out) must_check;

void stops_handle(struct session *s, const struct tracee_stop *stop);

/* Waits until the thread stands in a stop where its registers and restarts are
 * ours to change. */
int stops_settle(struct session *s, struct thread *thread) must_check;

#endif
