/* blocks.c - finding blocks: by their address, and by the pages that their bytes came from. */
#include "cache.h"

#include <stdlib.h>
#include <string.h>

#define HASH_MIN 16384
#define CODE_LINE_BITS 6
#define LINE_ITEMS_BITS 3       /* of struct hash_item, in 64 bytes */
#define HASH_SMALL (1u << 18)   /* grows to four times as much until then, later to twice */

/* ---- blocks by address ----------------------------------------------------------- */

static uint32_t hash_of(uint64_t key)
{
	return (uint32_t)((key * 0x9e3779b97f4a7c15ull) >> 32);
}

struct xblock *cache_block(const struct translator *t, uint32_t index)
{
	return chunked_at(&t->blocks, index);
}

/* Of 64 bytes of code, and the place in them: their blocks stand in one line of memory, since
 * who asks for one soon asks for others.  A careful block is another one than the block at its
 * address. */
static uint32_t block_hash(uint64_t pc, bool is_careful)
{
	uint64_t key = pc + is_careful;

	return hash_of(key >> CODE_LINE_BITS) << CODE_LINE_BITS | (key & ((1u << CODE_LINE_BITS) - 1));
}

static uint32_t hash_place(uint32_t hash, uint32_t mask)
{
	return hash >> CODE_LINE_BITS << LINE_ITEMS_BITS & mask;
}

static struct hash_item *hash_slot(const struct translator *t, uint64_t pc, bool is_careful)
{
	uint32_t hash = block_hash(pc, is_careful), i = hash_place(hash, t->hash_mask);

	for (; t->hash[i].block; i = (i + 1) & t->hash_mask) {
		const struct xblock *b;

		if (t->hash[i].hash != hash)
			continue;
		b = cache_block(t, t->hash[i].block - 1);
		if (b->public.pc.address == pc && b->is_careful == is_careful)
			break;
	}
	return &t->hash[i];
}

void cache_block_put(struct translator *t, const struct xblock *b)
{
	uint64_t pc = b->public.pc.address;

	*hash_slot(t, pc, b->is_careful) =
		(struct hash_item){ block_hash(pc, b->is_careful), b->public.index + 1 };
}

static size_t hash_bytes(uint32_t mask)
{
	return (mask + 1ul) * sizeof(struct hash_item);
}

static void move(struct hash_item *to, uint32_t mask, struct hash_item item)
{
	uint32_t i = hash_place(item.hash, mask);

	while (to[i].block)
		i = (i + 1) & mask;
	to[i] = item;
}

static bool hash_grow(struct translator *t)
{
	struct hash_item *old = t->hash;
	uint32_t old_mask = t->hash_mask, old_size = old ? old_mask + 1 : 0;
	uint32_t mask = (old_size ? old_size * (old_size < HASH_SMALL ? 4 : 2) : HASH_MIN) - 1;
	struct hash_item *grown = memory_map(hash_bytes(mask));

	if (!grown)
		return false;
	for (uint32_t i = 0; old && i <= old_mask; i++)
		if (old[i].block)
			move(grown, mask, old[i]);
	t->hash = grown;
	t->hash_mask = mask;
	memory_unmap(old, hash_bytes(old_mask));
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

struct xblock *cache_block_new(struct translator *t, struct app_pc pc)
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
	b->public.before = NO_BLOCK;
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
	b = cache_block_new(t, pc);
	if (b) {
		b->is_careful = is_careful;
		cache_block_put(t, b);
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

struct page_head *cache_page(const struct translator *t, uint64_t page)
{
	uint32_t slot = *page_slot(t, page);

	return slot ? &t->page_heads[slot - 1] : NULL;
}

static bool page_add(struct translator *t, uint64_t page, uint32_t block)
{
	if (t->page_used == t->page_room && !page_grow(t))
		return false;
	uint32_t index = t->page_links.count;
	struct page_link *link = chunked_add(&t->page_links);
	if (!link)
		return false;
	uint32_t *slot = page_slot(t, page);
	if (!*slot) {
		t->page_heads[t->page_used] = (struct page_head){ page, NO_INDEX };
		*slot = ++t->page_used;
	}
	struct page_head *head = &t->page_heads[*slot - 1];
	*link = (struct page_link){ block, head->first };
	head->first = index;
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

/* ---- life --------------------------------------------------------------------------- */

bool blocks_init(struct translator *t)
{
	return chunked_init(&t->blocks, &t->arrays, sizeof(struct xblock)) &&
	       chunked_init(&t->page_links, &t->arrays, sizeof(struct page_link)) &&
	       hash_grow(t) && page_grow(t);
}

void blocks_clear(struct translator *t)
{
	chunked_clear(&t->blocks);
	chunked_clear(&t->page_links);
	memset(t->hash, 0, hash_bytes(t->hash_mask));
	memset(t->page_hash, 0, (t->page_mask + 1ul) * sizeof *t->page_hash);
	t->hash_used = t->page_used = 0;
}

void blocks_deinit(struct translator *t)
{
	chunked_deinit(&t->blocks);
	chunked_deinit(&t->page_links);
	memory_unmap(t->hash, hash_bytes(t->hash_mask));
	free(t->page_hash);
	free(t->page_heads);
}
