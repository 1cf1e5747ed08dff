/* Any bytes as a program: the translator must not crash, must write nothing but its
 * cache, and must know the program's state wherever a thread can stand in it.
 *
 *     | mode | place | where the code stands in its page | operations: n, then n * 2 |
 *     | code ... |
 *
 * The code ends where memory does.  The cache lies between pages that fault; what is
 * in it afterwards is read as instructions, whose branches must meet each other. */
#include <errno.h>

#include "cache.h"
#include "decode.h"
#include "fuzz.h"
#include "runtime.h"

#define CACHE_BYTES (256u << 10)
#define SMALL_BYTES (12u << 10)
#define CODE_MAX 1024u
#define OPERATIONS_MAX 16u
#define FILLER 0xcc

static struct program {
	uint8_t code[CODE_MAX];
	size_t size;
	uint64_t start;
} program;

static uint8_t *caches[2], *lookups[LOOKUP_KINDS];
static uint64_t *heat;
static uint8_t *seen;
static bool lookups_are_used;
static uint8_t insn_starts[CACHE_BYTES];

/* ---- what the translator asks ---------------------------------------------------------- */

static size_t read_program(void *context, struct app_pc pc, void *buf, size_t len)
{
	uint64_t page = program.start & ~4095ull, at = pc.address - page;
	uint64_t end = program.start - page + program.size;

	if (at >= end)
		return 0;
	if (len > end - at)
		len = (size_t)(end - at);
	memset(buf, FILLER, len);
	for (size_t i = 0; i < len; i++)
		if (at + i >= program.start - page)
			((uint8_t *)buf)[i] = program.code[at + i - (program.start - page)];
	return len;
}

static bool is_writable(void *context, struct app_pc pc)
{
	return pc.address & 64;
}

static bool is_function(void *context, struct app_pc pc)
{
	return !(pc.address & 7);
}

/* ---- making it -------------------------------------------------------------------------------- */

/* Near, far, low, and where some of it is within 2 GiB and some is not. */
static uint64_t place_base(unsigned place)
{
	switch (place & 3) {
	case 0:
		return program.start + (64u << 20);
	case 1:
		return 0x7f0000000000;
	case 2:
		return 0x7e0000000000;
	default:
		return (program.start & ~4095ull) + 0x80000000 - SMALL_BYTES;
	}
}

static void load_program(struct input *in, unsigned place)
{
	uint64_t page = (place & 3) == 2 ? 0x400000 : 0x500000000000;
	size_t at = 8 * input_number(in, 1);

	program.start = page + at;
	program.size = input_left(in) < CODE_MAX ? input_left(in) : CODE_MAX;
	memset(program.code, FILLER, sizeof program.code);
	memcpy(program.code, in->at, program.size);
	/* half of them end at the end of a page, with the next one to follow */
	if (at & 8 && program.size < 4096)
		program.start = page + 4096 - program.size / 2;
}

static void init_memory(size_t cache_bytes)
{
	if (!caches[0]) {
		caches[0] = fuzz_map(CACHE_BYTES);
		caches[1] = fuzz_map(SMALL_BYTES);
		for (int i = 0; i < LOOKUP_KINDS; i++)
			lookups[i] = fuzz_map(TRANSLATE_LOOKUP_BYTES);
		heat = (uint64_t *)(void *)fuzz_map(TRANSLATE_HEAT_BYTES);
		seen = fuzz_map(TRANSLATE_SEEN_BYTES);
	}
	memset(caches[cache_bytes == SMALL_BYTES], FILLER, cache_bytes);
	for (int i = 0; lookups_are_used && i < LOOKUP_KINDS; i++)
		madvise(lookups[i], TRANSLATE_LOOKUP_BYTES, MADV_DONTNEED);
	lookups_are_used = false;
}

