/* build.h - one block while it is translated; shared by the files of this folder. */
#ifndef TRACER_BUILD_H
#define TRACER_BUILD_H

#include "cache.h"
#include "decode.h"

#define BLOCK_INSNS_MAX 64
#define FRAGMENT_BLOCKS_MAX 24

#define BIT(reg) ((uint16_t)(1u << (reg)))

/* Accesses at one base, within STORE_MARGIN: one check stands for all of them. */
struct store_group {
	uint8_t at;             /* the check stands before this instruction */
	uint8_t base, index;    /* registers; STORE_NO_REG: none */
	uint8_t scale;          /* of the index, as in a SIB */
	int64_t low, end;       /* of the displacements: from `low` up to below `end` */
	/* While the block is read: see stores-plan.c. */
	uint16_t base_value, index_value;
	uint8_t first;          /* the first of its accesses */
	bool is_needed;         /* known where the block is entered */
};

#define STORE_NO_REG 16
#define STORE_GROUPS_MAX 16

/* Short jumps of checks to a place further ahead. */
#define STORE_AHEAD_MAX 16
#define STORE_AHEAD_BYTES 128

struct store_ahead {
	unsigned count;
	uint32_t from[STORE_AHEAD_MAX]; /* offsets behind them */
};

/* What is read and found out of one block; the translator has room for one. */
struct workspace {
	struct x86_insn insns[BLOCK_INSNS_MAX];
	uint64_t pcs[BLOCK_INSNS_MAX];
	uint16_t dead_regs[BLOCK_INSNS_MAX + 1];        /* before instruction i */
	uint8_t dead_flags[BLOCK_INSNS_MAX + 1];
	uint8_t bytes[(BLOCK_INSNS_MAX + 1) * X86_INSN_MAX_BYTES];
	struct store_group groups[STORE_GROUPS_MAX];
	struct xblock *done[TRANSLATE_SUPERBLOCK_MAX];  /* of this fragment */
};
_Static_assert(TRANSLATE_SUPERBLOCK_MAX >= FRAGMENT_BLOCKS_MAX, "done");

/* A block while it is translated; or none of whose instructions something is known. */
struct build {
	struct translator *t;
	struct xblock *block;
	int count;
	bool ends_early;        /* cut by its length or by unreadable memory */
	uint64_t end_pc;
	struct x86_insn *insns; /* these: of the workspace */
	uint64_t *pcs;
	uint16_t *dead_regs;
	uint8_t *dead_flags;
	uint8_t *bytes;
	struct store_group *groups;
	struct xblock **done;
	int done_count;
	bool to_cold;           /* relocate_emit() goes there */
	uint16_t section;       /* 1 + number of the restartable sequence that the block is */
	int group_count;
	uint64_t stores_covered;        /* by a group: one bit an instruction */
	uint64_t checks_before;         /* of groups, likewise */
	struct store_facts gives;       /* what is known behind the block */
	struct store_facts falls;       /* the same of the block that falls into this one */
	uint32_t facts;                 /* of the exits that are made; as in struct exit */
	int count_at;                   /* it is counted before this instruction; -1: not at all */
	uint32_t counter;
	bool is_counted;                /* what follows stands behind that */
	bool count_late;                /* by count_emit_late(), in last.c */
	bool is_left_out;               /* the jump at its end: see last_is_left_out() */
	/* With events.paths, of which the same says where it is told: */
	uint32_t path_site;             /* 1 + site of what was entered and is not told yet; 0: nothing */
	uint8_t path_len;               /* blocks of that */
	uint64_t path_from;             /* where the first of them begins */
	uint8_t return_count;           /* calls that the path goes along: what stands behind them is laid
					 * out behind its end */
	uint64_t returns[FRAGMENT_BLOCKS_MAX];
	uint8_t reached_count;          /* blocks of other fragments that got a way in here */
	struct xblock *reached[FRAGMENT_BLOCKS_MAX + 1];
	/* In a superblock: see superblock.c. */
	const uint64_t *ahead;          /* the blocks behind this one; NULL: it is none */
	unsigned ahead_count;
	bool counts;                    /* its paths are counted instead of reported */
	uint8_t goes_by;                /* 1 + LOOKUP_*: by such a branch, which is reported on arrival */
	uint64_t goes_to;               /* the next of them, into which execution falls; 0: it is left */
};
_Static_assert(BLOCK_INSNS_MAX <= 64, "stores_covered");

