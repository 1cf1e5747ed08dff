/* replay-origin.h - a recorded process, as the origin of its events. */
#ifndef TRACER_REPLAY_ORIGIN_H
#define TRACER_REPLAY_ORIGIN_H

#include "origin.h"
#include "predict.h"
#include "replay-names.h"
#include "trace-log.h"

struct replay_module {
	struct replay_module *next;     /* before it, in the order of appearance */
	uint32_t id;
	bool is_retired;
	uint64_t base, start, end;
	char *name, *path;              /* owned */
};

struct replay_block {
	struct block public;
	struct site site;               /* of it alone */
	uint8_t bytes[];
};

struct replay_change {
	struct replay_module *module;
	bool is_added;
};

/* From its SPACE record to its end. */
struct replay_space {
	struct origin origin;
	uint32_t number;
	unsigned users;                 /* streams */
	bool drops_time;                /* events are to have no time stamp */
	struct shapes shapes;           /* as they were recorded */
	struct site *sites;
	struct replay_block **blocks;
	uint32_t site_count, block_count;
	struct replay_module **modules;
	struct replay_change *changes;
	uint32_t module_count, change_count;
	uint32_t *covered;              /* blocks, not yet asked for */
	uint32_t covered_count;
	const struct replay_table *names;
};

/* NULL: out of memory. */
struct replay_space *replay_space_create(uint32_t number, pid_t pid,
					 const struct replay_table *names, bool drops_time);
void replay_space_destroy(struct replay_space *space);  /* NULL allowed */

/* As the records say: 0, -EBADMSG, -ENOMEM. */
int replay_space_module(struct replay_space *space, const struct trace_module *module) must_check;
int replay_space_block(struct replay_space *space, const struct trace_block *block) must_check;
int replay_space_site(struct replay_space *space, const struct site *site) must_check;
int replay_space_covered(struct replay_space *space, uint32_t block) must_check;
/* Makes events of the origin's sites of those of the file in n words: of a path of blocks one for
 * each; `out` has room for REPLAY_WORDS_MAX an event.  Returns the words that they are then. */
#define REPLAY_WORDS_MAX TRANSLATE_SUPERBLOCK_MAX
_Static_assert(REPLAY_WORDS_MAX > EVENT_WORDS_MAX, "an event is no more");
size_t replay_space_expand(const struct replay_space *space, const uint32_t *words, size_t n,
			   uint32_t *out);
/* Blocks and sites are numbered anew. */
void replay_space_forget(struct replay_space *space);

#endif
