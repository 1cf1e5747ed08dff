/* record-names.c - what is at the addresses that recorded events refer to.
 *
 * An address is looked up when it is met first, as another module may be in its place
 * later.  Its source line is written at the end: to look for it takes longer, and is done
 * meanwhile where it can be (line-ahead.h); a module that is gone by then keeps its files.
 */
#include <stdlib.h>
#include <string.h>

#include "decode.h"
#include "record.h"
#include "trace-log.h"
#include "trace-names.h"

#define CHUNK_BYTES (1u << 20)
#define HASH_MIN 4096u
#define LINES_UNKNOWN (-2)

struct noted {
	struct origin_name name;
	uint64_t address;
	uint32_t module;
	unsigned map_changes;           /* when that was looked at */
};

struct record_names {
	struct origin *origin;
	struct trace_bytes *control;
	uint32_t space;                 /* its number */
	struct noted *items;
	uint32_t count, room;
	uint32_t *hash;                 /* index + 1 of the newest for an address */
	uint32_t hash_mask;
	/* modules: cursor into the origin's; their identities, by id */
	size_t cursor;
	unsigned map_changes;
	bool has_looked;
	struct module {
		const void *identity;
		int lines;              /* their number; LINES_UNKNOWN: not asked yet */
	} *modules;
	uint32_t module_count;
};

struct record_names *record_names_create(struct origin *origin, struct trace_bytes *control,
					 uint32_t space)
{
	struct record_names *names = calloc(1, sizeof *names);

	if (names)
		names->hash = calloc(HASH_MIN, sizeof *names->hash);
	if (!names || !names->hash) {
		free(names);
		return NULL;
	}
	names->hash_mask = HASH_MIN - 1;
	names->origin = origin;
	names->control = control;
	names->space = space;
	return names;
}

void record_names_destroy(struct record_names *names)
{
	if (!names)
		return;
	free(names->items);
	free(names->hash);
	free(names->modules);
	free(names);
}

/* ---- modules --------------------------------------------------------------------------- */

/* The newest with this identity. */
static uint32_t module_id(const struct record_names *names, const void *identity)
{
	for (uint32_t i = names->module_count; i-- > 0;)
		if (names->modules[i].identity == identity)
			return i;
	return TRACE_NO_MODULE;
}

static uint32_t add_module(struct record_names *names, const void *identity)
{
	struct module *grown = realloc(names->modules, (names->module_count + 1ul) * sizeof *grown);

	if (!grown)
		return TRACE_NO_MODULE;
	names->modules = grown;
	grown[names->module_count] = (struct module){ identity, LINES_UNKNOWN };
	return names->module_count++;
}

static void look(struct record_names *names, unsigned changes)
{
	struct origin_module m;

	names->has_looked = true;
	names->map_changes = changes;
	while (origin_module_next(names->origin, &names->cursor, &m)) {
		uint32_t id = m.is_added ? add_module(names, m.identity)
					 : module_id(names, m.identity);
		const struct trace_module module = {
			.is_added = m.is_added, .id = id, .base = m.base, .start = m.start,
			.end = m.end, .name = m.name, .path = m.path, .name_len = strlen(m.name),
			.path_len = strlen(m.path),
		};

		if (id != TRACE_NO_MODULE)
			trace_log_module(names->control, names->space, &module);
	}
}

void record_names_modules(struct record_names *names)
{
	unsigned changes = origin_map_changes(names->origin);

	if (!names->has_looked || changes != names->map_changes)
		look(names, changes);
}

/* A module may come without a change that was counted: to look at an address, too, is to
 * look at the map. */
static uint32_t module_id_now(struct record_names *names, const void *identity)
{
	uint32_t id = module_id(names, identity);

	if (id != TRACE_NO_MODULE)
		return id;
	look(names, origin_map_changes(names->origin));
	return module_id(names, identity);
}

/* ---- addresses ------------------------------------------------------------------------- */

static uint32_t *slot_of(const struct record_names *names, uint64_t address)
{
	uint32_t i = (uint32_t)(address * 0x9e3779b97f4a7c15ull >> 32) & names->hash_mask;

	while (names->hash[i] && names->items[names->hash[i] - 1].address != address)
		i = (i + 1) & names->hash_mask;
	return &names->hash[i];
}

static bool grow_hash(struct record_names *names)
{
	uint32_t size = 2 * (names->hash_mask + 1);
	uint32_t *grown = calloc(size, sizeof *grown);

	if (!grown)
		return false;
	free(names->hash);
	names->hash = grown;
	names->hash_mask = size - 1;
	for (uint32_t i = 0; i < names->count; i++)
		*slot_of(names, names->items[i].address) = i + 1;
	return true;
}

static bool make_room(struct record_names *names)
{
	if (names->count == names->room) {
		uint32_t room = names->room ? 2 * names->room : 1024;
		struct noted *grown = realloc(names->items, room * sizeof *grown);

		if (!grown)
			return false;
		names->items = grown;
		names->room = room;
	}
	return names->count * 2 < names->hash_mask || grow_hash(names);
}

