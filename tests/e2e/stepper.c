/* stepper: the truth about which instructions ran.  `stepper FILE PROG [ARG...]`
 * runs PROG by single steps and writes to FILE the pc of each instruction, 16 hex
 * digits a line, in order; its exit status is PROG's.
 *
 * `stepper -w ADDRESS:LEN FILE PROG [ARG...]`: not these, but each byte of the range
 * that a step has changed: pc, address, old, new, in hex. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define WATCHED_MAX 65536

static unsigned char before[WATCHED_MAX], after[WATCHED_MAX];

static void look(pid_t pid, unsigned long address, unsigned long len, unsigned char *out)
{
	struct iovec local = { out, len }, remote = { (void *)address, len };

	if (process_vm_readv(pid, &local, 1, &remote, 1, 0) != (ssize_t)len)
		memset(out, 0, len);
}

static void write_changes(FILE *out, unsigned long pc, unsigned long address, unsigned long len)
{
	for (unsigned long i = 0; i < len; i++)
		if (before[i] != after[i])
			fprintf(out, "%lx %lx %02x %02x\n", pc, address + i, before[i], after[i]);
	memcpy(before, after, len);
}

int main(int argc, char **argv)
{
	struct user_regs_struct regs;
	unsigned long address = 0, len = 0;
	int status;
	FILE *out;
	pid_t pid;

	if (argc > 3 && !strcmp(argv[1], "-w")) {
		if (sscanf(argv[2], "%lx:%lu", &address, &len) != 2 || len > WATCHED_MAX)
			return 125;
		argv += 2;
		argc -= 2;
	}
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
	if (len)
		look(pid, address, len, before);
	while (WIFSTOPPED(status)) {
		int signal = WSTOPSIG(status) == 5 ? 0 : WSTOPSIG(status);

		if (ptrace(PTRACE_GETREGS, pid, 0, &regs) < 0)
			return 125;
		if (!len)
			fprintf(out, "%016llx\n", regs.rip);
		if (ptrace(PTRACE_SINGLESTEP, pid, 0, (void *)(long)signal) < 0 ||
		    waitpid(pid, &status, 0) < 0)
			return 125;
		if (len && WIFSTOPPED(status)) {
			look(pid, address, len, after);
			write_changes(out, regs.rip, address, len);
		}
	}
	if (fclose(out))
		return 125;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
