#include "record-access.h"

#include <stdlib.h>
#include <string.h>

#include "source.h"
#include "trace-access.h"

#define HASH_MIN 1024u

/* What has been put into the log, to be compared with what is: another program may have
 * taken the process, with its symbols where the others were. */
struct known_module {
	char *name;
	uint64_t base;
};

struct known_symbol {
	char *name;
	uint64_t start;
	uint32_t module;
};

struct known_address {
	uint64_t address;
	uint32_t function, object, module;      /* or TRACE_NONE */
};

struct known_place {
	char *text;
	uint64_t address, size;
	unsigned len;
	enum symbols_type_kind kind;
};

struct record_accesses {
	struct known_module *modules;
	struct known_symbol *symbols;
	struct known_address *addresses;
	struct known_place *places;
	uint32_t module_count, symbol_count, address_count, place_count;
	uint32_t *hash;                         /* 1 + index of an address */
	uint32_t hash_mask;
	struct trace_bytes *control;
	bool failed;                            /* out of memory */
};

struct record_accesses *record_accesses_create(void)
{
	struct record_accesses *a = calloc(1, sizeof *a);

	if (a)
		a->hash = calloc(HASH_MIN, sizeof *a->hash);
	if (!a || !a->hash) {
		free(a);
		return NULL;
	}
	a->hash_mask = HASH_MIN - 1;
	return a;
}

void record_accesses_destroy(struct record_accesses *a)
{
	if (!a)
		return;
	for (uint32_t i = 0; i < a->module_count; i++)
		free(a->modules[i].name);
	for (uint32_t i = 0; i < a->symbol_count; i++)
		free(a->symbols[i].name);
	for (uint32_t i = 0; i < a->place_count; i++)
		free(a->places[i].text);
	free(a->modules);
	free(a->symbols);
	free(a->addresses);
	free(a->places);
	free(a->hash);
	free(a);
}

/* Room for one more behind `count`; NULL: out of memory. */
static void *grow(struct record_accesses *a, void *items, uint32_t count, size_t size)
{
	if (count & (count - 1))
		return items;
	void *grown = realloc(items, (count ? 2ul * count : 1) * size);
	a->failed |= !grown;
	return grown;
}

static struct trace_text text_of(const char *text)
{
	return (struct trace_text){ text, strlen(text) };
}

/* ---- modules and symbols ----------------------------------------------------------------- */

static uint32_t module_number(struct record_accesses *a, const struct symbols_module *m)
{
	if (!m)
		return TRACE_NONE;
	for (uint32_t i = 0; i < a->module_count; i++)
		if (a->modules[i].base == m->base && !strcmp(a->modules[i].name, m->name))
			return i;
	struct known_module *grown = grow(a, a->modules, a->module_count, sizeof *grown);
	char *name = strdup(m->name);
	if (grown)
		a->modules = grown;
	if (!grown || !name) {
		free(name);
		a->failed = true;
		return TRACE_NONE;
	}
	trace_access_module(a->control, &(struct trace_access_module){ text_of(m->name), m->base });
	grown[a->module_count] = (struct known_module){ name, m->base };
	return a->module_count++;
}

static bool is_symbol(const struct record_accesses *a, uint32_t number, const struct symbol *s)
{
	if (!s || number == TRACE_NONE)
		return !s && number == TRACE_NONE;
	const struct known_symbol *known = &a->symbols[number];
	return known->start == s->start && !strcmp(known->name, s->name) &&
	       a->modules[known->module].base == s->module->base &&
	       !strcmp(a->modules[known->module].name, s->module->name);
}

static uint32_t symbol_number(struct record_accesses *a, const struct symbol *s)
{
	if (!s)
		return TRACE_NONE;
	for (uint32_t i = a->symbol_count; i-- > 0;)
		if (is_symbol(a, i, s))
			return i;
	uint32_t module = module_number(a, s->module);
	struct known_symbol *grown = grow(a, a->symbols, a->symbol_count, sizeof *grown);
	char *name = strdup(s->name);
	if (grown)
		a->symbols = grown;
	if (!grown || !name || module == TRACE_NONE) {
		free(name);
		a->failed = true;
		return TRACE_NONE;
	}
	const struct trace_access_symbol record = {
		.module = module, .start = s->start, .name = text_of(s->name),
		.mangled = text_of(strcmp(s->name, s->mangled) ? s->mangled : ""),
	};
	trace_access_symbol(a->control, &record);
	grown[a->symbol_count] = (struct known_symbol){ name, s->start, module };
	return a->symbol_count++;
}

/* ---- addresses --------------------------------------------------------------------------- */

static uint32_t *slot_of(const struct record_accesses *a, uint64_t address)
{
	uint32_t i = (uint32_t)(address * 0x9e3779b97f4a7c15ull >> 32) & a->hash_mask;

	while (a->hash[i] && a->addresses[a->hash[i] - 1].address != address)
		i = (i + 1) & a->hash_mask;
	return &a->hash[i];
}

static bool grow_hash(struct record_accesses *a)
{
	uint32_t size = 2 * (a->hash_mask + 1);
	uint32_t *grown = calloc(size, sizeof *grown);

	if (!grown)
		return false;
	free(a->hash);
	a->hash = grown;
	a->hash_mask = size - 1;
	for (uint32_t i = 0; i < a->address_count; i++)
		*slot_of(a, a->addresses[i].address) = i + 1;
	return true;
}

