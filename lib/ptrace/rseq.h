/* rseq.h - restartable sequences of a stopped thread.
 *
 * The kernel aborts a sequence when it takes the processor from its thread, but it
 * looks for one only on the thread's way back to user mode, at the program counter of
 * that time.  Who stops a thread in a sequence and lets it go on somewhere else, be it
 * for one system call, must do that himself.
 */
#ifndef TRACER_RSEQ_H
#define TRACER_RSEQ_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

/* The thread's rseq area, 0 when it has none (or nobody can say).  requires: stopped */
uint64_t rseq_area(pid_t tid);

/* If the registers stand in the sequence that the area tells of: they are moved to
 * where it goes on after an abort, and the area tells of none any more.  `area` 0: none. */
void rseq_abort(pid_t tid, uint64_t area, struct user_regs_struct *regs);

#endif
