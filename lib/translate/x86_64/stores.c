/* stores.c - accesses that may hit a watched range.
 *
 *	lea rcx, [operand]	rcx = rcx - (lowest watched byte - 63)
 *	shrx rcx, rcx, k;  jrcxz cold		flags are live: the access may fault
 *	<the access>				`plain`
 *
 *	cold:	request WATCH			answered with `plain` or `hit`
 *	hit:	<the access>;  request WATCHED	answered with `resume`, behind `plain`
 *
 * The check is for the hull of all ranges, for an access of up to 64 bytes; what
 * passes it is looked at exactly by the owner.  Accesses whose address or length
 * no lea gives (xsave, scatters, repeated strings, ...) always ask.
 */
#include "build.h"
#include "runtime.h"

#define ACCESS_MAX 64u
#define WAYS (TRANSLATE_WAYS_BYTES / 8u)

static bool pushes(const struct x86_insn *insn)
{
	return insn->kind == X86_KIND_CALL || insn->kind == X86_KIND_CALL_IND ||
	       insn->special == X86_SPECIAL_STACK_PUSH || insn->special == X86_SPECIAL_PUSHF;
}

bool store_is_watched(const struct build *b, int i)
{
	const struct x86_insn *insn = &b->insns[i];

	if (!b->t->config.events.stores || insn->special == X86_SPECIAL_NOP)
		return false;
	if (insn->kind != X86_KIND_PLAIN)
		return pushes(insn);
	return insn->writes_mem || (b->t->config.watch_reads && insn->reads_mem);
}

/* No lea gives the address, or the access is longer than ACCESS_MAX. */
static bool is_opaque(const struct build *b, const struct x86_insn *insn)
{
	if (insn->vsib || insn->is_string || insn->special == X86_SPECIAL_XSAVE ||
	    insn->special == X86_SPECIAL_FPU_ENV || insn->special == X86_SPECIAL_BIT_STRING ||
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

static void emit_lea_access(struct build *b, const struct x86_insn *insn, uint64_t pc)
{
	struct emit *e = &b->t->hot;

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

static void hull(const struct translator *t, uint64_t *low, uint64_t *span)
{
	uint64_t start = ~0ull, end = 0;

	for (size_t i = 0; i < t->config.range_count; i++) {
		if (t->ranges[i].start < start)
			start = t->ranges[i].start;
		if (t->ranges[i].end > end)
			end = t->ranges[i].end;
	}
	*low = start - (ACCESS_MAX - 1);
	*span = end - *low;
}

static void emit_compare(struct build *b, uint32_t cold)
{
	struct emit *e = &b->t->hot;
	uint64_t low, span;

	hull(b->t, &low, &span);
	emit_mov_reg_imm64(e, RAX, -low);                       /* mov rax, -low */
	EMIT_RAW(e, 0x48, 0x8d, 0x0c, 0x01);                    /* lea rcx, [rcx + rax] */
	emit_mov_reg_imm64(e, RAX, 64 - (unsigned)__builtin_clzll(span - 1));   /* mov eax, k */
	EMIT_RAW(e, 0xc4, 0xe2, 0xfb, 0xf7, 0xc9);              /* shrx rcx, rcx, rax */
	EMIT_RAW(e, 0xe3, 0x02, 0xeb, 0x05);                    /* jrcxz +2;  jmp +5 */
	emit_jmp(e, cold);                                      /* jmp cold */
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

void store_emit(struct build *b, int i, void (*emit)(struct build *b, int i), struct where behind)
{
	struct emit *e = &b->t->hot, *cold = &b->t->cold;
	const struct x86_insn *insn = &b->insns[i];
	/* An indirect call has its target in rdx by now. */
	uint16_t outer = insn->kind == X86_KIND_CALL_IND ? BIT(2) : 0;
	struct where before = { .pc = b->pcs[i], .saved = outer, .in_block = true };
	struct where inside = before;
	bool opaque = is_opaque(b, insn) || !b->t->config.has_bmi2;
	uint32_t index;
	struct translate_store *store = add_store(b, i, &index);

	if (!store)
		return;
	inside.saved |= BIT(0) | BIT(1);
	build_mark(b, true, before);
	uint32_t ask = cold->at;
	if (opaque) {
		emit_jmp(e, ask);                               /* jmp cold */
	} else {
		emit_mov_slot_reg(e, RAX);                      /* mov gs:[slot], rax */
		emit_mov_slot_reg(e, RCX);                      /* mov gs:[slot], rcx */
		build_mark(b, true, inside);
		emit_lea_access(b, insn, b->pcs[i]);
		emit_compare(b, ask);
		emit_mov_reg_slot(e, RAX);                      /* mov rax, gs:[slot] */
		emit_mov_reg_slot(e, RCX);                      /* mov rcx, gs:[slot] */
		build_mark(b, true, before);
		build_mark(b, false, inside);
		if (insn->uses_seg_fs) {
			EMIT_RAW(cold, 0xf3, 0x48, 0x0f, 0xae, 0xc0);   /* rdfsbase rax */
			emit_mov_tb_reg(cold, TB_TARGET, RAX);  /* mov gs:[target], rax */
		}
		emit_mov_reg_slot(cold, RAX);                   /* cold: mov rax, gs:[slot] */
		emit_mov_reg_slot(cold, RCX);                   /* mov rcx, gs:[slot] */
	}
	build_mark(b, false, before);
	emit_request(cold, index, REQUEST_WATCH);
	store->plain.address = emit_address(e);
	(emit ? emit : relocate_emit)(b, i);
	store->resume.address = emit_address(e);
	build_mark(b, true, behind);
	store->hit.address = emit_address(cold);
	build_mark(b, false, before);
	b->to_cold = true;
	(emit ? emit : relocate_emit)(b, i);
	b->to_cold = false;
	cache_way_set(b->t, WAYS - 1 - 2 * index, store->plain.address);
	cache_way_set(b->t, WAYS - 2 - 2 * index, store->resume.address);
	build_mark(b, false, behind);
	emit_request(cold, index, REQUEST_WATCHED);
}
