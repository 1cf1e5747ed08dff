/* notices: does what a tracer might get wrong, and says what it noticed.
 *
 *     notices handler      100,000 calls in a signal handler
 *     notices jumped       100,000 calls behind a siglongjmp out of one
 *     notices contexts MS  a timer's handler sees addresses of the program only
 *     notices busy         four threads that check what they compute, until SIGTERM
 *     notices coroutines   swapcontext, and stacks changed by hand
 *     notices rtm          a transaction; without such a processor, its fault
 *     notices commits MS   transactions
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <errno.h>
#include <pthread.h>
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

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- calls and handlers ------------------------------------------------------------- */

static volatile unsigned leaves;
static sigjmp_buf back;
static volatile int jumps;

__attribute__((noinline, noclone)) void leaf(void)
{
	leaves = leaves + 1;
}

static void on_usr1(int number)
{
	if (jumps)
		siglongjmp(back, 1);
	for (int i = 0; i < 100000; i++)
		leaf();
}

static void calls(int jump)
{
	jumps = jump;
	signal(SIGUSR1, on_usr1);
	if (!sigsetjmp(back, 1))
		raise(SIGUSR1);
	if (jump)
		for (int i = 0; i < 100000; i++)
			leaf();
	printf("leaves %u\n", leaves);
}

/* ---- what handlers see ----------------------------------------------------------------- */

static struct range { uint64_t start, end; } code[256], stack;
static unsigned code_count;
static volatile unsigned ticks, bad_pc, bad_sp;
static volatile uint64_t a_bad_pc;

/* Its own code, that is: in files, and the vdso. */
static void read_maps(void)
{
	char line[512];
	FILE *f = fopen("/proc/self/maps", "r");

	while (f && fgets(line, sizeof line, f) && code_count < 256) {
		struct range r;
		char prot[5], path[256] = "";

		if (sscanf(line, "%lx-%lx %4s %*s %*s %*s %255s", &r.start, &r.end, prot, path) < 3)
			continue;
		if (prot[2] == 'x' && path[0] && strncmp(path, "/memfd:", 7) &&
		    strncmp(path, "/dev/zero", 9))
			code[code_count++] = r;
		if (!strcmp(path, "[stack]"))
			stack = (struct range){ r.start - (8 << 20), r.end };
	}
	if (f)
		fclose(f);
}

