/* watch.h - --watch: who accesses this memory.
 *
 * With debug registers: up to four aligned pieces of 1, 2, 4 or 8 bytes.  The
 * processor traps behind the access; the threads run natively otherwise and
 * nothing is put into the process.  Every thread has its own registers, so they
 * are set in each, and in each new one before its first instruction: watch-arm.c.
 */
#ifndef TRACER_WATCH_H
#define TRACER_WATCH_H

#include "session.h"
#include "tracee.h"

struct watch;

/* Attaches to the processes of the options, or starts the program.  0, or the
 * exit status of the command. */
int watch_begin(struct session *s, void (*before_exec)(void), struct err *err);

/* A new thread of a watched process, stopped: it watches as well. */
void watch_thread(struct session *s, struct thread *thread);

/* A new image, stopped: the places are looked for in it.  False: let it go. */
bool watch_exec(struct session *s, struct thread *thread);

/* A SIGTRAP stop. */
enum watch_trap {
	WATCH_TRAP_ANOTHERS,    /* none of ours */
	WATCH_TRAP_OURS,        /* an access, which has been shown */
	WATCH_TRAP_HOLD,        /* libraries come or go: it stands until watch_follow_all() */
};
enum watch_trap watch_on_trap(struct session *s, struct thread *thread);

/* Looks for the places again where libraries have come or gone. */
void watch_follow_all(struct session *s);

/* If it was left to us: goes on with translated code when a thread has blocked SIGTRAP, and
 * accesses are missed.  In how many nanoseconds to call again; UINT64_MAX: no need. */
uint64_t watch_turn_if_blocked(struct session *s);

/* Writes the table of -c. */
void watch_finish(struct session *s);

/* Takes the debug registers of `pid` back (0: of every process).  requires: its threads are
 * stopped */
void watch_leave(struct session *s, pid_t pid);
void watch_destroy(struct session *s);

#endif
