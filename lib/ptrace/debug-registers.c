#include "debug-registers.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tracee.h"

#define WRITES_8 (1ull | 1ull << 16 | 2ull << 18)      /* DR7: register 0, stores, 8 bytes */

static volatile uint64_t word;

/* Stores when it is told to. */
static void child(const int told[2])
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(told[1]);                 /* so it ends with the tracer in any case */
	if (read(told[0], &byte, 1) == 1)
		word = 1;
	_exit(0);
}

static bool arm(pid_t pid)
{
	struct tracee_stop stop;

	return tracee_seize(pid, NULL) == 0 && tracee_interrupt(pid) == 0 &&
	       tracee_wait(pid, true, &stop) == 0 && !tracee_has_ended(&stop) &&
	       tracee_debug_set(pid, 0, (uint64_t)(uintptr_t)&word) == 0 &&
	       tracee_debug_set(pid, 7, WRITES_8) == 0 && tracee_resume(pid, TRACEE_CONT, 0) == 0;
}

/* It ends without a trap. */
static bool is_silent(pid_t pid)
{
	struct tracee_stop stop;

	while (tracee_wait(pid, true, &stop) == 0 && !tracee_has_ended(&stop))
		if ((stop.kind == STOP_SIGNAL && stop.code == SIGTRAP) ||
		    tracee_resume(pid, TRACEE_CONT, stop.kind == STOP_SIGNAL ? stop.code : 0) < 0)
			return false;
	return stop.kind == STOP_EXITED && stop.code == 0;
}

static bool try(void)
{
	struct tracee_stop stop;
	bool silent = false;
	int told[2];

	if (pipe2(told, O_CLOEXEC) < 0)
		return true;
	pid_t pid = fork();
	if (pid == 0)
		child(told);
	if (pid > 0 && arm(pid))
		silent = write(told[1], "", 1) == 1 && is_silent(pid);
	if (pid > 0 && kill(pid, SIGKILL) == 0)         /* else it has been waited for */
		while (tracee_wait(pid, true, &stop) == 0 && !tracee_has_ended(&stop))
			;
	close(told[0]);
	close(told[1]);
	return !silent;
}

bool debug_registers_trap(void)
{
	static bool is_known, trap;

	if (!is_known)
		trap = try();
	is_known = true;
	return trap;
}
