#include "cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "thread_block.h"

/* ---- chunked arrays ----------------------------------------------------------- */

void *chunked_at(const struct chunked *c, uint32_t index)
{
	if (index >= __atomic_load_n(&c->count, __ATOMIC_ACQUIRE))
		return NULL;
	char *chunk = c->chunks[index >> CHUNK_BITS];
	return chunk + (index & ((1u << CHUNK_BITS) - 1)) * c->element_bytes;
}

void *chunked_add(struct chunked *c)
{
	uint32_t index = c->count, slot = index >> CHUNK_BITS;

	if (slot >= CHUNKS_MAX)
		return NULL;
	if (!c->chunks[slot]) {
		c->chunks[slot] = calloc(1u << CHUNK_BITS, c->element_bytes);
		if (!c->chunks[slot])
			return NULL;
	}
	void *element = (char *)c->chunks[slot] + (index & ((1u << CHUNK_BITS) - 1)) *
						  c->element_bytes;
	memset(element, 0, c->element_bytes);           /* used before a flush, maybe */
	__atomic_store_n(&c->count, index + 1, __ATOMIC_RELEASE);
	return element;
}

void chunked_clear(struct chunked *c)
{
	__atomic_store_n(&c->count, 0, __ATOMIC_RELEASE);
}

static bool chunked_init(struct chunked *c, size_t element_bytes)
{
	c->element_bytes = element_bytes;
	c->count = 0;
	c->chunks = calloc(CHUNKS_MAX, sizeof *c->chunks);
	return c->chunks;
}

static void chunked_deinit(struct chunked *c)
{
	for (uint32_t i = 0; c->chunks && i < CHUNKS_MAX && c->chunks[i]; i++)
		free(c->chunks[i]);
	free(c->chunks);
}

/* ---- blocks by address ----------------------------------------------------------- */

static uint32_t hash_of(uint64_t key)
{
	return (uint32_t)((key * 0x9e3779b97f4a7c15ull) >> 32);
}

struct xblock *cache_block(const struct translator *t, uint32_t index)
{
	return chunked_at(&t->blocks, index);
}

struct exit *cache_exit(const struct translator *t, uint32_t index)
{
	return chunked_at(&t->exits, index);
}

struct heat *cache_heat(const struct translator *t, const struct xblock *b)
{
	return b->heat ? chunked_at(&t->heats, b->heat - 1) : NULL;
}

static struct hash_item *hash_slot(const struct translator *t, uint64_t pc, bool is_careful)
{
	uint32_t i = hash_of(pc + is_careful) & t->hash_mask;

	while (t->hash[i].block && (t->hash[i].pc != pc || t->hash[i].is_careful != is_careful))
		i = (i + 1) & t->hash_mask;
	return &t->hash[i];
}

static void hash_put(struct translator *t, const struct xblock *b)
{
	*hash_slot(t, b->public.pc.address, b->is_careful) =
		(struct hash_item){ b->public.pc.address, b->public.index + 1, b->is_careful };
}

static bool hash_grow(struct translator *t)
{
	struct hash_item *old = t->hash;
	uint32_t old_size = t->hash_mask + 1, size = old ? old_size * 2 : 4096;

	t->hash = calloc(size, sizeof *t->hash);
	if (!t->hash) {
		t->hash = old;
		return false;
	}
	t->hash_mask = size - 1;
	for (uint32_t i = 0; old && i < old_size; i++)
		if (old[i].block)
			*hash_slot(t, old[i].pc, old[i].is_careful) = old[i];
	free(old);
	return true;
}

static struct xblock *find(const struct translator *t, struct app_pc pc, bool is_careful)
{
	uint32_t block = hash_slot(t, pc.address, is_careful)->block;

	return block ? cache_block(t, block - 1) : NULL;
}

struct xblock *cache_block_find(const struct translator *t, struct app_pc pc)
{
	return find(t, pc, false);
}

static struct xblock *block_new(struct translator *t, struct app_pc pc)
{
	uint32_t index = t->blocks.count;
	struct xblock *b = chunked_add(&t->blocks);

	if (!b) {
		t->out_of_memory = true;
		return NULL;
	}
	b->public.pc = pc;
	b->public.index = index;
	b->incoming = NO_INDEX;
	b->before = NO_INDEX;
	return b;
}

static struct xblock *get(struct translator *t, struct app_pc pc, bool is_careful)
{
	struct xblock *b = find(t, pc, is_careful);

	if (b)
		return b;
	if (t->hash_used * 2 > t->hash_mask && !hash_grow(t)) {
		t->out_of_memory = true;
		return NULL;
	}
	b = block_new(t, pc);
	if (b) {
		b->is_careful = is_careful;
		hash_put(t, b);
		t->hash_used++;
	}
	return b;
}

