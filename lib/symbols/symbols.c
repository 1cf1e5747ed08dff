#include "symbols.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "symbols-internal.h"

void symbols_set_pid(struct symbols *s, pid_t pid)
{
	s->pid = pid;
}

struct symbols *symbols_create(pid_t pid, const struct symbols_memory *memory)
{
	struct symbols *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->pid = pid;
	s->memory = *memory;
	return s;
}

struct symbols *symbols_create_given(const struct symbols_given *given)
{
	struct symbols *s = calloc(1, sizeof *s);

	if (s)
		s->given = *given;
	return s;
}

void symbols_destroy(struct symbols *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->ever_count; i++)
		module_close(s->ever[i]);
	free(s->modules);
	free(s->ever);
	free(s->changes);
	free(s->mappings);
	free(s->ignored);
	free(s->maps_text);
	pool_deinit(&s->pool);
	free(s);
}

void symbols_set_demangle(struct symbols *s, bool on)
{
	s->no_demangle = !on;
}

int symbols_ignore_range(struct symbols *s, uint64_t start, uint64_t end)
{
	struct symbols_range *grown = realloc(s->ignored,
					      (s->ignored_count + 1) * sizeof *grown);

	if (!grown)
		return -ENOMEM;
	s->ignored = grown;
	s->ignored[s->ignored_count++] = (struct symbols_range){ start, end };
	/* what was read is to be judged anew */
	free(s->maps_text);
	s->maps_text = NULL;
	s->maps_size = 0;
	return 0;
}

bool symbols_is_ignored(const struct symbols *s, uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < s->ignored_count; i++)
		if (start < s->ignored[i].end && s->ignored[i].start < end)
			return true;
	return false;
}

static const struct mapping *retired_mapping(const struct symbols *s, uint64_t address)
{
	for (size_t n = 1; n <= SYMBOLS_RETIRED_MAX && n <= s->retired_count; n++) {
		const struct mapping *m =
			&s->retired[(s->retired_count - n) % SYMBOLS_RETIRED_MAX];

		if (m->start <= address && address < m->end)
			return m;
	}
	return NULL;
}

size_t symbols_mapping_behind(const struct symbols *s, uint64_t address)
{
	size_t low = 0, high = s->mapping_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->mappings[mid].end <= address)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct mapping *symbols_mapping(const struct symbols *s, uint64_t address)
{
	size_t i = symbols_mapping_behind(s, address);

	if (i < s->mapping_count && s->mappings[i].start <= address)
		return &s->mappings[i];
	return retired_mapping(s, address);
}

bool symbols_has_code(const struct symbols *s, uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < s->mapping_count; i++)
		if (s->mappings[i].is_code && s->mappings[i].start < end &&
		    start < s->mappings[i].end)
			return true;
	return false;
}

bool symbols_is_current(const struct symbols *s, uint64_t address, const struct map *map)
{
	const struct mapping *known = symbols_mapping(s, address);

	if (!known || known->start != map->start || known->end != map->end ||
	    known->inode != map->inode)
		return false;
	return !known->inode || !known->module ||
	       (known->module->dev_major == map->dev_major &&
		known->module->dev_minor == map->dev_minor && !known->module->public.is_retired);
}

const struct symbols_module *symbols_module_find(struct symbols *s, uint64_t address)
{
	if (s->given.module_find)
		return s->given.module_find(s->given.context, address);
	const struct mapping *mapping = symbols_mapping(s, address);

	return mapping && mapping->module ? &mapping->module->public : NULL;
}

size_t symbols_module_count(const struct symbols *s)
{
	return s->module_count;
}

const struct symbols_module *symbols_module_at(const struct symbols *s, size_t index)
{
	return index < s->module_count ? &s->modules[index]->public : NULL;
}

bool symbols_change_next(const struct symbols *s, size_t *cursor, struct symbols_change *out)
{
	if (*cursor >= s->change_count)
		return false;
	*out = s->changes[(*cursor)++];
	return true;
}
