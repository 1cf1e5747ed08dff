/* returns.c - where a return goes: as the latest call from a place of its hash says.
 *
 * Each thread has a table of cache addresses, one for each value of the low byte of a return
 * address.  A call writes there where its return is to go on, a return goes there, and where
 * it arrives it compares:
 *
 *	call f		mov dword gs:[returns + hash], low half of <landing>
 *			push ret;  jmp <f>
 *	ret		save rdx;  pop rdx;  save rcx
 *			movzx ecx, dl;  jmp gs:[returns + rcx * 8]
 *	landing:	mov rcx, -ret;  lea rcx, [rcx + rdx];  jrcxz hit
 *			jmp miss
 *	hit:		report the arrival;  restore rdx, rcx
 *			entry of the block that is returned to
 *
 * That is right for all but those whose entry another call has overwritten meanwhile, and those
 * that do not go where a call came from: they are looked up, as other indirect branches are
 * (lookup.c).  The table stays in the first cache, where a large program's table of all
 * returns does not.  Only low halves are written, since calls have no register to spare; the high
 * ones are those of the cache, which must not cross a multiple of 4 GiB then.
 *
 * Threads' tables may lead to the landing of what has been dropped, or translated again: its
 * comparison is changed, by one byte, into a jump that always goes to the miss.
 */
#include "build.h"
#include "runtime.h"

#define RETURNING (BIT(1) | BIT(2))     /* in their slots, on the way to a landing */
#define JMP_BYTES 5
#define LOOP 0xe2
#define JMP_SHORT 0xeb
#define CALL_BYTES 12u

static uint32_t miss(const struct translator *t)
{
	return RUNTIME_OFFSET(t->config.has_bmi2 ? runtime_return : runtime_return_plain);
}

/* The program is on its way to what is in rdx. */
static struct where returning(uint16_t saved)
{
	return (struct where){ .at_rdx = true, .saved = saved, .arrives = 1 + LOOKUP_RET };
}

/* ---- the table ------------------------------------------------------------------- */

bool returns_can_be_predicted(const struct translate_config *c)
{
	return c->base >> 32 == (c->base + c->size_bytes - 1) >> 32;
}

void translator_returns_forget(const struct translator *t, struct thread_block *tb)
{
	for (int i = 0; i < RETURNS; i++)
		__atomic_store_n(&tb->returns[i], t->config.base + miss(t), __ATOMIC_RELAXED);
}

/* ---- the call -------------------------------------------------------------------- */

void returns_emit_call(struct build *b, uint64_t next)
{
	struct translator *t = b->t;
	struct emit *e = &t->hot;

	if (!t->predicts_returns)
		return;
	exit_align(t, e, 8);
	if (e->end - e->at < CALL_BYTES) {
		e->is_full = true;
		return;
	}
	struct exit *exit = cache_exit(t, cache_exit_add(t, (struct app_pc){ next }, e->at + 8));
	if (!exit)
		return;
	struct xblock *to = cache_block(t, exit->target);
	exit->is_return = true;
	exit->is_linked = to->entry && to->landing;
	exit->stub = miss(t);
	EMIT_RAW(e, 0x65, 0xc7, 0x04, 0x25);            /* mov dword gs:[returns + ...], landing */
	emit_u32(e, TB_RETURNS + 8u * (uint8_t)next);
	emit_u32(e, (uint32_t)t->config.base + (exit->is_linked ? to->landing : exit->stub));
}

/* ---- the return ------------------------------------------------------------------ */

void returns_emit(struct build *b, bool hot, struct where where)
{
	struct emit *e = hot ? &b->t->hot : &b->t->cold;
	uint64_t counter;

	where.arrives = 1 + LOOKUP_RET;
	build_mark(b, hot, where);
	if (!(where.saved & BIT(1)))
		emit_mov_slot_reg(e, RCX);              /* mov gs:[slot], rcx */
	where.saved |= BIT(1);
	build_mark(b, hot, where);
	bool counted = guess_counter(b, &counter);
	uint32_t often = counted ? guess_emit_count(e, counter) : 0;
	EMIT_RAW(e, 0x0f, 0xb6, 0xca);                  /* movzx ecx, dl */
	EMIT_RAW(e, 0x65, 0xff, 0x24, 0xcd);            /* jmp gs:[returns + rcx * 8] */
	emit_u32(e, TB_RETURNS);
	if (counted)
		guess_finish_count(b, hot, LOOKUP_RET, often, where);
}

/* ---- the landing ----------------------------------------------------------------- */

static void emit_landing(struct build *b)
{
	struct emit *e = &b->t->hot;
	uint64_t pc = b->block->public.pc.address;
	bool falls = b->t->config.has_fast_loop;

	build_mark(b, true, returning(RETURNING));
	uint32_t out = e->at;
	if (falls)
		emit_jmp(e, miss(b->t));                /* out: jmp miss */
	b->block->landing = e->at;
	guess_emit_distance(e, RDX, falls ? pc - 1 : pc, 0);
	b->block->landing_turn = (uint8_t)(e->at - b->block->landing);
	if (falls) {
		emit_u8(e, LOOP);                       /* loop out: less 1, is it 0? */
		emit_u8(e, (uint8_t)(out - (e->at + 1)));
	} else {
		EMIT_RAW(e, 0xe3, JMP_BYTES);           /* jrcxz hit */
		emit_jmp(e, miss(b->t));                /* jmp miss */
	}
}

void returns_emit_way_in(struct build *b)
{
	struct emit *e = &b->t->hot, *cold = &b->t->cold;
	struct where where = { b->block->public.pc.address, RETURNING | BIT(0), .arrives = 1 + LOOKUP_RET };

	emit_landing(b);
	/* Who has been looked up, or has asked, comes from here. */
	b->block->lookup_entry[LOOKUP_RET] = cold->at;
	build_mark(b, false, where);
	emit_mov_reg_slot(cold, RAX);                   /* mov rax, gs:[slot] */
	where.saved = RETURNING;
	build_mark(b, false, where);
	emit_jmp(cold, e->at);                          /* jmp hit */
	lookup_emit_arrival(b, NULL, LOOKUP_RET, RETURNING, NULL);      /* hit: */
	lookup_emit_restore(b, RETURNING);
}

void target_landing_remove(struct translator *t, struct xblock *b)
{
	uint8_t *at = t->config.local + b->landing + b->landing_turn;

	if (!b->landing)
		return;
	if (*at == LOOP)
		__atomic_store_n(at, JMP_SHORT, __ATOMIC_RELEASE);      /* jmp out */
	else
		__atomic_store_n(at + 1, 0, __ATOMIC_RELEASE);  /* jrcxz to the jmp behind it */
	b->landing = 0;
}
