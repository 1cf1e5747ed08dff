/* filtered: forbids itself something, and works on.
 *
 *     filtered kill [MS]   every system call but a few is fatal
 *     filtered trap [MS]   getppid is answered by a handler of SIGSYS
 *     filtered traps [MS]  the same, over and over
 *     filtered clock       reading the time-stamp counter is a fault, which it counts
 *
 * kill, trap and traps work for MS milliseconds.  The last line says what it has seen.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>


/* Fewer sorts of code than all of libc, run now and then for the first time. */
static unsigned long work(unsigned round)
{
	static char text[4000];
	unsigned long sum = 0;

	for (unsigned i = 0; i < sizeof text - 1; i++)
		text[i] = (char)('a' + (i * 7 + round) % 26);
	switch (round % 8) {
	case 0: sum = strlen(text); break;
	case 1: sum = (unsigned long)(strchr(text, 'z') - text); break;
	case 2: sum = strspn(text, "abcdefghijklm"); break;
	case 3: sum = strtoul("123456", NULL, 10); break;
	case 4: sum = (unsigned long)(strstr(text, "ahov") - text); break;
	case 5: sum = (unsigned long)memcmp(text, text + 26, 2000); break;
	case 6: sum = (unsigned long)(strrchr(text, 'q') - text); break;
	case 7: sum = (unsigned long)snprintf(text, sizeof text, "%d %s %g", 7, "seven", 7.0); break;
	}
	return sum;
}

static void install(const struct sock_filter *filter, unsigned short count)
{
	struct sock_fprog program = { count, (struct sock_filter *)filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) {
		printf("refused: %s\n", strerror(errno));
		exit(77);
	}
}

#define LOAD_NUMBER BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define ALLOW(number)                                            \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),       \
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static void filter_kill(void)
{
	static const struct sock_filter filter[] = {
		LOAD_NUMBER,
		ALLOW(SYS_write),
		ALLOW(SYS_nanosleep),
		ALLOW(SYS_clock_nanosleep),
		ALLOW(SYS_clock_gettime),
		ALLOW(SYS_restart_syscall),
		ALLOW(SYS_exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};

	install(filter, sizeof filter / sizeof *filter);
}

static void filter_trap(void)
{
	static const struct sock_filter filter[] = {
		LOAD_NUMBER,
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP | 42),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	install(filter, sizeof filter / sizeof *filter);
}

static unsigned long traps, bad;
static uint64_t call_at;

static void on_sigsys(int number, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	greg_t *regs = uc->uc_mcontext.gregs;

	traps++;
	bad += info->si_call_addr != (void *)regs[REG_RIP] || info->si_syscall != SYS_getppid ||
	       info->si_errno != 42 || (uint64_t)regs[REG_RIP] != call_at ||
	       (uint64_t)regs[REG_RCX] != call_at || regs[REG_RAX] != SYS_getppid;
	regs[REG_RAX] = 4711;
}

static void ask(void)
{
	long result;

	__asm__ volatile("lea 1f(%%rip), %%rcx\n\tmov %%rcx, %1\n\tsyscall\n1:"
			 : "=a"(result), "=m"(call_at) : "a"(SYS_getppid) : "rcx", "r11", "memory");
	bad += result != 4711;
}

static void run(int ms, void (*each)(void))
{
	struct timespec start, now, nap = { 0, 2000000 };
	unsigned long sum = 0;
	unsigned round = 0;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		sum += work(round++);
		if (each)
			each();
		nanosleep(&nap, NULL);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < ms);
	bad += sum == 0;
}

static void ask_often(void)
{
	for (int i = 0; i < 1000; i++)
		ask();
}

static sigjmp_buf back;
static unsigned faults;

static void on_sigsegv(int number)
{
	faults++;
	siglongjmp(back, 1);
}

static void __attribute__((noinline)) read_clock(void)
{
	__builtin_ia32_rdtsc();
}

static void no_clock(void)
{
	signal(SIGSEGV, on_sigsegv);
	prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0);
	for (volatile int i = 0; i < 100; i++)
		if (!sigsetjmp(back, 1))
			read_clock();
	prctl(PR_SET_TSC, PR_TSC_ENABLE, 0, 0, 0);
	read_clock();
	printf("faults %u\n", faults);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int ms = argc > 2 ? atoi(argv[2]) : 100;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (!strcmp(what, "clock")) {
		no_clock();
		return 0;
	}
	if (!strncmp(what, "trap", 4)) {
		struct sigaction action = { .sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO };

		sigaction(SIGSYS, &action, NULL);
		filter_trap();
		run(ms, strcmp(what, "trap") ? ask_often : ask);
		printf("trapped %s, bad %lu\n", traps ? "often" : "never", bad);
	} else {
		filter_kill();
		run(ms, NULL);
		printf("alive, bad %lu\n", bad);
	}
	return 0;
}
