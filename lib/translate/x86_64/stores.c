/* stores.c - accesses that may hit a watched range.
 *
 *	mov gs:[slot], rcx
 *	lea rcx, [operand]
 *	rorx rcx, rcx, k			flags are live: the access may fault
 *	lea ecx, [rcx - window];  jrcxz near	2^k bytes, aligned, that hold all ranges
 *	mov rcx, gs:[slot]
 *	<the access>				`plain`
 *
 *	near:	rcx = rcx - (lowest watched byte - 63), its bits from the hull's size on;
 *		0: request WATCH, answered with `plain` or `hit`;  else `plain`
 *	hit:	<the access>;  request WATCHED	answered with `resume`, behind `plain`
 *
 * The check is for the hull of all ranges, for an access of up to 64 bytes (of xsave and
 * its kin more); what passes it is looked at exactly by the owner.  Where no aligned
 * window holds the hull, and relative to fs, the second check alone is made, in line.
 * Of a repeated store it is whether 8 * rcx bytes to either side of rdi touch the hull.
 * An operand relative to rip is known now: it is checked or not.  Accesses whose
 * address no lea gives (scatters, ...) always ask.
 */
#include "build.h"
#include "runtime.h"
#include "store_log.h"

#define ACCESS_MAX 64u
#define FPU_ENV_MAX 128u
#define XSAVE_MAX 16384u
#define WINDOW_MIN 16u          /* bits: with fewer, 32 of them would not hold the rest */
#define WINDOW_MAX 32u
#define WAYS (TRANSLATE_WAYS_BYTES / 8u)

static bool pushes(const struct x86_insn *insn)
{
	return insn->kind == X86_KIND_CALL || insn->kind == X86_KIND_CALL_IND ||
	       insn->special == X86_SPECIAL_STACK_PUSH || insn->special == X86_SPECIAL_PUSHF;
}

/* How long the access may be. */
static uint64_t reach_of(const struct x86_insn *insn)
{
	return insn->special == X86_SPECIAL_XSAVE ? XSAVE_MAX :
	       insn->special == X86_SPECIAL_FPU_ENV ? FPU_ENV_MAX : ACCESS_MAX;
}

/* An operand relative to rip, and no other, whose bytes are not watched. */
static bool is_elsewhere(const struct build *b, const struct x86_insn *insn, uint64_t pc)
{
	if (!insn->rip_relative || insn->eip_relative || insn->uses_seg_fs || insn->is_string ||
	    insn->special == X86_SPECIAL_BIT_STRING || insn->special == X86_SPECIAL_STACK_POP ||
	    pushes(insn))
		return false;
	uint64_t start = x86_rip_target(insn, pc);
	for (size_t i = 0; i < b->t->config.range_count; i++)
		if (start < b->t->ranges[i].end && b->t->ranges[i].start < start + reach_of(insn))
			return false;
	return true;
}

bool store_is_watched(const struct build *b, int i)
{
	const struct x86_insn *insn = &b->insns[i];

	if (!b->t->config.events.stores || insn->special == X86_SPECIAL_NOP)
		return false;
	if (insn->kind != X86_KIND_PLAIN)
		return pushes(insn);
	return (insn->writes_mem || (b->t->config.watch_reads && insn->reads_mem)) &&
	       !is_elsewhere(b, insn, b->pcs[i]);
}

/* stos and movs write at rdi. */
static bool is_at_rdi(const struct build *b, const struct x86_insn *insn)
{
	return insn->is_string && insn->writes_mem && !b->t->config.watch_reads &&
	       !(insn->prefixes & X86_PREFIX_ADDRSIZE);
}

