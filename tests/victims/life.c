/* life: does something out of the ordinary, and says `ok` when it went as it should.
 *
 *     life WHAT [ARGUMENT]     (the names stand at the end of this file)
 *
 * With TICKS=N in the environment it then works on for N times 10 ms, so that it
 * can be attached to, before it says so.
 */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <errno.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int bad;
static const char *argument;

#define MUST(condition)                                                         \
	do {                                                                    \
		if (!(condition)) {                                             \
			printf("line %d: %s (%s)\n", __LINE__, #condition,      \
			       strerror(errno));                                \
			bad++;                                                  \
		}                                                               \
	} while (0)

/* ---- a bit of everything that a program does ---------------------------------------- */

static volatile int signals_seen;

static void on_signal(int number)
{
	(void)number;
	signals_seen++;
}

static void *thread_main(void *p)
{
	char *copy = strdup(p);
	size_t len = strlen(copy);

	free(copy);
	return (void *)len;
}

static void live(void)
{
	pthread_t thread;
	void *result = NULL;
	int status = 0;

	MUST(pthread_create(&thread, NULL, thread_main, (void *)"thread") == 0);
	MUST(pthread_join(thread, &result) == 0 && result == (void *)6);
	signal(SIGUSR1, on_signal);
	int before = signals_seen;
	raise(SIGUSR1);
	MUST(signals_seen == before + 1);
	pid_t child = fork();
	if (child == 0)
		_exit(7);
	MUST(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7);
	char *page = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(page != MAP_FAILED && (page[100] = 1) == 1 && munmap(page, 65536) == 0);
}

/* ---- limits ---------------------------------------------------------------------------- */

static void dumpable(void)
{
	MUST(prctl(PR_SET_DUMPABLE, 0) == 0 && prctl(PR_GET_DUMPABLE) == 0);
	live();
}

static unsigned long status_kb(const char *field)
{
	char line[200];
	unsigned long kb = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof line, f))
		if (!strncmp(line, field, strlen(field)))
			kb = strtoul(line + strlen(field) + 1, NULL, 10);
	if (f)
		fclose(f);
	return kb;
}

static void locked(void)
{
	MUST(mlockall(MCL_CURRENT | MCL_FUTURE) == 0);
	MUST(status_kb("VmLck") > 500);
	MUST(status_kb("VmLck") < 200000);      /* not what a tracer has mapped */
	live();
}

/* Natively this leaves room for what live() does, and no more. */
static void narrow(void)
{
	struct rlimit limit = { (status_kb("VmSize") + 20000) * 1024, RLIM_INFINITY };

	limit.rlim_max = limit.rlim_cur;
	MUST(setrlimit(RLIMIT_AS, &limit) == 0);
	live();
}

static uint64_t starts[1000], ends[1000];
static int map_count;

static void read_maps(void)
{
	char line[400];
	FILE *f = fopen("/proc/self/maps", "r");

	map_count = 0;
	while (f && map_count < 1000 && fgets(line, sizeof line, f))
		if (sscanf(line, "%lx-%lx", &starts[map_count], &ends[map_count]) == 2 &&
		    starts[map_count] < 1ul << 47)
			map_count++;
	if (f)
		fclose(f);
}

/* No room within 2.5 GiB of anything. */
static void crowded(void)
{
	const uint64_t reach = 5ull << 29;

	read_maps();
	for (int i = 0; i <= map_count; i++) {
		uint64_t low = i ? ends[i - 1] : 65536, high = i < map_count ? starts[i] : 1ul << 47;
		uint64_t above = low + reach < high ? low + reach : high;

		high -= 4096;
		if (i && low < above)
			mmap((void *)low, above - low, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
			     MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
		uint64_t below = high > reach && high - reach > above ? high - reach : above;
		if (i < map_count && below < high)
			mmap((void *)below, high - below, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
			     MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	}
	live();
}

/* ---- the processor ------------------------------------------------------------------------ */

static void no_vdso(void)
{
	uint64_t vdso = getauxval(AT_SYSINFO_EHDR);

	read_maps();
	for (int i = 0; i < map_count; i++)
		if (starts[i] == vdso)
			MUST(munmap((void *)vdso, ends[i] - vdso) == 0);
	live();
}

/* The page at a fixed address, from before there was a vdso. */
static void vsyscall(void)
{
	time_t (*old_time)(time_t *) = (time_t (*)(time_t *))0xffffffffff600400ul;

	FILE *f = fopen("/proc/self/maps", "r");
	char line[400];
	int has = 0;

	while (f && fgets(line, sizeof line, f))
		has |= strstr(line, "[vsyscall]") != NULL;
	if (f)
		fclose(f);
	for (int i = 0; has && i < 50; i++)
		MUST(time(NULL) - old_time(NULL) < 2);
}

static void int80(void)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory", "r8", "r9", "r10", "r11");
	MUST(result == getpid());
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(64) : "memory", "r8", "r9", "r10", "r11");
	MUST(result == getppid());
}

