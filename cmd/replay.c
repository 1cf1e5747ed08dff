#include "replay.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "output-internal.h"
#include "replay-access.h"
#include "replay-file.h"
#include "replay-names.h"
#include "replay-options.h"
#include "replay-origin.h"
#include "session.h"
#include "streams.h"
#include "trace-log.h"
#include "view-watch.h"

#define BATCH 4096u             /* events that are decoded at once; a multiple of 8 */

struct replay_stream {
	struct stream *stream;          /* NULL: it has ended */
	struct replay_space *space;
	struct predictor predictor;
};

struct replay {
	struct session session;         /* of nobody: for its options and its end */
	struct output *output;
	struct replay_file file;
	struct record_info info;
	struct replay_names *names;
	struct clock_reading first, last;
	struct replay_space **spaces;   /* NULL: it has ended */
	struct replay_stream *streams;
	uint32_t space_count, stream_count;
	bool has_info, has_clock, has_end;
	struct replay_accesses *accesses;       /* of --watch */
	struct trace_bytes raw;
	uint32_t words[BATCH * (EVENT_WORDS_MAX + 1)];
	uint32_t expanded[BATCH * REPLAY_WORDS_MAX];
};

static void *grow(void *items, uint32_t count, size_t size)
{
	if (count & (count - 1))
		return items;
	return count >= UINT32_MAX / 2 ? NULL : realloc(items, (count ? 2ul * count : 1) * size);
}

/* ---- records ----------------------------------------------------------------------------- */

static struct replay_space *space_at(const struct replay *p, uint32_t number)
{
	return number < p->space_count ? p->spaces[number] : NULL;
}

static struct replay_stream *stream_at(const struct replay *p, uint32_t number)
{
	if (number >= p->stream_count || !p->streams[number].stream)
		return NULL;
	return &p->streams[number];
}

static int on_space(void *context, uint32_t number, uint32_t pid)
{
	struct replay *p = context;
	struct replay_space **grown;

	if (number != p->space_count)
		return -EBADMSG;
	grown = grow(p->spaces, p->space_count, sizeof *grown);
	if (!grown)
		return -ENOMEM;
	p->spaces = grown;
	grown[number] = replay_space_create(number, (pid_t)pid, replay_names_of(p->names, number),
					    replay_options_drop_time(p->session.options));
	if (!grown[number])
		return -ENOMEM;
	p->space_count++;
	return 0;
}

static int on_space_end(void *context, uint32_t number)
{
	struct replay *p = context;
	struct replay_space *space = space_at(p, number);

	if (!space || space->users)
		return -EBADMSG;
	replay_space_destroy(space);
	replay_names_drop(p->names, number);
	p->spaces[number] = NULL;
	return 0;
}

static int on_stream(void *context, uint32_t number, uint32_t space, uint32_t tid, uint32_t pid)
{
	struct replay *p = context;
	struct replay_space *in = space_at(p, space);
	struct replay_stream *grown;

	if (number != p->stream_count || !in)
		return -EBADMSG;
	grown = grow(p->streams, p->stream_count, sizeof *grown);
	if (!grown)
		return -ENOMEM;
	p->streams = grown;
	struct replay_stream *new = &grown[number];
	*new = (struct replay_stream){ .space = in, .stream = calloc(1, sizeof *new->stream) };
	if (!new->stream || predictor_init(&new->predictor) < 0) {
		free(new->stream);
		return -ENOMEM;
	}
	new->stream->tid = (pid_t)tid;
	new->stream->pid = (pid_t)pid;
	new->stream->origin = &in->origin;
	in->users++;
	p->stream_count++;
	stream_begin(p->output, new->stream);
	return 0;
}

static void end_stream(struct replay *p, struct replay_stream *s, uint64_t lost)
{
	stream_end(p->output, s->stream, lost);
	p->output->lost += lost;
	s->space->users--;
	free(s->stream);
	s->stream = NULL;
	predictor_deinit(&s->predictor);
}

static int on_stream_end(void *context, uint32_t number, uint64_t lost)
{
	struct replay *p = context;
	struct replay_stream *s = stream_at(p, number);

	if (!s)
		return -EBADMSG;
	end_stream(p, s, lost);
	return 0;
}

static int on_forget(void *context, uint32_t number)
{
	struct replay *p = context;
	struct replay_space *space = space_at(p, number);
	const struct view *view = p->output->view;

	if (!space)
		return -EBADMSG;
	for (uint32_t i = 0; i < p->stream_count; i++) {
		struct replay_stream *s = &p->streams[i];

		if (!s->stream || s->space != space)
			continue;
		predictor_reset(&s->predictor);
		if (view->forget && s->stream->view)
			view->forget(p->output, s->stream);
	}
	spaces_forget(p->output, &space->origin);
	replay_space_forget(space);
	return 0;
}