/* No lea gives the address. */
static bool is_opaque(const struct build *b, const struct x86_insn *insn)
{
	if (is_at_rdi(b, insn))
		return false;
	if (insn->vsib || insn->is_string || insn->special == X86_SPECIAL_BIT_STRING ||
	    insn->special == X86_SPECIAL_STACK_POP || insn->special == X86_SPECIAL_POPF)
		return true;
	if (insn->uses_seg_fs && !b->t->config.has_fsgsbase)
		return true;
	if (pushes(insn))
		return insn->has_mem && insn->kind == X86_KIND_PLAIN &&
		       b->t->config.watch_reads;        /* two addresses */
	return !insn->has_mem;
}

/* lea rcx, [the ModRM operand], its displacement always of 32 bits */
static void emit_lea_operand(struct emit *e, const struct x86_insn *insn, uint64_t pc)
{
	unsigned mod = insn->modrm >> 6, rm = insn->modrm & 7;
	unsigned base = insn->has_sib ? insn->sib & 7u : rm;
	unsigned sib_rest = insn->has_sib ? insn->sib & 0xf8u : 4u << 3;
	bool no_base = insn->has_sib && base == 5 && mod == 0;
	int32_t disp = insn->disp_len == 1 && insn->disp8_scale ?
		       insn->disp * insn->disp8_scale : insn->disp;

	if (insn->rip_relative) {
		emit_mov_reg_imm64(e, RCX, x86_rip_target(insn, pc));   /* mov rcx, target */
		return;
	}
	if (insn->prefixes & X86_PREFIX_ADDRSIZE)
		emit_u8(e, 0x67);
	emit_u8(e, (uint8_t)(0x48 | (insn->vex_rxb & (insn->has_sib ? 3 : 1))));
	emit_u8(e, 0x8d);
	emit_u8(e, (uint8_t)((no_base ? 0 : 0x80) | 1 << 3 | 4));
	emit_u8(e, (uint8_t)(sib_rest | base));
	emit_u32(e, insn->disp_len ? (uint32_t)disp : 0);
}

static void emit_lea_access(struct emit *e, const struct x86_insn *insn, uint64_t pc)
{
	if (insn->is_string) {
		EMIT_RAW(e, 0x48, 0x8d, 0x0f);                  /* lea rcx, [rdi] */
		return;
	}
	if (pushes(insn)) {
		EMIT_RAW(e, 0x48, 0x8d, 0x4c, 0x24, 0xf8);      /* lea rcx, [rsp - 8] */
		return;
	}
	emit_lea_operand(e, insn, pc);
	if (insn->uses_seg_fs) {
		EMIT_RAW(e, 0xf3, 0x48, 0x0f, 0xae, 0xc0);      /* rdfsbase rax */
		EMIT_RAW(e, 0x48, 0x8d, 0x0c, 0x01);            /* lea rcx, [rcx + rax] */
	}
}

/* From the lowest byte at which an access of `reach` bytes may begin to hit. */
static void hull(const struct translator *t, uint64_t reach, uint64_t *low, uint64_t *end)
{
	*low = ~0ull;
	*end = 0;
	for (size_t i = 0; i < t->config.range_count; i++) {
		if (t->ranges[i].start < *low)
			*low = t->ranges[i].start;
		if (t->ranges[i].end > *end)
			*end = t->ranges[i].end;
	}
	*low = *low < reach ? 0 : *low - (reach - 1);
}

/* The bits of the smallest aligned window that holds the hull; 0: there is none. */
static unsigned window_of(const struct translator *t, uint64_t reach)
{
	uint64_t low, end;

	hull(t, reach, &low, &end);
	for (unsigned bits = WINDOW_MIN; bits <= WINDOW_MAX; bits++)
		if (low >> bits == (end - 1) >> bits && low >> bits <= INT32_MAX)
			return bits;
	return 0;
}

