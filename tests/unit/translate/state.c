/* A thread in the cache is stopped behind every single instruction: what
 * translator_state_find() says there must lead, natively, to the same end; and
 * entering the cache anew from there must complete the stream of events. */
#include "machine.h"

#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "decode.h"

/* `pushfq` and r11 of a system call would show the trap flag. */
PROGRAM(transfers,
	"mov [rsp - 128], rax\n lea rsp, [rsp - 128]\n call 1f\n lea rax, [rip + 2f]\n call rax\n"
	"push 7\n call 3f\n lea rdx, [rip + 4f]\n jmp rdx\n ud2\n"
	"4: lea rcx, [rip + 2f]\n mov [rip + 9f], rcx\n call [rip + 9f]\n jmp 5f\n"
	"5: dec ebx\n and ebx, 1\n jz 6f\n call 1f\n 6: lea rsp, [rsp + 128]\n jmp finish\n"
	".balign 32\n 1: add r8, 1\n call 2f\n jmp 2f\n"
	".balign 32\n 2: lea r9, [r9 + 3]\n ret\n"
	".balign 32\n 3: mov r10, [rsp + 8]\n ret 8\n .balign 32\n 9: .quad 0\n");

PROGRAM(memory,
	"mov rax, [rip + 9f]\n add [rip + 9f + 8], rbx\n push [rip + 9f + 8]\n pop r9\n"
	"cmpxchg [rip + 9f], rcx\n imul rdx, [rip + 9f], 5\n xchg r8, [rip + 9f + 16]\n"
	"mov ecx, 5\n lea rsi, [rip + 9f]\n lea rdi, [rip + 9f + 24]\n cld\n rep movsb\n"
	"mov ecx, 3\n 1: adc rbx, [rip + 9f]\n loop 1b\n jrcxz 2f\n ud2\n"
	"2: push rax\n push 5\n pop rax\n pop rcx\n cmp rax, 3\n ja 3f\n ud2\n 3: jmp finish\n"
	".balign 32\n 9: .quad 11, 22, 33, 44\n");

/* Stores behind whose checks a register is overwritten: far away, near, in the range. */
PROGRAM(idle,
	"lea rbx, [rsp - 3000]\n lea rsi, [rsp - 60]\n lea rcx, [rsp - 3500]\n"
	"mov [rsp - 4000], rbx\n mov [rsp - 3992], rsi\n mov ebp, 3\n cmp ebp, 77\n jmp 1f\n"
	".balign 32\n 1: mov r9, [rsp - 4000]\n mov [r9], rdx\n mov [rcx + 8], rdx\n mov eax, 5\n"
	"lea rcx, [rcx + 8]\n jmp 2f\n"
	".balign 32\n 2: mov r9, [rsp - 3992]\n mov [r9], rdx\n mov eax, [rsp - 4000]\n dec ebp\n jnz 1b\n"
	"lea r8, [rbx + 1]\n mov [rbx + 16], rdx\n jmp finish\n");

PROGRAM(system_calls,
	"mov eax, 102\n syscall\n mov r8, rcx\n mov eax, 24\n syscall\n mov rax, -1\n syscall\n"
	"xor r11d, r11d\n call 1f\n jmp finish\n"
	".balign 32\n 1: mov eax, 102\n syscall\n xor r11d, r11d\n ret\n");

/* Branches that are guessed: rightly, wrongly, at the second try. */
PROGRAM(turns,
	"mov r12d, 6\n 1: call 2f\n call 3f\n lea rdx, [rip + 5f]\n test r12d, 2\n jz 4f\n"
	"lea rdx, [rip + 6f]\n 4: jmp rdx\n ud2\n 5: lea rax, [rax + 1]\n"
	"6: lea rsi, [rip + 3f]\n call rsi\n dec r12d\n jnz 1b\n jmp finish\n"
	".balign 32\n 2: lea rbx, [rbx + rcx]\n call 3f\n ret\n"
	".balign 32\n 3: adc r8, rdx\n ret 0\n");

JUMPS_BY_REGISTER(registers, "rax,r12", "5");

struct mode {
	const char *name;
	struct translate_events events;
	bool writable, parts_writable, ask, slow_loop, asks_about_stores, points;
	uint32_t fill;                  /* bytes that the first chunk has left */
	unsigned superblocks;           /* of so many blocks, in the second pass */
};

