/* signals: a timer's handler runs all the time while the program computes, calls
 * the kernel, and jumps out of handlers.  Reports its own damage. */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static volatile sig_atomic_t ticks, jumps, bad_pc;
static sigjmp_buf back;
static volatile int may_jump;
extern char __executable_start, etext;

static void on_alarm(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	uintptr_t pc = (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];

	(void)sig, (void)info;
	ticks++;
	/* every pc is in the program or far above, in its libraries and vdso */
	if (!(pc >= (uintptr_t)&__executable_start && pc < (uintptr_t)&etext) &&
	    pc < 0x7e0000000000)
		bad_pc++;
	if (may_jump) {
		jumps++;
		may_jump = 0;
		siglongjmp(back, 1);
	}
}

static uint64_t mix(uint64_t x)
{
	x ^= x << 13;
	x ^= x >> 7;
	return x ^ x << 17;
}

static uint64_t compute(int n)
{
	uint64_t x = 88172645463325252ull;

	for (int i = 0; i < n; i++)
		x = mix(x);
	return x;
}

static volatile sig_atomic_t faults;
static void on_fault(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig, (void)info;
	faults++;
	uc->uc_mcontext.gregs[REG_RIP] += 2;    /* ud2 is two bytes */
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO | SA_RESTART };
	struct itimerval timer = { { 0, 500 }, { 0, 500 } };
	int rounds = argc > 1 ? atoi(argv[1]) : 200;
	uint64_t want = compute(100000), got;

	sigaction(SIGALRM, &action, NULL);
	action.sa_sigaction = on_fault;
	sigaction(SIGILL, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	for (int i = 0; i < rounds; i++) {
		got = compute(100000);
		if (got != want) {
			printf("damage: %lx, not %lx\n", got, want);
			return 1;
		}
		__asm__ volatile("ud2");
		struct timespec nap = { 0, 100000 };
		while (nanosleep(&nap, &nap) && errno == EINTR)
			;
		if (sigsetjmp(back, 1) == 0) {
			may_jump = i % 10 == 0;
			while (may_jump)
				compute(100);
		}
		may_jump = 0;
	}
	memset(&timer, 0, sizeof timer);
	setitimer(ITIMER_REAL, &timer, NULL);
	printf("faults %d, bad pc %d, jumps %d\n", faults, bad_pc, jumps);
	return bad_pc || faults != rounds || jumps != (rounds + 9) / 10;
}
