/* view-blocks.c - the blocks that run, or the instructions in them.
 *
 * A block's event is written when it is entered; when a signal or a stop ends it
 * early, SITE_CUT says so afterwards.  So an event is held back until the next
 * one of its thread, which shows that it ran to its end.  A block that was cut at
 * its first instruction has not run.
 *
 * With -F, -N and -D there are the events of calls in between, and a call tree
 * that tells whether the blocks are wanted.
 */
#include <stdlib.h>
#include <string.h>

#include "block-text.h"
#include "calls.h"
#include "decode.h"
#include "line.h"

#define REP_MAX (1ull << 46)    /* more bytes than a program can have */
#define REPS_MAX 256    /* more than the instructions of a block */

struct blocks {
	struct calls calls;             /* first: the call tree's callbacks get it */
	struct block_texts *texts;
	const struct block_text *held;
	uint64_t held_tsc;
	bool held_is_wanted;
	bool has_calls;
	bool is_plain;                  /* every line is the thread's number and a text */
	char begin[16];                 /* that number */
	unsigned begin_len;
	/* rcx before and after the repeated string instructions of the held block */
	uint64_t reps[REPS_MAX];
	unsigned rep_count;
};

/* ---- writing ---------------------------------------------------------------------------- */

static char *put_begin(struct blocks *v, char *at, uint64_t tsc)
{
	struct output *output = v->calls.output;

	if (output->options->format == FORMAT_JSON)
		return put_json_begin(output, v->calls.stream, at,
				      output->options->mode == MODE_INSNS ? "insn" : "block", tsc);
	at = put_clock(output, v->calls.stream, at, tsc);
	return put_tid(v->calls.stream, at);
}

static void write_block(struct blocks *v, const struct block_text *b, uint64_t end)
{
	struct writer *w = v->calls.stream->writer;

	if (!output_show(v->calls.output))
		return;
	if (end) {
		char *at = writer_room(w, JSON_BEGIN_BYTES + block_text_room(v->texts, b));

		at = put_begin(v, at, v->held_tsc);
		writer_done(w, put_block_text(v->texts, at, b, end));
		return;
	}
	char *at = writer_room(w, JSON_BEGIN_BYTES + b->len);
	at = put_begin(v, at, v->held_tsc);
	writer_done(w, put_text(at, b->text, b->len));
}

static void write_insn(struct blocks *v, const struct block_text *b, const struct insn_text *insn,
		       uint64_t times)
{
	struct writer *w = v->calls.stream->writer;

	while (times-- && !w->error) {
		if (!output_show(v->calls.output))
			return;
		char *at = writer_room(w, JSON_BEGIN_BYTES + insn->len);
		at = put_begin(v, at, v->held_tsc);
		writer_done(w, put_text(at, b->text + insn->at, insn->len));
	}
}

static bool repeats(const struct block_text *b, const struct insn_text *insn)
{
	const uint8_t *bytes = b->block->bytes + (insn->pc - b->block->pc.address);

	/* The prefix first, for speed; the rest is what the translator counts by. */
	for (int i = 0; i < 4; i++)
		if (bytes[i] == 0xf3 || bytes[i] == 0xf2)
			return true;
		else if (bytes[i] != 0x66 && bytes[i] != 0x67 && (bytes[i] & 0xf0) != 0x40)
			return false;
	return false;
}

struct rep {
	unsigned at;            /* the next of v->reps */
	const struct blocks *v;
	uint64_t cut_rcx;
};

/* How often a repeated string instruction ran, as one sees who steps through it:
 * once for each iteration, and once when there was none. */
static uint64_t iterations(struct rep *rep, bool is_cut)
{
	const struct blocks *v = rep->v;

	if (rep->at >= v->rep_count)
		return is_cut ? 0 : 1;
	uint64_t before = v->reps[rep->at++];
	uint64_t after = rep->at < v->rep_count ? v->reps[rep->at++] : rep->cut_rcx;
	uint64_t times = before - after;
	if (times > REP_MAX)            /* ecx counted, or it makes no sense */
		times = (uint32_t)times;
	return times || is_cut ? times : 1;
}

