#include "cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "thread_block.h"

struct exit *cache_exit(const struct translator *t, uint32_t index)
{
	return chunked_at(&t->exits, index);
}

struct heat *cache_heat(const struct translator *t, const struct xblock *b)
{
	return b->heat ? chunked_at(&t->heats, b->heat - 1) : NULL;
}

/* ---- look-ahead ------------------------------------------------------------------ */

#define LOOK_AHEAD_DEPTH 2

void cache_queue(struct translator *t, struct xblock *b, unsigned depth)
{
	/* A path looks further itself. */
	bool looks_near = t->config.looks_near || t->config.events.paths;

	if (b->entry || b->is_queued || depth > (looks_near ? 1 : LOOK_AHEAD_DEPTH))
		return;
	if (t->queue_count == t->queue_room) {
		uint32_t room = t->queue_room ? t->queue_room * 2 : 1024;
		uint32_t *grown = realloc(t->queue, room * sizeof *grown);

		if (!grown)
			return;                 /* it will be a miss, then */
		t->queue = grown;
		t->queue_room = room;
	}
	b->is_queued = true;
	b->depth = (uint8_t)depth;
	t->queue[t->queue_count++] = b->public.index;
}

/* What nobody has asked for is not to drive out what was. */
bool cache_has_room_to_guess(const struct translator *t)
{
	size_t cold_bytes = t->cold.end - t->hot.end;

	/* With paths, what is looked at ahead of time takes none. */
	size_t counters = t->config.events.paths ? t->config.counters_max / 4 * 3 : t->config.counters_max / 2;
	if (t->config.counters_max && t->counters.count > counters)
		return false;
	return t->hot.end - t->hot.at > t->hot.end / 8 && t->cold.end - t->cold.at > cold_bytes / 8;
}

/* The latest first: it is nearest to where the program is. */
bool translator_look_ahead(struct translator *t)
{
	while (t->queue_count && cache_has_room_to_guess(t)) {
		struct xblock *b = cache_block(t, t->queue[--t->queue_count]);

		b->is_queued = false;
		if (b->entry || b->public.is_dropped)
			continue;
		if (target_translate(t, b) == 0)
			t->stats.looked_ahead++;
		transaction_follow(t);
		return true;
	}
	return false;
}

/* ---- exits and links ------------------------------------------------------------- */

void cache_way_set(struct translator *t, uint32_t index, uint64_t address)
{
	if (t->config.ways_local && index < TRANSLATE_WAYS_BYTES / 8)
		t->config.ways_local[index] = address;
}

uint32_t cache_exit_add(struct translator *t, struct app_pc pc, uint32_t rel_at)
{
	return cache_exit_add_to(t, cache_block_get(t, pc), rel_at);
}

uint32_t cache_exit_add_to(struct translator *t, struct xblock *target, uint32_t rel_at)
{
	uint32_t index = t->exits.count;
	struct exit *exit = target ? chunked_add(&t->exits) : NULL;

	if (!exit) {
		t->out_of_memory = true;
		return NO_INDEX;
	}
	if (t->config.ways_local && 8ul * index >= t->ways_had)
		t->ways_had = memory_have((uint8_t *)t->config.ways_local, 8ul * index,
					  TRANSLATE_WAYS_BYTES);
	exit->rel_at = rel_at;
	exit->target = target->public.index;
	exit->next = target->incoming;
	target->incoming = index;
	cache_way_set(t, index, target->public.pc.address);
	return index;
}

/* The displacement crosses no multiple of config.patch_bytes: one store, seen whole by
 * processors that execute it. */
static void patch(struct translator *t, const struct exit *exit, uint32_t to)
{
	uint32_t value = exit->is_return ? (uint32_t)t->config.base + to : to - (exit->rel_at + 4);

	__atomic_store_n((uint32_t *)(t->config.local + exit->rel_at), value, __ATOMIC_RELEASE);
}

void cache_exit_link(struct translator *t, struct exit *exit, uint32_t to)
{
	if (!exit->rel_at || !to)
		return;
	patch(t, exit, to);
	exit->is_linked = true;
	t->stats.links++;
}

