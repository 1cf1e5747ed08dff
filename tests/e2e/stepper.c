/* stepper: the truth about which instructions ran.  `stepper FILE PROG [ARG...]`
 * runs PROG by single steps and writes to FILE the pc of each instruction, 16 hex
 * digits a line, in order; its exit status is PROG's. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct user_regs_struct regs;
	int status;
	FILE *out;
	pid_t pid;

	if (argc < 3 || !(out = fopen(argv[1], "w")))
		return 125;
	pid = fork();
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return 125;
	while (WIFSTOPPED(status)) {
		int signal = WSTOPSIG(status) == 5 ? 0 : WSTOPSIG(status);

		if (ptrace(PTRACE_GETREGS, pid, 0, &regs) < 0)
			return 125;
		fprintf(out, "%016llx\n", regs.rip);
		if (ptrace(PTRACE_SINGLESTEP, pid, 0, (void *)(long)signal) < 0 ||
		    waitpid(pid, &status, 0) < 0)
			return 125;
	}
	if (fclose(out))
		return 125;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