static bool is_rep_string(const struct block_text *b, const struct insn_text *insn)
{
	struct x86_insn decoded;
	uint64_t at = insn->pc - b->block->pc.address;

	return x86_decode(b->block->bytes + at, b->block->bytes_len - at, &decoded) > 0 &&
	       decoded.rep_string;
}

/* Instructions up to `end` (0: all), and the iterations of the one that was
 * interrupted there. */
static void write_insns(struct blocks *v, const struct block_text *b, uint64_t end, uint64_t rcx)
{
	struct rep rep = { 0, v, rcx };

	for (uint32_t i = 0; i < b->insn_count; i++) {
		const struct insn_text *insn = &b->insns[i];
		bool is_cut = end && insn->pc >= end;
		uint64_t times = 1;

		if (is_cut && insn->pc > end)
			return;
		if (v->rep_count && repeats(b, insn) && is_rep_string(b, insn))
			times = iterations(&rep, is_cut);
		else if (is_cut)
			return;
		write_insn(v, b, insn, times);
	}
}

/* The lines of a plain view: all of them follow each other, so they are copied at once. */
static void write_insns_plain(struct blocks *v, const struct block_text *b)
{
	struct writer *w = v->calls.stream->writer;
	char *at = writer_room(w, b->len + (size_t)b->insn_count * v->begin_len + sizeof v->begin);

	for (uint32_t i = 0; i < b->insn_count; i++) {
		memcpy(at, v->begin, sizeof v->begin);          /* a length that is known */
		at = put_text(at + v->begin_len, b->text + b->insns[i].at, b->insns[i].len);
	}
	writer_done(w, at);
}

static void write_block_plain(struct blocks *v, const struct block_text *b)
{
	struct writer *w = v->calls.stream->writer;
	char *at = writer_room(w, sizeof v->begin + b->len);

	memcpy(at, v->begin, sizeof v->begin);
	writer_done(w, put_text(at + v->begin_len, b->text, b->len));
}

/* The same with other columns. */
static void write_insns_fast(struct blocks *v, const struct block_text *b)
{
	struct writer *w = v->calls.stream->writer;
	char begin[JSON_BEGIN_BYTES];
	size_t begin_len = (size_t)(put_begin(v, begin, v->held_tsc) - begin);
	char *at = writer_room(w, b->len + b->insn_count * begin_len);

	for (uint32_t i = 0; i < b->insn_count; i++) {
		at = put_text(at, begin, begin_len);
		at = put_text(at, b->text + b->insns[i].at, b->insns[i].len);
	}
	writer_done(w, at);
}

/* The held block is written: up to `end`, or all of it. */
static void release(struct blocks *v, uint64_t end, uint64_t rcx)
{
	const struct block_text *b = v->held;
	const struct options *o = v->calls.output->options;

	v->held = NULL;
	if (!b || !v->held_is_wanted)
		return;
	if (end && (end < b->block->pc.address ||
		    end >= b->block->pc.address + b->block->bytes_len))
		end = 0;
	if (o->mode == MODE_BLOCKS) {
		if (end != b->block->pc.address)
			write_block(v, b, end);
	} else if (!end && !v->rep_count && !o->limit && o->clock != CLOCK_RELATIVE) {
		write_insns_fast(v, b);
	} else {
		write_insns(v, b, end, rcx);
	}
}

/* ---- events --------------------------------------------------------------------------------- */

static uint64_t pair(const uint32_t *words)
{
	return words[0] | (uint64_t)words[1] << 32;
}

/* Inside of what -F, -N and -D ask for? */
static bool is_wanted(struct blocks *v, const struct block_text *b)
{
	const struct frame *t;

	if (!(b->filter & FILTER_MODULE))
		return false;
	if (!v->has_calls)
		return true;
	t = calltree_top(&v->calls.tree);
	if (!t)
		return b->filter & FILTER_ONLY && !(b->filter & FILTER_NOT);
	return ((t->around | b->filter) & FILTER_ONLY) && !(t->around & FILTER_NOT) &&
	       !(b->filter & FILTER_NOT) && t->depth < v->calls.depth_limit;
}

static void on_block(struct blocks *v, const struct record *r)
{
	if (v->held)
		release(v, 0, 0);
	v->held = block_text(v->texts, r->site->block);
	v->held_tsc = r->tsc;
	v->rep_count = 0;
	v->held_is_wanted = v->held && is_wanted(v, v->held);
	if (v->is_plain && v->held_is_wanted && !r->site->words)
		block_text_learn(v->texts, r->index, v->held);
}

