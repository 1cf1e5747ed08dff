/* thread_block.h - what %gs points to while a thread runs in the code cache.
 *
 * One per thread, in the arena, shared by the translated code, the runtime
 * (runtime.S), and the tracer.  The thread owns every field but `answer`,
 * `request_state` (both sides, see below) and `ring_consumed` (the tracer's).
 * Read by assembly, too: offsets stand here once, and C checks them.
 *
 * A thread area is 64 KiB aligned:
 *
 *     +0       tail of the previous area's ring (RING_ZONE_BYTES)
 *     +4096    struct thread_block              <- gs base
 *     +8192    stack of the runtime, grows down from +65536 - 64
 *     +65536   ring, a multiple of 64 KiB
 *
 * A request: the thread writes `request_kind` and its arguments, saves all of
 * its registers in `gpr` and `rflags`, sets request_state to REQUESTED, rings
 * the bell (struct control) and waits, spinning first, then on a futex.  The
 * tracer writes `answer` - where in the cache to go on - and sets ANSWERED.  It
 * may change `gpr` in between.
 *
 * Should the tracer have been killed, nobody answers: the thread answers itself with
 * where it would have gone on in the program, and is native from there.  For that the
 * table `ways` has for each exit number the program's address; from its end downwards
 * for each store's number the cache addresses behind its check and behind itself.
 */
#ifndef TRACER_THREAD_BLOCK_H
#define TRACER_THREAD_BLOCK_H

#define TB_SLOT(n)              (8 * (n))       /* scratch slot of register n */
#define TB_CURSOR               0x80
#define TB_SYS_NEXT             0x88
#define TB_SYS_RESUME           0x90
#define TB_SYS_RESUME_SAVED     0x98
#define TB_EXIT                 0xa0
#define TB_REQUEST_KIND         0xa4
#define TB_TARGET               0xa8
#define TB_ANSWER               0xb0
#define TB_REQUEST_STATE        0xb8
#define TB_APP_GS               0xc0
#define TB_STACK_TOP            0xc8
#define TB_CONTROL              0xd0
#define TB_SYS_TABLE            0xd8
#define TB_LOOKUP(kind)         (0xe0 + 8 * (kind))
#define TB_RFLAGS               0xf8
#define TB_GPR(n)               (0x100 + 8 * (n))
#define TB_SYS_ARGS             0x180           /* number, then six arguments */
#define TB_RING_START           0x1c0
#define TB_RING_CHUNKS          0x1c8
#define TB_RING_LOSSY           0x1cc
#define TB_RING_PRODUCED        0x1d0
#define TB_RING_CONSUMED        0x1d8
#define TB_RING_LOST            0x1e8
#define TB_RING_CHUNK           0x1f0
#define TB_INDEX                0x1f4
#define TB_RING_BACK            0x1f8
#define TB_RING_CHUNK_END       0x200           /* 64 of them */
#define TB_WAYS                 0x400
#define TB_QUIET                0x408
#define TB_RING_DROPPING        0x40c
#define TB_RSEQ                 0x410
#define TB_WATCH_LOG            0x418           /* see store_log.h */
#define TB_WATCH_ADDRESS        0x420
#define TB_WATCH_HEAD           0x428
#define TB_WATCH_BACK           0x430
#define TB_WATCH_SHAPE          0x438
#define TB_JUMP_FROM            0x43c
#define TB_APP_FS               0x440
#define TB_WATCH_INDEX          0x480
#define TB_WATCH_MASK           0x4c0
#define TB_RETURNS              0x800           /* see returns.c */
#define RETURNS                 256

#define THREAD_BLOCK_OFFSET     4096
#define THREAD_STACK_LIMIT      8192
#define THREAD_AREA_HEAD_BYTES  65536
#define THREAD_STACK_TOP        (65536 - 64)

#define REQUEST_IDLE            0
#define REQUEST_REQUESTED       1
#define REQUEST_ANSWERED        2
#define REQUEST_SLEEPING        3       /* requested, and waits on the futex */

#define REQUEST_MISS            1       /* through exit number `exit` */
#define REQUEST_MISS_CALL       2       /* indirect, to `target` */
#define REQUEST_MISS_JMP        3
#define REQUEST_MISS_RET        4
#define REQUEST_SYSCALL_PRE     5       /* before a system call: gpr holds it */
#define REQUEST_SYSCALL_POST    6       /* after it: sys_args hold what it was */
#define REQUEST_SIGRETURN       7       /* to `target` */
#define REQUEST_STEP            8       /* run the instruction at exit's target natively */
#define REQUEST_RING            9       /* ring full: wait for the reader */
#define REQUEST_STALE           10      /* the code at exit's target is not what was translated */