struct xblock *cache_block_get(struct translator *t, struct app_pc pc)
{
	return get(t, pc, false);
}

struct xblock *cache_block_careful(struct translator *t, struct app_pc pc)
{
	return get(t, pc, true);
}

/* ---- blocks by page ------------------------------------------------------------- */

static uint32_t *page_slot(const struct translator *t, uint64_t page)
{
	uint32_t i = hash_of(page) & t->page_mask;

	while (t->page_hash[i] && t->page_heads[t->page_hash[i] - 1].page != page)
		i = (i + 1) & t->page_mask;
	return &t->page_hash[i];
}

static bool page_grow(struct translator *t)
{
	uint32_t size = t->page_hash ? (t->page_mask + 1) * 2 : 1024;
	uint32_t *fresh = calloc(size, sizeof *fresh);
	struct page_head *heads = realloc(t->page_heads, size / 2 * sizeof *heads);

	if (heads)
		t->page_heads = heads;
	if (!fresh || !heads) {
		free(fresh);
		return false;
	}
	free(t->page_hash);
	t->page_hash = fresh;
	t->page_mask = size - 1;
	t->page_room = size / 2;
	for (uint32_t i = 0; i < t->page_used; i++)
		*page_slot(t, t->page_heads[i].page) = i + 1;
	return true;
}

static bool page_add(struct translator *t, uint64_t page, uint32_t block)
{
	if (t->page_used == t->page_room && !page_grow(t))
		return false;
	if (t->page_link_count == t->page_link_room) {
		uint32_t room = t->page_link_room ? t->page_link_room * 2 : 4096;
		struct page_link *grown = realloc(t->page_links, room * sizeof *grown);

		if (!grown)
			return false;
		t->page_links = grown;
		t->page_link_room = room;
	}
	uint32_t *slot = page_slot(t, page);
	if (!*slot) {
		t->page_heads[t->page_used] = (struct page_head){ page, NO_INDEX };
		*slot = ++t->page_used;
	}
	struct page_head *head = &t->page_heads[*slot - 1];
	t->page_links[t->page_link_count] = (struct page_link){ block, head->first };
	head->first = t->page_link_count++;
	return true;
}

bool cache_block_cover(struct translator *t, struct xblock *b)
{
	uint64_t first = b->public.pc.address >> 12;
	uint64_t last = (b->public.pc.address + b->public.bytes_len - 1) >> 12;

	for (uint64_t page = first; page <= last; page++)
		if (!page_add(t, page, b->public.index)) {
			t->out_of_memory = true;
			return false;
		}
	return true;
}

/* ---- look-ahead ------------------------------------------------------------------ */

#define LOOK_AHEAD_DEPTH 5

void cache_queue(struct translator *t, struct xblock *b, unsigned depth)
{
	if (b->entry || b->is_queued || depth > LOOK_AHEAD_DEPTH)
		return;
	if (t->queue_head + t->queue_count == t->queue_room) {
		if (t->queue_head > t->queue_room / 2) {
			memmove(t->queue, t->queue + t->queue_head,
				t->queue_count * sizeof *t->queue);
			t->queue_head = 0;
		} else {
			uint32_t room = t->queue_room ? t->queue_room * 2 : 1024;
			uint32_t *grown = realloc(t->queue, room * sizeof *grown);

			if (!grown)
				return;         /* it will be a miss, then */
			t->queue = grown;
			t->queue_room = room;
		}
	}
	b->is_queued = true;
	b->depth = (uint8_t)depth;
	t->queue[t->queue_head + t->queue_count++] = b->public.index;
}

/* What nobody has asked for is not to drive out what was. */
bool cache_has_room_to_guess(const struct translator *t)
{
	size_t cold_bytes = t->cold.end - t->hot.end;

	return t->hot.end - t->hot.at > t->hot.end / 8 && t->cold.end - t->cold.at > cold_bytes / 8;
}

/* The latest first: it is nearest to where the program is. */
bool translator_look_ahead(struct translator *t)
{
	while (t->queue_count && cache_has_room_to_guess(t)) {
		struct xblock *b = cache_block(t, t->queue[t->queue_head + --t->queue_count]);

		b->is_queued = false;
		if (b->entry || b->public.is_dropped)
			continue;
		if (target_translate(t, b) == 0)
			t->stats.looked_ahead++;
		return true;
	}
	if (!t->queue_count)
		t->queue_head = 0;
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
	exit->rel_at = rel_at;
	exit->target = target->public.index;
	exit->next = target->incoming;
	target->incoming = index;
	cache_way_set(t, index, target->public.pc.address);
	return index;
}

/* The displacement lies within an aligned 8 bytes: one store, seen whole by
 * processors that execute it. */
