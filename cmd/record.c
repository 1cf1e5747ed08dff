#include "record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "predict.h"
#include "hot-paths.h"
#include "record-info.h"
#include "trace-file.h"
#include "trace-log.h"
#include "view-watch.h"

/* A chunk of so many is written; packing more at once would hold up who fills the rings meanwhile. */
#define LOG_BYTES (1u << 17)
#define LOG_NS (1000 * 1000 * 1000ull)  /* so is what is older than this */
#define COVERED_BATCH 256
#define COVERED_TRIES 2000              /* of a millisecond */
#define CLOCK_BASE_NS (20 * 1000 * 1000ull)
#define PAUSE_NS (1000 * 1000ull)       /* rings are looked after, while names are written */

struct recording {
	struct trace_packer *packer;
	struct trace_bytes sections[TRACE_SECTIONS];
	struct trace_bytes raw, packed;
	uint32_t spaces, streams;       /* that have begun */
	uint64_t bytes;                 /* written */
	uint64_t written_ns;            /* when */
	struct clock_reading first_clock;
	struct record_accesses *accesses;       /* of --watch; else NULL */
};

/* space->view */
struct record_space {
	uint32_t number, sites, blocks; /* sites, blocks: defined so far */
	struct shapes shapes;
	uint32_t *block_numbers;        /* by index: 1 + number; 0: not defined */
	uint32_t block_room;
	struct record_names *names;
	struct hot_paths *hot;         /* with paths of blocks; else NULL */
};

/* stream->view */
struct record_stream {
	uint32_t number;
	struct predictor predictor;
};

static struct trace_bytes *control_of(struct output *output)
{
	return &output->recording->sections[TRACE_CONTROL];
}

/* ---- to the file ----------------------------------------------------------------------- */

/* Memory is short: what is there stays, and the end says that more is missing. */
static void fail(struct output *output)
{
	if (!output->main.error)
		output->main.error = ENOMEM;
	session_end(output->session);
}

static void put_chunk(struct output *output, enum trace_kind kind, const struct trace_bytes *raw)
{
	struct recording *rec = output->recording;

	rec->packed.len = 0;
	if (raw->failed ||
	    trace_chunk_pack(rec->packer, kind, raw->data, raw->len, &rec->packed) < 0) {
		fail(output);
		return;
	}
	writer_write(&output->main, (const char *)rec->packed.data, rec->packed.len);
	writer_flush(&output->main);
	rec->bytes += rec->packed.len;
}

static void put_clock_reading(struct output *output, const struct clock_reading *reading)
{
	struct recording *rec = output->recording;

	rec->raw.len = 0;
	trace_put_number(&rec->raw, reading->tsc);
	trace_put_number(&rec->raw, reading->ns);
	trace_put_number(&rec->raw, reading->epoch_ns);
	put_chunk(output, TRACE_CLOCK, &rec->raw);
}

/* The first and the last one in the file tell how fast the counter runs. */
static void put_clock_now(struct output *output)
{
	struct clock_reading reading;

	if (!output->session->events.time)
		return;
	clock_read(&reading);
	put_clock_reading(output, &reading);
}

static void flush(struct output *output)
{
	struct recording *rec = output->recording;
	size_t len = 0;

	rec->written_ns = output->now_ns;
	for (int i = 0; i < TRACE_SECTIONS; i++)
		len += rec->sections[i].len;
	if (!len)
		return;
	trace_log_join(rec->sections, &rec->raw);
	for (int i = 0; i < TRACE_SECTIONS; i++) {
		rec->raw.failed |= rec->sections[i].failed;
		rec->sections[i].len = 0;
	}
	put_chunk(output, TRACE_LOG, &rec->raw);
	put_clock_now(output);
}

static void flush_if_due(struct output *output)
{
	struct recording *rec = output->recording;
	size_t len = 0;

	for (int i = 0; i < TRACE_SECTIONS; i++)
		len += rec->sections[i].len;
	if (len >= LOG_BYTES || output->now_ns - rec->written_ns >= LOG_NS)
		flush(output);
}

/* ---- blocks and sites ------------------------------------------------------------------ */

static uint32_t *block_slot(struct record_space *space, uint32_t index)
{
	if (index >= space->block_room) {
		uint32_t room = space->block_room ? space->block_room : 4096;

		while (room <= index)
			room *= 2;
		uint32_t *grown = realloc(space->block_numbers, room * sizeof *grown);
		if (!grown)
			return NULL;
		memset(grown + space->block_room, 0, (room - space->block_room) * sizeof *grown);
		space->block_numbers = grown;
		space->block_room = room;
	}
	return &space->block_numbers[index];
}

