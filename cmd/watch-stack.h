/* watch-stack.h - the call stack under an access, for -k. */
#ifndef TRACER_WATCH_STACK_H
#define TRACER_WATCH_STACK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/user.h>

#include "target.h"
#include "unwind.h"
#include "writer.h"

#define WATCH_FRAMES_MAX 64

struct watch_stack {
	size_t count;
	struct {
		uint64_t pc, lookup_pc;
	} frames[WATCH_FRAMES_MAX];
};

/* Of a thread that waits for an answer, behind the instruction at `pc` (for a call: in
 * it).  Heap memory; NULL: out of memory.  requires: target->lock */
struct watch_stack *watch_stack_of(struct thread *thread, uint64_t pc);

/* The same of a thread that runs natively and is stopped. */
struct watch_stack *watch_stack_native(struct unwinder *u, const struct user_regs_struct *regs,
				       uint64_t pc);

/* Lines under the event, or `,"stack":[...]`. */
void watch_stack_show(struct writer *w, struct symbols *symbols, const struct watch_stack *stack,
		      bool json);

#endif
