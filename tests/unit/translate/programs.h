/* programs.h - programs that are run natively and translated, and the ways in which they are translated.
 *
 * For the tests of translated code: each has them all in a copy of its own.
 */
#ifndef TESTS_TRANSLATE_PROGRAMS_H
#define TESTS_TRANSLATE_PROGRAMS_H

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

JUMPS_BY_REGISTER(registers, "rax,rcx,rdx,rbx,rbp,rsi,rdi,r8,r9,r10,r11,r12,r13,r14,r15", "30");

#define P(name, ...) { #name, name, name##_end, __VA_ARGS__ }
static const struct program programs[] = {
	P(loads), P(stores), P(segment), P(arithmetic), P(exchanges), P(vectors), P(vex, "avx2"), P(transfers),
	P(branches), P(loops), P(calls), P(recursion), P(strings), P(flags_kept), P(system_calls),
	P(hot), P(turns), P(registers), P(long_block), P(wide_branches),
};
#define PROGRAMS (sizeof programs / sizeof *programs)

/* ---- the modes ---------------------------------------------------------------------------- */

struct mode {
	const char *name;
	struct translate_events events;
	bool writable, parts_writable, no_bmi2, slow_loop, all_syscalls, reads, looks_up, no_fsgsbase;
};

enum mode_name {
	NONE, BLOCKS, BLOCKS_TIME, COUNTS, CALLS, CALLS_TIME, ALL, COVERAGE, STORES, LOADS_AND_STORES,
	STORES_NO_BMI2, STORES_AND_EVENTS, WRITABLE, WRITABLE_EVENTS, SYSCALLS_ASKED, SLOW_LOOP,
	SLOW_LOOP_CALLS, COUNTED_CALLS, COUNTED_PATHS, PATHS, PATHS_SLOW_LOOP, PATHS_WRITABLE,
	PATHS_PARTLY_WRITABLE, RETURNS_LOOKED_UP, STORES_NO_FSGSBASE,
	MODES
};

static const struct mode modes[] = {
	[NONE] = { "none" },
	[BLOCKS] = { "blocks", { .blocks = true } },
	[BLOCKS_TIME] = { "blocks, time", { .blocks = true, .time = true } },
	[COUNTS] = { "counts", { .blocks = true, .counts = true } },
	[CALLS] = { "calls", { .calls = true } },
	[CALLS_TIME] = { "calls, time", { .calls = true, .time = true } },
	[ALL] = { "blocks, calls, counts, time", { .blocks = true, .calls = true, .counts = true, .time = true } },
	[COVERAGE] = { "coverage", { .coverage = true } },
	[STORES] = { "stores", { .stores = true } },
	[LOADS_AND_STORES] = { "stores, reads", { .stores = true }, .reads = true },
	[STORES_NO_BMI2] = { "stores without BMI2", { .stores = true }, .no_bmi2 = true },
	[STORES_AND_EVENTS] = { "stores, blocks, calls", { .stores = true, .blocks = true, .calls = true } },
	[WRITABLE] = { "writable", { .blocks = false }, .writable = true },
	[WRITABLE_EVENTS] = { "writable, blocks, calls", { .blocks = true, .calls = true }, .writable = true },
	[SYSCALLS_ASKED] = { "system calls asked about", { .blocks = false }, .all_syscalls = true },
	[SLOW_LOOP] = { "slow loop", { .blocks = false }, .slow_loop = true },
	[SLOW_LOOP_CALLS] = { "slow loop, calls, time", { .calls = true, .time = true }, .slow_loop = true },
	[COUNTED_CALLS] = { "counted calls", { .count_calls = true } },
	[COUNTED_PATHS] = { "counted paths, slow loop", { .blocks = true, .paths = true, .count_calls = true }, .slow_loop = true },
	[PATHS] = { "paths", { .blocks = true, .paths = true } },
	[PATHS_SLOW_LOOP] = { "paths, slow loop", { .blocks = true, .paths = true }, .slow_loop = true },
	[PATHS_WRITABLE] = { "paths, counts, writable", { .blocks = true, .paths = true, .counts = true }, .writable = true },
	[PATHS_PARTLY_WRITABLE] = { "counted paths, partly writable", { .blocks = true, .paths = true, .count_calls = true }, .parts_writable = true },
	[RETURNS_LOOKED_UP] = { "calls, returns looked up", { .calls = true }, .looks_up = true },
	[STORES_NO_FSGSBASE] = { "stores without FSGSBASE", { .stores = true }, .no_fsgsbase = true },
};

/* The words behind +9 of most programs, and the deeper half of the stack. */
static struct translate_range ranges[2];

static inline struct machine *make(const struct mode *mode, enum place place)
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
static inline void load(struct machine *m, const struct program *p)
{
	pthread_mutex_lock(&m->lock);
	machine_load(m, p->start, p->end);
	if (p->start == transfers) {            /* its third word is relative to the first */
		uint64_t *words = (uint64_t *)(m->program + (uint64_t)(transfers_end - transfers) - 40);

		words[2] += (uint64_t)words;
	}
	pthread_mutex_unlock(&m->lock);
}

static inline bool can_run(const struct program *p)
{
	return !p->needs || (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") &&
			     __builtin_cpu_supports("fma"));
}

/* Runs natively, then in the cache, more than once: with misses, then linked. */
static inline void compare(struct machine *m, const struct program *p, uint64_t seed, int rounds)
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

#endif
