/* watch-calls.h - which system calls may write into watched memory. */
#ifndef TRACER_WATCH_CALLS_H
#define TRACER_WATCH_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#define SYSCALLS_MAX 512        /* numbers, more than there are */

/* May the call, as it was made, have written there?  Else it was somebody else.
 * `call`: the number and six arguments. */
bool watch_calls_may_write(const uint64_t *call, uint64_t address, uint64_t len);

/* What sys_table says of a call that does nothing else that matters: memory is looked at
 * behind each that may have written.  `has_ranges`: they are in the log, and the runtime
 * compares arguments with them. */
uint8_t watch_calls_action(int number, bool has_ranges);
/* In a whole table. */
void watch_calls_fill(uint8_t *table, bool has_ranges);

#endif
