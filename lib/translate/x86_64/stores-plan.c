/* stores-plan.c - one check for many accesses.
 *
 * Accesses of a block whose operands are the same values and displacements that are near
 * to each other are a group: one check before the first of them says that none comes near
 * a watched range.  Values are followed through moves and additions of constants; pushes
 * and calls are accesses at rsp.
 *
 * What a check has said is a fact about a value, as long as a register holds it: each exit
 * gives the facts that hold there (struct store_facts).  A block that accesses what was in
 * a register at its beginning may need such facts; who gives them enters it behind its
 * checks.  So what does not change is checked once, not in each block:
 *
 *	f:	<is rsp near a range?>		only for who does not know
 *		push rbx
 *		mov [rsp - 16], rax
 *		jz there			there: rsp is known
 *
 * Of rsp, which changes a little with each call, a check says more than is needed: of the
 * next few calls and returns as well.
 *
 * A careful block looks at each access by itself.  It is a block beside the one that
 * begins at the same address, and only the checks lead to it.
 */
#include "stores.h"

#define RSP_NUMBER X86_REG_RSP
#define DISPLACEMENT_MAX (1ll << 30)
#define NO_VALUE 0xffff

/* Below rsp and above it: what a check in the block says; what a function needs at most;
 * what is enough to be passed on to a callee; and what a return makes sure of. */
#define CHECKED_BELOW 3072
#define CHECKED_ABOVE 1024
#define ENTRY_BELOW 1024
#define CALLEE_BELOW 512
#define RETURN_BELOW 1040
#define PASSED_ABOVE 256
#define ENTRY_STEP 256          /* many callers are to be able to give it */
#define STEP 256                /* of other registers */

/* ---- groups ---------------------------------------------------------------------------------- */

static void place_by_modrm(const struct x86_insn *insn, struct store_group *out)
{
	unsigned mod = insn->modrm >> 6, rm = insn->modrm & 7;
	unsigned base = insn->has_sib ? insn->sib & 7u : rm;
	unsigned index = insn->has_sib ? insn->sib >> 3 & 7u : 4;

	index |= insn->has_sib && (insn->vex_rxb & 2) ? 8 : 0;
	out->base = insn->has_sib && base == 5 && mod == 0 ? STORE_NO_REG :
		    (uint8_t)(base | (insn->vex_rxb & 1 ? 8 : 0));
	out->index = index == 4 ? STORE_NO_REG : (uint8_t)index;
	out->scale = insn->has_sib ? insn->sib >> 6 : 0;
	out->low = insn->disp_len == 1 && insn->disp8_scale ?
		   (int64_t)insn->disp * insn->disp8_scale : insn->disp_len ? insn->disp : 0;
}

static bool pops_register(const struct x86_insn *insn)
{
	return insn->special == X86_SPECIAL_STACK_POP && !insn->has_mem &&
	       insn->encoding == X86_ENCODING_LEGACY && insn->map == X86_MAP_ONE_BYTE &&
	       (insn->opcode & 0xf8) == 0x58;
}

/* Where it is, if registers and a constant say so. */
static bool find_place(const struct build *b, const struct x86_insn *insn, struct store_group *out)
{
	bool is_push = store_pushes(insn);

	*out = (struct store_group){ .base = RSP_NUMBER, .index = STORE_NO_REG };
	if (pops_register(insn)) {
		out->end = 8;
		return true;
	}
	if (insn->uses_seg_fs || insn->uses_seg_gs || insn->rep_string ||
	    store_is_opaque(b, insn) || store_reach(insn) > STORE_FPU_ENV_MAX)
		return false;
	if (is_push) {
		out->low = -8;
	} else if (insn->is_string) {
		out->base = 7;                          /* rdi */
	} else {
		if (insn->rip_relative || (insn->prefixes & X86_PREFIX_ADDRSIZE))
			return false;
		place_by_modrm(insn, out);
	}
	out->end = out->low + (is_push ? 8 : (int64_t)store_reach(insn));
	return true;
}

static bool extends(struct store_group *g, const struct store_group *more)
{
	int64_t low = more->low < g->low ? more->low : g->low;
	int64_t end = more->end > g->end ? more->end : g->end;

	if (g->base_value != more->base_value || g->index_value != more->index_value ||
	    g->scale != more->scale || end - low > STORE_MARGIN)
		return false;
	g->low = low;
	g->end = end;
	return true;
}

/* By these as well, unless that is more than one check can say. */
static void widen(struct store_group *g, int64_t low, int64_t end)
{
	if (g->low < low)
		low = g->low;
	if (g->end > end)
		end = g->end;
	if (end - low <= STORE_MARGIN) {
		g->low = low;
		g->end = end;
	}
}

