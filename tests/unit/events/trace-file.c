#include "trace-file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "trace-access.h"
#include "trace-log.h"
#include "trace-names.h"

/* ---- chunks ------------------------------------------------------------------------------ */

static int unpack(struct trace_packer *packer, const struct trace_bytes *packed,
		  struct trace_bytes *out)
{
	struct trace_chunk chunk;
	int r = trace_chunk_head_get(packed->data, &chunk);

	if (r < 0)
		return r;
	return trace_chunk_unpack(packer, &chunk, packed->data + TRACE_CHUNK_HEAD_BYTES, out);
}

Test(trace_file, gives_back_what_was_packed)
{
	struct trace_packer *packer = trace_packer_create();
	struct trace_bytes packed = { 0 }, out = { 0 };
	static uint8_t raw[100000];

	for (size_t i = 0; i < sizeof raw; i++)
		raw[i] = (uint8_t)(i % 100 * (i / 50000));
	static const size_t lens[] = { 0, 1, 63, 64, 1000, sizeof raw };
	for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
		packed.len = 0;
		cr_assert_eq(trace_chunk_pack(packer, TRACE_LOG, raw, lens[i], &packed), 0);
		cr_assert_eq(unpack(packer, &packed, &out), 0);
		cr_assert_eq(out.len, lens[i]);
		cr_assert(lens[i] == 0 || !memcmp(out.data, raw, lens[i]));
	}
	cr_assert_lt(packed.len, 2000);
	trace_bytes_deinit(&packed);
	trace_bytes_deinit(&out);
	trace_packer_destroy(packer);
}

