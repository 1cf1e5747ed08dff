/* path.c - one event for a path of blocks: for traces that are recorded.
 *
 * A path is what is executed in a row: a block, and those that it falls into.  It is told
 * once, where it is left, by its last block's site, which says how many blocks it is:
 *
 *	<head>:	block 1
 *		jcc away			away:	<event: 1 block>;  jmp <there>
 *		block 2
 *		<event: 2 blocks>
 *		jcc <head>			a loop's end, a call, a return, ...
 *
 * Only a path's head is entered from elsewhere.  A block in the middle of a path that
 * somebody jumps to is translated once more, as a head; so who knows where a path was left
 * knows all of it, and the event can stand where it is cheap:
 *
 *	mov r, gs:[cursor]			before the first instruction with a dead r
 *	mov dword ptr [r], id			and dead flags; else rcx, saved if it has to be
 *	lea r, [r + 4]
 *	mov gs:[cursor], r
 *	test r, 0xff00;  jz full
 *
 * or, in a superblock that counts its paths, there
 *
 *	inc qword ptr gs:[counter]		with dead flags; else as in count.c
 *
 * A register that need not be saved is worth much: processors forward a cursor at no cost
 * only when few stores lie between.  Up to the event it is owed wherever the thread stops.
 */
#include <assert.h>

#include "build.h"
#include "runtime.h"

#define IN_CHUNK 0xff00u         /* of a cursor: 0 in a chunk's zone */

/* ---- which blocks tell -------------------------------------------------------------------- */

static bool has_count(const struct build *b)
{
	if (!b->t->config.events.counts)
		return false;
	for (int i = 0; i < b->count; i++)
		if (b->insns[i].rep_string)
			return true;
	return false;
}

bool path_is_full(const struct build *b)
{
	unsigned max = b->ahead ? TRANSLATE_SUPERBLOCK_MAX : PATH_BLOCKS_MAX;

	return b->section || b->path_len + 1u >= max || has_count(b);
}

/* Is the path told in this block, as it does not go on in the next one, or hardly ever? */
static bool ends_path(const struct build *b)
{
	const struct x86_insn *last = &b->insns[b->count - 1];

	if (b->ahead)
		return !b->goes_to;
	if (path_is_full(b))
		return true;
	if (b->ends_early)
		return false;
	if (last->kind == X86_KIND_CALL)
		return b->path_len >= PATH_BLOCKS_SHORT || !x86_branch_target(last, b->pcs[b->count - 1]);
	if (last->kind == X86_KIND_JCC)
		return x86_branch_target(last, b->pcs[b->count - 1]) <= b->pcs[b->count - 1];
	return !b->is_left_out;
}

#define COST_SAVED 2u           /* from here on rcx has to be saved */

static unsigned cost_at(const struct build *b, int i)
{
	bool flags = b->dead_flags[i] == X86_FLAGS_ALL;

	if (flags && block_free_regs(b, i))
		return 0;
	if (b->dead_regs[i] & BIT(1))
		return 1;
	return flags ? COST_SAVED : COST_SAVED + 1;
}

static int best_place(const struct build *b)
{
	int end = b->ends_early ? b->count : b->count - 1, best = 0;

	if (b->section || has_count(b))         /* what it reports itself comes behind it */
		return 0;
	for (int i = 1; i < end; i++)
		if (cost_at(b, i) < cost_at(b, best))
			best = i;
	return best;
}

void path_plan(struct build *b)
{
	if (b->t->config.events.count_calls)
		b->block->public.transfer = count_transfer(b);
	b->is_counted = b->count_late = false;
	b->count_at = ends_path(b) ? best_place(b) : -1;
	if (b->count_at < 0 || b->section || has_count(b) || cost_at(b, b->count_at) < COST_SAVED)
		return;
	b->count_late = last_saves_rcx(b);
	if (b->count_late)
		b->count_at = b->count - 1;
}

void path_begin(struct build *b)
{
	if (!b->path_len)
		b->path_from = b->pcs[0];
	struct site site = {
		.kind = SITE_BLOCK, .size = ++b->path_len, .block = b->block->public.index,
		.pc = b->pcs[0], .target = b->path_from,
	};

	b->path_site = 1 + cache_site_add(b->t, &site);
}

/* ---- the event ------------------------------------------------------------------------------- */