static const struct mode modes[] = {
	{ "none" }, { "blocks", { .blocks = true } }, { "calls", { .calls = true } },
	{ "calls, time", { .calls = true, .time = true } },
	{ "blocks, time", { .blocks = true, .time = true } },
	{ "blocks, calls", { .blocks = true, .calls = true } },
	{ "stores", { .stores = true } }, { "writable", { .blocks = true }, .writable = true },
	{ "asked", { .calls = true }, .ask = true },
	{ "blocks, calls, ring nearly full", { .blocks = true, .calls = true }, .fill = 20 },
	{ "calls, time, ring nearly full", { .calls = true, .time = true }, .fill = 32 },
	{ "slow loop", { .blocks = true }, .slow_loop = true },
	{ "slow loop, calls, time", { .calls = true, .time = true }, .slow_loop = true },
	{ "stores, asked about", { .stores = true }, .asks_about_stores = true },
	{ "stores, calls with an argument near", { .stores = true }, .points = true },
	{ "counted calls", { .count_calls = true } },
	{ "counted paths", { .blocks = true, .paths = true, .count_calls = true } },
	{ "paths", { .blocks = true, .paths = true } },
	{ "paths, writable", { .blocks = true, .paths = true }, .writable = true },
	{ "paths, asked, slow loop", { .blocks = true, .paths = true }, .ask = true, .slow_loop = true },
	{ "paths, ring nearly full", { .blocks = true, .paths = true }, .fill = 8 },
	{ "superblocks", { .blocks = true, .paths = true }, .superblocks = TRANSLATE_SUPERBLOCK_MAX },
	{ "superblocks, slow loop", { .blocks = true, .paths = true }, .slow_loop = true, .superblocks = 7 },
	{ "superblocks, ring nearly full", { .blocks = true, .paths = true }, .fill = 8, .superblocks = 12 },
	{ "counted superblocks", { .blocks = true, .paths = true, .count_calls = true },
	  .superblocks = 20 },
	{ "counted superblocks, short, slow loop",
	  { .blocks = true, .paths = true, .count_calls = true }, .slow_loop = true,
	  .superblocks = 3 },
	{ "counted superblocks, partly writable", { .blocks = true, .paths = true, .count_calls = true },
	  .parts_writable = true, .superblocks = 30 },
};

/* ---- a stream of events, as what it says ------------------------------------------------- */

#define ENTRIES_MAX 4000
struct stream { uint64_t items[ENTRIES_MAX][3]; size_t count; };

static void add(struct stream *s, uint64_t kind, uint64_t pc, uint64_t target)
{
	cr_assert_lt(s->count, ENTRIES_MAX);
	s->items[s->count][0] = kind;
	s->items[s->count][1] = pc;
	s->items[s->count++][2] = target;
}

/* A block is the list of its instructions before `cut`. */
static void add_block(struct stream *s, const struct block *block, uint64_t cut)
{
	struct x86_insn insn;

	for (uint32_t at = 0; at < block->bytes_len; at += insn.len) {
		x86_decode(block->bytes + at, block->bytes_len - at, &insn);
		if (block->pc.address + at == cut || !insn.len)
			return;
		add(s, SITE_BLOCK, block->pc.address + at, 0);
	}
}

/* Those of its path, the last one before `cut`. */
static void add_path(struct stream *s, struct machine *m, const struct site *site, uint64_t cut)
{
	const struct block *path[TRANSLATE_SUPERBLOCK_MAX] = { translator_block(m->t, site->block) };
	unsigned count = site->size ? site->size : 1;

	cr_assert_leq(count, TRANSLATE_SUPERBLOCK_MAX);
	for (unsigned i = 1; i < count; i++)
		path[i] = translator_block(m->t, path[i - 1]->before);
	while (--count)
		add_block(s, path[count], 0);
	add_block(s, path[0], cut);
}

static void add_words(struct stream *s, struct machine *m, const uint32_t *words, size_t count,
		      const struct block *cut_block, uint64_t cut)
{
	for (size_t i = 0; i < count; i += 1 + event_words(words[i])) {
		const struct site *site = translator_site(m->t, event_index(words[i]));
		bool last = i + 1 + event_words(words[i]) >= count;
		uint64_t target = site ? site->target : 0;

		cr_assert_not_null(site);
		cr_assert_eq(site->words, event_words(words[i]));
		if (site->kind == SITE_BLOCK) {
			const struct block *block = translator_block(m->t, site->block);

			add_path(s, m, site, last && block == cut_block ? cut : 0);
			continue;
		}
		if (site->flags & SITE_HAS_TARGET)
			memcpy(&target, &words[i + 1 + !!(site->flags & SITE_HAS_SP)], 8);
		add(s, site->kind, site->pc, target);
	}
}

