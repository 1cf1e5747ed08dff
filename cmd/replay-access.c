#include "replay-access.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "source.h"
#include "trace-access.h"

#define HASH_MIN 1024u

struct known_address {
	uint64_t address;
	const struct symbol *function, *object;
	const struct symbols_module *module;
	char *file;                     /* owned; NULL: no line is known */
	unsigned line;
};

struct replay_accesses {
	struct symbols *symbols;
	bool mangled;
	/* modules and symbols stay where they are */
	struct symbols_module **modules;
	struct symbol **functions;
	struct place *places;
	struct known_address *addresses;
	uint32_t module_count, symbol_count, place_count, address_count;
	uint32_t *hash;                 /* 1 + index of an address */
	uint32_t hash_mask;
	void (*show)(void *context, struct symbols *symbols, const struct place *place,
		     struct watch_hit *hit);
	void *context;
};

static void *grow(void *items, uint32_t count, size_t size)
{
	if (count & (count - 1))
		return items;
	return count >= UINT32_MAX / 2 ? NULL : realloc(items, (count ? 2ul * count : 1) * size);
}

/* ---- what symbols are asked for -------------------------------------------------------------- */

static uint32_t *slot_of(const struct replay_accesses *a, uint64_t address)
{
	uint32_t i = (uint32_t)(address * 0x9e3779b97f4a7c15ull >> 32) & a->hash_mask;

	while (a->hash[i] && a->addresses[a->hash[i] - 1].address != address)
		i = (i + 1) & a->hash_mask;
	return &a->hash[i];
}

static const struct known_address *at(const struct replay_accesses *a, uint64_t address)
{
	static const struct known_address nothing;
	uint32_t index = *slot_of(a, address);

	return index ? &a->addresses[index - 1] : &nothing;
}

static const struct symbol *find(void *context, uint64_t address)
{
	return at(context, address)->function;
}

static const struct symbol *find_object(void *context, uint64_t address)
{
	return at(context, address)->object;
}

static const struct symbols_module *module_find(void *context, uint64_t address)
{
	return at(context, address)->module;
}

static bool line(void *context, uint64_t address, struct source_line *out)
{
	const struct known_address *known = at(context, address);

	if (known->file)
		*out = (struct source_line){ .file = known->file, .line = known->line };
	return known->file != NULL;
}

/* ---- what the records say -------------------------------------------------------------------- */

static int on_module(void *context, const struct trace_access_module *from)
{
	struct replay_accesses *a = context;
	struct symbols_module **grown = grow(a->modules, a->module_count, sizeof *grown);
	struct symbols_module *m = calloc(1, sizeof *m);

	if (grown)
		a->modules = grown;
	if (!grown || !m || !(m->name = strndup(from->name.text, from->name.len))) {
		free(m);
		return -ENOMEM;
	}
	m->base = from->base;
	grown[a->module_count++] = m;
	return 0;
}

static int on_symbol(void *context, const struct trace_access_symbol *from)
{
	struct replay_accesses *a = context;
	const struct trace_text *name = a->mangled && from->mangled.len ? &from->mangled : &from->name;
	struct symbol **grown = grow(a->functions, a->symbol_count, sizeof *grown);
	struct symbol *s;

	if (grown)
		a->functions = grown;
	if (from->module >= a->module_count)
		return -EBADMSG;
	s = calloc(1, sizeof *s);
	if (!grown || !s || !(s->name = strndup(name->text, name->len))) {
		free(s);
		return -ENOMEM;
	}
	s->mangled = s->name;
	s->start = from->start;
	s->module = a->modules[from->module];
	grown[a->symbol_count++] = s;
	return 0;
}

static bool grow_hash(struct replay_accesses *a)
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

static struct known_address *address_get(struct replay_accesses *a, uint64_t address)
{
	uint32_t *slot = slot_of(a, address);
	struct known_address *grown;

	if (*slot)
		return &a->addresses[*slot - 1];
	grown = grow(a->addresses, a->address_count, sizeof *grown);
	if (grown)
		a->addresses = grown;
	if (!grown || (a->address_count * 2 >= a->hash_mask && !grow_hash(a)))
		return NULL;
	slot = slot_of(a, address);
	grown[a->address_count] = (struct known_address){ .address = address };
	*slot = ++a->address_count;
	return &grown[*slot - 1];
}

static bool is_below(uint32_t number, uint32_t count)
{
	return number == TRACE_NONE || number < count;
}

static int on_address(void *context, const struct trace_access_address *from)
{
	struct replay_accesses *a = context;
	struct known_address *known;
	char *file = NULL;

	if (!is_below(from->function, a->symbol_count) || !is_below(from->object, a->symbol_count) ||
	    !is_below(from->module, a->module_count))
		return -EBADMSG;
	if (from->line && !(file = strndup(from->file.text, from->file.len)))
		return -ENOMEM;
	known = address_get(a, from->address);
	if (!known) {
		free(file);
		return -ENOMEM;
	}
	free(known->file);
	known->file = file;
	known->line = from->line;
	known->function = from->function == TRACE_NONE ? NULL : a->functions[from->function];
	known->object = from->object == TRACE_NONE ? NULL : a->functions[from->object];
	known->module = from->module == TRACE_NONE ? NULL : a->modules[from->module];
	return 0;
}

