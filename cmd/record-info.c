#include "record-info.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

/* A field: its number, its length, its bytes.  Fields that are not known are passed over. */
enum field {
	FIELD_MODE = 1,         /* its name */
	FIELD_EVENTS,           /* number: enum events */
	FIELD_ONLY_FUNCTION,    /* patterns, a field each */
	FIELD_NOT_FUNCTION,
	FIELD_ONLY_MODULE,
	FIELD_NOT_MODULE,
	FIELD_DEPTH,            /* number */
	FIELD_MIN_TIME,         /* number: ns */
	FIELD_COMMAND,          /* a word of the program's command line, a field each */
	FIELD_EVENT_TICKS,      /* number: what an event costs the program, by its clock */
};

enum events { EVENTS_TIME = 1, EVENTS_CALLS = 2, EVENTS_STACKS = 4 };

static const struct {
	enum mode mode;
	const char *name;
} modes[] = {
	{ MODE_CALLS, "calls" }, { MODE_BLOCKS, "blocks" }, { MODE_INSNS, "insns" },
	{ MODE_COVERAGE, "coverage" }, { MODE_WATCH, "watch" },
};

#define MODES (sizeof modes / sizeof *modes)

const char *record_mode_name(enum mode mode)
{
	for (size_t i = 0; i < MODES; i++)
		if (modes[i].mode == mode)
			return modes[i].name;
	return NULL;
}

/* ---- written --------------------------------------------------------------------------- */

static void put_text(struct trace_bytes *raw, enum field field, const char *text)
{
	trace_put_number(raw, field);
	trace_put_text(raw, text);
}

static void put_number(struct trace_bytes *raw, enum field field, uint64_t value)
{
	uint8_t number[TRACE_NUMBER_BYTES];
	size_t len = (size_t)(trace_number(number, value) - number);

	trace_put_number(raw, field);
	trace_put_number(raw, len);
	trace_put_bytes(raw, number, len);
}

static void put_list(struct trace_bytes *raw, enum field field, const struct string_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		put_text(raw, field, list->items[i]);
}

void record_info_put(const struct session *session, struct trace_bytes *raw)
{
	const struct options *o = session->options;

	raw->len = 0;
	put_text(raw, FIELD_MODE, record_mode_name(o->mode));
	put_number(raw, FIELD_EVENTS, (session->events.time ? EVENTS_TIME : 0) |
				      (session->events.calls ? EVENTS_CALLS : 0) |
				      (o->stack ? EVENTS_STACKS : 0));
	put_list(raw, FIELD_ONLY_FUNCTION, &o->only_functions);
	put_list(raw, FIELD_NOT_FUNCTION, &o->not_functions);
	put_list(raw, FIELD_ONLY_MODULE, &o->only_modules);
	put_list(raw, FIELD_NOT_MODULE, &o->not_modules);
	put_number(raw, FIELD_DEPTH, o->depth);
	put_number(raw, FIELD_MIN_TIME, o->min_time_ns);
	put_number(raw, FIELD_EVENT_TICKS, session->event_ticks);
	for (char **word = o->program; word && *word; word++)
		put_text(raw, FIELD_COMMAND, *word);
}

/* ---- read ------------------------------------------------------------------------------ */

static int get_mode(const char *text, size_t len, enum mode *out)
{
	for (size_t i = 0; i < MODES; i++)
		if (strlen(modes[i].name) == len && !memcmp(modes[i].name, text, len)) {
			*out = modes[i].mode;
			return 0;
		}
	return -ENOTSUP;
}

static int add(struct string_list *list, const char *text, size_t len)
{
	char **grown = realloc(list->items, (list->count + 1) * sizeof *grown);

	if (!grown)
		return -ENOMEM;
	list->items = grown;
	grown[list->count] = strndup(text, len);
	if (!grown[list->count])
		return -ENOMEM;
	list->count++;
	return 0;
}

static int get_field(struct record_info *info, uint64_t field, const char *text, size_t len)
{
	struct trace_cursor c = { (const uint8_t *)text, (const uint8_t *)text + len, false };
	uint64_t events;

	switch (field) {
	case FIELD_MODE: return get_mode(text, len, &info->mode);
	case FIELD_ONLY_FUNCTION: return add(&info->only_functions, text, len);
	case FIELD_NOT_FUNCTION: return add(&info->not_functions, text, len);
	case FIELD_ONLY_MODULE: return add(&info->only_modules, text, len);
	case FIELD_NOT_MODULE: return add(&info->not_modules, text, len);
	case FIELD_EVENTS:
		events = trace_get_number(&c);
		info->has_time = events & EVENTS_TIME;
		info->has_calls = events & EVENTS_CALLS;
		info->has_stacks = events & EVENTS_STACKS;
		break;
	case FIELD_DEPTH:
		info->depth = (unsigned)trace_get_below(&c, UINT32_MAX);
		break;
	case FIELD_EVENT_TICKS:
		info->event_ticks = trace_get_below(&c, UINT32_MAX);
		break;
	case FIELD_MIN_TIME:
		info->min_time_ns = trace_get_number(&c);
		break;
	}
	return c.failed ? -EBADMSG : 0;
}

int record_info_get(const uint8_t *raw, size_t len, struct record_info *out)
{
	struct trace_cursor c = { raw, raw + len, false };
	bool has_mode = false;
	int r = 0;

	*out = (struct record_info){ 0 };
	while (r == 0 && trace_left(&c)) {
		uint64_t field = trace_get_number(&c);
		size_t text_len;
		const char *text = trace_get_text(&c, &text_len);

		r = c.failed ? -EBADMSG : get_field(out, field, text, text_len);
		has_mode |= field == FIELD_MODE;
	}
	if (r == 0 && (!has_mode || (out->min_time_ns && !(out->mode == MODE_CALLS && out->has_time))))
		r = -EBADMSG;
	if (r < 0)
		record_info_deinit(out);
	return r;
}

static void list_deinit(struct string_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct string_list){ 0 };
}

void record_info_deinit(struct record_info *info)
{
	list_deinit(&info->only_functions);
	list_deinit(&info->not_functions);
	list_deinit(&info->only_modules);
	list_deinit(&info->not_modules);
}
