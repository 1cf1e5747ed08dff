/* Translated code is run, and must end as the original does. */
#include <asm/hwcap2.h>
#include <sys/auxv.h>

#include "machine.h"

#include "cache.h"

/* ---- the programs --------------------------------------------------------------------- *
 * A label at a multiple of 32 is a function (machine_is_function()).
 */

PROGRAM(loads,
	"mov rax, [rip + 9f]\n mov ecx, [rip + 9f + 8]\n mov dl, [rip + 9f + 3]\n"
	"mov bx, [rip + 9f + 2]\n mov r8, [rip + 9f]\n mov r15d, [rip + 9f + 4]\n"
	"movzx esi, byte ptr [rip + 9f + 1]\n movsx rdi, word ptr [rip + 9f + 6]\n"
	"movsxd rbp, dword ptr [rip + 9f + 8]\n movzx r9d, word ptr [rip + 9f + 5]\n"
	"movsx r10w, byte ptr [rip + 9f + 7]\n mov ah, [rip + 9f + 9]\n"
	"cmovc r11, [rip + 9f]\n cmovnc r12d, [rip + 9f + 8]\n"
	"lea r13, [rip + 9f]\n sub r13, [rip + 9f]\n lea r14d, [rip + 9f + 5]\n"
	"lea cx, [rip + 9f + 1]\n jmp finish\n"
	".balign 32\n 9: .quad 0x8877f6e5d4c3b2a1, 0x1122334499aabbcc\n");

PROGRAM(stores,
	"mov [rip + 9f], rax\n mov [rip + 9f + 8], ecx\n mov [rip + 9f + 12], dl\n"
	"mov [rip + 9f + 14], bx\n mov [rip + 9f + 16], r9\n mov [rip + 9f + 24], ah\n"
	"mov dword ptr [rip + 9f + 28], 0x12345678\n mov qword ptr [rip + 9f + 32], -2\n"
	"mov byte ptr [rip + 9f + 40], 7\n mov word ptr [rip + 9f + 42], 0x1234\n"
	"setc byte ptr [rip + 9f + 44]\n setno byte ptr [rip + 9f + 45]\n jmp finish\n"
	".balign 32\n 9: .skip 64, 0x77\n");

PROGRAM(segment,                        /* the word there points to itself */
	"mov rax, fs:[0]\n mov fs:[0], rax\n xor ecx, ecx\n mov fs:[rcx], rax\n lock xadd fs:[rcx], rcx\n"
	"cmp rax, fs:[0]\n setne dl\n jmp finish\n");

PROGRAM(arithmetic,
	"add rax, [rip + 9f]\n adc [rip + 9f + 8], rbx\n sub dword ptr [rip + 9f + 16], 3\n"
	"sbb r8, [rip + 9f]\n cmp qword ptr [rip + 9f + 24], 0x11223344\n adc rcx, 0\n"
	"test dword ptr [rip + 9f + 24], 0x80000001\n setz dl\n inc qword ptr [rip + 9f + 32]\n"
	"neg word ptr [rip + 9f + 40]\n not byte ptr [rip + 9f + 44]\n"
	"imul rsi, [rip + 9f]\n imul edi, [rip + 9f + 8], 1000\n imul r9, [rip + 9f], 5\n"
	"mul qword ptr [rip + 9f + 8]\n shl dword ptr [rip + 9f + 48], 5\n"
	"mov cl, 3\n ror qword ptr [rip + 9f + 48], cl\n shld [rip + 9f + 56], r10, 9\n"
	"shrd [rip + 9f + 56], r11, cl\n bt qword ptr [rip + 9f], 17\n adc r12, r12\n"
	"bsf r13, [rip + 9f + 8]\n popcnt r14, [rip + 9f]\n xor edx, edx\n mov eax, 100000\n"
	"mov dword ptr [rip + 9f + 64], 77\n div dword ptr [rip + 9f + 64]\n add edx, 5\n jmp finish\n"
	".balign 32\n 9: .quad 0x8877665544332211, 0x7fffffffffffffff, 10, 0x80000000, -1\n"
	".quad 0xffff8000, 0x123456789abcdef, 77, 0\n");

PROGRAM(exchanges,
	"xchg rax, [rip + 9f]\n xchg [rip + 9f + 8], r9d\n xadd [rip + 9f + 16], rbx\n"
	"lock xadd [rip + 9f + 16], ecx\n lock inc dword ptr [rip + 9f + 24]\n"
	"lock or qword ptr [rip + 9f + 32], 0x40\n lock bts dword ptr [rip + 9f + 40], 3\n"
	"mov eax, 5\n lock cmpxchg [rip + 9f + 48], r10\n setz byte ptr [rip + 9f + 60]\n"
	"lock cmpxchg [rip + 9f + 48], r11\n"
	"mov rax, [rip + 9f + 64]\n mov rdx, [rip + 9f + 72]\n"
	"lock cmpxchg16b [rip + 9f + 64]\n setz byte ptr [rip + 9f + 61]\n"
	"cmpxchg16b [rip + 9f + 64]\n cmpxchg8b [rip + 9f + 64]\n"
	"lock cmpxchg8b [rip + 9f + 72]\n lea rbx, [rip + 9f]\n xlatb\n jmp finish\n"
	".balign 64\n 9: .quad 1, 2, 3, 4, 5, 6, 5, 0, 0x1111, 0x2222\n");

PROGRAM(vectors,
	"movups xmm0, [rip + 9f]\n movaps xmm1, [rip + 9f + 16]\n paddd xmm2, [rip + 9f]\n"
	"movq xmm3, [rip + 9f + 4]\n movd xmm9, [rip + 9f + 3]\n pshufd xmm4, [rip + 9f], 0x1b\n"
	"cvtsi2sd xmm5, qword ptr [rip + 9f]\n cvttsd2si rax, [rip + 9f + 24]\n"
	"ucomisd xmm0, [rip + 9f + 24]\n movmskps ecx, xmm0\n pextrq [rip + 9f + 64], xmm1, 1\n"
	"movups [rip + 9f + 80], xmm8\n movhps xmm6, [rip + 9f + 8]\n movlpd [rip + 9f + 72], xmm7\n"
	"fld qword ptr [rip + 9f + 24]\n fadd dword ptr [rip + 9f]\n fstp tbyte ptr [rip + 9f + 96]\n"
	"ldmxcsr [rip + 9f + 112]\n stmxcsr [rip + 9f + 116]\n jmp finish\n"
	".balign 32\n 9: .quad 0x3ff0000040400000, 0x1122334455667788, 3, 0x40091eb851eb851f\n"
	".skip 80, 0x33\n .long 0x1f80, 0\n .quad 0, 0\n");