/* Is what was noted there still what is there? */
static bool is_known(struct record_names *names, uint64_t address)
{
	uint32_t index = *slot_of(names, address);
	struct origin_name now;

	if (!index)
		return false;
	struct noted *noted = &names->items[index - 1];
	if (noted->map_changes == names->map_changes)
		return true;
	origin_name(names->origin, address, &now);
	if (now.identity != noted->name.identity)
		return false;
	noted->map_changes = names->map_changes;
	return true;
}

static void look_for_line(struct record_names *names, const struct noted *noted)
{
	struct module *module = noted->module == TRACE_NO_MODULE ? NULL : &names->modules[noted->module];

	if (!module)
		return;
	if (module->lines == LINES_UNKNOWN)
		module->lines = origin_lines_of(names->origin, noted->address, noted->name.identity);
	if (module->lines >= 0)
		origin_line_soon(names->origin, module->lines, noted->address - noted->name.base);
}

static void add(struct record_names *names, uint64_t address)
{
	struct noted noted = { .address = address };

	origin_name(names->origin, address, &noted.name);
	if (!noted.name.identity || !make_room(names))
		return;
	noted.module = module_id_now(names, noted.name.identity);
	noted.map_changes = names->map_changes;
	names->items[names->count++] = noted;
	*slot_of(names, address) = names->count;
	look_for_line(names, &noted);
	if (noted.name.function && noted.name.start != address)
		record_names_note(names, noted.name.start);
}

void record_names_note(struct record_names *names, uint64_t address)
{
	if (!is_known(names, address))
		add(names, address);
}

void record_names_note_block(struct record_names *names, const struct block *block)
{
	uint32_t at = 0;

	while (at < block->bytes_len) {
		struct x86_insn insn;
		int len = x86_decode(block->bytes + at, block->bytes_len - at, &insn);

		record_names_note(names, block->pc.address + at);
		if (len <= 0)
			return;
		at += (uint32_t)len;
	}
}

/* ---- written --------------------------------------------------------------------------- */

static int by_address(const void *a, const void *b)
{
	const struct noted *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return x->module < y->module ? -1 : x->module > y->module;
}

struct writing {
	struct record_names *names;
	struct trace_bytes raw;
	const char *function, *file;
	uint64_t start, before;
	unsigned map_changes;           /* as of now */
};

static void begin(struct writing *w, uint32_t space)
{
	trace_names_begin(&w->raw, space);
	w->function = w->file = NULL;
	w->before = 0;
}

static void put_function(struct writing *w, const struct origin_name *n)
{
	const struct trace_function function = {
		.name = n->function, .name_len = strlen(n->function),
		.mangled = n->mangled, .mangled_len = strcmp(n->function, n->mangled) ? strlen(n->mangled) : 0,
		.start = n->start, .is_plt = n->is_plt,
	};

	if (w->function == n->function && w->start == n->start)
		return;
	trace_names_function(&w->raw, &function);
	w->function = n->function;
	w->start = n->start;
}

static bool find_line(const struct record_names *names, const struct noted *noted, struct origin_line *out)
{
	int lines = noted->module == TRACE_NO_MODULE ? -1 : names->modules[noted->module].lines;

	if (lines >= 0 && origin_line_known(names->origin, lines, noted->address - noted->name.base, out))
		return out->line;
	return origin_line(names->origin, noted->address, out);
}

/* The line, if the address is still that of the same module. */
static uint32_t put_line(struct writing *w, const struct noted *noted)
{
	struct origin_line line;
	struct origin_name now;

	if (noted->map_changes != w->map_changes) {
		origin_name(w->names->origin, noted->address, &now);
		if (now.identity != noted->name.identity)
			return 0;
	}
	if (!find_line(w->names, noted, &line))
		return 0;
	if (!w->file || strcmp(w->file, line.file)) {
		trace_names_file(&w->raw, line.file);
		w->file = line.file;
	}
	return line.line;
}

static void put_address(struct writing *w, const struct noted *noted)
{
	struct trace_address address = {
		.address = noted->address, .module = noted->module,
		.is_start = noted->name.is_start, .has_function = noted->name.function != NULL,
	};

	if (address.has_function)
		put_function(w, &noted->name);
	address.line = put_line(w, noted);
	trace_names_address(&w->raw, &address, w->before);
	w->before = noted->address;
}

void record_names_write(struct record_names *names,
			void (*put)(void *context, const struct trace_bytes *raw),
			void (*pause)(void *context), void *context)
{
	struct writing w = { .names = names, .map_changes = origin_map_changes(names->origin) };
	uint64_t asked = 0;

	if (!names->count)
		return;
	qsort(names->items, names->count, sizeof *names->items, by_address);
	while (origin_lines_wait(names->origin, &asked))
		pause(context);
	for (uint32_t i = 0; i < names->count; i++) {
		if (!w.raw.len)
			begin(&w, names->space);
		put_address(&w, &names->items[i]);
		pause(context);
		if (w.raw.len >= CHUNK_BYTES || i + 1 == names->count) {
			put(context, &w.raw);
			w.raw.len = 0;
		}
	}
	trace_bytes_deinit(&w.raw);
	names->count = 0;
}