/* rcx: 0 when the access at rcx may hit; rax is changed. */
static void emit_compare(struct emit *e, const struct translator *t, uint64_t reach)
{
	uint64_t low, end;

	hull(t, reach, &low, &end);
	emit_mov_reg_imm64(e, RAX, -low);                       /* mov rax, -low */
	EMIT_RAW(e, 0x48, 0x8d, 0x0c, 0x01);                    /* lea rcx, [rcx + rax] */
	emit_mov_reg_imm64(e, RAX,                              /* mov eax, k */
			   64 - (unsigned)__builtin_clzll((end - low - 1) | 1));
	EMIT_RAW(e, 0xc4, 0xe2, 0xfb, 0xf7, 0xc9);              /* shrx rcx, rcx, rax */
}

static void emit_jmp_if_rcx_0(struct emit *e, uint32_t to)
{
	EMIT_RAW(e, 0xe3, 0x02, 0xeb, 0x05);                    /* jrcxz +2;  jmp +5 */
	emit_jmp(e, to);                                        /* jmp to */
}

/* jrcxz to a place that emit_land() will give */
static uint32_t emit_jrcxz_ahead(struct emit *e)
{
	EMIT_RAW(e, 0xe3, 0x00);
	return e->at;
}

static void emit_land(struct emit *e, uint32_t from)
{
	if (!e->is_full)
		e->local[from - 1] = (uint8_t)(e->at - from);
}

/* A repeated store: are the 8 * rcx bytes below rdi, and those above, clear of the
 * hull?  (The direction flag and the size of an element do not matter then.) */
static void emit_compare_repeated(struct emit *e, const struct translator *t, uint32_t cold)
{
	uint64_t low, end;

	hull(t, ACCESS_MAX, &low, &end);
	EMIT_RAW(e, 0x48, 0x8d, 0x04, 0xcd, 0, 0, 0, 0);        /* lea rax, [rcx * 8] */
	EMIT_RAW(e, 0x48, 0xf7, 0xd0);                          /* not rax */
	EMIT_RAW(e, 0x48, 0x8d, 0x44, 0x38, 0x01);              /* lea rax, [rax + rdi + 1] */
	emit_mov_reg_imm64(e, RCX, -end);                       /* mov rcx, -end */
	EMIT_RAW(e, 0x48, 0x8d, 0x0c, 0x01);                    /* lea rcx, [rcx + rax] */
	emit_mov_reg_imm64(e, RAX, 63);                         /* mov eax, 63 */
	EMIT_RAW(e, 0xc4, 0xe2, 0xfb, 0xf7, 0xc9);              /* shrx rcx, rcx, rax */
	uint32_t above = emit_jrcxz_ahead(e);                   /* jrcxz clear */
	emit_mov_reg_slot(e, RCX);                              /* mov rcx, gs:[slot] */
	EMIT_RAW(e, 0x48, 0x8d, 0x04, 0xcd, 0, 0, 0, 0);        /* lea rax, [rcx * 8] */
	EMIT_RAW(e, 0x48, 0x8d, 0x04, 0x38);                    /* lea rax, [rax + rdi] */
	EMIT_RAW(e, 0x48, 0xf7, 0xd0);                          /* not rax */
	emit_mov_reg_imm64(e, RCX, low + 1);                    /* mov rcx, low + 1 */
	EMIT_RAW(e, 0x48, 0x8d, 0x0c, 0x01);                    /* lea rcx, [rcx + rax] */
	emit_mov_reg_imm64(e, RAX, 63);                         /* mov eax, 63 */
	EMIT_RAW(e, 0xc4, 0xe2, 0xfb, 0xf7, 0xc9);              /* shrx rcx, rcx, rax */
	uint32_t below = emit_jrcxz_ahead(e);                   /* jrcxz clear */
	emit_jmp(e, cold);                                      /* jmp cold */
	emit_land(e, above);                                    /* clear: */
	emit_land(e, below);
}

static void emit_request(struct emit *e, uint32_t index, uint32_t request)
{
	emit_mov_tb_imm32(e, TB_EXIT, index);                   /* mov dword gs:[exit], index */
	emit_mov_tb_imm32(e, TB_REQUEST_KIND, request);         /* mov dword gs:[kind], request */
	emit_jmp(e, RUNTIME_OFFSET(runtime_request));           /* jmp runtime_request */
}

