/* stores.h - what the files about watched accesses share: stores.c, stores-check.c,
 * stores-plan.c, registers.c. */
#ifndef TRACER_STORES_H
#define TRACER_STORES_H

#include "build.h"

#define STORE_ACCESS_MAX 64u    /* bytes, of all but fnsave, xsave and their kin */
#define STORE_FPU_ENV_MAX 128u
#define STORE_XSAVE_MAX 16384u

/* ---- stores.c ------------------------------------------------------------------------ */

/* It writes below rsp. */
bool store_pushes(const struct x86_insn *insn);
/* How long the access may be. */
uint64_t store_reach(const struct x86_insn *insn);
/* No lea gives the address. */
bool store_is_opaque(const struct build *b, const struct x86_insn *insn);

/* ---- stores-check.c -------------------------------------------------------------------- */

/* lea rcx, [the access]; relative to fs: rax is changed as well */
void store_emit_lea(struct emit *e, const struct x86_insn *insn, uint64_t pc);

/* jrcxz to; rcx may be anything else */
void store_emit_jmp_if_rcx_0(struct emit *e, uint32_t to);
/* jrcxz to a place that store_land() gives */
uint32_t store_emit_jrcxz_ahead(struct emit *e);
void store_land(struct emit *e, uint32_t from);

/* Goes to `near` in the cold code if an access within STORE_MARGIN of r may hit; rcx is
 * changed.  requires: there are cells */
void store_emit_cells(struct emit *e, const struct translator *t, struct reg r, uint32_t near);

/* An access of `reach` bytes at the address that `lea` leaves in rcx: where it may hit
 * there are jumps ahead, whose number is returned.  rax and rcx are changed. */
unsigned store_emit_clusters(struct emit *e, const struct translator *t, uint64_t reach,
			     uint32_t *hits, void (*lea)(struct emit *e, const void *context),
			     const void *context);

/* A repeated store: goes to `cold` if it may hit; rax and rcx, saved, are changed. */
void store_emit_compare_repeated(struct emit *e, const struct translator *t, uint32_t cold);

/* ---- registers.c ----------------------------------------------------------------------- */

/* Every register that the instruction may change, and perhaps some that it does not; one
 * bit each. */
uint16_t registers_may_write(const struct x86_insn *insn);
/* Does it change rsp by a constant, and else not?  By how much. */
bool registers_move_rsp(const struct x86_insn *insn, int64_t *by);

#endif
