#include "replay-origin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct replay_space *space_of(const struct origin *origin)
{
	return (struct replay_space *)((char *)origin - offsetof(struct replay_space, origin));
}

/* As realloc() to one item more; the room doubles, so that it is moved seldom. */
static void *grow(void *items, uint32_t count, size_t size)
{
	if (count & (count - 1))
		return items;
	return count >= UINT32_MAX / 2 ? NULL : realloc(items, (count ? 2ul * count : 1) * size);
}

/* ---- what is asked for ------------------------------------------------------------------- */

/* Those of the file have even numbers here, those of single blocks odd ones: views have tables
 * by them, which are to be no larger than what they are of. */
#define SITES_MAX (1u << (EVENT_INDEX_BITS - 1))

static uint32_t number_of_site(uint32_t site)
{
	return 2 * site;
}

static uint32_t number_of_block(uint32_t block)
{
	return 2 * block + 1;
}

#define PATH_MAX_BLOCKS REPLAY_WORDS_MAX

static const struct site *site(const struct origin *origin, uint32_t index)
{
	const struct replay_space *space = space_of(origin);

	bool is_block = index & 1;

	index /= 2;
	if (is_block)
		return index < space->block_count ? &space->blocks[index]->site : NULL;
	return index < space->site_count ? &space->sites[index] : NULL;
}

static const struct block *block(const struct origin *origin, uint32_t index)
{
	const struct replay_space *space = space_of(origin);

	return index < space->block_count ? &space->blocks[index]->public : NULL;
}

/* The module there; where there is none any more, the one that was there last. */
static const struct replay_module *module_at(const struct replay_space *space, uint64_t address)
{
	const struct replay_module *retired = NULL;

	for (uint32_t i = space->module_count; i-- > 0;) {
		const struct replay_module *m = space->modules[i];

		if (address < m->start || address >= m->end)
			continue;
		if (!m->is_retired)
			return m;
		if (!retired)
			retired = m;
	}
	return retired;
}

/* What was noted of the address: of a module that is there, or was. */
static const struct replay_name *noted_at(const struct replay_space *space, uint64_t address)
{
	const struct replay_name *name, *retired = NULL;

	for (name = replay_table_find(space->names, address); name;
	     name = replay_table_older(space->names, name)) {
		if (name->module >= space->module_count)
			continue;
		if (!space->modules[name->module]->is_retired)
			return name;
		if (!retired)
			retired = name;
	}
	return retired;
}

static void name(struct origin *origin, uint64_t address, struct origin_name *out)
{
	const struct replay_space *space = space_of(origin);
	const struct replay_name *noted = noted_at(space, address);
	const struct replay_module *module = noted ? space->modules[noted->module]
						   : module_at(space, address);

	*out = (struct origin_name){ .identity = module };
	if (module) {
		out->module = module->name;
		out->base = module->base;
	}
	if (noted)
		out->is_start = noted->is_start;
	if (noted && noted->function) {
		out->function = noted->function->name;
		out->mangled = noted->function->mangled;
		out->start = noted->function->start;
		out->is_plt = noted->function->is_plt;
	}
}

static bool line(struct origin *origin, uint64_t address, struct origin_line *out)
{
	const struct replay_name *noted = noted_at(space_of(origin), address);

	if (!noted || !noted->line)
		return false;
	*out = (struct origin_line){ noted->file, noted->line };
	return true;
}

static bool module_next(struct origin *origin, size_t *cursor, struct origin_module *out)
{
	const struct replay_space *space = space_of(origin);

	if (*cursor >= space->change_count)
		return false;
	const struct replay_change *change = &space->changes[(*cursor)++];
	const struct replay_module *m = change->module;
	*out = (struct origin_module){ m->name, m->path, m, m->base, m->start, m->end,
				       change->is_added };
	return true;
}

static unsigned map_changes(const struct origin *origin)
{
	return space_of(origin)->change_count;
}

static ssize_t covered(struct origin *origin, size_t *cursor, uint32_t *out, size_t room)
{
	struct replay_space *space = space_of(origin);
	size_t n = space->covered_count - *cursor;

	if (n > room)
		n = room;
	for (size_t i = 0; i < n; i++)
		out[i] = space->covered[*cursor + i];
	*cursor += n;
	if (*cursor == space->covered_count)
		*cursor = space->covered_count = 0;
	return (ssize_t)n;
}

static const struct origin_ops ops = {
	.site = site, .block = block, .name = name, .line = line, .module_next = module_next,
	.map_changes = map_changes, .code_gone = map_changes, .covered = covered,
};

/* ---- what the records say ---------------------------------------------------------------- */

struct replay_space *replay_space_create(uint32_t number, pid_t pid,
					 const struct replay_table *names, bool drops_time)
{
	struct replay_space *space = calloc(1, sizeof *space);

	if (!space)
		return NULL;
	space->origin = (struct origin){ &ops, pid };
	space->number = number;
	space->names = names;
	space->drops_time = drops_time;
	return space;
}

void replay_space_destroy(struct replay_space *space)
{
	if (!space)
		return;
	replay_space_forget(space);
	for (uint32_t i = 0; i < space->module_count; i++) {
		free(space->modules[i]->name);
		free(space->modules[i]->path);
		free(space->modules[i]);
	}
	free(space->modules);
	free(space->changes);
	free(space->sites);
	free(space->blocks);
	free(space->covered);
	shapes_deinit(&space->shapes);
	free(space);
}

static struct replay_module *module_new(uint32_t id, const struct trace_module *from)
{
	struct replay_module *m = calloc(1, sizeof *m);

