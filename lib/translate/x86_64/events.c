/* events.c - code that appends an event to the ring.
 *
 * Registers: rcx the cursor; rax and rdx for the clock, rax alone where it is a word in memory.  Flags are not touched:
 * only mov and lea, and a check that the cursor has left its chunk that needs no
 * compare - the first RING_ZONE_BYTES of each 64 KiB hold no data, so bits 8 to
 * 15 of the cursor are zero exactly when it has run past the end of its chunk.
 */
#include <assert.h>

#include "build.h"
#include "runtime.h"

uint32_t event_site(struct build *b, enum site_kind kind, unsigned flags, uint64_t pc,
		    uint64_t target)
{
	struct site site = {
		.kind = (uint8_t)kind,
		.flags = (uint8_t)flags,
		.words = (uint8_t)event_words_of(flags),
		.block = b->block->public.index,
		.pc = pc,
		.target = target,
	};

	return cache_site_add(b->t, &site);
}

static void store_imm32(struct emit *e, unsigned offset, uint32_t value)
{
	EMIT_RAW(e, 0xc7, 0x41);        /* mov dword [rcx + offset], value */
	emit_u8(e, (uint8_t)offset);
	emit_u32(e, value);
}

static void store_reg(struct emit *e, unsigned offset, struct reg r, bool wide)
{
	if (wide)
		emit_u8(e, 0x48);
	emit_u8(e, 0x89);               /* mov [rcx + offset], r */
	emit_u8(e, (uint8_t)(0x41 | r.number << 3));
	emit_u8(e, (uint8_t)offset);
}

static void save(struct build *b, struct event *event, uint16_t *saved, struct reg r)
{
	if ((*saved | event->dead) >> r.number & 1)
		return;
	emit_mov_slot_reg(&b->t->hot, r);               /* mov gs:[slot], r */
	*saved |= BIT(r.number);
}

/* The payload; returns its length in bytes, the id included.  `word`: of the clock, or 0. */
static unsigned store_payload(struct emit *e, const struct event *event, uint64_t word)
{
	unsigned at = 4;

	store_imm32(e, 0, event_id(event->site, event->words));
	if (event->flags & SITE_HAS_SP) {
		store_reg(e, at, RSP, false);           /* mov [rcx + at], esp */
		at += 4;
	}
	if (event->flags & SITE_HAS_FROM) {             /* rdx is in its slot */
		emit_tb(e, 0, 0x8b, RDX.number, TB_JUMP_FROM);  /* mov edx, gs:[jump_from] */
		store_reg(e, at, RDX, false);           /* mov [rcx + at], edx */
		at += 4;
	}
	if (event->flags & SITE_HAS_TARGET) {
		store_reg(e, at, RDX, true);            /* mov [rcx + at], rdx */
		at += 8;
	}
	if (event->flags & SITE_HAS_COUNT) {
		emit_mov_reg_tb(e, RDX, TB_SLOT(1));    /* mov rdx, gs:[slot rcx] */
		store_reg(e, at, RDX, true);            /* mov [rcx + at], rdx */
		at += 8;
	}
	if (event->flags & SITE_HAS_TSC && word) {
		EMIT_RAW(e, 0x48, 0x8b, 0x05);          /* mov rax, [clock] */
		emit_u32(e, (uint32_t)(word - (emit_address(e) + 4)));
		store_reg(e, at, RAX, true);            /* mov [rcx + at], rax */
		at += 8;
	} else if (event->flags & SITE_HAS_TSC) {
		EMIT_RAW(e, 0x0f, 0x31);                /* rdtsc */
		store_reg(e, at, RAX, false);           /* mov [rcx + at], eax */
		store_reg(e, at + 4, RDX, false);       /* mov [rcx + at + 4], edx */
		at += 8;
	}
	return at;
}

static void emit_way_out(struct build *b, bool hot, const struct event *event,
			 struct where where)
{
	struct emit *e = hot ? &b->t->hot : &b->t->cold;