static struct translate_store *add_store(struct build *b, int i, uint32_t *index)
{
	*index = b->t->stores.count;
	struct translate_store *store = chunked_add(&b->t->stores);

	if (!store) {
		b->t->out_of_memory = true;
		return NULL;
	}
	store->pc.address = b->pcs[i];
	store->len = b->insns[i].len;
	store->is_call = b->insns[i].kind != X86_KIND_PLAIN;
	store->rdx_in_slot = b->insns[i].kind == X86_KIND_CALL_IND;
	memcpy(store->bytes, b->bytes + (b->pcs[i] - b->pcs[0]), store->len);
	return store;
}

/* In line: rcx alone, in a window; `near` in the cold code looks closer. */
static void emit_check_window(struct build *b, int i, struct where before, unsigned bits)
{
	struct emit *e = &b->t->hot, *cold = &b->t->cold;
	const struct x86_insn *insn = &b->insns[i];
	struct where inside = before, deeper = before;
	uint64_t low, end, reach = reach_of(insn);

	inside.saved |= BIT(1);
	deeper.saved |= BIT(0) | BIT(1);
	hull(b->t, reach, &low, &end);
	emit_mov_slot_reg(e, RCX);                              /* mov gs:[slot], rcx */
	build_mark(b, true, inside);
	emit_lea_access(e, insn, b->pcs[i]);
	EMIT_RAW(e, 0xc4, 0xe3, 0xfb, 0xf0, 0xc9);              /* rorx rcx, rcx, bits */
	emit_u8(e, (uint8_t)bits);
	EMIT_RAW(e, 0x8d, 0x89);                                /* lea ecx, [rcx - window] */
	emit_u32(e, (uint32_t)-(low >> bits));
	emit_jmp_if_rcx_0(e, cold->at);
	emit_mov_reg_slot(e, RCX);                              /* mov rcx, gs:[slot] */
	build_mark(b, true, before);

	build_mark(b, false, inside);
	emit_mov_reg_slot(cold, RCX);                           /* near: mov rcx, gs:[slot] */
	emit_mov_slot_reg(cold, RAX);                           /* mov gs:[slot], rax */
	build_mark(b, false, deeper);
	emit_lea_access(cold, insn, b->pcs[i]);
	emit_compare(cold, b->t, reach);
	emit_mov_reg_slot(cold, RAX);                           /* mov rax, gs:[slot] */
	uint32_t asks = emit_jrcxz_ahead(cold);                 /* jrcxz ask */
	emit_mov_reg_slot(cold, RCX);                           /* mov rcx, gs:[slot] */
	build_mark(b, false, before);
	emit_jmp(cold, e->at);                                  /* jmp plain */
	build_mark(b, false, deeper);
	emit_land(cold, asks);
	emit_mov_reg_slot(cold, RCX);                           /* ask: mov rcx, gs:[slot] */
	build_mark(b, false, before);
}

/* In line: rax and rcx, at once closely. */
static void emit_check(struct build *b, int i, struct where before)
{
	struct emit *e = &b->t->hot, *cold = &b->t->cold;
	const struct x86_insn *insn = &b->insns[i];
	struct where inside = before;

	inside.saved |= BIT(0) | BIT(1);
	emit_mov_slot_reg(e, RAX);                              /* mov gs:[slot], rax */
	emit_mov_slot_reg(e, RCX);                              /* mov gs:[slot], rcx */
	build_mark(b, true, inside);
	if (insn->rep_string) {
		emit_compare_repeated(e, b->t, cold->at);
	} else {
		emit_lea_access(e, insn, b->pcs[i]);
		emit_compare(e, b->t, reach_of(insn));
		emit_jmp_if_rcx_0(e, cold->at);
	}
	emit_mov_reg_slot(e, RAX);                              /* mov rax, gs:[slot] */
	emit_mov_reg_slot(e, RCX);                              /* mov rcx, gs:[slot] */
	build_mark(b, true, before);
	build_mark(b, false, inside);
	emit_mov_reg_slot(cold, RAX);                           /* cold: mov rax, gs:[slot] */
	emit_mov_reg_slot(cold, RCX);                           /* mov rcx, gs:[slot] */
	build_mark(b, false, before);
}

