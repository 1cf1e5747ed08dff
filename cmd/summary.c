/* summary.c - a table of functions instead of their calls (-c).
 *
 * An event costs a few additions: the counts stand in an array by the function's
 * id, one a process.  At the end they are put together by name.
 */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "calls.h"
#include "hot-paths.h"
#include "json.h"
#include "line.h"
#include "profile.h"

/* ---- counting ------------------------------------------------------------------------- */

static void *grow(void *items, uint32_t *room, uint32_t id, size_t size)
{
	uint32_t wanted = *room ? *room : 1024;

	while (wanted <= id)
		wanted *= 2;
	char *grown = realloc(items, wanted * size);
	if (!grown)
		return NULL;
	memset(grown + *room * size, 0, (wanted - *room) * size);
	*room = wanted;
	return grown;
}

static bool make_open_room(struct calls *c, uint32_t id)
{
	uint32_t *grown = grow(c->open, &c->open_room, id, sizeof *grown);

	if (grown)
		c->open = grown;
	return grown != NULL;
}

static bool make_count_room(struct counts *counts, uint32_t id)
{
	struct count *grown = grow(counts->items, &counts->room, id, sizeof *grown);

	if (grown)
		counts->items = grown;
	return grown != NULL;
}

static inline void enter(struct calls *c, struct frame *frame)
{
	uint32_t id = frame->callee->function_id;

	if (id >= c->open_room && !make_open_room(c, id))
		return;
	if (!c->counts || (id >= c->counts->room && !make_count_room(c->counts, id)))
		return;
	if (c->is_timed)
		frame->is_recursive = c->open[id]++ != 0;
	frame->shown = frame->callee;
	frame->shown_id = id;
}

void summary_opened(void *context, struct frame *frame, struct frame *parent)
{
	struct calls *c = context;

	calls_filter(c, frame, parent);
	enter(c, frame);
}

void summary_renamed(void *context, struct frame *frame, struct frame *parent)
{
	struct calls *c = context;

	if (frame->shown && c->is_timed)
		c->open[frame->shown_id]--;
	summary_opened(c, frame, parent);
}

struct counts *summary_counts(struct space *space)
{
	if (!space->view)
		space->view = calloc(1, sizeof(struct counts));
	return space->view;
}

void summary_calls_add(struct counts *counts, uint32_t id, uint64_t n)
{
	if (counts && (id < counts->room || make_count_room(counts, id)))
		counts->items[id].calls += n;
}

void summary_insns_add(struct counts *counts, uint32_t id, uint64_t n)
{
	if (id < counts->room || make_count_room(counts, id))
		counts->items[id].self += n;
}

void summary_begin(struct calls *c)
{
	const struct options *o = c->output->options;

	c->counts = summary_counts(c->stream->space);
	c->is_timed = !o->no_time;
	c->is_quick = c->counts && !c->min_ticks && !o->limit;
}

void summary_closed(void *context, struct frame *frame, enum calltree_end how, uint64_t tsc)
{
	struct calls *c = context;

	(void)how;
	if (!frame->shown)
		return;
	uint32_t id = frame->shown_id;
	if (c->is_timed)
		c->open[id]--;
	uint64_t duration = frame_duration(frame, tsc, &c->tree.cost);
	if (frame->is_hidden || duration < c->min_ticks || !output_show(c->output))
		return;
	summary_add(&c->counts->items[id], frame, duration);
}

/* ---- putting together -------------------------------------------------------------------- */

struct rows {
	struct summary_row *items;
	size_t count;
};

/* Source lines can be had only while the process is known. */
void summary_space_end(struct output *output, struct space *space)
{
	struct counts *counts = space->view;

	if (!output->options->lines || !counts)
		return;
	for (uint32_t id = 0; id < counts->room && id < names_count(space->names); id++)
		if (counts->items[id].calls)
			name_line(space->names, names_at(space->names, id));
}

void summary_space_free(struct space *space)
{
	struct counts *counts = space->view;

	summary_sites_destroy(counts->sites);
	profile_destroy(counts->profile);
	hot_paths_destroy(counts->hot);
	free(counts->items);
	free(counts);
}

static size_t collect(struct output *output, struct summary_row *out)
{
	size_t n = 0;

	for (struct space *space = output->spaces; space; space = space->next) {
		struct counts *counts = space->view;

		for (uint32_t id = 0; counts && id < counts->room; id++) {
			if (!counts->items[id].calls && !counts->items[id].self)
				continue;
			const struct name *name = names_at(space->names, id);
			if (out)
				out[n] = (struct summary_row){ name->text, name, counts->items[id] };
			n++;
		}
	}
	return n;
}

static int by_name(const void *a, const void *b)
{
	const struct summary_row *x = a, *y = b;
	int r = strcmp(x->function, y->function);

	return r ? r : strcmp(x->name->module, y->name->module);
}

/* requires: sorted by name */
static void merge(struct rows *rows)
{
	size_t n = 0;

	for (size_t i = 0; i < rows->count; i++) {
		struct count *from = &rows->items[i].count;

		if (!n || by_name(&rows->items[n - 1], &rows->items[i])) {
			rows->items[n++] = rows->items[i];
			continue;
		}
		struct count *to = &rows->items[n - 1].count;
		to->calls += from->calls;
		to->total += from->total;
		to->self += from->self;
		to->sum += from->sum;
		if (from->min < to->min)
			to->min = from->min;
		if (from->max > to->max)
			to->max = from->max;
	}
	rows->count = n;
}