PROGRAM(vex,
	"vmovdqu ymm0, [rip + 9f]\n vpaddd ymm1, ymm2, [rip + 9f]\n vmovups [rip + 9f + 32], ymm12\n"
	"vbroadcastss ymm3, [rip + 9f + 4]\n vpermq ymm13, [rip + 9f], 0x39\n"
	"vpshufb xmm9, xmm10, [rip + 9f]\n vpmovzxbw ymm4, [rip + 9f]\n"
	"andn rax, rbx, [rip + 9f]\n bextr ecx, [rip + 9f + 8], edx\n rorx rsi, [rip + 9f], 13\n"
	"mulx r8, r9, [rip + 9f]\n shlx r10, [rip + 9f], rcx\n pdep r11, r12, [rip + 9f]\n"
	"vfmadd231pd ymm5, ymm6, [rip + 9f]\n vextracti128 [rip + 9f + 48], ymm7, 1\n"
	"vpextrb byte ptr [rip + 9f + 31], xmm11, 3\n vptest ymm0, [rip + 9f]\n setc r13b\n jmp finish\n"
	".balign 32\n 9: .quad 0x0123456789abcdef, 0x1122334455667788, 3, 0x40091eb851eb851f\n"
	".skip 64, 0x33\n");

PROGRAM(transfers,
	"push qword ptr [rip + 9f]\n pop rax\n push rbx\n pop qword ptr [rip + 9f + 8]\n"
	"call qword ptr [rip + 9f + 16]\n"
	"lea rcx, [rip + 1f]\n mov [rip + 9f + 24], rcx\n jmp qword ptr [rip + 9f + 24]\n ud2\n"
	"1: lea rcx, [rip + 2f]\n jmp rcx\n ud2\n"
	"2: lea r9, [rip + 3f]\n call r9\n push rax\n lea rdx, [rip + 4f]\n xchg rdx, [rsp]\n ret\n ud2\n"
	"4: lea rdx, [rip + 3f]\n call rdx\n lea rax, [rip + 3f]\n call rax\n"
	"lea rbx, [rip + 9f]\n mov qword ptr [rip + 9f + 32], 0\n lea r12, [rip + 3f]\n"
	"mov [rip + 9f + 32], r12\n call [rbx + 32]\n mov r13, 4\n call [rbx + r13 * 8]\n"
	"lea r14, [rip + 5f]\n push r14\n pop [rip + 9f + 32]\n jmp [rbx + r13 * 8]\n ud2\n"
	"5: push 0x1234\n push -5\n pop r8\n pop r10\n jmp finish\n"
	".balign 32\n 3: lea rdi, [rdi + 1]\n ret\n"
	".balign 32\n 9: .quad 0x1122334455667788, 0\n 8: .quad 3b - 9b\n .quad 0, 0\n");

PROGRAM(branches,
	"mov r12d, 20\n"
	"1: .irp c, o,no,b,ae,e,ne,be,a,s,ns,p,np,l,ge,le,g\n"
	"j\\c 2f\n lea rax, [rax * 2 + 1]\n jmp 3f\n 2: lea rax, [rax * 2]\n .skip 140, 0x90\n 3:\n .endr\n"
	"imul rbx, rbx, 0x41c64e6d\n add rbx, 12345\n mov rcx, rbx\n and ecx, 0x8d5\n or ecx, 2\n"
	"push rcx\n and dword ptr [rsp], 0x8d5\n popfq\n lea r12, [r12 - 1]\n"
	"pushfq\n cmp r12, 0\n je 4f\n popfq\n jmp 1b\n 4: popfq\n jmp finish\n");

PROGRAM(loops,
	"mov ecx, 5\n 1: lea rax, [rax + 3]\n loop 1b\n"
	"mov ecx, 9\n 2: dec rbx\n test bl, 7\n loopne 2b\n"
	"mov ecx, 9\n xor edx, edx\n 3: test edx, 0\n loope 3b\n"
	"jrcxz 4f\n ud2\n 4: mov rcx, 1\n jrcxz 5f\n lea rsi, [rsi + 1]\n"
	"5: mov rcx, 0x100000000\n jecxz 6f\n ud2\n 6: mov rcx, 0x500000002\n 7: lea rdi, [rdi + 1]\n"
	"addr32 loop 7b\n jmp finish\n");

PROGRAM(calls,
	"mov [rsp - 8], rax\n mov [rsp - 128], rbx\n mov rax, [rsp - 8]\n lea rsp, [rsp - 128]\n"
	"call 1f\n call 2f\n push 11\n push 12\n call 3f\n push 1\n call 4f\n"
	"lea rsp, [rsp + 128]\n jmp finish\n"
	".balign 32\n 1: lea rax, [rax + 1]\n ret\n"
	".balign 32\n 2: lea rbx, [rbx + 1]\n call 1b\n jmp 1b\n"
	".balign 32\n 3: mov rcx, [rsp + 8]\n ret 16\n"
	".balign 32\n 4: enter 32, 0\n mov [rbp - 8], rdi\n call 1b\n leave\n repz ret 8\n");

PROGRAM(recursion,
	"mov edi, 12\n call 1f\n jmp finish\n"
	".balign 32\n 1: cmp edi, 2\n jb 2f\n push rdi\n dec edi\n call 1b\n pop rdi\n push rax\n"
	"sub edi, 2\n call 1b\n pop rdx\n add rax, rdx\n ret\n 2: mov eax, edi\n ret\n");

