#include "watch-show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "line.h"
#include "source.h"
#include "watch-place.h"

#define VALUE_ROOM (2 * PLACE_BYTES_MAX + 8)

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void show_text(struct writer *w, struct symbols *symbols, const struct watch_hit *h,
		      const char *old, const char *new)
{
	struct source_line line;
	char where[512];
	char *at = writer_room(w, 4096);

	symbols_format(symbols, h->pc, where, sizeof where);
	at += snprintf(at, 1024, "[%d] %s %.900s (0x%" PRIx64 ", %u byte%s) ", h->tid,
		       h->is_write ? "write" : "read", h->where, h->address, h->len,
		       h->len == 1 ? "" : "s");
	if (h->is_write)
		at = put_literal(put_string(at, old), " -> ");
	at = put_string(at, new);
	at = put_string(put_literal(at, " at "), where);
	if (symbols_line(symbols, h->pc, &line) && line.line)
		at += snprintf(at, 512, " (%.400s:%u)", last_component(line.file), line.line);
	writer_done(w, put_literal(at, "\n"));
}

static void show_json(struct writer *w, struct symbols *symbols, const struct watch_hit *h,
		      const char *old, const char *new)
{
	const struct symbol *symbol = symbols_find(symbols, h->pc);
	const struct symbols_module *module = symbols_module_find(symbols, h->pc);
	struct source_line line = { 0 };
	bool has_line = symbols_line(symbols, h->pc, &line) && line.line;
	size_t names = (symbol ? strlen(symbol->name) : 0) + (module ? strlen(module->name) : 0) +
		       (has_line ? strlen(line.file) : 0);
	char *at = writer_room(w, JSON_STRING_ROOM(names) + 1024);

	at += sprintf(at, "{\"type\":\"%s\",\"tid\":%d,\"pid\":%d,\"address\":\"0x%" PRIx64
		      "\",\"size\":%u,\"pc\":\"0x%" PRIx64 "\"", h->is_write ? "write" : "read",
		      h->tid, h->pid, h->address, h->len, h->pc);
	if (symbol && *symbol->name)
		at = json_string(put_literal(at, ",\"function\":"), symbol->name);
	if (module) {
		at = json_string(put_literal(at, ",\"module\":"), module->name);
		at = put_u64(put_literal(at, ",\"offset\":"),
			     h->pc - (symbol ? symbol->start : module->base));
	}
	if (has_line) {
		at = json_string(put_literal(at, ",\"file\":"), line.file);
		at = put_u64(put_literal(at, ",\"line\":"), line.line);
	}
	if (h->is_write)
		at += sprintf(at, ",\"old\":%s,\"new\":%s}\n", old, new);
	else
		at += sprintf(at, ",\"value\":%s}\n", new);
	writer_done(w, at);
}

void watch_show(struct writer *w, const struct options *options, struct symbols *symbols,
		const struct watch_hit *hit)
{
	bool json = options->format == FORMAT_JSON;
	char old[VALUE_ROOM], new[VALUE_ROOM];

	place_value(hit->len, hit->old, json, old, sizeof old);
	place_value(hit->len, hit->new, json, new, sizeof new);
	(json ? show_json : show_text)(w, symbols, hit, old, new);
}