/* Counted calls of a stub that was jumped to are less than none: it was left, not called. */
static void drop_empty(struct rows *rows)
{
	size_t n = 0;

	for (size_t i = 0; i < rows->count; i++) {
		struct summary_row row = rows->items[i];

		if ((int64_t)row.count.calls < 0)
			row.count.calls = 0;
		if (row.count.calls || row.count.self)
			rows->items[n++] = row;
	}
	rows->count = n;
}

static void to_ns(struct count *c)
{
	c->total = clock_tsc_to_duration(c->total);
	c->self = clock_tsc_to_duration(c->self);
	c->sum = clock_tsc_to_duration(c->sum);
	c->min = clock_tsc_to_duration(c->min);
	c->max = clock_tsc_to_duration(c->max);
}

/* ---- order ---------------------------------------------------------------------------------- */

static uint64_t key_of(const struct count *c, enum sort_key key)
{
	switch (key) {
	case SORT_CALLS: return c->calls;
	case SORT_SELF: return c->self;
	case SORT_MIN: return c->min;
	case SORT_AVG: return c->calls ? c->sum / c->calls : 0;
	case SORT_MAX: return c->max;
	default: return c->total;
	}
}

static int by_key(const void *a, const void *b, void *context)
{
	const struct summary_row *x = a, *y = b;
	enum sort_key key = *(enum sort_key *)context;

	if (key == SORT_NAME)
		return by_name(a, b);
	uint64_t v = key_of(&x->count, key), w = key_of(&y->count, key);
	return v > w ? -1 : v < w ? 1 : by_name(a, b);
}

size_t summary_rows(struct output *output, enum sort_key key, struct summary_row **out)
{
	struct rows rows = { .count = collect(output, NULL) };

	*out = rows.items = calloc(rows.count ? rows.count : 1, sizeof *rows.items);
	if (!rows.items)
		return 0;
	collect(output, rows.items);
	qsort(rows.items, rows.count, sizeof *rows.items, by_name);
	merge(&rows);
	drop_empty(&rows);
	qsort_r(rows.items, rows.count, sizeof *rows.items, by_key, &key);
	return rows.count;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void write_json(struct output *output, const struct summary_row *row)
{
	const struct count *n = &row->count;
	const struct { const char *key; uint64_t value; } numbers[] = {
		{ "calls", n->calls }, { "total", n->total }, { "self", n->self },
		{ "min", n->min }, { "avg", n->sum / n->calls }, { "max", n->max },
	};
	const struct name *name = row->name;
	size_t file = name->file ? JSON_STRING_ROOM(strlen(name->file)) : 0;
	char *at = writer_room(&output->main, LINE_SLACK + file +
			       JSON_STRING_ROOM(name->text_len + strlen(name->module)));

	at = put_literal(at, "{\"type\":\"summary\",\"function\":");
	at = json_bytes(at, name->text, name->text_len);
	at = put_literal(at, ",\"module\":");
	at = json_string(at, name->module);
	for (size_t i = 0; i < (output->options->no_time ? 1 : 6); i++) {
		at = put_literal(at, ",\"");
		at = put_string(at, numbers[i].key);
		at = put_literal(at, "\":");
		at = put_u64(at, numbers[i].value);
	}
	if (output->options->lines)
		at = put_json_line(at, name);
	at = put_literal(at, "}\n");
	writer_done(&output->main, at);
}

static char *put_us(char *at, uint64_t ns)
{
	return at + sprintf(at, "%12llu.%03llu ", (unsigned long long)ns / 1000,
			    (unsigned long long)ns % 1000);
}

char *summary_put_function(const struct output *output, char *at, const struct name *name)
{
	if (output->colored)
		at = put_literal(at, "\033[1m");
	at = put_text(at, name->text, name->text_len);
	if (output->colored)
		at = put_literal(at, "\033[0m");
	if (*name->module && *name->function) {
		at = put_literal(at, " [");
		at = put_string(at, name->module);
		*at++ = ']';
	}
	return at;
}

static void write_text(struct output *output, const struct summary_row *row)
{
	const struct count *n = &row->count;
	const struct name *name = row->name;
	char *at = writer_room(&output->main, LINE_SLACK + name->text_len + strlen(name->module) +
			       name->line_len);

	at += sprintf(at, "%12llu ", (unsigned long long)n->calls);
	if (!output->options->no_time) {
		at = put_us(at, n->total);
		at = put_us(at, n->self);
		at = put_us(at, n->min);
		at = put_us(at, n->sum / n->calls);
		at = put_us(at, n->max);
	}
	*at++ = ' ';
	at = summary_put_function(output, at, name);
	if (output->options->lines && name->line_len) {
		at = put_literal(at, " /* ");
		at = put_text(at, name->line, name->line_len);
		at = put_literal(at, " */");
	}
	*at++ = '\n';
	writer_done(&output->main, at);
}

static void write_header(struct output *output)
{
	static const char timed[] =
		"#      CALLS         TOTAL us          SELF us           MIN us"
		"           AVG us           MAX us   FUNCTION\n";
	static const char plain[] = "#      CALLS  FUNCTION\n";

	if (output->options->no_time)
		writer_write(&output->main, plain, sizeof plain - 1);
	else
		writer_write(&output->main, timed, sizeof timed - 1);
}

void summary_finish(struct output *output)
{
	enum sort_key key = output->options->sort;
	bool json = output->options->format == FORMAT_JSON;
	struct summary_row *rows;

	if (key == SORT_DEFAULT)
		key = output->options->no_time ? SORT_CALLS : SORT_TOTAL;
	size_t count = summary_rows(output, key, &rows);
	if (!json)
		write_header(output);
	for (size_t i = 0; i < count; i++) {
		to_ns(&rows[i].count);
		if (json)
			write_json(output, &rows[i]);
		else
			write_text(output, &rows[i]);
	}
	free(rows);
}