static inline struct emit *build_out(struct build *b)
{
	return b->to_cold ? &b->t->cold : &b->t->hot;
}

/* Where the program is while the code that follows runs.  It is passed a dozen times a block: two
 * registers' worth. */
struct where {
	uint64_t pc;
	uint16_t saved;         /* registers in their slots */
	uint16_t section;       /* see struct state */
	uint8_t rcx_in;         /* 1 + the register that rcx's value is in; 0: none */
	uint8_t arrives;        /* see struct state */
	bool at_rdx : 1;        /* pc is in rdx instead */
	bool at_target : 1;     /* pc is in gs:[target] instead */
	bool is_along : 1;      /* from there on the program's own instructions stand here */
	bool in_block : 1;
};
_Static_assert(sizeof(struct where) == 16, "passed in registers");

/* From checks to the code that looks closer, `near`, in the cold part. */
struct store_way {
	struct store_ahead ahead;
	struct where inside;
	uint32_t near;
};

static inline struct where at(uint64_t pc, bool in_block)
{
	return (struct where){ .pc = pc, .in_block = in_block };
}

/* ---- mark.c: the records of that, from the hot or the cold part's end on ------------ */

void build_mark(struct build *b, bool hot, struct where where);
/* The event of that site is owed, too. */
void build_mark_owed(struct build *b, bool hot, struct where where, uint32_t site);

/* ---- relocate.c: one instruction that is no branch --------------------------------- */

/* True when it can be placed elsewhere; else it is to be run natively. */
bool relocate_can(const struct x86_insn *insn);
/* True when that needs no other instruction beside it. */
bool relocate_reaches(const struct build *b, int i);
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

/* ---- count.c ------------------------------------------------------------------------ */

/* Decides whether the decoded block is counted, and where. */
void count_plan(struct build *b);
/* Emits that. */
void count_emit(struct build *b);
/* The same with count_late; leaves rcx in its slot. */
void count_emit_late(struct build *b);
/* 1 + site of the call at the end of b's block, or of the jump to a function; 0: there is none. */
uint32_t count_transfer(struct build *b);
/* Where a thread's counter stands, from its thread block on; and r = that + 1, and back. */
uint32_t count_place(const struct build *b, uint32_t counter);
void count_emit_add(struct emit *e, struct reg r, uint32_t place);
/* Counts an arrival at b's block that `site` describes; rcx is in its slot. */
void count_emit_arrival(struct build *b, struct site *site, uint16_t saved);
/* What the program has of stubs; STUB_NONE where nothing is counted. */
enum translate_stub count_stub(const struct build *b);

/* ---- path.c ------------------------------------------------------------------------- */

#define PATH_BLOCKS_SHORT 2     /* a shorter one goes on into calls, and into what is there already */
#define PATH_BLOCKS_MAX 15      /* but of a superblock */

/* Is the block told by itself, or the last one of its path, whatever comes behind it? */
bool path_is_full(const struct build *b);
/* Decides whether the path that the decoded block belongs to is told in it, and where. */
void path_plan(struct build *b);
/* The block is entered. */
void path_begin(struct build *b);
/* Emits the event where that was planned; the same with count_late, leaving rcx in its slot;
 * where the path is left at the end of the hot code; and in cold code, with a jump to
 * the translation of pc.  The last returns where that begins, and the path goes on beside it. */
void path_emit(struct build *b);
void path_emit_late(struct build *b);
void path_emit_end(struct build *b, struct where where);
uint32_t path_emit_away(struct build *b, uint64_t pc);
/* The same where it is left by an indirect branch, whose target is in rdx: goes on at the lookup. */
void path_emit_away_indirect(struct build *b, int lookup, struct where where);

/* ---- superblock.c ------------------------------------------------------------------- */

/* Decides whether the decoded block falls into the next one of its superblock. */
void superblock_plan(struct build *b);
/* Emits jcc for the way that leaves the superblock. */
void superblock_emit_jcc(struct build *b, const struct x86_insn *insn, uint64_t target);
/* Behind an indirect branch, whose target is in rdx, which is saved: falls into the next block if
 * it leads there. */
