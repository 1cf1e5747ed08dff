/* translate.h - the code cache: basic blocks of a program, translated.
 *
 * Pure: bytes and addresses in, bytes and maps out.  It knows no process; it
 * reads the program through a callback and writes the tracer's view of the
 * cache.  One translator serves all threads of one address space.  Not
 * thread-safe: the owner holds a lock around every call, except translator_site() and
 * translator_block(), which may be called at any time for an index that was seen in a
 * ring, or told by translator_first_next().
 *
 *     struct translator *t = translator_create(&config, &err);
 *     struct app_pc pc = { regs.rip };
 *     struct cache_pc at;
 *     if (translator_enter(t, pc, &at) == 0)
 *         regs.rip = at.address;
 *
 * Two kinds of program counter are two types: an address in the program and an
 * address in the cache cannot be taken for each other.
 *
 * What it promises:
 *   - A translated block does to registers, flags, vector state and memory what
 *     the original does; the return addresses that it pushes are the original.
 *   - For every address in the cache, translator_state_find() can tell the
 *     program's own state, so that a thread may be stopped anywhere.
 *   - Patching (linking, dropping) is safe while other threads run in the cache.
 *
 * What it leaves to its owner: instructions that it does not translate end a
 * block with a request to run them natively (REQUEST_STEP).
 */
#ifndef TRACER_TRANSLATE_H
#define TRACER_TRANSLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "event.h"
#include "thread_block.h"

struct app_pc { uint64_t address; };    /* in the program */
struct cache_pc { uint64_t address; };  /* in the code cache */

struct translator;
struct block;

/* What translated code reports. */
struct translate_events {
	bool blocks;            /* SITE_BLOCK at each entry of a block */
	bool paths;             /* the same once for each path of blocks, where it is left: the
				 * site's block and those before it, `size` of them in all; see
				 * struct block.  With blocks, counts and count_*: no time, calls,
				 * coverage */
	bool counts;            /* with blocks: SITE_REP, for instruction traces */
	bool calls;             /* SITE_CALL .. SITE_TAILCALL */
	bool time;              /* with a time stamp in each of these: see clock_base */
	bool coverage;          /* each block says once that it has run: translator_first_next() */
	bool stores;            /* SITE_STORE around stores into the watched ranges */
	bool count_calls;       /* calls and jumps to functions add to counters: translator_counter();
				 * with paths, those that are told of imply the direct ones */
};

/* Code of the dynamic linker's that a call passes through. */
enum translate_stub {
	STUB_NONE,
	STUB_LINKAGE,           /* a stub of the procedure linkage table */
	STUB_RESOLVER,          /* what finds the function when it is first called */
};

/* Where watched memory lies; see translate_events.stores. */
struct translate_range {
	uint64_t start, end;
};

/* An access that may hit a watched range; see REQUEST_WATCH.  Asked for it, the
 * owner answers `plain`, or `hit` to be asked again behind it, then `resume`.
 * With a log (store_log.h) it may tell what the access is, and is asked no more:
 * translator_store_shape(). */
struct translate_store {
	struct app_pc pc;
	uint8_t bytes[16];
	uint8_t len;
	bool is_call;                   /* its push of the return address */
	bool rdx_in_slot;               /* an indirect call: rdx holds its target by now */
	bool tells_elements;            /* a gather or scatter: they are in watch_index, watch_mask */
	uint32_t shape_at;              /* in the cache; 0: the owner is asked always */
	struct cache_pc plain, hit, resume;
	struct cache_pc again;          /* tries the log once more; with shape_at */
};