static struct translator *create(unsigned mode, unsigned place)
{
	const struct translate_range ranges[] = {
		{ program.start + 0x100, program.start + 0x140 }, { 0x600000, 0x600001 },
	};
	size_t bytes = place & 64 ? SMALL_BYTES : CACHE_BYTES;
	struct translate_config config = {
		.local = caches[!!(place & 64)], .base = place_base(place), .size_bytes = bytes,
		.events = {
			.blocks = mode & 1, .counts = mode & 2, .calls = mode & 4, .time = mode & 8,
			.coverage = mode & 16, .stores = mode & 32,
			.paths = (mode & 61) == 1,
			.count_calls = (mode & 36) == 0 && place & 16,
		},
		.ranges = ranges, .range_count = mode & 32 ? 1 + (place >> 7 & 1) : 0,
		.watch_reads = mode & 64, .has_bmi2 = place & 4, .has_fsgsbase = place & 8,
		.has_fast_loop = place & 8,
		.patch_bytes = place & 8 ? 8 : 64,
		.counters_at = 0x20000, .counters_max = place & 64 ? 50 : 5000,
		.trust = -1,
		.heat_limit = 2, .heat_local = heat, .heat_base = place_base(place) + bytes,
		.seen_local = seen, .seen_base = place_base(place) + bytes + TRANSLATE_HEAT_BYTES,
		.read = read_program, .is_writable = mode & 128 ? is_writable : NULL,
		.is_function = place & 16 ? is_function : NULL,
	};

	for (int i = 0; i < LOOKUP_KINDS; i++) {
		config.lookup_local[i] = lookups[i];
		config.lookup_base[i] = 0x7d0000000000 + (uint64_t)i * TRANSLATE_LOOKUP_BYTES;
	}
	return translator_create(&config, NULL);
}

/* ---- what is asked of it ----------------------------------------------------------------------- */

static void check_way_in(const struct translator *t, int r, struct cache_pc at)
{
	uint64_t offset = at.address - t->config.base;
	bool is_hot = offset >= RUNTIME_BYTES && offset < t->hot.at;
	bool is_cold = offset >= t->hot.end && offset < t->cold.at;     /* stores_entry() */

	fuzz_check(r == 0 || r == -EFAULT || r == -ENOSPC || r == -EINVAL, "%d", r);
	fuzz_check(r < 0 || is_hot || is_cold, "entered at +%lx of +%x, cold +%x", offset,
		   t->hot.at, t->cold.at);
}

static void look_ahead(struct translator *t, unsigned n)
{
	while (n-- && translator_look_ahead(t))
		;
}

/* Blocks that there are, in any order, and what stands behind them. */
static void lay_out(struct translator *t, unsigned op, unsigned arg)
{
	uint64_t pcs[TRANSLATE_SUPERBLOCK_MAX];
	unsigned count = 1 + op / 8 % TRANSLATE_SUPERBLOCK_MAX;

	if (!t->config.events.paths || !t->blocks.count)
		return;
	for (unsigned i = 0; i < count; i++) {
		const struct block *b = translator_block(t, (arg + i * (op & 7)) % t->blocks.count);

		pcs[i] = i && op >> (i % 8) & 1 ? b->pc.address + b->bytes_len : b->pc.address;
	}
	int r = translator_superblock(t, pcs, count, t->config.events.count_calls && op & 1);
	fuzz_check(r >= 0 && r <= (int)count, "%d blocks of %u", r, count);
}

static void operate(struct translator *t, unsigned op, unsigned arg)
{
	struct app_pc pc = { program.start + (arg | (op & 0x80) << 1) };
	uint32_t exit = op & 0x40 ? UINT32_MAX - arg : t->exits.count ? arg % t->exits.count : 0;
	struct cache_pc at = { 0 };
	int r = -EINVAL;

	switch (op % 8) {
	case 0:
		r = translator_enter(t, pc, &at);
		break;
	case 1:
		r = translator_miss(t, exit, &at);
		break;
	case 2:
		lookups_are_used = true;
		r = translator_miss_indirect(t, (int)(op >> 3) % LOOKUP_KINDS, pc, &at);
		break;
	case 3:
		look_ahead(t, arg % 8);
		break;
	case 4:
		translator_drop(t, pc.address, pc.address + (op >> 3));
		break;
	case 5:
		program.code[pc.address - program.start] ^= (uint8_t)op;
		r = translator_stale(t, exit, &at);
		break;
	case 6:
		lookups_are_used = true;
		r = translator_hot(t, (int)(op >> 3) % LOOKUP_KINDS,
				   t->blocks.count ? exit % t->blocks.count : exit, pc, &at);
		break;
	case 7:
		lookups_are_used = true;
		lay_out(t, op, arg);
		break;
	}
	check_way_in(t, r, at);
}

