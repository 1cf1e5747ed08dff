/* lookup.c - indirect branches: from a program address to its translation.
 *
 * One table a kind of branch (call, jmp, ret), so that what is reported on
 * arrival can differ.  Hashed by 16 bits of the address, which movzx takes without touching
 * flags: the low ones of a return's; of a call's and a jump's those above the low four, since
 * functions are aligned (rorx, where the processor has it).  Large programs have more than
 * 65,536 return addresses: there are four banks of entries, one behind the other.  The
 * first is dense, since each page that is touched costs more than a miss; collisions go on in
 * the next bank, and from the last one's entry to at most 64 behind it.  There an entry stays
 * empty now and then, so that each chain has an end; not often, since just before it there is
 * hardly any room.  What finds none is a miss each time; when there have been many, the cache is
 * flushed, and who still comes gets in.  So the last bank is left to who has come: a return
 * that may never be taken is only offered.
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

#define BANK (LOOKUP_BANK_BYTES / sizeof(struct entry))
#define HOLE 4096               /* of so many entries in the last bank one is empty */
#define TAIL_MAX 64             /* entries of the last bank in which a lookup looks */
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

static bool is_shifted(const struct translator *t, int lookup)
{
	return lookup != LOOKUP_RET && t->config.has_bmi2;
}

static struct entry *first_of(struct translator *t, int lookup, uint64_t pc)
{
	return &table(t, lookup)[(uint16_t)(is_shifted(t, lookup) ? pc >> 4 : pc)];
}

static bool is_in_last_bank(struct translator *t, int lookup, const struct entry *e)
{
	return e >= table(t, lookup) + (LOOKUP_BANKS - 1) * BANK;
}

static bool is_hole(size_t i)
{
	return i >= (LOOKUP_BANKS - 1) * BANK && i % HOLE == HOLE - 1;
}

/* The entry that is looked at after this one; NULL: there is none. */
static struct entry *next_of(struct translator *t, int lookup, struct entry *e)
{
	size_t i = (size_t)(e - table(t, lookup));

	i += i < (LOOKUP_BANKS - 1) * BANK ? BANK : 1;
	return is_hole(i) ? NULL : &table(t, lookup)[i];
}

static struct entry *find(struct translator *t, int lookup, uint64_t minus_pc, uint64_t pc)
{
	struct entry *e = first_of(t, lookup, pc);
	unsigned tail = 0;

	while (e && e->minus_pc != minus_pc && e->minus_pc) {
		e = next_of(t, lookup, e);
		if (e && is_in_last_bank(t, lookup, e) && tail++ == TAIL_MAX)
			return NULL;
	}
	return e;               /* NULL: full here */
}

static void set(struct translator *t, struct entry *e, uint64_t pc, uint32_t entry)
{
	if (!pc)
		return;
	/* The address before the key: a thread that sees the key jumps. */
	__atomic_store_n(&e->cache_address, t->config.base + entry, __ATOMIC_RELEASE);
	__atomic_store_n(&e->minus_pc, -pc, __ATOMIC_RELEASE);
}

void target_lookup_insert(struct translator *t, int lookup, struct app_pc pc, uint32_t entry)
{
	struct entry *e = find(t, lookup, -pc.address, pc.address);

	if (e)
		set(t, e, pc.address, entry);
	else
		t->lookups_refused++;
}

bool target_lookup_offer(struct translator *t, int lookup, struct app_pc pc, uint32_t entry)
{
	struct entry *e = find(t, lookup, -pc.address, pc.address);

	if (!e || is_in_last_bank(t, lookup, e))
		return false;
	set(t, e, pc.address, entry);
	return true;
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
	struct entry *e = find(t, lookup, -pc.address, pc.address);

	if (e && e->minus_pc)
		__atomic_store_n(&e->cache_address, t->config.base + miss_of(lookup),
				 __ATOMIC_RELEASE);
}

/* A branch to address 0 finds the entry of its hash, as long as that is empty: it leads to
 * the miss, where the program's registers are put back. */
void target_lookup_init(struct translator *t)
{
	for (int lookup = 0; lookup < LOOKUP_KINDS; lookup++)
		if (t->config.lookup_local[lookup])
			table(t, lookup)[0] = (struct entry){ 0, t->config.base + miss_of(lookup) };
}

/* Entries lie without a gap from their hash on: what a clearing from another hash has
 * left behind a gap is none of this one's. */
void target_lookup_clear(struct translator *t, int lookup, struct app_pc pc)
{
	struct entry *e = first_of(t, lookup, pc.address);

	for (; e && e->minus_pc; e = next_of(t, lookup, e))
		*e = (struct entry){ 0, 0 };
}

bool target_lookups_are_full(const struct translator *t)
{
	return t->lookups_refused > REFUSED_MAX;
}

