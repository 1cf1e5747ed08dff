/* machine.h - translated code that runs in the test's own process.
 *
 * A program is assembled into the test (PROGRAM), copied to an address of one's
 * choice, and run twice from the same registers and memory: natively, and in the
 * code cache.  Both must end alike.
 *
 *      program +0        its code and data, copied anew before every run
 *              +0xf000   FINISH: where every program jumps to at its end
 *              +0x20000  its stack, 64 KiB, wholly compared
 *
 * gs is the thread block's while it runs; a second thread answers the requests,
 * as the tracer's service does.  What the service cannot translate (the finish)
 * it lets run natively.
 */
#ifndef TEST_TRANSLATE_MACHINE_H
#define TEST_TRANSLATE_MACHINE_H

#include <asm/prctl.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#include "ring.h"
#include "store_log.h"
#include "thread_block.h"
#include "translate.h"

#define PROGRAM_BYTES   0x10000u
#define FINISH_OFFSET   0xf000u
#define STACK_OFFSET    0x20000u
#define STACK_BYTES     0x10000u
#define SEEN_BYTES 65536        /* blocks, at most */
#define CODE_BYTES      (32u << 20)
#define CHUNKS_MAX_TEST 4
#define AREA_BYTES_TEST ((CHUNKS_MAX_TEST + 4) * 65536 + COUNTERS_TEST * 8)
#define COUNTERS_AT_TEST ((CHUNKS_MAX_TEST + 2) * 65536 - THREAD_BLOCK_OFFSET)
#define COUNTERS_TEST (1u << 17)
#define HEAT_LIMIT_TEST 2
#define LOG_WORDS       (1u << 20)

/* `body` with `finish` for the jump at its end */
#define PROGRAM(name, body) \
	__asm__(".pushsection .rodata.programs, \"a\"\n.balign 64\n.intel_syntax noprefix\n" \
		#name ":\n.set finish, " #name " + 0xf000\n" body "\n" #name "_end:\n" \
		".att_syntax prefix\n.popsection\n"); \
	extern const uint8_t name[], name##_end[] __attribute__((visibility("hidden")))

/* Jumps to what each of these registers holds, to two places; flags live on. */
#define JUMPS_BY_REGISTER(name, registers, rounds) \
	PROGRAM(name, \
		"1:\n" \
		".irp r, " registers "\n" \
		"lea \\r, [rip + 2f]\n test byte ptr [rip + 9f], 2\n jz 3f\n lea \\r, [rip + 4f]\n" \
		"3: stc\n jmp \\r\n ud2\n 2: lea rdx, [rdx + 5]\n 4: adc rdx, 3\n" \
		".endr\n" \
		"dec byte ptr [rip + 9f]\n jnz 1b\n jmp finish\n" \
		".balign 32\n 9: .quad " rounds "\n")

/* ---- registers in, registers out ----------------------------------------------------- */

struct image {
	uint64_t gpr[16];
	uint64_t flags;
	uint64_t pad[3];
	uint8_t vector[16][32];
};

extern struct image machine_result __attribute__((visibility("hidden")));
extern uint8_t machine_has_avx __attribute__((visibility("hidden")));
void machine_run(const struct image *in, uint64_t pc) __attribute__((visibility("hidden")));
void machine_finish(void) __attribute__((visibility("hidden")));

#define VECTORS(op16, op32) \
	"	cmp	byte ptr machine_has_avx[rip], 0\n" \
	"	jne	1f\n" \
	"	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n" op16 \
	"	.endr\n" \
	"	jmp	2f\n" \
	"1:	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n" op32 \
	"	.endr\n" \
	"2:\n"

