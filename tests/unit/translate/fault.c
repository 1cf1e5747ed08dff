/* Instructions that fault: a handler sees every register and the flags as the
 * program has left them, also those that it overwrites right behind the fault,
 * which code of ours may use as scratch elsewhere. */
#include "machine.h"

#include "decode.h"

/* Behind each access that faults all scratch candidates and flags are overwritten. */
#define DEAD "mov ecx, 1\n mov esi, 2\n xor edx, edx\n lea rdi, [rdx + 3]\n xor eax, eax\n"
#define LIVE "mov rax, -1\n mov rcx, -2\n mov rdx, -3\n mov rsi, -4\n mov rdi, -5\n cmp r8, r9\n"

PROGRAM(faulty,
	LIVE "mov r10, [rbx]\n" DEAD
	LIVE "1: mov [rbx + 8], r10\n" DEAD
	LIVE "add r11, [rip + 1b + 0x400000]\n" DEAD
	LIVE "imul r10, [rip + 1b + 0x400000], 7\n" DEAD
	LIVE "movups [rip + 1b + 0x400000], xmm3\n" DEAD
	LIVE "mov rax, [rip + 1b + 0x400000]\n" DEAD
	LIVE "push [rip + 1b + 0x400000]\n" DEAD
	LIVE "and r15d, 0\n div r15\n" DEAD
	LIVE "mov r8, rsi\n mov r10, [rbx + rax]\n" DEAD
	LIVE "jmp 2f\n 2: cmp [rbx], r10\n" DEAD
	LIVE "call 3f\n 3: mov r10, [rbx]\n" DEAD
	LIVE "lea r10, [rip + 4f]\n jmp r10\n 4: lock xadd [rbx], r11\n" DEAD
	"pop r10\n jmp finish\n");

#define FAULTS_MAX 64
struct fault { uint64_t gpr[16], pc, flags; };

static struct machine *machine;
static bool is_translated;
static struct fault faults[2][FAULTS_MAX];
static unsigned fault_count[2];

static const int order[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
			       REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15 };

static void to_program(struct translate_regs *regs)
{
	struct translate_state state;

	cr_assert(translator_state_find(machine->t, (struct cache_pc){ regs->pc }, regs, machine->tb,
					&state));
	*regs = state.regs;
}

/* Notes the registers, and goes on behind the instruction. */
static void on_fault(int signal, siginfo_t *info, void *context)
{
	greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
	struct translate_regs regs = { .pc = (uint64_t)g[REG_RIP], .flags = (uint64_t)g[REG_EFL] };
	struct fault *fault = &faults[is_translated][fault_count[is_translated]++];
	struct x86_insn insn;
	struct cache_pc at;

	(void)signal, (void)info;
	cr_assert_lt(fault_count[is_translated], FAULTS_MAX);
	for (int r = 0; r < 16; r++)
		regs.gpr[r] = (uint64_t)g[order[r]];
	if (is_translated)
		to_program(&regs);
	memcpy(fault->gpr, regs.gpr, sizeof fault->gpr);
	fault->pc = regs.pc;
	fault->flags = regs.flags & FLAGS_TESTED;
	cr_assert_gt(x86_decode((const uint8_t *)regs.pc, 15, &insn), 0);
	at.address = regs.pc + insn.len;
	if (is_translated) {
		pthread_mutex_lock(&machine->lock);
		cr_assert_eq(translator_enter(machine->t, (struct app_pc){ at.address }, &at), 0);
		pthread_mutex_unlock(&machine->lock);
	}
	for (int r = 0; r < 16; r++)
		g[order[r]] = (greg_t)regs.gpr[r];
	g[REG_RIP] = (greg_t)at.address;
}

static void compare_faults(const char *name)
{
	cr_assert_gt(fault_count[0], 10);
	cr_assert_eq(fault_count[1], fault_count[0]);
	for (unsigned i = 0; i < fault_count[0]; i++) {
		const struct fault *native = &faults[0][i], *ours = &faults[1][i];

		cr_assert_eq(ours->pc, native->pc, "%s, fault %u: pc +%lx, natively +%lx", name, i,
			     ours->pc - machine->program, native->pc - machine->program);
		for (int r = 0; r < 16; r++)
			cr_expect_eq(ours->gpr[r], native->gpr[r], "%s, at +%lx: register %d is %lx, "
				     "natively %lx", name, native->pc - machine->program, r,
				     ours->gpr[r], native->gpr[r]);
		cr_expect_eq(ours->flags, native->flags, "%s, at +%lx: flags %lx, natively %lx", name,
			     native->pc - machine->program, ours->flags, native->flags);
	}
}

static void fault_alike(const char *name, enum place place, struct translate_events events)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	static const struct translate_range range = { 0x500000028000 - 64, 0x500000028000 };
	struct machine *m = machine = calloc(1, sizeof *m);
	uint64_t seed = 99;
	struct image in;

	m->config.ranges = &range;
	m->config.range_count = events.stores;
	machine_init(m, place, &events);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGFPE, &action, NULL);
	image_fill(&in, m, &seed);
	in.gpr[3] = 16;         /* unmapped */
	fault_count[0] = fault_count[1] = 0;
	for (int pass = 0; pass < 2; pass++) {
		is_translated = pass;
		machine_load(m, faulty, faulty_end);
		if (pass)
			machine_run_translated(m, &in, m->program);
		else
			machine_run(&in, m->program);
	}
	compare_faults(name);
	machine_deinit(m);
}

#define FAULT_TEST(name, ...) \
	Test(fault, name##_near, .timeout = 20) \
	{ fault_alike(#name, PLACE_NEAR, (struct translate_events){ __VA_ARGS__ }); } \
	Test(fault, name##_far, .timeout = 20) \
	{ fault_alike(#name, PLACE_FAR, (struct translate_events){ __VA_ARGS__ }); } \
	Test(fault, name##_low, .timeout = 20) \
	{ fault_alike(#name, PLACE_LOW, (struct translate_events){ __VA_ARGS__ }); }

FAULT_TEST(none, .blocks = false)
FAULT_TEST(blocks, .blocks = true)
FAULT_TEST(calls, .calls = true)
FAULT_TEST(calls_time, .calls = true, .time = true)
FAULT_TEST(blocks_time, .blocks = true, .time = true)
FAULT_TEST(stores, .stores = true)
FAULT_TEST(paths, .blocks = true, .paths = true)
FAULT_TEST(counted, .count_calls = true)
FAULT_TEST(counted_paths, .blocks = true, .paths = true, .count_calls = true)
