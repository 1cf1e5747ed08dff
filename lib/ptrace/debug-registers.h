/* debug-registers.h - do debug registers trap on this machine?
 *
 * Some hypervisors (PVM) take what is written into them and never trap: nobody is told, neither
 * by ptrace() nor by perf_event_open().  So it is tried, on a child that stores one word.
 */
#ifndef TRACER_DEBUG_REGISTERS_H
#define TRACER_DEBUG_REGISTERS_H

#include <stdbool.h>

/* False: a store to a watched address has not trapped.  True as well where that could not be
 * tried: who sets a register then learns why.  The first time it takes a millisecond.  For the
 * thread that traces. */
bool debug_registers_trap(void);

#endif