/* ---- what has been counted --------------------------------------------------------------- */

/* By offset in the program: how often an instruction has run, and a call has gone there. */
struct tally { int insns[FINISH_OFFSET], calls[FINISH_OFFSET]; };

static void tally_insns(struct tally *t, const struct machine *m, const struct block *block, uint64_t from,
			uint64_t end, int n)
{
	struct x86_insn insn;

	for (uint64_t pc = block->pc.address; pc < block->pc.address + block->bytes_len; pc += insn.len) {
		x86_decode(block->bytes + (pc - block->pc.address),
			   block->bytes_len - (pc - block->pc.address), &insn);
		if (pc >= from && pc < end)
			t->insns[pc - m->program] += n;
	}
}

/* Within this program a jump comes from nowhere else: they are all told of. */
static void tally_transfer(struct tally *t, const struct machine *m, const struct site *site, int n)
{
	if (site->target - m->program < FINISH_OFFSET)
		t->calls[site->target - m->program] += n;
}

/* A path's blocks, and the calls and jumps that led on from each. */
static void tally_path(struct tally *t, const struct machine *m, const struct site *site, int n)
{
	const struct block *block = translator_block(m->t, site->block);

	for (unsigned i = 0; i < site->size; i++) {
		uint32_t transfer = block->transfer ? block->transfer : i ? block->passes : 0;

		tally_insns(t, m, block, 0, ~0ull, n);
		if (transfer)
			tally_transfer(t, m, translator_site(m->t, transfer - 1), n);
		block = translator_block(m->t, block->before);
	}
}

static void tally_site(struct tally *t, const struct machine *m, const struct site *site, int n)
{
	if (site->kind == SITE_BLOCK)
		tally_path(t, m, site, n);
	else
		tally_transfer(t, m, site, n);
}

static void tally_counters(struct tally *t, const struct machine *m)
{
	const struct translate_counter *counter;

	for (uint32_t i = 0; (counter = translator_counter(m->t, i)); i++)
		tally_site(t, m, translator_site(m->t, counter->site), (int)machine_counters(m)[i]);
}

static void tally_events(struct tally *t, const struct machine *m, const uint32_t *words, size_t count)
{
	for (size_t i = 0; i < count; i += 1 + event_words(words[i])) {
		const struct site *site = translator_site(m->t, event_index(words[i]));

		cr_assert(site && site->words == event_words(words[i]));
		if (site->flags & SITE_HAS_FROM)
			cr_assert_not_null(translator_block(m->t, words[i + 1]));
		tally_site(t, m, site, 1);
	}
}

/* A block that is cut has been counted as a whole, or not at all. */
static void tally_cut(struct tally *t, const struct machine *m, const struct translate_state *state)
{
	const struct block *block = state->block;
	uint32_t transfer;

	if (!state->in_block)
		return;
	if (m->config.events.paths)
		tally_insns(t, m, block, state->regs.pc, ~0ull, -1);
	cr_assert(m->config.events.paths || block->counter);
	transfer = block->counter ? 1 + translator_counter(m->t, block->counter - 1)->site : block->transfer;
	if (transfer)
		tally_transfer(t, m, translator_site(m->t, transfer - 1), -1);
}

/* ---- the stopped thread ----------------------------------------------------------------------- */

struct rig {
	struct machine *m, second;      /* the second is for entering anew, here */
	pid_t child;
	struct outcome native;
	struct stream whole;
	struct tally whole_tally;
	const struct mode *mode;
	const uint8_t *start, *end;
};

static void fetch(struct rig *g)
{
	struct iovec at[2] = { { (void *)g->m->program, FINISH_OFFSET }, { (void *)g->m->stack, STACK_BYTES } };

	cr_assert_eq(process_vm_readv(g->child, at, 2, at, 2, 0), FINISH_OFFSET + STACK_BYTES);
}

static void to_image(struct image *image, const struct translate_regs *regs)
{
	memset(image, 0, sizeof *image);
	memcpy(image->gpr, regs->gpr, sizeof image->gpr);
	image->flags = (regs->flags & FLAGS_TESTED) | 2;
}

