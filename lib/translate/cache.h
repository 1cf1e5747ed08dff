/* cache.h - inside the translator: blocks, exits, sites, and the cache's layout.
 *
 *     0                  hot_end            cold_start            size
 *     | runtime | hot -> |    ...           | cold ->    ...       |
 *
 * Hot: block bodies, in the order in which they are likely to run.  Cold: stubs
 * of exits that are not linked, pushed return addresses, detours.  Both grow
 * upwards and are never reused, so that a record of the program's state at an
 * offset is found by binary search (struct state).
 *
 * A struct xblock exists for every address that something refers to, translated
 * (entry != 0) or not; the exits that lead to it hang on it, so that linking and
 * unlinking a block is a walk of its `incoming` list.
 */
#ifndef TRACER_CACHE_H
#define TRACER_CACHE_H

#include "translate.h"

#include "emit.h"
#include "memory.h"

#define NO_INDEX 0xffffffffu
#define GUESSES_MAX 3
#define SAMPLES_MAX 16          /* looks before guesses are made, if not the first four are alike */
#define RETURN_SAMPLES 8
#define PAGES_READ 512
#define CHANGES 8

/* How much of what a block needs to know of stores is known: see stores-plan.c. */
enum stores_known { STORES_NONE_KNOWN, STORES_RSP_KNOWN, STORES_ALL_KNOWN, STORES_KNOWN };

struct exit {
	uint32_t rel_at;        /* offset of the displacement to patch; 0: none */
	uint32_t stub;          /* offset of the stub that asks for the target */
	uint32_t target;        /* block index */
	uint32_t next;          /* of those that lead to the same target */
	uint32_t facts;         /* 1 + number of what is known there of stores; 0: nothing */
	bool is_linked;
	bool is_return;         /* the low half of the address where a call's return goes on: returns.c */
};

/* Memory about the value of a register, from `low` up to below `end`, that is known to be
 * clear of watched ranges: see stores-plan.c. */
struct store_fact {
	uint8_t reg;
	int16_t low, end;
};

#define STORE_FACTS_MAX 8

struct store_facts {
	uint8_t count;
	bool is_call;           /* by a call, to its callee */
	uint16_t regs;          /* of which there are some, bit n */
	struct store_fact items[STORE_FACTS_MAX];
};

struct xblock {
	struct block public;
	uint32_t entry;                 /* cache offset; 0: not translated; see target_entry() */
	uint32_t entry_knowing[STORES_KNOWN];   /* the same, with `needs`; 0: not made yet */
	uint32_t needs;                 /* 1 + number of a struct store_facts; 0: nothing */
	uint32_t lookup_entry[LOOKUP_KINDS];    /* for indirect branches; 0: none */
	uint32_t landing;               /* for predicted returns; 0: none */
	uint32_t incoming;              /* exit index */
	uint32_t heat;                  /* 1 + number of its struct heat; 0: none */
	uint8_t landing_turn;           /* bytes to its jump */
	uint8_t way_in;                 /* 1 + LOOKUP_*: the kind that stands before its entry */
	uint32_t seen_at;               /* where it says that it has run; 0: nowhere */
	uint32_t told;                  /* 1 + number of the last block here that has said so, and
					 * that was told of or will be */
	uint8_t depth;                  /* of look-ahead */
	bool is_queued, is_after_call;
	bool was_told;                  /* that it has run: see coverage.c */
	bool is_trusted;                /* on a page that may change, but has not for long */
	bool is_careful;                /* looks at each store by itself: beside the block that
					 * begins there else, and found by its exits alone */
	bool is_replaced;               /* by a newer translation; some still run in this one */
	bool is_copy;                   /* in the middle of a path: entered from the block before alone,
					 * and not found by its address */
};

#define HEAT_NEVER (1ull << 62) /* a counter that asks no more */

/* Of an indirect branch: where it goes often, and what was seen when it was looked at. */
struct heat {
	uint64_t guesses[GUESSES_MAX];
	uint64_t samples[SAMPLES_MAX];
	uint8_t guess_count, sample_count;
	uint8_t in_vain;                /* how often it was found about to ask: transaction.c */
	bool is_settled;                /* there will be no others */
};

enum state_kind {
	STATE_AT,               /* the program's pc is `pc` */
	STATE_ALONG,            /* it is `pc` and advances with the offset: the program's own
				 * instructions stand here */
	STATE_AT_RDX,           /* it is in rdx, whose own value is in its slot */
	STATE_AT_TARGET,        /* it is in the thread block's `target` */
};

/* How far the program is in a block that is reported or counted. */
enum block_part {
	BLOCK_OUTSIDE,          /* not in it, or it is not to be told where it ends early */
	BLOCK_BEGUN,            /* it has not been counted yet */
	BLOCK_TOLD,             /* its event is in the ring, or it has been counted */
};

