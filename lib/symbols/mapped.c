/* From entries of the map to modules.
 *
 *   55d0..000 r--p 00000000 prog  \
 *   55d0..000 r-xp 00001000 prog   |  one module: the same file, inside the span
 *   55d0..000 rw-p 00003000 prog   |  of the program headers that its first
 *   55d0..000 rw-p 00000000       /   mapping shows; .bss and remapped text too
 *   7f12..000 r--p 00000000 data      no code and no ELF header: no module
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mapped.h"

#define PAGE 4096ull
#define HEAD_BYTES 4096
#define SPAN_MAX (1ull << 40)           /* no ELF file is larger: broken headers */

/* ---- one module --------------------------------------------------------- */

static const char *intern_path(struct symbols *s, const char *path)
{
	static const char deleted[] = " (deleted)";
	size_t len = strlen(path), tail = sizeof deleted - 1;

	if (len > tail && strcmp(path + len - tail, deleted) == 0)
		len -= tail;
	return pool_string_n(&s->pool, path, len);
}

static struct module *find_old(struct symbols *s, const struct map *map)
{
	size_t low = 0, high = s->module_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->modules[mid]->public.start < map->start)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == s->module_count)
		return NULL;

	struct module *m = s->modules[low];
	const char *path = m->public.path;
	if (m->public.start != map->start || m->inode != map->inode ||
	    m->offset != map->offset || m->dev_major != map->dev_major ||
	    m->dev_minor != map->dev_minor || strncmp(map->path, path, strlen(path)) != 0)
		return NULL;
	return m;
}

static bool is_main(struct mapped *b, const struct map *map)
{
	char link[32];

	if (!b->has_exe) {
		b->has_exe = true;
		snprintf(link, sizeof link, "/proc/%d/exe", b->s->pid);
		ssize_t n = readlink(link, b->exe, sizeof b->exe - 1);
		b->exe[n > 0 ? n : 0] = 0;
	}
	return b->exe[0] && strcmp(b->exe, map->path) == 0;
}

static struct module *make_module(struct mapped *b, const struct map *map)
{
	struct symbols *s = b->s;
	struct module *m = pool_alloc(&s->pool, sizeof *m);
	const char *path = m ? intern_path(s, map->path) : NULL, *slash;

	if (!path)
		return NULL;
	slash = strrchr(path, '/');
	m->public = (struct symbols_module){
		.name = slash && slash[1] ? pool_string(&s->pool, slash + 1) : path,
		.path = path, .start = map->start, .end = map->end,
		.base = map->start - map->offset,
		.is_vdso = strcmp(path, "[vdso]") == 0, .is_main = is_main(b, map),
	};
	m->inode = map->inode;
	m->offset = map->offset;
	m->dev_major = map->dev_major;
	m->dev_minor = map->dev_minor;
	return m->public.name ? m : NULL;
}

/* Sets base and span from program headers, when they tell of the first mapping. */
static void use_phdrs(struct module *m, const Elf64_Phdr *phdrs, size_t count)
{
	uint64_t top = 0;
	bool has_base = false;

	for (size_t i = 0; i < count; i++) {
		const Elf64_Phdr *p = &phdrs[i];

		if (p->p_type != PT_LOAD || p->p_memsz > SPAN_MAX)
			continue;
		if (!has_base && (p->p_offset & ~(PAGE - 1)) <= m->offset &&
		    m->offset < p->p_offset + p->p_filesz) {
			m->public.base = m->public.start - m->offset + p->p_offset - p->p_vaddr;
			has_base = true;
		}
		if (p->p_vaddr + p->p_memsz > top)
			top = p->p_vaddr + p->p_memsz;
	}
	uint64_t end = (m->public.base + top + PAGE - 1) & ~(PAGE - 1);
	if (has_base && end > m->public.start && end - m->public.start <= SPAN_MAX)
		m->span_end = end;
}

/* The headers are in memory as a rule; else the file is asked. */
static void read_phdrs(struct mapped *b, struct module *m, bool is_code)
{
	uint64_t head[HEAD_BYTES / 8];
	const Elf64_Phdr *phdrs;
	size_t count;
	ssize_t n = b->s->memory.read(b->s->memory.context, m->public.start, head, sizeof head);

	if (n > 0 && m->offset == 0 && elf_head_check(head, n, &phdrs, &count)) {
		m->is_elf = true;
		use_phdrs(m, phdrs, count);
	} else if ((is_code || m->offset != 0) && module_image(b->s, m)) {
		m->is_elf = true;
		use_phdrs(m, m->image->file->phdrs, m->image->file->phdr_count);
	}
}

/* ---- putting together --------------------------------------------------- */

static void push_mapping(struct mapped *b, uint64_t start, uint64_t end,
			 struct module *module, bool is_code, uint64_t inode)
{
	b->mappings[b->mapping_count++] = (struct mapping){ start, end, module, is_code, inode };
}

/* Neighbouring executable mappings are one text range. */
static size_t collect_text(const struct mapped *b, const struct module *m,
			   struct symbols_range *out)
{
	size_t count = 0;

