/* Any bytes as a trace file: as what stands in its chunks, since checksums keep all else
 * away from what reads it; with a first byte that says which.
 *
 *     | 0 | the sections of a log       | 1 | names       | 2 | a chunk with its head
 *
 * The reader takes out what the records say, and returns. */
#include <errno.h>

#include "fuzz.h"
#include "predict.h"
#include "replay-origin.h"
#include "trace-access.h"
#include "trace-file.h"
#include "trace-log.h"
#include "trace-names.h"

#define BATCH 64u

struct rig {
	struct replay_space *space;     /* all spaces are this one */
	struct predictor predictor;
};

static uint64_t touch(const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint64_t sum = 0;

	while (len--)
		sum += *at++;
	return sum;
}

static int on_space(void *c, uint32_t space, uint32_t pid) { (void)c, (void)space, (void)pid; return 0; }
static int on_space_end(void *c, uint32_t space) { (void)c, (void)space; return 0; }
static int on_stream(void *c, uint32_t stream, uint32_t space, uint32_t tid, uint32_t pid)
{
	(void)c, (void)stream, (void)space, (void)tid, (void)pid;
	return 0;
}
static int on_stream_end(void *c, uint32_t stream, uint64_t lost)
{
	(void)c, (void)stream, (void)lost;
	return 0;
}

static int on_forget(void *context, uint32_t space)
{
	struct rig *g = context;

	(void)space;
	replay_space_forget(g->space);
	predictor_reset(&g->predictor);
	return 0;
}

static int on_module(void *context, uint32_t space, const struct trace_module *m)
{
	struct rig *g = context;

	(void)space;
	return replay_space_module(g->space, m);
}

static int on_block(void *context, uint32_t space, const struct trace_block *b)
{
	struct rig *g = context;

	(void)space;
	return replay_space_block(g->space, b);
}

static int on_site(void *context, uint32_t space, const struct site *site)
{
	struct rig *g = context;

	(void)space;
	fuzz_check(shape_flags(site), "a site without shape");
	return replay_space_site(g->space, site);
}

static int on_events(void *context, uint32_t stream, size_t n, struct trace_cursor sections[TRACE_SECTIONS])
{
	struct rig *g = context;
	int r = 0;

	(void)stream;
	for (size_t now; r == 0 && n; n -= now) {
		now = n < BATCH ? n : BATCH;
		uint32_t *words = malloc(now * (EVENT_WORDS_MAX + 1) * sizeof *words);
		size_t count = 0;

		r = predict_decode(&g->predictor, &g->space->shapes, now, n & 1, sections, words, &count);
		fuzz_check(r < 0 || count >= now, "%zu words of %zu events", count, now);
		fuzz_check(count <= now * (EVENT_WORDS_MAX + 1), "%zu words", count);
		free(words);
	}
	return r;
}

static int on_waited(void *c, uint32_t stream, uint64_t tsc)
{
	(void)c, (void)stream, (void)tsc;
	return 0;
}

static int on_covered(void *context, uint32_t stream, uint32_t block)
{
	struct rig *g = context;

	(void)stream;
	return replay_space_covered(g->space, block);
}

static int on_access_module(void *c, const struct trace_access_module *m)
{
	(void)c;
	return touch(m->name.text, m->name.len) == 1 ? -EBADMSG : 0;
}
static int on_access_symbol(void *c, const struct trace_access_symbol *s)
{
	(void)c;
	return touch(s->name.text, s->name.len) + touch(s->mangled.text, s->mangled.len) == 1 ? -EBADMSG : 0;
}
static int on_access_address(void *c, const struct trace_access_address *a)
{
	(void)c;
	return touch(a->file.text, a->file.len) == 1 ? -EBADMSG : 0;
}
static int on_access_place(void *context, const struct trace_access_place *p, struct trace_cursor *c)
{
	(void)context;
	for (uint32_t i = 0; i < p->enumerator_count && !c->failed; i++) {
		struct trace_text name;
		int64_t value;

		trace_enumerator_get(c, &name, &value);
		touch(name.text, name.len);
	}
	return c->failed ? -EBADMSG : 0;
}
static int on_the_access(void *c, const struct trace_access *a)
{
	(void)c;
	fuzz_check(a->frame_count <= TRACE_FRAMES_MAX && a->len <= TRACE_VALUE_MAX, "%u", a->len);
	return touch(a->new, a->len) + (a->old ? touch(a->old, a->len) : 0) == 1 ? -EBADMSG : 0;
}

static int on_access(void *c, struct trace_cursor *control)
{
	static const struct trace_access_reader reader = {
		on_access_module, on_access_symbol, on_access_address, on_access_place, on_the_access,
	};

	return trace_access_read(control, &reader, c);
}

static void read_log(const uint8_t *data, size_t size)
{
	static const struct trace_log_reader reader = {
		on_space, on_space_end, on_stream, on_stream_end, on_forget, on_module, on_block,
		on_site, on_events, on_covered, on_waited, on_access,
	};
	struct rig g = { .space = replay_space_create(0, 1, NULL, false) };

	fuzz_check(g.space && predictor_init(&g.predictor) == 0, "memory");
	int r = trace_log_read(data, size, &reader, &g);
	fuzz_check(r == 0 || r == -EBADMSG, "%d", r);
	predictor_deinit(&g.predictor);
	replay_space_destroy(g.space);
}

static int on_names(void *c, uint32_t space) { (void)c, (void)space; return 0; }
static int on_function(void *c, const struct trace_function *f)
{
	(void)c;
	return touch(f->name, f->name_len) + touch(f->mangled, f->mangled_len) == 1 ? -EBADMSG : 0;
}
static int on_file(void *c, const char *file, size_t len)
{
	(void)c;
	return touch(file, len) == 1 ? -EBADMSG : 0;
}
static int on_address(void *c, const struct trace_address *a) { (void)c, (void)a; return 0; }

static void read_names(const uint8_t *data, size_t size)
{
	static const struct trace_names_reader reader = { on_names, on_function, on_file, on_address };
	int r = trace_names_read(data, size, &reader, NULL);

	fuzz_check(r == 0 || r == -EBADMSG, "%d", r);
}

static void read_chunk(const uint8_t *data, size_t size)
{
	struct trace_packer *packer = trace_packer_create();
	struct trace_bytes out = { 0 };
	struct trace_chunk chunk;

	if (size >= TRACE_CHUNK_HEAD_BYTES && trace_chunk_head_get(data, &chunk) == 0 &&
	    chunk.stored <= size - TRACE_CHUNK_HEAD_BYTES) {
		int r = trace_chunk_unpack(packer, &chunk, data + TRACE_CHUNK_HEAD_BYTES, &out);

		fuzz_check(r < 0 || out.len == chunk.raw, "%zu of %u", out.len, chunk.raw);
	}
	trace_bytes_deinit(&out);
	trace_packer_destroy(packer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	/* a copy that ends where it ends */
	uint8_t *copy = malloc(size > 1 ? size - 1 : 1);
	memcpy(copy, data + 1, size - 1);
	(data[0] % 3 == 0 ? read_log : data[0] % 3 == 1 ? read_names : read_chunk)(copy, size - 1);
	free(copy);
	return 0;
}