/* ---- the branch -------------------------------------------------------------------- */

/* A short jump whose displacement stands at `at` leads here. */
static void land(struct emit *e, uint32_t at)
{
	if (!e->is_full)
		e->local[at] = (uint8_t)(e->at - (at + 1));
}

/* Counts down; the displacement of a short jump that is taken at zero. */
static uint32_t emit_count(struct emit *e, uint64_t counter)
{
	EMIT_RAW(e, 0x48, 0x8b, 0x0d);                  /* mov rcx, [counter] */
	emit_u32(e, (uint32_t)(counter - (emit_address(e) + 4)));
	EMIT_RAW(e, 0x48, 0x8d, 0x49, 0xff);            /* lea rcx, [rcx - 1] */
	EMIT_RAW(e, 0x48, 0x89, 0x0d);                  /* mov [counter], rcx */
	emit_u32(e, (uint32_t)(counter - (emit_address(e) + 4)));
	EMIT_RAW(e, 0xe3, 0);                           /* jrcxz often */
	return e->at - 1;
}

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

	EMIT_RAW(e, 0x48, 0x8b, 0x08);                          /* mov rcx, [rax] */
	if (falls) {
		EMIT_RAW(e, 0x48, 0x8d, 0x4c, 0x11, 0x01);      /* lea rcx, [rcx + rdx + 1] */
		EMIT_RAW(e, 0xe2, 0);                           /* loop miss */
	} else {
		EMIT_RAW(e, 0x48, 0x8d, 0x0c, 0x11);            /* lea rcx, [rcx + rdx] */
		EMIT_RAW(e, 0xe3, 5);                           /* jrcxz hit */
		emit_jmp(e, RUNTIME_OFFSET(slow[lookup]));      /* jmp slow */
	}
	uint32_t miss = e->at - 1;
	bool counted = guess_counter(b, &counter);
	uint32_t often = counted ? emit_count(e, counter) : 0;  /* hit: */
	EMIT_RAW(e, 0xff, 0x60, 0x08);                          /* jmp [rax + 8] */
	if (falls) {
		land(e, miss);
		emit_jmp(e, RUNTIME_OFFSET(slow[lookup]));      /* miss: jmp slow */
	}
	if (counted) {
		land(e, often);
		if (hot)
			emit_jmp(e, b->t->cold.at);             /* often: jmp cold */
		guess_emit_hot(b, lookup, where);
	}
}

void lookup_emit(struct build *b, bool hot, int lookup, struct where where)
{
	struct emit *e = hot ? &b->t->hot : &b->t->cold;

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
	if (is_shifted(b->t, lookup)) {
		EMIT_RAW(e, 0xc4, 0xe3, 0x7b, 0xf0, 0xca, 0x04);        /* rorx ecx, edx, 4 */
		EMIT_RAW(e, 0x0f, 0xb7, 0xc9);          /* movzx ecx, cx */
	} else {
		EMIT_RAW(e, 0x0f, 0xb7, 0xca);          /* movzx ecx, dx */
	}
	EMIT_RAW(e, 0x8d, 0x0c, 0x09);                  /* lea ecx, [rcx + rcx] */
	EMIT_RAW(e, 0x48, 0x8d, 0x04, 0xc8);            /* lea rax, [rax + rcx * 8] */
	emit_entry(b, hot, lookup, where);
}

/* ---- the ways in -------------------------------------------------------------------- */

/* Behind it is known what the block needs to know of stores. */
static void emit_restore(struct build *b)
{
	struct emit *e = &b->t->hot;
	uint64_t pc = b->block->public.pc.address;

	build_mark(b, true, (struct where){ pc, ALL_SAVED });
	emit_mov_reg_slot(e, RAX);                      /* mov rax, gs:[slot] */
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

	if (kind == SITE_NONE || (c->wants && !c->wants(c->context, kind, pc, pc)))
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
	b->block->lookup_entry[lookup] = b->t->hot.at;
	lookup_emit_arrival(b, NULL, lookup, ALL_SAVED, NULL);
	emit_restore(b);
}

uint32_t target_lookup_entry(struct translator *t, struct xblock *block, int lookup)
{
	struct build b = { .t = t, .block = block };    /* no instructions: all is live */
	uint32_t at = t->hot.at;

	if (block->lookup_entry[lookup])
		return block->lookup_entry[lookup];
	lookup_emit_arrival(&b, NULL, lookup, ALL_SAVED, NULL);
	emit_restore(&b);
	emit_jmp(&t->hot, stores_entry(t, block, STORES_ALL_KNOWN));      /* jmp entry */
	if (t->hot.is_full || t->cold.is_full)
		return 0;
	block->lookup_entry[lookup] = at;
	return at;
}