PROGRAM(strings,
	"cld\n lea rsi, [rip + 9f]\n lea rdi, [rip + 9f + 64]\n mov ecx, 17\n rep movsb\n"
	"mov ecx, 3\n rep movsq\n mov ecx, 0\n rep stosb\n mov ecx, 6\n rep stosw\n"
	"lea rsi, [rip + 9f]\n lea rdi, [rip + 9f + 64]\n mov ecx, 40\n repe cmpsb\n setz bl\n"
	"lea rdi, [rip + 9f]\n mov al, 0x15\n mov ecx, 64\n repne scasb\n mov r8, rcx\n"
	"std\n lea rsi, [rip + 9f + 20]\n lea rdi, [rip + 9f + 24]\n mov ecx, 10\n rep movsb\n"
	"lodsb\n stosb\n cld\n lodsq\n movsd\n jmp finish\n"
	".balign 32\n 9: .set n, 0\n .rept 64\n .byte n\n .set n, n + 1\n .endr\n .skip 128\n");

/* Flags are never written here. */
PROGRAM(flags_kept,
	"call 1f\n lea rax, [rip + 1f]\n call rax\n lea rdx, [rip + 2f]\n jmp rdx\n ud2\n"
	"2: jmp 3f\n ud2\n 3: mov rbx, [rip + 9f]\n mov [rip + 9f], r8\n push [rip + 9f]\n pop r9\n"
	"mov ecx, 4\n 4: call 1f\n loop 4b\n jz 5f\n 5: jc 6f\n 6: push 1\n call 7f\n jmp finish\n"
	".balign 32\n 1: lea r10, [r10 + 1]\n ret\n"
	".balign 32\n 7: mov r11, [rip + 9f]\n ret 8\n .balign 32\n 9: .quad 0\n");

PROGRAM(system_calls,
	"mov eax, 186\n syscall\n xor rax, rax\n mov eax, 39\n syscall\n mov r8, rax\n call 1f\n"
	"mov rax, -1\n syscall\n mov r9, rcx\n stc\n mov eax, 39\n syscall\n jmp finish\n"
	".balign 32\n 1: mov eax, 39\n syscall\n ret\n");

PROGRAM(hot,
	"mov r12d, 3000\n 1: call 2f\n lea rax, [rip + 3f]\n call rax\n push rcx\n pop rdx\n"
	"dec r12d\n jnz 1b\n jmp finish\n"
	".balign 32\n 2: add rbx, 3\n call 3f\n ret\n"
	".balign 32\n 3: mov [rip + 9f], rbx\n add [rip + 9f + 8], rbx\n ret\n .balign 32\n 9: .quad 0, 0\n");

/* Returns, calls and jumps that go to one place, to a few, to many. */
PROGRAM(turns,
	"mov r12d, 60\n lea r13, [rip + 9f]\n"
	"1: call 2f\n call 3f\n test r12d, 3\n jz 4f\n call 2f\n"
	"4: mov ecx, r12d\n and ecx, 7\n lea rdx, [rip + 5f]\n lea rdx, [rdx + rcx * 8]\n stc\n"
	"jmp rdx\n .balign 32\n"
	"5: .rept 8\n lea rax, [rax * 2 + 1]\n jmp 6f\n .balign 8\n .endr\n"
	"6: adc rax, r12\n mov ecx, r12d\n and ecx, 3\n lea rsi, [rip + 7f]\n shl ecx, 5\n"
	"lea rsi, [rsi + rcx]\n mov [r13], rsi\n call [r13]\n call rsi\n pushfq\n pop [r13 + 8]\n call 3f\n call 3f\n"
	"dec r12d\n jnz 1b\n mov qword ptr [r13], 0\n jmp finish\n"
	".balign 32\n 2: lea rbx, [rbx + 3]\n call 3f\n lea rcx, [rcx + rdx]\n ret\n"
	".balign 32\n 3: add r8, rbx\n ret\n"
	".balign 32\n 7: lea r9, [r9 + rdx]\n ret\n .balign 32\n lea r10, [r10 + rcx]\n ret\n"
	".balign 32\n lea r11, [r11 + 5]\n ret\n .balign 32\n call 3b\n jmp 3b\n .balign 32\n 9: .quad 0, 0\n");

PROGRAM(long_block,
	".rept 150\n add rax, rbx\n rol rbx, 3\n mov [rip + 9f], rax\n .endr\n jmp finish\n"
	".balign 32\n 9: .quad 0\n");

PROGRAM(wide_branches,
	"jmp 1f\n .skip 300, 0xcc\n 2: jnz 3f\n .skip 300, 0xcc\n 1: xor eax, eax\n inc eax\n jmp 2b\n"
	".skip 200, 0xcc\n 3: .byte 0xf2, 0xe8\n .long 4f - . - 4\n .byte 0x66, 0x48, 0xe8\n .long 4f - . - 4\n"
	"notrack jmp r14\n .balign 32\n 4: endbr64\n lea r14, [rip + finish]\n bnd ret\n");

struct program {
	const char *name;
	const uint8_t *start, *end;
	const char *needs;
};

#define P(name, ...) { #name, name, name##_end, __VA_ARGS__ }
static const struct program programs[] = {
	P(loads), P(stores), P(segment), P(arithmetic), P(exchanges), P(vectors), P(vex, "avx2"), P(transfers),
	P(branches), P(loops), P(calls), P(recursion), P(strings), P(flags_kept), P(system_calls),
	P(hot), P(turns), P(long_block), P(wide_branches),
};
#define PROGRAMS (sizeof programs / sizeof *programs)

/* ---- the modes ---------------------------------------------------------------------------- */

struct mode {
	const char *name;
	struct translate_events events;
	bool writable, parts_writable, no_bmi2, slow_loop, all_syscalls, reads, looks_up, no_fsgsbase;
};