/* The block's number in the file; TRACE_NO_BLOCK: there is no such block, or no memory.
 * `before`: that of the one before it in its path. */
static uint32_t define_block(struct output *output, struct space *space, uint32_t index,
			     uint32_t before)
{
	struct record_space *s = space->view;
	const struct block *block = origin_block(space->origin, index);
	uint32_t *slot = block ? block_slot(s, index) : NULL;

	if (!slot)
		return TRACE_NO_BLOCK;
	if (*slot)
		return *slot - 1;
	const struct trace_block record = {
		.insn_count = block->insn_count, .ends_in_syscall = block->ends_in_syscall,
		.before = before, .pc = block->pc.address, .bytes = block->bytes, .bytes_len = block->bytes_len,
	};
	record_names_modules(s->names);
	trace_log_block(control_of(output), s->number, &record);
	if (output->options->mode == MODE_INSNS)
		record_names_note_block(s->names, block);
	else
		record_names_note(s->names, block->pc.address);
	*slot = ++s->blocks;
	return *slot - 1;
}

/* The path of so many blocks that ends with this one. */
static uint32_t define_path(struct output *output, struct space *space, uint32_t index, unsigned count)
{
	const struct block *block = origin_block(space->origin, index);
	uint32_t before = TRACE_NO_BLOCK;

	if (!block)
		return TRACE_NO_BLOCK;
	if (count > 1)
		before = define_path(output, space, block->before, count - 1);
	return define_block(output, space, index, before);
}

static void note(struct record_space *s, const struct site *site)
{
	if (site->kind == SITE_CALL || site->kind == SITE_TAILCALL)
		record_names_note(s->names, site->target);
	if (site->kind >= SITE_CALL && site->kind <= SITE_TAILCALL)
		record_names_note(s->names, site->pc);
}

/* The site of this event.  False: it has none. */
static bool define(struct output *output, struct stream *stream, uint32_t id)
{
	struct space *space = stream->space;
	struct record_space *s = space->view;
	uint32_t index = event_index(id);
	const struct site *site = origin_site(space->origin, index);

	if (!site || site->words != event_words(id) || !shape_flags(site) ||
	    shape_of(&s->shapes, index).flags)
		return false;
	struct site record = *site;
	record.block = TRACE_NO_BLOCK;
	if (site->kind == SITE_BLOCK)
		record.block = define_path(output, space, site->block, site->size);
	else
		record_names_modules(s->names);
	note(s, site);
	trace_log_site(control_of(output), s->number, &record);
	if (shapes_set(&s->shapes, index, (struct shape){ shape_flags(site), s->sites }) < 0)
		return false;
	s->sites++;
	return true;
}

/* ---- events ------------------------------------------------------------------------------ */

/* Where indirect branches went, as far as it is new. */
static void note_targets(struct output *output, struct record_space *s, size_t from)
{
	const struct trace_bytes *targets = &output->recording->sections[TRACE_TARGETS];
	uint64_t target;

	for (; from + 8 <= targets->len; from += 8) {
		memcpy(&target, targets->data + from, 8);
		record_names_note(s->names, target);
	}
}

/* What the tracer itself has put in tells of handlers, and of where they return to. */
static void note_own(struct stream *stream, const uint32_t *words, size_t n)
{
	struct record_space *s = stream->space->view;

	for (size_t at = 0; at < n; at += 1 + event_words(words[at])) {
		const struct site *site = origin_site(stream->origin, event_index(words[at]));
		const uint32_t *extra = words + at + 1;

		if (site->kind == SITE_SIGNAL)
			record_names_note(s->names, extra[5] | (uint64_t)extra[6] << 32);
		else if (site->kind == SITE_SIGRETURN)
			record_names_note(s->names, extra[0] | (uint64_t)extra[1] << 32);
	}
}