/* The counter's place in the thread area. */
static uint32_t take_counter(struct build *b)
{
	uint32_t counter = cache_counter_add(b->t, NO_BLOCK, b->path_site - 1);

	b->path_site = 0;
	b->path_len = 0;
	return count_place(b, counter);
}

/* Puts it down; r is the cursor then. */
static void emit_event(struct build *b, struct emit *e, struct reg r)
{
	uint8_t low = r.number & 7, high = r.number >= 8;

	emit_mov_reg_tb(e, r, TB_CURSOR);               /* mov r, gs:[cursor] */
	if (high)
		emit_u8(e, 0x41);
	emit_u8(e, 0xc7);                               /* mov dword [r + 0], id */
	emit_u8(e, 0x40 | low);
	emit_u8(e, 0);
	emit_u32(e, event_id(b->path_site - 1, 0));
	emit_u8(e, high ? 0x4d : 0x48);                 /* lea r, [r + 4] */
	emit_u8(e, 0x8d);
	emit_u8(e, (uint8_t)(0x40 | low << 3 | low));
	emit_u8(e, 4);
	emit_mov_tb_reg(e, TB_CURSOR, r);               /* mov gs:[cursor], r */
	b->path_site = 0;
	b->path_len = 0;
}

static void emit_test(struct emit *e, struct reg r)
{
	uint8_t byte = 4 | (r.number & 3);

	if (r.number < 4) {
		emit_u8(e, 0x84);                       /* test rh, rh */
		emit_u8(e, (uint8_t)(0xc0 | byte << 3 | byte));
		return;
	}
	if (r.number >= 8)
		emit_u8(e, 0x41);
	emit_u8(e, 0xf7);                               /* test r, 0xff00 */
	emit_u8(e, (uint8_t)(0xc0 | (r.number & 7)));
	emit_u32(e, IN_CHUNK);
}

/* rcx is saved, or dead: goes back to `back` with another cursor. */
static void emit_full(struct emit *e, uint32_t back)
{
	emit_lea_reg_cache(e, RCX, back);               /* lea rcx, [back] */
	emit_jmp(e, RUNTIME_OFFSET(runtime_ring_full)); /* jmp runtime_ring_full */
}

/* The same for another register, while rcx lives: by a way back of its own. */
static void emit_full_sparing_rcx(struct build *b, struct where where, uint32_t back)
{
	struct emit *cold = &b->t->cold;

	emit_mov_slot_reg(cold, RCX);                   /* mov gs:[slot], rcx */
	where.saved |= BIT(1);
	build_mark(b, false, where);
	emit_full(cold, cold->at + 12);
	emit_mov_reg_slot(cold, RCX);                   /* mov rcx, gs:[slot] */
	where.saved &= (uint16_t)~BIT(1);
	build_mark(b, false, where);
	emit_jmp(cold, back);                           /* jmp back */
}

static void count(struct build *b, struct where where, uint16_t dead, bool flags_dead, bool late)
{
	struct emit *e = &b->t->hot;
	struct reg r = dead ? (struct reg){ (uint8_t)__builtin_ctz(dead) } : RCX;
	bool saves = !dead && !flags_dead;

	build_mark(b, true, where);
	if (saves || late) {
		emit_mov_slot_reg(e, RCX);              /* mov gs:[slot], rcx */
		where.saved |= BIT(1);
		build_mark(b, true, where);
	}
	uint32_t place = take_counter(b);
	if (flags_dead)
		emit_tb(e, 0x48, 0xff, 0, place);       /* inc qword gs:[counter] */
	else
		count_emit_add(e, r, place);            /* mov r, ...;  lea r, [r + 1];  mov ..., r */
	build_mark(b, true, where);
	if (saves && !late) {
		emit_mov_reg_slot(e, RCX);              /* mov rcx, gs:[slot] */
		where.saved &= (uint16_t)~BIT(1);
		build_mark(b, true, where);
	}
}

/* Tells the path, in hot code, where these registers are dead.  `where`: the program is
 * there before it and behind it, where rcx may stay in its slot. */