	if (!m)
		return NULL;
	*m = (struct replay_module){
		.id = id, .base = from->base, .start = from->start, .end = from->end,
		.name = strndup(from->name, from->name_len),
		.path = strndup(from->path, from->path_len),
	};
	if (m->name && m->path)
		return m;
	free(m->name);
	free(m->path);
	free(m);
	return NULL;
}

static int add_module(struct replay_space *space, const struct trace_module *from)
{
	struct replay_module **grown = grow(space->modules, space->module_count, sizeof *grown);
	struct replay_module *m = grown ? module_new(from->id, from) : NULL;

	if (grown)
		space->modules = grown;
	if (!m)
		return -ENOMEM;
	space->modules[space->module_count++] = m;
	return 0;
}

int replay_space_module(struct replay_space *space, const struct trace_module *module)
{
	struct replay_change *grown;
	int r = 0;

	if (module->is_added ? module->id != space->module_count : module->id >= space->module_count)
		return -EBADMSG;
	grown = grow(space->changes, space->change_count, sizeof *grown);
	if (!grown)
		return -ENOMEM;
	space->changes = grown;
	if (module->is_added)
		r = add_module(space, module);
	if (r < 0)
		return r;
	struct replay_module *m = space->modules[module->id];
	m->is_retired = !module->is_added;
	space->changes[space->change_count++] = (struct replay_change){ m, module->is_added };
	return 0;
}

int replay_space_block(struct replay_space *space, const struct trace_block *from)
{
	struct replay_block **grown = grow(space->blocks, space->block_count, sizeof *grown);
	struct replay_block *b = malloc(sizeof *b + from->bytes_len);
	uint32_t number = space->block_count;

	if (grown)
		space->blocks = grown;
	if (!grown || !b) {
		free(b);
		return -ENOMEM;
	}
	b->public = (struct block){
		.pc = { from->pc }, .bytes_len = from->bytes_len, .insn_count = from->insn_count,
		.bytes = b->bytes, .index = number, .before = from->before,
		.ends_in_syscall = from->ends_in_syscall,
	};
	b->site = (struct site){ .kind = SITE_BLOCK, .block = number, .pc = from->pc, .target = from->pc };
	memcpy(b->bytes, from->bytes, from->bytes_len);
	space->blocks[space->block_count++] = b;
	return 0;
}

/* The tracer's own events have the payload that event.h says. */
static bool has_its_payload(const struct site *site)
{
	unsigned words = site->flags & SITE_HAS_EXTRA ? site->words : 0;

	switch (site->kind) {
	case SITE_SIGNAL: return words >= 7;
	case SITE_SIGRETURN: return words >= 3;
	case SITE_CUT: return words == 0 || words >= 4;
	default: return true;
	}
}

/* Are there so many blocks before the site's? */
static bool is_path(const struct replay_space *space, const struct site *site)
{
	uint32_t block = site->block;

	if (site->size > PATH_MAX_BLOCKS || (site->size > 1 && site->words))
		return false;
	for (unsigned i = 1; i < site->size && block < space->block_count; i++)
		block = space->blocks[block]->public.before;
	return block < space->block_count;
}

int replay_space_site(struct replay_space *space, const struct site *from)
{
	uint32_t number = space->site_count;
	struct site *grown;

	if (from->kind == SITE_BLOCK && !is_path(space, from))
		return -EBADMSG;
	if (number >= SITES_MAX || space->block_count >= SITES_MAX || !has_its_payload(from))
		return -EBADMSG;
	grown = grow(space->sites, number, sizeof *grown);
	if (!grown)
		return -ENOMEM;
	space->sites = grown;
	grown[number] = *from;
	if (space->drops_time && from->flags & SITE_HAS_TSC) {
		grown[number].flags &= (uint8_t)~SITE_HAS_TSC;
		grown[number].words = (uint8_t)(from->words - 2);
	}
	space->site_count++;
	return shapes_set(&space->shapes, number, (struct shape){ shape_flags(from), number });
}

static uint32_t *expand_path(const struct replay_space *space, const struct site *site, uint32_t *out)
{
	uint32_t block = site->block;

	for (unsigned i = site->size; i--; block = space->blocks[block]->public.before)
		out[i] = event_id(number_of_block(block), 0);
	return out + site->size;
}

size_t replay_space_expand(const struct replay_space *space, const uint32_t *words, size_t n,
			   uint32_t *out)
{
	uint32_t *end = out;

	for (size_t at = 0, len; at < n; at += len) {
		uint32_t number = event_index(words[at]);
		const struct site *site = &space->sites[number];

		len = 1 + event_words(words[at]);
		if (site->kind == SITE_BLOCK && site->size > 1) {
			end = expand_path(space, site, end);
			continue;
		}
		*end = event_id(number_of_site(number), event_words(words[at]));
		memcpy(end + 1, words + at + 1, (len - 1) * sizeof *words);
		end += len;
	}
	return (size_t)(end - out);
}

int replay_space_covered(struct replay_space *space, uint32_t number)
{
	uint32_t *grown;

	if (number >= space->block_count)
		return -EBADMSG;
	grown = grow(space->covered, space->covered_count, sizeof *grown);
	if (!grown)
		return -ENOMEM;
	space->covered = grown;
	grown[space->covered_count++] = number;
	return 0;
}

void replay_space_forget(struct replay_space *space)
{
	for (uint32_t i = 0; i < space->block_count; i++)
		free(space->blocks[i]);
	space->block_count = space->site_count = space->covered_count = 0;
	shapes_clear(&space->shapes);
}
