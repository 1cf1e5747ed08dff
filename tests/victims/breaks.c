/* breaks: `breaks NUMBER [later]` has a breakpoint of its own on `mine`, by perf_event_open(2),
 * which says NUMBER; writes `mine` and `counter` a hundred times, and says how many traps came.
 * With `later` it writes `mine` once, while SIGTRAP is blocked, and lets the trap come
 * behind SIGUSR1. */
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

volatile long mine __attribute__((aligned(128)));
volatile long counter __attribute__((aligned(128)));

static volatile sig_atomic_t traps;

static void on_trap(int signal)
{
	(void)signal;
	traps++;
}

static int set_breakpoint(unsigned long long number)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT, .size = sizeof attr, .bp_type = HW_BREAKPOINT_W,
		.bp_addr = (unsigned long)&mine, .bp_len = sizeof mine, .sample_period = 1,
		.sigtrap = 1, .remove_on_exec = 1, .exclude_kernel = 1, .sig_data = number,
	};

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static void write_later(void)
{
	sigset_t set;
	int signal;

	sigemptyset(&set);
	sigaddset(&set, SIGTRAP);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	mine = 1;
	puts("blocked");
	fflush(stdout);
	sigdelset(&set, SIGTRAP);
	sigwait(&set, &signal);
	sigaddset(&set, SIGTRAP);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int main(int argc, char **argv)
{
	signal(SIGTRAP, on_trap);
	if (argc < 2 || set_breakpoint(strtoull(argv[1], NULL, 0)) < 0)
		return 1;
	if (argc > 2)
		write_later();
	for (int i = 0; argc == 2 && i < 100; i++) {
		mine = i;
		counter = i;
	}
	printf("%d traps\n", (int)traps);
	return 0;
}
