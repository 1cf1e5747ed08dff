#include "watch-access.h"

#include <Zydis/Zydis.h>
#include <string.h>

#define FLAG_DF 0x400
#define OPAQUE_BYTES 8192       /* the most that xsave writes */
#define FXSAVE_BYTES 464        /* what fxsave writes of its 512 */

static void fill_context(const struct thread_block *tb, const struct translate_store *store,
			 ZydisRegisterContext *context)
{
	static const ZydisRegister registers[16] = {
		ZYDIS_REGISTER_RAX, ZYDIS_REGISTER_RCX, ZYDIS_REGISTER_RDX, ZYDIS_REGISTER_RBX,
		ZYDIS_REGISTER_RSP, ZYDIS_REGISTER_RBP, ZYDIS_REGISTER_RSI, ZYDIS_REGISTER_RDI,
		ZYDIS_REGISTER_R8, ZYDIS_REGISTER_R9, ZYDIS_REGISTER_R10, ZYDIS_REGISTER_R11,
		ZYDIS_REGISTER_R12, ZYDIS_REGISTER_R13, ZYDIS_REGISTER_R14, ZYDIS_REGISTER_R15,
	};

	memset(context, 0, sizeof *context);
	for (int i = 0; i < 16; i++) {
		uint64_t value = i == 2 && store->rdx_in_slot ? tb->slots[2] : tb->gpr[i];

		context->values[registers[i]] = value;
		context->values[ZYDIS_REGISTER_EAX + i] = (uint32_t)value;
	}
	context->values[ZYDIS_REGISTER_AL] = tb->gpr[0] & 0xff;         /* of xlat */
}

static bool is_repeated(const ZydisDecodedInstruction *insn)
{
	return insn->attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE |
				   ZYDIS_ATTRIB_HAS_REPNE);
}

/* A repeated string instruction goes over all of its elements. */
static void spread(const struct thread_block *tb, const ZydisDecodedInstruction *insn,
		   struct watch_access *a)
{
	uint64_t elements = insn->address_width == 32 ? (uint32_t)tb->gpr[1] : tb->gpr[1];
	uint64_t len = a->len;

	a->len = elements > (1ull << 40) / len ? 1ull << 40 : elements * len;
	if ((tb->rflags & FLAG_DF) && elements)
		a->address -= (elements - 1) * len;
}

/* bt, bts, btr, btc with a register: the bit may be far from the operand. */
static void move_to_bit(const struct thread_block *tb, const ZydisDecodedInstruction *insn,
			const ZydisDecodedOperand *operands, struct watch_access *a)
{
	const ZydisDecodedOperand *bit = &operands[1];

	if ((insn->mnemonic != ZYDIS_MNEMONIC_BTS && insn->mnemonic != ZYDIS_MNEMONIC_BTR &&
	     insn->mnemonic != ZYDIS_MNEMONIC_BTC && insn->mnemonic != ZYDIS_MNEMONIC_BT) ||
	    bit->type != ZYDIS_OPERAND_TYPE_REGISTER)
		return;
	int64_t value = (int64_t)tb->gpr[ZydisRegisterGetId(bit->reg.value) & 15];
	if (a->len == 4)
		value = (int32_t)value;
	else if (a->len == 2)
		value = (int16_t)value;
	int64_t bits = (int64_t)a->len * 8;
	a->address += (uint64_t)((value - ((value % bits) + bits) % bits) / 8);
}

static void settle(const struct thread_block *tb, const ZydisDecodedInstruction *insn,
		   const ZydisDecodedOperand *operands, const ZydisDecodedOperand *op,
		   struct watch_access *a)
{
	bool is_store = op->actions & ZYDIS_OPERAND_ACTION_WRITE;

	if (op->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN && a->is_write &&
	    op->mem.base == ZYDIS_REGISTER_RSP)
		a->address = tb->gpr[4] - a->len;       /* a push */
	if (insn->mnemonic == ZYDIS_MNEMONIC_POP && a->is_write &&
	    op->mem.base == ZYDIS_REGISTER_RSP)
		a->address += a->len;                   /* rsp has moved by then */
	move_to_bit(tb, insn, operands, a);
	if (insn->mnemonic == ZYDIS_MNEMONIC_FXSAVE || insn->mnemonic == ZYDIS_MNEMONIC_FXSAVE64) {
		a->len = FXSAVE_BYTES;
		a->only_changes = true;
	} else if (a->len == 0 || insn->meta.category == ZYDIS_CATEGORY_XSAVE ||
		   insn->meta.category == ZYDIS_CATEGORY_XSAVEOPT) {
		a->len = OPAQUE_BYTES;
		a->only_changes = true;
		a->is_read = false;
	} else if (is_repeated(insn)) {
		spread(tb, insn, a);
	} else if (a->is_write && !is_store) {
		a->only_changes = true;         /* under a mask */
	}
}

/* ---- gathers, scatters ------------------------------------------------------------------------- */