void superblock_emit_guess(struct build *b, int lookup, struct where where);
/* Behind that, the next block cannot stand here after all: tells the path, and goes there as by the
 * branch. */
void superblock_emit_end(struct build *b, uint64_t pc);

/* ---- stores.c ------------------------------------------------------------------------ */

/* Is instruction i to be looked at, with watched ranges? */
bool store_is_watched(const struct build *b, int i);
/* Emits the check before instruction i, then the instruction itself: `emit`, or
 * relocate_emit() for NULL.  `where` is where the program is behind it. */
void store_emit(struct build *b, int i, void (*emit)(struct build *b, int i),
		struct where behind);

/* ---- stores-plan.c -------------------------------------------------------------------- */

/* Finds the accesses of the decoded block that need no check of their own, what the block
 * needs to know, and what is known behind it.  `is_return`: returns come here. */
void stores_plan(struct build *b, bool is_return);

/* ---- stores-facts.c -------------------------------------------------------------------- */

/* What b's block needs; NULL: nothing. */
const struct store_facts *stores_needs(const struct translator *t, const struct xblock *b);
/* How much of it is known by who knows these? */
enum stores_known stores_how_known(const struct store_facts *known,
				   const struct store_facts *needs);
/* Keeps them for struct exit or xblock; 0: there are none. */
uint32_t stores_facts_keep(struct build *b, const struct store_facts *facts);

/* ---- stores-guard.c -------------------------------------------------------------------- */

/* Emits the checks that stand before instruction i. */
void stores_emit_checks(struct build *b, int i);
/* The block's beginning: looks at what the block needs beyond what is known by those who
 * come from before.  stores_entry() is the entry of those who know less, made when there are
 * any: it stands in the cold code.  0: there is no room. */
void stores_emit_beginning(struct build *b, enum stores_known known);
uint32_t stores_entry(struct translator *t, struct xblock *block, enum stores_known known);
/* In a way to b's block: looks at what it needs beyond what is known; rcx, saved, may
 * be anything, all others are as they are to be.  False: the block needs nothing.  With
 * `way` the caller is to call stores_finish_needs() behind the next jump that is always
 * taken, which is the next instruction but one. */
bool stores_emit_needs(struct build *b, const struct store_facts *known, struct store_way *way);
void stores_finish_needs(struct build *b, struct store_way *way);
/* How many checks that is. */
unsigned stores_missing(const struct build *b, const struct store_facts *known);

/* ---- lookup.c ----------------------------------------------------------------------- */

/* Goes on at the translation of the program address in rdx (which is saved).
 * `where` says that, and what else is saved. */
void lookup_emit(struct build *b, bool hot, int lookup, struct where where);
/* The way in for branches of a kind to b, just before b's entry: falls into it. */
void lookup_emit_way_in(struct build *b, int lookup);
/* Reports the arrival at b's block by such a branch, if it is to be reported;
 * `saved`: registers in their slots.  `from`: by the last instruction of this block; NULL:
 * not known.  With `event` and true the caller is to call event_finish(). */
bool lookup_emit_arrival(struct build *b, const struct build *from, int lookup, uint16_t saved,
			 struct event *event);

/* In a way in to b's block: puts the registers back that are saved.  Behind it is known what the
 * block needs to know of stores. */
void lookup_emit_restore(struct build *b, uint16_t saved);

/* ---- returns.c ---------------------------------------------------------------------- */

bool returns_can_be_predicted(const struct translate_config *c);
/* Before a call: notes where its return, to `next`, is to go on. */
void returns_emit_call(struct build *b, uint64_t next);
/* As lookup_emit(), for a return. */
void returns_emit(struct build *b, bool hot, struct where where);
/* As lookup_emit_way_in(). */
void returns_emit_way_in(struct build *b);

/* ---- guess.c ------------------------------------------------------------------------ */

/* As lookup_emit(), but compares with the block's guesses first.  Finishes `event`, which
 * has been emitted before, or NULL. */
