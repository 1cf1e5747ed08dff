#include "trace-names.h"

#include <errno.h>

enum record { FUNCTION = 1, FILE_NAME, ADDRESS };

enum flag { IS_START = 1, HAS_FUNCTION = 2 };

void trace_names_begin(struct trace_bytes *b, uint32_t space)
{
	b->len = 0;
	trace_put_number(b, space);
}

void trace_names_function(struct trace_bytes *b, const struct trace_function *f)
{
	trace_put_number(b, FUNCTION);
	trace_put_number(b, f->start);
	trace_put_number(b, f->is_plt);
	trace_put_number(b, f->name_len);
	trace_put_bytes(b, f->name, f->name_len);
	trace_put_number(b, f->mangled_len);
	trace_put_bytes(b, f->mangled, f->mangled_len);
}

void trace_names_file(struct trace_bytes *b, const char *file)
{
	trace_put_number(b, FILE_NAME);
	trace_put_text(b, file);
}

void trace_names_address(struct trace_bytes *b, const struct trace_address *a, uint64_t before)
{
	trace_put_number(b, ADDRESS);
	trace_put_number(b, trace_fold(a->address - before));
	trace_put_number(b, (uint32_t)(a->module + 1));
	trace_put_number(b, (a->is_start ? IS_START : 0) | (a->has_function ? HAS_FUNCTION : 0));
	trace_put_number(b, a->line);
}

static int read_function(struct trace_cursor *c, const struct trace_names_reader *reader,
			 void *context)
{
	struct trace_function f = { .start = trace_get_number(c) };

	f.is_plt = trace_get_below(c, 1);
	f.name = trace_get_text(c, &f.name_len);
	f.mangled = trace_get_text(c, &f.mangled_len);
	return c->failed ? -EBADMSG : reader->function(context, &f);
}

static int read_address(struct trace_cursor *c, uint64_t *before,
			const struct trace_names_reader *reader, void *context)
{
	struct trace_address a = { .address = *before + trace_unfold(trace_get_number(c)) };

	a.module = (uint32_t)trace_get_below(c, UINT32_MAX) - 1;
	uint64_t flags = trace_get_below(c, IS_START | HAS_FUNCTION);
	a.is_start = flags & IS_START;
	a.has_function = flags & HAS_FUNCTION;
	a.line = (uint32_t)trace_get_below(c, UINT32_MAX);
	*before = a.address;
	return c->failed ? -EBADMSG : reader->address(context, &a);
}

int trace_names_read(const uint8_t *raw, size_t len, const struct trace_names_reader *reader,
		     void *context)
{
	struct trace_cursor c = { raw, raw + len, false };
	uint32_t space = (uint32_t)trace_get_below(&c, UINT32_MAX);
	int r = c.failed ? -EBADMSG : reader->begin(context, space);
	uint64_t before = 0;
	const char *file;
	size_t file_len;

	while (r == 0 && trace_left(&c))
		switch (trace_get_number(&c)) {
		case FUNCTION:
			r = read_function(&c, reader, context);
			break;
		case FILE_NAME:
			file = trace_get_text(&c, &file_len);
			r = c.failed ? -EBADMSG : reader->file(context, file, file_len);
			break;
		case ADDRESS:
			r = read_address(&c, &before, reader, context);
			break;
		default:
			r = -EBADMSG;
		}
	return r;
}
