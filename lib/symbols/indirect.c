/* Which code an indirect function stands for in this process.
 *
 * A stripped libc names memcpy's resolver, but not the dozen versions of memcpy.
 * Its own calls of memcpy go through slots that the loader fills with the version
 * chosen (R_X86_64_IRELATIVE), so the slots tell. */
#include <stdlib.h>
#include <string.h>

#include "symbols-internal.h"

static int by_address(const void *a, const void *b)
{
	const struct module_indirect *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* Before the loader has been there, a slot leads into the PLT or holds an address
 * of the file: neither starts a nameless function, so nothing is misnamed. */
static void read_slots(struct symbols *s, struct module *m)
{
	const struct image_stubs *stubs = image_stubs(m->image);

	free(m->indirects);
	m->indirect_count = 0;
	m->indirects = calloc(stubs->indirect_count + 1, sizeof *m->indirects);
	if (!m->indirects)
		return;
	for (size_t i = 0; i < stubs->indirect_count; i++) {
		const struct image_indirect *indirect = &stubs->indirects[i];
		uint64_t address;

		if (symbols_read_memory(s, m->public.base + indirect->slot, &address,
					sizeof address))
			m->indirects[m->indirect_count++] =
				(struct module_indirect){ address, indirect->name };
	}
	qsort(m->indirects, m->indirect_count, sizeof *m->indirects, by_address);
}

const char *module_indirect_name(struct symbols *s, struct module *m, uint64_t address)
{
	size_t low = 0, high;

	if (m->indirect_generation != s->generation) {
		m->indirect_generation = s->generation;
		read_slots(s, m);
	}
	high = m->indirect_count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (m->indirects[mid].address < address)
			low = mid + 1;
		else
			high = mid;
	}
	return low < m->indirect_count && m->indirects[low].address == address ?
		m->indirects[low].name : NULL;
}
