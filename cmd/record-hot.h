/* record-hot.h - which paths of blocks are worth a superblock, seen from their events.
 *
 * Who records blocks writes one event a path (struct translate_events.paths); the fewer there
 * are, the less it costs the program and the reader.  So now and then a few events are looked
 * at closely: what follows a path that comes often, each time, is laid out behind it, by
 * translator_superblock(), and is one event from then on.
 *
 * Only guesses are made here: whatever they are, the recorded events tell the same blocks.
 */
#ifndef TRACER_RECORD_HOT_H
#define TRACER_RECORD_HOT_H

#include <stddef.h>
#include <stdint.h>

#include "origin.h"

struct record_hot;

/* Of one process.  NULL: out of memory. */
struct record_hot *record_hot_create(void);
void record_hot_destroy(struct record_hot *hot);        /* NULL allowed */

/* Events of one thread, in order, from the start of one on; looks at some of them now and then. */
void record_hot_look(struct record_hot *hot, struct origin *origin, const uint32_t *words, size_t n);

/* Blocks have been forgotten: all begins anew. */
void record_hot_clear(struct record_hot *hot);

#endif
