/* guess.c - indirect branches that are often looked up: their targets in line.
 *
 * Each lookup counts down; at zero it asks (REQUEST_HOT_*), and the block is translated
 * again (hot.c) with a comparison before the lookup:
 *
 *	save rdx;  mov rdx, target;  save rcx
 *	mov rcx, 1 - guess;  lea rcx, [rcx + rdx];  loop next
 *	report the arrival;  restore rcx, rdx;  jmp <guess>
 *	next: lea rcx, [rcx + guess - second guess + 1];  loop next2;  ...
 *	next2: jmp lookup			in the cold part
 *
 * A jump to what a register holds needs no copy of it: rdx is saved where it is looked up.
 *
 * `loop` leaves flags alone and falls through where rcx was 1; where it is slow it is
 * jrcxz, which jumps when they are equal.
 *
 * Immediates in place of a table's entry, a direct branch in place of an indirect one,
 * and rax is left alone.  The last jump is an exit like any other: what is dropped is
 * unlinked there.  Only what is guessed wrong counts on, until the branch is settled.
 */
#include <assert.h>

#include "build.h"
#include "runtime.h"

#define WRONG_SHARE 10  /* guesses may fail so many times as often as a branch is counted before */

/* ---- the counter ------------------------------------------------------------------- */

static bool is_in_reach(const struct translator *t, uint64_t address)
{
	int64_t from_start = (int64_t)(address - t->config.base);
	int64_t from_end = from_start - (int64_t)t->config.size_bytes;

	return from_start == (int32_t)from_start && from_end == (int32_t)from_end;
}

/* True when the block has a struct heat, perhaps a new one. */
static bool make_heat(struct build *b)
{
	struct translator *t = b->t;

	if (b->block->heat)
		return true;
	if (t->heats.count == TRANSLATE_HEAT_BYTES / 8 || !chunked_add(&t->heats))
		return false;
	b->block->heat = t->heats.count;
	return true;
}

bool guess_counter(struct build *b, uint64_t *out)
{
	const struct translate_config *c = &b->t->config;

	/* Who resolves is told apart by what was called just before: by events alone.  What leaves
	 * superblocks often makes others. */
	if (b->ahead || !c->heat_limit || !c->heat_local || count_stub(b) == STUB_RESOLVER || !make_heat(b))
		return false;
	const struct heat *h = cache_heat(b->t, b->block);

	if (h->is_settled)
		return false;
	*out = c->heat_base + 8ull * (b->block->heat - 1);
	if (!is_in_reach(b->t, *out))
		return false;
	c->heat_local[b->block->heat - 1] = (h->guess_count ? WRONG_SHARE : 1ull) * c->heat_limit;
	return true;
}

uint32_t guess_emit_count(struct emit *e, uint64_t counter)
{
	EMIT_RAW(e, 0x48, 0x8b, 0x0d);                  /* mov rcx, [counter] */
	emit_u32(e, (uint32_t)(counter - (emit_address(e) + 4)));
	EMIT_RAW(e, 0x48, 0x8d, 0x49, 0xff);            /* lea rcx, [rcx - 1] */
	EMIT_RAW(e, 0x48, 0x89, 0x0d);                  /* mov [counter], rcx */
	emit_u32(e, (uint32_t)(counter - (emit_address(e) + 4)));
	EMIT_RAW(e, 0xe3, 0);                           /* jrcxz often */
	return e->at - 1;
}

static void emit_hot(struct build *b, int lookup, struct where where)
{
	struct emit *e = &b->t->cold;

	build_mark(b, false, where);
	emit_mov_tb_reg(e, TB_TARGET, RDX);             /* mov gs:[target], rdx */
	where.at_rdx = false;
	where.at_target = true;
	build_mark(b, false, where);
	if (!(where.saved & BIT(0)))
		emit_mov_slot_reg(e, RAX);              /* mov gs:[slot], rax */
	else
		emit_mov_reg_slot(e, RAX);              /* mov rax, gs:[slot] */
	emit_mov_reg_slot(e, RCX);                      /* mov rcx, gs:[slot] */
	emit_mov_reg_slot(e, RDX);                      /* mov rdx, gs:[slot] */
	where.saved = 0;
	build_mark(b, false, where);
	emit_mov_tb_imm32(e, TB_EXIT, b->block->public.index);  /* mov dword gs:[exit], block */
	emit_mov_tb_imm32(e, TB_REQUEST_KIND, (uint32_t)(REQUEST_HOT_CALL + lookup));
	emit_jmp(e, RUNTIME_OFFSET(runtime_request));   /* jmp runtime_request */
}

