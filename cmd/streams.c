#include "streams.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "line.h"
#include "output-internal.h"

/* ---- what belongs to a target ------------------------------------------------------- */

static struct space *space_of(struct output *output, const struct stream *stream)
{
	struct space *space;

	for (space = output->spaces; space; space = space->next)
		if (space->origin == stream->origin)
			return space;
	space = calloc(1, sizeof *space);
	if (!space)
		return NULL;
	space->origin = stream->origin;
	space->pid = stream->origin->pid;
	space->names = names_create(stream->origin, output->filter,
				    output->options->no_demangle);
	if (!space->names) {
		free(space);
		return NULL;
	}
	space->next = output->spaces;
	output->spaces = space;
	return space;
}

void spaces_forget(struct output *output, const struct origin *origin)
{
	for (struct space *space = output->spaces; space; space = space->next) {
		if (space->origin != origin)
			continue;
		names_forget_indices(space->names);
		if (output->view->space_forget && space->view)
			output->view->space_forget(output, space);
	}
}

void spaces_free(struct output *output)
{
	struct space *space;

	while ((space = output->spaces)) {
		output->spaces = space->next;
		if (space->view && output->view->space_free)
			output->view->space_free(space);
		names_destroy(space->names);
		free(space);
	}
}

/* ---- events about threads and modules ------------------------------------------------- */

static void thread_event_json(struct output *output, struct stream *stream, const char *type,
			      const char *key, const char *value)
{
	struct writer *w = stream->writer;
	char *at = writer_room(w, JSON_BEGIN_BYTES + 128);

	at = put_json_begin(output, stream, at, type, 0);
	*at++ = ',';
	at = json_string(at, key);
	*at++ = ':';
	at = put_string(at, value);
	at = put_literal(at, "}\n");
	writer_done(w, at);
}

static bool shows_json(const struct output *output, const struct stream *stream)
{
	return output->options->format == FORMAT_JSON && !output->options->summary &&
	       output->options->mode != MODE_NONE && !stream->is_muted;
}

static void module_event(struct output *output, struct stream *stream,
			 const struct origin_module *m)
{
	struct writer *w = stream->writer;
	char *at = writer_room(w, LINE_SLACK + JSON_STRING_ROOM(strlen(m->name)) +
				  JSON_STRING_ROOM(strlen(m->path)));

	at = put_literal(at, "{\"type\":\"module\",\"pid\":");
	at = put_u64(at, (uint64_t)stream->pid);
	at = put_literal(at, ",\"module\":");
	at = json_string(at, m->name);
	at = put_literal(at, ",\"address\":\"");
	at = put_hex(at, m->start);
	at = put_literal(at, "\",\"size\":");
	at = put_u64(at, m->end - m->start);
	at = put_literal(at, ",\"file\":");
	at = json_string(at, m->path);
	at = put_literal(at, ",\"text\":");
	at = json_string(at, m->is_added ? "loaded" : "unloaded");
	at = put_literal(at, "}\n");
	writer_done(w, at);
}

/* Asked for after each read: looks only when names have noticed a change. */
void stream_modules(struct output *output, struct stream *stream)
{
	struct space *space = stream->space;
	struct origin_module module;

	if (!space || !shows_json(output, stream) ||
	    space->generation == names_generation(space->names))
		return;
	space->generation = names_generation(space->names);
	while (origin_module_next(space->origin, &space->modules_cursor, &module))
		module_event(output, stream, &module);
}

/* ---- a stream -------------------------------------------------------------------------- */

static bool is_chosen(const struct options *o, pid_t tid)
{
	for (size_t i = 0; i < o->tid_count; i++)
		if (o->tids[i] == tid)
			return true;
	return o->tid_count == 0;
}

static void keep_error(struct output *output, struct writer *w, int code)
{
	if (code && code != EPIPE && !output->failed_code) {
		output->failed_code = code;
		output->failed = w;
	}
}

