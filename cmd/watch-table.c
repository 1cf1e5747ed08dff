/* -c with --watch: hits by instruction while they come, by function and line at the end. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "line.h"
#include "source.h"
#include "syscall-names.h"
#include "watch-show.h"

#define ROOM_MIN 256

struct row {
	uint64_t pc, hits;              /* hits 0: free */
	uint32_t number;
	uint8_t what;
	char *text[4];                  /* owned: place, function, module, file */
	unsigned line;
};

enum { TEXT_PLACE, TEXT_FUNCTION, TEXT_MODULE, TEXT_FILE };

struct watch_table {
	struct row *rows;               /* open addressing */
	size_t count, room;
};

struct watch_table *watch_table_create(void)
{
	struct watch_table *table = calloc(1, sizeof *table);

	if (table)
		table->rows = calloc(ROOM_MIN, sizeof *table->rows);
	if (!table || !table->rows) {
		free(table);
		return NULL;
	}
	table->room = ROOM_MIN;
	return table;
}

void watch_table_destroy(struct watch_table *table)
{
	for (size_t i = 0; table && i < table->room; i++)
		for (int k = 0; k < 4; k++)
			free(table->rows[i].text[k]);
	if (table)
		free(table->rows);
	free(table);
}

static bool is_same(const struct row *row, const struct watch_hit *h)
{
	return row->pc == h->pc && row->what == h->what && row->number == h->number &&
	       !strcmp(row->text[TEXT_PLACE], h->where);
}

static size_t slot_of(const struct watch_table *table, uint64_t pc, unsigned number)
{
	return (size_t)((pc ^ number) * 0x9e3779b97f4a7c15ull >> 20) & (table->room - 1);
}

static void grow(struct watch_table *table)
{
	struct watch_table larger = { .room = table->room * 2 };

	larger.rows = calloc(larger.room, sizeof *larger.rows);
	if (!larger.rows)
		return;
	for (size_t i = 0; i < table->room; i++) {
		size_t at = slot_of(&larger, table->rows[i].pc, table->rows[i].number);

		if (!table->rows[i].hits)
			continue;
		while (larger.rows[at].hits)
			at = (at + 1) & (larger.room - 1);
		larger.rows[at] = table->rows[i];
	}
	free(table->rows);
	table->rows = larger.rows;
	table->room = larger.room;
}

static void fill(struct row *row, struct symbols *symbols, const struct watch_hit *h)
{
	const struct symbol *symbol = h->pc ? symbols_find(symbols, h->pc) : NULL;
	const struct symbols_module *module = h->pc ? symbols_module_find(symbols, h->pc) : NULL;
	struct source_line line;

	*row = (struct row){ .pc = h->pc, .what = (uint8_t)h->what, .number = h->number };
	row->text[TEXT_PLACE] = strdup(h->where);
	row->text[TEXT_FUNCTION] = strdup(symbol ? symbol->name : "");
	row->text[TEXT_MODULE] = strdup(module ? module->name : "");
	if (h->pc && symbols_line(symbols, h->pc, &line) && line.line) {
		row->text[TEXT_FILE] = strdup(line.file);
		row->line = line.line;
	} else {
		row->text[TEXT_FILE] = strdup("");
	}
	for (int k = 0; k < 4; k++)
		if (!row->text[k])
			abort();
}

void watch_table_add(struct watch_table *table, struct symbols *symbols, const struct watch_hit *h)
{
	if (table->count * 2 > table->room)
		grow(table);
	size_t at = slot_of(table, h->pc, h->number);
	while (table->rows[at].hits && !is_same(&table->rows[at], h))
		at = (at + 1) & (table->room - 1);
	if (!table->rows[at].hits) {
		if (table->count + 1 >= table->room)
			return;
		fill(&table->rows[at], symbols, h);
		table->count++;
	}
	table->rows[at].hits++;
}

/* ---- the end ------------------------------------------------------------------------------ */

static int by_line(const void *a, const void *b)
{
	const struct row *x = *(struct row *const *)a, *y = *(struct row *const *)b;
	int r = 0;

	for (int k = 0; k < 4 && !r; k++)
		r = strcmp(x->text[k], y->text[k]);
	if (!r)
		r = x->line < y->line ? -1 : x->line > y->line;
	if (!r)
		r = (int)x->what - (int)y->what;
	return r ? r : x->number < y->number ? -1 : x->number > y->number;
}