/* What the callee needs of rsp, as it is there. */
static struct store_fact callee_needs(const struct build *b, int i)
{
	struct app_pc pc = { x86_branch_target(&b->insns[i], b->pcs[i]) };
	const struct xblock *to = cache_block_find(b->t, pc);
	const struct store_fact *need;

	if (!to || !to->entry)
		return (struct store_fact){ RSP_NUMBER, -CALLEE_BELOW, PASSED_ABOVE };
	need = stores_fact(stores_needs(b->t, to), RSP_NUMBER);
	return need ? *need : (struct store_fact){ 0 };
}

/* From displacements of registers to those of values. */
static void to_values(const struct build *b, const struct store_values *values, int i,
		      struct store_group *g)
{
	int64_t moved = 0;

	g->base_value = g->index_value = NO_VALUE;
	if (g->base != STORE_NO_REG) {
		g->base_value = values->at[i][g->base].number;
		moved = values->at[i][g->base].moved;
	}
	if (g->index != STORE_NO_REG) {
		g->index_value = values->at[i][g->index].number;
		moved += (int64_t)values->at[i][g->index].moved * (1 << g->scale);
	}
	if (b->insns[i].kind == X86_KIND_CALL) {
		struct store_fact need = callee_needs(b, i);

		widen(g, need.low - 8, need.end - 8);
	}
	g->low += moved;
	g->end += moved;
}

static void add(struct build *b, const struct store_values *values, int i)
{
	struct store_group g;

	if (!find_place(b, &b->insns[i], &g))
		return;
	to_values(b, values, i, &g);
	g.first = (uint8_t)i;
	if (g.low <= -DISPLACEMENT_MAX || g.low >= DISPLACEMENT_MAX)
		return;
	for (int k = 0; k < b->group_count; k++)
		if (extends(&b->groups[k], &g)) {
			b->stores_covered |= 1ull << i;
			return;
		}
	if (b->group_count == STORE_GROUPS_MAX)
		return;
	b->groups[b->group_count++] = g;
	b->stores_covered |= 1ull << i;
}

/* ---- what the block needs --------------------------------------------------------------------- */

static int64_t floor_to(int64_t value, int64_t step)
{
	return value & -step;
}

/* What all of them know who are known to come to the block; of rsp, all who know anything. */
struct given {
	bool is_any, is_call;
	bool all_know_rsp;
	struct store_facts facts;
};

static void meet(struct given *given, const struct store_facts *more)
{
	struct store_facts both = { 0 };
	unsigned regs = given->facts.regs | (more ? more->regs : 0u);

	for (; regs; regs &= regs - 1) {
		unsigned r = (unsigned)__builtin_ctz(regs);
		const struct store_fact *old = stores_fact(&given->facts, r), *new = stores_fact(more, r);

		if (given->is_any && old && (new || r == RSP_NUMBER))
			stores_fact_add(&both, r, new && new->low > old->low ? new->low : old->low,
					new && new->end < old->end ? new->end : old->end);
		else if (new && (!given->is_any || r == RSP_NUMBER))
			stores_fact_add(&both, r, new->low, new->end);
	}
	given->all_know_rsp = (!given->is_any || given->all_know_rsp) && stores_fact(more, RSP_NUMBER);
	given->facts = both;
	given->is_any = true;
}

static void find_given(const struct build *b, struct given *given)
{
	*given = (struct given){ 0 };
	if (b->falls.count)
		meet(given, &b->falls);
	for (uint32_t i = b->block->incoming; i != NO_INDEX; i = cache_exit(b->t, i)->next) {
		const struct exit *exit = cache_exit(b->t, i);
		const struct store_facts *facts = stores_given(b->t, exit);

		if (exit->is_return)    /* who comes by it has looked: the way in */
			continue;
		meet(given, facts);
		given->is_call |= facts && facts->is_call;
	}
}

/* Those whose value at the beginning is the base of a group, bit n. */
static unsigned regs_of_groups(const struct build *b)
{
	unsigned regs = 0;

	for (int k = 0; k < b->group_count; k++)
		if (b->groups[k].base_value < 16 && b->groups[k].index_value == NO_VALUE)
			regs |= 1u << b->groups[k].base_value;
	return regs;
}

static struct store_group *find_group(struct build *b, unsigned reg)
{
	for (int k = 0; k < b->group_count; k++)
		if (b->groups[k].base_value == reg && b->groups[k].index_value == NO_VALUE)
			return &b->groups[k];
	return NULL;
}

