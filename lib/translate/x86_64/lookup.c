/* lookup.c - indirect branches: from a program address to its translation.
 *
 * One table a kind of branch (call, jmp, ret), so that what is reported on
 * arrival can differ.  Returns come here when they are not predicted (returns.c).  Hashed by 16
 * bits of the address, which movzx takes without touching flags: those above the low six (rorx, where
 * the processor has it).  So 64 bytes of code have a line of memory, four entries, and a page of code
 * no more than a page of the table; those that collide cost no more than a comparison.  A fifth goes on
 * in the lines behind it.
 * An entry that finds no room within LOOKUP_TAIL_MAX behind its line is a miss each time, as
 * all are when the table is too full; when there have been many, the cache is flushed, and
 * who still comes gets in.  Nothing is there before somebody has come: most would never be asked
 * for, and touch pages that nobody else does.
 *
 *     entry: { -pc, cache address }     0: end of the chain
 *
 * The compare is flag-free as well: -pc + pc is zero, which jrcxz sees, and `loop` one
 * higher, where it is as quick: what is found falls through.  An
 * entry keeps its key for ever: a thread may have matched it already, and chains
 * would grow with every block that is dropped and translated again.  One that is
 * removed leads to the miss.
 *
 * At the address found, rax, rcx and rdx of the program are in their slots.
 */
#include "build.h"
#include "runtime.h"

#define ALL_SAVED (BIT(0) | BIT(1) | BIT(2))

#define USED_MAX (3 * LOOKUP_HASHES)    /* of four times as many; so chains have an end */
#define ENTRIES_MAX (LOOKUP_LINE + LOOKUP_TAIL_MAX)
#define REFUSED_MAX 20000       /* entries for which there was no room */

struct entry {
	uint64_t minus_pc;
	uint64_t cache_address;
};

/* ---- the table ------------------------------------------------------------------- */

static struct entry *table(struct translator *t, int lookup)
{
	return (struct entry *)t->config.lookup_local[lookup];
}

/* Low bits of addresses that are not hashed. */
static unsigned unused_bits(const struct translator *t)
{
	return t->config.has_bmi2 ? LOOKUP_UNUSED : 0;
}

static struct entry *first_of(struct translator *t, int lookup, uint64_t pc)
{
	return &table(t, lookup)[(uint16_t)(pc >> unused_bits(t)) * (size_t)LOOKUP_LINE];
}

/* The entry of pc, or the free one where it would be; NULL: there is none. */
static struct entry *find(struct translator *t, int lookup, uint64_t pc)
{
	struct entry *e = first_of(t, lookup, pc);

	for (unsigned i = 0; i < ENTRIES_MAX; i++, e++)
		if (e->minus_pc == -pc || !e->minus_pc)
			return e;
	return NULL;
}

/* False: there is no room. */
static bool put(struct translator *t, int lookup, uint64_t pc, uint32_t entry)
{
	struct entry *e = find(t, lookup, pc);

	if (!e || (!e->minus_pc && t->lookups_used[lookup] == USED_MAX))
		return false;
	if (!pc)
		return true;
	t->lookups_used[lookup] += !e->minus_pc;
	/* The address before the key: a thread that sees the key jumps. */
	__atomic_store_n(&e->cache_address, t->config.base + entry, __ATOMIC_RELEASE);
	__atomic_store_n(&e->minus_pc, -pc, __ATOMIC_RELEASE);
	return true;
}

void target_lookup_insert(struct translator *t, int lookup, struct app_pc pc, uint32_t entry)
{
	t->lookups_refused += !put(t, lookup, pc.address, entry);
}

static uint32_t miss_of(int lookup)
{
	static const uint8_t *const miss[] = {
		[LOOKUP_CALL] = runtime_lookup_call_miss,
		[LOOKUP_JMP] = runtime_lookup_jmp_miss,
		[LOOKUP_RET] = runtime_lookup_ret_miss,
	};

	return RUNTIME_OFFSET(miss[lookup]);
}

void target_lookup_remove(struct translator *t, int lookup, struct app_pc pc)
{
	struct entry *e = find(t, lookup, pc.address);

	if (e && e->minus_pc)
		__atomic_store_n(&e->cache_address, t->config.base + miss_of(lookup),
				 __ATOMIC_RELEASE);
}

/* A branch to address 0 finds the entry of its hash, as long as that is empty: it leads to
 * the miss, where the program's registers are put back. */