/* Takes whole events, until one has no site: that the ring is damaged is for others to say. */
static size_t events(struct output *output, struct stream *stream, const uint32_t *words, size_t n)
{
	struct recording *rec = output->recording;
	struct record_stream *v = stream->view;
	struct record_space *s = stream->space->view;
	uint64_t limit = output->options->limit ? output->options->limit : UINT64_MAX;
	size_t at = 0;

	if (stream->waited_until)
		trace_log_waited(control_of(output), v->number, stream->waited_until);
	stream->waited_until = 0;
	if (s->hot)
		hot_paths_look(s->hot, stream->origin, words, n);
	while (at < n && output->events < limit) {
		size_t targets = rec->sections[TRACE_TARGETS].len;
		struct predicted did;

		if (predict_encode(&v->predictor, &s->shapes, words + at, n - at,
				   limit - output->events, rec->sections, &did) < 0) {
			fail(output);
			return n;
		}
		/* First, as they may tell of a module that has come: it stands before. */
		note_targets(output, s, targets);
		if (did.own)
			note_own(stream, words + at, did.words);
		if (did.events)
			trace_log_events(control_of(output), v->number, did.events);
		output->events += did.events - did.own + did.paths;
		at += did.words;
		if (at < n && (event_words(words[at]) >= n - at || !define(output, stream, words[at])))
			break;
	}
	if (s->hot)
		hot_paths_pass(s->hot, at);
	flush_if_due(output);
	if (output->events < limit)
		return at;
	session_end(output->session);
	return n;
}

/* What events() has not taken: it had no memory for its site. */
static void event(struct output *output, struct stream *stream, const struct record *r)
{
	(void)stream, (void)r;
	fail(output);
}

/* ---- streams and spaces ------------------------------------------------------------------ */

static struct record_space *space_begin(struct output *output, struct space *space)
{
	struct record_space *s = calloc(1, sizeof *s);

	if (s)
		s->names = record_names_create(space->origin, control_of(output),
					       output->recording->spaces);
	if (s && output->session->events.paths)
		s->hot = hot_paths_create(false);
	if (!s || !s->names || (output->session->events.paths && !s->hot)) {
		if (s)
			record_names_destroy(s->names);
		free(s);
		return NULL;
	}
	s->number = output->recording->spaces++;
	trace_log_space(control_of(output), s->number, (uint32_t)space->pid);
	return space->view = s;
}

static int begin(struct output *output, struct stream *stream)
{
	struct space *space = stream->space;
	struct record_stream *v = calloc(1, sizeof *v);

	if (!v || predictor_init(&v->predictor) < 0 ||
	    (!space->view && !space_begin(output, space))) {
		fail(output);
		if (v)
			predictor_deinit(&v->predictor);
		free(v);
		return -1;
	}
	const struct record_space *s = space->view;
	v->number = output->recording->streams++;
	stream->view = v;
	trace_log_stream(control_of(output), v->number, s->number, (uint32_t)stream->tid,
			 (uint32_t)stream->pid);
	return 0;
}

/* False: somebody else has the translator. */
static bool take_covered(struct output *output, struct stream *stream)
{
	const struct record_stream *v = stream->view;
	uint32_t indexes[COVERED_BATCH];
	size_t cursor = 0;
	ssize_t n;

	do {
		n = origin_covered(stream->origin, &cursor, indexes, COVERED_BATCH);
		for (ssize_t i = 0; i < n; i++) {
			uint32_t block = define_block(output, stream->space, indexes[i],
						      TRACE_NO_BLOCK);

			if (block != TRACE_NO_BLOCK)
				trace_log_covered(control_of(output), v->number, block);
		}
		if (n > 0)
			output->events += (uint64_t)n;
	} while (n == COVERED_BATCH);
	return n >= 0;
}

static void wait_covered(struct output *output, struct stream *stream)
{
	const struct timespec pause = { 0, 1000 * 1000 };

	if (output->options->mode != MODE_COVERAGE)
		return;
	for (int i = 0; i < COVERED_TRIES && !take_covered(output, stream); i++)
		nanosleep(&pause, NULL);
}

static void idle(struct output *output, struct stream *stream)
{
	if (output->options->mode == MODE_COVERAGE)
		take_covered(output, stream);
	flush_if_due(output);
}

static void forget(struct output *output, struct stream *stream)
{
	struct record_stream *v = stream->view;

	wait_covered(output, stream);
	predictor_reset(&v->predictor);
}

static void space_forget(struct output *output, struct space *space)
{
	struct record_space *s = space->view;

	trace_log_forget(control_of(output), s->number);
	shapes_clear(&s->shapes);
	if (s->block_numbers)
		memset(s->block_numbers, 0, s->block_room * sizeof *s->block_numbers);
	s->sites = s->blocks = 0;
	if (s->hot)
		hot_paths_clear(s->hot);
}