/* Blocks that are wanted, and whose lines are plain, one after the other. */
static size_t events(struct output *output, struct stream *stream, const uint32_t *words, size_t n)
{
	struct blocks *v = stream->view;
	bool insns = output->options->mode == MODE_INSNS;
	const struct block_text *const *known, *held = v->held;
	uint32_t room;
	size_t at = 0;

	if (!v->is_plain || !held || !v->held_is_wanted || v->rep_count)
		return 0;
	known = block_text_events(v->texts, &room);
	for (; at < n && words[at] < room && known[words[at]]; at++) {
		if (insns)
			write_insns_plain(v, held);
		else
			write_block_plain(v, held);
		held = known[words[at]];
	}
	v->held = held;
	output->events += at;
	return at;
}

/* What the filters make of a frame; nothing is written of it. */
static void opened(void *context, struct frame *frame, struct frame *parent)
{
	calls_filter(context, frame, parent);
}

static void closed(void *context, struct frame *frame, enum calltree_end how, uint64_t tsc)
{
	(void)context, (void)frame, (void)how, (void)tsc;
}

static const struct name *name_of(void *context, uint64_t address)
{
	struct calls *c = context;

	return names_find(c->names, address);
}

static void event(struct output *output, struct stream *stream, const struct record *r)
{
	struct blocks *v = stream->view;

	switch (r->site->kind) {
	case SITE_BLOCK:
		on_block(v, r);
		break;
	case SITE_REP:
		if (v->rep_count < REPS_MAX)
			v->reps[v->rep_count++] = r->count;
		break;
	case SITE_CUT:
		if (r->site->flags & SITE_HAS_EXTRA)
			release(v, pair(r->extra), pair(r->extra + 2));
		else
			release(v, r->site->pc, 0);     /* a restartable sequence */
		break;
	case SITE_THREAD:
		break;
	default:
		release(v, 0, 0);
		if (v->has_calls)
			view_calls.event(output, stream, r);
	}
}

static int begin(struct output *output, struct stream *stream)
{
	struct blocks *v = calloc(1, sizeof *v);
	struct space *space = stream->space;

	if (!space->view)
		space->view = block_texts_create(output, space);
	if (!v || !space->view || calltree_init(&v->calls.tree) < 0) {
		free(v);
		return -1;
	}
	v->texts = space->view;
	v->has_calls = filter_wants_calls(output->options);
	v->is_plain = output->options->format != FORMAT_JSON && !v->has_calls &&
		      !output->options->limit && output->options->clock == CLOCK_NONE;
	v->begin_len = (unsigned)(put_tid(stream, v->begin) - v->begin);
	v->calls.output = output;
	v->calls.stream = stream;
	v->calls.names = space->names;
	v->calls.depth_limit = output->options->depth ? output->options->depth : UINT32_MAX;
	v->calls.ops = (struct calltree_ops){ opened, opened, closed, name_of, v };
	stream->view = v;
	return 0;
}

/* A thread that waits in a system call has done the block before it. */
static void idle(struct output *output, struct stream *stream)
{
	struct blocks *v = stream->view;

	(void)output;
	if (v->held && stream->writer->is_live && v->held->block->ends_in_syscall)
		release(v, 0, 0);
}

/* Its thread stands still, and a CUT would have been there: it ran to its end. */
static void forget(struct output *output, struct stream *stream)
{
	(void)output;
	release(stream->view, 0, 0);
}

static void space_forget(struct output *output, struct space *space)
{
	(void)output;
	block_texts_clear(space->view);
}

static void end(struct output *output, struct stream *stream)
{
	struct blocks *v = stream->view;

	(void)output;
	release(v, 0, 0);
	calltree_deinit(&v->calls.tree);
	free(v);
	stream->view = NULL;
}

static void space_free(struct space *space)
{
	block_texts_destroy(space->view);
}

const struct view view_blocks = {
	.name = "blocks", .begin = begin, .event = event, .events = events, .idle = idle, .end = end,
	.forget = forget, .space_forget = space_forget, .space_free = space_free,
};
