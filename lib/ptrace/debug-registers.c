#include "debug-registers.h"

#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tracee.h"

#define WRITES_8 (1ull | 1ull << 16 | 2ull << 18)      /* DR7: register 0, stores, 8 bytes */

static volatile uint64_t word;

/* Stores when it is told to. */
static void child(int told)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (read(told, &byte, 1) == 1)
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

/* The child's end instead of a trap? */
static bool ends(pid_t pid)
{
	struct tracee_stop stop;

	return tracee_wait(pid, true, &stop) == 0 && tracee_has_ended(&stop);
}

bool debug_registers_trap(void)
{
	bool is_silent = false;
	int tell[2];
	pid_t pid;

	if (pipe(tell) < 0)
		return true;
	pid = fork();
	if (pid == 0)
		child(tell[0]);
	if (pid > 0 && arm(pid))
		is_silent = write(tell[1], "", 1) == 1 && ends(pid);
	if (pid > 0 && !is_silent) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, __WALL);
	}
	close(tell[0]);
	close(tell[1]);
	return !is_silent;
}