static void check_end(struct rig *g, const char *how, uint64_t offset, const struct translate_state *state)
{
	static struct outcome end;

	machine_outcome(g->m, &end);
	memset(end.regs.vector, 0, sizeof end.regs.vector);
	const char *what = difference(&g->native, &end);
	cr_assert_null(what, "mode %s, %s from cache +%lx, program at %lx: %s", g->mode->name, how,
		       offset, state->regs.pc - g->m->program, what);
}

/* The events so far, the one owed, and those of the rest must be those of the whole. */
static void check_stream(struct rig *g, const uint32_t *words, size_t count,
			 const struct translate_state *state, uint64_t offset)
{
	static struct stream s;
	bool owes_path = state->owed_count && g->mode->events.paths;

	s.count = 0;
	const struct block *cut = state->in_block ? state->block : NULL;
	add_words(&s, g->m, words, count, owes_path ? NULL : cut, state->regs.pc);
	for (unsigned i = 0; i < state->owed_count; i++)
		add_words(&s, g->m, &state->owed[i].id, 1 + event_words(state->owed[i].id), owes_path ? cut : NULL,
			  state->regs.pc);
	machine_drain(&g->second);
	add_words(&s, g->m, g->second.log, g->second.log_count, NULL, 0);
	for (size_t i = 0; i < s.count && i < g->whole.count; i++)
		cr_assert_arr_eq(s.items[i], g->whole.items[i], 24, "mode %s, cache +%lx, program at %lx: "
				 "event %zu of %zu is %lu at %lx, not %lu at %lx", g->mode->name, offset,
				 state->regs.pc - g->m->program, i, count, s.items[i][0], s.items[i][1] - g->m->program,
				 g->whole.items[i][0], g->whole.items[i][1] - g->m->program);
	cr_assert_eq(s.count, g->whole.count, "mode %s, cache +%lx, program at %lx: %zu events of %zu",
		     g->mode->name, offset, state->regs.pc - g->m->program, s.count, g->whole.count);
}

/* The same of what was counted. */
static void check_tally(struct rig *g, const uint32_t *words, size_t count,
			const struct translate_state *state, uint64_t offset)
{
	static struct tally t;

	memset(&t, 0, sizeof t);
	tally_counters(&t, g->m);
	tally_events(&t, g->m, words, count);
	tally_cut(&t, g->m, state);
	for (unsigned i = 0; i < state->owed_count; i++)
		tally_events(&t, g->m, &state->owed[i].id, 1 + event_words(state->owed[i].id));
	machine_drain(&g->second);
	tally_counters(&t, &g->second);
	tally_events(&t, &g->second, g->second.log, g->second.log_count);
	for (unsigned i = 0; i < FINISH_OFFSET; i++) {
		cr_assert_eq(t.insns[i], g->whole_tally.insns[i], "mode %s, cache +%lx: +%x has run %d times, "
			     "not %d", g->mode->name, offset, i, t.insns[i], g->whole_tally.insns[i]);
		cr_assert_eq(t.calls[i], g->whole_tally.calls[i], "mode %s, cache +%lx: +%x was called %d times, "
			     "not %d", g->mode->name, offset, i, t.calls[i], g->whole_tally.calls[i]);
	}
}

static bool is_counting(const struct mode *mode)
{
	return mode->events.count_calls;
}

static void check_stop(struct rig *g, const struct user_regs_struct *r)
{
	struct translate_regs regs = {
		.gpr = { r->rax, r->rcx, r->rdx, r->rbx, r->rsp, r->rbp, r->rsi, r->rdi, r->r8, r->r9,
			 r->r10, r->r11, r->r12, r->r13, r->r14, r->r15 },
		.pc = r->rip, .flags = r->eflags,
	};
	struct thread_block kept = *g->m->tb;
	struct ring ring = g->m->ring;
	struct translate_state state;
	struct image image;
	static uint32_t words[70000];
	uint64_t offset = r->rip - g->m->config.base;

	cr_assert(translator_state_find(g->m->t, (struct cache_pc){ r->rip }, &regs, g->m->tb, &state));
	size_t count = 0;
	for (ssize_t n; (n = ring_read(&ring, words + count, 70000 - count)) > 0;)
		count += (size_t)n;
	*g->m->tb = kept;
	to_image(&image, &state.regs);
	fetch(g);
	machine_run(&image, state.regs.pc);
	check_end(g, "natively", offset, &state);
	if (!g->mode->events.blocks && !g->mode->events.calls && !is_counting(g->mode))
		return;
	fetch(g);
	machine_thread_init(&g->second, CHUNKS_MAX_TEST);
	machine_counters_clear(&g->second);
	if (state.regs.pc == g->m->program + FINISH_OFFSET)
		machine_run(&image, state.regs.pc);
	else
		machine_run_translated(&g->second, &image, state.regs.pc);
	check_end(g, "entered anew", offset, &state);
	if (is_counting(g->mode))
		check_tally(g, words, count, &state, offset);
	else
		check_stream(g, words, count, &state, offset);
}

