/* stores.c - accesses that may hit a watched range.
 *
 *	<is it near a range? if so: near>	stores-check.c
 *	<the access>				`plain`
 *
 *	near:	<may it hit? else plain>;  runtime_watch, or request WATCH
 *	hit:	<the access>;  runtime_watched, or request WATCHED;  `resume`, behind `plain`
 *
 * What passes the checks here is looked at exactly by the runtime, or by the owner.  An
 * operand relative to rip is known now: it is checked or not.  Accesses whose address no
 * lea gives (scatters, ...) always ask.
 *
 * That is done for each access in blocks that have come near a range; in the others one
 * check may stand for many accesses: stores-plan.c.
 */
#include "stores.h"

#include "runtime.h"
#include "store_log.h"

#define WAYS (TRANSLATE_WAYS_BYTES / 8u)

bool store_pushes(const struct x86_insn *insn)
{
	return insn->kind == X86_KIND_CALL || insn->kind == X86_KIND_CALL_IND ||
	       insn->special == X86_SPECIAL_STACK_PUSH || insn->special == X86_SPECIAL_PUSHF;
}

/* Those that most programs are made of: mov, and arithmetic with ModRM, whose opcodes' last
 * bit says whether it is a byte. */
static bool has_plain_operand(const struct x86_insn *insn)
{
	uint8_t op = insn->opcode;

	if (insn->encoding != X86_ENCODING_LEGACY || insn->map != X86_MAP_ONE_BYTE || !insn->has_mem ||
	    insn->special != X86_SPECIAL_NONE || insn->kind != X86_KIND_PLAIN)
		return false;
	return (op < 0x40 && (op & 7) < 4) || op == 0x80 || op == 0x81 || op == 0x83 ||
	       (op >= 0x84 && op <= 0x8b) || op == 0xc6 || op == 0xc7;
}

uint64_t store_reach(const struct x86_insn *insn)
{
	if (has_plain_operand(insn))
		return insn->opcode & 1 ? insn->operand_bytes : 1;
	return insn->special == X86_SPECIAL_XSAVE ? STORE_XSAVE_MAX :
	       insn->special == X86_SPECIAL_FPU_ENV ? STORE_FPU_ENV_MAX : STORE_ACCESS_MAX;
}

/* An operand relative to rip, and no other, whose bytes are not watched. */
static bool is_elsewhere(const struct build *b, const struct x86_insn *insn, uint64_t pc)
{
	if (!insn->rip_relative || insn->eip_relative || insn->uses_seg_fs || insn->is_string ||
	    insn->special == X86_SPECIAL_BIT_STRING || insn->special == X86_SPECIAL_STACK_POP ||
	    store_pushes(insn))
		return false;
	uint64_t start = x86_rip_target(insn, pc);
	for (size_t i = 0; i < b->t->config.range_count; i++)
		if (start < b->t->ranges[i].end && b->t->ranges[i].start < start + store_reach(insn))
			return false;
	return true;
}

/* Does not access memory, or not itself: what a transaction stores is looked at where it does so, and
 * who asks in one aborts it. */
static bool accesses_nothing(const struct x86_insn *insn)
{
	return insn->special == X86_SPECIAL_NOP || insn->special == X86_SPECIAL_XEND ||
	       insn->special == X86_SPECIAL_XABORT;
}

bool store_is_watched(const struct build *b, int i)
{
	const struct x86_insn *insn = &b->insns[i];

	if (insn->kind == X86_KIND_PLAIN && !insn->writes_mem && !b->t->config.watch_reads)
		return false;
	if (!b->t->config.events.stores || !b->t->config.range_count || accesses_nothing(insn) ||
	    (b->stores_covered >> i & 1))
		return false;
	if (insn->kind != X86_KIND_PLAIN)
		return store_pushes(insn);
	return (insn->writes_mem || (b->t->config.watch_reads && insn->reads_mem)) &&
	       !is_elsewhere(b, insn, b->pcs[i]);
}

/* stos and movs write at rdi. */
static bool is_at_rdi(const struct build *b, const struct x86_insn *insn)
{
	return insn->is_string && insn->writes_mem && !b->t->config.watch_reads &&
	       !(insn->prefixes & X86_PREFIX_ADDRSIZE);
}

bool store_is_opaque(const struct build *b, const struct x86_insn *insn)
{
	if (is_at_rdi(b, insn))
		return false;
	if (insn->vsib || insn->is_string || insn->special == X86_SPECIAL_BIT_STRING ||
	    (insn->map == X86_MAP_0F38 && insn->opcode == 0xf8) ||      /* movdir64b: at a register */
	    insn->special == X86_SPECIAL_STACK_POP || insn->special == X86_SPECIAL_POPF)
		return true;
	if (store_pushes(insn))
		return insn->has_mem && insn->kind == X86_KIND_PLAIN &&
		       b->t->config.watch_reads;        /* two addresses */
	return !insn->has_mem;
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
	store->tells_elements = b->insns[i].vsib;
	memcpy(store->bytes, b->bytes + (b->pcs[i] - b->pcs[0]), store->len);
	return store;
}