static int by_hits(const void *a, const void *b)
{
	const struct row *x = *(struct row *const *)a, *y = *(struct row *const *)b;

	return x->hits != y->hits ? (x->hits > y->hits ? -1 : 1) : by_line(a, b);
}

static const char *who(const struct row *row, char *buf, size_t room)
{
	const char *name = row->what == WATCH_SYSCALL ? syscall_name(row->number) :
			   row->what == WATCH_SIGNAL ? sigabbrev_np((int)row->number) : NULL;

	snprintf(buf, room, row->what == WATCH_SYSCALL ? "%s(2)" : "SIG%s", name ? name : "?");
	return row->what == WATCH_OTHER ? "someone else" :
	       row->what == WATCH_RING ? "someone else, perhaps io_uring" :
	       row->what == WATCH_SYSCALL || row->what == WATCH_SIGNAL ? buf : "";
}

static char *put_json(char *at, const struct row *row, const char *by)
{
	at = put_literal(at, "{\"type\":\"summary\",\"access\":");
	at = put_string(at, row->what == WATCH_READ ? "\"read\"" : "\"write\"");
	at = json_string(put_literal(at, ",\"where\":"), row->text[TEXT_PLACE]);
	if (*row->text[TEXT_FUNCTION])
		at = json_string(put_literal(at, ",\"function\":"), row->text[TEXT_FUNCTION]);
	if (*row->text[TEXT_MODULE])
		at = json_string(put_literal(at, ",\"module\":"), row->text[TEXT_MODULE]);
	if (row->line) {
		at = json_string(put_literal(at, ",\"file\":"), row->text[TEXT_FILE]);
		at = put_u64(put_literal(at, ",\"line\":"), row->line);
	}
	if (*by)
		at = json_string(put_literal(at, ",\"by\":"), by);
	return put_literal(put_u64(put_literal(at, ",\"hits\":"), row->hits), "}\n");
}

static char *put_row(char *at, const struct row *row, const char *by)
{
	const char *slash = strrchr(row->text[TEXT_FILE], '/');

	at += sprintf(at, "%12" PRIu64 "  %s ", row->hits, row->what == WATCH_READ ? "read" : "write");
	at = put_string(at, row->text[TEXT_PLACE]);
	if (*by)
		at = put_string(put_literal(at, " by "), by);
	if (*row->text[TEXT_MODULE]) {
		at = put_string(put_literal(at, " at "), row->text[TEXT_MODULE]);
		at = put_string(put_literal(at, "!"), row->text[TEXT_FUNCTION]);
	} else if (row->pc) {
		at = put_hex(put_literal(at, " at "), row->pc);
	}
	if (row->line) {
		at = put_string(put_literal(at, " ("), slash ? slash + 1 : row->text[TEXT_FILE]);
		at = put_literal(put_u64(put_literal(at, ":"), row->line), ")");
	}
	return put_literal(at, "\n");
}

static void write_row(struct writer *w, const struct row *row, bool json)
{
	size_t names = 0;
	char buf[64];

	for (int k = 0; k < 4; k++)
		names += strlen(row->text[k]);
	char *at = writer_room(w, JSON_STRING_ROOM(names) + 1024);
	const char *by = who(row, buf, sizeof buf);
	writer_done(w, json ? put_json(at, row, by) : put_row(at, row, by));
}

void watch_table_write(struct watch_table *table, struct writer *w, const struct options *options)
{
	struct row **rows = calloc(table->count + 1, sizeof *rows);
	bool json = options->format == FORMAT_JSON;
	size_t n = 0, kept = 0;

	if (!rows)
		return;
	for (size_t i = 0; i < table->room; i++)
		if (table->rows[i].hits)
			rows[n++] = &table->rows[i];
	qsort(rows, n, sizeof *rows, by_line);
	for (size_t i = 0; i < n; i++) {
		if (kept && by_line(&rows[kept - 1], &rows[i]) == 0)
			rows[kept - 1]->hits += rows[i]->hits;
		else
			rows[kept++] = rows[i];
	}
	qsort(rows, kept, sizeof *rows, by_hits);
	if (!json)
		writer_write(w, "#       HITS  WHO\n", 18);
	for (size_t i = 0; i < kept; i++)
		write_row(w, rows[i], json);
	free(rows);
}