static void end(struct output *output, struct stream *stream)
{
	struct record_stream *v = stream->view;

	wait_covered(output, stream);
	trace_log_stream_end(control_of(output), v->number, stream->lost);
	predictor_deinit(&v->predictor);
	free(v);
	stream->view = NULL;
}

static void put_names(void *context, const struct trace_bytes *raw)
{
	put_chunk(context, TRACE_NAMES, raw);
}

static void look_after_rings(void *context)
{
	struct output *output = context;

	if (clock_monotonic_ns() - output->now_ns > PAUSE_NS)
		output_relieve(output);
}

static void space_end(struct output *output, struct space *space)
{
	struct record_space *s = space->view;

	if (!s)
		return;
	record_names_modules(s->names);
	trace_log_space_end(control_of(output), s->number);
	flush(output);
	record_names_write(s->names, put_names, look_after_rings, output);
	record_names_destroy(s->names);
	s->names = NULL;
}

static void space_free(struct space *space)
{
	struct record_space *s = space->view;

	record_names_destroy(s->names);
	hot_paths_destroy(s->hot);
	shapes_deinit(&s->shapes);
	free(s->block_numbers);
	free(s);
}

/* ---- beginning and end ------------------------------------------------------------------- */

int record_begin(struct output *output, struct err *err)
{
	struct recording *rec = calloc(1, sizeof *rec);
	uint8_t head[TRACE_HEAD_BYTES];

	if (!rec || !(rec->packer = trace_packer_create())) {
		free(rec);
		return err_set(err, ENOMEM, "out of memory");
	}
	output->recording = rec;
	rec->bytes = sizeof head;
	trace_head_put(head);
	writer_write(&output->main, (const char *)head, sizeof head);
	record_info_put(output->session, &rec->raw);
	put_chunk(output, TRACE_INFO, &rec->raw);
	clock_read(&rec->first_clock);
	if (output->session->events.time)
		put_clock_reading(output, &rec->first_clock);
	return 0;
}

/* Two readings that are too near to each other tell too little. */
static void wait_for_clock(const struct clock_reading *first)
{
	uint64_t passed = clock_monotonic_ns() - first->ns;
	struct timespec pause = { 0, 0 };

	if (passed < CLOCK_BASE_NS) {
		pause.tv_nsec = (long)(CLOCK_BASE_NS - passed);
		nanosleep(&pause, NULL);
	}
}

void record_access(struct output *output, struct symbols *symbols, const struct place *place,
		   const struct watch_hit *hit)
{
	struct recording *rec = output->recording;

	output->now_ns = clock_monotonic_ns();
	if (!rec->accesses)
		rec->accesses = record_accesses_create();
	if (!rec->accesses ||
	    !record_accesses_put(rec->accesses, control_of(output), symbols, place, hit))
		fail(output);
	flush_if_due(output);
}

void record_finish(struct output *output)
{
	struct recording *rec = output->recording;

	if (!rec)
		return;
	flush(output);
	if (output->session->events.time) {
		wait_for_clock(&rec->first_clock);
		put_clock_now(output);
	}
	rec->raw.len = 0;
	trace_put_number(&rec->raw, output->events);
	trace_put_number(&rec->raw, output->lost);
	put_chunk(output, TRACE_END, &rec->raw);
}

void record_destroy(struct recording *rec)
{
	if (!rec)
		return;
	for (int i = 0; i < TRACE_SECTIONS; i++)
		trace_bytes_deinit(&rec->sections[i]);
	trace_bytes_deinit(&rec->raw);
	trace_bytes_deinit(&rec->packed);
	record_accesses_destroy(rec->accesses);
	trace_packer_destroy(rec->packer);
	free(rec);
}

uint64_t record_bytes(const struct recording *rec)
{
	return rec ? rec->bytes : 0;
}

const struct view view_record = {
	.name = "record", .begin = begin, .event = event, .events = events, .idle = idle,
	.forget = forget, .space_forget = space_forget, .end = end, .space_end = space_end,
	.space_free = space_free, .finish = record_finish,
}, view_record_watch = {
	.name = "record", .begin = begin, .event = event, .events = events, .idle = idle,
	.round = view_watch_round, .forget = forget, .space_forget = space_forget, .end = end,
	.space_end = space_end, .space_free = space_free, .finish = view_watch_finish,
};
