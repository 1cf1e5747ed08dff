/* confined SECONDS KIND: computes under a system call filter that kills the process for
 * whatever it does not itself need; says what it computed.
 *
 *     strict   SECCOMP_MODE_STRICT: read, write, exit
 *     kill     a filter: read, write, exit_group, clock_gettime
 *     errno    the same, but others fail with EPERM
 *     late     "kill", set after half of the time
 *     threads  "kill" for two threads (SECCOMP_FILTER_FLAG_TSYNC)
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void filter(unsigned otherwise, unsigned flags)
{
#define ALLOW(name) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), \
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(read), ALLOW(write), ALLOW(exit), ALLOW(exit_group), ALLOW(clock_gettime),
		BPF_STMT(BPF_RET | BPF_K, otherwise),
	};
	struct sock_fprog program = { sizeof code / sizeof *code, code };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program)) {
		perror("seccomp");
		exit(2);
	}
}

__attribute__((noinline)) static unsigned step(unsigned x)
{
	return x * 1664525u + 1013904223u;
}

static volatile unsigned sum;
static volatile int has_begun;

static unsigned compute(double until)
{
	unsigned x = 1, n = 0;

	for (; now() < until; n++)
		for (int i = 0; i < 20000; i++)
			x = step(x);
	sum += x;
	return n;
}

static unsigned compute_without_clock(double seconds)
{
	unsigned x = 1;

	for (long i = 0; i < (long)(seconds * 4e8); i++)
		x = step(x);
	sum += x;
	return 1;
}

static void *thread(void *until)
{
	has_begun = 1;
	for (;;)
		compute(*(double *)until);
	return NULL;
}

int main(int argc, char **argv)
{
	const char *kind = argc > 2 ? argv[2] : "kill";
	double seconds = argc > 1 ? atof(argv[1]) : 1, end = now() + seconds;
	pthread_t other;
	char text[64];

	if (!strcmp(kind, "threads")) {
		pthread_create(&other, NULL, thread, &end);
		while (!has_begun)
			;               /* a thread's first steps are system calls */
		filter(SECCOMP_RET_KILL_PROCESS, SECCOMP_FILTER_FLAG_TSYNC);
	} else if (!strcmp(kind, "strict")) {
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0);
	} else if (!strcmp(kind, "late")) {
		compute(now() + (end - now()) / 2);
		filter(SECCOMP_RET_KILL_PROCESS, 0);
	} else {
		filter(!strcmp(kind, "errno") ? SECCOMP_RET_ERRNO | EPERM : SECCOMP_RET_KILL_PROCESS,
		       0);
	}
	/* clock_gettime() is the vdso's: no system call.  Strict mode has no clock. */
	unsigned rounds = !strcmp(kind, "strict") ? compute_without_clock(seconds) : compute(end);
	int len = snprintf(text, sizeof text, "computed %s\n", rounds ? "something" : "nothing");
	if (write(1, text, (size_t)len) != len)
		return 1;
	syscall(!strcmp(kind, "strict") ? SYS_exit : SYS_exit_group, 0);
}