struct translate_config {
	uint8_t *local;         /* the tracer's view of the cache, writable */
	uint64_t base;          /* its address in the target */
	size_t size_bytes;      /* up to 1 GiB */
	uint8_t *lookup_local[3];       /* indirect-branch tables, LOOKUP_CALL, _JMP, _RET: */
	uint64_t lookup_base[3];        /* TRANSLATE_LOOKUP_BYTES each, zeroed */
	uint64_t *ways_local;           /* see thread_block.h: TRANSLATE_WAYS_BYTES; or NULL */
	/* How often code that may change is compared before it is believed: -1 always,
	 * 0 never.  The counters: TRANSLATE_TRUST_BYTES, zeroed; or NULL. */
	int trust;
	uint64_t *trust_local;
	uint64_t trust_base;
	/* How often an indirect branch is looked up before its target is guessed in line:
	 * see translator_hot(); 0: never.  The counters: TRANSLATE_HEAT_BYTES, within
	 * 2 GiB of the cache; or NULL. */
	uint32_t heat_limit;
	uint64_t *heat_local;
	uint64_t heat_base;
	/* With events.coverage: a byte a block, TRANSLATE_SEEN_BYTES, zeroed, within 2 GiB
	 * of the cache. */
	uint8_t *seen_local;
	uint64_t seen_base;
	struct translate_events events;
	/* Of events.time: the word that is the time stamp, within 2 GiB of the cache; 0: the
	 * processor's counter is read. */
	uint64_t clock_base;
	const uint64_t *clock_local;
	const struct translate_range *ranges;   /* copied; for events.stores */
	bool watch_reads;               /* and loads */
	/* With events.count_*: where a thread's counters begin, from its thread block on, and
	 * how many there are, of 8 bytes, zeroed. */
	uint32_t counters_at, counters_max;
	bool steps_syscalls;    /* see translator_syscalls_step() */
	/* Of 16 looks at where an indirect branch goes (but a return that is predicted), in how many
	 * of them its guesses must have been right, or none is made. */
	unsigned guess_share;
	bool looks_near;        /* look-ahead goes one branch far: others want the processor */
	bool has_bmi2, has_fsgsbase;    /* of the processor, for shorter checks */
	bool has_fast_loop;             /* its `loop` is as quick as its jrcxz */
	unsigned patch_bytes;           /* translate_patch_bytes(), or 8 */
	size_t range_count;
	/* Copies up to `len` bytes of the program at `pc`; returns how many were
	 * readable and executable, 0 for none. */
	size_t (*read)(void *context, struct app_pc pc, void *buf, size_t len);
	/* Copies `len` bytes of the program's memory, code or not; returns how many.
	 * For descriptors of restartable sequences.  (NULL: there are none.) */
	size_t (*peek)(void *context, uint64_t address, void *buf, size_t len);
	/* Can the program (or another one) write these bytes?  Then they are compared
	 * with what was translated whenever the block is entered.  (NULL: never.) */
	bool (*is_writable)(void *context, struct app_pc pc);
	/* Is this the first instruction of a function?  (NULL: unknown.) */
	bool (*is_function)(void *context, struct app_pc pc);
	/* Is it in code that only leads to a function?  With events.count_calls. */
	enum translate_stub (*stub)(void *context, struct app_pc pc);
	/* Does a thread wait for an answer?  What is translated ahead of time is cut short
	 * then.  (NULL: never.) */
	bool (*is_urgent)(void *context);
	void *context;
};

/* One table of indirect branches: see thread_block.h. */
#define TRANSLATE_LOOKUP_BYTES ((LOOKUP_HASHES * LOOKUP_LINE + LOOKUP_TAIL_MAX + 1) * 16ul)

/* A store of four bytes that crosses no multiple of this is seen whole by all that execute them on
 * this processor: a line, or 8.  source, for data: Intel SDM, vol. 3, 9.1.1; AMD APM, vol. 2, 7.3.2;
 * that it holds for who executes them: tests/unit/translate/patch.c */
unsigned translate_patch_bytes(void);

/* Writes the runtime at the start of the cache.  NULL: out of memory. */
struct translator *translator_create(const struct translate_config *config, struct err *err);
void translator_destroy(struct translator *t);

/* For a thread's block, anew or when the cache has been emptied: no return is predicted yet. */
void translator_returns_forget(const struct translator *t, struct thread_block *tb);

/* ---- getting into the cache ---------------------------------------------------- */

/* Where to go on in the cache for the program at `pc`, translating as needed.
 * 0; -EFAULT: nothing executable there, or nothing that can be decoded: the
 * instruction must be run natively; -ENOSPC: the cache is full; -ENOMEM. */
int translator_enter(struct translator *t, struct app_pc pc, struct cache_pc *out);

struct translate_regs;

/* Before that, for a program that is found at any instruction: it may have loaded the address of the
 * descriptor of a restartable sequence and be about to store it, which translated code alone
 * does not show. */
void translator_sections_find(struct translator *t, const struct translate_regs *regs);

/* Answers to the requests of thread_block.h: a miss at exit number `exit`; an
 * indirect branch of kind LOOKUP_*.  As translator_enter(). */