/* Whether FILE.TID has been begun already: before an exec, or by another thread
 * that had this number. */
static bool is_begun(struct output *output, pid_t tid)
{
	for (size_t i = 0; i < output->own_count; i++)
		if (output->own_tids[i] == tid)
			return true;
	pid_t *grown = realloc(output->own_tids, (output->own_count + 1) * sizeof *grown);
	if (grown) {
		output->own_tids = grown;
		grown[output->own_count++] = tid;
	}
	return false;
}

/* Not before something is traced: what cannot be is told of without. */
static void write_header(struct output *output, struct stream *stream)
{
	const char *header = output->view->header;

	if (!header || stream->is_muted || stream->goes_on ||
	    (!stream->has_own_writer && output->has_header))
		return;
	output->has_header = true;
	writer_write(stream->writer, header, strlen(header));
}

/* FILE.TID, with -ff. */
static void open_own(struct output *output, struct stream *stream)
{
	struct writer *w = calloc(1, sizeof *w);
	struct err err = { 0 };
	char *name;

	if (!w || asprintf(&name, "%s.%d", output->options->output, stream->tid) < 0) {
		free(w);
		stream->is_muted = true;
		return;
	}
	stream->writer = w;
	stream->has_own_writer = true;
	bool appends = is_begun(output, stream->tid);
	stream->goes_on = appends;
	if (writer_open(w, output->session, name, appends, &err) < 0) {
		keep_error(output, w, err.code);
		session_end(output->session);
		stream->is_muted = true;
		return;
	}
}

void stream_begin(struct output *output, struct stream *stream)
{
	stream->writer = &output->main;
	stream->is_muted = !is_chosen(output->options, stream->tid);
	if (!output->has_main && !stream->is_muted)
		open_own(output, stream);
	stream->space = space_of(output, stream);
	if (!stream->space) {
		stream->is_muted = true;
		return;
	}
	stream->space->users++;
	write_header(output, stream);
	if (shows_json(output, stream))
		thread_event_json(output, stream, "thread", "text", "\"begin\"");
	if (output->view->begin && output->view->begin(output, stream) < 0)
		stream->is_muted = true;
}

static void close_own(struct output *output, struct stream *stream)
{
	struct writer *w = stream->writer;
	struct err err = { 0 };

	if (w->buffer && writer_close(w, &err) < 0)
		keep_error(output, w, err.code);
	if (output->failed != w) {
		free((void *)w->name);
		free(w);
	}
}

void stream_end(struct output *output, struct stream *stream, uint64_t lost)
{
	struct space *space = stream->space;

	stream->lost = lost;
	if (output->view->end && stream->view)
		output->view->end(output, stream);
	if (shows_json(output, stream)) {
		char number[24];

		*put_u64(number, lost) = 0;
		if (lost)
			thread_event_json(output, stream, "lost", "value", number);
		thread_event_json(output, stream, "thread", "text", "\"end\"");
	}
	if (stream->has_own_writer)
		close_own(output, stream);
	if (!space || --space->users)
		return;
	if (output->view->space_end)
		output->view->space_end(output, space);
	space->origin = NULL;
}

/* ---- -ff -------------------------------------------------------------------------------- */

int streams_check_directory(const char *name, struct err *err)
{
	const char *slash = strrchr(name, '/');
	char *directory = slash ? strndup(name, (size_t)(slash - name) + 1) : strdup(".");
	int r = 0;

	if (!directory)
		return err_set(err, ENOMEM, "out of memory");
	if (access(directory, W_OK | X_OK) < 0)
		r = err_set(err, errno, "cannot write to %s.TID: %s", name, strerror(errno));
	free(directory);
	return r;
}

int streams_error(struct output *output, struct err *err)
{
	if (!output->failed_code)
		return 0;
	return err_set(err, output->failed_code, "cannot write to %s: %s (the output is not "
		       "complete)", output->failed->name, strerror(output->failed_code));
}
