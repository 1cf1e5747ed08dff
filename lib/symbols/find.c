/* Address to name. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cfi.h"
#include "demangle.h"
#include "symbols-internal.h"

/* ---- public symbols, made when first asked for -------------------------- */

/* Other names may hold an @ too, but not with this tail. */
size_t symbol_name_length(const char *name)
{
	size_t len = strlen(name), tail;
	const char *at = strchr(name, '@');

	if (!at || at == name)
		return len;
	tail = strspn(at, "@");
	if (tail > 2 || !at[tail])
		return len;
	for (const char *c = at + tail; *c; c++)
		if (!(*c >= '0' && *c <= '9') && !(*c >= 'A' && *c <= 'Z') &&
		    !(*c >= 'a' && *c <= 'z') && *c != '_' && *c != '.')
			return len;
	return at - name;
}

static const char *demangled(struct symbols *s, const char *mangled, bool with_parameters)
{
	char *text = demangle_name(mangled, with_parameters);
	const char *interned = text ? pool_string(&s->pool, text) : NULL;

	free(text);
	return interned ? interned : mangled;
}

static struct symbol *make_symbol(struct symbols *s, struct module *m, const char *name)
{
	struct symbol *symbol = pool_alloc(&s->pool, sizeof *symbol);
	const char *mangled = pool_string_n(&s->pool, name, symbol_name_length(name));

	if (!symbol || !mangled)
		return NULL;
	symbol->mangled = mangled;
	symbol->name = s->no_demangle ? mangled : demangled(s, mangled, false);
	symbol->module = &m->public;
	symbol->kind = SYMBOL_FUNCTION;
	return symbol;
}

/* The place for the symbol of one index; NULL: out of memory. */
static struct symbol **slot(struct symbol ***slots, size_t count, size_t index)
{
	if (!*slots)
		*slots = calloc(count, sizeof **slots);
	return *slots ? &(*slots)[index] : NULL;
}

static const struct symbol *from_extent(struct symbols *s, struct module *m,
					struct symbol **at, const struct image_extent *extent,
					enum symbol_kind kind)
{
	const struct image_symbol *raw = &m->image->table.symbols[extent->symbol];

	if (!at || *at)
		return at ? *at : NULL;

	struct symbol *symbol = make_symbol(s, m, raw->name);
	if (!symbol)
		return NULL;
	symbol->start = m->public.base + extent->start;
	symbol->size = extent->end - extent->start;
	symbol->kind = kind;
	symbol->is_ifunc = raw->flags & IMAGE_IFUNC;
	symbol->is_local = raw->flags & IMAGE_LOCAL;
	return *at = symbol;
}

const struct symbol *module_function(struct symbols *s, struct module *m, size_t index)
{
	const struct image_extents *extents = &m->image->table.functions;

	return from_extent(s, m, slot(&m->functions, extents->count, index),
			   &extents->items[index], SYMBOL_FUNCTION);
}

const struct symbol *module_object(struct symbols *s, struct module *m, size_t index)
{
	const struct image_extents *extents = &m->image->table.objects;

	return from_extent(s, m, slot(&m->objects, extents->count, index),
			   &extents->items[index], SYMBOL_OBJECT);
}

const struct symbol *module_stub(struct symbols *s, struct module *m, size_t index)
{
	const struct image_stub *stub = &m->image->stubs.items[index];
	struct symbol **at = slot(&m->stubs, m->image->stubs.count, index), *symbol;

	if (!at || *at)
		return at ? *at : NULL;
	symbol = make_symbol(s, m, stub->name);
	if (!symbol)
		return NULL;
	symbol->start = m->public.base + stub->start;
	symbol->size = stub->size;
	symbol->is_plt = true;
	return *at = symbol;
}

/* A function that only its unwind rules tell of: most of a stripped program's, and
 * what a stripped libc has as its memcpy for this processor. */
static const struct symbol *module_anonymous(struct symbols *s, struct module *m,
					     const struct cfi_fde *fde)
{
	const struct cfi *cfi = m->image->cfi;
	struct symbol **at = slot(&m->fdes, cfi->count, fde - cfi->fdes), *symbol;
	const char *name;

	if (!at || *at)
		return at ? *at : NULL;
	name = module_indirect_name(s, m, m->public.base + fde->start);
	symbol = make_symbol(s, m, name ? name : "");
	if (!symbol)
		return NULL;
	symbol->is_ifunc = name;
	symbol->start = m->public.base + fde->start;
	symbol->size = fde->size;
	symbol->is_local = true;
	return *at = symbol;
}

/* ---- finding ------------------------------------------------------------ */

