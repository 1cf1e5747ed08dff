#include "names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"
#include "json.h"
#include "line.h"
#include "origin.h"

struct names {
	struct origin *origin;
	const struct filter *filter;
	bool mangled;                   /* --no-demangle */
	struct name **table;            /* open addressing, by address: the newest of each */
	uint32_t mask, used;
	struct name **all;              /* by id */
	uint32_t count, room;
	const struct name **by_index;
	uint32_t index_room;
	size_t changes;                 /* cursor into the origin's modules */
	unsigned generation;
};

static struct name unknown = {
	.function = "", .module = "", .text = "?", .text_len = 1, .of_function = &unknown,
};

struct names *names_create(struct origin *origin, const struct filter *filter, bool mangled)
{
	struct names *names = calloc(1, sizeof *names);

	if (!names)
		return NULL;
	names->origin = origin;
	names->filter = filter;
	names->mangled = mangled;
	names->mask = 4095;
	names->table = calloc(names->mask + 1ul, sizeof *names->table);
	if (!names->table) {
		free(names);
		return NULL;
	}
	return names;
}

void names_destroy(struct names *names)
{
	if (!names)
		return;
	for (uint32_t i = 0; i < names->count; i++) {
		struct name *name = names->all[i];

		free((void *)name->text);
		free((void *)name->function);
		free((void *)name->module);
		free((void *)name->place);
		free((void *)name->json);
		free((void *)name->line);
		free((void *)name->file);
		free(name);
	}
	free(names->all);
	free(names->table);
	free(names->by_index);
	free(names);
}

size_t names_count(const struct names *names)
{
	return names->count;
}

const struct name *names_at(const struct names *names, uint32_t id)
{
	return names->all[id];
}

unsigned names_generation(const struct names *names)
{
	return names->generation;
}

/* ---- the table ---------------------------------------------------------------------- */

static struct name **slot_of(const struct names *names, uint64_t address)
{
	uint32_t i = (uint32_t)((address * 0x9e3779b97f4a7c15ull) >> 32) & names->mask;

	while (names->table[i] && names->table[i]->address != address)
		i = (i + 1) & names->mask;
	return &names->table[i];
}

static bool grow(struct names *names)
{
	struct name **old = names->table;
	uint32_t old_mask = names->mask;

	names->mask = old_mask * 2 + 1;
	names->table = calloc(names->mask + 1ul, sizeof *names->table);
	if (!names->table) {
		names->table = old;
		names->mask = old_mask;
		return false;
	}
	for (uint32_t i = 0; i <= old_mask; i++)
		if (old[i])
			*slot_of(names, old[i]->address) = old[i];
	free(old);
	return true;
}

static struct name *add(struct names *names, uint64_t address)
{
	if (names->count == names->room) {
		uint32_t room = names->room ? names->room * 2 : 1024;
		struct name **grown = realloc(names->all, room * sizeof *grown);

		if (!grown)
			return NULL;
		names->all = grown;
		names->room = room;
	}
	struct name *name = calloc(1, sizeof *name);
	if (!name)
		return NULL;
	name->address = address;
	name->id = names->count;
	names->all[names->count++] = name;
	return name;
}

/* ---- what is known of an address -------------------------------------------------------- */

static bool starts_with(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

bool name_is_resolver(const char *function)
{
	return starts_with(function, "_dl_runtime_resolve") ||
	       starts_with(function, "_dl_runtime_profile");
}

/* Is it `word`, or `word` with a suffix as .abi0, @plt, @@GLIBC_2.2.5? */
static bool is_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	return !strncmp(text, word, len) && (!text[len] || text[len] == '.' || text[len] == '@');
}

static void classify(struct name *name, const struct origin_name *found)
{
	static const char *const switches[] = {
		"swapcontext", "setcontext", "__start_context", "jump_fcontext", "ontop_fcontext",
		"coro_transfer", "runtime.gogo", "gogo", "runtime.mcall", "runtime.systemstack",
		"runtime.asmcgocall", "runtime.cgocallback", "runtime.morestack",
		"runtime.morestack_noctxt", "runtime.rt0_go",
	};
	const char *function = name->function;

	name->is_plt = found->is_plt;
	name->is_resolver = name_is_resolver(function);
	name->is_cold = found->function && strstr(found->mangled, ".cold");
	name->grows_stack = is_word(function, "runtime.morestack") ||
			    is_word(function, "runtime.morestack_noctxt");
	if (name->is_plt)
		return;
	for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
		name->switches_stacks |= is_word(function, switches[i]);
}

static char *make_text(const struct name *name, bool has_module)
{
	char buffer[32], *at = buffer;

	if (*name->function)
		return strdup(name->function);
	if (has_module)
		*at++ = '+';
	at = put_hex(at, has_module ? name->module_offset - (name->address - name->start)
				    : name->start);
	*at = 0;
	char *whole = malloc(strlen(name->module) + sizeof buffer);
	return whole ? strcat(strcpy(whole, name->module), buffer) : NULL;
}