void cache_link_incoming(struct translator *t, struct xblock *b)
{
	for (uint32_t i = b->incoming; i != NO_INDEX; i = cache_exit(t, i)->next)
		if (!cache_exit(t, i)->is_linked)
			cache_exit_link(t, cache_exit(t, i), target_exit_entry(t, cache_exit(t, i), b));
}

void cache_relink_incoming(struct translator *t, struct xblock *b)
{
	for (uint32_t i = b->incoming; i != NO_INDEX; i = cache_exit(t, i)->next) {
		struct exit *exit = cache_exit(t, i);
		uint32_t to = exit->is_linked ? target_exit_entry(t, exit, b) : 0;

		if (exit->is_linked)
			patch(t, exit, to ? to : exit->stub);
		exit->is_linked = to;
	}
}

void cache_unlink_incoming(struct translator *t, struct xblock *b)
{
	for (uint32_t i = b->incoming; i != NO_INDEX; i = cache_exit(t, i)->next) {
		struct exit *exit = cache_exit(t, i);

		if (exit->is_linked)
			patch(t, exit, exit->stub);
		exit->is_linked = false;
	}
}

struct app_pc translator_exit_target(const struct translator *t, uint32_t index)
{
	const struct exit *exit = cache_exit(t, index);

	return exit ? cache_block(t, exit->target)->public.pc : (struct app_pc){ 0 };
}

/* ---- getting in -------------------------------------------------------------------- */

/* Translates b unless it is. */
static int make(struct translator *t, struct xblock *b)
{
	if (!b)
		return -ENOMEM;
	if (b->entry)
		return 0;
	b->depth = 0;
	int r = target_translate(t, b);
	transaction_follow(t);
	return r;
}

/* -ENOSPC for 0: there was no room for it. */
static int say(const struct translator *t, uint32_t entry, struct cache_pc *out)
{
	out->address = t->config.base + entry;
	return entry ? 0 : -ENOSPC;
}

int translator_enter(struct translator *t, struct app_pc pc, struct cache_pc *out)
{
	struct xblock *b = cache_block_get(t, pc);
	int r = make(t, b);

	if (r < 0)
		return r;
	return say(t, target_entry(t, b), out);
}

int translator_miss(struct translator *t, uint32_t index, struct cache_pc *out)
{
	struct exit *exit = cache_exit(t, index);
	struct xblock *b = exit ? cache_block(t, exit->target) : NULL;
	int r = exit ? make(t, b) : -EINVAL;

	if (r < 0)
		return r;
	t->stats.misses++;
	uint32_t entry = target_exit_entry(t, exit, b);
	if (!exit->is_linked)
		cache_exit_link(t, exit, entry);
	return say(t, entry, out);
}

int cache_arrive(struct translator *t, int lookup, struct app_pc pc, struct cache_pc *out)
{
	struct xblock *b = cache_block_get(t, pc);

	if (b && !b->entry && !b->way_in)
		b->way_in = (uint8_t)(1 + lookup);
	int r = make(t, b);

	if (r < 0)
		return r;
	bool had_landing = b->landing;
	uint32_t entry = target_lookup_entry(t, b, lookup);
	if (b->landing && !had_landing)
		cache_link_incoming(t, b);
	if (entry)
		target_lookup_insert(t, lookup, pc, entry);
	if (target_lookups_are_full(t))
		return -ENOSPC;
	return say(t, entry, out);
}

int translator_miss_indirect(struct translator *t, int lookup, struct app_pc pc,
			     struct cache_pc *out)
{
	int r = cache_arrive(t, lookup, pc, out);

	t->stats.indirect_misses += r == 0;
	return r;
}

/* ---- sites ------------------------------------------------------------------------- */

uint32_t cache_site_add(struct translator *t, const struct site *site)
{
	uint32_t index = t->sites.count;
	struct site *place = index <= EVENT_INDEX_MASK ? chunked_place(&t->sites, index) : NULL;

	if (!place) {
		t->out_of_memory = true;
		return 0;
	}
	*place = *site;                 /* before it counts: readers take no lock */
	__atomic_store_n(&t->sites.count, index + 1, __ATOMIC_RELEASE);
	return index;
}