static void spawn(struct rig *g, const struct image *in, uint64_t at)
{
	int status;

	g->child = fork();
	if (g->child == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		syscall(SYS_arch_prctl, ARCH_SET_GS, g->m->tb);
		raise(SIGSTOP);
		machine_run(in, at);
		_exit(0);
	}
	cr_assert_eq(waitpid(g->child, &status, 0), g->child);
	cr_assert(WIFSTOPPED(status));
	ptrace(PTRACE_SETOPTIONS, g->child, 0, PTRACE_O_EXITKILL);
}

/* Steps to the finish, with `check` looking behind each step; how many there were. */
static unsigned step_through(struct rig *g, bool check)
{
	const struct machine *m = g->m;
	struct user_regs_struct regs;
	unsigned stops = 0;
	int status;

	for (unsigned steps = 0; steps < 200000; steps++) {
		ptrace(PTRACE_SINGLESTEP, g->child, 0, 0);
		cr_assert_eq(waitpid(g->child, &status, 0), g->child);
		cr_assert(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP, "status %x", status);
		ptrace(PTRACE_GETREGS, g->child, 0, &regs);
		if (regs.rip == m->program + FINISH_OFFSET)
			break;
		pthread_mutex_lock(&g->second.lock);
		if (machine_is_waiting(m))
			machine_answer(g->m, machine_serve(g->m));
		pthread_mutex_unlock(&g->second.lock);
		if (check && regs.rip - m->config.base < CODE_BYTES) {
			check_stop(g, &regs);
			stops++;
		}
	}
	kill(g->child, SIGKILL);
	waitpid(g->child, &status, 0);
	return stops;
}

static void stop_everywhere(const struct mode *mode, enum place place, const uint8_t *start,
			    const uint8_t *end)
{
	static struct rig g;
	static uint64_t order[ORDER_MAX];
	struct machine *m = calloc(1, sizeof *m);
	static const struct translate_range range = { 0x500000028000 - 64, 0x500000028000 };
	uint64_t seed = 4711;
	struct image in;
	struct cache_pc at;

	m->slow_loop = mode->slow_loop;
	m->config.is_function = machine_is_function;
	m->config.is_writable = mode->writable ? machine_all_writable :
				mode->parts_writable ? machine_parts_writable : NULL;
	m->config.ranges = &range;
	m->config.range_count = mode->events.stores;
	m->config.has_fsgsbase = true;
	m->asks_always = mode->asks_about_stores;
	machine_init(m, place, &mode->events);
	for (int i = 0; mode->ask && i < 65536; i++)
		m->sys_table[i] = (uint8_t)(i & 1 ? SYS_ACTION_PRE : SYS_ACTION_POST);
	if (m->store_log)
		memset(m->sys_table, SYS_ACTION_WATCH, 65536);
	g = (struct rig){ .m = m, .mode = mode, .start = start, .end = end, .second = *m };
	uint8_t *area = map_at(0, AREA_BYTES_TEST, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1);
	g.second.area = (uint8_t *)(((uint64_t)area + 65535) & ~65535ull);
	g.second.tb = (struct thread_block *)(g.second.area + THREAD_BLOCK_OFFSET);
	g.second.log = calloc(LOG_WORDS, 4);
	machine_thread_init(&g.second, CHUNKS_MAX_TEST);
	image_fill(&in, m, &seed);
	memset(in.vector, 0, sizeof in.vector);
	if (mode->points)
		in.gpr[7] = range.start - 100;
	machine_load(&g.second, start, end);
	machine_run(&in, m->program);
	machine_outcome(m, &g.native);
	memset(g.native.regs.vector, 0, sizeof g.native.regs.vector);

	machine_load(&g.second, start, end);
	machine_run_translated(&g.second, &in, m->program);
	check_end(&g, "whole", 0, &(struct translate_state){ 0 });
	machine_drain(&g.second);
	add_words(&g.whole, m, g.second.log, g.second.log_count, NULL, 0);
	size_t order_count = machine_order(m, g.second.log, g.second.log_count, order);
	tally_counters(&g.whole_tally, &g.second);
	tally_events(&g.whole_tally, m, g.second.log, g.second.log_count);

	/* The first pass misses, as g.second's links are dropped; the second is linked. */
	translator_drop(m->t, m->program, m->program + PROGRAM_BYTES);
	for (int pass = 0; pass < 2; pass++) {
		machine_load(&g.second, start, end);
		machine_thread_init(m, CHUNKS_MAX_TEST);
		machine_counters_clear(m);
		if (mode->superblocks && pass == 1 &&
		    !machine_lay_out(&g.second, order, order_count, mode->superblocks))
			cr_assert(mode->parts_writable);
		if (mode->fill) {       /* a chunk that is all but full, and read */
			m->tb->cursor = m->tb->ring_start + RING_CHUNK - mode->fill;
			m->ring.at = RING_CHUNK - mode->fill;
		}
		pthread_mutex_lock(&g.second.lock);
		cr_assert_eq(translator_enter(m->t, (struct app_pc){ m->program }, &at), 0);
		pthread_mutex_unlock(&g.second.lock);
		spawn(&g, &in, at.address);
		cr_assert_gt(step_through(&g, true), 30);
	}
	machine_stop(&g.second);
	if (m->store_log && start == memory)
		cr_assert_gt(m->store_log->head, 4);
	machine_deinit(m);
}

