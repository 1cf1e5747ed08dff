/* calls-json.c - calls, tail calls and returns as JSON lines. */
#include <string.h>

#include "calls.h"
#include "json.h"
#include "line.h"

static char *put_address(char *at, const char *key, uint64_t address)
{
	at = put_literal(at, ",\"");
	at = put_string(at, key);
	at = put_literal(at, "\":\"");
	at = put_hex(at, address);
	*at++ = '"';
	return at;
}

static char *begin(struct calls *c, const struct frame *frame, const char *type, uint64_t tsc)
{
	const struct name *name = frame->shown;
	size_t line = c->output->options->lines ? json_line_room(c->names, name) : 0;

	name_json(name);
	char *at = writer_room(c->stream->writer, LINE_SLACK + name->json_len + line);
	at = put_json_begin(c->output, c->stream, at, type, tsc);
	at = put_literal(at, ",\"depth\":");
	return put_u64(at, frame->depth);
}

/* Function, module, offset, and the end. */
static void finish(struct calls *c, const struct frame *frame, char *at)
{
	const struct name *name = frame->shown;

	at = put_text(at, name->json, name->json_len);
	if (*name->module && !*name->function) {
		at = put_literal(at, ",\"offset\":");
		at = put_u64(at, name->module_offset);
	} else if (*name->function) {
		at = put_literal(at, ",\"offset\":");
		at = put_u64(at, name->address - name->start);
	}
	if (c->output->options->lines)
		at = put_json_line(at, name);
	at = put_literal(at, "}\n");
	writer_done(c->stream->writer, at);
}

static void json_open(struct calls *c, struct frame *frame)
{
	if (!output_show(c->output))
		return;
	char *at = begin(c, frame, frame->is_tail ? "tailcall" : "call", frame->start);
	if (frame->call_pc)
		at = put_address(at, "pc", frame->call_pc);
	at = put_address(at, "target", frame->shown->address);
	if (frame->is_signal) {
		at = put_literal(at, ",\"text\":\"signal ");
		at = put_u64(at, frame->signal);
		*at++ = '"';
	}
	finish(c, frame, at);
}

static void json_close(struct calls *c, struct frame *frame, enum calltree_end how, uint64_t tsc)
{
	if (!frame->is_shown)
		json_open(c, frame);
	/* Of a tail call nothing returns here: what it jumped to does. */
	if (how == CALLTREE_TAILCALL || !output_show(c->output))
		return;
	char *at = begin(c, frame, "return", tsc);
	if (how == CALLTREE_RETURN)
		at = put_address(at, "pc", c->return_pc);
	if (!c->output->options->no_time) {
		at = put_literal(at, ",\"duration\":");
		at = put_u64(at, clock_tsc_to_duration(frame_duration(frame, tsc, &c->tree.cost)));
	}
	finish(c, frame, at);
}

const struct calls_sink calls_json = { .open = json_open, .close = json_close, .is_eager = true };