__asm__(
	".intel_syntax noprefix\n"
	".bss\n.balign 64\n"
	"machine_result: .skip 672\n"
	"machine_has_avx: .skip 8\n"
	"machine_host_rsp: .skip 8\n"
	"machine_pc: .skip 8\n"
	".text\n"
	"machine_run:\n"
	"	push	rbx\n	push	rbp\n	push	r12\n	push	r13\n	push	r14\n	push	r15\n"
	"	mov	machine_host_rsp[rip], rsp\n"
	"	mov	machine_pc[rip], rsi\n"
	VECTORS("	movups	xmm\\n, [rdi + 160 + 32 * \\n]\n",
		"	vmovdqu	ymm\\n, [rdi + 160 + 32 * \\n]\n")
	"	push	qword ptr [rdi + 128]\n	popfq\n"
	"	mov	rax, [rdi]\n	mov	rcx, [rdi + 8]\n	mov	rdx, [rdi + 16]\n"
	"	mov	rbx, [rdi + 24]\n	mov	rsp, [rdi + 32]\n	mov	rbp, [rdi + 40]\n"
	"	mov	rsi, [rdi + 48]\n"
	"	.irp n, 8,9,10,11,12,13,14,15\n	mov	r\\n, [rdi + 8 * \\n]\n	.endr\n"
	"	mov	rdi, [rdi + 56]\n"
	"	jmp	qword ptr machine_pc[rip]\n"
	"machine_finish:\n"
	"	mov	machine_result[rip], rax\n	mov	machine_result[rip + 8], rcx\n"
	"	mov	machine_result[rip + 16], rdx\n	mov	machine_result[rip + 24], rbx\n"
	"	mov	machine_result[rip + 32], rsp\n	mov	machine_result[rip + 40], rbp\n"
	"	mov	machine_result[rip + 48], rsi\n	mov	machine_result[rip + 56], rdi\n"
	"	.irp n, 8,9,10,11,12,13,14,15\n	mov	machine_result[rip + 8 * \\n], r\\n\n	.endr\n"
	"	mov	rsp, machine_host_rsp[rip]\n"
	"	pushfq\n	pop	qword ptr machine_result[rip + 128]\n"
	"	cld\n"
	VECTORS("	movups	machine_result[rip + 160 + 32 * \\n], xmm\\n\n",
		"	vmovdqu	machine_result[rip + 160 + 32 * \\n], ymm\\n\n")
	"	cmp	byte ptr machine_has_avx[rip], 0\n	je	3f\n	vzeroupper\n3:"
	"	pop	r15\n	pop	r14\n	pop	r13\n	pop	r12\n	pop	rbp\n	pop	rbx\n"
	"	ret\n"
	".att_syntax prefix\n");

/* ---- the machine ------------------------------------------------------------------------ */

enum place {
	PLACE_NEAR,             /* the cache within 2 GiB of the program */
	PLACE_FAR,              /* out of its reach, both above 4 GiB */
	PLACE_LOW,              /* the program below 2 GiB, the cache far */
	PLACES,
};

struct machine {
	struct translate_config config;
	struct translator *t;
	struct translate_runtime runtime;
	uint64_t program, stack;
	uint8_t *area;                  /* the thread's */
	struct thread_block *tb;
	struct control *control;
	struct store_log *store_log;    /* NULL: the service is asked about each store */
	uint8_t *sys_table;
	struct ring ring;
	uint32_t *log;                  /* what has been read from the ring */
	size_t log_count;
	unsigned ring_waits, watch_count;
	bool asks_always;               /* without a log of stores */
	const char *name;               /* of the mode */

	pthread_t service;
	pthread_mutex_t lock;           /* of the translator and of the program's code; recursive */
	bool has_service, ends, slow_loop;
	uint64_t requests[32];
	unsigned drop_every, dropped;    /* rounds of the service between two drops */
};

static const char *machine_doing = "";

static inline void *map_at(uint64_t at, size_t bytes, int prot, int flags, int fd)
{
	void *p = mmap((void *)at, bytes, prot, flags | (at ? MAP_FIXED_NOREPLACE : 0), fd, 0);

	cr_assert(p != MAP_FAILED && (!at || (uint64_t)p == at), "mmap at %lx: %s", at, strerror(errno));
	return p;
}

/* The program can be read, its finish cannot. */
static size_t machine_read(void *context, struct app_pc pc, void *buf, size_t len)
{
	struct machine *m = context;

	if (pc.address < m->program || pc.address >= m->program + FINISH_OFFSET)
		return 0;
	if (len > m->program + FINISH_OFFSET - pc.address)
		len = m->program + FINISH_OFFSET - pc.address;
	memcpy(buf, (void *)pc.address, len);
	return len;
}

/* By convention of these programs. */
static inline bool machine_is_function(void *context, struct app_pc pc)
{
	return (pc.address & 31) == 0;
}

static inline bool machine_all_writable(void *context, struct app_pc pc)
{
	return true;
}