/* The instructions are a program's to use where the kernel says so: one that does not know of them
 * does not keep what they set. */
static int has_fsgsbase(void)
{
	return getauxval(AT_HWCAP2) & 2;
}

static uint64_t gs_base(void)
{
	uint64_t base = 0;

	if (has_fsgsbase())
		__asm__ volatile("rdgsbase %0" : "=r"(base));
	else
		syscall(SYS_arch_prctl, ARCH_GET_GS, &base);
	return base;
}

static uint64_t gs_first(void)
{
	uint64_t value;

	__asm__ volatile("mov %%gs:0, %0" : "=r"(value));
	return value;
}

static void *with_gs(void *number)
{
	uint64_t mine[2] = { (uint64_t)number, 5 }, base = 0;
	int bad_here = 0;

	for (int i = 0; i < 200; i++) {
		if (i % 2 || !has_fsgsbase())
			syscall(SYS_arch_prctl, ARCH_SET_GS, mine);
		else
			__asm__ volatile("wrgsbase %0" : : "r"(mine));
		sched_yield();
		bad_here += gs_first() != (uint64_t)number;
		bad_here += gs_base() != (uint64_t)mine;
		syscall(SYS_arch_prctl, ARCH_GET_GS, &base);
		bad_here += base != (uint64_t)mine;
		__asm__ volatile("movq $9, %gs:8");
		bad_here += mine[1] != 9;
		if (i % 50 == 0)
			raise(SIGUSR1);
		bad_here += gs_base() != (uint64_t)mine;
	}
	return (void *)(uint64_t)bad_here;
}

static void gs(void)
{
	pthread_t threads[4];
	void *result;

	signal(SIGUSR1, on_signal);
	for (uintptr_t i = 0; i < 4; i++)
		MUST(pthread_create(&threads[i], NULL, with_gs, (void *)(i + 100)) == 0);
	MUST(with_gs((void *)55) == NULL);
	for (int i = 0; i < 4; i++)
		MUST(pthread_join(threads[i], &result) == 0 && !result);
}

static void fs(void)
{
	uint64_t base, again, other[2] = { 1, 77 }, value;

	syscall(SYS_arch_prctl, ARCH_GET_FS, &again);
	base = again;
	if (has_fsgsbase())
		__asm__ volatile("rdfsbase %0" : "=r"(base));
	MUST(base == again);
	for (int i = 0; has_fsgsbase() && i < 100; i++) {
		__asm__ volatile("wrfsbase %1\n\tmov %%fs:8, %0\n\twrfsbase %2"
				 : "=&r"(value) : "r"(other), "r"(base) : "memory");
		bad += value != 77;
	}
	live();
}

/* ---- children ------------------------------------------------------------------------------ */

static char stack[65536] __attribute__((aligned(16)));
static volatile int word;

static int shares(void *p)
{
	word = *(int *)p;
	return 9;
}

static void clone_vm(void)
{
	int number = 4711, status;
	pid_t tid = 0;
	pid_t child = clone(shares, stack + sizeof stack, CLONE_VM | CLONE_PARENT_SETTID | SIGCHLD,
			    &number, &tid);

	MUST(child > 0 && tid == child);
	MUST(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 9 && word == 4711);
	child = clone(shares, stack + sizeof stack, CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_SIGHAND,
		      &number);         /* no signal when it ends */
	MUST(child > 0 && waitpid(child, &status, __WALL) == child && WEXITSTATUS(status) == 9);
	live();
}