Test(trace_file, notices_every_changed_bit)
{
	struct trace_packer *packer = trace_packer_create();
	struct trace_bytes packed = { 0 }, out = { 0 };
	char raw[300];

	memset(raw, 'x', sizeof raw);
	cr_assert_eq(trace_chunk_pack(packer, TRACE_NAMES, raw, sizeof raw, &packed), 0);
	for (size_t i = 0; i < packed.len * 8; i++) {
		packed.data[i / 8] ^= (uint8_t)(1 << i % 8);
		cr_assert_eq(unpack(packer, &packed, &out), -EBADMSG, "bit %zu", i);
		packed.data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	cr_assert_eq(unpack(packer, &packed, &out), 0);
	trace_bytes_deinit(&packed);
	trace_bytes_deinit(&out);
	trace_packer_destroy(packer);
}

Test(trace_file, knows_its_head)
{
	uint8_t head[TRACE_HEAD_BYTES];

	trace_head_put(head);
	cr_assert_eq(trace_head_get(head), TRACE_VERSION);
	head[8] = 77;
	cr_assert_eq(trace_head_get(head), 77);
	head[0] = 'T';
	cr_assert_eq(trace_head_get(head), 0);
}

Test(trace_bytes, numbers_of_all_lengths)
{
	struct trace_bytes b = { 0 };

	for (int shift = 0; shift < 64; shift++) {
		trace_put_number(&b, 1ull << shift);
		trace_put_number(&b, trace_fold(0 - (1ull << shift)));
	}
	trace_put_number(&b, UINT64_MAX);
	struct trace_cursor c = { b.data, b.data + b.len, false };
	for (int shift = 0; shift < 64; shift++) {
		cr_assert_eq(trace_get_number(&c), 1ull << shift);
		cr_assert_eq(trace_unfold(trace_get_number(&c)), 0 - (1ull << shift));
	}
	cr_assert_eq(trace_get_number(&c), UINT64_MAX);
	cr_assert(!c.failed);
	cr_assert_eq(trace_get_number(&c), 0);
	cr_assert(c.failed);
	trace_bytes_deinit(&b);
}

/* ---- the log ------------------------------------------------------------------------------- */

struct seen {
	char text[2000];
	size_t len;
};

static int say(void *context, const char *format, ...)
{
	struct seen *seen = context;
	va_list ap;

	va_start(ap, format);
	seen->len += (size_t)vsnprintf(seen->text + seen->len, sizeof seen->text - seen->len, format, ap);
	va_end(ap);
	return 0;
}

static int on_space(void *c, uint32_t space, uint32_t pid) { return say(c, "space %u %u\n", space, pid); }
static int on_space_end(void *c, uint32_t space) { return say(c, "space end %u\n", space); }
static int on_stream(void *c, uint32_t s, uint32_t space, uint32_t tid, uint32_t pid)
{
	return say(c, "stream %u %u %u %u\n", s, space, tid, pid);
}
static int on_stream_end(void *c, uint32_t s, uint64_t lost) { return say(c, "end %u %lu\n", s, lost); }
static int on_forget(void *c, uint32_t space) { return say(c, "forget %u\n", space); }
static int on_module(void *c, uint32_t space, const struct trace_module *m)
{
	return say(c, "module %u %d %u %lx %lx %lx %.*s %.*s\n", space, m->is_added, m->id, m->base,
		   m->start, m->end, (int)m->name_len, m->name, (int)m->path_len, m->path);
}
static int on_block(void *c, uint32_t space, const struct trace_block *b)
{
	return say(c, "block %u %u %d %d %lx %u %02x\n", space, b->insn_count, b->ends_in_syscall,
		   (int)b->before, b->pc, b->bytes_len, b->bytes[b->bytes_len - 1]);
}
static int on_site(void *c, uint32_t space, const struct site *s)
{
	return say(c, "site %u %u %u %u %u %u %lx %lx\n", space, s->kind, s->flags, s->words, s->size,
		   s->block, s->pc, s->target);
}
static int on_events(void *c, uint32_t s, size_t n, struct trace_cursor sections[TRACE_SECTIONS])
{
	trace_get_bytes(&sections[TRACE_HITS], (n + 7) / 8);
	return say(c, "events %u %zu\n", s, n);
}
static int on_covered(void *c, uint32_t s, uint32_t block) { return say(c, "covered %u %u\n", s, block); }
static int on_waited(void *c, uint32_t s, uint64_t tsc) { return say(c, "waited %u %lu\n", s, tsc); }
static int on_access(void *c, struct trace_cursor *control)
{
	(void)control;
	return say(c, "access\n");
}

static const struct trace_log_reader reader = {
	on_space, on_space_end, on_stream, on_stream_end, on_forget, on_module, on_block, on_site,
	on_events, on_covered, on_waited, on_access,
};

static void put_log(struct trace_bytes *raw)
{
	struct trace_bytes sections[TRACE_SECTIONS] = { 0 }, *b = &sections[TRACE_CONTROL];
	const struct trace_module module = { true, 1, 0x1000, 0x2000, 0x3000, "libx.so", "/lib/libx.so", 7, 12 };
	const struct trace_block block = { .insn_count = 2, .ends_in_syscall = true, .before = TRACE_NO_BLOCK,
					   .pc = 0x401000, .bytes = (const uint8_t *)"\x90\x0f\x05",
					   .bytes_len = 3 };
	const struct trace_block next = { .insn_count = 1, .before = 7, .pc = 0x401003,
					  .bytes = (const uint8_t *)"\xc3", .bytes_len = 1 };
	const struct site site = { .kind = SITE_CALL, .flags = SITE_HAS_SP, .words = 1, .block = TRACE_NO_BLOCK,
				   .pc = 0x401000, .target = ~0ull };
	const struct site path = { .kind = SITE_BLOCK, .size = 2, .block = 8, .pc = 0x401003, .target = 0x401003 };

	trace_log_space(b, 0, 4711);
	trace_log_module(b, 0, &module);
	trace_log_stream(b, 3, 0, 4712, 4711);
	trace_log_block(b, 0, &block);
	trace_log_block(b, 0, &next);
	trace_log_site(b, 0, &site);
	trace_log_site(b, 0, &path);
	trace_log_events(b, 3, 17);
	trace_put_bytes(&sections[TRACE_HITS], "abc", 3);
	trace_log_covered(b, 3, 5);
	trace_log_waited(b, 3, 1ull << 60);
	trace_log_forget(b, 0);
	trace_log_stream_end(b, 3, 1ull << 40);
	trace_log_space_end(b, 0);
	trace_log_join(sections, raw);
	cr_assert(!raw->failed);
	for (int i = 0; i < TRACE_SECTIONS; i++)
		trace_bytes_deinit(&sections[i]);
}

Test(trace_log, gives_back_its_records)
{
	struct trace_bytes raw = { 0 };
	struct seen seen = { 0 };

	put_log(&raw);
	cr_assert_eq(trace_log_read(raw.data, raw.len, &reader, &seen), 0);
	cr_assert_str_eq(seen.text,
			 "space 0 4711\n"
			 "module 0 1 1 1000 2000 3000 libx.so /lib/libx.so\n"
			 "stream 3 0 4712 4711\n"
			 "block 0 2 1 -1 401000 3 05\n"
			 "block 0 1 0 7 401003 1 c3\n"
			 "site 0 2 1 1 0 4294967295 401000 ffffffffffffffff\n"
			 "site 0 1 0 0 2 8 401003 401003\n"
			 "events 3 17\n"
			 "covered 3 5\nwaited 3 1152921504606846976\n"
			 "forget 0\n"
			 "end 3 1099511627776\n"
			 "space end 0\n");
	trace_bytes_deinit(&raw);
}

Test(trace_log, refuses_what_is_cut)
{
	struct trace_bytes raw = { 0 };

	put_log(&raw);
	for (size_t len = 0; len < raw.len; len++) {
		struct seen seen = { 0 };

		cr_assert_eq(trace_log_read(raw.data, len, &reader, &seen), -EBADMSG, "%zu bytes", len);
	}
	trace_bytes_deinit(&raw);
}

/* ---- names --------------------------------------------------------------------------------- */

static int on_names(void *c, uint32_t space) { return say(c, "names of %u\n", space); }
static int on_function(void *c, const struct trace_function *f)
{
	return say(c, "function %.*s %.*s %lx %d\n", (int)f->name_len, f->name, (int)f->mangled_len,
		   f->mangled, f->start, f->is_plt);
}
static int on_file(void *c, const char *file, size_t len) { return say(c, "file %.*s\n", (int)len, file); }
static int on_address(void *c, const struct trace_address *a)
{
	return say(c, "address %lx %d %u %d %d\n", a->address, (int)a->module, a->line, a->is_start,
		   a->has_function);
}

Test(trace_names, gives_back_names_and_refuses_what_is_cut)
{
	static const struct trace_names_reader names_reader = { on_names, on_function, on_file, on_address };
	struct trace_bytes raw = { 0 };
	struct seen seen = { 0 };

	trace_names_begin(&raw, 7);
	trace_names_function(&raw, &(struct trace_function){ "f::g", "_ZN1f1gEv", 4, 9, 0x1000, false });
	trace_names_file(&raw, "/src/f.cc");
	trace_names_address(&raw, &(struct trace_address){ 0x1000, 0, 12, true, true }, 0);
	trace_names_address(&raw, &(struct trace_address){ 0xfff, TRACE_NO_MODULE, 0, false, false }, 0x1000);
	cr_assert_eq(trace_names_read(raw.data, raw.len, &names_reader, &seen), 0);
	cr_assert_str_eq(seen.text, "names of 7\n"
				    "function f::g _ZN1f1gEv 1000 0\n"
				    "file /src/f.cc\n"
				    "address 1000 0 12 1 1\n"
				    "address fff -1 0 0 0\n");
	seen = (struct seen){ 0 };
	cr_assert_eq(trace_names_read(raw.data, raw.len - 1, &names_reader, &seen), -EBADMSG);
	cr_assert_eq(trace_names_read(raw.data, 0, &names_reader, &seen), -EBADMSG);
	trace_bytes_deinit(&raw);
}

/* ---- accesses ------------------------------------------------------------------------------ */

static int on_a_module(void *c, const struct trace_access_module *m)
{
	return say(c, "module %.*s %lx\n", (int)m->name.len, m->name.text, m->base);
}
static int on_a_symbol(void *c, const struct trace_access_symbol *s)
{
	return say(c, "symbol %u %lx %.*s '%.*s'\n", s->module, s->start, (int)s->name.len, s->name.text,
		   (int)s->mangled.len, s->mangled.text);
}
static int on_an_address(void *c, const struct trace_access_address *a)
{
	return say(c, "address %lx %d %d %d %.*s %u\n", a->address, (int)a->function, (int)a->object,
		   (int)a->module, (int)a->file.len, a->file.text, a->line);
}
static int on_place(void *context, const struct trace_access_place *p, struct trace_cursor *c)
{
	struct trace_text name;
	int64_t value;

	say(context, "place %.*s %lx %u kind %u of %lu\n", (int)p->text.len, p->text.text, p->address, p->len,
	    p->kind, p->size);
	for (uint32_t i = 0; i < p->enumerator_count; i++) {
		trace_enumerator_get(c, &name, &value);
		say(context, "  %.*s = %ld\n", (int)name.len, name.text, value);
	}
	return c->failed ? -EBADMSG : 0;
}
static int on_the_access(void *c, const struct trace_access *a)
{
	say(c, "access %u [%u] %u what %u %u at %lx by %lx: %d -> %d\n", a->place, a->tid, a->pid, a->what,
	    a->number, a->address, a->pc, a->old ? a->old[a->len - 1] : -1, a->new[a->len - 1]);
	for (uint32_t i = 0; i < a->frame_count; i++)
		say(c, "  #%u %lx %lx\n", i, a->frames[i].pc, a->frames[i].lookup_pc);
	return 0;
}

Test(trace_access, gives_back_its_records_and_refuses_what_is_cut)
{
	static const struct trace_access_reader access_reader = {
		on_a_module, on_a_symbol, on_an_address, on_place, on_the_access,
	};
	const uint8_t old[] = { 1, 2, 3, 4 }, new[] = { 5, 6, 7, 8 };
	struct trace_bytes b = { 0 };
	struct seen seen = { 0 };

	trace_access_module(&b, &(struct trace_access_module){ { "prog", 4 }, 0x1000 });
	trace_access_symbol(&b, &(struct trace_access_symbol){ 0, 0x1100, { "f()", 3 }, { "_Z1fv", 5 } });
	trace_access_address(&b, &(struct trace_access_address){ 0x1104, 0, TRACE_NONE, 0, { "f.cc", 4 }, 12 });
	trace_access_place(&b, &(struct trace_access_place){ { "x", 1 }, 0x2000, 4, 4, 6, 2 });
	trace_enumerator(&b, "RED", -3);
	trace_enumerator(&b, "GREEN", 4);
	trace_access(&b, &(struct trace_access){ .place = 0, .tid = 7, .pid = 6, .what = 1, .len = 4,
						 .address = 0x2000, .pc = 0x1104, .old = old, .new = new,
						 .has_stack = true, .frame_count = 1,
						 .frames = { { 0x1104, 0x1103 } } });
	trace_access(&b, &(struct trace_access){ .place = 0, .tid = 7, .pid = 6, .what = 2, .number = 9, .len = 4,
						 .address = 0x2000, .new = old });
	for (size_t len = 0; len <= b.len; len++) {
		struct trace_cursor c = { b.data, b.data + len, false };
		int r = 0;

		seen.len = 0;
		while (r == 0 && trace_left(&c))
			r = trace_get_number(&c) == TRACE_RECORD_ACCESS && !c.failed
			    ? trace_access_read(&c, &access_reader, &seen) : -EBADMSG;
		cr_assert(r == 0 || r == -EBADMSG);
		cr_assert(len < b.len || r == 0);
	}
	cr_assert_str_eq(seen.text, "module prog 1000\n"
				    "symbol 0 1100 f() '_Z1fv'\n"
				    "address 1104 0 -1 0 f.cc 12\n"
				    "place x 2000 4 kind 6 of 4\n"
				    "  RED = -3\n"
				    "  GREEN = 4\n"
				    "access 0 [7] 6 what 1 0 at 2000 by 1104: 4 -> 8\n"
				    "  #0 1104 1103\n"
				    "access 0 [7] 6 what 2 9 at 2000 by 0: -1 -> 4\n");
	trace_bytes_deinit(&b);
}