	build_mark(b, hot, where);
	emit_lea_reg_cache(e, RCX, event->back);        /* lea rcx, [back] */
	emit_jmp(e, RUNTIME_OFFSET(runtime_ring_full)); /* jmp runtime_ring_full */
}

static void emit_check(struct build *b, struct event *event, struct where where)
{
	struct emit *e = &b->t->hot;

	switch (event->check) {
	case CHECK_FLAGS_DEAD:
		EMIT_RAW(e, 0x84, 0xed, 0x0f, 0x84);    /* test ch, ch;  jz cold */
		emit_u32(e, b->t->cold.at - (e->at + 4));
		event->back = e->at;
		emit_way_out(b, false, event, where);
		break;
	case CHECK_HERE:
		EMIT_RAW(e, 0x0f, 0xb6, 0xcd);          /* movzx ecx, ch */
		EMIT_RAW(e, 0xe3, 0x02, 0xeb, 0x05);    /* jrcxz +2;  jmp +5 */
		emit_jmp(e, b->t->cold.at);             /* jmp cold */
		event->back = e->at;
		emit_way_out(b, false, event, where);
		break;
	case CHECK_NEAR:
		EMIT_RAW(e, 0x0f, 0xb6, 0xcd, 0xe3, 0); /* movzx ecx, ch;  jrcxz near */
		event->back = e->at;
		event->rel8_at = e->at - 1;
		break;
	}
}

void event_emit(struct build *b, struct event *event)
{
	struct emit *e = &b->t->hot;
	struct where where = event->before;
	uint16_t restored_to = event->after.saved;
	bool clock = event->flags & SITE_HAS_TSC, count = event->flags & SITE_HAS_COUNT;
	bool tsc = clock && !b->t->config.clock_base;

	if (event->is_owed)
		build_mark_owed(b, true, where, event->site);
	else
		build_mark(b, true, where);
	if (count)
		event->dead &= (uint16_t)~BIT(1);       /* it is read from its slot */
	save(b, event, &where.saved, RCX);
	if (clock)
		save(b, event, &where.saved, RAX);
	if (tsc || count)
		save(b, event, &where.saved, RDX);
	bool parked = tsc && (event->flags & SITE_HAS_TARGET);        /* rdx, by rdtsc */
	if (parked) {
		emit_mov_tb_reg(e, TB_TARGET, RDX);     /* mov gs:[target], rdx */
		where.at_rdx = false;
		where.at_target = true;
	}
	if (event->is_owed)
		build_mark_owed(b, true, where, event->site);
	else
		build_mark(b, true, where);
	emit_mov_reg_tb(e, RCX, TB_CURSOR);             /* mov rcx, gs:[cursor] */
	unsigned len = store_payload(e, event, b->t->config.clock_base);
	EMIT_RAW(e, 0x48, 0x8d, 0x49);                  /* lea rcx, [rcx + len] */
	emit_u8(e, (uint8_t)len);
	emit_mov_tb_reg(e, TB_CURSOR, RCX);             /* mov gs:[cursor], rcx */

	uint16_t extra = (uint16_t)(where.saved & ~restored_to);
	where = event->after;
	where.saved = (uint16_t)(restored_to | extra);
	where.at_rdx &= !parked;
	where.at_target = parked;
	build_mark(b, true, where);
	emit_check(b, event, where);
	build_mark(b, true, where);
	if (parked)
		emit_mov_reg_tb(e, RDX, TB_TARGET);     /* mov rdx, gs:[target] */
	for (uint8_t r = 0; r <= 2; r++)
		if (extra >> r & 1)
			emit_mov_reg_slot(e, (struct reg){ r });        /* mov r, gs:[slot] */
	event->before = where;          /* what the way out is marked with */
	where = event->after;
	build_mark(b, true, where);
}

void event_finish(struct build *b, struct event *event)
{
	struct emit *e = &b->t->hot;

	if (event->check != CHECK_NEAR || e->is_full)
		return;
	assert(e->at - event->back < 128);
	e->local[event->rel8_at] = (uint8_t)(e->at - event->back);
	emit_way_out(b, true, event, event->before);
}
