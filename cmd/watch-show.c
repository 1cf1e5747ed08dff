#include "watch-show.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "line.h"
#include "source.h"
#include "syscall-names.h"
#include "watch-value.h"

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Who has written, if not the instruction: "read(2)", "signal 10 (SIGUSR1)". */
static void put_who(const struct watch_hit *h, bool json, char *out, size_t room)
{
	const char *name = h->what == WATCH_SYSCALL ? syscall_name(h->number) :
			   h->what == WATCH_SIGNAL ? sigabbrev_np((int)h->number) : NULL;

	out[0] = 0;
	if (h->what == WATCH_OTHER)
		snprintf(out, room, "someone else");
	else if (h->what == WATCH_RING)
		snprintf(out, room, "someone else, perhaps io_uring");
	else if (h->what == WATCH_SIGNAL)
		snprintf(out, room, name ? "signal %u (SIG%s)" : "signal %u", h->number, name);
	else if (h->what == WATCH_SYSCALL && name)
		snprintf(out, room, json ? "%s" : "%s(2)", name);
	else if (h->what == WATCH_SYSCALL)
		snprintf(out, room, "system call %u", h->number);
}

static void show_text(struct writer *w, struct symbols *symbols, const struct watch_hit *h,
		      const char *old, const char *new)
{
	struct source_line line;
	char where[512], who[64];
	char *at = writer_room(w, 4096);

	put_who(h, false, who, sizeof who);
	at += snprintf(at, 1024, "[%d] %s %.900s (0x%" PRIx64 ", %u byte%s) ", h->tid,
		       h->what == WATCH_READ ? "read" : "write", h->where, h->address, h->len,
		       h->len == 1 ? "" : "s");
	if (h->what != WATCH_READ)
		at = put_literal(put_string(at, old), " -> ");
	at = put_string(at, new);
	if (*who)
		at = put_string(put_literal(at, " by "), who);
	if (h->pc) {
		symbols_format(symbols, h->pc, where, sizeof where);
		at = put_string(put_literal(at, " at "), where);
		if (symbols_line(symbols, h->pc, &line) && line.line)
			at += snprintf(at, 512, " (%.400s:%u)", last_component(line.file), line.line);
	}
	writer_done(w, put_literal(at, "\n"));
	if (h->stack)
		watch_stack_show(w, symbols, h->stack, false);
}

static char *put_place(char *at, struct symbols *symbols, uint64_t pc, const struct source_line *line)
{
	const struct symbol *symbol = symbols_find(symbols, pc);
	const struct symbols_module *module = symbols_module_find(symbols, pc);

	at += sprintf(at, ",\"pc\":\"0x%" PRIx64 "\"", pc);
	if (symbol && *symbol->name)
		at = json_string(put_literal(at, ",\"function\":"), symbol->name);
	if (module) {
		at = json_string(put_literal(at, ",\"module\":"), module->name);
		at = put_u64(put_literal(at, ",\"offset\":"),
			     pc - (symbol ? symbol->start : module->base));
	}
	if (line->line) {
		at = json_string(put_literal(at, ",\"file\":"), line->file);
		at = put_u64(put_literal(at, ",\"line\":"), line->line);
	}
	return at;
}

static void show_json(struct writer *w, struct symbols *symbols, const struct watch_hit *h,
		      const char *old, const char *new)
{
	const struct symbol *symbol = h->pc ? symbols_find(symbols, h->pc) : NULL;
	const struct symbols_module *module = h->pc ? symbols_module_find(symbols, h->pc) : NULL;
	struct source_line line = { 0 };
	char who[64];

	if (!h->pc || !symbols_line(symbols, h->pc, &line))
		line = (struct source_line){ 0 };
	size_t names = (symbol ? strlen(symbol->name) : 0) + (module ? strlen(module->name) : 0) +
		       (line.line ? strlen(line.file) : 0);
	char *at = writer_room(w, JSON_STRING_ROOM(names) + 3072);

	put_who(h, true, who, sizeof who);
	at += sprintf(at, "{\"type\":\"%s\",\"tid\":%d,\"pid\":%d,\"address\":\"0x%" PRIx64
		      "\",\"size\":%u", h->what == WATCH_READ ? "read" : "write",
		      h->tid, h->pid, h->address, h->len);
	if (h->pc)
		at = put_place(at, symbols, h->pc, &line);
	if (*who)
		at = json_string(put_string(at, h->what == WATCH_SYSCALL ? ",\"syscall\":" : ",\"by\":"),
				 who);
	if (h->what != WATCH_READ)
		at += sprintf(at, ",\"old\":%s,\"new\":%s", old, new);
	else
		at += sprintf(at, ",\"value\":%s", new);
	writer_done(w, at);
	if (h->stack)
		watch_stack_show(w, symbols, h->stack, true);
	writer_write(w, "}\n", 2);
}

void watch_show(struct writer *w, const struct options *options, struct symbols *symbols,
		const struct watch_hit *hit)
{
	bool json = options->format == FORMAT_JSON;
	char old[WATCH_VALUE_ROOM], new[WATCH_VALUE_ROOM];

	if (hit->old)
		watch_value_text(symbols, hit->type, hit->len, hit->old, json, old, sizeof old);
	else
		strcpy(old, json ? "null" : "?");
	watch_value_text(symbols, hit->type, hit->len, hit->new, json, new, sizeof new);
	(json ? show_json : show_text)(w, symbols, hit, old, new);
}

void watch_show_lost(struct writer *w, const struct options *options, pid_t pid,
		     const char *where, uint64_t count)
{
	if (options->format != FORMAT_JSON)
		return;
	char *at = writer_room(w, JSON_STRING_ROOM(strlen(where)) + 128);
	at += sprintf(at, "{\"type\":\"lost\",\"tid\":%d,\"pid\":%d", pid, pid);
	at = json_string(put_literal(at, ",\"where\":"), where);
	at = put_u64(put_literal(at, ",\"value\":"), count);
	writer_done(w, put_literal(at, "}\n"));
}
