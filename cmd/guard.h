/* guard.h - what becomes of the traced programs when the tracer is killed.
 *
 * The command is two processes.  The one that was started, the front, is all that
 * its user sees: its pid, its exit status, its place in the shell's job.  It does
 * nothing but pass signals on and wait.  The other, the worker, traces.  SIGKILL
 * for the front reaches the worker as a SIGTERM (PR_SET_PDEATHSIG), and the worker
 * detaches as it does after Ctrl-C: from any state, exactly, nothing left behind.
 *
 * So that one shot does not hit both, the worker has a process group of its own and
 * another name (`tracer-worker`; killall, pidof and timeout(1) mean the front).
 * Programs that it starts are in the group of the front, where a terminal's Ctrl-C
 * and Ctrl-Z reach them.
 *
 * When the worker is killed as well, threads that need it find that out by
 * themselves (struct control, `owner`) and go on natively; threads that need
 * nothing run on in the cache.
 */
#ifndef TRACER_GUARD_H
#define TRACER_GUARD_H

#include <stdbool.h>
#include <sys/types.h>

#include "thread_block.h"

/* Splits the process in two.  Returns in the worker alone: 0; -1 when there can be no second
 * process, and this one does it all.  `argv` is main's: overwritten by the worker's name.
 * requires: no thread has been made, no descriptor opened. */
int guard_split(int argc, char **argv);

/* Says in `control` that this thread answers, until it ends or disowns it.  For the main
 * thread; a control is owned once. */
void guard_own(struct control *control);
void guard_disown(struct control *control);

/* The process group of the front, for what is to be in its job. */
pid_t guard_group(void);

/* In a child of the worker that is to be a program of the user's: into the job of the
 * front, and ignoring what the front was started to ignore. */
void guard_join_front(void);

/* Has the front been killed?  Nobody waits for our output, then. */
bool guard_is_alone(void);

#endif