const struct site *translator_site(const struct translator *t, uint32_t index)
{
	return chunked_at(&t->sites, index);
}

uint32_t cache_counter_add(struct translator *t, uint32_t block, uint32_t site)
{
	uint32_t index = t->counters.count;
	bool has_room = index < t->config.counters_max;
	struct translate_counter *place = has_room ? chunked_place(&t->counters, index) : NULL;

	if (!place) {
		t->hot.is_full = true;  /* what is emitted now is let in by nobody */
		t->out_of_memory |= has_room;
		return NO_INDEX;
	}
	*place = (struct translate_counter){ block, site };
	__atomic_store_n(&t->counters.count, index + 1, __ATOMIC_RELEASE);
	return index;
}

const struct translate_counter *translator_counter(const struct translator *t, uint32_t index)
{
	return chunked_at(&t->counters, index);
}

const struct translate_store *translator_store(const struct translator *t, uint32_t index)
{
	return chunked_at(&t->stores, index);
}

const struct block *translator_block(const struct translator *t, uint32_t index)
{
	struct xblock *b = cache_block(t, index);

	return b ? &b->public : NULL;
}

uint32_t translator_site_add(struct translator *t, enum site_kind kind, unsigned words)
{
	struct site site = { .kind = (uint8_t)kind, .flags = SITE_HAS_EXTRA,
			     .words = (uint8_t)words, .block = NO_INDEX };

	return event_id(cache_site_add(t, &site), words);
}

/* ---- life ---------------------------------------------------------------------------- */

void translator_stats(const struct translator *t, struct translate_stats *out)
{
	*out = t->stats;
	out->code_bytes = t->hot.at + (t->cold.at - t->hot.end);
}

int translator_ranges_set(struct translator *t, const struct translate_range *ranges, size_t count)
{
	struct translate_range *copy = calloc(count + 1, sizeof *copy);

	if (!copy)
		return -ENOMEM;
	if (count)
		memcpy(copy, ranges, count * sizeof *copy);
	free(t->ranges);
	t->ranges = copy;
	t->config.range_count = count;
	return 0;
}

struct translator *translator_create(const struct translate_config *config, struct err *err)
{
	struct translator *t = calloc(1, sizeof *t);

	if (!t)
		goto no_memory;
	t->config = *config;
	if (translator_ranges_set(t, config->ranges, config->range_count) < 0)
		goto no_memory;
	if (!chunked_init(&t->exits, &t->arrays, sizeof(struct exit)) ||
	    !chunked_init(&t->sites, &t->arrays, sizeof(struct site)) ||
	    !chunked_init(&t->heats, &t->arrays, sizeof(struct heat)) ||
	    !chunked_init(&t->stores, &t->arrays, sizeof(struct translate_store)) ||
	    !chunked_init(&t->facts, &t->arrays, sizeof(struct store_facts)) ||
	    !chunked_init(&t->counters, &t->arrays, sizeof(struct translate_counter)) ||
	    !chunked_init(&t->hot_states, &t->arrays, sizeof(struct state)) ||
	    !chunked_init(&t->cold_states, &t->arrays, sizeof(struct state)) || !blocks_init(t))
		goto no_memory;
	t->workspace = target_workspace();
	if (!t->workspace)
		goto no_memory;
	target_init(t);
	return t;
no_memory:
	translator_destroy(t);
	err_set(err, ENOMEM, "out of memory");
	return NULL;
}

void translator_destroy(struct translator *t)
{
	if (!t)
		return;
	blocks_deinit(t);
	free(t->entered.items);
	free(t->sections);
	chunked_deinit(&t->exits);
	chunked_deinit(&t->sites);
	chunked_deinit(&t->heats);
	chunked_deinit(&t->stores);
	chunked_deinit(&t->facts);
	chunked_deinit(&t->counters);
	chunked_deinit(&t->hot_states);
	chunked_deinit(&t->cold_states);
	region_deinit(&t->arrays);
	region_deinit(&t->bytes);
	free(t->workspace);
	free(t->queue);
	free(t->ranges);
	free(t);
}