static void patch_rel(struct translator *t, uint32_t rel_at, uint32_t to)
{
	uint32_t value = to - (rel_at + 4);

	__atomic_store_n((uint32_t *)(t->config.local + rel_at), value, __ATOMIC_RELEASE);
}

void cache_exit_link(struct translator *t, struct exit *exit, uint32_t to)
{
	if (!exit->rel_at || !to)
		return;
	patch_rel(t, exit->rel_at, to);
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
			patch_rel(t, exit->rel_at, to ? to : exit->stub);
		exit->is_linked = to;
	}
}

void cache_unlink_incoming(struct translator *t, struct xblock *b)
{
	for (uint32_t i = b->incoming; i != NO_INDEX; i = cache_exit(t, i)->next) {
		struct exit *exit = cache_exit(t, i);

		if (exit->is_linked)
			patch_rel(t, exit->rel_at, exit->stub);
		exit->is_linked = false;
	}
}

struct app_pc translator_exit_target(const struct translator *t, uint32_t index)
{
	const struct exit *exit = cache_exit(t, index);

	return exit ? cache_block(t, exit->target)->public.pc : (struct app_pc){ 0 };
}

/* ---- dropping --------------------------------------------------------------------- */

struct xblock *cache_block_replace(struct translator *t, struct xblock *old)
{
	struct xblock *heir = block_new(t, old->public.pc);

	if (!heir)
		return NULL;
	heir->incoming = old->incoming;
	heir->is_after_call = old->is_after_call;
	heir->is_careful = old->is_careful;
	old->incoming = NO_INDEX;
	old->is_replaced = true;
	for (uint32_t i = heir->incoming; i != NO_INDEX; i = cache_exit(t, i)->next)
		cache_exit(t, i)->target = heir->public.index;
	hash_put(t, heir);
	return heir;
}

static void drop_one(struct translator *t, struct xblock *b)
{
	b->public.is_dropped = true;
	if (b->is_replaced)
		return;
	cache_unlink_incoming(t, b);
	for (int lookup = 0; lookup < LOOKUP_KINDS; lookup++)
		if (b->lookup_entry[lookup])
			target_lookup_remove(t, lookup, b->public.pc);
	cache_block_replace(t, b);
	t->stats.dropped++;
}

/* What leads to the block now leads to a new, untranslated one at its address.  Those
 * that fall into it go with it. */
static void drop_block(struct translator *t, struct xblock *b)
{
	while (!b->public.is_dropped) {
		drop_one(t, b);
		if (b->before == NO_INDEX)
			return;
		b = cache_block(t, b->before);
	}
}

static size_t drop_page(struct translator *t, uint32_t slot, uint64_t start, uint64_t end)
{
	uint32_t *link = &t->page_heads[slot].first;
	size_t dropped = 0;

	while (*link != NO_INDEX) {
		struct page_link *l = &t->page_links[*link];
		struct xblock *b = cache_block(t, l->block);
		bool hit = b->public.pc.address < end &&
			   b->public.pc.address + b->public.bytes_len > start;

		if (hit && !b->public.is_dropped) {
			drop_block(t, b);
			dropped++;
		}
		if (hit || b->public.is_dropped)
			*link = l->next;
		else
			link = &l->next;
	}
	return dropped;
}

void cache_pages_drop(struct translator *t, uint64_t start, uint64_t end)
{
	for (int i = 0; i < PAGES_READ; i++)
		if (t->pages_read[i].page < end && t->pages_read[i].page + 4096 > start)
			t->pages_read[i].len = 0;
	t->changing[t->change_count++ % CHANGES] = (struct translate_range){ start, end };
}

bool cache_is_changing(const struct translator *t, uint64_t page)
{
	for (int i = 0; i < CHANGES; i++)
		if (page < t->changing[i].end && page + 4096 > t->changing[i].start)
			return true;
	return false;
}

size_t translator_drop(struct translator *t, uint64_t start, uint64_t end)
{
	uint64_t first = start >> 12, last = (end - 1) >> 12;
	size_t dropped = 0;

	cache_pages_drop(t, start, end);
	section_drop(t, start, end);
	if (start >= end || !t->page_used)
		return 0;
	if (last - first < t->page_used) {
		for (uint64_t page = first; page <= last; page++)
			if (*page_slot(t, page))
				dropped += drop_page(t, *page_slot(t, page) - 1, start, end);
		return dropped;
	}
	for (uint32_t i = 0; i < t->page_used; i++)
		if (t->page_heads[i].page >= first && t->page_heads[i].page <= last)
			dropped += drop_page(t, i, start, end);
	return dropped;
}

void translator_clock_stop(struct translator *t)
{
	t->config.events.time = false;
	translator_drop(t, 0, ~0ull);
}

