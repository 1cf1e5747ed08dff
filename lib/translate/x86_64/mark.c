/* mark.c - records of where the program is while its translation runs.
 *
 * They are written while code is emitted, and hardly ever read: for a thread that is stopped
 * in the cache (state.c).  Half a dozen are written for each block.
 */
#include "build.h"

static enum block_part part_of(const struct build *b, struct where where)
{
	if (!where.in_block)
		return BLOCK_OUTSIDE;
	if (b->t->config.events.blocks || b->is_counted)
		return BLOCK_TOLD;
	return b->count_at >= 0 ? BLOCK_BEGUN : BLOCK_OUTSIDE;
}

static enum state_kind kind_of(struct where where)
{
	return where.at_rdx ? STATE_AT_RDX : where.at_target ? STATE_AT_TARGET :
	       where.is_along ? STATE_ALONG : STATE_AT;
}

/* Does a, going on, say what b says? */
static inline bool says(const struct state *a, const struct state *b)
{
	uint64_t pc = a->pc + (a->kind == STATE_ALONG ? b->at - a->at : 0);

	return pc == b->pc && a->kind == b->kind && a->block == b->block && a->site == b->site &&
	       a->saved == b->saved && a->rcx_in == b->rcx_in && a->is_owed == b->is_owed &&
	       a->in_block == b->in_block && a->arrives == b->arrives && a->section == b->section;
}

/* Of `states`, where `index` is one of them. */
static inline struct state *state_at(const struct chunked *states, uint32_t index)
{
	return (struct state *)states->chunks[index >> CHUNK_BITS] + (index & ((1u << CHUNK_BITS) - 1));
}

static inline void add(struct translator *t, struct chunked *states, struct state state)
{
	uint32_t count = states->count;
	struct state *last = count ? state_at(states, count - 1) : NULL;

	if (last && last->at == state.at)               /* no code between: the later holds */
		last = --count ? state_at(states, count - 1) : NULL;
	states->count = count;
	if (last && says(last, &state))
		return;
	struct state *place = chunked_place(states, count);
	if (!place) {
		t->out_of_memory = true;
		return;
	}
	*place = state;
	states->count = count + 1;
}

static inline void mark(struct build *b, bool hot, struct where where, uint32_t site, bool is_owed)
{
	/* Before its first instruction the sequence counts as begun: the program has
	 * given its descriptor to the kernel. */
	uint16_t begun = b->section && where.pc == b->pcs[0] ? b->section : 0;
	if (b->path_site && !is_owed) {
		is_owed = true;
		site = b->path_site - 1;
	}
	add(b->t, hot ? &b->t->hot_states : &b->t->cold_states, (struct state){
		.at = hot ? b->t->hot.at : b->t->cold.at,
		.block = b->block->public.index,
		.pc = where.pc,
		.site = site,
		.saved = where.saved,
		.rcx_in = where.rcx_in,
		.kind = (uint8_t)kind_of(where),
		.is_owed = is_owed,
		.in_block = (uint8_t)part_of(b, where),
		.arrives = where.arrives,
		.section = where.section ? where.section : begun,
	});
}

void build_mark(struct build *b, bool hot, struct where where)
{
	mark(b, hot, where, 0, false);
}

void build_mark_owed(struct build *b, bool hot, struct where where, uint32_t site)
{
	mark(b, hot, where, site, true);
}

const struct state *target_state_at(const struct translator *t, uint32_t offset)
{
	const struct chunked *states = offset < t->hot.end ? &t->hot_states : &t->cold_states;
	uint32_t low = 0, high = states->count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		const struct state *state = chunked_at(states, mid);

		if (state->at <= offset)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? chunked_at(states, low - 1) : NULL;
}
