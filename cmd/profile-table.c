/* profile-table.c - what --profile shows at the end: how often each function was called, and
 * how many instructions it has executed, itself; with -l, in which lines.
 */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "calls.h"
#include "json.h"
#include "line.h"
#include "profile.h"
#include "target.h"

/* ---- a process ------------------------------------------------------------------------------ */

void profile_space_unmap(struct output *output, struct space *space, uint64_t start, uint64_t end)
{
	struct counts *counts = space->view;

	if (counts && counts->profile)
		profile_resolve(counts->profile, target_of_origin(space->origin), space->names,
				output->options->lines, start, end);
}

void profile_space_end(struct output *output, struct space *space)
{
	struct counts *counts = space->view;

	if (!counts || !counts->profile)
		return;
	profile_space_unmap(output, space, 0, ~0ull);
	counts->line_count = profile_lines(counts->profile, &counts->lines);
	for (size_t i = 0; i < counts->line_count; i++) {
		const struct profile_line *line = &counts->lines[i];

		if (line->function->filter & FILTER_MODULE)
			summary_insns_add(counts, line->function->function_id, line->insns);
	}
	summary_space_end(output, space);
}

/* ---- lines of a function ---------------------------------------------------------------------- */

static int by_function(const void *a, const void *b)
{
	const struct profile_line *x = a, *y = b;
	int r = strcmp(x->function->text, y->function->text);

	return r ? r : strcmp(x->function->module, y->function->module);
}

static int by_line(const void *a, const void *b)
{
	const struct profile_line *x = a, *y = b;
	int r = by_function(a, b);

	if (!r && (!x->file || !y->file))
		return !!x->file - !!y->file;
	if (!r)
		r = strcmp(x->file, y->file);
	return r ? r : (x->line > y->line) - (x->line < y->line);
}

/* Those of all processes, sorted; the same ones added up. */
static size_t collect_lines(const struct output *output, struct profile_line **out)
{
	size_t count = 0, n = 0;

	for (const struct space *s = output->spaces; s; s = s->next)
		count += s->view ? ((const struct counts *)s->view)->line_count : 0;
	struct profile_line *all = calloc(count ? count : 1, sizeof *all);
	*out = all;
	if (!all)
		return 0;
	for (const struct space *s = output->spaces; s; s = s->next) {
		const struct counts *c = s->view;

		for (size_t i = 0; c && i < c->line_count; i++)
			all[n++] = c->lines[i];
	}
	qsort(all, count, sizeof *all, by_line);
	n = 0;
	for (size_t i = 0; i < count; i++) {
		if (n && !by_line(&all[n - 1], &all[i]))
			all[n - 1].insns += all[i].insns;
		else
			all[n++] = all[i];
	}
	return n;
}

/* Where the function's lines begin; *count: how many they are. */
static const struct profile_line *lines_of(const struct profile_line *all, size_t total,
					   const struct name *function, size_t *count)
{
	const struct profile_line key = { .function = function };
	const struct profile_line *found = bsearch(&key, all, total, sizeof *all, by_function);
	const struct profile_line *first = found, *behind = found;

	while (first && first > all && !by_function(first - 1, &key))
		first--;
	while (behind && behind < all + total && !by_function(behind, &key))
		behind++;
	*count = (size_t)(behind - first);
	return first;
}

/* ---- writing ------------------------------------------------------------------------------------ */

static char *put_json_function(char *at, const struct name *name)
{
	at = put_literal(at, "{\"type\":\"summary\",\"function\":");
	at = json_bytes(at, name->text, name->text_len);
	at = put_literal(at, ",\"module\":");
	return json_string(at, name->module);
}

static char *put_json_number(char *at, const char *key, uint64_t value)
{
	*at++ = ',';
	*at++ = '"';
	at = put_string(at, key);
	at = put_literal(at, "\":");
	return put_u64(at, value);
}

static size_t room_of(const struct name *name, const char *file)
{
	return LINE_SLACK + JSON_STRING_ROOM(name->text_len + strlen(name->module)) +
	       (file ? JSON_STRING_ROOM(strlen(file)) : 0);
}

static void write_json_row(struct output *output, const struct summary_row *row)
{
	char *at = writer_room(&output->main, room_of(row->name, row->name->file));

	at = put_json_function(at, row->name);
	at = put_json_number(at, "calls", row->count.calls);
	at = put_json_number(at, "instructions", row->count.self);
	if (output->options->lines)
		at = put_json_line(at, row->name);
	at = put_literal(at, "}\n");
	writer_done(&output->main, at);
}

static void write_json_line(struct output *output, const struct profile_line *line)
{
	char *at = writer_room(&output->main, room_of(line->function, line->file));

	at = put_json_function(at, line->function);
	at = put_json_number(at, "instructions", line->insns);
	if (line->file) {
		at = put_literal(at, ",\"file\":");
		at = json_string(at, line->file);
		at = put_json_number(at, "line", line->line);
	}
	at = put_literal(at, "}\n");
	writer_done(&output->main, at);
}

static char *put_insns(char *at, uint64_t insns, uint64_t all)
{
	return at + sprintf(at, "%16llu %6.2f ", (unsigned long long)insns,
			    all ? 100.0 * (double)insns / (double)all : 0.0);
}

static void write_text_row(struct output *output, const struct summary_row *row, uint64_t all)
{
	const struct name *name = row->name;
	char *at = writer_room(&output->main, room_of(name, NULL));

	at = put_insns(at, row->count.self, all);
	at += sprintf(at, "%12llu  ", (unsigned long long)row->count.calls);
	at = summary_put_function(output, at, name);
	*at++ = '\n';
	writer_done(&output->main, at);
}

static void write_text_line(struct output *output, const struct profile_line *line, uint64_t all)
{
	const char *slash = line->file ? strrchr(line->file, '/') : NULL;
	const char *file = slash ? slash + 1 : line->file;
	char *at = writer_room(&output->main, room_of(line->function, line->file));

	at = put_insns(at, line->insns, all);
	at = put_literal(at, "              | ");
	at = put_string(at, file ? file : "?");
	*at++ = ':';
	at = file ? put_u64(at, line->line) : put_literal(at, "?");
	*at++ = '\n';
	writer_done(&output->main, at);
}

static void write_lines(struct output *output, const struct profile_line *lines, size_t count,
			uint64_t all)
{
	for (size_t i = 0; i < count; i++)
		if (output->options->format == FORMAT_JSON)
			write_json_line(output, &lines[i]);
		else
			write_text_line(output, &lines[i], all);
}

void profile_finish(struct output *output)
{
	static const char header[] = "#   INSTRUCTIONS      %        CALLS  FUNCTION\n";
	bool json = output->options->format == FORMAT_JSON, lines = output->options->lines;
	enum sort_key key = output->options->sort;
	struct profile_line *all_lines = NULL;
	struct summary_row *rows;
	uint64_t all = 0;

	size_t count = summary_rows(output, key == SORT_DEFAULT ? SORT_SELF : key, &rows);
	size_t line_count = lines ? collect_lines(output, &all_lines) : 0;
	for (size_t i = 0; i < count; i++)
		all += rows[i].count.self;
	if (!json)
		writer_write(&output->main, header, sizeof header - 1);
	for (size_t i = 0; i < count; i++) {
		size_t n = 0;
		const struct profile_line *first = lines ? lines_of(all_lines, line_count, rows[i].name, &n)
							 : NULL;

		if (json)
			write_json_row(output, &rows[i]);
		else
			write_text_row(output, &rows[i], all);
		write_lines(output, first, n, all);
	}
	free(all_lines);
	free(rows);
}
