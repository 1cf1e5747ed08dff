#include "watch-code.h"

#include <Zydis/Zydis.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tracee.h"
#include "watch-place.h"

#define ACCESSES_MAX 32
#define PIECE_BYTES 8
#define FLAG_ZF 0x40
#define FLAG_DF 0x400

struct access {
	uint64_t address, len;
	bool is_write, is_read;
};

/* A piece of a place that is about to be accessed. */
struct piece {
	uint32_t place;
	bool is_write;
	uint64_t address;
	uint32_t len;
	uint64_t old;
};

struct watch_pending {
	struct piece pieces[ACCESSES_MAX];
	unsigned count;
	bool is_cmpxchg;        /* stores only if it says so */
	bool only_changes;      /* which bytes are stored is not known: those that change */
};

/* ---- what an instruction accesses ------------------------------------------------------- */

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
}

static bool is_repeated(const ZydisDecodedInstruction *insn)
{
	return insn->attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE |
				   ZYDIS_ATTRIB_HAS_REPNE);
}

/* A repeated string instruction goes over all of its elements. */
static void spread(const struct thread_block *tb, struct access *a)
{
	uint64_t elements = tb->gpr[1], len = a->len;

	a->len = elements > (1ull << 40) / len ? 1ull << 40 : elements * len;
	if ((tb->rflags & FLAG_DF) && elements)
		a->address -= (elements - 1) * len;
}

static unsigned find_accesses(struct thread *thread, const struct translate_store *store,
			      struct access *out, struct watch_pending *pending)
{
	ZydisDecoder decoder;
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	ZydisRegisterContext context;
	const struct thread_block *tb = thread->tb;
	unsigned n = 0;

	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, store->bytes, store->len, &insn, operands)))
		return 0;
	fill_context(tb, store, &context);
	pending->is_cmpxchg = insn.mnemonic == ZYDIS_MNEMONIC_CMPXCHG ||
			      insn.mnemonic == ZYDIS_MNEMONIC_CMPXCHG8B ||
			      insn.mnemonic == ZYDIS_MNEMONIC_CMPXCHG16B;
	for (int i = 0; i < insn.operand_count && n < ACCESSES_MAX; i++) {
		const ZydisDecodedOperand *op = &operands[i];
		struct access a = { .len = op->size / 8 };

		if (op->type != ZYDIS_OPERAND_TYPE_MEMORY || op->mem.type == ZYDIS_MEMOP_TYPE_AGEN ||
		    !ZYAN_SUCCESS(ZydisCalcAbsoluteAddressEx(&insn, op, store->pc.address, &context,
							     &a.address)))
			continue;
		a.is_write = op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE;
		a.is_read = op->actions & ZYDIS_OPERAND_ACTION_MASK_READ;
		if (op->mem.segment == ZYDIS_REGISTER_FS)
			a.address += tb->target;
		if (op->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN && a.is_write &&
		    op->mem.base == ZYDIS_REGISTER_RSP)
			a.address = tb->gpr[4] - a.len;         /* a push */
		if (a.len == 0 || op->mem.type == ZYDIS_MEMOP_TYPE_VSIB) {
			a.len = 8192;
			pending->only_changes = true;
			a.is_read = false;
		} else if (is_repeated(&insn)) {
			spread(tb, &a);
		}
		out[n++] = a;
	}
	return n;
}

/* ---- pieces of places ----------------------------------------------------------------------- */

static uint64_t read_piece(const struct thread *thread, const struct piece *p)
{
	uint64_t value = 0;

	if (tracee_read(thread->tid, p->address, &value, p->len) < 0)
		return 0;
	return value;
}

static void add_pieces(struct thread *thread, struct watch_pending *pending, uint32_t index,
		       const struct access *a, bool is_write)
{
	const struct place *place = &thread->target->places[index];
	uint64_t start = a->address > place->address ? a->address : place->address;
	uint64_t end = a->address + a->len < place->address + place->len
		     ? a->address + a->len : place->address + place->len;

	if (start >= end)
		return;
	/* A value is shown whole. */
	if (place->len <= PIECE_BYTES) {
		start = place->address;
		end = start + place->len;
	}
	while (start < end && pending->count < ACCESSES_MAX) {
		struct piece *p = &pending->pieces[pending->count++];

		p->place = index;
		p->is_write = is_write;
		p->address = start;
		p->len = end - start < PIECE_BYTES ? (uint32_t)(end - start) : PIECE_BYTES;
		p->old = read_piece(thread, p);
		start += p->len;
	}
}

int watch_code_before(struct thread *thread, struct cache_pc *at)
{
	struct target *target = thread->target;
	const struct translate_store *store = translator_store(target->translator, thread->tb->exit);
	struct access accesses[ACCESSES_MAX];

	if (!store)
		return -EINVAL;
	if (!thread->watch_pending)
		thread->watch_pending = malloc(sizeof *thread->watch_pending);
	if (!thread->watch_pending)
		return -ENOMEM;
	memset(thread->watch_pending, 0, sizeof *thread->watch_pending);
	unsigned n = find_accesses(thread, store, accesses, thread->watch_pending);
	for (unsigned i = 0; i < n; i++)
		for (uint32_t k = 0; k < target->place_count; k++) {
			if (accesses[i].is_read && (target->places[k].access & 2))
				add_pieces(thread, thread->watch_pending, k, &accesses[i], false);
			if (accesses[i].is_write && (target->places[k].access & 1))
				add_pieces(thread, thread->watch_pending, k, &accesses[i], true);
		}
	*at = thread->watch_pending->count ? store->hit : store->plain;
	return 0;
}

int watch_code_behind(struct thread *thread, struct cache_pc *at)
{
	struct target *target = thread->target;
	const struct translate_store *store = translator_store(target->translator, thread->tb->exit);
	struct watch_pending *pending = thread->watch_pending;

	if (!store)
		return -EINVAL;
	*at = store->resume;
	for (unsigned i = 0; pending && i < pending->count; i++) {
		const struct piece *p = &pending->pieces[i];
		uint64_t new = read_piece(thread, p), pc = store->pc.address;
		const uint32_t payload[WATCH_EVENT_WORDS] = {
			p->place, p->is_write, (uint32_t)pc, (uint32_t)(pc >> 32),
			(uint32_t)p->address, (uint32_t)(p->address >> 32), p->len,
			(uint32_t)p->old, (uint32_t)(p->old >> 32), (uint32_t)new,
			(uint32_t)(new >> 32),
		};

		if (pending->is_cmpxchg && p->is_write && !(thread->tb->rflags & FLAG_ZF))
			continue;
		if (pending->only_changes && new == p->old)
			continue;
		thread_event(thread, target->id_store, payload);
	}
	if (pending)
		pending->count = 0;
	return 0;
}