#define STATE_TEST(name, index) \
	Test(state, name##_transfers, .timeout = 60) \
	{ stop_everywhere(&modes[index], PLACE_FAR, transfers, transfers_end); } \
	Test(state, name##_turns, .timeout = 60) \
	{ stop_everywhere(&modes[index], PLACE_FAR, turns, turns_end); } \
	Test(state, name##_registers, .timeout = 60) \
	{ stop_everywhere(&modes[index], PLACE_LOW, registers, registers_end); } \
	Test(state, name##_memory, .timeout = 60) \
	{ stop_everywhere(&modes[index], PLACE_FAR, memory, memory_end); } \
	Test(state, name##_memory_near, .timeout = 60) \
	{ stop_everywhere(&modes[index], PLACE_NEAR, memory, memory_end); } \
	Test(state, name##_system_calls, .timeout = 60) \
	{ stop_everywhere(&modes[index], PLACE_NEAR, system_calls, system_calls_end); }

#define IDLE_TEST(name, index) \
	Test(state, name##_idle, .timeout = 60) \
	{ stop_everywhere(&modes[index], PLACE_NEAR, idle, idle_end); }

STATE_TEST(none, 0)
STATE_TEST(blocks, 1)
STATE_TEST(calls, 2)
STATE_TEST(calls_time, 3)
STATE_TEST(blocks_time, 4)
STATE_TEST(blocks_calls, 5)
STATE_TEST(stores, 6)
STATE_TEST(writable, 7)
STATE_TEST(asked, 8)
STATE_TEST(ring_full, 9)
STATE_TEST(ring_full_time, 10)
STATE_TEST(slow_loop, 11)
STATE_TEST(slow_loop_calls_time, 12)
STATE_TEST(stores_asked, 13)
STATE_TEST(stores_points, 14)
STATE_TEST(counted_calls, 15)
STATE_TEST(counted_paths, 16)

IDLE_TEST(none, 0)
IDLE_TEST(stores, 6)
IDLE_TEST(stores_asked, 13)

STATE_TEST(paths, 17)
STATE_TEST(paths_writable, 18)
STATE_TEST(paths_asked, 19)
STATE_TEST(paths_ring_full, 20)
STATE_TEST(superblocks, 21)
STATE_TEST(superblocks_slow_loop, 22)
STATE_TEST(superblocks_ring_full, 23)
STATE_TEST(superblocks_counted, 24)
STATE_TEST(superblocks_counted_short, 25)
STATE_TEST(superblocks_partly_writable, 26)
