#include "trace-log.h"

#include <errno.h>

/* ---- written --------------------------------------------------------------------------- */

static void put(struct trace_bytes *b, enum trace_record what, uint64_t first)
{
	trace_put_number(b, what);
	trace_put_number(b, first);
}

void trace_log_space(struct trace_bytes *b, uint32_t space, uint32_t pid)
{
	put(b, TRACE_RECORD_SPACE, space);
	trace_put_number(b, pid);
}

void trace_log_space_end(struct trace_bytes *b, uint32_t space)
{
	put(b, TRACE_RECORD_SPACE_END, space);
}

void trace_log_stream(struct trace_bytes *b, uint32_t stream, uint32_t space, uint32_t tid,
		      uint32_t pid)
{
	put(b, TRACE_RECORD_STREAM, stream);
	trace_put_number(b, space);
	trace_put_number(b, tid);
	trace_put_number(b, pid);
}

void trace_log_stream_end(struct trace_bytes *b, uint32_t stream, uint64_t lost)
{
	put(b, TRACE_RECORD_STREAM_END, stream);
	trace_put_number(b, lost);
}

void trace_log_forget(struct trace_bytes *b, uint32_t space)
{
	put(b, TRACE_RECORD_FORGET, space);
}

void trace_log_module(struct trace_bytes *b, uint32_t space, const struct trace_module *m)
{
	put(b, TRACE_RECORD_MODULE, space);
	trace_put_number(b, m->is_added);
	trace_put_number(b, m->id);
	trace_put_number(b, m->base);
	trace_put_number(b, m->start);
	trace_put_number(b, m->end);
	trace_put_number(b, m->name_len);
	trace_put_bytes(b, m->name, m->name_len);
	trace_put_number(b, m->path_len);
	trace_put_bytes(b, m->path, m->path_len);
}

void trace_log_block(struct trace_bytes *b, uint32_t space, const struct trace_block *block)
{
	put(b, TRACE_RECORD_BLOCK, space);
	trace_put_number(b, block->pc);
	trace_put_number(b, (uint64_t)block->insn_count << 1 | block->ends_in_syscall);
	trace_put_number(b, block->before == TRACE_NO_BLOCK ? 0 : 1 + (uint64_t)block->before);
	trace_put_number(b, block->bytes_len);
	trace_put_bytes(b, block->bytes, block->bytes_len);
}

void trace_log_site(struct trace_bytes *b, uint32_t space, const struct site *site)
{
	put(b, TRACE_RECORD_SITE, space);
	trace_put_number(b, site->kind);
	trace_put_number(b, site->flags);
	trace_put_number(b, site->words);
	trace_put_number(b, site->size);
	trace_put_number(b, site->block);
	trace_put_number(b, site->pc);
	trace_put_number(b, site->target);
}

void trace_log_events(struct trace_bytes *b, uint32_t stream, size_t n)
{
	put(b, TRACE_RECORD_EVENTS, stream);
	trace_put_number(b, n);
}

void trace_log_covered(struct trace_bytes *b, uint32_t stream, uint32_t block)
{
	put(b, TRACE_RECORD_COVERED, stream);
	trace_put_number(b, block);
}

void trace_log_waited(struct trace_bytes *b, uint32_t stream, uint64_t tsc)
{
	put(b, TRACE_RECORD_WAITED, stream);
	trace_put_number(b, tsc);
}

void trace_log_join(const struct trace_bytes sections[TRACE_SECTIONS], struct trace_bytes *out)
{
	out->len = 0;
	for (int i = 0; i < TRACE_SECTIONS; i++)
		trace_put_number(out, sections[i].len);
	for (int i = 0; i < TRACE_SECTIONS; i++)
		trace_put_bytes(out, sections[i].data, sections[i].len);
}

/* ---- read -------------------------------------------------------------------------------- */

struct log {
	struct trace_cursor sections[TRACE_SECTIONS];
	const struct trace_log_reader *reader;
	void *context;
};

static uint32_t get_32(struct trace_cursor *c)
{
	return (uint32_t)trace_get_below(c, UINT32_MAX);
}

static int read_stream(struct log *log, struct trace_cursor *c)
{
	uint32_t stream = get_32(c), space = get_32(c), tid = get_32(c), pid = get_32(c);

	return c->failed ? -EBADMSG : log->reader->stream(log->context, stream, space, tid, pid);
}

static int read_module(struct log *log, struct trace_cursor *c)
{
	uint32_t space = get_32(c);
	struct trace_module m = { .is_added = trace_get_below(c, 1) };

	m.id = get_32(c);
	m.base = trace_get_number(c);
	m.start = trace_get_number(c);
	m.end = trace_get_number(c);
	m.name = trace_get_text(c, &m.name_len);
	m.path = trace_get_text(c, &m.path_len);
	return c->failed ? -EBADMSG : log->reader->module(log->context, space, &m);
}

