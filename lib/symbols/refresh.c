/* From /proc/PID/maps to modules.
 *
 *   55d0..000 r--p 00000000 prog  \
 *   55d0..000 r-xp 00001000 prog   |  one module: the same file, inside the span
 *   55d0..000 rw-p 00003000 prog   |  of the program headers that its first
 *   55d0..000 rw-p 00000000       /   mapping shows; .bss and remapped text too
 *   7f12..000 r--p 00000000 data      no code and no ELF header: no module
 *
 * Everything new is built beside the old and put in its place at the end, so that
 * running out of memory leaves the table as it was. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "symbols-internal.h"

#define PAGE 4096ull
#define HEAD_BYTES 4096
#define SPAN_MAX (1ull << 40)           /* no ELF file is larger: broken headers */

struct refresh {
	struct symbols *s;
	const struct maps *maps;
	char exe[PATH_MAX];             /* "": unknown, or not read yet */
	bool has_exe;

	struct mapping *mappings;
	size_t mapping_count;
	struct module **modules;
	size_t module_count;

	struct module *module;          /* the one being put together */
	uint64_t span_end;              /* as its headers say; 0: unknown */
	uint64_t last_offset;
	size_t first_mapping;           /* of it, in mappings[] */
	unsigned parts;
	bool is_elf, has_code;
};

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

static bool is_main(struct refresh *r, const struct map *map)
{
	char link[32];

	if (!r->has_exe) {
		r->has_exe = true;
		snprintf(link, sizeof link, "/proc/%d/exe", r->s->pid);
		ssize_t n = readlink(link, r->exe, sizeof r->exe - 1);
		r->exe[n > 0 ? n : 0] = 0;
	}
	return r->exe[0] && strcmp(r->exe, map->path) == 0;
}

static struct module *make_module(struct refresh *r, const struct map *map)
{
	struct symbols *s = r->s;
	struct module *m = pool_alloc(&s->pool, sizeof *m);
	const char *path = m ? intern_path(s, map->path) : NULL, *slash;