static void tell(struct build *b, struct where where, uint16_t dead, bool flags_dead, bool late)
{
	struct emit *e = &b->t->hot, *cold = &b->t->cold;

	if (b->counts) {
		count(b, where, dead, flags_dead, late);
		return;
	}
	uint16_t usable = flags_dead ? dead : dead & BIT(1);
	struct reg r = usable ? (struct reg){ (uint8_t)__builtin_ctz(usable) } : RCX;
	bool spares_rcx = r.number != RCX.number;

	build_mark(b, true, where);
	if (!usable) {
		emit_mov_slot_reg(e, RCX);              /* mov gs:[slot], rcx */
		where.saved |= BIT(1);
		build_mark(b, true, where);
	}
	emit_event(b, e, r);
	build_mark(b, true, where);
	if (flags_dead) {
		emit_test(e, r);
		EMIT_RAW(e, 0x0f, 0x84);                /* jz full */
		emit_u32(e, cold->at - (e->at + 4));
	} else {
		EMIT_RAW(e, 0x0f, 0xb6, 0xcd, 0xe3, 3); /* movzx ecx, ch;  jrcxz +3 */
		EMIT_RAW(e, 0x0f, 0x1f, 0x84);          /* nop, whose end is ... */
		emit_jmp(e, cold->at);                  /* jmp full */
	}
	build_mark(b, false, where);
	if (spares_rcx)
		emit_full_sparing_rcx(b, where, e->at);
	else
		emit_full(cold, e->at);
	build_mark(b, true, where);
	if (late)
		return;
	if (!usable)
		emit_mov_reg_slot(e, RCX);              /* mov rcx, gs:[slot] */
	where.saved &= (uint16_t)~BIT(1);
	build_mark(b, true, where);
}

void path_emit(struct build *b)
{
	int i = b->count_at;
	bool flags_dead = b->dead_flags[i] == X86_FLAGS_ALL && !b->section;

	tell(b, at(b->pcs[i], true), b->section ? 0 : block_free_regs(b, i), flags_dead, false);
	b->is_counted = true;
}

void path_emit_late(struct build *b)
{
	tell(b, at(b->pcs[b->count_at], true), 0, false, true);
	b->is_counted = true;
}

void path_emit_end(struct build *b, struct where where)
{
	if (b->path_site)
		tell(b, where, 0, false, false);
}

/* In cold code, at a place of which `where` says all, with rcx in its slot; returns where the jump
 * to a full ring's way out is to be patched, 0: nowhere. */
static uint32_t tell_away(struct build *b, struct where where)
{
	struct emit *e = &b->t->cold;

	if (b->counts) {
		count_emit_add(e, RCX, take_counter(b));
		build_mark(b, false, where);
		return 0;
	}
	emit_event(b, e, RCX);
	build_mark(b, false, where);
	EMIT_RAW(e, 0x0f, 0xb6, 0xcd, 0xe3, 0);         /* movzx ecx, ch;  jrcxz full */
	return e->at;
}

static void finish_away(struct build *b, struct where where, uint32_t back)
{
	struct emit *e = &b->t->cold;

	if (!back)
		return;
	assert(e->is_full || e->at - back < 128);
	if (!e->is_full)
		e->local[back - 1] = (uint8_t)(e->at - back);
	build_mark(b, false, where);
	emit_full(e, back);                             /* full: */
}

uint32_t path_emit_away(struct build *b, uint64_t pc)
{
	struct emit *e = &b->t->cold;
	struct where where = at(pc, false), inside = { .pc = pc, .saved = BIT(1) };
	uint32_t from = e->at, site = b->path_site;
	uint8_t len = b->path_len;

	build_mark(b, false, where);
	emit_mov_slot_reg(e, RCX);                      /* mov gs:[slot], rcx */
	build_mark(b, false, inside);
	uint32_t back = tell_away(b, inside);
	emit_mov_reg_slot(e, RCX);                      /* mov rcx, gs:[slot] */
	build_mark(b, false, where);
	exit_align(b->t, e, 1);
	emit_jmp(e, e->at + 5);                         /* jmp <pc> */
	uint32_t rel_at = e->at - 4;
	finish_away(b, inside, back);
	uint32_t to = exit_target(b, pc, rel_at, REQUEST_MISS), distance = to - (rel_at + 4);
	if (!e->is_full)
		memcpy(e->local + rel_at, &distance, 4);
	b->path_site = site;
	b->path_len = len;
	return from;
}

void path_emit_away_indirect(struct build *b, int lookup, struct where where)
{
	uint32_t site = b->path_site;
	uint8_t len = b->path_len;

	build_mark(b, false, where);
	uint32_t back = tell_away(b, where);
	lookup_emit(b, false, lookup, where);
	finish_away(b, where, back);
	b->path_site = site;
	b->path_len = len;
}