#define REQUEST_WATCH           11      /* store number `exit` may hit a watched range */
#define REQUEST_WATCHED         12      /* it has been done */
#define REQUEST_TRUSTED         13      /* the code at exit's target came out unchanged often enough */
#define REQUEST_RESUME          14      /* behind a system call: where is `target` by now? */
#define REQUEST_HOT_CALL        15      /* an indirect branch to `target`, as REQUEST_MISS_*, that */
#define REQUEST_HOT_JMP         16      /* is often looked up: the last one of block number `exit` */
#define REQUEST_HOT_RET         17

#define RSEQ_DESCRIPTOR         8       /* in the area: the address of a descriptor */

#define LOOKUP_CALL             0
#define LOOKUP_JMP              1
#define LOOKUP_RET              2
#define LOOKUP_KINDS            3

/* A table of indirect branches: entries of 16 bytes.  A hash has a line of some; after that
 * it goes on in so many entries behind it. */
#define LOOKUP_HASHES           65536
#define LOOKUP_LINE             4
#define LOOKUP_TAIL_MAX         64
/* Low bits of addresses that are not hashed, where the processor has rorx. */
#define LOOKUP_UNUSED           6

/* What sys_table says of a system call number (its low 16 bits). */
#define SYS_ACTION_NATIVE       0
#define SYS_ACTION_PRE          1
#define SYS_ACTION_POST         2
#define SYS_ACTION_SIGRETURN    3
#define SYS_ACTION_NOTE         4       /* sets `noted` of the control, before and behind it */
#define SYS_ACTION_WATCH        5       /* POST if it may write into a watched range, else NATIVE */
#define SYS_STRUCT_MAX          65536   /* what a call writes that no argument counts, at most */

#define TRANSLATE_TRUST_BYTES   0x100000        /* counters of 8 bytes: see volatile.c */
#define TRANSLATE_HEAT_BYTES    0x200000        /* the like: see guess.c */
#define TRANSLATE_WAYS_BYTES    0x4000000       /* 8 an exit */
#define TRANSLATE_SEEN_BYTES    0x1000000       /* 1 a block: see coverage.c */

#define RING_CHUNK_BYTES        65536
#define RING_ZONE_BYTES         256     /* at the start of each chunk: never data */
#define RING_CHUNKS_MAX         64

/* struct control, one per arena */
#define CONTROL_SLEEPING        0x00    /* futex: the tracer waits for the bell */
#define CONTROL_SPIN            0x04    /* how often a thread looks before it sleeps */
#define CONTROL_OWNER           0x08    /* a robust futex that the tracer holds: the kernel
					 * marks it when the tracer is killed */
#define CONTROL_NOTED           0x0c    /* signals may have other dispositions by now */
#define CONTROL_PATIENCE        0x10    /* struct timespec: how long one sleeps before it
					 * looks at the owner */
#define CONTROL_OWNER_DIED      0x40000000
#define CONTROL_BELLS           0x40    /* one bit a thread, 64 words */
#define CONTROL_THREADS_MAX     4096
#define CONTROL_CLOCK           0x400   /* the time-stamp counter as of about a microsecond ago */

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>

struct thread_block {
	uint64_t slots[16];
	uint64_t cursor;
	uint64_t sys_next;              /* app pc behind the system call */
	uint64_t sys_resume;            /* cache pc to go on at */
	uint64_t sys_resume_saved;
	uint32_t exit;
	uint32_t request_kind;
	uint64_t target;                /* app pc of an indirect branch or sigreturn */
	uint64_t answer;                /* cache pc */
	uint32_t request_state;         /* futex */
	uint32_t pad0;
	uint64_t app_gs;                /* the program's own gs base */
	uint64_t stack_top;
	uint64_t control;
	uint64_t sys_table;
	uint64_t lookup[LOOKUP_KINDS];
	uint64_t rflags;
	uint64_t gpr[16];
	uint64_t sys_args[8];           /* number, six arguments; bytes done before a rest */
	uint64_t ring_start;
	uint32_t ring_chunks;
	uint32_t ring_lossy;
	uint64_t ring_produced;         /* chunks finished */
	uint64_t ring_consumed;         /* chunks read */
	uint64_t pad1;
	uint64_t ring_lost;             /* events */
	uint32_t ring_chunk;            /* the one being written */
	uint32_t index;                 /* of this thread's bell */
	uint64_t ring_back;             /* cache pc after a full ring */
	uint64_t ring_chunk_end[RING_CHUNKS_MAX];
	uint64_t ways;                  /* table: where exits lead, in the program */
	uint32_t quiet;                 /* no system call of ours: a filter may forbid it */
	uint32_t ring_dropping;         /* lossy: about to take back the chunk being written */
	uint64_t rseq;                  /* the program's own area for the kernel, or 0 */
	uint64_t watch_log;             /* 0: there is none */
	uint64_t watch_address;         /* where the access is that may hit */
	uint64_t watch_head;            /* where the log ends with it */
	uint64_t watch_back;            /* cache pc to go back to */
	uint32_t watch_shape;           /* SHAPE_ bits */
	uint32_t jump_from;             /* number of the block whose indirect jump is looked up */
	uint64_t app_fs;                /* fs base, as of the last stop or arch_prctl */
	uint64_t pad2[7];
	uint64_t watch_index[8];        /* of a gather or scatter: the addresses' register, and ... */
	uint64_t watch_mask[8];         /* that which says which elements are accessed: one bit each, or
					 * (VEX) the highest of each */
	uint64_t pad3[96];
	uint64_t returns[RETURNS];      /* cache addresses, by the low byte of return addresses */
};

