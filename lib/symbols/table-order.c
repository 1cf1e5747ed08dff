/* Symbol tables: order, the choice among names of one address, and extents. */
#include <stdlib.h>
#include <string.h>

#include "image.h"

/* ---- which of several names --------------------------------------------- */

static size_t underscores(const char *name)
{
	size_t n = 0;

	while (name[n] == '_')
		n++;
	return n;
}

/* The order of preference that symbols.h promises; < 0: `a` is better.
 *
 * Weak and global come late: in libc `puts` is weak and _IO_puts is global. */
static int prefer(const struct image_symbol *a, const struct image_symbol *b)
{
	static const uint32_t worse[] = { IMAGE_LABEL, IMAGE_LOCAL };

	for (size_t i = 0; i < 2; i++)
		if ((a->flags ^ b->flags) & worse[i])
			return a->flags & worse[i] ? 1 : -1;
	if (!a->size != !b->size)
		return a->size ? -1 : 1;

	size_t ua = underscores(a->name), ub = underscores(b->name);
	if (ua != ub)
		return ua < ub ? -1 : 1;
	if ((a->flags ^ b->flags) & IMAGE_DYNAMIC)
		return a->flags & IMAGE_DYNAMIC ? -1 : 1;
	if ((a->flags ^ b->flags) & IMAGE_WEAK)
		return a->flags & IMAGE_WEAK ? 1 : -1;

	size_t la = strlen(a->name), lb = strlen(b->name);
	if (la != lb)
		return la < lb ? -1 : 1;
	int c = strcmp(a->name, b->name);
	if (c)
		return c;
	/* the same name twice: the one that says more about its size */
	return a->size > b->size ? -1 : a->size < b->size;
}

/* ---- sorting by address ------------------------------------------------- */

struct key {
	uint64_t address;
	uint32_t index;
};

/* Stable, a byte at a time, skipping bytes that all keys share: big programs have
 * a quarter of a million symbols, and comparing takes ten times as long.  Returns
 * the array that holds the result, `keys` or `spare`. */
static struct key *sort_keys(struct key *keys, struct key *spare, size_t count)
{
	for (unsigned shift = 0; shift < 64; shift += 8) {
		size_t starts[257] = {0};

		for (size_t i = 0; i < count; i++)
			starts[(keys[i].address >> shift & 0xff) + 1]++;
		if (starts[(keys[0].address >> shift & 0xff) + 1] == count)
			continue;
		for (size_t i = 1; i < 256; i++)
			starts[i] += starts[i - 1];
		for (size_t i = 0; i < count; i++)
			spare[starts[keys[i].address >> shift & 0xff]++] = keys[i];

		struct key *sorted = spare;
		spare = keys;
		keys = sorted;
	}
	return keys;
}

static int by_preference(const void *a, const void *b)
{
	return prefer(a, b);
}

/* Groups are small as a rule: a name in .symtab and the same one in .dynsym. */
static void order_group(struct image_symbol *group, size_t count)
{
	if (count > 8) {
		qsort(group, count, sizeof *group, by_preference);
		return;
	}
	for (size_t i = 1; i < count; i++) {
		struct image_symbol symbol = group[i];
		size_t at = i;

		for (; at > 0 && prefer(&symbol, &group[at - 1]) < 0; at--)
			group[at] = group[at - 1];
		group[at] = symbol;
	}
}

static void order_groups(struct image_table *table)
{
	size_t start = 0;

	for (size_t i = 1; i <= table->count; i++) {
		if (i < table->count &&
		    table->symbols[i].address == table->symbols[start].address)
			continue;
		order_group(table->symbols + start, i - start);
		start = i;
	}
}

void image_table_sort(struct image_table *table)
{
	struct key *keys = malloc(table->count * sizeof *keys), *sorted;
	struct key *spare = malloc(table->count * sizeof *spare);
	struct image_symbol *symbols = malloc(table->count * sizeof *symbols);

	if (!keys || !spare || !symbols) {
		free(symbols);
		table->count = 0;       /* no symbols are better than unsorted ones */
	} else {
		for (size_t i = 0; i < table->count; i++)
			keys[i] = (struct key){ table->symbols[i].address, i };
		sorted = sort_keys(keys, spare, table->count);
		for (size_t i = 0; i < table->count; i++)
			symbols[i] = table->symbols[sorted[i].index];
		free(table->symbols);
		table->symbols = symbols;
		table->room = table->count;
		order_groups(table);
	}
	free(keys);
	free(spare);
}

/* ---- extents ------------------------------------------------------------ */

/* Labels inside a function are no functions of their own. */
static bool is_inside(const struct image_extents *extents, const struct image_symbol *symbol)
{
	return (symbol->flags & IMAGE_LABEL) && extents->count &&
	       extents->items[extents->count - 1].reach > symbol->address;
}

static void collect_extents(const struct image_table *table, uint32_t kind,
			    struct image_extents *out)
{
	size_t room = 0;

	for (size_t i = 0; i < table->count; i++)
		room += !!(table->symbols[i].flags & kind);
	out->items = room ? malloc(room * sizeof *out->items) : NULL;
	if (!out->items)
		return;
	for (size_t i = 0; i < table->count; i++) {
		const struct image_symbol *symbol = &table->symbols[i];
		struct image_extent *last = out->count ? &out->items[out->count - 1] : NULL;

		if (!(symbol->flags & kind) || is_inside(out, symbol) ||
		    (last && last->start == symbol->address))
			continue;

		struct image_extent extent = {
			.start = symbol->address, .end = symbol->address + symbol->size,
			.symbol = i,
		};
		extent.reach = last && last->reach > extent.end ? last->reach : extent.end;
		out->items[out->count++] = extent;
	}
}

/* Hand-written assembly often gives no size: such a function ends where the next
 * one starts, or with its section. */
static void extend_unsized(struct image_extents *extents, const struct elf_file *file)
{
	uint64_t reach = 0;

	for (size_t i = 0; i < extents->count; i++) {
		struct image_extent *extent = &extents->items[i];
		const struct elf_section *section;

		if (extent->end == extent->start) {
			section = elf_file_section_at(file, extent->start);
			if (section)
				extent->end = section->address + section->size;
			if (i + 1 < extents->count && extents->items[i + 1].start < extent->end)
				extent->end = extents->items[i + 1].start;
		}
		if (extent->end > reach)
			reach = extent->end;
		extent->reach = reach;
	}
}

void image_extents_build(struct image_extents *extents, const struct image_table *table,
			 uint32_t kind, const struct elf_file *file)
{
	collect_extents(table, kind, extents);
	extend_unsized(extents, file);
}

const struct image_extent *image_extent_find(const struct image_extents *extents,
					     uint64_t address)
{
	size_t low = 0, high = extents->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (extents->items[mid].start <= address)
			low = mid + 1;
		else
			high = mid;
	}
	while (low > 0 && extents->items[low - 1].reach > address) {
		if (extents->items[low - 1].end > address)
			return &extents->items[low - 1];
		low--;
	}
	return NULL;
}