struct state {
	uint32_t at;            /* cache offset from which this holds */
	uint32_t block;
	uint64_t pc;
	uint32_t site;          /* of the event owed, with is_owed */
	uint16_t saved;         /* registers whose value is in their slot */
	uint8_t rcx_in;         /* 1 + the register that rcx's is in; 0: none */
	uint8_t kind;           /* enum state_kind */
	bool is_owed;           /* done, but its event is not in the ring yet */
	uint8_t in_block;       /* enum block_part */
	uint16_t section;       /* 1 + number of the restartable sequence it is in */
	uint8_t arrives;        /* 1 + LOOKUP_*: on its way to pc by such a branch, which has
				 * been done but is reported on arrival */
};

/* A restartable sequence of the program: see section.c. */
struct section {
	uint64_t start, end, abort, descriptor;
	uint32_t signature;
	bool is_gone;
};

/* Hashed; see coverage.c. */
struct entered_set {
	uint64_t *items;        /* 0: free */
	uint32_t mask, used;
};

/* Where watched ranges are, coarsely: aligned cells of 2^bits bytes that hold them with a
 * margin, and hulls of those that are near to each other. */
#define STORE_CELLS_MAX 4
#define STORE_CLUSTERS_MAX 4
#define STORE_MARGIN 4224u      /* what is checked at once, and the longest access but one */

struct store_windows {
	unsigned bits, cell_count, cluster_count;       /* cells 0: they would be too many */
	uint32_t cells[STORE_CELLS_MAX];
	struct translate_range clusters[STORE_CLUSTERS_MAX];
	uint32_t bounds_at;     /* where the cells' first byte and their end stand in the cache; 0:
				 * they are far from each other, or none */
};

struct page_link {
	uint32_t block, next;
};

#define TRANSACTIONS_BEGUN_MAX 32

struct translator {
	struct translate_config config;
	struct translate_range *ranges;
	struct store_windows windows;
	struct emit hot, cold;

	struct region arrays;           /* of the arrays; it keeps what it has */
	struct chunked blocks, exits, sites, stores, heats, facts, counters;
	struct chunked hot_states, cold_states;
	struct region bytes;            /* of the program, as they were translated */
	void *workspace;                /* for the block that is being translated */
	struct hash_item {
		uint32_t hash;          /* of the address; more of it than its place says */
		uint32_t block;         /* index + 1; 0: free */
	} *hash;
	uint32_t hash_mask, hash_used;

	uint32_t *page_hash;            /* page_heads indices + 1 */
	uint32_t page_mask, page_used;
	struct page_head { uint64_t page; uint32_t first; } *page_heads;
	uint32_t page_room;
	struct chunked page_links;

	uint32_t *queue;                /* blocks to look at ahead */
	uint32_t queue_count, queue_room;

	struct transactions {           /* see transaction.c */
		bool are_there;         /* the program has some, or had */
		bool follows;           /* just now */
		uint32_t hot, cold, blocks;     /* so far the cache is mapped */
		uint64_t begun[TRANSACTIONS_BEGUN_MAX];         /* where, in the program: to be followed */
		unsigned begun_count;
	} transactions;

	struct entered_set entered;     /* blocks of before the last flush that had run */

	uint32_t literal_at, literal_end;       /* room in the cold part for literals */
	uint32_t lookups_used[LOOKUP_KINDS];    /* entries */
	uint32_t lookups_refused;       /* for want of room, since the last flush */
	uint32_t trust_count;           /* counters given out */
	size_t ways_had;                /* of the exits' ways, so far there are pages: see memory_have() */
	struct section *sections;
	uint32_t section_count, section_room;

	struct page_read {
		uint64_t page;
		uint8_t *bytes;         /* of `arrays`; NULL: never used */
		uint16_t len;           /* 0: nothing */
		uint16_t next_fleeting;
		bool is_kept;           /* beyond this translation: not writable */
		bool is_listed;         /* among the fleeting ones */
	} pages_read[PAGES_READ];             /* what was read of the program, by page number */
	uint16_t fleeting;              /* 1 + number of the latest that was not kept; 0: none */
	struct translate_range changing[CHANGES];       /* the latest that were dropped */
	unsigned change_count;

	struct xblock *const *renewed;  /* blocks that are translated again just now */
	unsigned renewed_count;

	struct translate_stats stats;
	bool out_of_memory;
	bool counts_paths;              /* see translator_count_paths() */
	bool predicts_returns;          /* see returns.c */
};

/* blocks.c */
bool blocks_init(struct translator *t);         /* false: out of memory */
void blocks_clear(struct translator *t);
void blocks_deinit(struct translator *t);
struct xblock *cache_block(const struct translator *t, uint32_t index);
/* A block that is not found by its address, until it is put there. */
struct xblock *cache_block_new(struct translator *t, struct app_pc pc);
void cache_block_put(struct translator *t, const struct xblock *b);
/* What came from the page with this number; NULL: nothing. */
struct page_head *cache_page(const struct translator *t, uint64_t page);
struct exit *cache_exit(const struct translator *t, uint32_t index);
/* What was read of [start, end) is read again. */
void cache_pages_drop(struct translator *t, uint64_t start, uint64_t end);
/* Has the page been dropped a short while ago?  What is dropped before a system call
 * changes behind that only. */