static struct known_address *add_address(struct record_accesses *a, uint64_t address)
{
	struct known_address *grown = grow(a, a->addresses, a->address_count, sizeof *grown);

	if (grown)
		a->addresses = grown;
	if (!grown || (a->address_count * 2 >= a->hash_mask && !grow_hash(a))) {
		a->failed = true;
		return NULL;
	}
	uint32_t *slot = slot_of(a, address);
	grown[a->address_count] = (struct known_address){ address, TRACE_NONE, TRACE_NONE, TRACE_NONE };
	*slot = ++a->address_count;
	return &grown[*slot - 1];
}

static bool is_module(const struct record_accesses *a, uint32_t number, const struct symbols_module *m)
{
	if (!m || number == TRACE_NONE)
		return !m && number == TRACE_NONE;
	return a->modules[number].base == m->base && !strcmp(a->modules[number].name, m->name);
}

static void put_address(struct record_accesses *a, struct symbols *symbols,
			struct known_address *known)
{
	struct trace_access_address record = {
		.address = known->address, .function = known->function, .object = known->object,
		.module = known->module, .file = text_of(""),
	};
	struct source_line line;

	if (symbols_line(symbols, known->address, &line) && line.line) {
		record.file = text_of(line.file);
		record.line = line.line;
	}
	trace_access_address(a->control, &record);
}

/* What is there, if it is not what was there when it was put into the log. */
static void note(struct record_accesses *a, struct symbols *symbols, uint64_t address)
{
	const struct symbol *function = symbols_find(symbols, address);
	const struct symbol *object = function ? NULL : symbols_find_object(symbols, address);
	const struct symbols_module *module = symbols_module_find(symbols, address);
	uint32_t index = *slot_of(a, address);
	struct known_address *known = index ? &a->addresses[index - 1] : NULL;

	if (known ? is_symbol(a, known->function, function) && is_symbol(a, known->object, object) &&
		    is_module(a, known->module, module) : !function && !object && !module)
		return;
	uint32_t f = symbol_number(a, function), o = symbol_number(a, object);
	uint32_t m = module_number(a, module);
	if (!known)
		known = add_address(a, address);
	if (a->failed || !known)
		return;
	known->function = f;
	known->object = o;
	known->module = m;
	put_address(a, symbols, known);
}

/* ---- places ------------------------------------------------------------------------------ */

static uint32_t place_number(struct record_accesses *a, const struct place *p)
{
	for (uint32_t i = 0; i < a->place_count; i++) {
		const struct known_place *known = &a->places[i];

		if (known->address == p->address && known->len == p->len && known->kind == p->type.kind &&
		    known->size == p->type.size && !strcmp(known->text, p->text))
			return i;
	}
	struct known_place *grown = grow(a, a->places, a->place_count, sizeof *grown);
	char *text = strdup(p->text);
	if (grown)
		a->places = grown;
	if (!grown || !text) {
		free(text);
		a->failed = true;
		return 0;
	}
	const struct trace_access_place record = {
		.text = text_of(p->text), .address = p->address, .size = p->type.size, .len = p->len,
		.kind = p->type.kind, .enumerator_count = (uint32_t)p->type.enumerator_count,
	};
	trace_access_place(a->control, &record);
	for (size_t i = 0; i < p->type.enumerator_count; i++)
		trace_enumerator(a->control, p->type.enumerators[i].name, p->type.enumerators[i].value);
	grown[a->place_count] = (struct known_place){ text, p->address, p->type.size, p->len, p->type.kind };
	return a->place_count++;
}

/* ---- an access --------------------------------------------------------------------------- */

static void note_pointers(struct record_accesses *a, struct symbols *symbols,
			  const struct place *place, const struct watch_hit *hit)
{
	uint64_t value = 0;

	if (place->type.kind != SYMBOLS_TYPE_POINTER || hit->len != sizeof value)
		return;
	memcpy(&value, hit->new, sizeof value);
	note(a, symbols, value);
	if (hit->old) {
		memcpy(&value, hit->old, sizeof value);
		note(a, symbols, value);
	}
}

bool record_accesses_put(struct record_accesses *a, struct trace_bytes *control,
			 struct symbols *symbols, const struct place *place,
			 const struct watch_hit *hit)
{
	struct trace_access record = {
		.tid = (uint32_t)hit->tid, .pid = (uint32_t)hit->pid, .what = hit->what,
		.number = hit->number, .len = hit->len, .address = hit->address, .pc = hit->pc,
		.old = hit->old, .new = hit->new, .has_stack = hit->stack != NULL,
	};

	a->control = control;
	record.place = place_number(a, place);
	if (hit->pc)
		note(a, symbols, hit->pc);
	note_pointers(a, symbols, place, hit);
	for (size_t i = 0; hit->stack && i < hit->stack->count; i++) {
		record.frames[i].pc = hit->stack->frames[i].pc;
		record.frames[i].lookup_pc = hit->stack->frames[i].lookup_pc;
		note(a, symbols, record.frames[i].pc);
		note(a, symbols, record.frames[i].lookup_pc);
		record.frame_count++;
	}
	trace_access(control, &record);
	return !a->failed;
}
