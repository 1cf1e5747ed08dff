/* The table of modules, kept up to date: what the map shows now in the place of what it
 * showed before, of all of it or of a stretch.
 *
 * Everything new is built beside the old and put in its place at the end, so that
 * running out of memory leaves the table as it was. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mapped.h"

/* ---- putting in place --------------------------------------------------- */

/* What of the table lies in a stretch: modules and mappings from one index to another. */
struct stretch {
	uint64_t start, end;
	size_t first_module, last_module;       /* [first, last) */
	size_t first_mapping, last_mapping;
};

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
	if (symbols_is_ignored(s, m->public.start, m->public.end)) {
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

static void retire_unseen(struct symbols *s, const struct stretch *at)
{
	for (size_t i = at->first_module; i < at->last_module; i++) {
		struct module *m = s->modules[i];

		if (!m->is_seen)
			retire(s, m);
	}
}

static void add_unknown(struct symbols *s, const struct mapped *b)
{
	for (size_t i = 0; i < b->module_count; i++) {
		struct module *m = b->modules[i];

		if (m->is_known)
			continue;
		m->is_known = true;
		m->public.id = s->ever_count;
		s->ever[s->ever_count++] = m;
		log_change(s, m, true);
	}
}

/* `old`, `count` of them, with `new` instead of those from `first` to `last`. */
static void *spliced(const void *old, size_t count, size_t first, size_t last, const void *new,
		     size_t new_count, size_t size)
{
	char *out = malloc((count - (last - first) + new_count + 1) * size);

	if (!out)
		return NULL;
	if (first)
		memcpy(out, old, first * size);
	if (new_count)
		memcpy(out + first * size, new, new_count * size);
	if (count > last)
		memcpy(out + (first + new_count) * size, (const char *)old + last * size,
		       (count - last) * size);
	return out;
}

static int put_in_place(struct symbols *s, const struct mapped *b, const struct stretch *at)
{
	size_t before = s->change_count;
	struct module **modules = spliced(s->modules, s->module_count, at->first_module,
					  at->last_module, b->modules, b->module_count,
					  sizeof *modules);
	struct mapping *mappings = spliced(s->mappings, s->mapping_count, at->first_mapping,
					   at->last_mapping, b->mappings, b->mapping_count,
					   sizeof *mappings);

	if (!modules || !mappings ||
	    make_room(s, b->module_count + at->last_module - at->first_module) < 0) {
		free(modules);
		free(mappings);
		return -ENOMEM;
	}
	for (size_t i = at->first_module; i < at->last_module; i++)
		s->modules[i]->is_seen = false;
	for (size_t i = 0; i < b->module_count; i++)
		b->modules[i]->is_seen = true;
	retire_unseen(s, at);
	add_unknown(s, b);
	free(s->modules);
	free(s->mappings);
	s->modules = modules;
	s->module_count += b->module_count - (at->last_module - at->first_module);
	s->mappings = mappings;
	s->mapping_count += b->mapping_count - (at->last_mapping - at->first_mapping);
	s->generation++;
	return s->change_count > before;
}

/* What `maps` shows in the place of what was in a stretch. */
static int replace(struct symbols *s, const struct maps *maps, const struct stretch *at)
{
	struct mapped b = { .s = s, .maps = maps };
	int r = mapped_build(&b);

	if (r == 0 && b.reach > at->end)
		r = -E2BIG;
	if (r == 0)
		r = put_in_place(s, &b, at);
	if (r < 0) {
		mapped_abandon(&b);
		return r;
	}
	free(b.modules);
	free(b.mappings);
	return r;
}

/* ---- a stretch ---------------------------------------------------------- */

#define WIDENED_MAX 8
#define USER_END (1ull << 56)   /* of user space: what is behind it cannot be asked for */
#define PARTS_MIN 64
#define ENTRIES_A_PART 8        /* that are read in the time that a part takes */

static uint64_t module_reach(const struct module *m)
{
	return m->span_end > m->public.end ? m->span_end : m->public.end;
}

/* The first module that reaches beyond `address`: they do not overlap. */
static size_t first_module_behind(const struct symbols *s, uint64_t address)
{
	size_t low = 0, high = s->module_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (module_reach(s->modules[mid]) <= address)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* So far that no module or mapping of the table lies across its ends.  False: it was so before. */
static bool widen(const struct symbols *s, struct stretch *at)
{
	uint64_t start = at->start, end = at->end;

	at->first_module = first_module_behind(s, at->start);
	for (at->last_module = at->first_module;
	     at->last_module < s->module_count &&
	     s->modules[at->last_module]->public.start < at->end; at->last_module++) {
		const struct module *m = s->modules[at->last_module];

		at->start = m->public.start < at->start ? m->public.start : at->start;
		at->end = module_reach(m) > at->end ? module_reach(m) : at->end;
	}
	at->first_mapping = symbols_mapping_behind(s, at->start);
	for (at->last_mapping = at->first_mapping;
	     at->last_mapping < s->mapping_count &&
	     s->mappings[at->last_mapping].start < at->end; at->last_mapping++) {
		const struct mapping *m = &s->mappings[at->last_mapping];

		at->start = m->start < at->start ? m->start : at->start;
		at->end = m->end > at->end ? m->end : at->end;
	}
	return at->start != start || at->end != end;
}

/* The map around a stretch, which is widened until its ends are those of something. */
static int read_stretch(struct symbols *s, struct stretch *at, struct maps *out)
{
	for (unsigned i = 0; i < WIDENED_MAX; i++) {
		while (widen(s, at))
			;
		int r = maps_read_near(s->pid, at->start, at->end, out);
		if (r < 0)
			return r;
		if (out->count && out->items[0].start < at->start)
			at->start = out->items[0].start;
		if (out->count && out->items[out->count - 1].end > at->end)
			at->end = out->items[out->count - 1].end;
		if (!widen(s, at))
			return 0;
		maps_deinit(out);
	}
	return -E2BIG;
}

/* Has so much been done by parts that reading all of the map once costs no more? */
static bool is_due(struct symbols *s)
{
	return s->parts++ >= PARTS_MIN + s->mapping_count / ENTRIES_A_PART;
}

int symbols_refresh_range(struct symbols *s, uint64_t start, uint64_t end)
{
	struct stretch at = { .start = start, .end = end };
	struct maps maps;

	if (s->cannot_ask)
		return -ENOTTY;
	if (end > USER_END || is_due(s))
		return -E2BIG;
	int r = read_stretch(s, &at, &maps);
	s->cannot_ask = r == -ENOTTY;
	if (r < 0)
		return r;
	r = replace(s, &maps, &at);
	maps_deinit(&maps);
	if (r >= 0) {                   /* the text is not that of the table any more */
		free(s->maps_text);
		s->maps_text = NULL;
		s->maps_size = 0;
	}
	return r;
}

/* ---- all of it ---------------------------------------------------------- */

/* 1: the map says what it said before, or never said anything; -ESRCH: it says nothing any more. */
static int is_unchanged(struct symbols *s)
{
	size_t size = 0;
	char *text;
	bool is_same = maps_read_text(s->pid, &text, &size) == 0 && size == s->maps_size &&
		       memcmp(text, s->maps_text, size) == 0;

	if (text && !size) {            /* what was there last is kept */
		free(text);
		return s->module_count ? -ESRCH : 1;
	}
	free(s->maps_text);
	s->maps_text = text;
	s->maps_size = text ? size : 0;
	return is_same;
}

int symbols_refresh(struct symbols *s, struct err *err)
{
	struct stretch all = { 0, UINT64_MAX, 0, s->module_count, 0, s->mapping_count };
	struct maps maps;
	int r = is_unchanged(s);

	s->parts = 0;
	if (r < 0)
		return err_set(err, -r, "process %d has ended", s->pid);
	if (r)
		return 0;
	if (!s->maps_text)              /* once more, for its error */
		r = maps_read(s->pid, &maps, err);
	else if ((r = maps_parse(s->maps_text, &maps)) < 0)
		err_set(err, -r, "out of memory");
	if (r < 0)
		return r;
	r = replace(s, &maps, &all);
	maps_deinit(&maps);
	if (r < 0) {
		free(s->maps_text);
		s->maps_text = NULL;
		s->maps_size = 0;
		err_set(err, -r, "reading the modules of %d: %s", s->pid, strerror(-r));
	}
	return r;
}
