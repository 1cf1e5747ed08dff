/* hot-paths.h - which paths of blocks are worth a superblock, seen from their events.
 *
 * Who records blocks, or counts them, has one event a path (struct translate_events.paths); the
 * fewer there are, the less it costs the program and the reader.  So now and then a few events
 * are looked at closely: what follows a path that comes often, as a rule, is laid out behind it,
 * by translator_superblock(), and is one event from then on.
 *
 * Only guesses are made here: whatever they are, the events tell the same blocks.
 */
#ifndef TRACER_RECORD_HOT_H
#define TRACER_RECORD_HOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "origin.h"

struct hot_paths;

/* Of one process.  `settles`: what comes very often is to count in the end, instead of being
 * told of.  NULL: out of memory. */
struct hot_paths *hot_paths_create(bool settles);
void hot_paths_destroy(struct hot_paths *hot);        /* NULL allowed */

/* Events of one thread, in order, from the start of one on: looks at the first of them, if it is
 * time for that.  And so many words have been taken: what makes it time. */
void hot_paths_look(struct hot_paths *hot, struct origin *origin, const uint32_t *words, size_t n);
void hot_paths_pass(struct hot_paths *hot, size_t words);

/* Blocks have been forgotten: all begins anew. */
void hot_paths_clear(struct hot_paths *hot);

#endif
