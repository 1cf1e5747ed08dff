/* unwind.h - call stacks of a stopped thread.
 *
 * Each step looks up the unwind rules (.eh_frame, .debug_frame, also the vdso's)
 * for the pc, and computes the caller's registers from the callee's and from the
 * stack.  Where no rules cover the pc (musl, assembly, code made at run time) it
 * guesses: it looks for the return address of a call that leads to the function,
 * follows the frame pointer, or takes the next return address on the stack;
 * unwind_frame.how tells.  Signal frames are crossed with or without rules.
 *
 *     struct unwinder *u = unwinder_create(symbols);
 *     struct unwind_regs regs = { .known = UNWIND_ALL, .is_exact = true };
 *     ... fill regs.value[] from PTRACE_GETREGS ...
 *     unwinder_forget(u);                  // the thread has run since last time
 *     size_t n = unwind_stack(u, &regs, frames, 128);
 *
 * An unwinder keeps pages of the thread's memory that it has read, so it must be
 * told with unwinder_forget() whenever the process may have run.  It keeps
 * rules by pc for as long as the modules stay.  It works on the registers and
 * memory given to it: the thread may be anywhere, also in a prologue, a PLT stub
 * or a signal handler.  Not thread-safe, as symbols.h is not.
 */
#ifndef TRACER_UNWIND_H
#define TRACER_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbols.h"

/* Registers in DWARF's order for x86-64. */
enum unwind_reg {
	UNWIND_RAX, UNWIND_RDX, UNWIND_RCX, UNWIND_RBX,
	UNWIND_RSI, UNWIND_RDI, UNWIND_RBP, UNWIND_RSP,
	UNWIND_R8, UNWIND_R9, UNWIND_R10, UNWIND_R11,
	UNWIND_R12, UNWIND_R13, UNWIND_R14, UNWIND_R15,
	UNWIND_RIP,
	UNWIND_REGS,
};
#define UNWIND_ALL ((1u << UNWIND_REGS) - 1)

struct unwind_regs {
	uint64_t value[UNWIND_REGS];
	uint32_t known;         /* bit R: value[R] is meaningful */
	bool is_exact;          /* rip is where the thread is or was interrupted:
	                         * innermost frame, or interrupted by a signal;
	                         * otherwise rip is a return address, and
	                         * rip - 1 lies in the call */
	/* unwind_step's own memory, to begin with 0 */
	bool is_chained;        /* rbp comes from a sure chain of frame pointers: 0
	                         * in it is the end */
	uint8_t guesses;        /* in a row */
};

enum unwind_how {
	UNWIND_CFI,             /* by unwind rules */
	UNWIND_FRAME_POINTER,   /* guessed from rbp */
	UNWIND_SCAN,            /* guessed: a return address found on the stack */
	UNWIND_END,             /* the outermost frame: nothing called it */
};

struct unwind_frame {
	uint64_t pc;            /* as in rip */
	uint64_t lookup_pc;     /* what to ask symbols_find and symbols_line for:
	                         * pc, or pc - 1 for a return address */
	uint64_t cfa;           /* rsp before the call that made this frame; 0:
	                         * unknown.  Identifies the frame. */
	bool is_signal;         /* the signal trampoline: the next frame is what
	                         * the signal interrupted */
	enum unwind_how how;    /* how the next frame was found */
};

struct unwinder;

/* NULL: out of memory.  `s` must outlive it. */
struct unwinder *unwinder_create(struct symbols *s);
void unwinder_destroy(struct unwinder *u);      /* NULL allowed */

/* Drops the memory that was read. */
void unwinder_forget(struct unwinder *u);

/* Describes the frame of *regs in *frame (NULL allowed) and replaces *regs by
 * the caller's registers.  Returns 1; 0 at the outermost frame (*regs
 * unchanged); -EFAULT: the stack cannot be read; -ENOENT: no rule and no frame
 * pointer leads on; -ELOOP: the stack does not go up; -EINVAL: damaged rules.
 * *frame is filled in every case. */
int unwind_step(struct unwinder *u, struct unwind_regs *regs, struct unwind_frame *frame);

/* All frames from *regs outwards, innermost first; at most `room`.  Returns how
 * many, at least 1 (for room > 0).  *end (NULL allowed): 0 when the outermost
 * frame was reached, else why it stopped, -ENOBUFS for want of room. */
size_t unwind_stack(struct unwinder *u, const struct unwind_regs *regs,
		    struct unwind_frame *frames, size_t room, int *end);

#endif
