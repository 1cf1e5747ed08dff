/* attach.h - the beginning and the end of tracing. */
#ifndef TRACER_ATTACH_H
#define TRACER_ATTACH_H

#include "session.h"

/* Starts the program of the options, in the cache from its first instruction.
 * `before_exec` runs in the child.  0, or the exit status of the command. */
int attach_start_program(struct session *s, void (*before_exec)(void), struct err *err);

/* The same without a target: the program stands, native, before its first
 * instruction.  *thread is NULL when it ended meanwhile. */
int attach_spawn(struct session *s, void (*before_exec)(void), struct thread **thread,
		 struct err *err);

/* Takes what attach_spawn() or attach_stop_process() has left standing onto the
 * cache, and lets it run.  On failure it is let go (a program is killed). */
int attach_take_program(struct session *s, struct thread *thread, struct err *err);
int attach_take_process(struct session *s, pid_t pid, struct err *err);
/* All of it for one process. */
int attach_process(struct session *s, pid_t pid, struct err *err);

/* Stops those threads of `pid` that run; lets the stopped ones run. */
void attach_pause_process(struct session *s, pid_t pid);
void attach_resume_process(struct session *s, pid_t pid);

/* Stops the threads of `target`, wherever they are, but for those that cannot be stopped
 * and ask before they are in the code cache again (asks_behind); lets those run that are
 * stopped. */
void attach_stop_target(struct session *s, const struct target *target);
void attach_resume_target(struct session *s, const struct target *target);

/* Attaches to every process of the options.  0, or an exit status: 1 when none
 * could be attached; each failure is said. */
int attach_all(struct session *s, struct err *err);

/* Seizes and stops all threads of `pid`: first all are interrupted, then all
 * collected, again until no new one appears.  They are added to the session. */
int attach_stop_process(struct session *s, pid_t pid, struct err *err);

/* For a core dump: stops the threads of the process of `but`, which is stopped, and
 * gives them their own registers.  Those that cannot be stopped within a second are
 * left.  `but` may be gone afterwards, and others.  They stay until they are killed,
 * or until attach_resume_held(). */
void attach_hold_others(struct session *s, const struct thread *but);
void attach_resume_held(struct session *s, pid_t pid);

/* Lets the threads of `pid` go (0: every one), native, with nothing of ours left
 * in it. */
void attach_detach_process(struct session *s, pid_t pid);

/* That, for the whole session; and the end of the services. */
void attach_detach_all(struct session *s);

#endif
