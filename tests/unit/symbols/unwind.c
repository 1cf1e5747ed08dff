#include "helper.h"

#include <alloca.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "unwind.h"

TestSuite(unwind, .timeout = 60);

#define ROOM 64

static void from_ptrace(const struct user_regs_struct *r, struct unwind_regs *out)
{
	*out = (struct unwind_regs){ .known = UNWIND_ALL, .is_exact = true, .value = {
		[UNWIND_RAX] = r->rax, [UNWIND_RDX] = r->rdx, [UNWIND_RCX] = r->rcx,
		[UNWIND_RBX] = r->rbx, [UNWIND_RSI] = r->rsi, [UNWIND_RDI] = r->rdi,
		[UNWIND_RBP] = r->rbp, [UNWIND_RSP] = r->rsp, [UNWIND_R8] = r->r8,
		[UNWIND_R9] = r->r9, [UNWIND_R10] = r->r10, [UNWIND_R11] = r->r11,
		[UNWIND_R12] = r->r12, [UNWIND_R13] = r->r13, [UNWIND_R14] = r->r14,
		[UNWIND_R15] = r->r15, [UNWIND_RIP] = r->rip,
	} };
}

/* ---- the own stack ------------------------------------------------------ */

struct own {
	struct symbols *s;
	struct unwinder *u;
	struct unwind_frame frames[ROOM];
	size_t count;
	int end;
	uint64_t expected[ROOM];        /* by the compiler's own unwinder */
	size_t expected_count;
};

static struct own own;

/* rbp is what the ABI says it is: kept, not a frame pointer; so take all registers. */
#define HERE(regs) \
	__asm__ volatile("lea 0(%%rip), %%rax\n\t" \
			 "mov %%rax, 128(%0)\n\tmov %%rbx, 24(%0)\n\tmov %%rbp, 48(%0)\n\t" \
			 "mov %%rsp, 56(%0)\n\tmov %%r12, 96(%0)\n\tmov %%r13, 104(%0)\n\t" \
			 "mov %%r14, 112(%0)\n\tmov %%r15, 120(%0)" \
			 : : "r"((regs)->value) : "rax", "memory")

/* The compiler's own header has the name of ours. */
struct _Unwind_Context;
int _Unwind_Backtrace(int (*)(struct _Unwind_Context *, void *), void *);
uintptr_t _Unwind_GetIP(struct _Unwind_Context *);

static int expect(struct _Unwind_Context *context, void *unused)
{
	if (own.expected_count < ROOM && _Unwind_GetIP(context))
		own.expected[own.expected_count++] = _Unwind_GetIP(context);
	return 0;
}

static __attribute__((noipa)) void take(void)
{
	struct unwind_regs regs = { .is_exact = true, .known = UNWIND_ALL };

	HERE(&regs);
	own.count = unwind_stack(own.u, &regs, own.frames, ROOM, &own.end);
	own.expected_count = 0;
	_Unwind_Backtrace(expect, NULL);
}

static __attribute__((noipa)) int third(int depth)
{
	volatile char *space = alloca(depth * 16 + 1);

	space[depth] = depth;
	take();
	return space[depth];
}

static __attribute__((noipa)) int second(int a)
{
	return third(a + 1) + a;
}

static __attribute__((noipa)) int first(int a)
{
	return second(a) * 3;
}

static void prepare(void)
{
	own.s = own_symbols();
	own.u = unwinder_create(own.s);
	cr_assert_not_null(own.u);
}

static void finish(void)
{
	unwinder_destroy(own.u);
	symbols_destroy(own.s);
}

static void compare(void)
{
	cr_assert_eq(own.end, 0, "ended with %d after %zu frames", own.end, own.count);
	cr_assert_eq(own.count, own.expected_count);
	for (size_t i = 1; i < own.count; i++)
		cr_assert_eq(own.frames[i].pc, own.expected[i], "frame %zu", i);
}