static void look_up(struct names *names, struct name *name)
{
	struct origin_module module;
	struct origin_name found;

	name->map_changes = origin_code_gone(names->origin);
	origin_name(names->origin, name->address, &found);
	while (origin_module_next(names->origin, &names->changes, &module))
		names->generation++;
	name->is_start = found.is_start;
	name->module_identity = found.identity;
	name->module = strdup(found.module ? found.module : "");
	name->module_offset = name->address - found.base;
	name->start = found.function ? found.start : name->address;
	name->function = strdup(!found.function ? "" :
				names->mangled ? found.mangled : found.function);
	if (name->function)
		classify(name, &found);
	if (name->module && name->function)
		name->text = make_text(name, found.module != NULL);
	name->text_len = name->text ? (uint32_t)strlen(name->text) : 0;
}

static const struct name *make(struct names *names, uint64_t address)
{
	struct name *name = add(names, address);

	if (!name)
		return &unknown;
	look_up(names, name);
	if (!name->text) {
		name->text = strdup("?");
		name->text_len = 1;
	}
	if (!name->text || !name->module || !name->function) {
		names->count--;
		return &unknown;
	}
	struct name **slot = slot_of(names, address);
	if (!*slot)
		names->used++;
	*slot = name;
	name->of_function = name->start == address ? name : names_now(names, name->start);
	name->function_id = name->of_function->id;
	name->filter = filter_name(names->filter, name->of_function->function, name->module);
	return name;
}

const struct name *names_find(struct names *names, uint64_t address)
{
	struct name **slot = slot_of(names, address);

	if (*slot)
		return *slot;
	if (names->used * 2 > names->mask && !grow(names))
		return &unknown;
	return make(names, address);
}

/* ---- by index ------------------------------------------------------------------------------ */

static bool make_index_room(struct names *names, uint32_t index)
{
	uint32_t room = names->index_room ? names->index_room : 4096;

	while (room <= index)
		room *= 2;
	const struct name **grown = realloc(names->by_index, room * sizeof *grown);
	if (!grown)
		return false;
	memset(grown + names->index_room, 0, (room - names->index_room) * sizeof *grown);
	names->by_index = grown;
	names->index_room = room;
	return true;
}

/* A module may stand at the place of another that was unloaded. */
static bool is_outdated(struct names *names, const struct name *constant)
{
	unsigned changes = origin_code_gone(names->origin);
	struct origin_name now;
	struct name *name = (struct name *)constant;

	if (name == &unknown || name->map_changes == changes)
		return false;
	name->map_changes = changes;
	origin_name(names->origin, name->address, &now);
	return now.identity != name->module_identity;
}

const struct name *names_now(struct names *names, uint64_t address)
{
	const struct name *name = names_find(names, address);

	return is_outdated(names, name) ? make(names, address) : name;
}

const struct name *names_of_index(struct names *names, uint32_t index, uint64_t address)
{
	const struct name *name = index < names->index_room ? names->by_index[index] : NULL;

	if (name && name->address == address &&
	    name->map_changes == origin_code_gone(names->origin))
		return name;
	name = names_now(names, address);
	if (index < names->index_room || make_index_room(names, index))
		names->by_index[index] = name;
	return name;
}

void names_forget_indices(struct names *names)
{
	if (names->by_index)
		memset(names->by_index, 0, names->index_room * sizeof *names->by_index);
}

/* ---- texts ----------------------------------------------------------------------------------- */

const char *name_place(const struct name *constant)
{
	struct name *name = (struct name *)constant;
	uint64_t into = name->address - name->start;

	if (name->place)
		return name->place;
	char *text = malloc(strlen(name->module) + strlen(name->function) + 48), *at = text;
	if (!text)
		return "?";
	at = put_string(at, name->module);
	if (*name->function) {
		if (*name->module)
			*at++ = '!';
		at = put_string(at, name->function);
		if (into) {
			*at++ = '+';
			at = put_hex(at, into);
		}
	} else if (*name->module) {
		*at++ = '+';
		at = put_hex(at, name->module_offset);
	} else {
		at = put_hex(at, name->address);
	}
	*at = 0;
	name->place_len = (uint32_t)(at - text);
	return name->place = text;
}

const char *name_json(const struct name *constant)
{
	struct name *name = (struct name *)constant;

	if (name->json)
		return name->json;
	char *text = malloc(JSON_STRING_ROOM(strlen(name->function) + strlen(name->module)) + 48);
	char *at = text;
	if (!text)
		return "";
	if (*name->function) {
		at = put_literal(at, ",\"function\":");
		at = json_string(at, name->function);
	}
	if (*name->module) {
		at = put_literal(at, ",\"module\":");
		at = json_string(at, name->module);
	}
	*at = 0;
	name->json_len = (uint32_t)(at - text);
	return name->json = text;
}

void names_line(struct names *names, const struct name *constant)
{
	struct name *name = (struct name *)constant;
	struct origin_line line;

	if (name->has_line || name == &unknown)
		return;
	name->has_line = true;
	if (origin_line(names->origin, name->address, &line)) {
		name->file = strdup(line.file);
		name->line_number = line.line;
	}
}

const char *name_line(struct names *names, const struct name *constant)
{
	struct name *name = (struct name *)constant;
	char *text = NULL;

	if (name->line)
		return name->line;
	names_line(names, name);
	const char *slash = name->file ? strrchr(name->file, '/') : NULL;
	const char *base = slash ? slash + 1 : name->file;
	if (!base || asprintf(&text, "%s:%u", base, name->line_number) < 0)
		return "";
	name->line_len = (uint32_t)strlen(text);
	return name->line = text;
}
