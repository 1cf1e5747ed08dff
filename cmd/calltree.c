#include "calltree.h"

#include <stdlib.h>
#include <string.h>

#define REACH_BYTES (1u << 20)          /* a stack is expected to go on this far */
#define FRAME_BYTES_MAX (64u << 20)     /* of one function's locals */

/* a below b on the same stack, modulo 2^32 */
static bool below(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static struct frame *top(struct calltree *tree)
{
	return calltree_top(tree);
}

static struct call_stack *add_stack(struct calltree *tree)
{
	struct call_stack *s = calloc(1, sizeof *s);

	if (!s)
		return tree->current;
	s->next = tree->stacks;
	tree->stacks = s;
	return s;
}

int calltree_init(struct calltree *tree)
{
	memset(tree, 0, sizeof *tree);
	tree->current = add_stack(tree);
	return tree->current ? 0 : -1;
}

void calltree_deinit(struct calltree *tree)
{
	while (tree->stacks) {
		struct call_stack *s = tree->stacks;

		tree->stacks = s->next;
		free(s->frames);
		free(s);
	}
}

/* ---- frames ------------------------------------------------------------------------- */

static bool grow(struct call_stack *s)
{
	unsigned room = s->room ? s->room * 2 : 64;
	struct frame *grown = realloc(s->frames, room * sizeof *grown);

	if (!grown)
		return false;
	s->frames = grown;
	s->room = room;
	return true;
}

static inline void push(struct calltree *tree, const struct calltree_ops *ops,
			const struct name *callee, uint64_t call_pc, uint32_t slot, uint64_t tsc,
			bool is_tail)
{
	struct call_stack *s = tree->current;

	if (s->count == s->room && !grow(s))
		return;
	struct frame *frame = &s->frames[s->count++];
	frame_init(frame, callee, frame_traits(callee), call_pc, slot, tsc, &tree->cost);
	frame->is_tail = is_tail;
	ops->opened(ops->context, frame, s->count > 1 ? frame - 1 : NULL);
}

static inline void pop(struct calltree *tree, const struct calltree_ops *ops,
		       enum calltree_end how, uint64_t tsc)
{
	struct call_stack *s = tree->current;
	struct frame *frame = &s->frames[s->count - 1];

	if (s->count > 1)
		frame[-1].children += frame_duration(frame, tsc, &tree->cost);
	s->signals -= frame->is_signal;
	ops->closed(ops->context, frame, how, tsc);
	s->count--;
}

static void unwind_to(struct calltree *tree, const struct calltree_ops *ops, unsigned count,
		      uint64_t tsc)
{
	while (tree->current->count > count)
		pop(tree, ops, CALLTREE_UNWOUND, tsc);
}

/* Index of the innermost frame of stack s with this slot, or -1. */
static int find_slot(const struct call_stack *s, uint32_t slot)
{
	for (int i = (int)s->count - 1; i >= 0; i--)
		if (s->frames[i].slot == slot)
			return i;
	return -1;
}

/* The frame with exactly this slot, here or on another stack, which then is the
 * current one.  Its index, or -1. */
static int go_to_slot(struct calltree *tree, uint32_t slot)
{
	int at = find_slot(tree->current, slot);

	for (struct call_stack *s = tree->stacks; s && at < 0; s = s->next) {
		at = find_slot(s, slot);
		if (at >= 0)
			tree->current = s;
	}
	return at;
}

/* ---- which stack --------------------------------------------------------------------- */

/* The outermost frame of the segment that frame `at` belongs to. */
static unsigned segment_base(const struct call_stack *s, unsigned at)
{
	while (s->signals && at && !s->frames[at].is_signal)
		at--;
	return s->signals ? at : 0;
}

static uint32_t gap_to(uint32_t low, uint32_t high, uint32_t sp)
{
	if (below(sp, low))
		return low - sp;
	return below(high + 8, sp) ? sp - high - 8 : 0;
}

/* How far sp is from where the frames of s lie. */
static uint32_t gap(const struct call_stack *s, uint32_t sp)
{
	uint32_t best = UINT32_MAX;
	unsigned at = s->count;

	while (at--) {
		unsigned base = segment_base(s, at);
		uint32_t this = gap_to(s->frames[at].slot, s->frames[base].slot, sp);

		if (this < best)
			best = this;
		at = base;
	}
	return best;
}

/* The stack that sp lies on, NULL when it is near none. */
static struct call_stack *owner(struct calltree *tree, uint32_t sp)
{
	struct call_stack *best = tree->current;
	uint32_t best_gap = gap(best, sp);

	for (struct call_stack *s = tree->stacks; s && best_gap; s = s->next) {
		uint32_t this = s == tree->current ? UINT32_MAX : gap(s, sp);

		if (this < best_gap) {
			best = s;
			best_gap = this;
		}
	}
	return best_gap < REACH_BYTES ? best : NULL;
}

/* A stack without frames becomes the current one: for a function that begins at sp
 * on a stack of its own.  What was left of an earlier one there is forgotten. */
static void begin_stack(struct calltree *tree, uint32_t sp)
{
	struct call_stack *empty = NULL;

	for (struct call_stack *s = tree->stacks; s; s = s->next) {
		if (s->count && s->frames[0].slot == sp && s != tree->current) {
			s->count = s->signals = 0;
			tree->current = s;
			return;
		}
		if (!s->count)
			empty = s;
	}
	tree->current = empty ? empty : add_stack(tree);
}

/* Control is at sp, which no frame explains. */
static void go_to(struct calltree *tree, uint32_t sp)
{
	if (!tree->current->count)
		return;
	struct call_stack *s = owner(tree, sp);
	if (s)
		tree->current = s;
	else
		begin_stack(tree, sp);
}

/* Takes away what lies below sp, and handlers whose segment does not hold sp. */
static void unwind(struct calltree *tree, const struct calltree_ops *ops, uint32_t sp,
		   uint64_t tsc)
{
	struct call_stack *s = tree->current;

	while (s->count) {
		unsigned base = segment_base(s, s->count - 1);
		struct frame *t = &s->frames[s->count - 1];

		if (s->frames[base].is_signal && below(s->frames[base].slot, sp))
			unwind_to(tree, ops, base, tsc);
		else if (s->frames[base].is_signal && below(sp, t->slot))
			unwind_to(tree, ops, base, tsc);
		else if (below(t->slot, sp))
			pop(tree, ops, CALLTREE_UNWOUND, tsc);
		else
			return;
	}
}

/* ---- calls ------------------------------------------------------------------------------ */

/* Large locals explain it, as long as no other stack is known to lie there. */
static bool is_large_frame(struct calltree *tree, uint32_t slot)
{
	const struct frame *t = top(tree);

	if (!below(slot, t->slot) || t->slot - slot > FRAME_BYTES_MAX || t->traits & FRAME_SWITCHES_STACKS)
		return false;
	for (const struct call_stack *s = tree->stacks; s; s = s->next)
		if (s != tree->current && gap(s, slot) == 0)
			return false;
	return true;
}

static void call_slow(struct calltree *tree, const struct calltree_ops *ops, uint32_t slot,
		      uint64_t tsc)
{
	struct frame *t;

	if (is_large_frame(tree, slot))
		return;
	struct call_stack *s = owner(tree, slot);
	if (s)
		tree->current = s;
	else
		begin_stack(tree, slot);
	t = top(tree);
	/* Below the frames is deeper, for handlers as for others. */
	if (t && !below(slot, t->slot))
		unwind(tree, ops, slot + 1, tsc);
}

void calltree_call(struct calltree *tree, const struct calltree_ops *ops,
		   const struct name *callee, uint64_t call_pc, uint32_t slot, uint64_t tsc)
{
	struct frame *t = top(tree);

	if (t && (t->slot - slot - 1 >= CALLTREE_NEAR_BYTES || t->traits & FRAME_SWITCHES_STACKS))
		call_slow(tree, ops, slot, tsc);
	push(tree, ops, callee, call_pc, slot, tsc, false);
}

static void rename_top(struct calltree *tree, const struct calltree_ops *ops,
		       const struct name *callee)
{
	struct frame *t = top(tree);

	/* The lazy half of a stub, PLT0: no name better than the stub's. */
	if (name_is_stub(callee) ? *t->callee->function != 0 : !*callee->function &&
	    !strcmp(callee->module, t->callee->module))
		return;
	t->callee = callee;
	t->traits = frame_traits(callee);
	if (ops->renamed)
		ops->renamed(ops->context, t, tree->current->count > 1 ? t - 1 : NULL);
}

/* A jump to a function's start by the function whose frame is on top. */
static void replace_top(struct calltree *tree, const struct calltree_ops *ops,
			const struct name *callee, uint64_t tsc)
{
	struct frame *t = top(tree);
	uint64_t call_pc = t->call_pc;
	uint32_t slot = t->slot, interrupted_sp = t->interrupted_sp;
	bool is_signal = t->is_signal;

	if (t->traits & FRAME_STUB) {
		rename_top(tree, ops, callee);
		return;
	}
	if (t->callee->of_function == callee)
		return;         /* a loop to its own start */
	pop(tree, ops, CALLTREE_TAILCALL, tsc);
	push(tree, ops, callee, call_pc, slot, tsc, true);
	if (is_signal && (t = top(tree))) {
		t->is_signal = true;    /* the segment goes on */
		t->interrupted_sp = interrupted_sp;
		tree->current->signals++;
	}
}

void calltree_tailcall(struct calltree *tree, const struct calltree_ops *ops,
		       const struct name *callee, uint64_t from_pc, uint32_t sp, uint64_t tsc)
{
	struct frame *t = top(tree);

	if (t && t->slot == sp) {
		replace_top(tree, ops, callee, tsc);
		return;
	}
	if (t && below(sp, t->slot) && !(t->traits & FRAME_SWITCHES_STACKS)) {
		/* PLT0 and the resolver, which have pushed two words; the cold part of
		 * a function, which is at its body's depth. */
		if ((t->traits & FRAME_STUB && t->slot - sp <= 16) || callee->is_cold)
			return;
	}
	if (from_pc && ops->name(ops->context, from_pc)->of_function == callee)
		return;         /* a loop, in a function whose call was not seen */
	int at = go_to_slot(tree, sp);
	if (at >= 0) {
		unwind_to(tree, ops, (unsigned)at + 1, tsc);
		replace_top(tree, ops, callee, tsc);
		return;
	}
	if (t && t->traits & FRAME_SWITCHES_STACKS) {
		begin_stack(tree, sp);
	} else {
		go_to(tree, sp);
		if (top(tree) && below(top(tree)->slot, sp))
			unwind(tree, ops, sp, tsc);
	}
	push(tree, ops, callee, 0, sp, tsc, false);
}

/* ---- returns ------------------------------------------------------------------------------ */

/* A stack has been copied to another place because it was too small: its frames
 * move with it.  The function that asked for it is begun again. */
static bool follow_copy(struct calltree *tree, const struct calltree_ops *ops, uint64_t pc,
			uint32_t sp, uint64_t tsc)
{
	for (struct call_stack *s = tree->stacks; s; s = s->next) {
		struct frame *t = s->count ? &s->frames[s->count - 1] : NULL;

		if (!t || !t->callee->grows_stack || t->call_pc + 5 != pc)
			continue;
		uint32_t delta = sp - 8 - t->slot;
		for (unsigned i = 0; i < s->count; i++)
			s->frames[i].slot += delta;
		tree->current = s;
		pop(tree, ops, CALLTREE_RETURN, tsc);
		return true;
	}
	return false;
}

static void return_slow(struct calltree *tree, const struct calltree_ops *ops, uint64_t pc,
			bool after_call, uint32_t sp, uint64_t tsc)
{
	struct frame *t = top(tree);
	const struct name *at = after_call ? NULL : ops->name(ops->context, pc);
	int found;

	if (at && at->is_start && t && t->slot == sp) {
		replace_top(tree, ops, at, tsc);        /* push; ret as a jump */
		return;
	}
	found = go_to_slot(tree, sp - 8);
	if (found >= 0) {
		unwind_to(tree, ops, (unsigned)found + 1, tsc);
		pop(tree, ops, CALLTREE_RETURN, tsc);
		return;
	}
	if (after_call && t && t->traits & FRAME_SWITCHES_STACKS && follow_copy(tree, ops, pc, sp, tsc))
		return;
	/* `ret` as a way to call: the first switch to a coroutine does so. */
	if (at && at->is_start) {
		if (t)
			begin_stack(tree, sp);
		push(tree, ops, at, 0, sp, tsc, false);
		return;
	}
	go_to(tree, sp);
	unwind(tree, ops, sp, tsc);
}

void calltree_return(struct calltree *tree, const struct calltree_ops *ops, uint64_t pc,
		     bool after_call, uint32_t sp, uint64_t tsc)
{
	struct frame *t = top(tree);

	if (!t || t->slot != sp - 8) {
		return_slow(tree, ops, pc, after_call, sp, tsc);
		return;
	}
	pop(tree, ops, CALLTREE_RETURN, tsc);
	if (after_call)
		return;
	/* A thunk that replaces its return address by the function to go to. */
	t = top(tree);
	if (t && t->slot == sp) {
		const struct name *at = ops->name(ops->context, pc);

		if (at->is_start)
			replace_top(tree, ops, at, tsc);
	}
}

/* ---- signals --------------------------------------------------------------------------------- */

void calltree_signal(struct calltree *tree, const struct calltree_ops *ops,
		     const struct name *handler, int signal, uint32_t slot, uint32_t interrupted_sp,
		     uint64_t tsc)
{
	struct call_stack *s = tree->current;

	if (s->count == s->room && !grow(s))
		return;
	struct frame *frame = &s->frames[s->count++];
	frame_init(frame, handler, frame_traits(handler), 0, slot, tsc, &tree->cost);
	frame->is_signal = true;
	frame->signal = (uint8_t)signal;
	frame->interrupted_sp = interrupted_sp;
	s->signals++;
	ops->opened(ops->context, frame, s->count > 1 ? frame - 1 : NULL);
}

void calltree_sigreturn(struct calltree *tree, const struct calltree_ops *ops, uint64_t pc,
			uint32_t sp, uint64_t tsc)
{
	struct call_stack *s = tree->current;
	struct frame *t;

	/* The handler has usually returned to its trampoline, and is closed. */
	for (unsigned i = s->signals ? s->count : 0; i-- > 0;)
		if (s->frames[i].is_signal && (s->frames[i].interrupted_sp == sp ||
					       s->frames[i].interrupted_sp - 8 == sp)) {
			unwind_to(tree, ops, i + 1, tsc);
			pop(tree, ops, CALLTREE_RETURN, tsc);
			break;
		}
	/* A handler may have put in a call: a word pushed, pc at a function's start. */
	t = top(tree);
	if (!t || !below(sp, t->slot))
		return;
	const struct name *at = ops->name(ops->context, pc);
	if (at->is_start)
		push(tree, ops, at, 0, sp, tsc, false);
}