/* Some blocks begin where it says no, and end where it says yes. */
static inline bool machine_parts_writable(void *context, struct app_pc pc)
{
	return pc.address % 7 == 3;
}

static inline void machine_drain(struct machine *m)
{
	ssize_t n;

	while ((n = ring_read(&m->ring, m->log + m->log_count, LOG_WORDS - m->log_count)) > 0)
		m->log_count += (size_t)n;
	cr_assert_eq(n, 0, "the ring is damaged");
	if (m->log_count > LOG_WORDS / 2)
		m->log_count = 0;
}

static inline uint64_t *machine_counters(const struct machine *m)
{
	return (uint64_t *)((uint8_t *)m->tb + COUNTERS_AT_TEST);
}

static inline void machine_counters_clear(const struct machine *m)
{
	for (uint32_t i = 0; translator_counter(m->t, i); i++)
		machine_counters(m)[i] = 0;
}

static void machine_thread_init(struct machine *m, uint32_t chunks)
{
	struct thread_block *tb = m->tb;

	memset(tb, 0, sizeof *tb);
	tb->stack_top = (uint64_t)m->area + THREAD_STACK_TOP;
	tb->control = (uint64_t)m->control;
	tb->sys_table = (uint64_t)m->sys_table;
	tb->watch_log = (uint64_t)m->store_log;
	for (int i = 0; i < LOOKUP_KINDS; i++)
		tb->lookup[i] = m->config.lookup_base[i];
	tb->ring_start = (uint64_t)m->area + THREAD_AREA_HEAD_BYTES;
	tb->ring_chunks = chunks;
	tb->cursor = tb->ring_start + RING_ZONE_BYTES;
	syscall(SYS_arch_prctl, ARCH_GET_FS, &tb->app_fs);
	translator_returns_forget(m->t, tb);
	m->ring = (struct ring){
		.data = m->area + THREAD_AREA_HEAD_BYTES,
		.start = tb->ring_start,
		.chunks = chunks,
		.cursor = &tb->cursor,
		.produced = &tb->ring_produced,
		.chunk_end = tb->ring_chunk_end,
		.consumed = &tb->ring_consumed,
	};
	ring_init(&m->ring);
	m->log_count = 0;
}