/* Where an access is, for store_emit_clusters(). */
struct access {
	const struct translator *t;
	const struct x86_insn *insn;
	uint64_t pc;
};

static void lea_access(struct emit *e, const void *context)
{
	const struct access *a = context;

	emit_mov_reg_slot(e, RCX);                              /* mov rcx, gs:[slot] */
	if (a->insn->regs_touched & BIT(0))
		emit_mov_reg_slot(e, RAX);                      /* mov rax, gs:[slot] */
	store_emit_lea(e, a->t, a->insn, a->pc);
}

/* In line: rcx alone; `near` in the cold code looks closer. */
static void emit_check_cells(struct build *b, int i, struct where before)
{
	struct emit *e = &b->t->hot, *cold = &b->t->cold;
	const struct access access = { b->t, &b->insns[i], b->pcs[i] };
	struct where inside = before, deeper = before;
	struct store_ahead ahead = { 0 };
	uint32_t hits[STORE_HITS_MAX];

	inside.saved |= BIT(1);
	deeper.saved |= BIT(0) | BIT(1);
	emit_mov_slot_reg(e, RCX);                              /* mov gs:[slot], rcx */
	build_mark(b, true, inside);
	store_emit_lea(e, b->t, access.insn, access.pc);
	store_emit_cells(e, b->t, RCX, &ahead);
	store_near_is(e, store_emit_nop_with_jmp(e, &ahead), cold->at);
	emit_mov_reg_slot(e, RCX);                              /* mov rcx, gs:[slot] */
	build_mark(b, true, before);

	build_mark(b, false, inside);
	emit_mov_slot_reg(cold, RAX);                           /* near: mov gs:[slot], rax */
	build_mark(b, false, deeper);
	unsigned n = store_emit_clusters(cold, b->t, store_reach(access.insn), hits, lea_access,
					 &access);
	emit_mov_reg_slot(cold, RAX);                           /* mov rax, gs:[slot] */
	emit_mov_reg_slot(cold, RCX);                           /* mov rcx, gs:[slot] */
	build_mark(b, false, before);
	emit_jmp(cold, e->at);                                  /* jmp plain */
	build_mark(b, false, deeper);
	while (n)
		store_near_is(cold, hits[--n], cold->at);
	emit_mov_reg_slot(cold, RAX);                           /* ask: mov rax, gs:[slot] */
	emit_mov_reg_slot(cold, RCX);                           /* mov rcx, gs:[slot] */
	build_mark(b, false, before);
}

/* In line: rax and rcx, at once closely. */
static void emit_check(struct build *b, int i, struct where before)
{
	struct emit *e = &b->t->hot, *cold = &b->t->cold;
	const struct access access = { b->t, &b->insns[i], b->pcs[i] };
	struct where inside = before;
	uint32_t hits[STORE_HITS_MAX];

	inside.saved |= BIT(0) | BIT(1);
	emit_mov_slot_reg(e, RAX);                              /* mov gs:[slot], rax */
	emit_mov_slot_reg(e, RCX);                              /* mov gs:[slot], rcx */
	build_mark(b, true, inside);
	if (access.insn->rep_string) {
		store_emit_compare_repeated(e, b->t, cold->at);
	} else {
		unsigned n = store_emit_clusters(e, b->t, store_reach(access.insn), hits,
						 lea_access, &access);
		while (n)
			store_near_is(e, hits[--n], cold->at);
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
	store_emit_fs_base(cold, b->t);
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
	store_emit_lea(cold, b->t, insn, b->pcs[i]);
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
	exit_align(b->t, cold, 8);
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
	bool opaque = store_is_opaque(b, insn) || !b->t->config.has_bmi2;
	bool asks = emit || opaque || insn->rep_string;
	bool has_cells = b->t->windows.cell_count && !insn->uses_seg_fs && !insn->rep_string &&
			 store_reach(insn) <= STORE_MARGIN;
	uint32_t index;
	struct translate_store *store = add_store(b, i, &index);

	if (!store)
		return;
	build_mark(b, true, before);
	if (opaque)
		emit_jmp(e, cold->at);                          /* jmp cold */
	else if (has_cells)
		emit_check_cells(b, i, before);
	else
		emit_check(b, i, before);
	build_mark(b, false, before);
	if (insn->uses_seg_fs)
		emit_tell_fs(b, before);
	if (insn->vsib)
		store_emit_tell_elements(cold, insn);
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