int translator_miss(struct translator *t, uint32_t exit, struct cache_pc *out);
int translator_miss_indirect(struct translator *t, int lookup, struct app_pc pc,
			     struct cache_pc *out);

/* The answer to REQUEST_HOT_*: as translator_miss_indirect(), and the block with this
 * number, whose indirect branch has gone there, is translated again with a guess. */
int translator_hot(struct translator *t, int lookup, uint32_t block, struct app_pc pc,
		   struct cache_pc *out);

/* Lays out a superblock: blocks of the program that begin at these addresses and have been
 * executed in this order, one behind the other, so that execution falls from each into the next,
 * and all of them are one path.  Who comes to the first one runs in the superblock from then on,
 * and leaves it where execution goes another way.  Returns how many blocks it has, 0: there is no
 * room, or the first cannot be in one; fewer than `count` where these do not follow each other any
 * more, or may be changed by the program.  -ENOMEM.  `counts`: its paths add to counters instead of
 * being reported.
 * requires: events.paths */
#define TRANSLATE_SUPERBLOCK_MAX 64
int translator_superblock(struct translator *t, const uint64_t *pcs, unsigned count, bool counts);

/* From now on, until a flush, all paths that are translated count, as long as there is room for
 * more counters than superblocks will need. */
void translator_count_paths(struct translator *t);

/* The answer to REQUEST_STALE: the block that the exit leads to was translated
 * from bytes that have changed. */
int translator_stale(struct translator *t, uint32_t exit, struct cache_pc *out);

/* The answer to REQUEST_TRUSTED: it is translated again, without the comparison. */
int translator_trusted(struct translator *t, uint32_t exit, struct cache_pc *out);

/* Where exit number `exit` leads; pc 0 when there is no such exit. */
struct app_pc translator_exit_target(const struct translator *t, uint32_t exit);

/* Translates one of the blocks that are reachable from what was asked for so
 * far.  False: nothing is left to do.  Call it while no request waits. */
bool translator_look_ahead(struct translator *t);

/* Has the program any transactions (RTM)?  Then this is to be called now and then, for code that is
 * executed in them alone: transaction.c. */
bool translator_has_transactions(const struct translator *t);
void translator_help_transactions(struct translator *t);

/* Forgets what was translated from [start, end): nobody enters it any more,
 * threads inside run on to the end of their block.  Returns the blocks dropped. */
size_t translator_drop(struct translator *t, uint64_t start, uint64_t end);

/* Forgets everything: blocks, sites and stores are numbered anew, also those that
 * the owner has added.  The answer to -ENOSPC.
 * requires: no thread is in the cache, and no event of it is unread. */
void translator_flush(struct translator *t);

/* The ranges that are watched from now on; copied.  -ENOMEM: nothing has changed.  A
 * part of a flush, before it: the same is required. */
int translator_ranges_set(struct translator *t, const struct translate_range *ranges,
			  size_t count) must_check;

/* From now on events have no time stamp: the program has forbidden itself to read
 * the clock.  What was translated is forgotten. */
void translator_clock_stop(struct translator *t);

/* From now on system calls are instructions to be run natively, in their own place: the
 * program has told the kernel which places may make them.  What was translated is
 * forgotten. */
void translator_syscalls_step(struct translator *t);

/* With events.coverage: the next block from *cursor on that has run and was not told of
 * before.  False: there is none. */
bool translator_first_next(struct translator *t, size_t *cursor, const struct block **out);

/* Runtime addresses that the owner needs. */
struct translate_runtime {
	struct cache_pc syscall_insn;   /* `syscall`; a blocked thread is just behind it */
	struct cache_pc syscall_done;   /* goes on at sys_resume */
	struct cache_pc syscall_native; /* makes the system call that the registers say */
	struct cache_pc syscall_note;   /* the same, as SYS_ACTION_NOTE says */
	struct cache_pc syscall_post;   /* a sys_resume: asks with REQUEST_SYSCALL_POST */
	struct cache_pc syscall_resume; /* a sys_resume: asks with REQUEST_RESUME, so that no
					 * translation is remembered meanwhile */
	struct cache_pc syscall_again;  /* a sys_resume: restores rdx and r10 from their slots,
					 * goes on at sys_resume_saved */
	struct cache_pc ring_retry;     /* the answer to REQUEST_RING */
	struct cache_pc request;        /* makes the request that the thread block says */
	struct cache_pc watch, watched, watch_end;      /* reads watched memory before an
							 * access, behind it */
};
void translator_runtime(const struct translator *t, struct translate_runtime *out);

