/* build.h - one block while it is translated; shared by the files of this folder. */
#ifndef TRACER_BUILD_H
#define TRACER_BUILD_H

#include "cache.h"
#include "decode.h"

#define BLOCK_INSNS_MAX 64
#define FRAGMENT_BLOCKS_MAX 24

#define BIT(reg) ((uint16_t)(1u << (reg)))

struct build {
	struct translator *t;
	struct xblock *block;
	int count;
	bool ends_early;        /* cut by its length or by unreadable memory */
	uint64_t end_pc;
	struct x86_insn insns[BLOCK_INSNS_MAX];
	uint64_t pcs[BLOCK_INSNS_MAX];
	uint16_t dead_regs[BLOCK_INSNS_MAX + 1];        /* before instruction i */
	uint8_t dead_flags[BLOCK_INSNS_MAX + 1];
	uint8_t bytes[BLOCK_INSNS_MAX * X86_INSN_MAX_BYTES];
	struct xblock *done[FRAGMENT_BLOCKS_MAX];       /* of this fragment */
	int done_count;
	bool to_cold;           /* relocate_emit() goes there */
};

static inline struct emit *build_out(struct build *b)
{
	return b->to_cold ? &b->t->cold : &b->t->hot;
}

/* Where the program is while the code that follows runs. */
struct where {
	uint64_t pc;
	uint16_t saved;         /* registers in their slots */
	bool at_rdx;            /* pc is in rdx instead */
	bool at_target;         /* pc is in gs:[target] instead */
	bool in_block;
};

void build_mark(struct build *b, bool hot, struct where where);
void build_mark_owed(struct build *b, bool hot, struct where where, uint32_t site);

/* ---- relocate.c: one instruction that is no branch --------------------------------- */

/* True when it can be placed elsewhere; else it is to be run natively. */
bool relocate_can(const struct x86_insn *insn);
/* Emits instruction i of the block, changed where its place matters. */
void relocate_emit(struct build *b, int i);
/* mov rdx, <operand of an indirect call or jmp>.  rdx is already saved. */
void relocate_load_target(struct build *b, int i);

/* ---- events.c ----------------------------------------------------------------------- */

enum ring_check {
	CHECK_FLAGS_DEAD,       /* flags may be overwritten here */
	CHECK_HERE,             /* flags live: step over the way out */
	CHECK_NEAR,             /* flags live: the way out is emitted by event_finish() */
};

struct event {
	uint32_t site;
	uint8_t flags;          /* enum site_flag: the payload */
	unsigned words;
	struct where before, after;     /* the event is committed */
	bool is_owed;           /* in `before` it has been earned already */
	enum ring_check check;
	uint16_t dead;          /* registers that need no saving */
	bool keep_rcx;          /* rcx is saved and not restored after it */
	/* for event_finish() */
	uint32_t rel8_at, back;
};

uint32_t event_site(struct build *b, enum site_kind kind, unsigned flags, uint64_t pc,
		    uint64_t target);
/* Emits the event; `out` keeps what event_finish() needs, which is to be called
 * behind the next unconditional branch, at most 100 bytes further. */
void event_emit(struct build *b, struct event *event);
void event_finish(struct build *b, struct event *event);

/* ---- stores.c ------------------------------------------------------------------------ */

/* Is instruction i to be looked at, with watched ranges? */
bool store_is_watched(const struct build *b, int i);
/* Emits the check before instruction i, then the instruction itself: `emit`, or
 * relocate_emit() for NULL.  `where` is where the program is behind it. */
void store_emit(struct build *b, int i, void (*emit)(struct build *b, int i),
		struct where behind);

/* ---- lookup.c ----------------------------------------------------------------------- */

/* Goes on at the translation of the program address in rdx (which is saved). */
void lookup_emit(struct build *b, int lookup, struct where where, bool rcx_is_saved);
/* The way in for returns to b, just before b's entry: falls into it. */
void lookup_emit_return_entry(struct build *b);

/* ---- translate.c --------------------------------------------------------------------- */

/* jmp to the translation of pc, linked now or later. */
void exit_emit_jmp(struct build *b, uint64_t pc, struct where where);

#endif
