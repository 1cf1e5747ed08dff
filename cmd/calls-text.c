// calls-text.c - the call tree as text:
//
//     #  DURATION      TID | FUNCTION
//                    [4711] | main() {
//         1.204 us   [4711] |   parse();
//        12.031 us   [4711] | } /* main */
#include <signal.h>
#include <string.h>

#include "calls.h"
#include "line.h"

#define INDENT_MAX 4096
#define DURATION_BYTES 12
#define TID_BYTES 9

#define DIM "\033[2m"
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

/* ---- columns --------------------------------------------------------------------------- */

static char *put_number(char *at, uint64_t whole, uint64_t thousandths)
{
	char digits[24], *end = put_u64(digits, whole);
	size_t len = (size_t)(end - digits);

	if (len < 5)
		at = put_spaces(at, 5 - len);
	at = put_text(at, digits, len);
	*at++ = '.';
	return put_digits(at, thousandths, 3);
}

/* 12 columns: "    1.204 us" */
static char *put_duration(char *at, uint64_t ticks)
{
	uint64_t ns = clock_tsc_to_duration(ticks);

	if (ns < 100000ull * 1000)
		return put_literal(put_number(at, ns / 1000, ns % 1000), " us");
	if (ns < 100000ull * 1000000)
		return put_literal(put_number(at, ns / 1000000, ns / 1000 % 1000), " ms");
	return put_literal(put_number(at, ns / 1000000000, ns / 1000000 % 1000), " s ");
}

/* All that stands before the function; `ends`: the duration is known. */
static char *put_begin(struct calls *c, char *at, const struct frame *frame, bool ends,
		       uint64_t tsc)
{
	struct output *output = c->output;
	const struct options *o = output->options;
	char tid[24], *end = put_tid(c->stream, tid) - 1;
	size_t len = (size_t)(end - tid), depth = frame->depth * 2ul;

	at = put_clock(output, c->stream, at, ends && frame->is_shown ? tsc : frame->start);
	if (!o->no_time) {
		if (ends && output->colored)
			at = put_literal(at, DIM);
		at = ends ? put_duration(at, frame_duration(frame, tsc, &c->tree.cost))
			  : put_spaces(at, DURATION_BYTES);
		if (ends && output->colored)
			at = put_literal(at, PLAIN);
		if (len < TID_BYTES)
			at = put_spaces(at, TID_BYTES - len);
	}
	at = put_text(at, tid, len);
	at = put_literal(at, " | ");
	return put_spaces(at, depth > INDENT_MAX ? INDENT_MAX : depth);
}

static char *put_name(struct calls *c, char *at, const struct name *name)
{
	if (!c->output->colored)
		return put_text(at, name->text, name->text_len);
	at = put_literal(at, BOLD);
	at = put_text(at, name->text, name->text_len);
	return put_literal(at, PLAIN);
}

/* What stands behind an opening: a signal, a tail call, the source line. */
static char *put_notes(struct calls *c, char *at, const struct frame *frame)
{
	if (frame->is_signal) {
		const char *name = sigabbrev_np(frame->signal);

		at = put_literal(at, " /* signal ");
		at = put_u64(at, frame->signal);
		if (name) {
			at = put_literal(at, ", SIG");
			at = put_string(at, name);
		}
		at = put_literal(at, " */");
	} else if (frame->is_tail) {
		at = put_literal(at, " /* tail call */");
	}
	if (c->output->options->lines && *name_line(c->names, frame->shown)) {
		at = put_literal(at, " /* ");
		at = put_text(at, frame->shown->line, frame->shown->line_len);
		at = put_literal(at, " */");
	}
	return at;
}

/* ---- the sink ------------------------------------------------------------------------------ */

static char *room(struct calls *c, const struct frame *frame)
{
	const struct name *name = frame->shown;
	size_t line = c->output->options->lines ? strlen(name_line(c->names, name)) : 0;

	return writer_room(c->stream->writer, LINE_SLACK + INDENT_MAX + name->text_len + line);
}

static void text_open(struct calls *c, struct frame *frame)
{
	if (!output_show(c->output))
		return;
	char *at = room(c, frame);
	at = put_begin(c, at, frame, false, 0);
	at = put_name(c, at, frame->shown);
	at = put_literal(at, "() {");
	at = put_notes(c, at, frame);
	*at++ = '\n';
	writer_done(c->stream->writer, at);
}

static void text_close(struct calls *c, struct frame *frame, enum calltree_end how, uint64_t tsc)
{
	(void)how;
	if (!output_show(c->output))
		return;
	char *at = room(c, frame);
	at = put_begin(c, at, frame, true, tsc);
	if (frame->is_shown) {
		at = put_literal(at, "} /* ");
		at = put_name(c, at, frame->shown);
		at = put_literal(at, " */");
	} else {
		at = put_name(c, at, frame->shown);
		at = put_literal(at, "();");
		at = put_notes(c, at, frame);
	}
	*at++ = '\n';
	writer_done(c->stream->writer, at);
}

const struct calls_sink calls_text = { .open = text_open, .close = text_close };