struct control {
	uint32_t sleeping;
	uint32_t spin;
	uint32_t owner;
	uint32_t noted;
	uint64_t patience[2];
	uint64_t owner_link;            /* the kernel's list of robust futexes */
	uint64_t pad1[3];
	uint64_t bells[CONTROL_THREADS_MAX / 64];
	uint64_t pad2[56];
	uint64_t clock;                 /* in a cache line of its own */
	uint64_t pad3[7];
};

#define TB_CHECK(field, offset) \
	_Static_assert(offsetof(struct thread_block, field) == (offset), #field)
TB_CHECK(cursor, TB_CURSOR);
TB_CHECK(sys_next, TB_SYS_NEXT);
TB_CHECK(sys_resume, TB_SYS_RESUME);
TB_CHECK(sys_resume_saved, TB_SYS_RESUME_SAVED);
TB_CHECK(exit, TB_EXIT);
TB_CHECK(request_kind, TB_REQUEST_KIND);
TB_CHECK(target, TB_TARGET);
TB_CHECK(answer, TB_ANSWER);
TB_CHECK(request_state, TB_REQUEST_STATE);
TB_CHECK(app_gs, TB_APP_GS);
TB_CHECK(stack_top, TB_STACK_TOP);
TB_CHECK(control, TB_CONTROL);
TB_CHECK(sys_table, TB_SYS_TABLE);
TB_CHECK(lookup, TB_LOOKUP(0));
TB_CHECK(rflags, TB_RFLAGS);
TB_CHECK(gpr, TB_GPR(0));
TB_CHECK(sys_args, TB_SYS_ARGS);
TB_CHECK(ring_start, TB_RING_START);
TB_CHECK(ring_chunks, TB_RING_CHUNKS);
TB_CHECK(ring_lossy, TB_RING_LOSSY);
TB_CHECK(ring_produced, TB_RING_PRODUCED);
TB_CHECK(ring_consumed, TB_RING_CONSUMED);
TB_CHECK(ring_lost, TB_RING_LOST);
TB_CHECK(ring_chunk, TB_RING_CHUNK);
TB_CHECK(index, TB_INDEX);
TB_CHECK(ring_back, TB_RING_BACK);
TB_CHECK(ring_chunk_end, TB_RING_CHUNK_END);
TB_CHECK(ways, TB_WAYS);
TB_CHECK(quiet, TB_QUIET);
TB_CHECK(ring_dropping, TB_RING_DROPPING);
TB_CHECK(rseq, TB_RSEQ);
TB_CHECK(watch_log, TB_WATCH_LOG);
TB_CHECK(watch_address, TB_WATCH_ADDRESS);
TB_CHECK(watch_head, TB_WATCH_HEAD);
TB_CHECK(watch_back, TB_WATCH_BACK);
TB_CHECK(watch_shape, TB_WATCH_SHAPE);
TB_CHECK(jump_from, TB_JUMP_FROM);
TB_CHECK(app_fs, TB_APP_FS);
TB_CHECK(watch_index, TB_WATCH_INDEX);
TB_CHECK(watch_mask, TB_WATCH_MASK);
TB_CHECK(returns, TB_RETURNS);
_Static_assert(sizeof(struct thread_block) == THREAD_STACK_LIMIT - THREAD_BLOCK_OFFSET, "its page");
_Static_assert(offsetof(struct control, owner) == CONTROL_OWNER, "owner");
_Static_assert(offsetof(struct control, noted) == CONTROL_NOTED, "noted");
_Static_assert(offsetof(struct control, patience) == CONTROL_PATIENCE, "patience");
_Static_assert(offsetof(struct control, clock) == CONTROL_CLOCK, "clock");
_Static_assert(offsetof(struct control, bells) == CONTROL_BELLS, "bells");

#endif
#endif
