/* calltree.h - the open calls of one thread, kept right by the stack pointer.
 *
 * A call's event carries rsp just behind its push: the address of the return
 * address, the frame's slot.  A return's carries rsp just behind its pop.  So a
 * frame is gone exactly when rsp has risen above its slot, whatever took it away:
 * a return, longjmp, an exception, a cancelled thread.  Only the low half of rsp
 * is known; differences are taken modulo 2^32.
 *
 * A thread may run on several stacks (coroutines, swapcontext, goroutines): each
 * keeps its own frames, and an event whose slot fits a frame of another one moves
 * there.  A signal's frame begins a segment on top of what was interrupted, on
 * this stack or on the alternate one.
 */
#ifndef TRACER_CALLTREE_H
#define TRACER_CALLTREE_H

#include <stdbool.h>
#include <stdint.h>

#include "names.h"

struct frame {
	const struct name *callee;
	uint64_t call_pc;               /* 0: not entered by a call that was seen */
	uint32_t slot;
	uint32_t interrupted_sp;        /* of a handler: where it came in */
	uint64_t start, children;       /* tsc; of the calls in it, in ticks */
	bool is_tail;                   /* it took another's place by a jump */
	bool is_signal;                 /* entered by the kernel: a handler */
	bool is_shown;                  /* its opening line is out */
	bool is_hidden;                 /* filtered: neither shown nor counted */
	bool is_recursive;              /* open further out already */
	int signal;
};

struct call_stack {
	struct frame *frames;
	unsigned count, room;
	struct call_stack *next;
};

struct calltree {
	struct call_stack *current;
	struct call_stack *stacks;      /* all of the thread, `current` included */
};

/* What happens to frames, in order.  `closed` is called for the innermost first. */
struct calltree_ops {
	void (*opened)(void *context, struct frame *frame, unsigned depth);
	void (*closed)(void *context, struct frame *frame, unsigned depth, uint64_t tsc);
	void *context;
};

int calltree_init(struct calltree *tree);
void calltree_deinit(struct calltree *tree);

void calltree_call(struct calltree *tree, const struct calltree_ops *ops,
		   const struct name *callee, uint64_t call_pc, uint32_t slot, uint64_t tsc);
void calltree_tailcall(struct calltree *tree, const struct calltree_ops *ops,
		       const struct name *callee, uint32_t sp, uint64_t tsc);
/* A return or a jump arrived at `at`; after_call: a call stands before it. */
void calltree_return(struct calltree *tree, const struct calltree_ops *ops,
		     const struct name *at, bool after_call, uint32_t sp, uint64_t tsc);
void calltree_signal(struct calltree *tree, const struct calltree_ops *ops,
		     const struct name *handler, int signal, uint32_t slot, uint32_t interrupted_sp,
		     uint64_t tsc);
/* Back to where a handler had interrupted, at sp. */
void calltree_sigreturn(struct calltree *tree, const struct calltree_ops *ops, uint32_t sp,
			uint64_t tsc);
/* Closes all that is open. */
void calltree_end(struct calltree *tree, const struct calltree_ops *ops, uint64_t tsc);

#endif