	for (size_t i = b->first_mapping; i < b->mapping_count; i++) {
		const struct mapping *mapping = &b->mappings[i];

		if (mapping->module != m || !mapping->is_code)
			continue;
		if (count && out[count - 1].end == mapping->start)
			out[count - 1].end = mapping->end;
		else
			out[count++] = (struct symbols_range){ mapping->start, mapping->end };
	}
	return count;
}

static int set_text(struct mapped *b, struct module *m)
{
	size_t room = b->mapping_count - b->first_mapping;
	struct symbols_range *ranges = malloc((room + 1) * sizeof *ranges), *kept;

	if (!ranges)
		return -ENOMEM;
	size_t count = collect_text(b, m, ranges);
	if (count && (count != m->public.text_count ||
		      memcmp(ranges, m->public.text, count * sizeof *ranges) != 0)) {
		kept = pool_alloc(&b->s->pool, count * sizeof *ranges);
		if (!kept) {
			free(ranges);
			return -ENOMEM;
		}
		memcpy(kept, ranges, count * sizeof *ranges);
		m->public.text = kept;
		m->public.text_count = count;
	}
	free(ranges);
	return 0;
}

/* The module under way is complete: kept, or thrown away for being data. */
static int finish_module(struct mapped *b)
{
	struct module *m = b->module;

	if (!m)
		return 0;
	b->module = NULL;
	if (!b->has_code && !(m->is_elf && b->parts > 1)) {
		size_t kept = b->first_mapping;

		for (size_t i = kept; i < b->mapping_count; i++)
			if (b->mappings[i].module != m)
				b->mappings[kept++] = b->mappings[i];
		b->mapping_count = kept;
		module_close(m);
		m->has_image = false;
		return 0;
	}
	b->modules[b->module_count++] = m;
	return set_text(b, m);
}

static int start_module(struct mapped *b, const struct map *map)
{
	struct module *m = find_old(b->s, map);

	if (!m) {
		m = make_module(b, map);
		if (!m)
			return -ENOMEM;
		read_phdrs(b, m, map->prot & MAP_EXEC);
		if (m->public.is_vdso)          /* in no file: later the process may be gone */
			(void)module_image(b->s, m);
	}
	m->first_end = map->end;
	b->reach = m->span_end > b->reach ? m->span_end : b->reach;
	b->module = m;
	b->first_mapping = b->mapping_count;
	b->parts = 0;
	b->has_code = false;
	return 0;
}

static bool is_same_file(const struct module *m, const struct map *map)
{
	return m->inode == map->inode && m->dev_major == map->dev_major &&
	       m->dev_minor == map->dev_minor && map->inode != 0;
}

static bool continues(const struct mapped *b, const struct map *map)
{
	const struct module *m = b->module;

	if (!m || !is_same_file(m, map))
		return false;
	return m->span_end ? map->start < m->span_end :
			     map->start == m->public.end && map->offset > b->last_offset;
}

static bool is_anonymous(const struct map *map)
{
	return map->inode == 0 && (map->path[0] == 0 || strncmp(map->path, "[anon:", 6) == 0);
}

static void add_part(struct mapped *b, uint64_t start, uint64_t end, bool is_code, uint64_t inode)
{
	push_mapping(b, start, end, b->module, is_code, inode);
	b->module->public.end = end;
	b->has_code |= is_code;
}

static int add_map(struct mapped *b, const struct map *map)
{
	bool is_code = map->prot & MAP_EXEC;
	bool is_vdso = strcmp(map->path, "[vdso]") == 0;
	uint64_t start = map->start;
	int error;

	if (symbols_is_ignored(b->s, map->start, map->end))
		return 0;
	if (is_anonymous(map) && b->module && start < b->module->span_end) {
		uint64_t end = map->end < b->module->span_end ? map->end : b->module->span_end;

		add_part(b, start, end, is_code, 0);
		start = end;
	} else if (map->inode || is_vdso) {
		if (!continues(b, map) &&
		    ((error = finish_module(b)) < 0 || (error = start_module(b, map)) < 0))
			return error;
		b->last_offset = map->offset;
		b->parts++;
		add_part(b, start, map->end, is_code, map->inode);
		return 0;
	}
	if (start < map->end && is_code)
		push_mapping(b, start, map->end, NULL, true, 0);
	return 0;
}

int mapped_build(struct mapped *b)
{
	int error = 0;

	/* a map may be split once, at a span's end */
	b->mappings = malloc((b->maps->count * 2 + 1) * sizeof *b->mappings);
	b->modules = malloc((b->maps->count + 1) * sizeof *b->modules);
	if (!b->mappings || !b->modules)
		return -ENOMEM;
	for (size_t i = 0; i < b->maps->count && error == 0; i++)
		error = add_map(b, &b->maps->items[i]);
	return error < 0 ? error : finish_module(b);
}

void mapped_abandon(struct mapped *b)
{
	if (b->module && !b->module->is_known)
		module_close(b->module);
	for (size_t i = 0; i < b->module_count; i++)
		if (!b->modules[i]->is_known)
			module_close(b->modules[i]);
	free(b->mappings);
	free(b->modules);
}