void translator_syscalls_step(struct translator *t)
{
	t->config.steps_syscalls = true;
	translator_drop(t, 0, ~0ull);
}

int translator_stale(struct translator *t, uint32_t index, struct cache_pc *out)
{
	struct app_pc pc = translator_exit_target(t, index);
	struct xblock *b = cache_block_find(t, pc);

	if (b && b->entry)
		drop_block(t, b);
	return translator_enter(t, pc, out);
}

int translator_trusted(struct translator *t, uint32_t index, struct cache_pc *out)
{
	struct app_pc pc = translator_exit_target(t, index);
	struct xblock *b = cache_block_find(t, pc);

	if (b && b->entry && !b->is_trusted) {
		drop_block(t, b);
		b = cache_block_find(t, pc);
		b->is_trusted = true;
	}
	return translator_enter(t, pc, out);
}

/* ---- getting in -------------------------------------------------------------------- */

static void note_first(struct translator *t, struct xblock *b)
{
	if (b->was_entered || !t->config.events.coverage)
		return;
	b->was_entered = true;
	if (entered_has(&t->entered, b->public.pc))
		return;
	if (t->first_count == t->first_room) {
		size_t room = t->first_room ? t->first_room * 2 : 1024;
		uint32_t *grown = realloc(t->first, room * sizeof *grown);

		if (!grown) {
			t->out_of_memory = true;
			return;
		}
		t->first = grown;
		t->first_room = room;
	}
	t->first[t->first_count++] = b->public.index;
}

bool translator_first_next(struct translator *t, size_t *cursor, const struct block **out)
{
	if (*cursor >= t->first_count)
		return false;
	*out = &cache_block(t, t->first[(*cursor)++])->public;
	return true;
}

/* Translates b unless it is. */
static int make(struct translator *t, struct xblock *b)
{
	if (!b)
		return -ENOMEM;
	if (b->entry)
		return 0;
	b->depth = 0;
	return target_translate(t, b);
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
	note_first(t, b);
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
	note_first(t, b);
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
	note_first(t, b);
	uint32_t entry = target_lookup_entry(t, b, lookup);
	if (entry)
		target_lookup_insert(t, lookup, pc, entry);
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
	uint32_t slot = index >> CHUNK_BITS;

	if (index > EVENT_INDEX_MASK || slot >= CHUNKS_MAX)
		goto none;
	if (!t->sites.chunks[slot]) {
		t->sites.chunks[slot] = calloc(1u << CHUNK_BITS, sizeof *site);
		if (!t->sites.chunks[slot])
			goto none;
	}
	/* Filled in before it counts: readers take no lock. */
	struct site *items = t->sites.chunks[slot];
	items[index & ((1u << CHUNK_BITS) - 1)] = *site;
	__atomic_store_n(&t->sites.count, index + 1, __ATOMIC_RELEASE);
	return index;
none:
	t->out_of_memory = true;
	return 0;
}

const struct site *translator_site(const struct translator *t, uint32_t index)
{
	return chunked_at(&t->sites, index);
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

struct translator *translator_create(const struct translate_config *config, struct err *err)
{
	struct translator *t = calloc(1, sizeof *t);

	if (!t)
		goto no_memory;
	t->config = *config;
	if (config->range_count) {
		t->ranges = calloc(config->range_count, sizeof *t->ranges);
		if (!t->ranges)
			goto no_memory;
		memcpy(t->ranges, config->ranges, config->range_count * sizeof *t->ranges);
	}
	if (!chunked_init(&t->blocks, sizeof(struct xblock)) ||
	    !chunked_init(&t->exits, sizeof(struct exit)) ||
	    !chunked_init(&t->sites, sizeof(struct site)) ||
	    !chunked_init(&t->heats, sizeof(struct heat)) ||
	    !chunked_init(&t->stores, sizeof(struct translate_store)) ||
	    !chunked_init(&t->facts, sizeof(struct store_facts)) || !hash_grow(t) || !page_grow(t))
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
	for (uint32_t i = 0; t->blocks.chunks && i < t->blocks.count; i++)
		free((void *)cache_block(t, i)->public.bytes);
	free(t->entered.items);
	free(t->sections);
	chunked_deinit(&t->blocks);
	chunked_deinit(&t->exits);
	chunked_deinit(&t->sites);
	chunked_deinit(&t->heats);
	chunked_deinit(&t->stores);
	chunked_deinit(&t->facts);
	free(t->hash);
	free(t->page_hash);
	free(t->page_heads);
	free(t->page_links);
	free(t->queue);
	free(t->first);
	free(t->ranges);
	free(t->hot_states.items);
	free(t->cold_states.items);
	free(t);
}
