/* calltree.h - the open calls of one thread, kept right by the stack pointer.
 *
 * A call's event carries rsp just behind its push: the address of the return
 * address, the frame's slot.  A return's carries rsp just behind its pop.  So a
 * frame is gone exactly when rsp has risen above its slot, whatever took it away:
 * a return, longjmp, an exception, a cancelled thread.  Only the low half of rsp
 * is known; differences are taken modulo 2^32.
 *
 * A thread may run on several stacks (coroutines, swapcontext, goroutines): each
 * keeps its own frames.  Control gets to another one when
 *   - an event's slot is exactly that of a frame there (a switch back);
 *   - a function is begun by a return, or by a jump out of a function that is known
 *     to switch (a first switch to it);
 *   - rsp is nearer to the frames there than to those here.
 *
 * A signal's frame begins a segment on top of what was interrupted, on this stack
 * or on the alternate one; a return that leaves the segment's slots takes all of it.
 *
 *     frames[0]    main          slot 0x...e8    outermost
 *     frames[1]    work          slot 0x...c8
 *     frames[2]    on_usr1       slot 0x...48    is_signal: a segment begins
 *     frames[3]    puts          slot 0x...28
 *
 * The procedure linkage table is left out: a stub's frame becomes, in place, that
 * of the function it jumps to; what the dynamic linker does in between to find
 * it is inside.  Pure: it knows names, no process and no output.
 */
#ifndef TRACER_CALLTREE_H
#define TRACER_CALLTREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "names.h"

enum frame_trait {
	FRAME_STUB = 1,                 /* the callee is one: name_is_stub() */
	FRAME_SWITCHES_STACKS = 2,      /* it may go on, on another one */
};

struct frame {
	const struct name *callee;
	uint64_t call_pc;               /* 0: not entered by a call that was seen */
	uint32_t slot;
	uint32_t interrupted_sp;        /* of a handler: where it came in */
	uint64_t start, children;       /* tsc; of the calls in it, in ticks */
	uint64_t events_before, waited_before;  /* of calltree_cost, at its start */
	uint8_t traits;                 /* enum frame_trait, of the callee */
	bool is_tail;                   /* it took another's place by a jump */
	bool is_signal;                 /* entered by the kernel: a handler */
	uint8_t signal;
	/* The view's own: */
	bool is_shown;                  /* its opening line is out */
	bool is_hidden;                 /* filtered: neither shown nor counted */
	uint8_t around;                 /* FILTER_ONLY, FILTER_NOT: they hold here */
	bool is_recursive;              /* open further out already */
	uint32_t depth;                 /* shown frames around it */
	uint32_t shown_id;              /* -c: the function_id of ... */
	const struct name *shown;       /* ... the name of the opening line */
};

/* Of tracing: it is taken off durations. */
struct calltree_cost {
	uint64_t event;                 /* ticks of one */
	uint64_t events;                /* of the thread, so far */
	uint64_t waited;                /* ticks, for room for events, so far */
};

static inline uint8_t frame_traits(const struct name *callee)
{
	return (uint8_t)((name_is_stub(callee) ? FRAME_STUB : 0) |
			 (callee->switches_stacks ? FRAME_SWITCHES_STACKS : 0));
}

/* Field by field: made for each call, it is not to become a memset(). */
static inline void frame_init(struct frame *frame, const struct name *callee, uint8_t traits,
			      uint64_t call_pc, uint32_t slot, uint64_t tsc,
			      const struct calltree_cost *cost)
{
	frame->callee = callee;
	frame->call_pc = call_pc;
	frame->slot = slot;
	frame->interrupted_sp = 0;
	frame->start = tsc;
	frame->children = 0;
	frame->events_before = cost->events;
	frame->waited_before = cost->waited;
	frame->traits = traits;
	frame->is_tail = false;
	frame->is_signal = false;
	frame->signal = 0;
	frame->is_shown = false;
	frame->is_hidden = false;
	frame->around = 0;
	frame->is_recursive = false;
	frame->depth = 0;
	frame->shown_id = 0;
	frame->shown = NULL;
}

#define CALLTREE_NEAR_BYTES 4096u       /* a call's slot this close below needs no thought */

struct call_stack {
	struct frame *frames;
	unsigned count, room;
	unsigned signals;               /* frames that are handlers */
	struct call_stack *next;
};

struct calltree {
	struct call_stack *current;
	struct call_stack *stacks;      /* all of the thread, `current` included */
	struct calltree_cost cost;
};

enum calltree_end {
	CALLTREE_RETURN,
	CALLTREE_TAILCALL,              /* another takes its place */
	CALLTREE_UNWOUND,               /* by a longjmp, an exception, ... */
};

/* What happens to frames, in order.  `parent` is the frame around, NULL for the
 * outermost.  `closed` is called for the innermost first. */
struct calltree_ops {
	void (*opened)(void *context, struct frame *frame, struct frame *parent);
	void (*renamed)(void *context, struct frame *frame, struct frame *parent);
	void (*closed)(void *context, struct frame *frame, enum calltree_end how, uint64_t tsc);
	const struct name *(*name)(void *context, uint64_t address);
	void *context;
};

/* How long the call took, in ticks, but for the events in it, and its own.  These were measured
 * once, and take half of that or twice as much on a machine whose neighbours come and go: a part
 * of 16 is the program's at least, about as much as of one that does nothing but call. */
static inline uint64_t frame_duration(const struct frame *frame, uint64_t tsc,
				      const struct calltree_cost *cost)
{
	uint64_t all = tsc - frame->start, waited = cost->waited - frame->waited_before;
	uint64_t events = cost->event * (cost->events - frame->events_before);

	all = all > waited ? all - waited : 0;
	return all - (events < all - all / 16 ? events : all - all / 16);
}

int calltree_init(struct calltree *tree);
void calltree_deinit(struct calltree *tree);

static inline struct frame *calltree_top(const struct calltree *tree)
{
	const struct call_stack *s = tree->current;

	return s->count ? &s->frames[s->count - 1] : NULL;
}

void calltree_call(struct calltree *tree, const struct calltree_ops *ops,
		   const struct name *callee, uint64_t call_pc, uint32_t slot, uint64_t tsc);
/* from_pc: of the jump, where it is known; else 0. */
void calltree_tailcall(struct calltree *tree, const struct calltree_ops *ops,
		       const struct name *callee, uint64_t from_pc, uint32_t sp, uint64_t tsc);
/* A return or a jump arrived at pc; after_call: a call stands before it. */
void calltree_return(struct calltree *tree, const struct calltree_ops *ops, uint64_t pc,
		     bool after_call, uint32_t sp, uint64_t tsc);
void calltree_signal(struct calltree *tree, const struct calltree_ops *ops,
		     const struct name *handler, int signal, uint32_t slot, uint32_t interrupted_sp,
		     uint64_t tsc);
/* A handler's end: on at pc, with sp. */
void calltree_sigreturn(struct calltree *tree, const struct calltree_ops *ops, uint64_t pc,
			uint32_t sp, uint64_t tsc);

#endif