static struct module *module_at(struct symbols *s, uint64_t address)
{
	const struct mapping *mapping = symbols_mapping(s, address);

	return mapping && mapping->module && module_image(s, mapping->module) ?
		mapping->module : NULL;
}

static const struct cfi_fde *fde_at(struct image *image, uint64_t address)
{
	const struct cfi *cfi = image_cfi(image);

	return cfi ? cfi_find(cfi, address) : NULL;
}

const struct symbol *symbols_find(struct symbols *s, uint64_t address)
{
	if (s->given.find)
		return s->given.find(s->given.context, address);
	struct module *m = module_at(s, address);

	if (!m)
		return NULL;
	address -= m->public.base;

	const struct image_stubs *stubs = image_stubs(m->image);
	const struct image_stub *stub = image_stub_find(stubs, address);
	if (stub)
		return module_stub(s, m, stub - stubs->items);

	const struct image_table *table = image_table(m->image);
	const struct image_extent *extent = image_extent_find(&table->functions, address);
	if (extent && table->symbols[extent->symbol].size)
		return module_function(s, m, extent - table->functions.items);

	/* where an unsized symbol ends is a guess: unwind rules know better */
	const struct cfi_fde *fde = fde_at(m->image, address);
	if (fde && (!extent || fde->start > extent->start))
		return module_anonymous(s, m, fde);
	return extent ? module_function(s, m, extent - table->functions.items) : NULL;
}

const struct symbol *symbols_find_object(struct symbols *s, uint64_t address)
{
	const struct image_extents *objects;
	const struct image_extent *extent;

	if (s->given.find_object)
		return s->given.find_object(s->given.context, address);
	struct module *m = module_at(s, address);
	if (!m)
		return NULL;
	objects = &image_table(m->image)->objects;
	extent = image_extent_find(objects, address - m->public.base);
	return extent ? module_object(s, m, extent - objects->items) : NULL;
}

/* gcc moves the unlikely part of f to f.cold, and jumps there and back. */
static bool is_cold_part(const char *name)
{
	size_t len = strlen(name);

	return len > 5 && strcmp(name + len - 5, ".cold") == 0;
}

bool symbols_function_start(struct symbols *s, uint64_t address)
{
	struct module *m = module_at(s, address);

	if (!m)
		return false;
	address -= m->public.base;

	const struct image_stub *stub = image_stub_find(image_stubs(m->image), address);
	if (stub)
		return stub->start == address;

	const struct image_table *table = image_table(m->image);
	const struct image_extent *extent = image_extent_find(&table->functions, address);
	bool has_symbol = extent && extent->start == address;
	if (has_symbol && is_cold_part(table->symbols[extent->symbol].name))
		return false;

	const struct cfi_fde *fde = fde_at(m->image, address);
	if (fde && fde->start == address)
		return cfi_is_function_start(m->image->cfi, fde);
	return has_symbol;
}

size_t symbols_format(struct symbols *s, uint64_t address, char *buf, size_t len)
{
	const struct symbols_module *module = symbols_module_find(s, address);
	const struct symbol *symbol = symbols_find(s, address);

	if (!module)
		return snprintf(buf, len, "0x%" PRIx64, address);
	if (!symbol || !symbol->name[0])
		return snprintf(buf, len, "%s+0x%" PRIx64, module->name, address - module->base);
	if (address == symbol->start)
		return snprintf(buf, len, "%s!%s", module->name, symbol->name);
	return snprintf(buf, len, "%s!%s+0x%" PRIx64, module->name, symbol->name,
			address - symbol->start);
}

const char *symbols_signature(struct symbols *s, const struct symbol *symbol)
{
	return demangled(s, symbol->mangled, true);
}

void symbols_each(struct symbols *s, const struct symbols_module *module, unsigned kinds,
		  bool (*visit)(void *context, const struct symbol *symbol), void *context)
{
	struct module *m = (struct module *)module;
	const struct symbol *symbol;
	const struct image_table *table;

	if (!module_image(s, m))
		return;
	table = image_table(m->image);
	for (size_t i = 0; kinds & SYMBOL_FUNCTION && i < m->image->stubs.count; i++)
		if ((symbol = module_stub(s, m, i)) && !visit(context, symbol))
			return;
	for (size_t i = 0; kinds & SYMBOL_FUNCTION && i < table->functions.count; i++)
		if ((symbol = module_function(s, m, i)) && !visit(context, symbol))
			return;
	for (size_t i = 0; kinds & SYMBOL_OBJECT && i < table->objects.count; i++)
		if ((symbol = module_object(s, m, i)) && !visit(context, symbol))
			return;
}