static void on_tick(int number, siginfo_t *info, void *context)
{
	const greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
	uint64_t pc = (uint64_t)regs[REG_RIP], sp = (uint64_t)regs[REG_RSP];
	unsigned in = 0;

	for (unsigned i = 0; i < code_count; i++)
		in += pc >= code[i].start && pc < code[i].end;
	if (!in) {
		bad_pc = bad_pc + 1;
		a_bad_pc = pc;
	}
	bad_sp = bad_sp + (sp < stack.start || sp >= stack.end);
	ticks = ticks + 1;
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static unsigned wrong;

/* Calls, branches, libraries, the vdso, system calls, divisions, strings. */
static void busy_round(unsigned n)
{
	int numbers[200], sum = 0;
	char text[400], *end;

	for (unsigned i = 0; i < 200; i++)
		numbers[i] = (int)((i * 7919 + n) % 1009);
	qsort(numbers, 200, sizeof *numbers, compare);
	for (unsigned i = 1; i < 200; i++)
		sum += numbers[i - 1] > numbers[i];
	wrong += sum != 0;
	snprintf(text, sizeof text, "%d %s %.3f", numbers[7], "text", n / 7.0);
	wrong += strtol(text, &end, 10) != numbers[7];
	__builtin_memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	wrong += strlen(text) != sizeof text - 1;
	wrong += getppid() <= 0;
	wrong += now_ms() == 0;
	errno = 0;
	wrong += close(-1) != -1 || errno != EBADF;
}

static void contexts(int ms)
{
	struct sigaction action = { .sa_sigaction = on_tick, .sa_flags = SA_SIGINFO | SA_RESTART };
	struct itimerval every = { { 0, 1000 }, { 0, 1000 } }, never = { 0 };
	int64_t end = now_ms() + ms;

	read_maps();
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	for (unsigned n = 0; now_ms() < end; n++)
		busy_round(n);
	setitimer(ITIMER_REAL, &never, NULL);
	if (bad_pc)
		fprintf(stderr, "one was 0x%lx\n", a_bad_pc);
	printf("%s ticks, bad pc %u, bad sp %u, wrong %u\n",
	       ticks > (unsigned)ms / 20 ? "enough" : "few", bad_pc, bad_sp, wrong);
}

/* ---- threads ------------------------------------------------------------------------------ */

static volatile sig_atomic_t is_over;

static void on_term(int number)
{
	is_over = 1;
}

/* Registers that nothing in between may change, and a sum that must come out. */
static void *busy(void *context)
{
	uint64_t seed = (uint64_t)(uintptr_t)context, errors = 0;

	do {
		uint64_t x = seed * 2654435761u + 1, sum = 0, again = 0;
		double d = 1.5;

		for (unsigned i = 0; i < 20000; i++) {
			x = x * 6364136223846793005u + 1442695040888963407u;
			sum += x >> 33;
			d = d * 1.0000001;
		}
		x = seed * 2654435761u + 1;
		for (unsigned i = 0; i < 20000; i++) {
			x = x * 6364136223846793005u + 1442695040888963407u;
			again += x >> 33;
		}
		errors += sum != again || d < 1.502 || d > 1.504;
	} while (!is_over);
	return (void *)errors;
}

static void threads(void)
{
	pthread_t ids[4];
	uint64_t errors = 0;

	signal(SIGTERM, on_term);
	for (uintptr_t i = 0; i < 4; i++)
		pthread_create(&ids[i], NULL, busy, (void *)(i + 1));
	for (int i = 0; i < 4; i++) {
		void *result;

		pthread_join(ids[i], &result);
		errors += (uint64_t)result;
	}
	printf("errors %lu\n", errors);
}

/* ---- stacks --------------------------------------------------------------------------------- */

#define COROUTINES 50

static ucontext_t contexts_of[COROUTINES], main_context;
static unsigned long turns[COROUTINES];
static int running;

static void coroutine(int number)
{
	double mine = number * 0.5;

	for (unsigned i = 0; i < 200; i++) {
		turns[number] += (unsigned long)(mine * 2) == (unsigned long)number;
		running = (number + 1) % COROUTINES;
		swapcontext(&contexts_of[number], &contexts_of[running]);
	}
	swapcontext(&contexts_of[number], &main_context);
}

static void by_library(void)
{
	unsigned long sum = 0;

	for (int i = 0; i < COROUTINES; i++) {
		getcontext(&contexts_of[i]);
		contexts_of[i].uc_stack.ss_size = 32768;
		contexts_of[i].uc_stack.ss_sp = malloc(32768);
		contexts_of[i].uc_link = &main_context;
		makecontext(&contexts_of[i], (void (*)(void))coroutine, 1, i);
	}
	swapcontext(&main_context, &contexts_of[0]);
	for (int i = 0; i < COROUTINES; i++)
		sum += turns[i];
	printf("turns %lu\n", sum);
}

static void *stacks[2];
static unsigned long pings;

void switch_stacks(void **from, void **to);
__asm__(".globl switch_stacks\nswitch_stacks:\n"
	"	push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15\n"
	"	mov %rsp, (%rdi); mov (%rsi), %rsp\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp\n"
	"	ret\n");

static void other_side(void)
{
	for (;;) {
		pings++;
		switch_stacks(&stacks[1], &stacks[0]);
	}
}

static void by_hand(void)
{
	uint64_t *top = (uint64_t *)((char *)malloc(65536) + 65536) - 2;

	*--top = 0;
	*--top = (uint64_t)(uintptr_t)other_side;
	stacks[1] = top - 6;
	for (int i = 0; i < 100000; i++)
		switch_stacks(&stacks[0], &stacks[1]);
	printf("pings %lu\n", pings);
}

/* ---- transactions ----------------------------------------------------------------------------- */

static volatile uint64_t fault_pc;
extern char transaction[];

static void on_sigill(int number, siginfo_t *info, void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;

	fault_pc = (uint64_t)regs[REG_RIP];
	wrong += info->si_addr != (void *)regs[REG_RIP];
	siglongjmp(back, 1);
}

static void rtm(void)
{
	unsigned a, b = 0, c, d, status = 0;
	struct sigaction action = { .sa_sigaction = on_sigill, .sa_flags = SA_SIGINFO };

	__get_cpuid_count(7, 0, &a, &b, &c, &d);
	sigaction(SIGILL, &action, NULL);
	if (!sigsetjmp(back, 1))
		__asm__ volatile(".globl transaction\ntransaction: xbegin 1f\n\txabort $42\n1:"
				 : "=a"(status) : "0"(0) : "memory");
	printf("processor %s, fault %s, status %x, wrong %u\n", b >> 11 & 1 ? "has it" : "has it not",
	       !fault_pc ? "none" : fault_pc == (uint64_t)(uintptr_t)transaction ? "there" : "elsewhere",
	       status, wrong);
}

/* What has been executed before but for one way, which only a transaction goes, on a page of its own. */
__asm__(".text\n\t.balign 4096\n\t.type add_in_transaction, @function\nadd_in_transaction:\n"
	"\ttest $3, %edi\n\tjz 2f\n1:\tadd %rsi, (%rdx)\n\tret\n"
	"\t.skip 512, 0x90\n2:\tadd $2, %rsi\n\tjmp 1b\n\t.balign 4096\n");
void add_in_transaction(unsigned round, long by, long *to);

/* Transactions for a while: most of them are committed, where there are any, and what they do is done
 * once. */
static void commits(int ms)
{
	int64_t end = now_ms() + ms;
	unsigned a, b = 0, c, d, round = 0, committed = 0;
	static long sum;

	__get_cpuid_count(7, 0, &a, &b, &c, &d);
	if (b & 1 << 11) {
		add_in_transaction(1, 0, &sum);
		for (; round % 1024 || now_ms() < end; round++) {
			unsigned status = ~0u;

			__asm__ volatile("xbegin 1f\n1:" : "+a"(status) : : "memory");
			if (status == ~0u) {
				add_in_transaction(round, 1, &sum);
				__asm__ volatile("xend" : : : "memory");
				committed++;
			} else {
				sum += round & 3 ? 1 : 3;
			}
		}
	}
	printf("%s, %s\n", committed > round / 2 ? "committed" : "aborted",
	       sum == round / 2 * 3 ? "right" : "wrong");
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int ms = argc > 2 ? atoi(argv[2]) : 1000;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(what, "handler") || !strcmp(what, "jumped"))
		calls(!strcmp(what, "jumped"));
	else if (!strcmp(what, "contexts"))
		contexts(ms);
	else if (!strcmp(what, "busy"))
		threads();
	else if (!strcmp(what, "rtm"))
		rtm();
	else if (!strcmp(what, "commits"))
		commits(ms);
	else {
		by_library();
		by_hand();
	}
	return 0;
}