static int read_block(struct log *log, struct trace_cursor *c)
{
	uint32_t space = get_32(c);
	struct trace_block block = { .pc = trace_get_number(c) };
	uint64_t counts = trace_get_below(c, UINT32_MAX);
	uint64_t before = trace_get_below(c, UINT32_MAX);
	size_t len;

	block.before = before ? (uint32_t)(before - 1) : TRACE_NO_BLOCK;
	block.insn_count = (uint32_t)(counts >> 1);
	block.ends_in_syscall = counts & 1;
	block.bytes = (const uint8_t *)trace_get_text(c, &len);
	block.bytes_len = (uint32_t)len;
	if (c->failed || block.insn_count > len)
		return -EBADMSG;
	return log->reader->block(log->context, space, &block);
}

static int read_site(struct log *log, struct trace_cursor *c)
{
	uint32_t space = get_32(c);
	struct site site = { .kind = (uint8_t)trace_get_below(c, SITE_END) };

	site.flags = (uint8_t)trace_get_below(c, UINT8_MAX);
	site.words = (uint8_t)trace_get_below(c, EVENT_WORDS_MAX);
	site.size = (uint8_t)trace_get_below(c, UINT8_MAX);
	site.block = get_32(c);
	site.pc = trace_get_number(c);
	site.target = trace_get_number(c);
	if (c->failed || !shape_flags(&site))
		return -EBADMSG;
	return log->reader->site(log->context, space, &site);
}

static int read_events(struct log *log, struct trace_cursor *c)
{
	uint32_t stream = get_32(c);
	/* each has a bit, at least */
	size_t n = (size_t)trace_get_below(c, trace_left(&log->sections[TRACE_HITS]) * 8);

	return c->failed ? -EBADMSG : log->reader->events(log->context, stream, n, log->sections);
}

static int read_record(struct log *log, struct trace_cursor *c)
{
	const struct trace_log_reader *r = log->reader;
	uint64_t what = trace_get_number(c), number;
	uint32_t first;

	switch (what) {
	case TRACE_RECORD_STREAM: return read_stream(log, c);
	case TRACE_RECORD_MODULE: return read_module(log, c);
	case TRACE_RECORD_BLOCK: return read_block(log, c);
	case TRACE_RECORD_SITE: return read_site(log, c);
	case TRACE_RECORD_EVENTS: return read_events(log, c);
	case TRACE_RECORD_ACCESS: return r->access(log->context, c);
	case TRACE_RECORD_SPACE_END:
		first = get_32(c);
		return c->failed ? -EBADMSG : r->space_end(log->context, first);
	case TRACE_RECORD_FORGET:
		first = get_32(c);
		return c->failed ? -EBADMSG : r->forget(log->context, first);
	case TRACE_RECORD_SPACE:
		first = get_32(c);
		number = get_32(c);
		return c->failed ? -EBADMSG : r->space(log->context, first, (uint32_t)number);
	case TRACE_RECORD_STREAM_END:
		first = get_32(c);
		number = trace_get_number(c);
		return c->failed ? -EBADMSG : r->stream_end(log->context, first, number);
	case TRACE_RECORD_COVERED:
		first = get_32(c);
		number = trace_get_below(c, EVENT_INDEX_MASK);
		return c->failed ? -EBADMSG : r->covered(log->context, first, (uint32_t)number);
	case TRACE_RECORD_WAITED:
		first = get_32(c);
		number = trace_get_number(c);
		return c->failed ? -EBADMSG : r->waited(log->context, first, number);
	default:
		return -EBADMSG;
	}
}

static int split(struct log *log, const uint8_t *raw, size_t len)
{
	struct trace_cursor c = { raw, raw + len, false };
	size_t lens[TRACE_SECTIONS];

	for (int i = 0; i < TRACE_SECTIONS; i++)
		lens[i] = (size_t)trace_get_below(&c, len);
	for (int i = 0; i < TRACE_SECTIONS; i++) {
		const uint8_t *at = trace_get_bytes(&c, lens[i]);

		if (c.failed)
			return -EBADMSG;
		log->sections[i] = (struct trace_cursor){ at, at + lens[i], false };
	}
	return 0;
}

int trace_log_read(const uint8_t *raw, size_t len, const struct trace_log_reader *reader,
		   void *context)
{
	struct log log = { .reader = reader, .context = context };
	struct trace_cursor *control = &log.sections[TRACE_CONTROL];
	int r = split(&log, raw, len);

	while (r == 0 && trace_left(control))
		r = read_record(&log, control);
	return r;
}
