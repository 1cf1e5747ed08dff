/* dispatched: answers some of its own system calls (Syscall User Dispatch).
 *
 *     dispatched [MS]
 *
 * The C library may make system calls; a `syscall` instruction of our own is a SIGSYS
 * unless the selector lets it through.  Works for MS milliseconds, three rounds at least; the last line says
 * what went wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif

static volatile char selector;
static unsigned long traps, bad;
static uint64_t call_at;

static void on_sigsys(int number, siginfo_t *info, void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)number;
	traps++;
	bad += info->si_code != 2 /* SYS_USER_DISPATCH */ || info->si_syscall != SYS_getppid ||
	       info->si_call_addr != (void *)call_at || (uint64_t)regs[REG_RIP] != call_at ||
	       regs[REG_RAX] != SYS_getppid;
	regs[REG_RAX] = 4711;
}

static long ask(void)
{
	long result;

	__asm__ volatile("lea 1f(%%rip), %%rcx\n\tmov %%rcx, %1\n\tsyscall\n1:"
			 : "=a"(result), "=m"(call_at) : "a"(SYS_getppid) : "rcx", "r11", "memory");
	return result;
}

static void find_libc(uint64_t *start, uint64_t *end)
{
	char line[400];
	FILE *f = fopen("/proc/self/maps", "r");

	*start = *end = 0;
	while (f && fgets(line, sizeof line, f)) {
		uint64_t from, to;

		if (!strstr(line, "libc.so") || sscanf(line, "%lx-%lx", &from, &to) != 2)
			continue;
		*start = *start ? *start : from;
		*end = to;
	}
	if (f)
		fclose(f);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO };
	int ms = argc > 1 ? atoi(argv[1]) : 50;
	struct timespec start, now;
	uint64_t from, to;

	setvbuf(stdout, NULL, _IONBF, 0);
	find_libc(&from, &to);
	sigaction(SIGSYS, &action, NULL);
	if (prctl(PR_SET_SYSCALL_USER_DISPATCH, 1, from, to - from, &selector) < 0) {
		printf("refused: %s\n", strerror(errno));
		return 77;
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		selector = 1;
		bad += ask() != 4711;
		bad += getpid() != syscall(SYS_getpid);
		void *memory = malloc(300000);
		bad += !memory;
		free(memory);
		selector = 0;
		bad += ask() != getppid();
		usleep(1000);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (traps <= 2 ||
		 (now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < ms);
	prctl(PR_SET_SYSCALL_USER_DISPATCH, 0, 0, 0, 0);
	selector = 1;
	bad += ask() != getppid();
	printf("bad %lu\n", bad);
	return bad != 0;
}