static const struct mode modes[] = {
	{ "none" },
	{ "blocks", { .blocks = true } },
	{ "blocks, time", { .blocks = true, .time = true } },
	{ "counts", { .blocks = true, .counts = true } },
	{ "calls", { .calls = true } },
	{ "calls, time", { .calls = true, .time = true } },
	{ "blocks, calls, counts, time", { .blocks = true, .calls = true, .counts = true, .time = true } },
	{ "coverage", { .coverage = true } },
	{ "stores", { .stores = true } },
	{ "stores, reads", { .stores = true }, .reads = true },
	{ "stores without BMI2", { .stores = true }, .no_bmi2 = true },
	{ "stores, blocks, calls", { .stores = true, .blocks = true, .calls = true } },
	{ "writable", { .blocks = false }, .writable = true },
	{ "writable, blocks, calls", { .blocks = true, .calls = true }, .writable = true },
	{ "system calls asked about", { .blocks = false }, .all_syscalls = true },
	{ "slow loop", { .blocks = false }, .slow_loop = true },
	{ "slow loop, calls, time", { .calls = true, .time = true }, .slow_loop = true },
	{ "counted calls", { .count_calls = true } },
	{ "counted paths, slow loop", { .blocks = true, .paths = true, .count_calls = true }, .slow_loop = true },
	{ "paths", { .blocks = true, .paths = true } },
	{ "paths, slow loop", { .blocks = true, .paths = true }, .slow_loop = true },
	{ "paths, counts, writable", { .blocks = true, .paths = true, .counts = true }, .writable = true },
	{ "counted paths, partly writable", { .blocks = true, .paths = true, .count_calls = true }, .parts_writable = true },
	{ "calls, returns looked up", { .calls = true }, .looks_up = true },
	{ "stores without FSGSBASE", { .stores = true }, .no_fsgsbase = true },
};
#define MODES (sizeof modes / sizeof *modes)

/* The words behind +9 of most programs, and the deeper half of the stack. */
static struct translate_range ranges[2];

static struct machine *make(const struct mode *mode, enum place place)
{
	struct machine *m = calloc(1, sizeof *m);
	uint64_t program = place == PLACE_LOW ? 0x20000000 : 0x500000000000;

	m->name = mode->name;
	m->slow_loop = mode->slow_loop;
	ranges[0] = (struct translate_range){ program + 0x100, program + 0x180 };
	ranges[1] = (struct translate_range){ program + STACK_OFFSET, program + STACK_OFFSET + STACK_BYTES / 2 - 32 };
	if (mode->events.stores) {
		m->config.ranges = ranges;
		m->config.range_count = 2;
		m->config.watch_reads = mode->reads;
	}
	m->config.is_writable = mode->writable ? machine_all_writable :
				mode->parts_writable ? machine_parts_writable : NULL;
	m->config.is_function = machine_is_function;
	m->config.has_fsgsbase = !mode->no_fsgsbase && getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE;
	machine_init(m, place, &mode->events);
	if (mode->looks_up)             /* as in an arena on both sides of a multiple of 4 GiB */
		m->t->predicts_returns = false;
	if (mode->no_bmi2) {
		translator_destroy(m->t);
		m->config.has_bmi2 = false;
		m->t = translator_create(&m->config, NULL);
		translator_returns_forget(m->t, m->tb);
	}
	for (int i = 0; mode->all_syscalls && i < 65536; i++)
		m->sys_table[i] = (uint8_t)(i & 1 ? SYS_ACTION_PRE : SYS_ACTION_POST);
	return m;
}

/* Loads the program; pc-relative words that hold an address are made so. */
static void load(struct machine *m, const struct program *p)
{
	pthread_mutex_lock(&m->lock);
	machine_load(m, p->start, p->end);
	if (p->start == transfers) {            /* its third word is relative to the first */
		uint64_t *words = (uint64_t *)(m->program + (uint64_t)(transfers_end - transfers) - 40);

		words[2] += (uint64_t)words;
	}
	pthread_mutex_unlock(&m->lock);
}

static bool can_run(const struct program *p)
{
	return !p->needs || (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") &&
			     __builtin_cpu_supports("fma"));
}

/* Runs natively, then in the cache, more than once: with misses, then linked. */
static void compare(struct machine *m, const struct program *p, uint64_t seed, int rounds)
{
	static struct outcome native, translated;
	struct image in;

	machine_doing = p->name;
	image_fill(&in, m, &seed);
	load(m, p);
	machine_run(&in, m->program);
	machine_outcome(m, &native);
	for (int round = 0; round < rounds; round++) {
		load(m, p);
		machine_run_translated(m, &in, m->program);
		machine_outcome(m, &translated);
		const char *what = difference(&native, &translated);
		cr_assert_null(what, "%s, mode %s, program at %lx, round %d: %s", p->name, m->name,
			       m->program, round, what);
	}
}

/* The same in superblocks: as execution went the first time, and so that most are left early. */
static unsigned compare_superblocks(struct machine *m, const struct program *p, uint64_t seed)
{
	static uint64_t order[ORDER_MAX];
	unsigned made = 0;

	pthread_mutex_lock(&m->lock);
	machine_drain(m);
	size_t count = machine_order(m, m->log, m->log_count, order);
	pthread_mutex_unlock(&m->lock);
	for (size_t len = TRANSLATE_SUPERBLOCK_MAX; len > 2; len /= 3) {
		made += machine_lay_out(m, order, count, len);
		compare(m, p, seed, 3);
		compare(m, p, seed + 1, 3);
	}
	return made;
}

/* Each program in a cache of its own, and its cache is wiped for the next. */
static void compare_all(const struct mode *mode, enum place place)
{
	struct machine *m = make(mode, place);
	unsigned superblocks = 0;

	for (size_t i = 0; i < PROGRAMS; i++) {
		/* Watched, each of its 20,000 pushes would ask. */
		if (!can_run(&programs[i]) || (mode->events.stores && programs[i].start == hot))
			continue;
		pthread_mutex_lock(&m->lock);
		load(m, &programs[i]);
		translator_drop(m->t, m->program, m->program + PROGRAM_BYTES);
		machine_drain(m);
		m->log_count = 0;
		pthread_mutex_unlock(&m->lock);
		for (uint64_t seed = 1; seed < 4; seed++)
			compare(m, &programs[i], seed * 0x9e3779b97f4a7c15 + i, 3);
		if (mode->events.paths)
			superblocks += compare_superblocks(m, &programs[i], 0x9e3779b97f4a7c15 + i);
	}
	if (mode->events.paths && !mode->writable)
		cr_assert_gt(superblocks, 100, "%u superblocks", superblocks);
	machine_deinit(m);
	free(m);
}