/* The owner wants to know where fs points to. */
static void emit_tell_fs(struct build *b, struct where before)
{
	struct emit *cold = &b->t->cold;
	struct where inside = before;

	inside.saved |= BIT(0);
	emit_mov_slot_reg(cold, RAX);                           /* mov gs:[slot], rax */
	build_mark(b, false, inside);
	EMIT_RAW(cold, 0xf3, 0x48, 0x0f, 0xae, 0xc0);           /* rdfsbase rax */
	emit_mov_tb_reg(cold, TB_TARGET, RAX);                  /* mov gs:[target], rax */
	emit_mov_reg_slot(cold, RAX);                           /* mov rax, gs:[slot] */
	build_mark(b, false, before);
}

/* Where the access is; rcx stays in its slot. */
static void emit_tell_address(struct build *b, int i, struct where before)
{
	struct emit *cold = &b->t->cold;
	const struct x86_insn *insn = &b->insns[i];
	struct where inside = before;

	inside.saved |= BIT(1);
	emit_mov_slot_reg(cold, RCX);                           /* mov gs:[slot], rcx */
	build_mark(b, false, inside);
	if (insn->uses_seg_fs) {
		emit_mov_slot_reg(cold, RAX);                   /* mov gs:[slot], rax */
		inside.saved |= BIT(0);
		build_mark(b, false, inside);
	}
	emit_lea_access(cold, insn, b->pcs[i]);
	emit_mov_tb_reg(cold, TB_WATCH_ADDRESS, RCX);           /* mov gs:[address], rcx */
	if (insn->uses_seg_fs) {
		emit_mov_reg_slot(cold, RAX);                   /* mov rax, gs:[slot] */
		inside.saved = (uint16_t)(before.saved | BIT(1));
		build_mark(b, false, inside);
	}
}

/* The access that hits, where its owner has been asked before it and is behind it. */
static void emit_hit_asking(struct build *b, int i, uint32_t index, struct translate_store *store,
			void (*emit)(struct build *b, int i), struct where before,
			struct where behind)
{
	struct emit *cold = &b->t->cold;

	store->hit.address = emit_address(cold);
	build_mark(b, false, before);
	b->to_cold = true;
	emit(b, i);
	b->to_cold = false;
	build_mark(b, false, behind);
	emit_request(cold, index, REQUEST_WATCHED);
}

/* The same, where the runtime knows what to do as soon as it is told the access's shape:
 *
 *	mov dword gs:[exit], index;  mov dword gs:[kind], WATCH
 *	mov dword gs:[shape], 0			patched: see translator_store_shape()
 *	lea rcx, [back];  jmp runtime_watch
 * back: mov rcx, gs:[slot];  jmp plain
 *	mov rcx, gs:[slot]			WATCH_BACK_HIT further
 * hit:	<the access>
 *	mov gs:[slot], rcx;  lea rcx, [behind];  jmp runtime_watched
 * behind: mov rcx, gs:[slot];  jmp resume
 *
 * `before` and `behind` with rcx in its slot at the beginning.
 */
static void emit_logging(struct build *b, int i, uint32_t index, struct translate_store *store,
			 struct where before, struct where behind)
{
	struct emit *cold = &b->t->cold;
	struct where inside = before, done = behind;