void guess_emit(struct build *b, int lookup, struct where where, struct event *event);
/* The same for a jump to what a register holds, which has not been done in `where`.  False: it has no
 * guess, or cannot do without rdx; nothing is emitted. */
bool guess_emit_by_register(struct build *b, struct where where);
/* rcx = to - guess.  `before`: a value of which rcx holds the distance of `to`, or 0. */
void guess_emit_distance(struct emit *e, struct reg to, uint64_t guess, uint64_t before);
/* Gives the block's indirect branch a counter, if it is to be counted.  True: it has
 * one, whose address in the target is *out. */
bool guess_counter(struct build *b, uint64_t *out);
/* Counts down, by rcx; the displacement of a short jump that is taken at zero. */
uint32_t guess_emit_count(struct emit *e, uint64_t counter);
/* Where that leads, behind the lookup: asks.  `where` holds there. */
void guess_finish_count(struct build *b, bool hot, int lookup, uint32_t often, struct where where);

/* ---- block.c ------------------------------------------------------------------------- */

/* Reads the block's instructions.  An instruction that cannot be decoded, or is
 * to be run natively, is the last one (count includes it, len may be 0). */
void block_decode(struct build *b);
/* What may have changed since the last translation is read again. */
void block_look_anew(struct translator *t);
/* Is it known that neither the bytes at pc nor their page's protection have changed, and
 * that they cannot be written? */
bool block_is_fixed(const struct translator *t, uint64_t pc);
/* Copies up to 15 bytes at pc; how many. */
size_t block_fetch(struct translator *t, uint64_t pc, uint8_t *out);
/* What is dead before each instruction: dead_regs, dead_flags. */
void block_find_dead(struct build *b);
/* Those of the registers that need no SIB byte as a base. */
uint16_t block_free_regs(const struct build *b, int i);
/* Keeps a copy of the bytes, and what pages they came from. */
bool block_keep_bytes(struct build *b);

/* ---- last.c -------------------------------------------------------------------------- */

/* 16-bit forms and others that are not worth a translation */
bool last_is_odd(const struct x86_insn *insn);
/* Is rcx saved anyway, before the indirect branch that the block ends with? */
bool last_saves_rcx(const struct build *b);
/* Is the block's last instruction, a direct jump, left out, as its target is laid out next? */
bool last_is_left_out(const struct build *b);
/* Emits the last instruction.  Returns the program address that execution falls
 * into behind it, 0 when there is none; *is_return: it gets there by a return. */
uint64_t last_emit(struct build *b, bool *is_return);

/* ---- volatile.c ---------------------------------------------------------------------- */

bool volatile_is(struct build *b);
/* Compares the block's bytes with those that were translated, piece by piece,
 * without touching flags; where they differ, asks for a new translation. */
void volatile_emit_check(struct build *b);

/* ---- seen.c -------------------------------------------------------------------------- */

/* The store that says that the block has run: see coverage.c. */
void seen_emit(struct build *b);

/* ---- section.c --------------------------------------------------------------------- */

/* The restartable sequence that begins at pc, or NULL. */
const struct section *section_at(const struct translator *t, uint64_t pc);
/* Notes those whose descriptor the decoded block installs. */
void section_look(struct build *b);
/* Reads all of it as the block's instructions.  False: it is to be translated as
 * any other code. */
bool section_decode(struct build *b, const struct section *section);
/* Emits it, with `emit_begin` before it. */
void section_emit(struct build *b, const struct section *section,
		  void (*emit_begin)(struct build *b));

/* ---- exits.c ------------------------------------------------------------------------- */

/* A nop so that a displacement `ahead` bytes on does not cross a multiple of patch_bytes. */
void exit_align(const struct translator *t, struct emit *e, unsigned ahead);
/* A new exit to the block at pc, whose displacement will stand at hot offset
 * rel_at, and its stub, which makes the request.  Returns where the displacement
 * leads for now: to the block or to the stub. */
uint32_t exit_target(struct build *b, uint64_t pc, uint32_t rel_at, uint32_t request);
/* jmp to the translation of pc, linked now or later. */
void exit_emit(struct build *b, uint64_t pc, struct where where, uint32_t request);
void exit_emit_jmp(struct build *b, uint64_t pc, struct where where);

#endif
