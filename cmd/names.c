#include "names.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct names {
	struct target *target;
	struct name **table;            /* open addressing, by address */
	uint32_t mask, used;
};

struct names *names_create(struct target *target)
{
	struct names *names = calloc(1, sizeof *names);

	if (names) {
		names->target = target;
		names->mask = 4095;
		names->table = calloc(names->mask + 1, sizeof *names->table);
	}
	if (names && !names->table) {
		free(names);
		return NULL;
	}
	return names;
}

void names_destroy(struct names *names)
{
	if (!names)
		return;
	for (uint32_t i = 0; i <= names->mask; i++)
		if (names->table[i]) {
			free((void *)names->table[i]->text);
			free(names->table[i]);
		}
	free(names->table);
	free(names);
}

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

static void look_up(struct names *names, struct name *name)
{
	struct symbols *s = names->target->symbols;
	char text[64];

	target_symbols_lock(names->target);
	const struct symbol *symbol = symbols_find(s, name->address);
	const struct symbols_module *module = symbols_module_find(s, name->address);
	name->is_start = symbols_function_start(s, name->address);
	target_symbols_unlock(names->target);
	name->symbol = symbol;
	name->module = module ? module->name : "";
	name->module_offset = name->address - (module ? module->base : 0);
	name->start = symbol ? symbol->start : name->address;
	name->function = symbol ? symbol->name : "";
	name->is_plt = symbol && symbol->is_plt;
	if (*name->function) {
		name->text = strdup(name->function);
		return;
	}
	uint64_t offset = name->module_offset - (name->address - name->start);
	if (module)
		snprintf(text, sizeof text, "+0x%" PRIx64, offset);
	else
		snprintf(text, sizeof text, "0x%" PRIx64, name->start);
	char *whole = malloc(strlen(name->module) + strlen(text) + 1);
	if (whole)
		strcat(strcpy(whole, name->module), text);
	name->text = whole;
}

const struct name *names_find(struct names *names, uint64_t address)
{
	struct name **slot = slot_of(names, address);

	if (*slot)
		return *slot;
	if (names->used * 2 > names->mask) {
		if (!grow(names))
			return NULL;
		slot = slot_of(names, address);
	}
	struct name *name = calloc(1, sizeof *name);
	if (!name)
		return NULL;
	name->address = address;
	name->id = names->used++;
	*slot = name;
	look_up(names, name);
	if (!name->text)
		name->text = strdup("?");
	name->of_function = name->start == address ? name : names_find(names, name->start);
	return name;
}

const char *names_place(const struct name *name, char *buf, size_t len)
{
	uint64_t into = name->address - name->start;

	if (*name->function && into)
		snprintf(buf, len, "%s!%s+0x%" PRIx64, name->module, name->function, into);
	else if (*name->function)
		snprintf(buf, len, "%s!%s", name->module, name->function);
	else if (*name->module)
		snprintf(buf, len, "%s+0x%" PRIx64, name->module, name->module_offset);
	else
		snprintf(buf, len, "0x%" PRIx64, name->address);
	return buf;
}