bool cache_is_changing(const struct translator *t, uint64_t page);
/* NULL for a block without. */
struct heat *cache_heat(const struct translator *t, const struct xblock *b);
/* The block at `pc`, made if there is none; NULL: out of memory. */
struct xblock *cache_block_get(struct translator *t, struct app_pc pc);
/* The careful one at `pc`. */
struct xblock *cache_block_careful(struct translator *t, struct app_pc pc);
struct xblock *cache_block_find(const struct translator *t, struct app_pc pc);
/* Registers that block b's bytes came from these addresses. */
bool cache_block_cover(struct translator *t, struct xblock *b);
bool cache_has_room_to_guess(const struct translator *t);
void cache_queue(struct translator *t, struct xblock *b, unsigned depth);
/* What is being translated begins a transaction, which goes on at pc. */
void transaction_begins(struct translator *t, uint64_t pc);
/* Translates what those that have begun may come to. */
void transaction_follow(struct translator *t);
/* A new exit to `pc`, whose displacement will stand at hot offset `rel_at`. */
uint32_t cache_exit_add(struct translator *t, struct app_pc pc, uint32_t rel_at);
uint32_t cache_exit_add_to(struct translator *t, struct xblock *target, uint32_t rel_at);
/* Lets every exit that leads to b jump straight to it; or back to their stubs. */
void cache_link_incoming(struct translator *t, struct xblock *b);
/* The same for those that are linked already, to an older translation. */
void cache_relink_incoming(struct translator *t, struct xblock *b);
void cache_unlink_incoming(struct translator *t, struct xblock *b);
void cache_exit_link(struct translator *t, struct exit *exit, uint32_t to);
uint32_t cache_site_add(struct translator *t, const struct site *site);
/* Its number.  NO_INDEX: there are no more, and the cache is full for that reason. */
uint32_t cache_counter_add(struct translator *t, uint32_t block, uint32_t site);
/* Notes a way for threads whose tracer has died; `index` of the table. */
void cache_way_set(struct translator *t, uint32_t index, uint64_t address);
/* A new block at old's address, untranslated, that is found in its place and to which
 * all exits lead, as they are linked.  NULL: out of memory. */
struct xblock *cache_block_replace(struct translator *t, struct xblock *old);
/* As a miss by an indirect branch, uncounted. */
int cache_arrive(struct translator *t, int lookup, struct app_pc pc, struct cache_pc *out);

/* coverage.c */
/* Is b, whose bytes are known, to say that it has run? */
bool coverage_wants(const struct translator *t, struct xblock *b);
/* Has it said so, or need it not, as it was told of? */
bool coverage_has(const struct translator *t, const struct xblock *b);
/* Keeps what was told, empties the bytes; before the blocks are forgotten. */
void coverage_flush(struct translator *t);

/* the processor's: x86_64/ */
int target_translate(struct translator *t, struct xblock *b);
/* The same, with the blocks at the `count` addresses `ahead` behind it as a superblock.  How many
 * blocks it has then. */
int target_superblock(struct translator *t, struct xblock *b, const uint64_t *ahead, unsigned count, bool counts);
/* Where b, translated, is entered by anybody; and by the exit: what it knows of stores need
 * not be checked there.  0: there is no room. */
uint32_t target_entry(struct translator *t, struct xblock *b);
uint32_t target_exit_entry(struct translator *t, const struct exit *exit, struct xblock *b);
/* Forgets the restartable sequences that overlap [start, end). */
void section_drop(struct translator *t, uint64_t start, uint64_t end);
/* What an indirect branch of kind LOOKUP_* reports on arrival at b.  False: nothing. */
bool target_arrival(struct translator *t, const struct xblock *b, int lookup, struct site *out);
uint32_t target_lookup_entry(struct translator *t, struct xblock *b, int lookup);
/* Where control comes to from the end of b, as far as its instructions say so: up to two addresses in
 * `to`; their number.  `returns`: to the last of them by a return.  0: b ends a transaction, too. */
unsigned target_ways_on(const struct xblock *b, uint64_t to[2], bool *returns);
void target_lookup_insert(struct translator *t, int lookup, struct app_pc pc, uint32_t entry);
/* Predicted returns no longer arrive at b, where they go on before that. */
void target_landing_remove(struct translator *t, struct xblock *b);
/* Have so many been refused that the tables had better be emptied? */
bool target_lookups_are_full(const struct translator *t);
void target_lookup_init(struct translator *t);
void target_lookup_remove(struct translator *t, int lookup, struct app_pc pc);
/* Empties the table from pc's hash on; requires: no thread is in the cache. */
void target_lookup_clear(struct translator *t, int lookup, struct app_pc pc);
void target_init(struct translator *t);
/* b no longer says that it has run. */
void target_seen_remove(struct translator *t, const struct xblock *b);
/* For malloc'ed `workspace`; NULL: out of memory. */
void *target_workspace(void);
/* Finds the windows of the ranges. */
void stores_init(struct translator *t);
/* The record for an offset; NULL: there is none before it. */
const struct state *target_state_at(const struct translator *t, uint32_t offset);

#endif