static int on_module(void *context, uint32_t number, const struct trace_module *module)
{
	struct replay_space *space = space_at(context, number);

	return space ? replay_space_module(space, module) : -EBADMSG;
}

static int on_block(void *context, uint32_t number, const struct trace_block *block)
{
	struct replay_space *space = space_at(context, number);

	return space ? replay_space_block(space, block) : -EBADMSG;
}

static int on_site(void *context, uint32_t number, const struct site *site)
{
	struct replay_space *space = space_at(context, number);

	return space ? replay_space_site(space, site) : -EBADMSG;
}

static int on_events(void *context, uint32_t number, size_t n,
		     struct trace_cursor sections[TRACE_SECTIONS])
{
	struct replay *p = context;
	struct replay_stream *s = stream_at(p, number);

	if (!s)
		return -EBADMSG;
	for (size_t words; n; n -= n < BATCH ? n : BATCH) {
		int r = predict_decode(&s->predictor, &s->space->shapes, n < BATCH ? n : BATCH,
				       s->space->drops_time, sections, p->words, &words);
		if (r < 0)
			return r;
		if (p->output->view->event) {
			words = replay_space_expand(s->space, p->words, words, p->expanded);
			stream_events(p->output, s->stream, p->expanded, words);
		}
		if (p->session.ends)
			return -ECANCELED;
	}
	stream_modules(p->output, s->stream);
	return 0;
}

static int on_covered(void *context, uint32_t number, uint32_t block)
{
	struct replay *p = context;
	struct replay_stream *s = stream_at(p, number);
	int r;

	if (!s)
		return -EBADMSG;
	if (p->output->options->mode != MODE_COVERAGE || s->stream->is_muted)
		return 0;
	r = replay_space_covered(s->space, block);
	p->output->now_ns++;            /* each is a round of its own */
	if (r == 0)
		p->output->view->idle(p->output, s->stream);
	stream_modules(p->output, s->stream);
	return r == 0 && p->session.ends ? -ECANCELED : r;
}

static int on_waited(void *context, uint32_t number, uint64_t tsc)
{
	struct replay_stream *s = stream_at(context, number);

	if (s)
		s->stream->waited_until = tsc;
	return s ? 0 : -EBADMSG;
}

static void show_access(void *context, struct symbols *symbols, const struct place *place,
			struct watch_hit *hit)
{
	struct replay *p = context;

	if (!p->session.options->stack || p->session.options->summary)
		hit->stack = NULL;
	if (p->session.options->mode == MODE_WATCH)
		view_watch_show(p->output, symbols, place, hit);
}

static int on_access(void *context, struct trace_cursor *control)
{
	struct replay *p = context;
	int r;

	if (!p->accesses)
		p->accesses = replay_accesses_create(p->session.options->no_demangle, show_access, p);
	r = p->accesses ? replay_accesses_read(p->accesses, control) : -ENOMEM;
	return r == 0 && p->session.ends ? -ECANCELED : r;
}

static const struct trace_log_reader reader = {
	.space = on_space, .space_end = on_space_end, .stream = on_stream,
	.stream_end = on_stream_end, .forget = on_forget, .module = on_module, .block = on_block,
	.site = on_site, .events = on_events, .covered = on_covered, .waited = on_waited,
	.access = on_access,
};

/* ---- the first time: what has to be known before ------------------------------------------- */

static int read_info(struct replay *p, struct err *err)
{
	int r = record_info_get(p->raw.data, p->raw.len, &p->info);

	if (r == -ENOTSUP)
		return err_set(err, EINVAL, "cannot replay %s: it has events of a kind that this tracer "
			       "does not know (use the tracer that has recorded it)", p->file.name);
	p->has_info = r == 0;
	return r;
}

static int read_clock(struct replay *p)
{
	struct trace_cursor c = { p->raw.data, p->raw.data + p->raw.len, false };

	p->last.tsc = trace_get_number(&c);
	p->last.ns = trace_get_number(&c);
	p->last.epoch_ns = trace_get_number(&c);
	if (!p->has_clock)
		p->first = p->last;
	p->has_clock = true;
	return c.failed ? -EBADMSG : 0;
}

static int look_at(struct replay *p, const struct trace_chunk *chunk, struct err *err)
{
	int r;

	if (chunk->kind == TRACE_END)
		p->has_end = true;
	if (chunk->kind != TRACE_NAMES && chunk->kind != TRACE_CLOCK && chunk->kind != TRACE_INFO) {
		replay_file_skip(&p->file, chunk);
		return 0;
	}
	r = replay_file_unpack(&p->file, chunk, &p->raw);
	if (r < 0)
		return r;
	switch (chunk->kind) {
	case TRACE_NAMES: return replay_names_add(p->names, p->raw.data, p->raw.len);
	case TRACE_CLOCK: return read_clock(p);
	default: return p->has_info ? -EBADMSG : read_info(p, err);
	}
}