	if (!path)
		return NULL;
	slash = strrchr(path, '/');
	m->public = (struct symbols_module){
		.name = slash && slash[1] ? pool_string(&s->pool, slash + 1) : path,
		.path = path, .start = map->start, .end = map->end,
		.base = map->start - map->offset,
		.is_vdso = strcmp(path, "[vdso]") == 0, .is_main = is_main(r, map),
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
static void read_phdrs(struct refresh *r, struct module *m, bool is_code)
{
	uint64_t head[HEAD_BYTES / 8];
	const Elf64_Phdr *phdrs;
	size_t count;
	ssize_t n = r->s->memory.read(r->s->memory.context, m->public.start, head, sizeof head);

	if (n > 0 && m->offset == 0 && elf_head_check(head, n, &phdrs, &count)) {
		m->is_elf = true;
		use_phdrs(m, phdrs, count);
	} else if ((is_code || m->offset != 0) && module_image(r->s, m)) {
		m->is_elf = true;
		use_phdrs(m, m->image->file->phdrs, m->image->file->phdr_count);
	}
}

/* ---- putting together --------------------------------------------------- */

static void push_mapping(struct refresh *r, uint64_t start, uint64_t end,
			 struct module *module, bool is_code, uint64_t inode)
{
	r->mappings[r->mapping_count++] = (struct mapping){ start, end, module, is_code, inode };
}

/* Neighbouring executable mappings are one text range. */
static size_t collect_text(const struct refresh *r, const struct module *m,
			   struct symbols_range *out)
{
	size_t count = 0;

	for (size_t i = r->first_mapping; i < r->mapping_count; i++) {
		const struct mapping *mapping = &r->mappings[i];

		if (mapping->module != m || !mapping->is_code)
			continue;
		if (count && out[count - 1].end == mapping->start)
			out[count - 1].end = mapping->end;
		else
			out[count++] = (struct symbols_range){ mapping->start, mapping->end };
	}
	return count;
}

static int set_text(struct refresh *r, struct module *m)
{
	size_t room = r->mapping_count - r->first_mapping;
	struct symbols_range *ranges = malloc((room + 1) * sizeof *ranges), *kept;

	if (!ranges)
		return -ENOMEM;
	size_t count = collect_text(r, m, ranges);
	if (count && (count != m->public.text_count ||
		      memcmp(ranges, m->public.text, count * sizeof *ranges) != 0)) {
		kept = pool_alloc(&r->s->pool, count * sizeof *ranges);
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
static int finish_module(struct refresh *r)
{
	struct module *m = r->module;

	if (!m)
		return 0;
	r->module = NULL;
	if (!r->has_code && !(m->is_elf && r->parts > 1)) {
		size_t kept = r->first_mapping;

		for (size_t i = kept; i < r->mapping_count; i++)
			if (r->mappings[i].module != m)
				r->mappings[kept++] = r->mappings[i];
		r->mapping_count = kept;
		module_close(m);
		m->has_image = false;
		return 0;
	}
	r->modules[r->module_count++] = m;
	return set_text(r, m);
}

static int start_module(struct refresh *r, const struct map *map)
{
	struct module *m = find_old(r->s, map);

	if (!m) {
		m = make_module(r, map);
		if (!m)
			return -ENOMEM;
		read_phdrs(r, m, map->prot & MAP_EXEC);
		if (m->public.is_vdso)          /* in no file: later the process may be gone */
			(void)module_image(r->s, m);
	}
	m->first_end = map->end;
	r->module = m;
	r->first_mapping = r->mapping_count;
	r->parts = 0;
	r->has_code = false;
	return 0;
}

static bool is_same_file(const struct module *m, const struct map *map)
{
	return m->inode == map->inode && m->dev_major == map->dev_major &&
	       m->dev_minor == map->dev_minor && map->inode != 0;
}

static bool continues(const struct refresh *r, const struct map *map)
{
	const struct module *m = r->module;

	if (!m || !is_same_file(m, map))
		return false;
	return m->span_end ? map->start < m->span_end : map->offset > r->last_offset;
}

static bool is_anonymous(const struct map *map)
{
	return map->inode == 0 && (map->path[0] == 0 || strncmp(map->path, "[anon:", 6) == 0);
}

static void add_part(struct refresh *r, uint64_t start, uint64_t end, bool is_code, uint64_t inode)
{
	push_mapping(r, start, end, r->module, is_code, inode);
	r->module->public.end = end;
	r->has_code |= is_code;
}

static bool is_ignored(const struct symbols *s, uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < s->ignored_count; i++)
		if (start < s->ignored[i].end && s->ignored[i].start < end)
			return true;
	return false;
}

static int add_map(struct refresh *r, const struct map *map)
{
	bool is_code = map->prot & MAP_EXEC;
	bool is_vdso = strcmp(map->path, "[vdso]") == 0;
	uint64_t start = map->start;
	int error;

	if (is_ignored(r->s, map->start, map->end))
		return 0;
	if (is_anonymous(map) && r->module && start < r->module->span_end) {
		uint64_t end = map->end < r->module->span_end ? map->end : r->module->span_end;

		add_part(r, start, end, is_code, 0);
		start = end;
	} else if (map->inode || is_vdso) {
		if (!continues(r, map) &&
		    ((error = finish_module(r)) < 0 || (error = start_module(r, map)) < 0))
			return error;
		r->last_offset = map->offset;
		r->parts++;
		add_part(r, start, map->end, is_code, map->inode);
		return 0;
	}
	if (start < map->end && is_code)
		push_mapping(r, start, map->end, NULL, true, 0);
	return 0;
}

static int build(struct refresh *r)
{
	int error = 0;

	/* a map may be split once, at a span's end */
	r->mappings = malloc((r->maps->count * 2 + 1) * sizeof *r->mappings);
	r->modules = malloc((r->maps->count + 1) * sizeof *r->modules);
	if (!r->mappings || !r->modules)
		return -ENOMEM;
	for (size_t i = 0; i < r->maps->count && error == 0; i++)
		error = add_map(r, &r->maps->items[i]);
	return error < 0 ? error : finish_module(r);
}

/* ---- putting in place --------------------------------------------------- */

static int make_room(struct symbols *s, size_t more)
{
	size_t room = s->change_count + more;
	struct symbols_change *changes = realloc(s->changes, (room + 1) * sizeof *changes);
	struct module **ever;

	if (!changes)
		return -ENOMEM;
	s->changes = changes;
	ever = realloc(s->ever, (s->ever_count + more + 1) * sizeof *ever);
	if (!ever)
		return -ENOMEM;
	s->ever = ever;
	return 0;
}

static void log_change(struct symbols *s, struct module *m, bool is_added)
{
	s->changes[s->change_count++] = (struct symbols_change){ &m->public, is_added };
}

/* Events may be on their way that name it: its file stays open, for a while. */
static void retire(struct symbols *s, struct module *m)
{
	struct mapping *at = &s->retired[s->retired_count % SYMBOLS_RETIRED_MAX];

	log_change(s, m, false);
	if (is_ignored(s, m->public.start, m->public.end)) {
		m->public.is_retired = true;
		module_close(m);
		return;
	}
	if (s->retired_count >= SYMBOLS_RETIRED_MAX)
		module_close(at->module);
	module_image(s, m);
	m->public.is_retired = true;
	*at = (struct mapping){ m->public.start, m->public.end, m, true, m->inode };
	s->retired_count++;
}

static void retire_unseen(struct symbols *s)
{
	for (size_t i = 0; i < s->module_count; i++) {
		struct module *m = s->modules[i];

		if (!m->is_seen)
			retire(s, m);
	}
}

static int commit(struct refresh *r)
{
	struct symbols *s = r->s;
	size_t before = s->change_count;

	if (make_room(s, r->module_count + s->module_count) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < s->module_count; i++)
		s->modules[i]->is_seen = false;
	for (size_t i = 0; i < r->module_count; i++)
		r->modules[i]->is_seen = true;
	retire_unseen(s);
	for (size_t i = 0; i < r->module_count; i++) {
		struct module *m = r->modules[i];

		if (m->is_known)
			continue;
		m->is_known = true;
		m->public.id = s->ever_count;
		s->ever[s->ever_count++] = m;
		log_change(s, m, true);
	}
	free(s->modules);
	free(s->mappings);
	s->modules = r->modules;
	s->module_count = r->module_count;
	s->mappings = r->mappings;
	s->mapping_count = r->mapping_count;
	s->generation++;
	return s->change_count > before;
}

/* A refresh that fails leaves nothing of what it made. */
static void abandon(struct refresh *r)
{
	if (r->module && !r->module->is_known)
		module_close(r->module);
	for (size_t i = 0; i < r->module_count; i++)
		if (!r->modules[i]->is_known)
			module_close(r->modules[i]);
	free(r->mappings);
	free(r->modules);
}

/* ---- has anything changed at all ---------------------------------------- */

static bool is_unchanged(struct symbols *s)
{
	size_t size = 0;
	char *text;
	bool is_same = maps_read_text(s->pid, &text, &size) == 0 && size == s->maps_size &&
		       memcmp(text, s->maps_text, size) == 0;

	if (text && !size) {            /* it has ended: what was there last is kept */
		free(text);
		return true;
	}
	free(s->maps_text);
	s->maps_text = text;
	s->maps_size = text ? size : 0;
	return is_same;
}

int symbols_refresh(struct symbols *s, struct err *err)
{
	struct refresh r = { .s = s };
	struct maps maps;
	int error;

	if (is_unchanged(s))
		return 0;
	if (!s->maps_text)              /* once more, for its error */
		error = maps_read(s->pid, &maps, err);
	else if ((error = maps_parse(s->maps_text, &maps)) < 0)
		err_set(err, -error, "out of memory");
	if (error < 0)
		return error;
	r.maps = &maps;
	error = build(&r);
	if (error == 0)
		error = commit(&r);
	if (error < 0) {
		abandon(&r);
		free(s->maps_text);
		s->maps_text = NULL;
		s->maps_size = 0;
		err_set(err, -error, "reading the modules of %d: %s", s->pid, strerror(-error));
	}
	maps_deinit(&maps);
	return error;
}
