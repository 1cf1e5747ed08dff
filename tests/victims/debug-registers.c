/* Do debug registers trap here?  Exit status 0: yes; 1: no; 2: none can be set.  By ptrace, in a
 * child. */
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile long word;

static int set(pid_t pid, int index, unsigned long value)
{
	return ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg) + 8 * index, value);
}

int main(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		word = 1;
		_exit(1);
	}
	waitpid(pid, &status, 0);
	if (set(pid, 0, (unsigned long)&word) < 0 || set(pid, 7, 1 | 1 << 16 | 2 << 18) < 0 ||
	    ptrace(PTRACE_CONT, pid, 0, 0) < 0) {
		kill(pid, SIGKILL);
		return 2;
	}
	waitpid(pid, &status, 0);
	if (WIFSTOPPED(status)) {
		kill(pid, SIGKILL);
		return WSTOPSIG(status) != SIGTRAP;
	}
	return 1;
}
