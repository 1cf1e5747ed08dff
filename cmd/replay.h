/* replay.h - --replay: what --record has written, shown as the options ask for.
 *
 * The file is read twice: first for the names, which stand at the end of each process, and
 * for the clock; then event by event, through the same views that print a live trace.
 */
#ifndef TRACER_REPLAY_H
#define TRACER_REPLAY_H

#include "options.h"

/* Returns the exit status of the command.  The options become those of the recording,
 * where they say nothing. */
int replay_run(struct options *options);

#endif