Test(unwind, agrees_with_the_unwinder_of_exceptions)
{
	prepare();
	cr_assert_eq(first(5), (6 + 5) * 3);
	compare();
	cr_assert_str_eq(name_of(own.s, own.frames[0].lookup_pc), "take");
	cr_assert_str_eq(name_of(own.s, own.frames[1].lookup_pc), "third");
	cr_assert_str_eq(name_of(own.s, own.frames[2].lookup_pc), "second");
	cr_assert_str_eq(name_of(own.s, own.frames[3].lookup_pc), "first");
	cr_assert_eq(own.frames[1].pc, own.frames[1].lookup_pc + 1);
	for (size_t i = 1; i < own.count; i++)
		cr_assert_gt(own.frames[i].cfa, own.frames[i - 1].cfa);
	finish();
}

static void on_signal(int number)
{
	take();
	__asm__ volatile("");           /* no tail call */
}

static size_t index_of_signal(void)
{
	size_t i = 0;

	while (i < own.count && !own.frames[i].is_signal)
		i++;
	cr_assert_lt(i, own.count - 1, "no signal frame");
	return i;
}

static __attribute__((noipa)) int interrupted(void)
{
	raise(SIGUSR1);
	return 1;
}

Test(unwind, goes_through_a_signal_handler)
{
	prepare();
	signal(SIGUSR1, on_signal);
	cr_assert_eq(interrupted(), 1);
	compare();
	size_t i = index_of_signal();
	cr_assert_str_eq(name_of(own.s, own.frames[i - 1].lookup_pc), "on_signal");
	cr_assert_eq(own.frames[i + 1].lookup_pc, own.frames[i + 1].pc);
	finish();
}

static __attribute__((noipa, no_sanitize("undefined", "address"))) int
faulting(volatile int *p)
{
	return *p + 1;
}

static int valid = 41;

/* The first byte of a function is no call's return address: pc - 1 would be wrong. */
static void on_fault(int number, siginfo_t *info, void *context)
{
	take();
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RDI] = (uint64_t)&valid;
}

Test(unwind, goes_through_a_handler_on_another_stack_to_the_exact_instruction)
{
	static char alternate[64 * 1024];
	stack_t stack = { .ss_sp = alternate, .ss_size = sizeof alternate };
	struct sigaction action = { .sa_sigaction = on_fault,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK };

	prepare();
	sigaltstack(&stack, NULL);
	sigaction(SIGSEGV, &action, NULL);
	cr_assert_eq(faulting(NULL), 42);
	compare();
	size_t i = index_of_signal();
	const struct symbol *f = symbols_find(own.s, own.frames[i + 1].lookup_pc);
	cr_assert_str_eq(f->name, "faulting");
	cr_assert_eq(own.frames[i + 1].lookup_pc, own.frames[i + 1].pc);
	finish();
}

Test(unwind, reports_room_that_is_too_small)
{
	struct unwind_regs regs = { .is_exact = true, .known = UNWIND_ALL };
	struct unwind_frame frames[2];
	int end;

	prepare();
	HERE(&regs);
	cr_assert_eq(unwind_stack(own.u, &regs, frames, 2, &end), 2);
	cr_assert_eq(end, -ENOBUFS);
	finish();
}

Test(unwind, does_not_go_astray_on_a_bad_stack)
{
	struct unwind_regs regs = { .is_exact = true, .known = UNWIND_ALL };
	struct unwind_frame frames[ROOM];
	uint64_t junk[64];
	int end;

	prepare();
	HERE(&regs);
	memset(junk, 0x11, sizeof junk);
	regs.value[UNWIND_RSP] = (uint64_t)junk;
	regs.value[UNWIND_RBP] = (uint64_t)junk + 3;
	unwind_stack(own.u, &regs, frames, ROOM, &end);
	cr_assert_neq(end, -ENOBUFS);
	regs.value[UNWIND_RSP] = 8;
	cr_assert_geq(unwind_stack(own.u, &regs, frames, ROOM, &end), 1);
	cr_assert_lt(end, 0);
	regs.value[UNWIND_RIP] = 0;
	cr_assert_geq(unwind_stack(own.u, &regs, frames, ROOM, &end), 1);
	finish();
}