static void null_stack(void)
{
	int status;
	pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0);

	if (child == 0)
		_exit(12);
	MUST(child > 0 && waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 12);
	struct clone_args args = { .flags = CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID,
				   .child_tid = (uint64_t)&word, .exit_signal = SIGCHLD };
	child = (pid_t)syscall(SYS_clone3, &args, sizeof args);
	if (child == 0)
		_exit(word == getpid() ? 13 : 14);
	MUST(child > 0 && waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 13);
}

/* A process id of one's own choice. */
static void set_tid(void)
{
	pid_t want = getpid() + 5000 > 32000 ? 1000 : getpid() + 5000;
	struct clone_args args = { .exit_signal = SIGCHLD, .set_tid = (uint64_t)&want,
				   .set_tid_size = 1 };
	int status;
	pid_t child = (pid_t)syscall(SYS_clone3, &args, sizeof args);

	if (child == 0)
		_exit(getpid() == want ? 15 : 16);
	if (child < 0 && (errno == EPERM || errno == EEXIST))
		return;
	MUST(child == want && waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 15);
}

static void *executes(void *unused)
{
	(void)unused;
	execl("/nonexistent", "no", NULL);
	execl("/dev/null", "no", NULL);
	execl(argument, argument, "ok", NULL);
	printf("exec: %s\n", strerror(errno));
	_exit(1);
}

static void *waits(void *unused)
{
	(void)unused;
	for (;;)
		pause();
}

/* Another thread than the first one executes; the argument is the program. */
static void exec_thread(void)
{
	pthread_t thread;

	fflush(stdout);
	for (int i = 0; i < 5; i++)
		MUST(pthread_create(&thread, NULL, waits, NULL) == 0);
	MUST(pthread_create(&thread, NULL, executes, NULL) == 0);
	pthread_join(thread, NULL);
}

/* A debugger: steps through its child, then stops it at a breakpoint. */
static int __attribute__((noinline)) breakable(int a)
{
	__asm__ volatile("" : "+r"(a));
	return a * 3;
}

static void debugger(void)
{
	struct user_regs_struct regs;
	int status, steps = 0;
	pid_t child = fork();

	if (child == 0) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
			_exit(99);
		raise(SIGSTOP);
		_exit(breakable(7));
	}
	MUST(waitpid(child, &status, 0) == child && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	for (; steps < 8; steps++) {
		if (ptrace(PTRACE_SINGLESTEP, child, 0, 0) < 0 ||
		    waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
			break;
	}
	MUST(steps == 8);
	long code = ptrace(PTRACE_PEEKTEXT, child, breakable, 0);
	MUST(ptrace(PTRACE_POKETEXT, child, breakable, (code & ~0xffl) | 0xcc) == 0);
	MUST(ptrace(PTRACE_CONT, child, 0, 0) == 0);
	MUST(waitpid(child, &status, 0) == child && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
	MUST(ptrace(PTRACE_GETREGS, child, 0, &regs) == 0 && regs.rip == (uint64_t)breakable + 1);
	regs.rip--;
	MUST(ptrace(PTRACE_SETREGS, child, 0, &regs) == 0);
	MUST(ptrace(PTRACE_POKETEXT, child, breakable, code) == 0);
	MUST(ptrace(PTRACE_CONT, child, 0, 0) == 0);
	MUST(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 21);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void ok(void)
{
	live();
}

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(void); } all[] = {
		{ "ok", ok }, { "dumpable", dumpable }, { "locked", locked }, { "narrow", narrow },
		{ "crowded", crowded }, { "no_vdso", no_vdso }, { "int80", int80 }, { "vsyscall", vsyscall }, { "gs", gs },
		{ "fs", fs }, { "clone_vm", clone_vm }, { "null_stack", null_stack },
		{ "set_tid", set_tid }, { "exec_thread", exec_thread }, { "debugger", debugger },
	};
	const char *what = argc > 1 ? argv[1] : "ok", *ticks = getenv("TICKS");

	argument = argc > 2 ? argv[2] : argv[0];
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (!strcmp(all[i].name, what)) {
			all[i].run();
			for (int n = ticks ? atoi(ticks) : 0; n > 0; n--) {
				usleep(10000);
				live();
			}
			puts(bad ? "bad" : "ok");
			return bad != 0;
		}
	return 2;
}
