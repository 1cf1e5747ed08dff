#include "calltree.h"

#include <stdlib.h>
#include <string.h>

#define STACK_REACH (1 << 20)   /* bytes; further away is another stack, unless a slot fits */

/* a below b on the same stack, modulo 2^32 */
static bool below(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static uint32_t distance(uint32_t a, uint32_t b)
{
	return below(a, b) ? b - a : a - b;
}

static struct frame *top(struct calltree *tree)
{
	struct call_stack *s = tree->current;

	return s->count ? &s->frames[s->count - 1] : NULL;
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

static void push(struct calltree *tree, const struct calltree_ops *ops, struct frame frame)
{
	struct call_stack *s = tree->current;

	if (s->count == s->room) {
		unsigned room = s->room ? s->room * 2 : 64;
		struct frame *grown = realloc(s->frames, room * sizeof *grown);

		if (!grown)
			return;
		s->frames = grown;
		s->room = room;
	}
	s->frames[s->count] = frame;
	ops->opened(ops->context, &s->frames[s->count], s->count);
	s->count++;
}

static void pop(struct calltree *tree, const struct calltree_ops *ops, uint64_t tsc)
{
	struct call_stack *s = tree->current;
	struct frame *frame = &s->frames[s->count - 1];

	if (s->count > 1)
		s->frames[s->count - 2].children += tsc - frame->start;
	ops->closed(ops->context, frame, s->count - 1, tsc);
	s->count--;
}

static void pop_to(struct calltree *tree, const struct calltree_ops *ops, unsigned count,
		   uint64_t tsc)
{
	while (tree->current->count > count)
		pop(tree, ops, tsc);
}

/* Index of the innermost frame of stack s with this slot, or -1. */
static int find_slot(const struct call_stack *s, uint32_t slot)
{
	for (int i = (int)s->count - 1; i >= 0; i--)
		if (s->frames[i].slot == slot)
			return i;
	return -1;
}

/* Another stack that has a frame with this slot. */
static struct call_stack *find_stack(struct calltree *tree, uint32_t slot)
{
	for (struct call_stack *s = tree->stacks; s; s = s->next)
		if (s != tree->current && find_slot(s, slot) >= 0)
			return s;
	return NULL;
}

/* The outermost frame of the segment that the top frame belongs to. */
static unsigned segment_base(const struct call_stack *s)
{
	unsigned i = s->count - 1;

	while (i && !s->frames[i].is_signal)
		i--;
	return i;
}

/* Could sp lie on the stack that the top segment uses? */
static bool fits_segment(const struct call_stack *s, unsigned base, uint32_t sp)
{
	return distance(sp, s->frames[base].slot) < STACK_REACH ||
	       distance(sp, s->frames[s->count - 1].slot) < STACK_REACH;
}

/* Pops what lies below sp.  A handler on another stack than sp's is left whole. */
static void pop_below(struct calltree *tree, const struct calltree_ops *ops, uint32_t sp,
		      uint64_t tsc)
{
	struct call_stack *s = tree->current;

	while (s->count) {
		unsigned base = segment_base(s);

		if (!fits_segment(s, base, sp)) {
			if (!s->frames[base].is_signal)
				return;
			pop_to(tree, ops, base, tsc);
			continue;
		}
		if (!below(s->frames[s->count - 1].slot, sp))
			return;
		pop(tree, ops, tsc);
	}
}

static bool is_elsewhere(struct calltree *tree, uint32_t sp)
{
	struct call_stack *s = tree->current;

	for (unsigned i = s->count; i-- > 0;)
		if (i == 0 || s->frames[i].is_signal || i + 1 == s->count)
			if (distance(sp, s->frames[i].slot) < STACK_REACH)
				return false;
	return s->count != 0;
}

/* Control is at sp, which no frame explains: on a stack of its own, unless this
 * one reaches there. */
static void switch_by_reach(struct calltree *tree, uint32_t sp)
{
	if (!is_elsewhere(tree, sp))
		return;
	for (struct call_stack *s = tree->stacks; s; s = s->next)
		if (s != tree->current && s->count &&
		    distance(sp, s->frames[s->count - 1].slot) < STACK_REACH) {
			tree->current = s;
			return;
		}
	for (struct call_stack *s = tree->stacks; s; s = s->next)
		if (s != tree->current && !s->count) {
			tree->current = s;
			return;
		}
	tree->current = add_stack(tree);
}

/* ---- events ---------------------------------------------------------------------------- */

void calltree_call(struct calltree *tree, const struct calltree_ops *ops,
		   const struct name *callee, uint64_t call_pc, uint32_t slot, uint64_t tsc)
{
	struct frame *t = top(tree);

	if (t && (!below(slot, t->slot) || distance(slot, t->slot) > STACK_REACH)) {
		switch_by_reach(tree, slot);
		pop_below(tree, ops, slot + 1, tsc);
	}
	push(tree, ops, (struct frame){ .callee = callee, .call_pc = call_pc, .slot = slot,
					.start = tsc });
}

void calltree_tailcall(struct calltree *tree, const struct calltree_ops *ops,
		       const struct name *callee, uint32_t sp, uint64_t tsc)
{
	struct frame *t = top(tree);
	struct frame frame = { .callee = callee, .slot = sp, .start = tsc };

	if (!t || t->slot != sp) {
		struct call_stack *other = find_stack(tree, sp);
		int at = find_slot(tree->current, sp);

		if (at < 0 && other) {
			tree->current = other;
			at = find_slot(other, sp);
		}
		if (at >= 0)
			pop_to(tree, ops, (unsigned)at + 1, tsc);
		else
			switch_by_reach(tree, sp);
		t = top(tree);
	}
	if (t && t->slot == sp) {
		frame.call_pc = t->call_pc;
		frame.is_tail = !t->callee->is_plt;
		pop(tree, ops, tsc);
	} else {
		pop_below(tree, ops, sp, tsc);
	}
	push(tree, ops, frame);
}

void calltree_return(struct calltree *tree, const struct calltree_ops *ops,
		     const struct name *at, bool after_call, uint32_t sp, uint64_t tsc)
{
	struct frame *t = top(tree);

	if (t && t->slot == sp - 8) {
		pop(tree, ops, tsc);
		return;
	}
	int found = find_slot(tree->current, sp - 8);
	struct call_stack *other = found < 0 ? find_stack(tree, sp - 8) : NULL;
	if (other) {
		tree->current = other;
		found = find_slot(other, sp - 8);
	}
	if (found >= 0) {
		pop_to(tree, ops, (unsigned)found, tsc);
		return;
	}
	switch_by_reach(tree, sp);
	pop_below(tree, ops, sp, tsc);
	/* `ret` as a way to call: the first switch to a coroutine does so. */
	if (!after_call && at->is_start)
		push(tree, ops, (struct frame){ .callee = at, .slot = sp, .start = tsc });
}

void calltree_signal(struct calltree *tree, const struct calltree_ops *ops,
		     const struct name *handler, int signal, uint32_t slot, uint32_t interrupted_sp,
		     uint64_t tsc)
{
	push(tree, ops, (struct frame){ .callee = handler, .slot = slot, .start = tsc,
					.is_signal = true, .signal = signal,
					.interrupted_sp = interrupted_sp });
}

void calltree_sigreturn(struct calltree *tree, const struct calltree_ops *ops, uint32_t sp,
			uint64_t tsc)
{
	struct call_stack *s = tree->current;

	/* The handler has usually returned to its trampoline, and is closed. */
	for (unsigned i = s->count; i-- > 0;)
		if (s->frames[i].is_signal && s->frames[i].interrupted_sp == sp) {
			pop_to(tree, ops, i, tsc);
			return;
		}
}

void calltree_end(struct calltree *tree, const struct calltree_ops *ops, uint64_t tsc)
{
	for (struct call_stack *s = tree->stacks; s; s = s->next) {
		tree->current = s;
		pop_to(tree, ops, 0, tsc);
	}
}