static void machine_map(struct machine *m, enum place place)
{
	static const struct { uint64_t program, cache; } places[PLACES] = {
		[PLACE_NEAR] = { 0x500000000000, 0x500010000000 },
		[PLACE_FAR] = { 0x500000000000, 0x300000000000 },
		[PLACE_LOW] = { 0x20000000, 0x300000000000 },
	};
	const uint8_t jump[] = { 0xff, 0x25, 0, 0, 0, 0 };
	void (*finish)(void) = machine_finish;
	int fd = memfd_create("", MFD_CLOEXEC);

	cr_assert(fd >= 0 && ftruncate(fd, CODE_BYTES) == 0);
	m->config.local = map_at(0, CODE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	m->config.base = places[place].cache;
	m->config.size_bytes = CODE_BYTES;
	map_at(m->config.base, CODE_BYTES, PROT_READ | PROT_EXEC, MAP_SHARED, fd);
	close(fd);
	m->config.heat_base = m->config.base + CODE_BYTES;
	m->config.heat_local = map_at(m->config.heat_base, TRANSLATE_HEAT_BYTES, PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1);
	m->config.seen_base = m->config.heat_base + TRANSLATE_HEAT_BYTES;
	m->config.seen_local = map_at(m->config.seen_base, SEEN_BYTES, PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1);
	m->program = places[place].program;
	m->stack = m->program + STACK_OFFSET;
	map_at(m->program, PROGRAM_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC,
	       MAP_PRIVATE | MAP_ANONYMOUS, -1);
	map_at(m->stack, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	memcpy((void *)(m->program + FINISH_OFFSET), jump, sizeof jump);
	memcpy((void *)(m->program + FINISH_OFFSET + sizeof jump), &finish, 8);
}

/* Says where a program died, on a stack of its own. */
static void machine_fault(int signal, siginfo_t *info, void *context)
{
	const greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;

	fprintf(stderr, "%s: signal %d at pc %llx, address %p, rsp %llx\n", machine_doing, signal,
		regs[REG_RIP], info->si_addr, regs[REG_RSP]);
	abort();
}

static void machine_catch_faults(void)
{
	static uint8_t stack[65536];
	const stack_t alternate = { .ss_sp = stack, .ss_size = sizeof stack };
	struct sigaction action = { .sa_sigaction = machine_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	sigaltstack(&alternate, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGILL, &action, NULL);
	sigaction(SIGTRAP, &action, NULL);
	sigaction(SIGFPE, &action, NULL);
}

static void machine_init(struct machine *m, enum place place,
			 const struct translate_events *events)
{
	const int shared = MAP_SHARED | MAP_ANONYMOUS, rw = PROT_READ | PROT_WRITE;
	struct err err = {0};

	pthread_mutexattr_t recursive;
	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&m->lock, &recursive);
	machine_has_avx = __builtin_cpu_supports("avx") != 0;
	machine_catch_faults();
	machine_map(m, place);
	uint8_t *area = map_at(0, AREA_BYTES_TEST, rw, shared, -1);
	m->area = (uint8_t *)(((uint64_t)area + 65535) & ~65535ull);
	m->tb = (struct thread_block *)(m->area + THREAD_BLOCK_OFFSET);
	m->control = map_at(0, 4096, rw, shared, -1);
	m->control->spin = 2000;
	m->control->patience[1] = 50 * 1000 * 1000;
	m->sys_table = map_at(0, 65536, rw, shared, -1);
	if (m->config.range_count && !m->asks_always) {
		m->store_log = map_at(0, sizeof *m->store_log, rw, shared, -1);
		m->store_log->range_count = (uint32_t)m->config.range_count;
		memcpy(m->store_log->ranges, m->config.ranges,
		       m->config.range_count * sizeof *m->config.ranges);
	}
	m->log = map_at(0, LOG_WORDS * 4, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	for (int i = 0; i < LOOKUP_KINDS; i++) {
		m->config.lookup_local[i] = map_at(0, TRANSLATE_LOOKUP_BYTES, rw, shared, -1);
		m->config.lookup_base[i] = (uint64_t)m->config.lookup_local[i];
	}
	m->config.events = *events;
	m->config.counters_at = COUNTERS_AT_TEST;
	m->config.counters_max = COUNTERS_TEST;
	m->config.read = machine_read;
	m->config.has_bmi2 = __builtin_cpu_supports("bmi2") != 0;
	m->config.has_fast_loop = !m->slow_loop;
	m->config.patch_bytes = m->slow_loop ? 64 : 8;
	m->config.trust = -1;
	m->config.heat_limit = HEAT_LIMIT_TEST;
	m->config.context = m;
	m->t = translator_create(&m->config, &err);
	cr_assert_not_null(m->t, "%s", err.text);
	translator_runtime(m->t, &m->runtime);
	machine_thread_init(m, CHUNKS_MAX_TEST);
}

/* ---- the service ---------------------------------------------------------------------------- */

/* Asked about an access, one answers by turns; from then on the log has it.  Of how many
 * bytes it is does not matter here. */
static inline struct cache_pc machine_serve_watch(struct machine *m, const struct translate_store *store)
{
	if (!m->store_log || !store->shape_at)
		return m->watch_count++ & 1 ? store->plain : store->hit;
	translator_store_shape(m->t, m->tb->exit, 8 | SHAPE_READS | SHAPE_WRITES);
	__atomic_store_n(&m->store_log->tail, m->store_log->head, __ATOMIC_RELEASE);
	switch (m->watch_count++ % 3) {
	case 0:
		return store->plain;
	case 1:
		return store->hit;
	default:
		return store->again;
	}
}

/* Where the thread goes on; what cannot be translated runs as it is. */
static struct cache_pc machine_serve(struct machine *m)
{
	struct thread_block *tb = m->tb;
	const struct translate_store *store = translator_store(m->t, tb->exit);
	struct cache_pc at = { 0 };
	uint64_t native = 0;
	int r = 0;

	m->requests[tb->request_kind & 31]++;
	switch (tb->request_kind) {
	case REQUEST_MISS:
		native = translator_exit_target(m->t, tb->exit).address;
		r = translator_miss(m->t, tb->exit, &at);
		break;
	case REQUEST_MISS_CALL:
	case REQUEST_MISS_JMP:
	case REQUEST_MISS_RET:
		native = tb->target;
		r = translator_miss_indirect(m->t, (int)tb->request_kind - REQUEST_MISS_CALL,
					     (struct app_pc){ native }, &at);
		break;
	case REQUEST_HOT_CALL:
	case REQUEST_HOT_JMP:
	case REQUEST_HOT_RET:
		native = tb->target;
		r = translator_hot(m->t, (int)tb->request_kind - REQUEST_HOT_CALL, tb->exit,
				   (struct app_pc){ native }, &at);
		break;
	case REQUEST_STALE:
		r = translator_stale(m->t, tb->exit, &at);
		break;
	case REQUEST_SYSCALL_PRE:
		return m->runtime.syscall_native;
	case REQUEST_SYSCALL_POST:
		return (struct cache_pc){ tb->sys_resume_saved };
	case REQUEST_WATCH:
		return machine_serve_watch(m, store);
	case REQUEST_WATCHED:
		return store->resume;
	case REQUEST_RING:
		m->ring_waits++;
		machine_drain(m);
		return m->runtime.ring_retry;
	default:
		fprintf(stderr, "request %u is not expected\n", tb->request_kind);
		abort();
	}
	if (r < 0 && (r != -EFAULT || !native)) {
		fprintf(stderr, "request %u: error %d\n", tb->request_kind, r);
		abort();
	}
	return r < 0 ? (struct cache_pc){ native } : at;
}

static inline bool machine_is_waiting(const struct machine *m)
{
	uint32_t state = __atomic_load_n(&m->tb->request_state, __ATOMIC_ACQUIRE);

	return state == REQUEST_REQUESTED || state == REQUEST_SLEEPING;
}

static void machine_answer(struct machine *m, struct cache_pc at)
{
	uint32_t old;

	m->tb->answer = at.address;
	old = __atomic_exchange_n(&m->tb->request_state, REQUEST_ANSWERED, __ATOMIC_ACQ_REL);
	if (old == REQUEST_SLEEPING)
		syscall(SYS_futex, &m->tb->request_state, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void *machine_service(void *context)
{
	struct machine *m = context;
	unsigned idle = 0;

	while (!__atomic_load_n(&m->ends, __ATOMIC_ACQUIRE)) {
		pthread_mutex_lock(&m->lock);
		if (machine_is_waiting(m)) {
			machine_answer(m, machine_serve(m));
			idle = 0;
		} else if (idle < 8) {
			translator_look_ahead(m->t);
		}
		if (m->drop_every && ++m->dropped % (m->drop_every * 5000) == 0)
			translator_drop(m->t, m->program, m->program + PROGRAM_BYTES);
		pthread_mutex_unlock(&m->lock);
		if (++idle > 2000)
			sched_yield();
	}
	return NULL;
}

static inline void machine_start(struct machine *m)
{
	cr_assert_eq(syscall(SYS_arch_prctl, ARCH_SET_GS, m->tb), 0);
	m->ends = false;
	cr_assert_eq(pthread_create(&m->service, NULL, machine_service, m), 0);
	m->has_service = true;
}

static inline void machine_stop(struct machine *m)
{
	if (!m->has_service)
		return;
	__atomic_store_n(&m->ends, true, __ATOMIC_RELEASE);
	pthread_join(m->service, NULL);
	m->has_service = false;
}

static inline void machine_deinit(struct machine *m)
{
	machine_stop(m);
	translator_destroy(m->t);
	munmap(m->config.local, CODE_BYTES);
	munmap((void *)m->config.base, CODE_BYTES);
	munmap(m->config.heat_local, TRANSLATE_HEAT_BYTES);
	munmap(m->config.seen_local, SEEN_BYTES);
	munmap((void *)m->program, PROGRAM_BYTES);
	munmap((void *)m->stack, STACK_BYTES);
	munmap(m->log, LOG_WORDS * 4);
	for (int i = 0; i < LOOKUP_KINDS; i++)
		munmap(m->config.lookup_local[i], TRANSLATE_LOOKUP_BYTES);
}

/* ---- a run ------------------------------------------------------------------------------------ */

#define FLAGS_TESTED 0xcd5ull           /* CF PF AF ZF SF DF OF */

struct outcome {
	struct image regs;
	uint8_t program[FINISH_OFFSET];
	uint8_t stack[STACK_BYTES];
};

static inline uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Registers that show when they are touched; rsp in the middle of the stack. */
static inline void image_fill(struct image *image, const struct machine *m, uint64_t *seed)
{
	for (int r = 0; r < 16; r++)
		image->gpr[r] = next_random(seed);
	image->gpr[4] = m->stack + STACK_BYTES / 2;
	image->flags = 2 | (next_random(seed) & FLAGS_TESTED);
	for (size_t i = 0; i < sizeof image->vector; i++)
		((uint8_t *)image->vector)[i] = (uint8_t)next_random(seed);
}

/* The service must not look ahead at half a program. */
static inline void machine_load(struct machine *m, const uint8_t *start, const uint8_t *end)
{
	pthread_mutex_lock(&m->lock);
	memset((void *)m->program, 0xcc, FINISH_OFFSET);
	memcpy((void *)m->program, start, (size_t)(end - start));
	memset((void *)m->stack, 0x5a, STACK_BYTES);
	pthread_mutex_unlock(&m->lock);
}

static inline void machine_outcome(const struct machine *m, struct outcome *out)
{
	out->regs = machine_result;
	memcpy(out->program, (void *)m->program, FINISH_OFFSET);
	memcpy(out->stack, (void *)m->stack, STACK_BYTES);
}

/* Enters the cache as a hijack does. */
static inline void machine_run_translated(struct machine *m, const struct image *in, uint64_t pc)
{
	struct cache_pc at;

	if (!m->has_service)
		machine_start(m);
	pthread_mutex_lock(&m->lock);
	int r = translator_enter(m->t, (struct app_pc){ pc }, &at);
	pthread_mutex_unlock(&m->lock);
	cr_assert_eq(r, 0);
	machine_run(in, at.address);
}

/* ---- superblocks --------------------------------------------------------------------- */

#define ORDER_MAX 4000

/* Where blocks begin, in the order in which these events tell of them; how many. */
static inline size_t machine_order(const struct machine *m, const uint32_t *words, size_t count, uint64_t *out)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i += 1 + event_words(words[i])) {
		const struct site *site = translator_site(m->t, event_index(words[i]));
		unsigned len = site && site->kind == SITE_BLOCK ? site->size ? site->size : 1u : 0;

		if (!len || n + len > ORDER_MAX)
			continue;
		const struct block *block = translator_block(m->t, site->block);
		for (unsigned k = len; k--; block = translator_block(m->t, block->before))
			out[n + k] = block->pc.address;
		cr_assert_eq(out[n], site->target, "the path begins elsewhere");
		n += len;
	}
	return n;
}

/* Lays out a superblock of up to `len` for each address, as execution went on from there the
 * first time; how many there are. */
static inline unsigned machine_lay_out(struct machine *m, const uint64_t *order, size_t count, size_t len)
{
	unsigned made = 0;

	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < count; i++) {
		bool is_first = true;

		for (size_t k = 0; k < i && is_first; k++)
			is_first = order[k] != order[i];
		if (!is_first)
			continue;
		int r = translator_superblock(m->t, order + i, (unsigned)(count - i < len ? count - i : len),
					      m->config.events.count_calls && i % 3);
		cr_assert_geq(r, 0, "error %d", r);
		made += r > 1;
	}
	pthread_mutex_unlock(&m->lock);
	return made;
}

/* NULL, or what differs. */
static inline const char *difference(const struct outcome *a, const struct outcome *b)
{
	static char text[160];

	for (int r = 0; r < 16; r++)
		if (a->regs.gpr[r] != b->regs.gpr[r]) {
			snprintf(text, sizeof text, "register %d: %lx natively, %lx translated", r,
				 a->regs.gpr[r], b->regs.gpr[r]);
			return text;
		}
	if (a->regs.flags != b->regs.flags) {
		snprintf(text, sizeof text, "flags: %lx natively, %lx translated", a->regs.flags,
			 b->regs.flags);
		return text;
	}
	if (memcmp(a->regs.vector, b->regs.vector, sizeof a->regs.vector))
		return "vector registers";
	for (size_t i = 0; i < FINISH_OFFSET; i++)
		if (a->program[i] != b->program[i]) {
			snprintf(text, sizeof text, "memory at +%zx", i);
			return text;
		}
	for (size_t i = 0; i < STACK_BYTES; i++)
		if (a->stack[i] != b->stack[i]) {
			snprintf(text, sizeof text, "stack at rsp%+ld",
				 (long)i - (long)(STACK_BYTES / 2));
			return text;
		}
	return NULL;
}

#endif