/* ---- what has become of the cache ------------------------------------------------------------- */

static void check_state(struct translator *t, uint32_t offset)
{
	struct translate_regs regs = { .pc = t->config.base + offset };
	struct thread_block tb = { .cursor = 0x1000 };
	struct translate_state state;

	memset(regs.gpr, 0x5a, sizeof regs.gpr);
	fuzz_check(translator_state_find(t, (struct cache_pc){ regs.pc }, &regs, &tb, &state),
		   "no state at +%x", offset);
	if (offset < RUNTIME_OFFSET(runtime_end))
		return;
	fuzz_check(state.block, "no block at +%x", offset);
	for (unsigned i = 0; i < state.owed_count; i++)
		fuzz_check(translator_site(t, event_index(state.owed[i].id)), "+%x", offset);
	fuzz_check(!state.in_block || state.regs.pc - state.block->pc.address <= state.block->bytes_len ||
		   state.regs.pc == 0x5a5a5a5a5a5a5a5a,
		   "+%x: at %lx in block %lx", offset, state.regs.pc, state.block->pc.address);
}

/* In the runtime, with a thread block that anybody may have written. */
static void check_runtime(struct translator *t, const uint8_t *data, size_t size)
{
	struct thread_block foreign, tb;
	struct translate_regs regs;
	struct translate_state state;

	fuzz_check(!memcmp(t->config.local, runtime_start, RUNTIME_OFFSET(runtime_end)),
		   "the runtime is overwritten");
	for (size_t i = 0; i < sizeof foreign; i++)
		((uint8_t *)&foreign)[i] = data[i % size];
	for (uint32_t at = 0; at < RUNTIME_OFFSET(runtime_end); at++) {
		tb = foreign;
		tb.request_kind = (tb.request_kind + at) % 16;
		if (at & 1) {
			tb.ring_back = t->config.base + (tb.ring_back + at) % (t->config.size_bytes + 64);
			tb.sys_resume = t->config.base + (tb.sys_resume + at) % (t->config.size_bytes + 64);
			tb.exit = (tb.exit + at) % (t->exits.count + 2);
		}
		memcpy(&regs, tb.gpr, sizeof tb.gpr);
		fuzz_check(translator_state_find(t, (struct cache_pc){ t->config.base + at }, &regs, &tb,
						 &state), "no state at +%x", at);
	}
}

static bool is_relative(const struct x86_insn *insn)
{
	switch (insn->kind) {
	case X86_KIND_JMP:
	case X86_KIND_JCC:
	case X86_KIND_LOOP:
	case X86_KIND_CALL:
	case X86_KIND_XBEGIN:
		return true;
	default:
		return false;
	}
}

/* Follows the code at `at` in the cold part to its end, and where it branches to.  What lies
 * between such pieces may be data. */
static void walk_cold(struct translator *t, uint64_t at)
{
	struct x86_insn insn = { .kind = X86_KIND_PLAIN };

	while (at >= t->hot.end && at < t->cold.at && !insn_starts[at]) {
		fuzz_check(x86_decode(t->config.local + at, t->cold.at - at, &insn), "+%lx is none", at);
		insn_starts[at] = 1;
		check_state(t, (uint32_t)at);
		if (is_relative(&insn))
			walk_cold(t, x86_branch_target(&insn, at));
		if (insn.kind == X86_KIND_JMP || insn.kind == X86_KIND_JMP_IND || insn.kind == X86_KIND_RET)
			return;
		at += insn.len;
	}
	fuzz_check(at < t->cold.at, "falls out of the cold part");
}