Test(unwind, takes_microseconds_a_stack)
{
	enum { TIMES = 10000 };

	prepare();
	first(5);
	double t0 = now_ms();
	for (size_t i = 0; i < TIMES; i++) {
		struct unwind_regs regs = { .is_exact = true, .known = UNWIND_ALL };

		HERE(&regs);
		unwinder_forget(own.u);
		own.count = unwind_stack(own.u, &regs, own.frames, ROOM, &own.end);
	}
	double took = now_ms() - t0;
	cr_assert_eq(own.end, 0);
	cr_log_info("%.2f us for a stack of %zu frames", took * 1e3 / TIMES, own.count);
	cr_assert_lt(took, 1000.0);
	finish();
}

/* ---- a program, one instruction at a time ------------------------------- */

struct stepped {
	pid_t pid;
	struct symbols *s;
	struct unwinder *u;
	size_t steps, in_main, ended;
	char first_failure[256];
};

/* Every instruction between the entry and the exit of main() must unwind to the
 * outermost frame, through main: prologues, epilogues, PLT stubs, the dynamic
 * linker's binding, signal frames. */
static void check_stack(struct stepped *t)
{
	struct user_regs_struct r;
	struct unwind_regs regs;
	struct unwind_frame frames[ROOM];
	bool has_main = false;
	char text[128];
	int end;

	ptrace(PTRACE_GETREGS, t->pid, NULL, &r);
	from_ptrace(&r, &regs);
	unwinder_forget(t->u);
	size_t n = unwind_stack(t->u, &regs, frames, ROOM, &end);
	for (size_t i = 0; i < n; i++)
		has_main |= strcmp(name_of(t->s, frames[i].lookup_pc), "main") == 0;
	t->in_main += has_main;
	t->ended += has_main && end == 0;
	if ((!has_main || end) && !t->first_failure[0]) {
		symbols_format(t->s, r.rip, text, sizeof text);
		snprintf(t->first_failure, sizeof t->first_failure,
			 "step %zu at %s: %zu frames, end %d, main %d", t->steps, text, n, end,
			 has_main);
	}
}

static bool wait_stopped(pid_t pid, int *status)
{
	return waitpid(pid, status, 0) == pid && WIFSTOPPED(*status);
}

/* The program raises SIGSTOP at the begin and at the end of what is stepped. */
static void step_through(struct stepped *t, const char *program)
{
	int status;

	t->pid = fork();
	if (t->pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execl(program, program, NULL);
		_exit(127);
	}
	cr_assert(wait_stopped(t->pid, &status));
	ptrace(PTRACE_SETOPTIONS, t->pid, NULL, PTRACE_O_EXITKILL);
	do
		ptrace(PTRACE_CONT, t->pid, NULL, 0);
	while (wait_stopped(t->pid, &status) && WSTOPSIG(status) != SIGSTOP);
	t->s = symbols_of(&t->pid);
	t->u = unwinder_create(t->s);
	for (int sig = 0; t->steps < 200000; t->steps++) {
		check_stack(t);
		ptrace(PTRACE_SINGLESTEP, t->pid, NULL, sig);
		cr_assert(wait_stopped(t->pid, &status));
		if (WSTOPSIG(status) == SIGSTOP)
			break;
		sig = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
	}
	kill(t->pid, SIGKILL);
	waitpid(t->pid, &status, 0);
	unwinder_destroy(t->u);
	symbols_destroy(t->s);
}

/* Into the vDSO by functions that read no clock: that begins anew when the hypervisor has changed the
 * clock meanwhile, which between two single steps it may do each time. */