	inside.saved |= BIT(1);
	done.saved |= BIT(1);
	build_mark(b, false, inside);
	store->again.address = emit_address(cold);
	emit_mov_tb_imm32(cold, TB_EXIT, index);                /* mov dword gs:[exit], index */
	emit_mov_tb_imm32(cold, TB_REQUEST_KIND, REQUEST_WATCH);        /* mov dword gs:[kind], .. */
	exit_align(cold, 8);
	emit_mov_tb_imm32(cold, TB_WATCH_SHAPE, 0);             /* mov dword gs:[shape], 0 */
	store->shape_at = cold->at - 4;
	emit_lea_reg_cache(cold, RCX, cold->at + 7 + 5);        /* lea rcx, [back] */
	emit_jmp(cold, RUNTIME_OFFSET(runtime_watch));          /* jmp runtime_watch */
	emit_mov_reg_slot(cold, RCX);                           /* back: mov rcx, gs:[slot] */
	build_mark(b, false, before);
	emit_jmp(cold, (uint32_t)(store->plain.address - cold->base));          /* jmp plain */
	build_mark(b, false, inside);
	emit_mov_reg_slot(cold, RCX);                           /* mov rcx, gs:[slot] */
	store->hit.address = emit_address(cold);
	build_mark(b, false, before);
	b->to_cold = true;
	relocate_emit(b, i);
	b->to_cold = false;
	build_mark(b, false, behind);
	emit_mov_slot_reg(cold, RCX);                           /* mov gs:[slot], rcx */
	build_mark(b, false, done);
	emit_lea_reg_cache(cold, RCX, cold->at + 7 + 5);        /* lea rcx, [behind] */
	emit_jmp(cold, RUNTIME_OFFSET(runtime_watched));        /* jmp runtime_watched */
	emit_mov_reg_slot(cold, RCX);                           /* behind: mov rcx, gs:[slot] */
	build_mark(b, false, behind);
	emit_jmp(cold, (uint32_t)(store->resume.address - cold->base));         /* jmp resume */
}

void translator_store_shape(struct translator *t, uint32_t index, uint32_t shape)
{
	const struct translate_store *store = translator_store(t, index);

	if (store && store->shape_at)
		__atomic_store_n((uint32_t *)(t->config.local + store->shape_at), shape,
				 __ATOMIC_RELEASE);
}

void store_emit(struct build *b, int i, void (*emit)(struct build *b, int i), struct where behind)
{
	struct emit *e = &b->t->hot, *cold = &b->t->cold;
	const struct x86_insn *insn = &b->insns[i];
	/* An indirect call has its target in rdx by now. */
	uint16_t outer = insn->kind == X86_KIND_CALL_IND ? BIT(2) : 0;
	struct where before = { .pc = b->pcs[i], .saved = outer, .in_block = true };
	bool opaque = is_opaque(b, insn) || !b->t->config.has_bmi2;
	bool asks = emit || opaque || insn->rep_string;
	unsigned bits = insn->uses_seg_fs || insn->rep_string ? 0 : window_of(b->t, reach_of(insn));
	uint32_t index;
	struct translate_store *store = add_store(b, i, &index);

	if (!store)
		return;
	build_mark(b, true, before);
	if (opaque)
		emit_jmp(e, cold->at);                          /* jmp cold */
	else if (bits)
		emit_check_window(b, i, before, bits);
	else
		emit_check(b, i, before);
	build_mark(b, false, before);
	if (insn->uses_seg_fs && b->t->config.has_fsgsbase)
		emit_tell_fs(b, before);
	if (asks)                       /* the access itself may leave a literal here */
		emit_request(cold, index, REQUEST_WATCH);
	else
		emit_tell_address(b, i, before);
	store->plain.address = emit_address(e);
	(emit ? emit : relocate_emit)(b, i);
	store->resume.address = emit_address(e);
	build_mark(b, true, behind);
	if (asks)
		emit_hit_asking(b, i, index, store, emit ? emit : relocate_emit, before, behind);
	else
		emit_logging(b, i, index, store, before, behind);
	cache_way_set(b->t, WAYS - 1 - 2 * index, store->plain.address);
	cache_way_set(b->t, WAYS - 2 - 2 * index, store->resume.address);
}