/* Calls `visit` for each instruction of the hot part. */
static void each_insn(struct translator *t,
		      void (*visit)(struct translator *t, uint32_t at, const struct x86_insn *insn))
{
	uint32_t at = RUNTIME_BYTES;
	struct x86_insn insn;

	for (; at < t->hot.at; at += insn.len) {
		fuzz_check(x86_decode(t->config.local + at, t->hot.at - at, &insn), "+%x is none", at);
		visit(t, at, &insn);
	}
}

static void note_start(struct translator *t, uint32_t at, const struct x86_insn *insn)
{
	insn_starts[at] = 1;
	check_state(t, at);
	if (is_relative(insn))
		walk_cold(t, x86_branch_target(insn, at));
}

/* The jump to where a store is near a watched range stands in the last bytes of a nop. */
static bool is_in_nop(struct translator *t, const struct x86_insn *from, uint64_t to)
{
	static const uint8_t nop[] = { 0x0f, 0x1f, 0x84, 0xe9 };
	struct x86_insn jmp;

	if (from->kind != X86_KIND_LOOP || !insn_starts[to - 3] ||
	    memcmp(t->config.local + to - 3, nop, sizeof nop))
		return false;
	x86_decode(t->config.local + to, t->hot.at - to, &jmp);
	check_state(t, (uint32_t)to);
	walk_cold(t, x86_branch_target(&jmp, to));
	return true;
}

static void check_flow(struct translator *t, uint32_t at, const struct x86_insn *insn)
{
	uint64_t to = x86_branch_target(insn, at);
	bool is_hot = to >= RUNTIME_BYTES && to < t->hot.end;

	if (is_relative(insn))
		fuzz_check(to < t->cold.at && (!is_hot || insn_starts[to] || to == t->hot.at ||
					       is_in_nop(t, insn, to)),
			   "+%x branches to +%lx", at, to);
}

static void check_filler(struct emit *e)
{
	static uint8_t filler[CACHE_BYTES];

	memset(filler, FILLER, filler[0] ? 0 : sizeof filler);
	fuzz_check(!memcmp(e->local + e->at, filler, e->end - e->at), "written behind +%x", e->at);
}

static void check_cache(struct translator *t)
{
	check_filler(&t->hot);
	check_filler(&t->cold);
	if (t->hot.is_full || t->cold.is_full)
		return;                 /* the last one is cut somewhere */
	memset(insn_starts, 0, t->cold.at);
	each_insn(t, note_start);
	each_insn(t, check_flow);
	for (uint32_t i = 0; i < t->stores.count; i++) {
		const struct translate_store *store = translator_store(t, i);

		fuzz_check(insn_starts[store->plain.address - t->config.base], "store %u", i);
		walk_cold(t, store->hit.address - t->config.base);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };
	unsigned mode = (unsigned)input_number(&in, 1), place = (unsigned)input_number(&in, 1);
	unsigned n = (unsigned)input_number(&in, 1) % OPERATIONS_MAX;
	struct cache_pc at = { 0 };
	uint8_t operations[2 * OPERATIONS_MAX];

	for (unsigned i = 0; i < 2 * n; i++)
		operations[i] = (uint8_t)input_number(&in, 1);
	init_memory(place & 64 ? SMALL_BYTES : CACHE_BYTES);
	load_program(&in, place);
	struct translator *t = create(mode, place);
	fuzz_check(t, "out of memory");
	int r = translator_enter(t, (struct app_pc){ program.start }, &at);
	check_way_in(t, r, at);
	for (unsigned i = 0; i < n; i++)
		operate(t, operations[2 * i], operations[2 * i + 1]);
	check_cache(t);
	if (size)
		check_runtime(t, data, size);
	translator_destroy(t);
	return 0;
}
