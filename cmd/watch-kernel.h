/* watch-kernel.h - the kernel's own writes into what debug registers watch.
 *
 * A register that ptrace sets does not trap in the kernel; a breakpoint of perf_event_open()
 * does, and sends the thread a SIGTRAP (si_code TRAP_PERF) before it is back in the program.
 * Each needs a register of its own, and the right to look at the kernel: CAP_PERFMON, or
 * kernel.perf_event_paranoid of 1 at most.
 */
#ifndef TRACER_WATCH_KERNEL_H
#define TRACER_WATCH_KERNEL_H

#include "target.h"

/* si_code, which older headers do not have */
#define WATCH_KERNEL_TRAP 6

/* Is the thread to see no trap of ours, since it blocks SIGTRAP?  They would wait, for its
 * sigwait(3) to find.  requires: it is stopped */
bool watch_kernel_is_blocked(const struct thread *thread);
/* Writes of the kernel, for this thread, into `len` bytes, a power of two up to 8, at an
 * address aligned to them.  0; -EACCES: not allowed; -ENOSPC: no register is left; others
 * of perf_event_open(). */
int watch_kernel_arm(struct thread *thread, uint64_t address, unsigned len) must_check;
/* None any more, and none that waits because SIGTRAP has been blocked meanwhile.
 * requires: the thread is stopped, or gone */
void watch_kernel_end(struct thread *thread);

#endif
