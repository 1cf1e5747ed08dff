/* stores.h - what the files about watched accesses share: stores.c, stores-check.c,
 * stores-vector.c, stores-plan.c, stores-values.c, stores-facts.c, stores-guard.c, registers.c. */
#ifndef TRACER_STORES_H
#define TRACER_STORES_H

#include "build.h"

#define STORE_ACCESS_MAX 64u    /* bytes, of all but fnsave, xsave and their kin */
#define STORE_FPU_ENV_MAX 128u
#define STORE_XSAVE_MAX 16384u

/* ---- stores.c ------------------------------------------------------------------------ */

/* It writes below rsp. */
bool store_pushes(const struct x86_insn *insn);
/* How long the access may be: of the usual instructions, how long it is. */
uint64_t store_reach(const struct x86_insn *insn);
/* No lea gives the address. */
bool store_is_opaque(const struct build *b, const struct x86_insn *insn);

/* ---- stores-check.c -------------------------------------------------------------------- */

/* lea rcx, [the access]; relative to fs: rax is changed as well */
void store_emit_lea(struct emit *e, const struct translator *t, const struct x86_insn *insn, uint64_t pc);
/* rax: the base of fs.  Where the processor does not say, the thread block does: what changes it
 * otherwise than by a system call is a single step. */
void store_emit_fs_base(struct emit *e, const struct translator *t);

/* Adds jumps that are taken if an access within STORE_MARGIN of r may hit; rcx is changed.
 * They are short: where they lead to is to stand less than STORE_AHEAD_BYTES behind the first.
 * requires: there are cells; and room for STORE_CELLS_MAX */
void store_emit_cells(struct emit *e, const struct translator *t, struct reg r,
		      struct store_ahead *ahead);
/* They lead here; there are none any more. */
void store_land(struct emit *e, struct store_ahead *ahead);
/* They lead to a place that store_near_is() gives, by a jump that stands here in a nop. */
uint32_t store_emit_nop_with_jmp(struct emit *e, struct store_ahead *ahead);
void store_near_is(struct emit *e, uint32_t from, uint32_t near);
/* The same for r, which may be any, where flags are dead: goes there if r is below the end of
 * the cells, or below their first byte.  requires: bounds_at */
uint32_t store_emit_below_end(struct emit *e, const struct translator *t, struct reg r);
uint32_t store_emit_below_start(struct emit *e, const struct translator *t, struct reg r);

/* An access of `reach` bytes at the address that `lea` leaves in rcx: where it may hit
 * there are jumps to a place that store_near_is() gives; their number is returned.  (With
 * one cluster, and a short reach, it does hit it.)  `lea` is called several times; rax and
 * rcx, which are in their slots, are changed. */
#define STORE_HITS_MAX (STORE_CLUSTERS_MAX + 1)
unsigned store_emit_clusters(struct emit *e, const struct translator *t, uint64_t reach,
			     uint32_t *hits, void (*lea)(struct emit *e, const void *context),
			     const void *context);

/* A repeated store: goes to `cold` if it may hit; rax and rcx, saved, are changed. */
void store_emit_compare_repeated(struct emit *e, const struct translator *t, uint32_t cold);

/* ---- stores-vector.c ------------------------------------------------------------------- */

/* Puts the elements of a gather or scatter into the thread block: watch_index, watch_mask.
 * requires: insn->vsib */
void store_emit_tell_elements(struct emit *e, const struct x86_insn *insn);

/* ---- stores-facts.c -------------------------------------------------------------------- */

/* What is known at the exit; NULL: nothing. */
const struct store_facts *stores_given(const struct translator *t, const struct exit *exit);
/* What they say of a register; NULL: nothing.  `facts` may be NULL. */
const struct store_fact *stores_fact(const struct store_facts *facts, unsigned reg);
/* Does it say so of all from `low` up to below `end`?  It may be NULL. */
bool stores_covers(const struct store_fact *known, int64_t low, int64_t end);
/* Adds one, if there is room. */
void stores_fact_add(struct store_facts *facts, unsigned reg, int64_t low, int64_t end);

/* ---- stores-values.c -------------------------------------------------------------------- */

/* A value that a register has: `number` was there first, and has been added to.  Those of
 * the block's beginning have their registers' numbers. */
struct store_value {
	uint16_t number;
	int32_t moved;
};

/* What is known while the block is read. */
struct store_values {
	uint16_t numbers;
	struct store_value at[BLOCK_INSNS_MAX + 1][16];       /* before each instruction */
};

/* From before instruction i to behind it. */
void stores_values_follow(struct store_values *values, const struct x86_insn *insn, int i);
/* A register that has the value there; rcx only if no other has; STORE_NO_REG: none. */
unsigned stores_value_holder(const struct store_values *values, int at, uint16_t number);

/* ---- registers.c ----------------------------------------------------------------------- */

/* Every register that the instruction may change, and perhaps some that it does not; one
 * bit each. */
uint16_t registers_may_write(const struct x86_insn *insn);
/* Does it change rsp by a constant, and else not?  By how much. */
bool registers_move_rsp(const struct x86_insn *insn, int64_t *by);
/* Does it set a register to another one, or the same, and a constant? */
bool registers_copy(const struct x86_insn *insn, unsigned *to, unsigned *from, int64_t *by);

#endif
