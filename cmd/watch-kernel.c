#include "watch-kernel.h"

#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tracee.h"

#define EVENTS_MAX 4
#define SIGTRAP_BIT (1ull << (SIGTRAP - 1))

struct watch_kernel {
	int fds[EVENTS_MAX];
	unsigned count;
};

int watch_kernel_arm(struct thread *thread, uint64_t address, unsigned len)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof attr,
		.sample_period = 1,
		.exclude_user = 1,
		.sigtrap = 1,
		.remove_on_exec = 1,            /* which sigtrap asks for */
		.bp_type = HW_BREAKPOINT_W,
		.bp_addr = address,
		.bp_len = len,
	};
	struct watch_kernel *k = thread->watch_kernel;

	if (!k)
		k = thread->watch_kernel = calloc(1, sizeof *k);
	if (!k)
		return -ENOMEM;
	if (k->count == EVENTS_MAX)
		return -ENOSPC;
	int fd = (int)syscall(SYS_perf_event_open, &attr, thread->tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return -errno;
	k->fds[k->count++] = fd;
	return 0;
}

bool watch_kernel_is_blocked(const struct thread *thread)
{
	uint64_t mask;

	return tracee_sigmask_get(thread->tid, &mask) == 0 && (mask & SIGTRAP_BIT);
}

/* Lets the thread report the trap that waits, and nothing else. */
static void take_back(pid_t tid)
{
	struct tracee_stop stop;
	uint64_t mask;

	if (!tracee_has_signal(tid, SIGTRAP, WATCH_KERNEL_TRAP) ||
	    tracee_sigmask_get(tid, &mask) < 0 || tracee_sigmask_set(tid, ~SIGTRAP_BIT) < 0)
		return;
	if (tracee_resume(tid, TRACEE_CONT, 0) == 0 && tracee_wait(tid, true, &stop) == 0 &&
	    tracee_has_ended(&stop))
		return;
	int ignored = tracee_sigmask_set(tid, mask);
	(void)ignored;
}

void watch_kernel_end(struct thread *thread)
{
	struct watch_kernel *k = thread->watch_kernel;

	for (unsigned i = 0; k && i < k->count; i++)
		close(k->fds[i]);
	if (k && thread->is_stopped && !thread->is_listening)
		take_back(thread->tid);
	free(k);
	thread->watch_kernel = NULL;
}