void guess_finish_count(struct build *b, bool hot, int lookup, uint32_t often, struct where where)
{
	emit_land(hot ? &b->t->hot : &b->t->cold, often);       /* often: */
	if (hot)
		emit_jmp(&b->t->hot, b->t->cold.at);    /* jmp cold */
	emit_hot(b, lookup, where);
}

/* How many checks of stores find room between a comparison and the next. */
static unsigned checks_max(const struct translator *t)
{
	return t->windows.cell_count > 2 ? 1 : 2;
}

/* ---- the comparison ---------------------------------------------------------------- */

static bool fits_i32(uint64_t value)
{
	return (int64_t)value == (int32_t)value;
}

void guess_emit_distance(struct emit *e, struct reg to, uint64_t guess, uint64_t before)
{
	uint64_t step = before - guess;
	uint8_t low = to.number & 7, high = to.number >> 3;

	if (before && fits_i32(step)) {
		EMIT_RAW(e, 0x48, 0x8d, 0x89);          /* lea rcx, [rcx + step] */
		emit_u32(e, (uint32_t)step);
	} else if (fits_i32(-guess)) {
		emit_u8(e, 0x48 | high);                /* lea rcx, [to - guess] */
		emit_u8(e, 0x8d);
		emit_u8(e, 0x88 | low);
		if (low == RSP.number)                  /* of r12, too */
			emit_u8(e, 0x24);
		emit_u32(e, (uint32_t)-guess);
	} else {
		emit_mov_reg_imm64(e, RCX, -guess);     /* mov rcx, -guess */
		emit_u8(e, (uint8_t)(0x48 | high << 1)); /* lea rcx, [rcx + to] */
		emit_u8(e, 0x8d);
		emit_u8(e, 0x0c);
		emit_u8(e, (uint8_t)(low << 3 | 1));
	}
}

/* Goes to what patch_rel8() will say unless the register is the guess.  What is equal falls
 * through where the processor is quick at that. */
static uint32_t emit_compare(struct build *b, struct reg to, uint64_t guess, uint64_t before)
{
	struct emit *e = &b->t->hot;

	if (b->t->config.has_fast_loop) {
		guess_emit_distance(e, to, guess - 1, before);
		EMIT_RAW(e, 0xe2, 0);                   /* loop next: less 1, is it 0? */
	} else {
		guess_emit_distance(e, to, guess, before);
		EMIT_RAW(e, 0xe3, 2);                   /* jrcxz hit */
		EMIT_RAW(e, 0xeb, 0);                   /* jmp next */
	}
	return e->at - 1;
}

static void patch_rel8(struct emit *e, uint32_t at)
{
	uint32_t distance = e->at - (at + 1);

	assert(distance < 128);
	if (!e->is_full)
		e->local[at] = (uint8_t)distance;
}

