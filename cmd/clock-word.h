/* clock-word.h - the coarse clock: words in memory that a thread keeps up to date.
 *
 * Reading a word costs translated code a nanosecond, where rdtsc takes ten and more.  The
 * thread does nothing else, and takes a processor for itself while there are words: where
 * there is none to spare, the words are late by as long as it has to wait for one.
 */
#ifndef TRACER_CLOCK_WORD_H
#define TRACER_CLOCK_WORD_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_WORD_TICKS 2000   /* from one time to the next, when there is a processor: less
				 * than a microsecond on all that run these days */

/* From now on *word is the time-stamp counter.  False: there can be no thread. */
bool clock_word_add(uint64_t *word);
void clock_word_remove(uint64_t *word);

/* The longest time for which words stood still so far, in ticks. */
uint64_t clock_word_gap(void);

#endif