void target_lookup_init(struct translator *t)
{
	for (int lookup = 0; lookup < LOOKUP_KINDS; lookup++) {
		t->lookups_used[lookup] = 0;
		if (t->config.lookup_local[lookup])
			table(t, lookup)[0] = (struct entry){ 0, t->config.base + miss_of(lookup) };
	}
}

/* Entries lie without a gap from their hash on: what a clearing from another hash has
 * left behind a gap is none of this one's. */
void target_lookup_clear(struct translator *t, int lookup, struct app_pc pc)
{
	struct entry *e = first_of(t, lookup, pc.address);

	for (; e->minus_pc; e++)
		*e = (struct entry){ 0, 0 };
}

bool target_lookups_are_full(const struct translator *t)
{
	return t->lookups_refused > REFUSED_MAX;
}

/* ---- the branch -------------------------------------------------------------------- */

/* rax is the entry: goes where it says if it is rdx's. */
static void emit_entry(struct build *b, bool hot, int lookup, struct where where)
{
	struct emit *e = hot ? &b->t->hot : &b->t->cold;
	static const uint8_t *const slow[] = {
		[LOOKUP_CALL] = runtime_lookup_call,
		[LOOKUP_JMP] = runtime_lookup_jmp,
		[LOOKUP_RET] = runtime_lookup_ret,
	};
	bool falls = b->t->config.has_fast_loop;
	uint64_t counter;
	/* Before it is known whether it is the first entry: the target of a busy branch may lie behind others. */
	bool counted = guess_counter(b, &counter);
	uint32_t often = counted ? guess_emit_count(e, counter) : 0;

	EMIT_RAW(e, 0x48, 0x8b, 0x08);                          /* mov rcx, [rax] */
	if (falls) {
		EMIT_RAW(e, 0x48, 0x8d, 0x4c, 0x11, 0x01);      /* lea rcx, [rcx + rdx + 1] */
		EMIT_RAW(e, 0xe2, 3);                           /* loop miss */
	} else {
		EMIT_RAW(e, 0x48, 0x8d, 0x0c, 0x11);            /* lea rcx, [rcx + rdx] */
		EMIT_RAW(e, 0xe3, 5);                           /* jrcxz hit */
		emit_jmp(e, RUNTIME_OFFSET(slow[lookup]));      /* jmp slow */
	}
	EMIT_RAW(e, 0xff, 0x60, 0x08);                          /* hit: jmp [rax + 8] */
	if (falls)
		emit_jmp(e, RUNTIME_OFFSET(slow[lookup]));      /* miss: jmp slow */
	if (counted)
		guess_finish_count(b, hot, lookup, often, where);
}

void lookup_emit(struct build *b, bool hot, int lookup, struct where where)
{
	struct emit *e = hot ? &b->t->hot : &b->t->cold;

	if (lookup == LOOKUP_RET && b->t->predicts_returns) {
		returns_emit(b, hot, where);
		return;
	}
	where.arrives = (uint8_t)(1 + lookup);
	build_mark(b, hot, where);
	emit_mov_slot_reg(e, RAX);                      /* mov gs:[slot], rax */
	if (!(where.saved & BIT(1)))
		emit_mov_slot_reg(e, RCX);              /* mov gs:[slot], rcx */
	where.saved |= BIT(0) | BIT(1);
	build_mark(b, hot, where);
	if (lookup == LOOKUP_JMP && b->t->config.events.count_calls)
		emit_mov_tb_imm32(e, TB_JUMP_FROM, b->block->public.index); /* mov dword gs:[..], block */
	emit_mov_reg_tb(e, RAX, TB_LOOKUP((unsigned)lookup));   /* mov rax, gs:[table] */
	unsigned unused = unused_bits(b->t);
	if (unused) {
		EMIT_RAW(e, 0xc4, 0xe3, 0x7b, 0xf0, 0xca);      /* rorx ecx, edx, unused */
		emit_u8(e, (uint8_t)unused);
		EMIT_RAW(e, 0x0f, 0xb7, 0xc9);          /* movzx ecx, cx */
	} else {
		EMIT_RAW(e, 0x0f, 0xb7, 0xca);          /* movzx ecx, dx */
	}
	EMIT_RAW(e, 0x8d, 0x0c, 0xcd);                  /* lea ecx, [rcx * 8] */
	emit_u32(e, 0);
	EMIT_RAW(e, 0x48, 0x8d, 0x04, 0xc8);            /* lea rax, [rax + rcx * 8] */
	emit_entry(b, hot, lookup, where);
}

/* ---- the ways in -------------------------------------------------------------------- */