/* `saved`: rcx, and rdx perhaps. */
static void emit_hit(struct build *b, int lookup, uint64_t guess, uint16_t saved)
{
	struct emit *e = &b->t->hot;
	struct where where = { guess, saved };
	struct build arrival = { .t = b->t, .block = cache_block_get(b->t, (struct app_pc){ guess }) };

	struct event event;

	if (!arrival.block)
		return;
	build_mark(b, true, where);
	bool reported = lookup_emit_arrival(&arrival, b, lookup, where.saved, &event);
	build_mark(b, true, where);
	if (saved & BIT(2))
		emit_mov_reg_slot(e, RDX);              /* mov rdx, gs:[slot] */
	build_mark(b, true, (struct where){ guess, BIT(1) });
	uint32_t facts = b->facts;
	struct store_way way = { .near = 0 };
	if (stores_missing(&arrival, &b->gives) <= checks_max(b->t) &&
	    stores_emit_needs(&arrival, &b->gives, &way))
		b->facts = arrival.block->needs;
	emit_mov_reg_slot(e, RCX);                      /* mov rcx, gs:[slot] */
	exit_emit_jmp(b, guess, at(guess, false));      /* jmp <guess> */
	b->facts = facts;
	stores_finish_needs(&arrival, &way);
	if (reported)
		event_finish(&arrival, &event);
}

/* requires: a guess; rcx is saved */
static void emit_guesses(struct build *b, int lookup, struct reg to, struct where where, struct event *pending)
{
	struct emit *e = &b->t->hot;
	const struct heat *h = cache_heat(b->t, b->block);

	for (unsigned i = 0; i < h->guess_count; i++) {
		build_mark(b, true, where);
		uint32_t next = emit_compare(b, to, h->guesses[i], i ? h->guesses[i - 1] : 0);
		emit_hit(b, lookup, h->guesses[i], where.saved);
		if (pending && !i)
			event_finish(b, pending);
		patch_rel8(e, next);                    /* next: */
	}
	build_mark(b, true, where);
	emit_jmp(e, b->t->cold.at);                     /* jmp lookup */
}

void guess_emit(struct build *b, int lookup, struct where where, struct event *pending)
{
	const struct heat *h = cache_heat(b->t, b->block);

	if (!h || !h->guess_count) {
		lookup_emit(b, true, lookup, where);
		if (pending)
			event_finish(b, pending);
		return;
	}
	where.arrives = (uint8_t)(1 + lookup);
	build_mark(b, true, where);
	if (!(where.saved & BIT(1)))
		emit_mov_slot_reg(&b->t->hot, RCX);     /* mov gs:[slot], rcx */
	where.saved |= BIT(1);
	emit_guesses(b, lookup, RDX, where, pending);
	lookup_emit(b, false, lookup, where);
}

/* Is one of the guesses reported where it arrives?  That takes both registers. */
static bool is_reported(struct build *b, const struct heat *h)
{
	struct site site;

	for (unsigned i = 0; i < h->guess_count; i++) {
		const struct xblock *to = cache_block_get(b->t, (struct app_pc){ h->guesses[i] });

		if (!to || target_arrival(b->t, to, LOOKUP_JMP, &site))
			return true;
	}
	return false;
}

bool guess_emit_by_register(struct build *b, struct where where)
{
	const struct x86_insn *last = &b->insns[b->count - 1];
	const struct reg to = { (uint8_t)((last->modrm & 7) | (last->rex & 1) << 3) };
	const struct heat *h = cache_heat(b->t, b->block);
	struct emit *cold = &b->t->cold;

	if (!h || !h->guess_count || last->kind != X86_KIND_JMP_IND || last->has_mem ||
	    to.number == RCX.number || to.number == RSP.number || is_reported(b, h))
		return false;
	build_mark(b, true, where);
	if (!(where.saved & BIT(1)))
		emit_mov_slot_reg(&b->t->hot, RCX);     /* mov gs:[slot], rcx */
	where.saved |= BIT(1);
	emit_guesses(b, LOOKUP_JMP, to, where, NULL);
	build_mark(b, false, where);                    /* lookup: */
	emit_mov_slot_reg(cold, RDX);                   /* mov gs:[slot], rdx */
	where.saved |= BIT(2);
	build_mark(b, false, where);
	if (to.number != RDX.number) {
		emit_u8(cold, (uint8_t)(0x48 | to.number >> 3)); /* mov rdx, to */
		emit_u8(cold, 0x8b);
		emit_u8(cold, (uint8_t)(0xd0 | (to.number & 7)));
	}
	lookup_emit(b, false, LOOKUP_JMP, (struct where){ .at_rdx = true, .saved = where.saved });
	return true;
}