static void pass_on(struct store_group *g, const struct store_fact *known, bool is_call)
{
	int64_t below = -known->low;

	if (is_call)
		below = floor_to(below < ENTRY_BELOW ? below : ENTRY_BELOW, ENTRY_STEP);
	widen(g, -below, known->end < PASSED_ABOVE ? known->end : PASSED_ABOVE);
}

/* Is rsp's group, the first one, needed?  A call's check is made before it, and says more;
 * else whoever comes here is to know. */
static bool needs_rsp(struct build *b, struct store_group *g, const struct given *given,
		      bool is_return)
{
	const struct store_fact *known = stores_fact(&given->facts, RSP_NUMBER);

	if (is_return)
		widen(g, -RETURN_BELOW, PASSED_ABOVE);
	else if (stores_covers(known, g->low, g->end))
		pass_on(g, known, given->is_call);
	else if (b->block->way_in == 1 + LOOKUP_CALL)
		widen(g, -ENTRY_BELOW, PASSED_ABOVE);
	else if (b->insns[b->count - 1].kind == X86_KIND_CALL)
		return false;
	else
		widen(g, -CALLEE_BELOW, PASSED_ABOVE);
	return true;
}

/* A check says as much as it can without being any longer; but what is near to a range is
 * looked at with care. */
static void round_out(struct store_group *g)
{
	widen(g, floor_to(g->low, STEP), floor_to(g->end + STEP - 1, STEP));
}

static bool needs_register(const struct build *b, const struct store_values *values,
			   struct store_group *g,
			   const struct store_fact *given)
{
	const struct store_value *last = &values->at[b->count][g->base_value];
	struct store_group rounded = *g;

	if (stores_covers(given, g->low, g->end)) {
		round_out(&rounded);
		if (stores_covers(given, rounded.low, rounded.end))
			*g = rounded;
		return true;
	}
	if (last->number != g->base_value || last->moved)
		return false;
	round_out(g);
	return true;
}

/* Is a block that leaves the stack alone to know where rsp is, for what comes behind it?  That
 * costs a check where one comes from a block that does not know; so all are to know, but those
 * who come by a way in, where a check is cheap. */
static bool passes_rsp(const struct build *b, const struct given *given, bool is_return)
{
	bool returns = !b->ends_early && b->insns[b->count - 1].kind == X86_KIND_RET;

	if (returns)            /* not enough for what is behind the return */
		return false;
	return is_return || given->all_know_rsp || b->block->way_in == 1 + LOOKUP_CALL;
}

static void find_needs(struct build *b, const struct store_values *values, bool is_return)
{
	struct store_facts needs = { 0 };
	struct given given;

	find_given(b, &given);
	if (!find_group(b, RSP_NUMBER) && b->group_count < STORE_GROUPS_MAX &&
	    passes_rsp(b, &given, is_return))
		b->groups[b->group_count++] = (struct store_group){
			.base_value = RSP_NUMBER, .index_value = NO_VALUE,
		};
	for (unsigned regs = regs_of_groups(b); regs && needs.count < STORE_FACTS_MAX;
	     regs &= regs - 1) {
		unsigned r = (unsigned)__builtin_ctz(regs);
		struct store_group *g = find_group(b, r);
		const struct store_fact *known = stores_fact(&given.facts, r);

		if (g->low < INT16_MIN || g->end > INT16_MAX)
			continue;
		g->is_needed = r == RSP_NUMBER ? needs_rsp(b, g, &given, is_return) :
			       needs_register(b, values, g, known);
		if (g->is_needed)
			stores_fact_add(&needs, r, g->low, g->end);
	}
	b->block->needs = stores_facts_keep(b, &needs);
}

/* ---- where the others are checked ---------------------------------------------------------------- */

static bool is_there(const struct store_values *values, const struct store_group *g, int at)
{
	return (g->base_value == NO_VALUE ||
		stores_value_holder(values, at, g->base_value) != STORE_NO_REG) &&
	       (g->index_value == NO_VALUE ||
		stores_value_holder(values, at, g->index_value) != STORE_NO_REG);
}

/* Where flags are dead, if that is enough for it: see stores-guard.c; else where there is a
 * check already and its values are there; else where rcx is dead; else at the first access
 * itself. */
static uint8_t place_of_check(const struct build *b, const struct store_values *values, int k)
{
	const struct store_group *g = &b->groups[k];
	bool compares = g->base_value != NO_VALUE && g->index_value == NO_VALUE &&
			b->t->windows.bounds_at;

	for (int at = g->first; compares && at >= 0 && is_there(values, g, at); at--)
		if (b->dead_flags[at] == X86_FLAGS_ALL)
			return (uint8_t)at;
	for (int before = 0; before < k; before++)
		if (!b->groups[before].is_needed && is_there(values, g, b->groups[before].at))
			return b->groups[before].at;
	for (int at = g->first; at >= 0 && is_there(values, g, at); at--)
		if (b->dead_regs[at] >> 1 & 1)
			return (uint8_t)at;
	return g->first;
}

