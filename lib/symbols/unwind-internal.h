/* unwind-internal.h - struct unwinder from inside, for unwind*.c alone. */
#ifndef TRACER_SYMBOLS_UNWIND_INTERNAL_H
#define TRACER_SYMBOLS_UNWIND_INTERNAL_H

#include "cfi.h"
#include "symbols-internal.h"
#include "unwind.h"

#define PAGE_BYTES 4096u
#define PAGES 32                        /* powers of two */
#define RULES 2048

enum source {
	SOURCE_UNKNOWN,         /* nothing covers the pc: frame pointer */
	SOURCE_CFI,
	SOURCE_SIGRETURN,       /* a signal trampoline without rules */
	SOURCE_END,             /* a function that nothing has called */
};

struct rule_entry {
	uint64_t pc;
	bool is_used, is_exact;
	enum source source;
	uint64_t bias;
	struct cfi_row row;
};

struct page {
	uint64_t address;
	bool is_used;
	size_t size;                    /* bytes read; fewer than a page at its end */
	uint8_t bytes[PAGE_BYTES];
};

struct unwinder {
	struct symbols *s;
	unsigned generation;            /* of the modules that `rules` are for */
	struct rule_entry *rules;
	struct page pages[PAGES];
};

/* One step: from the registers `in` outwards. */
struct step {
	struct unwinder *u;
	const struct unwind_regs *in;
};

static inline bool unwind_is_known(const struct unwind_regs *regs, uint64_t number)
{
	return number < UNWIND_REGS && (regs->known & 1u << number);
}

static inline void unwind_set(struct unwind_regs *regs, unsigned number, uint64_t value)
{
	regs->value[number] = value;
	regs->known |= 1u << number;
}

/* The process's memory, through the pages; false: not all of it can be read. */
bool unwinder_read(struct unwinder *u, uint64_t address, void *buf, size_t len);
bool unwinder_read_word(struct unwinder *u, uint64_t address, uint64_t *out);

/* Whether `pc` is in a function of Go's runtime that begins a stack. */
bool unwind_is_go_bottom(struct symbols *s, uint64_t pc);

/* The caller's registers when no rules are known.  Returns 0, with rip 0 at the
 * end of the stack; -ENOENT: no idea.  unwind-guess.c */
int unwind_guess(struct step *step, struct unwind_regs *out, uint64_t *cfa,
		 enum unwind_how *how);

#endif