/* ---- the program's state at a cache address -------------------------------------- */

/* Registers, numbered as the processor does: rax 0, rcx 1, rdx 2, rbx 3, rsp 4,
 * rbp 5, rsi 6, rdi 7, r8..r15. */
struct translate_regs {
	uint64_t gpr[16];
	uint64_t pc;
	uint64_t flags;
};

#define OWED_MAX 2                      /* a path, and an arrival behind it */

struct translate_state {
	struct translate_regs regs;     /* the program's */
	/* Instructions have run whose events are not in the ring yet: the owner is to write them,
	 * in this order. */
	unsigned owed_count;
	struct {
		uint32_t id, payload[EVENT_WORDS_MAX];
	} owed[OWED_MAX];
	const struct block *block;      /* the block it is in; NULL: in the runtime */
	bool in_block;                  /* `block` has been reported or counted, but nothing of
					 * it from regs.pc on has run: it is cut there */
	bool in_part;                   /* the same, but the block has not been counted yet */
	bool in_syscall;                /* parked behind the runtime's `syscall`: regs.pc is
					 * behind the program's own; rax may hold a restart
					 * code of the kernel */
	bool in_request;                /* waits for the tracer: cancel the request */
	bool has_frame_edit;            /* `value` belongs at `address` of the program: what */
	uint64_t edit_address, edit_value;      /* we had changed for a moment: a signal
						 * frame, the descriptor in an rseq area */
};

struct thread_block;

/* Is it in a system call, or allowed to make the one before which it stands? */
bool translator_is_calling(const struct translator *t, struct cache_pc at,
			   const struct thread_block *tb);

/* Is it behind a handler's end, where nothing of the program has run yet? */
bool translator_is_behind_sigreturn(const struct translator *t, struct cache_pc at,
				    const struct thread_block *tb);

/* The program's state of a thread that is stopped at `at` with these registers.
 * Completes what the runtime was about to do in `tb`, so call it once a stop,
 * and then let the thread go on from the state, or not at all.  False: `at` is
 * not in the cache. */
bool translator_state_find(struct translator *t, struct cache_pc at,
			   const struct translate_regs *regs, struct thread_block *tb,
			   struct translate_state *out);

/* ---- tables for the reader --------------------------------------------------------- */

#define NO_BLOCK 0xffffffffu

struct block {
	struct app_pc pc;
	uint32_t bytes_len;
	uint32_t insn_count;
	const uint8_t *bytes;           /* as they were translated */
	uint32_t index;
	uint32_t before;                /* index of the one that falls into it; NO_BLOCK: none */
	uint32_t counter;               /* 1 + number of its counter; 0: none */
	/* With events.count_calls and paths: 1 + site of the call or jump at its end; 0: none.
	 * `passes`: of that which leads to the block behind it in its path. */
	uint32_t transfer, passes;
	bool is_dropped;
	bool ends_in_syscall;
};

/* NULL for a number that no site has.  Entries never change nor move. */
const struct site *translator_site(const struct translator *t, uint32_t index);
const struct block *translator_block(const struct translator *t, uint32_t index);

/* What counter number `index` counts.  NULL: there are not so many.  As for sites. */
struct translate_counter {
	uint32_t block;         /* executions of this block; NO_BLOCK: what the site says alone */
	uint32_t site;          /* and the call or jump at its end, or a path; NO_SITE: nothing */
};
#define NO_SITE 0xffffffffu
const struct translate_counter *translator_counter(const struct translator *t, uint32_t index);

/* The access with this number, or NULL. */
const struct translate_store *translator_store(const struct translator *t, uint32_t index);

/* From now on translated code puts this access down in the log by itself; SHAPE_ bits,
 * 0: no more.  Nothing happens where it has no `shape_at`. */
void translator_store_shape(struct translator *t, uint32_t index, uint32_t shape);

/* A site for events that the owner writes itself; its id. */
uint32_t translator_site_add(struct translator *t, enum site_kind kind, unsigned words);

struct translate_stats {
	uint64_t blocks, insns, code_bytes, links, misses, indirect_misses, dropped, looked_ahead,
		 flushes, guesses, superblocks;
};
void translator_stats(const struct translator *t, struct translate_stats *out);

#endif