/* From values to registers. */
static void settle(struct build *b, const struct store_values *values, struct store_group *g)
{
	int64_t moved = 0;

	g->base = g->index = STORE_NO_REG;
	if (g->index_value != NO_VALUE) {
		g->index = (uint8_t)stores_value_holder(values, g->at, g->index_value);
		moved = (int64_t)values->at[g->at][g->index].moved * (1 << g->scale);
	}
	if (g->base_value != NO_VALUE) {
		g->base = (uint8_t)stores_value_holder(values, g->at, g->base_value);
		moved += values->at[g->at][g->base].moved;
	}
	g->low -= moved;
	g->end -= moved;
	if (g->base == RSP_NUMBER && g->index == STORE_NO_REG && !g->is_needed)
		widen(g, -CHECKED_BELOW, CHECKED_ABOVE);
	else if (g->base != STORE_NO_REG && g->index == STORE_NO_REG && !g->is_needed)
		round_out(g);
}

/* ---- what is known behind it ------------------------------------------------------------------ */

/* Of what a register has at the end, the widest that was checked. */
static void add_given(struct build *b, const struct store_values *values, unsigned reg)
{
	const struct store_value *value = &values->at[b->count][reg];
	int64_t low = 0, end = 0;

	for (int k = 0; k < b->group_count; k++) {
		const struct store_group *g = &b->groups[k];
		int64_t moved = 0;

		if (g->base_value != value->number || g->index_value != NO_VALUE ||
		    g->end - g->low <= end - low)
			continue;
		moved = value->moved - values->at[g->at][g->base].moved;
		low = g->low - moved;
		end = g->end - moved;
	}
	if (low > INT16_MIN && end < INT16_MAX)
		stores_fact_add(&b->gives, reg, low, end);
}

static bool passes_on(const struct build *b)
{
	switch (b->insns[b->count - 1].kind) {
	case X86_KIND_JMP:
	case X86_KIND_JCC:
	case X86_KIND_JMP_IND:
	case X86_KIND_RET:
	case X86_KIND_CALL:
	case X86_KIND_CALL_IND:
		return true;
	default:                        /* another thread may come there, with another rsp */
		return b->ends_early;
	}
}

static void find_gives(struct build *b, const struct store_values *values)
{
	if (!passes_on(b))
		return;
	b->gives.is_call = b->insns[b->count - 1].kind == X86_KIND_CALL ||
			   b->insns[b->count - 1].kind == X86_KIND_CALL_IND;
	uint64_t bases = 0;             /* a value that is not in there is no group's */
	for (int k = 0; k < b->group_count; k++)
		bases |= 1ull << (b->groups[k].base_value & 63);
	add_given(b, values, RSP_NUMBER);
	for (unsigned r = 0; bases && r < 16; r++)
		if (r != RSP_NUMBER && (bases >> (values->at[b->count][r].number & 63) & 1))
			add_given(b, values, r);
}

/* ---- the plan --------------------------------------------------------------------------------- */

static void begin(struct build *b)
{
	b->group_count = 0;
	b->stores_covered = b->checks_before = 0;
	b->gives = (struct store_facts){ 0 };
	b->facts = 0;
	b->block->needs = 0;
}

static bool is_to_be_planned(struct build *b)
{
	const struct translate_events *events = &b->t->config.events;

	return events->stores && !events->blocks && !events->calls && !b->block->is_careful &&
	       b->t->config.has_bmi2 && b->t->windows.cell_count && !volatile_is(b);
}

void stores_plan(struct build *b, bool is_return)
{
	struct store_values values;

	begin(b);
	if (!is_to_be_planned(b))
		return;
	values.numbers = 16;
	for (unsigned r = 0; r < 16; r++)
		values.at[0][r] = (struct store_value){ (uint16_t)r, 0 };
	for (int i = 0; i < b->count; i++) {
		if (store_is_watched(b, i))
			add(b, &values, i);
		stores_values_follow(&values, &b->insns[i], i);
	}
	find_needs(b, &values, is_return);
	for (int k = 0; k < b->group_count; k++) {
		if (!b->groups[k].is_needed) {
			b->groups[k].at = place_of_check(b, &values, k);
			b->checks_before |= 1ull << b->groups[k].at;
		}
		settle(b, &values, &b->groups[k]);
	}
	find_gives(b, &values);
	b->facts = stores_facts_keep(b, &b->gives);
}