#define MODE_TEST(name, index) \
	Test(run, name##_near) { compare_all(&modes[index], PLACE_NEAR); } \
	Test(run, name##_far) { compare_all(&modes[index], PLACE_FAR); } \
	Test(run, name##_low) { compare_all(&modes[index], PLACE_LOW); }

MODE_TEST(ends_alike_without_events, 0)
MODE_TEST(ends_alike_with_blocks, 1)
MODE_TEST(ends_alike_with_blocks_and_time, 2)
MODE_TEST(ends_alike_with_counts, 3)
MODE_TEST(ends_alike_with_calls, 4)
MODE_TEST(ends_alike_with_calls_and_time, 5)
MODE_TEST(ends_alike_with_all_events, 6)
MODE_TEST(ends_alike_with_coverage, 7)
MODE_TEST(ends_alike_with_stores, 8)
MODE_TEST(ends_alike_with_loads_and_stores, 9)
MODE_TEST(ends_alike_with_stores_without_bmi2, 10)
MODE_TEST(ends_alike_with_stores_blocks_calls, 11)
MODE_TEST(ends_alike_when_writable, 12)
MODE_TEST(ends_alike_when_writable_with_events, 13)
MODE_TEST(ends_alike_when_asked_about_system_calls, 14)
MODE_TEST(ends_alike_with_a_slow_loop, 15)
MODE_TEST(ends_alike_with_a_slow_loop_and_events, 16)
MODE_TEST(ends_alike_with_counted_calls, 17)
MODE_TEST(ends_alike_with_counted_paths, 18)
MODE_TEST(ends_alike_with_paths, 19)
MODE_TEST(ends_alike_with_paths_and_a_slow_loop, 20)
MODE_TEST(ends_alike_with_paths_when_writable, 21)
MODE_TEST(ends_alike_with_paths_when_partly_writable, 22)
MODE_TEST(ends_alike_when_returns_are_looked_up, 23)
MODE_TEST(ends_alike_with_stores_without_fsgsbase, 24)

/* Accesses relative to fs that hit nothing ask nobody. */
Test(run, stores_through_fs_are_checked_in_line)
{
	const struct program p = P(segment);

	for (size_t mode = 0; mode < MODES; mode++) {
		struct machine *m = make(&modes[mode], PLACE_FAR);
		struct image in;
		uint64_t seed = 5;

		image_fill(&in, m, &seed);
		load(m, &p);
		machine_run_translated(m, &in, m->program);
		if (modes[mode].events.stores && !modes[mode].no_bmi2 && !modes[mode].reads)
			cr_expect_eq(m->requests[REQUEST_WATCH], 0, "%s: %u", m->name,
				     (unsigned)m->requests[REQUEST_WATCH]);
		machine_deinit(m);
		free(m);
	}
}

/* ---- flags --------------------------------------------------------------------------------- */

Test(run, keeps_every_flag)
{
	const uint64_t bits[7] = { 1, 4, 0x10, 0x40, 0x80, 0x400, 0x800 };
	const struct program p = P(flags_kept);

	for (size_t mode = 0; mode < MODES; mode++) {
		struct machine *m = make(&modes[mode], PLACE_FAR);
		struct image in;
		uint64_t seed = 77;

		image_fill(&in, m, &seed);
		for (unsigned set = 0; set < 128; set++) {
			in.flags = 2;
			for (int i = 0; i < 7; i++)
				in.flags |= set >> i & 1 ? bits[i] : 0;
			load(m, &p);
			machine_run_translated(m, &in, m->program);
			cr_assert_eq(machine_result.flags & (FLAGS_TESTED | 2), in.flags,
				     "mode %s: %lx became %lx", m->name, in.flags, machine_result.flags);
		}
		machine_deinit(m);
		free(m);
	}
}

/* ---- links, events, dropping ------------------------------------------------------------------ */

Test(run, asks_no_more_once_all_is_linked)
{
	struct machine *m = make(&modes[0], PLACE_FAR);
	const struct program p = P(hot);

	compare(m, &p, 5, 1);
	uint64_t before = m->requests[REQUEST_MISS_CALL] + m->requests[REQUEST_MISS_RET] +
			  m->requests[REQUEST_MISS_JMP], misses = m->requests[REQUEST_MISS];
	compare(m, &p, 5, 10);
	cr_expect_eq(m->requests[REQUEST_MISS_CALL] + m->requests[REQUEST_MISS_RET] +
		     m->requests[REQUEST_MISS_JMP], before);
	cr_expect_eq(m->requests[REQUEST_MISS] - misses, 10, "the finish alone");
	machine_deinit(m);
	free(m);
}

Test(run, guesses_where_branches_go_often)
{
	struct machine *m = make(&modes[0], PLACE_FAR);
	const struct program p = P(turns);
	struct translate_stats stats;

	compare(m, &p, 5, 3);
	translator_stats(m->t, &stats);
	/* four returns, two of them from more than one place; a call and a jump to many */
	cr_expect_geq(stats.guesses, 8, "%lu guesses", stats.guesses);
	cr_expect_gt(m->requests[REQUEST_HOT_RET], 0);
	cr_expect_gt(m->requests[REQUEST_HOT_CALL], 0);
	cr_expect_gt(m->requests[REQUEST_HOT_JMP], 0);
	compare(m, &p, 5, 20);
	translator_stats(m->t, &stats);
	uint64_t settled = stats.guesses, blocks = stats.blocks;
	compare(m, &p, 5, 20);
	translator_stats(m->t, &stats);
	cr_expect_eq(stats.guesses, settled, "it comes to rest");
	cr_expect_eq(stats.blocks, blocks);
	machine_deinit(m);
	free(m);
}

/* Calls whose returns have one place in the thread's table, one within the other; and a return to
 * where no call came from. */
PROGRAM(same_place,
	"mov r12d, 5\n"
	"1: call 4f\n lea rbx, [rbx + 1]\n dec r12d\n jnz 1b\n"
	"lea rax, [rip + 3f]\n push rax\n ret\n"
	"3: jmp finish\n"
	".balign 256\n.skip 5\n"         /* +5: behind a call at +0 */
	"2: ret\n"
	".balign 256\n"
	"4: call 5f\n lea rsi, [rsi + 2]\n ret\n"
	".balign 256\n"
	"5: call 6f\n lea rdi, [rdi + 3]\n ret\n"
	".balign 256\n"
	"6: call 2b\n lea r8, [r8 + 4]\n ret\n");

Test(run, returns_right_where_calls_share_a_place)
{
	struct machine *m = make(&modes[0], PLACE_FAR);
	const struct program p = P(same_place);

	compare(m, &p, 5, 3);
	uint64_t misses = m->requests[REQUEST_MISS_RET];
	compare(m, &p, 5, 3);
	cr_expect_eq(m->requests[REQUEST_MISS_RET], misses, "looked up, and found");
	machine_deinit(m);
	free(m);
}

/* By a call, and later by another way, when what stands behind the call is another code. */
PROGRAM(comes_back,
	"test eax, eax\n jz 1f\n"
	"call 2f\n"
	"0: mov ebx, 0x11\n jmp finish\n"
	"1: lea rax, [rip + 0b]\n push rax\n"
	"2: ret\n");

Test(run, forgets_where_returns_go_with_the_code_there)
{
	struct machine *m = make(&modes[0], PLACE_FAR);
	const struct program p = P(comes_back);
	struct image in;
	uint64_t seed = 1;

	image_fill(&in, m, &seed);
	load(m, &p);
	in.gpr[0] = 1;
	for (int i = 0; i < 2; i++) {
		machine_run_translated(m, &in, m->program);
		cr_assert_eq(machine_result.gpr[3], 0x11);
	}
	uint8_t *changed = memchr((void *)m->program, 0x11, FINISH_OFFSET);
	for (int value = 0x12; value < 0x15; value++) {
		pthread_mutex_lock(&m->lock);
		*changed = (uint8_t)value;
		translator_drop(m->t, (uint64_t)changed, (uint64_t)changed + 1);
		pthread_mutex_unlock(&m->lock);
		in.gpr[0] = value == 0x13;
		machine_run_translated(m, &in, m->program);
		cr_assert_eq(machine_result.gpr[3], (uint64_t)value);
	}
	machine_deinit(m);
	free(m);
}

/* A guess leads to code that is dropped, like any other way there. */
Test(run, forgets_guesses_with_the_code_they_lead_to)
{
	struct machine *m = make(&modes[12], PLACE_NEAR);
	const struct program p = P(turns);
	struct image in;
	uint64_t seed = 3;

	compare(m, &p, 3, 5);
	image_fill(&in, m, &seed);
	for (uint64_t add = 4; add < 9; add++) {
		load(m, &p);
		uint8_t *lea = memmem((void *)m->program, 4096, "\x48\x8d\x5b\x03\xe8", 5);
		cr_assert_not_null(lea);
		lea[3] = (uint8_t)add;
		machine_run_translated(m, &in, m->program);
		cr_expect_eq(machine_result.gpr[3], in.gpr[3] + 105 * add);
	}
	machine_deinit(m);
	free(m);
}

/* The ids in the log, each with its site. */
static unsigned count_events(struct machine *m, enum site_kind kind)
{
	unsigned found = 0;

	machine_drain(m);
	for (size_t i = 0; i < m->log_count; i += 1 + event_words(m->log[i])) {
		const struct site *site = translator_site(m->t, event_index(m->log[i]));

		cr_assert_not_null(site);
		cr_assert_eq(site->words, event_words(m->log[i]));
		found += site->kind == kind;
	}
	return found;
}

Test(run, reports_every_call_and_return)
{
	for (int time = 0; time <= 1; time++) {
		struct machine *m = make(&modes[4 + time], PLACE_NEAR);
		const struct program p = P(hot);

		compare(m, &p, 5, 1);
		cr_expect_eq(count_events(m, SITE_CALL), 6000);
		cr_expect_eq(count_events(m, SITE_CALL_INDIRECT), 3000);
		cr_expect_eq(count_events(m, SITE_RETURN), 9000);
		machine_deinit(m);
		free(m);
	}
}

Test(run, waits_for_the_reader_of_a_full_ring)
{
	struct machine *m = make(&modes[6], PLACE_NEAR);
	const struct program p = P(hot);

	machine_thread_init(m, 2);
	compare(m, &p, 9, 3);
	cr_expect_gt(m->ring_waits, 10);
	machine_deinit(m);
	free(m);
}

/* Wherever the ring runs full, the way out of that place is right. */
Test(run, waits_for_the_reader_at_every_place, .timeout = 60)
{
	static const int events[] = { 4, 5, 6, 16 };

	for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
		struct machine *m = make(&modes[events[i]], PLACE_NEAR);
		const struct program p = P(turns);

		compare(m, &p, 5, 20);
		for (unsigned fill = 4; fill < 1200; fill += 4) {
			machine_thread_init(m, CHUNKS_MAX_TEST);
			m->tb->cursor = m->tb->ring_start + RING_CHUNK - fill;
			m->ring.at = RING_CHUNK - fill;
			compare(m, &p, 5, 1);
		}
		machine_deinit(m);
		free(m);
	}
}

Test(run, counts_what_it_drops)
{
	struct machine *m = make(&modes[6], PLACE_NEAR);
	const struct program p = P(hot);

	compare(m, &p, 9, 1);
	machine_thread_init(m, 2);
	m->tb->ring_lossy = 1;
	unsigned waits = m->ring_waits;
	compare(m, &p, 9, 1);
	cr_expect_eq(m->ring_waits, waits);
	unsigned calls = count_events(m, SITE_CALL) + count_events(m, SITE_CALL_INDIRECT);
	unsigned kept = calls + count_events(m, SITE_RETURN) + count_events(m, SITE_BLOCK);
	cr_expect_lt(calls, 9000);
	cr_expect_gt(m->tb->ring_lost, 0);
	/* calls, returns, a block behind each, and at the start, in the loop, at the end */
	cr_expect_eq(kept + m->tb->ring_lost, 9000 + 9000 + 9000 + 9000 + 1 + 2999 + 1, "%u + %lu", kept,
		     m->tb->ring_lost);
	machine_deinit(m);
	free(m);
}

Test(run, sees_code_that_has_changed)
{
	struct machine *m = make(&modes[12], PLACE_NEAR);
	const struct program p = P(calls);
	struct image in;
	uint64_t seed = 3;

	compare(m, &p, 3, 2);
	image_fill(&in, m, &seed);
	for (uint64_t add = 2; add < 9; add++) {
		load(m, &p);
		uint8_t *lea = memmem((void *)m->program, 4096, "\x48\x8d\x40\x01\xc3", 5);
		lea[3] = (uint8_t)add;
		machine_run_translated(m, &in, m->program);
		cr_expect_eq(machine_result.gpr[0], in.gpr[0] + 4 * add);
	}
	cr_expect_geq(m->requests[REQUEST_STALE], 7);
	machine_deinit(m);
	free(m);
}

/* A second thread forgets everything while the first runs. */
Test(run, goes_on_when_its_code_is_dropped, .timeout = 30)
{
	for (size_t mode = 0; mode < MODES; mode += 3) {
		if (modes[mode].events.stores)
			continue;
		struct machine *m = make(&modes[mode], PLACE_FAR);
		static struct outcome native, translated;
		const struct program p = P(hot);
		struct image in;
		uint64_t seed = 3;

		image_fill(&in, m, &seed);
		load(m, &p);
		machine_run(&in, m->program);
		machine_outcome(m, &native);
		for (int round = 0; round < 9; round++) {
			load(m, &p);
			if (round % 3 == 0) {
				pthread_mutex_lock(&m->lock);
				translator_drop(m->t, m->program, m->program + 4096);
				pthread_mutex_unlock(&m->lock);
			}
			m->drop_every = 1 + round % 7;
			machine_run_translated(m, &in, m->program);
			machine_outcome(m, &translated);
			const char *what = difference(&native, &translated);
			cr_assert_null(what, "mode %s, round %d: %s", m->name, round, what);
		}
		machine_deinit(m);
		free(m);
	}
}

static unsigned reads;

static size_t count_read(void *context, struct app_pc pc, void *buf, size_t len)
{
	reads++;
	return machine_read(context, pc, buf, len);
}

static bool is_never_writable(void *context, struct app_pc pc)
{
	return false;
}

/* A page that cannot be written is read once, and again when it is dropped. */
Test(run, reads_anew_what_may_have_changed)
{
	struct machine *m = make(&modes[0], PLACE_NEAR);
	const struct program p = P(calls);
	struct cache_pc at;

	for (int writable = 0; writable <= 1; writable++) {
		translator_destroy(m->t);
		m->config.read = count_read;
		m->config.is_writable = writable ? machine_all_writable : is_never_writable;
		m->t = translator_create(&m->config, NULL);
		load(m, &p);
		reads = 0;
		for (uint64_t i = 0; i < 20; i++)
			cr_assert_eq(translator_enter(m->t, (struct app_pc){ m->program + 0x800 + i }, &at), 0);
		if (writable)
			cr_expect_geq(reads, 20);
		else
			cr_expect_eq(reads, 1);
		translator_drop(m->t, m->program + 0x1000, m->program + 0x2000);
		translator_enter(m->t, (struct app_pc){ m->program + 0x900 }, &at);
		cr_expect_eq(reads, writable ? 21 : 1);
		translator_drop(m->t, m->program, m->program + 1);
		translator_enter(m->t, (struct app_pc){ m->program + 0x901 }, &at);
		cr_expect_eq(reads, writable ? 22 : 2);
		translator_enter(m->t, (struct app_pc){ m->program + 0x902 }, &at);
		cr_expect_eq(reads, writable ? 23 : 3, "it may be about to change");
		for (int i = 0; i < 8; i++)
			translator_drop(m->t, m->program + 0x2000, m->program + 0x3000);
		for (uint64_t i = 3; i < 9; i++)
			translator_enter(m->t, (struct app_pc){ m->program + 0x900 + i }, &at);
		cr_expect_eq(reads, writable ? 29 : 4);
	}
	machine_deinit(m);
	free(m);
}

/* What is dropped and translated again must not lengthen the chains of the table. */
Test(run, finds_its_way_as_fast_after_many_drops, .timeout = 30)
{
	struct machine *m = make(&modes[0], PLACE_FAR);
	const struct program p = P(hot);

	for (int round = 0; round < 800; round++) {
		pthread_mutex_lock(&m->lock);
		translator_drop(m->t, m->program, m->program + PROGRAM_BYTES);
		pthread_mutex_unlock(&m->lock);
		compare(m, &p, 5, 1);
	}
	for (int lookup = 0; lookup < LOOKUP_KINDS; lookup++) {
		const uint64_t *words = (const uint64_t *)m->config.lookup_local[lookup];
		unsigned used = 0;

		for (size_t i = 0; i < TRANSLATE_LOOKUP_BYTES / 16; i++)
			used += words[2 * i] != 0;
		cr_expect_leq(used, 8, "table %d has %u entries", lookup, used);
	}
	machine_deinit(m);
	free(m);
}

/* `call` to the next instruction, `ret`, over and over; returns come to 7, 15, 23 .. */
static size_t read_calls(void *context, struct app_pc pc, void *buf, size_t len)
{
	static const uint8_t code[] = { 0xe8, 0, 0, 0, 0, 0xc3, 0x90, 0x90 };

	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = code[(pc.address + 6 + i) % sizeof code];
	return len;
}

#define HASH_AGAIN (65536ull << 3)      /* so far from it a return has the same hash */

/* Entries for `count` addresses from `start` on with the same hash; the farthest is *behind
 * so many. */
static unsigned entries_of(const struct machine *m, uint64_t start, unsigned count, size_t *behind)
{
	const uint64_t *words = (const uint64_t *)m->config.lookup_local[LOOKUP_RET];
	size_t first = start / 8 % LOOKUP_HASHES * LOOKUP_LINE;
	unsigned found = 0;

	for (size_t i = 0; i < TRANSLATE_LOOKUP_BYTES / 16; i++)
		for (unsigned k = 0; k < count; k++) {
			if (words[2 * i] != -(start + HASH_AGAIN * k))
				continue;
			found++;
			cr_expect_geq(i, first);
			*behind = i - first;
		}
	return found;
}

/* Returns that have the same place in the table find one each, as near as there is room, at
 * the table's end, too; and those that nobody has taken leave room in the line to others. */
Test(run, finds_room_for_returns_that_collide)
{
	const unsigned count = 30;
	struct machine *m = make(&modes[0], PLACE_FAR);
	struct cache_pc at;

	translator_destroy(m->t);
	m->config.read = read_calls;
	m->config.has_bmi2 = true;      /* nothing is executed */
	m->t = translator_create(&m->config, NULL);
	for (uint64_t place = 58; place < HASH_AGAIN; place += 0x1fff8) {
		uint64_t start = 0x10000000 + place, back = start + 5;
		size_t behind = 0;

		for (unsigned k = 0; k < count; k++)
			cr_assert_eq(translator_enter(m->t, (struct app_pc){ start + HASH_AGAIN * k }, &at), 0);
		cr_expect_eq(entries_of(m, back, count, &behind), LOOKUP_LINE - 1);
		cr_expect_eq(behind, LOOKUP_LINE - 2);
		for (unsigned k = 0; k < count; k++)
			cr_assert_eq(translator_miss_indirect(m->t, LOOKUP_RET,
				     (struct app_pc){ back + HASH_AGAIN * k }, &at), 0);
		cr_expect_eq(entries_of(m, back, count, &behind), count, "at %lx", back);
		cr_expect_lt(behind, LOOKUP_LINE + LOOKUP_TAIL_MAX);
	}
	machine_deinit(m);
	free(m);
}

/* Chains have an end: a table takes so many and no more, and says so when many want in. */
Test(run, refuses_indirect_branches_that_would_fill_the_table, .timeout = 60)
{
	struct machine *m = make(&modes[0], PLACE_FAR);
	const uint64_t *words = (const uint64_t *)m->config.lookup_local[LOOKUP_JMP];
	uint64_t pc = 0x10000000;
	struct cache_pc at;
	size_t used = 0;
	int r = 0;

	translator_destroy(m->t);
	m->config.read = read_calls;
	m->t = translator_create(&m->config, NULL);
	for (size_t i = 0; i < LOOKUP_HASHES * LOOKUP_LINE && r == 0; i++, pc += 8)
		r = translator_miss_indirect(m->t, LOOKUP_JMP, (struct app_pc){ pc + 1 }, &at);
	cr_expect_eq(r, -ENOSPC);
	for (size_t i = 0; i < TRANSLATE_LOOKUP_BYTES / 16; i++)
		used += words[2 * i] != 0;
	cr_expect_leq(used, LOOKUP_HASHES * LOOKUP_LINE * 3 / 4);
	translator_flush(m->t);
	translator_returns_forget(m->t, m->tb);
	cr_expect_eq(translator_miss_indirect(m->t, LOOKUP_JMP, (struct app_pc){ pc + 1 }, &at), 0);
	machine_deinit(m);
	free(m);
}

/* Calls without end, each to the next one. */
static size_t read_chain(void *context, struct app_pc pc, void *buf, size_t len)
{
	static const uint8_t code[] = { 0xe8, 3, 0, 0, 0, 0xc3, 0x90, 0x90 };

	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = code[(pc.address + i) % sizeof code];
	return len;
}

/* Two branches ahead, or one. */
Test(run, looks_ahead_as_far_as_told)
{
	struct machine *m = make(&modes[0], PLACE_FAR);
	struct cache_pc at;

	for (int near = 0; near <= 1; near++) {
		unsigned ahead = 0;

		translator_destroy(m->t);
		m->config.read = read_chain;
		m->config.looks_near = near;
		m->t = translator_create(&m->config, NULL);
		cr_assert_eq(translator_enter(m->t, (struct app_pc){ 0x10000000 }, &at), 0);
		while (translator_look_ahead(m->t))
			ahead++;
		cr_expect_eq(ahead, near ? 1 : 2);
	}
	machine_deinit(m);
	free(m);
}

/* Half of the counters are for what has been asked for. */
Test(run, looks_ahead_while_there_are_counters)
{
	struct machine *m = make(&modes[0], PLACE_FAR);
	const uint32_t count = 64;
	struct cache_pc at;
	unsigned ahead = 0, last = 0;

	translator_destroy(m->t);
	m->config.read = read_chain;
	m->config.events.count_calls = true;
	m->config.counters_max = count;
	m->t = translator_create(&m->config, NULL);
	for (uint64_t pc = 0x10000000; translator_enter(m->t, (struct app_pc){ pc }, &at) == 0;
	     pc += 65536) {
		bool is_short = translator_counter(m->t, count / 2);

		last += is_short;
		while (translator_look_ahead(m->t)) {
			cr_expect(!is_short);
			ahead++;
		}
	}
	cr_expect_gt(ahead, 5);
	cr_expect_gt(last, 5);
	machine_deinit(m);
	free(m);
}

/* What did not fit in whole must not be entered the next time either. */
Test(run, does_not_enter_what_the_cache_had_no_room_for)
{
	struct machine *m = make(&modes[6], PLACE_FAR);
	const struct program p = P(branches);
	struct cache_pc at;
	unsigned full = 0;

	load(m, &p);
	for (size_t size = 2048; size < 16384; size += 64) {
		translator_destroy(m->t);
		m->config.size_bytes = size;
		m->t = translator_create(&m->config, NULL);
		if (translator_enter(m->t, (struct app_pc){ m->program }, &at) == 0)
			continue;
		cr_expect_eq(translator_enter(m->t, (struct app_pc){ m->program }, &at), -ENOSPC,
			     "a cache of %zu bytes", size);
		full++;
	}
	cr_expect_gt(full, 10);
	machine_deinit(m);
	free(m);
}
