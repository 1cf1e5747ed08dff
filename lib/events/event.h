/* event.h - the words that translated code writes and the tracer reads.
 *
 * An event is one 32-bit id, then the payload words that the id's top four bits
 * count.  What is known when the code is translated (addresses, kind, target)
 * stands in the site table on the tracer's side; only what varies is payload:
 *
 *      31   28 27                    0
 *     +-------+-----------------------+-----------+-----------+--
 *     | words | site index            | payload 0 | payload 1 | ...
 *     +-------+-----------------------+-----------+-----------+--
 *
 * Payload, in this order, each present or not as the site says:
 *
 *     SITE_HAS_SP      1 word   low half of rsp after the transfer
 *     SITE_HAS_FROM    1 word   number of the block that an indirect jump came from
 *     SITE_HAS_TARGET  2 words  where an indirect branch went, low word first
 *     SITE_HAS_COUNT   2 words  iterations (rcx) of a repeated string instruction
 *     SITE_HAS_ACCESS  2 words  address of a memory access
 *     SITE_HAS_TSC     2 words  time-stamp counter
 *
 * Events that the tracer itself puts into a stopped thread's ring (a signal, a
 * cut block) are sites of their own with SITE_HAS_EXTRA: free payload.
 */
#ifndef TRACER_EVENT_H
#define TRACER_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#define EVENT_INDEX_BITS 28
#define EVENT_INDEX_MASK ((1u << EVENT_INDEX_BITS) - 1)
#define EVENT_WORDS_MAX 15

enum site_kind {
	SITE_NONE,
	SITE_BLOCK,             /* a block is entered; or a path of blocks has been: see `size` */
	SITE_CALL,              /* pc: the call; target: the callee */
	SITE_CALL_INDIRECT,     /* target in the payload */
	SITE_RETURN,            /* a return (or a jump) arrived at pc; if after_call is
				 * set, a call instruction stands just before it */
	SITE_TAILCALL,          /* a jump that arrived at target, a function's start */
	SITE_REP,               /* iterations of the repeated string instruction at pc */
	SITE_STORE,             /* after a store by the instruction at pc */
	SITE_STORE_BEFORE,      /* the same, before it */
	/* put in by the tracer: */
	SITE_THREAD,            /* the stream begins: payload rsp low, rsp high */
	SITE_SIGNAL,            /* a handler is entered: signal, interrupted rsp,
				 * interrupted pc (2 words), rsp, handler (2 words) */
	SITE_SIGRETURN,         /* back at pc (2 words), rsp */
	SITE_CUT,               /* the last block ended before pc (2 words), with rcx (2); its
				 * number; 1 if it has not been counted yet.
				 * Without payload: the site's block, before the site's pc */
	SITE_END,               /* the stream ends */
};

enum site_flag {
	SITE_HAS_SP = 1,
	SITE_HAS_TARGET = 2,
	SITE_HAS_COUNT = 4,
	SITE_HAS_ACCESS = 8,
	SITE_HAS_TSC = 16,
	SITE_HAS_EXTRA = 32,
	SITE_AFTER_CALL = 64,   /* see SITE_RETURN */
	SITE_HAS_FROM = 128,
};

struct site {
	uint8_t kind;           /* enum site_kind */
	uint8_t flags;          /* enum site_flag */
	uint8_t words;          /* payload words */
	uint8_t size;           /* SITE_STORE: bytes accessed; SITE_BLOCK: blocks of a path, the last of
				 * which is `block`; 0 as 1 */
	uint32_t block;         /* index of the block it belongs to */
	uint64_t pc;
	uint64_t target;
};

static inline uint32_t event_id(uint32_t index, unsigned words)
{
	return (uint32_t)words << EVENT_INDEX_BITS | index;
}

static inline uint32_t event_index(uint32_t id)
{
	return id & EVENT_INDEX_MASK;
}

static inline unsigned event_words(uint32_t id)
{
	return id >> EVENT_INDEX_BITS;
}

/* Put in by the tracer, not by the program's code. */
static inline bool event_is_own(unsigned kind)
{
	return kind >= SITE_THREAD;
}

/* Payload words that `flags` ask for (but for SITE_HAS_EXTRA). */
static inline unsigned event_words_of(unsigned flags)
{
	return !!(flags & SITE_HAS_SP) + !!(flags & SITE_HAS_FROM) +
	       2u * !!(flags & SITE_HAS_TARGET) +
	       2u * !!(flags & SITE_HAS_COUNT) + 2u * !!(flags & SITE_HAS_ACCESS) +
	       2u * !!(flags & SITE_HAS_TSC);
}

#endif
