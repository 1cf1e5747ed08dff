#include "replay-names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace-names.h"

#define HASH_MIN 1024u

/* A text, or a function, that stays where it is. */
struct kept {
	struct kept *next;
	struct replay_function function;
	char texts[];
};

struct replay_table {
	uint32_t space;
	struct replay_name *items;
	uint32_t count, room;
	uint32_t *hash;                         /* 1 + index of the newest */
	uint32_t hash_mask;
	struct kept *kept;
	/* while a chunk is read: what holds for the next address */
	const struct replay_function *function;
	const char *file;
	struct replay_table *next;
};

struct replay_names {
	struct replay_table *tables, *current;
};

struct replay_names *replay_names_create(void)
{
	return calloc(1, sizeof(struct replay_names));
}

static void table_destroy(struct replay_table *table)
{
	struct kept *kept;

	while ((kept = table->kept)) {
		table->kept = kept->next;
		free(kept);
	}
	free(table->items);
	free(table->hash);
	free(table);
}

void replay_names_destroy(struct replay_names *names)
{
	struct replay_table *table;

	while (names && (table = names->tables)) {
		names->tables = table->next;
		table_destroy(table);
	}
	free(names);
}

const struct replay_table *replay_names_of(const struct replay_names *names, uint32_t space)
{
	const struct replay_table *table = names->tables;

	while (table && table->space != space)
		table = table->next;
	return table;
}

void replay_names_drop(struct replay_names *names, uint32_t space)
{
	struct replay_table **link = &names->tables, *table;

	while ((table = *link) && table->space != space)
		link = &table->next;
	if (!table)
		return;
	*link = table->next;
	table_destroy(table);
}

/* ---- by address ---------------------------------------------------------------------------- */

static uint32_t *slot_of(const struct replay_table *table, uint64_t address)
{
	uint32_t i = (uint32_t)(address * 0x9e3779b97f4a7c15ull >> 32) & table->hash_mask;

	while (table->hash[i] && table->items[table->hash[i] - 1].address != address)
		i = (i + 1) & table->hash_mask;
	return &table->hash[i];
}

const struct replay_name *replay_table_find(const struct replay_table *table, uint64_t address)
{
	uint32_t index = table && table->hash ? *slot_of(table, address) : 0;

	return index ? &table->items[index - 1] : NULL;
}

const struct replay_name *replay_table_older(const struct replay_table *table,
					     const struct replay_name *name)
{
	return name->next ? &table->items[name->next - 1] : NULL;
}

static bool grow_hash(struct replay_table *table)
{
	uint32_t size = table->hash ? 2 * (table->hash_mask + 1) : HASH_MIN;
	uint32_t *grown = calloc(size, sizeof *grown);

	if (!grown)
		return false;
	free(table->hash);
	table->hash = grown;
	table->hash_mask = size - 1;
	for (uint32_t i = 0; i < table->count; i++)
		*slot_of(table, table->items[i].address) = i + 1;
	return true;
}

static bool make_room(struct replay_table *table)
{
	if (table->count == table->room) {
		uint32_t room = table->room ? 2 * table->room : 1024;
		struct replay_name *grown = realloc(table->items, room * sizeof *grown);

		if (!grown)
			return false;
		table->items = grown;
		table->room = room;
	}
	return (table->hash && table->count * 2 < table->hash_mask) || grow_hash(table);
}

/* ---- read ---------------------------------------------------------------------------------- */

static int on_begin(void *context, uint32_t space)
{
	struct replay_names *names = context;
	struct replay_table *table = (struct replay_table *)replay_names_of(names, space);

	if (!table) {
		table = calloc(1, sizeof *table);
		if (!table)
			return -ENOMEM;
		table->space = space;
		table->next = names->tables;
		names->tables = table;
	}
	table->function = NULL;
	table->file = NULL;
	names->current = table;
	return 0;
}

/* Both texts, terminated, one behind the other. */
static struct kept *keep(struct replay_table *table, const char *a, size_t a_len, const char *b,
			 size_t b_len)
{
	struct kept *kept = malloc(sizeof *kept + a_len + b_len + 2);

	if (!kept)
		return NULL;
	memcpy(kept->texts, a, a_len);
	kept->texts[a_len] = 0;
	memcpy(kept->texts + a_len + 1, b, b_len);
	kept->texts[a_len + 1 + b_len] = 0;
	kept->next = table->kept;
	table->kept = kept;
	return kept;
}

static int on_function(void *context, const struct trace_function *f)
{
	struct replay_table *table = ((struct replay_names *)context)->current;
	struct kept *kept = keep(table, f->name, f->name_len, f->mangled, f->mangled_len);

	if (!kept)
		return -ENOMEM;
	kept->function = (struct replay_function){
		.name = kept->texts, .start = f->start, .is_plt = f->is_plt,
		.mangled = f->mangled_len ? kept->texts + f->name_len + 1 : kept->texts,
	};
	table->function = &kept->function;
	return 0;
}

static int on_file(void *context, const char *file, size_t len)
{
	struct replay_table *table = ((struct replay_names *)context)->current;
	struct kept *kept = keep(table, file, len, "", 0);

	if (!kept)
		return -ENOMEM;
	table->file = kept->texts;
	return 0;
}

static int on_address(void *context, const struct trace_address *a)
{
	struct replay_table *table = ((struct replay_names *)context)->current;

	if ((a->has_function && !table->function) || (a->line && !table->file))
		return -EBADMSG;
	if (!make_room(table))
		return -ENOMEM;
	uint32_t *slot = slot_of(table, a->address);
	table->items[table->count] = (struct replay_name){
		.address = a->address, .module = a->module, .line = a->line, .next = *slot,
		.is_start = a->is_start, .function = a->has_function ? table->function : NULL,
		.file = table->file,
	};
	*slot = ++table->count;
	return 0;
}

int replay_names_add(struct replay_names *names, const uint8_t *raw, size_t len)
{
	static const struct trace_names_reader reader = {
		.begin = on_begin, .function = on_function, .file = on_file, .address = on_address,
	};

	return trace_names_read(raw, len, &reader, names);
}