void lookup_emit_restore(struct build *b, uint16_t saved)
{
	struct emit *e = &b->t->hot;
	uint64_t pc = b->block->public.pc.address;

	build_mark(b, true, (struct where){ pc, saved });
	if (saved & BIT(0))
		emit_mov_reg_slot(e, RAX);              /* mov rax, gs:[slot] */
	emit_mov_reg_slot(e, RDX);                      /* mov rdx, gs:[slot] */
	build_mark(b, true, (struct where){ pc, BIT(1) });
	stores_emit_needs(b, NULL, NULL);
	emit_mov_reg_slot(e, RCX);                      /* mov rcx, gs:[slot] */
	build_mark(b, true, (struct where){ pc });
}

static enum site_kind arrival_kind(struct translator *t, const struct xblock *block, int lookup)
{
	const struct translate_config *c = &t->config;

	if (lookup == LOOKUP_CALL)
		return c->events.count_calls ? SITE_CALL_INDIRECT : SITE_NONE;
	/* Behind the call of a function that does not return may stand the next function. */
	if (lookup == LOOKUP_JMP && c->is_function && c->is_function(c->context, block->public.pc))
		return SITE_TAILCALL;
	if (lookup == LOOKUP_RET || block->is_after_call)
		return c->events.calls ? SITE_RETURN : SITE_NONE;       /* by jmp: longjmp */
	return SITE_NONE;
}

/* What hangs on where a branch went rather than from where: returns, and jumps
 * to a function's start. */
bool target_arrival(struct translator *t, const struct xblock *block, int lookup, struct site *out)
{
	const struct translate_config *c = &t->config;
	struct app_pc pc = block->public.pc;
	bool is_reported = c->events.calls || c->events.count_calls;
	enum site_kind kind = is_reported ? arrival_kind(t, block, lookup) : SITE_NONE;
	unsigned flags = c->events.calls ? SITE_HAS_SP : lookup == LOOKUP_JMP ? SITE_HAS_FROM : 0u;

	if (kind == SITE_NONE)
		return false;
	if (c->events.time)
		flags |= SITE_HAS_TSC;
	if (kind == SITE_RETURN && block->is_after_call)
		flags |= SITE_AFTER_CALL;
	*out = (struct site){
		.kind = (uint8_t)kind,
		.flags = (uint8_t)flags,
		.words = (uint8_t)event_words_of(flags),
		.block = block->public.index,
		.pc = pc.address,
		.target = pc.address,
	};
	return true;
}

bool lookup_emit_arrival(struct build *b, const struct build *from, int lookup, uint16_t saved,
			 struct event *near)
{
	struct where where = { b->block->public.pc.address, saved };
	struct site site;

	if (!target_arrival(b->t, b->block, lookup, &site))
		return false;
	if (b->t->config.events.count_calls && (from || !(site.flags & SITE_HAS_FROM))) {
		site.pc = from ? from->pcs[from->count - 1] : site.pc;
		site.flags = site.words = 0;
		count_emit_arrival(b, &site, saved);
		return false;
	}
	struct event event = {
		.site = cache_site_add(b->t, &site),
		.flags = site.flags,
		.words = site.words,
		.before = where,
		.after = where,
		.is_owed = true,
		.check = near ? CHECK_NEAR :
			 b->count && b->dead_flags[0] == X86_FLAGS_ALL ? CHECK_FLAGS_DEAD :
			 CHECK_HERE,
	};
	event_emit(b, &event);
	if (near)
		*near = event;
	return true;
}

void lookup_emit_way_in(struct build *b, int lookup)
{
	if (lookup == LOOKUP_RET && b->t->predicts_returns) {
		returns_emit_way_in(b);
		return;
	}
	b->block->lookup_entry[lookup] = b->t->hot.at;
	lookup_emit_arrival(b, NULL, lookup, ALL_SAVED, NULL);
	lookup_emit_restore(b, ALL_SAVED);
}

uint32_t target_lookup_entry(struct translator *t, struct xblock *block, int lookup)
{
	struct build b = { .t = t, .block = block };    /* no instructions: all is live */

	if (block->lookup_entry[lookup])
		return block->lookup_entry[lookup];
	lookup_emit_way_in(&b, lookup);
	emit_jmp(&t->hot, stores_entry(t, block, STORES_ALL_KNOWN));      /* jmp entry */
	if (t->hot.is_full || t->cold.is_full)
		block->lookup_entry[lookup] = block->landing = 0;
	return block->lookup_entry[lookup];
}