/* What is wrong with the file comes out when it is read again, up to there. */
static int look_through(struct replay *p, struct err *err)
{
	struct trace_chunk chunk;
	int r;

	while ((r = replay_file_next(&p->file, &chunk)) > 0 && !p->has_end) {
		r = look_at(p, &chunk, err);
		if (r < 0 && err->code)
			return r;
		if (r < 0)
			break;
	}
	replay_file_rewind(&p->file);
	if (!p->has_info)
		return err_set(err, EINVAL, "cannot replay %s: nothing of it can be read (it has been "
			       "cut or damaged at its beginning)", p->file.name);
	return 0;
}

/* ---- the second time: what is shown ---------------------------------------------------------- */

static int show(struct replay *p)
{
	struct trace_chunk chunk;
	int r;

	while ((r = replay_file_next(&p->file, &chunk)) > 0) {
		if (chunk.kind == TRACE_END)
			return 0;
		if (chunk.kind == TRACE_INFO || (chunk.kind != TRACE_LOG && chunk.kind != TRACE_NAMES)) {
			replay_file_skip(&p->file, &chunk);
			continue;
		}
		r = replay_file_unpack(&p->file, &chunk, &p->raw);
		if (r == 0 && chunk.kind == TRACE_LOG)
			r = trace_log_read(p->raw.data, p->raw.len, &reader, p);
		if (r < 0)
			return r;
	}
	return r == 0 ? -ENODATA : r;   /* there is no END */
}

/* What the file does not say any more: every thread ends here. */
static void end_all(struct replay *p)
{
	for (uint32_t i = 0; i < p->stream_count; i++)
		if (p->streams[i].stream)
			end_stream(p, &p->streams[i], 0);
	if (p->output->view->finish)
		p->output->view->finish(p->output);
}

/* The exit status. */
static int tell(const struct replay *p, int r)
{
	struct err err = { 0 };

	if (r == 0 || r == -ECANCELED)
		return 0;
	if (r == -ENODATA)
		err_set(&err, EINVAL, "%s: the end is missing: the tracer that has recorded it was "
			"killed, or could not write (what is shown is complete up to there, but names "
			"may be missing)",
			p->file.name);
	else if (r == -EBADMSG)
		err_set(&err, EINVAL, "%s: damaged at byte %llu (what is shown is complete up to "
			"there; copy the file again)", p->file.name,
			(unsigned long long)p->file.at);
	else
		err_set(&err, -r, "cannot replay %s: %s", p->file.name, strerror(-r));
	message_error(&err);
	return 1;
}

/* ---- a run ------------------------------------------------------------------------------------- */

static int begin(struct replay *p, struct options *options, struct err *err)
{
	if (look_through(p, err) < 0)
		return 1;
	if (replay_options_merge(options, &p->info, err) < 0)
		return 1;
	int status = options_check(options);
	if (status >= 0)
		return status;
	if (p->has_clock)
		clock_set(&p->first, &p->last);
	p->session = (struct session){
		.options = options, .wake_fd = -1, .event_ticks = p->info.event_ticks,
	};
	p->output = output_create(&p->session, err);
	return p->output ? 0 : 1;
}

static void deinit(struct replay *p)
{
	for (uint32_t i = 0; i < p->space_count; i++)
		replay_space_destroy(p->spaces[i]);
	free(p->spaces);
	free(p->streams);
	replay_accesses_destroy(p->accesses);
	replay_names_destroy(p->names);
	trace_bytes_deinit(&p->raw);
	record_info_deinit(&p->info);
	replay_file_close(&p->file);
	free(p);
}

static int run(struct replay *p, struct options *options, struct err *err)
{
	int status = begin(p, options, err);

	if (status == 0) {
		int r = show(p);

		end_all(p);
		status = output_finish(p->output, err) < 0 ? 1 : tell(p, r);
	}
	if (p->output)
		output_destroy(p->output);
	return status;
}

int replay_run(struct options *options)
{
	struct replay *p = calloc(1, sizeof *p);
	struct err err = { 0 };
	int status = 1;

	if (p)
		p->names = replay_names_create();
	if (!p || !p->names) {
		free(p);
		err_set(&err, ENOMEM, "out of memory");
	} else if (replay_file_open(&p->file, options->replay, &err) < 0) {
		replay_names_destroy(p->names);
		free(p);
	} else {
		signal(SIGPIPE, SIG_IGN);
		signal(SIGXFSZ, SIG_IGN);
		status = run(p, options, &err);
		deinit(p);
	}
	message_error(&err);
	return status;
}