static int64_t index_at(const struct thread_block *tb, unsigned i, unsigned width)
{
	int64_t value = 0;
	int32_t narrow;

	if (width == 8) {
		memcpy(&value, (const uint8_t *)tb->watch_index + 8 * (size_t)i, 8);
		return value;
	}
	memcpy(&narrow, (const uint8_t *)tb->watch_index + 4 * (size_t)i, 4);
	return narrow;
}

static bool is_made(const struct thread_block *tb, unsigned i, unsigned width, bool is_evex)
{
	const uint8_t *mask = (const uint8_t *)tb->watch_mask;

	return is_evex ? tb->watch_mask[0] >> i & 1 : mask[(size_t)(i + 1) * width - 1] & 0x80;
}

/* The address without the index. */
static uint64_t base_of(const struct thread_block *tb, const ZydisDecodedOperand *op)
{
	uint64_t base = op->mem.base == ZYDIS_REGISTER_NONE ? 0 :
			tb->gpr[ZydisRegisterGetId(op->mem.base) & 15];

	return base + (uint64_t)op->mem.disp.value;
}

/* One access for each element that the mask selects. */
static void find_elements(const struct thread_block *tb, const ZydisDecodedInstruction *insn,
			  const ZydisDecodedOperand *op, struct watch_accesses *out)
{
	bool is_evex = insn->encoding == ZYDIS_INSTRUCTION_ENCODING_EVEX;
	bool is_wide = is_evex ? insn->raw.evex.W : insn->raw.vex.W;
	unsigned index = insn->opcode & 1 ? 8 : 4, width = is_wide ? 8 : 4;
	unsigned count = insn->avx.vector_length / 8 / (index > width ? index : width);
	uint64_t segment = op->mem.segment == ZYDIS_REGISTER_FS ? tb->target :
			   op->mem.segment == ZYDIS_REGISTER_GS ? tb->app_gs : 0;

	for (unsigned i = 0; i < count && out->count < WATCH_ACCESSES_MAX; i++) {
		uint64_t at = base_of(tb, op) + (uint64_t)index_at(tb, i, index) * op->mem.scale;

		if (!is_made(tb, i, width, is_evex))
			continue;
		out->items[out->count++] = (struct watch_access){
			.address = segment + (insn->address_width == 32 ? (uint32_t)at : at),
			.len = width,
			.is_write = op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE,
			.is_read = op->actions & ZYDIS_OPERAND_ACTION_MASK_READ,
		};
	}
}

/* One that runs natively, of which the vector is not known.  A scatter may store anywhere. */
static void find_anywhere(const ZydisDecodedOperand *op, struct watch_accesses *out)
{
	if (op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
		out->items[out->count++] = (struct watch_access){
			.len = UINT64_MAX, .is_write = true, .only_changes = true,
		};
}

/* ---- any ------------------------------------------------------------------------------------- */

void watch_access_find(const struct translate_store *store, const struct thread_block *tb,
		       struct watch_accesses *out)
{
	ZydisDecoder decoder;
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	ZydisRegisterContext context;

	memset(out, 0, sizeof *out);
	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, store->bytes, store->len, &insn, operands)))
		return;
	fill_context(tb, store, &context);
	out->is_cmpxchg = insn.mnemonic == ZYDIS_MNEMONIC_CMPXCHG ||
			  insn.mnemonic == ZYDIS_MNEMONIC_CMPXCHG8B ||
			  insn.mnemonic == ZYDIS_MNEMONIC_CMPXCHG16B;
	for (int i = 0; i < insn.operand_count && out->count < WATCH_ACCESSES_MAX; i++) {
		const ZydisDecodedOperand *op = &operands[i];
		struct watch_access a = { .len = op->size / 8 };

		if (op->type != ZYDIS_OPERAND_TYPE_MEMORY || op->mem.type == ZYDIS_MEMOP_TYPE_AGEN)
			continue;
		if (op->mem.type == ZYDIS_MEMOP_TYPE_VSIB) {
			out->is_vector = true;
			if (store->tells_elements)
				find_elements(tb, &insn, op, out);
			else
				find_anywhere(op, out);
			continue;
		}
		if (!ZYAN_SUCCESS(ZydisCalcAbsoluteAddressEx(&insn, op, store->pc.address,
								  &context, &a.address)))
			continue;
		a.is_write = op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE;
		a.is_read = op->actions & ZYDIS_OPERAND_ACTION_MASK_READ;
		if (op->mem.segment == ZYDIS_REGISTER_FS)
			a.address += tb->target;
		if (op->mem.segment == ZYDIS_REGISTER_GS)
			a.address += tb->app_gs;
		if (is_repeated(&insn) && insn.meta.category == ZYDIS_CATEGORY_STRINGOP)
			out->element = (unsigned)a.len;
		settle(tb, &insn, operands, op, &a);
		out->items[out->count++] = a;
	}
	if (out->is_cmpxchg)
		for (unsigned i = 0; i < out->count; i++)
			out->items[i].only_changes = false;
}
