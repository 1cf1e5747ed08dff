/* seccomp.h - system call filters of a thread, and what they would say.
 *
 * A filter may kill its thread for a system call that the program itself never makes:
 * so those made on our behalf are made with the filters suspended (tracee_filters_suspend),
 * and before a thread makes one of its own accord its filters are asked here.  They are
 * read with PTRACE_SECCOMP_GET_FILTER and interpreted as the kernel does: see
 * seccomp(2), and linux/filter.h for the machine.
 */
#ifndef TRACER_SECCOMP_H
#define TRACER_SECCOMP_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* SECCOMP_MODE_DISABLED, _STRICT or _FILTER; -ESRCH. */
int seccomp_mode(pid_t tid);

/* What a filter of `count` instructions returns: SECCOMP_RET_*; _KILL_PROCESS for
 * code that the kernel would not have accepted. */
unsigned seccomp_run(const struct sock_filter *code, size_t count, const struct seccomp_data *data);

/* Would the stopped thread's filters let this call through untouched?  False also
 * where they cannot be read. */
bool seccomp_allows(pid_t tid, const struct seccomp_data *data);

#endif