static void place_free(struct place *p)
{
	for (size_t i = 0; i < p->type.enumerator_count; i++)
		free((char *)p->type.enumerators[i].name);
	free((struct symbols_enumerator *)p->type.enumerators);
	free(p->text);
}

static int read_enumerators(struct place *p, uint32_t count, struct trace_cursor *c)
{
	struct symbols_enumerator *items = calloc(count ? count : 1, sizeof *items);

	p->type.enumerators = items;
	for (; items && p->type.enumerator_count < count; p->type.enumerator_count++) {
		struct symbols_enumerator *item = &items[p->type.enumerator_count];
		struct trace_text name;

		trace_enumerator_get(c, &name, &item->value);
		if (c->failed)
			return -EBADMSG;
		item->name = strndup(name.text, name.len);
		if (!item->name)
			return -ENOMEM;
	}
	return items ? 0 : -ENOMEM;
}

static int on_place(void *context, const struct trace_access_place *from, struct trace_cursor *c)
{
	struct replay_accesses *a = context;
	struct place *grown = grow(a->places, a->place_count, sizeof *grown);

	if (grown)
		a->places = grown;
	if (from->kind > SYMBOLS_TYPE_ENUM)
		return -EBADMSG;
	if (!grown)
		return -ENOMEM;
	struct place *p = &grown[a->place_count];
	*p = (struct place){ .address = from->address, .len = from->len,
			     .text = strndup(from->text.text, from->text.len) };
	p->type.kind = (enum symbols_type_kind)from->kind;
	p->type.size = from->size;
	int r = p->text ? read_enumerators(p, from->enumerator_count, c) : -ENOMEM;
	if (r < 0)
		place_free(p);
	else
		a->place_count++;
	return r;
}

static void get_stack(const struct trace_access *from, struct watch_stack *out)
{
	out->count = from->frame_count;
	for (uint32_t i = 0; i < from->frame_count; i++) {
		out->frames[i].pc = from->frames[i].pc;
		out->frames[i].lookup_pc = from->frames[i].lookup_pc;
	}
}

static int on_access(void *context, const struct trace_access *from)
{
	struct replay_accesses *a = context;
	struct watch_stack stack;

	if (from->place >= a->place_count || from->what > WATCH_OTHER || !from->len)
		return -EBADMSG;
	const struct place *place = &a->places[from->place];
	struct watch_hit hit = {
		.tid = (pid_t)from->tid, .pid = (pid_t)from->pid, .where = place->text,
		.type = &place->type, .address = from->address, .len = from->len, .old = from->old,
		.new = from->new, .pc = from->pc, .what = (enum watch_what)from->what,
		.number = from->number, .stack = from->has_stack ? &stack : NULL,
	};
	get_stack(from, &stack);
	a->show(a->context, a->symbols, place, &hit);
	return 0;
}

int replay_accesses_read(struct replay_accesses *a, struct trace_cursor *control)
{
	static const struct trace_access_reader reader = {
		.module = on_module, .symbol = on_symbol, .address = on_address, .place = on_place,
		.access = on_access,
	};

	return trace_access_read(control, &reader, a);
}

/* ---- life --------------------------------------------------------------------------------------- */

struct replay_accesses *replay_accesses_create(bool mangled,
					       void (*show)(void *context, struct symbols *symbols,
							    const struct place *place,
							    struct watch_hit *hit),
					       void *context)
{
	struct replay_accesses *a = calloc(1, sizeof *a);
	const struct symbols_given given = { find, find_object, module_find, line, a };

	if (!a)
		return NULL;
	a->mangled = mangled;
	a->show = show;
	a->context = context;
	a->hash_mask = HASH_MIN - 1;
	a->hash = calloc(HASH_MIN, sizeof *a->hash);
	a->symbols = symbols_create_given(&given);
	if (a->hash && a->symbols)
		return a;
	replay_accesses_destroy(a);
	return NULL;
}

void replay_accesses_destroy(struct replay_accesses *a)
{
	if (!a)
		return;
	for (uint32_t i = 0; i < a->module_count; i++) {
		free((char *)a->modules[i]->name);
		free(a->modules[i]);
	}
	for (uint32_t i = 0; i < a->symbol_count; i++) {
		free((char *)a->functions[i]->name);
		free(a->functions[i]);
	}
	for (uint32_t i = 0; i < a->place_count; i++)
		place_free(&a->places[i]);
	for (uint32_t i = 0; i < a->address_count; i++)
		free(a->addresses[i].file);
	free(a->modules);
	free(a->functions);
	free(a->places);
	free(a->addresses);
	free(a->hash);
	symbols_destroy(a->symbols);
	free(a);
}
