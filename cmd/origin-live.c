/* origin-live.c - a process that is traced, as the origin of its events. */
#include <errno.h>
#include <pthread.h>

#include "line-ahead.h"
#include "line-cache.h"
#include "session.h"
#include "source.h"
#include "target.h"

static const struct site *site(const struct origin *origin, uint32_t index)
{
	return translator_site(target_of_origin(origin)->translator, index);
}

static const struct block *block(const struct origin *origin, uint32_t index)
{
	return translator_block(target_of_origin(origin)->translator, index);
}

static void name(struct origin *origin, uint64_t address, struct origin_name *out)
{
	struct target *target = target_of_origin(origin);

	*out = (struct origin_name){ 0 };
	target_symbols_lock_at(target, address);
	const struct symbol *symbol = symbols_find(target->symbols, address);
	const struct symbols_module *module = symbols_module_find(target->symbols, address);
	if (symbol) {
		out->function = symbol->name;
		out->mangled = symbol->mangled;
		out->start = symbol->start;
		out->is_plt = symbol->is_plt;
	}
	if (module) {
		out->module = module->name;
		out->base = module->base;
	}
	out->identity = module;
	out->is_start = symbols_function_start(target->symbols, address);
	target_symbols_unlock(target);
}

static void find_line(struct target *target, uint64_t address, struct origin_line *out)
{
	struct line_cache *cache = target->session->lines;
	struct source_line found = { 0 };
	struct source_place place;
	bool has_place = symbols_source_place(target->symbols, address, &place);

	if (has_place && line_cache_find(cache, &place, out))
		return;
	bool is_known = symbols_line(target->symbols, address, &found) && found.line;
	*out = is_known ? (struct origin_line){ found.file, found.line }
			: (struct origin_line){ 0 };
	if (has_place)
		line_cache_add(cache, &place, out);
}

static bool line(struct origin *origin, uint64_t address, struct origin_line *out)
{
	struct target *target = target_of_origin(origin);
	struct origin_line found;

	target_symbols_lock_at(target, address);
	find_line(target, address, &found);
	target_symbols_unlock(target);
	if (found.line)
		*out = found;
	return found.line;
}

static int lines_of(struct origin *origin, uint64_t address, const void *identity)
{
	struct target *target = target_of_origin(origin);
	struct line_ahead *ahead = target->session->lines_ahead;
	struct source_place place;
	int lines = -1;

	target_symbols_lock_at(target, address);
	if (symbols_module_find(target->symbols, address) == identity &&
	    symbols_source_place(target->symbols, address, &place)) {
		lines = line_ahead_file(ahead, &place.file);
		if (lines < 0)
			lines = line_ahead_file_add(ahead, &place.file,
						    symbols_source_lines(target->symbols, address));
	}
	target_symbols_unlock(target);
	return lines;
}

static void line_soon(struct origin *origin, int lines, uint64_t offset)
{
	line_ahead_add(target_of_origin(origin)->session->lines_ahead, lines, offset);
}

static bool lines_wait(struct origin *origin, uint64_t *asked)
{
	return line_ahead_wait(target_of_origin(origin)->session->lines_ahead, asked);
}

static bool line_known(struct origin *origin, int lines, uint64_t offset, struct origin_line *out)
{
	return line_ahead_find(target_of_origin(origin)->session->lines_ahead, lines, offset, out);
}

static bool module_next(struct origin *origin, size_t *cursor, struct origin_module *out)
{
	struct target *target = target_of_origin(origin);
	struct symbols_change change;

	target_symbols_lock(target);
	bool is_new = symbols_change_next(target->symbols, cursor, &change);
	if (is_new)
		*out = (struct origin_module){ change.module->name, change.module->path,
					       change.module, change.module->base,
					       change.module->start, change.module->end,
					       change.is_added };
	target_symbols_unlock(target);
	return is_new;
}

static unsigned map_changes(const struct origin *origin)
{
	return __atomic_load_n(&target_of_origin(origin)->map_changes, __ATOMIC_ACQUIRE);
}

static unsigned code_gone(const struct origin *origin)
{
	return __atomic_load_n(&target_of_origin(origin)->code_gone, __ATOMIC_ACQUIRE);
}

static ssize_t covered(struct origin *origin, size_t *cursor, uint32_t *out, size_t room)
{
	struct target *target = target_of_origin(origin);
	const struct block *next;
	size_t n = 0;

	if (pthread_mutex_trylock(&target->lock))
		return -EAGAIN;
	while (n < room && translator_first_next(target->translator, cursor, &next))
		out[n++] = next->index;
	pthread_mutex_unlock(&target->lock);
	return (ssize_t)n;
}

static int superblock(struct origin *origin, const uint64_t *pcs, unsigned count, bool counts)
{
	struct target *target = target_of_origin(origin);

	if (pthread_mutex_trylock(&target->lock))
		return -EAGAIN;
	int r = translator_superblock(target->translator, pcs, count, counts);
	pthread_mutex_unlock(&target->lock);
	return r;
}

static bool count_paths(struct origin *origin)
{
	struct target *target = target_of_origin(origin);

	if (pthread_mutex_trylock(&target->lock))
		return false;
	translator_count_paths(target->translator);
	pthread_mutex_unlock(&target->lock);
	return true;
}

const struct origin_ops origin_live = {
	.site = site, .block = block, .name = name, .line = line, .lines_of = lines_of,
	.line_soon = line_soon, .lines_wait = lines_wait, .line_known = line_known,
	.module_next = module_next,
	.map_changes = map_changes, .code_gone = code_gone, .covered = covered,
	.superblock = superblock, .count_paths = count_paths,
};