static const char stepped_source[] =
	"#define _GNU_SOURCE\n"
	"#include <alloca.h>\n#include <signal.h>\n#include <stdio.h>\n#include <stdlib.h>\n"
	"#include <sched.h>\n#include <string.h>\n#include <time.h>\n"
	"static int order(const void *a, const void *b) { return *(int *)a - *(int *)b; }\n"
	"static __attribute__((noinline)) int leaf(int x) { return x * 3; }\n"
	"static __attribute__((noinline)) int many(int a, int b, int c, int d, int e, int f, int g, int h)\n"
	"{ return leaf(a + b + c) + leaf(d + e + f) * leaf(g) - h; }\n"
	"static __attribute__((noinline)) int variable(int n)\n"
	"{ char *p = alloca(n); memset(p, 1, n); return p[n - 1] + leaf(n); }\n"
	"static void handler(int sig) { leaf(sig); }\n"
	"static int work(void)\n"
	"{ char text[64]; int v[5] = { 5, 3, 4, 1, 2 };\n"
	"  qsort(v, 5, sizeof *v, order);\n"
	"  snprintf(text, sizeof text, \"%d %s %f\", v[0], \"x\", 1.5);\n"
	"#ifdef __GLIBC__\n  time(0);\n#else\n  sched_getcpu();\n#endif\n"
	"  raise(SIGUSR1);\n"
	"  free(malloc(100));\n"
	"  return many(1, 2, 3, 4, 5, 6, 7, 8) + variable(77) + (int)strlen(text); }\n"
	"int main(void)\n"
	"{ volatile int r; signal(SIGUSR1, handler);\n"
	"  raise(SIGSTOP); r = work(); raise(SIGSTOP); return r; }\n";

static void check_program(const char *compiler)
{
	struct stepped t = {0};

	write_file(in_directory("stepped.c"), stepped_source);
	run("%s -w -o stepped stepped.c", compiler);
	step_through(&t, in_directory("stepped"));
	cr_log_info("%s: %zu steps", compiler, t.steps);
	cr_expect_gt(t.steps, 1000);
	cr_expect_eq(t.in_main, t.steps + 1, "%s: %s", compiler, t.first_failure);
	cr_expect_eq(t.ended, t.steps + 1, "%s: %s", compiler, t.first_failure);
}

Test(unwind, reaches_main_from_every_instruction)
{
	check_program("gcc -O2 -Wl,-z,lazy");
}

Test(unwind, reaches_main_from_every_instruction_unoptimized)
{
	check_program("gcc -O0 -Wl,-z,now");
}

Test(unwind, reaches_main_from_every_instruction_with_ibt)
{
	check_program("gcc -O2 -fcf-protection=full -Wl,-z,ibtplt -Wl,-z,lazy");
}

Test(unwind, reaches_main_from_every_instruction_of_a_static_program)
{
	check_program("gcc -O1 -static");
}

Test(unwind, reads_debug_frame)
{
	check_program("gcc -O2 -g -fno-asynchronous-unwind-tables -fno-unwind-tables");
}

/* No tables at all in the program: by calls found on the stack, or by rbp. */
Test(unwind, finds_its_way_without_rules)
{
	const char *none = "-fno-asynchronous-unwind-tables -fno-unwind-tables";
	char compiler[256];

	snprintf(compiler, sizeof compiler, "gcc -O1 -fno-omit-frame-pointer %s", none);
	check_program(compiler);
	/* alloca needs rbp all the same: the other functions are what this is about */
	snprintf(compiler, sizeof compiler, "gcc -O1 -fomit-frame-pointer %s", none);
	check_program(compiler);
}

Test(unwind, finds_its_way_through_musl)
{
	if (!has_tool("musl-gcc"))
		cr_skip_test("no musl-gcc");
	check_program("musl-gcc -O2 -static");
	check_program("musl-gcc -O2");
}
