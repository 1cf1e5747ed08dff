#include "profile.h"

#include <stdlib.h>
#include <string.h>

#include "decode.h"
#include "names.h"
#include "source.h"
#include "target.h"

#define INTERNED 1024

struct code {
	uint64_t pc;
	uint32_t len;
	uint64_t count;
	uint8_t *bytes;
	uint64_t *corrections;          /* by offset, len + 1: added to the count from there on */
};

struct profile {
	struct code *codes;
	uint32_t count, room;
	uint32_t *hash;                 /* index + 1, by pc */
	uint32_t mask;
	struct profile_line *lines;
	uint32_t *line_hash;            /* index + 1 */
	uint32_t line_count, line_room, line_mask;
	char **files;                   /* interned */
	size_t file_count;
	struct interned {
		const char *file, *kept;
	} interned[INTERNED];           /* by the symbols' pointer */
};

struct profile *profile_create(void)
{
	return calloc(1, sizeof(struct profile));
}

void profile_destroy(struct profile *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; i < p->count; i++) {
		free(p->codes[i].bytes);
		free(p->codes[i].corrections);
	}
	for (size_t i = 0; i < p->file_count; i++)
		free(p->files[i]);
	free(p->codes);
	free(p->hash);
	free(p->lines);
	free(p->line_hash);
	free(p->files);
	free(p);
}

/* ---- blocks ---------------------------------------------------------------------------- */

static uint32_t mix(uint64_t key)
{
	return (uint32_t)(key * 0x9e3779b97f4a7c15 >> 32);
}

static uint32_t *code_slot(const struct profile *p, uint64_t pc, const uint8_t *bytes,
			   uint32_t len)
{
	uint32_t i = mix(pc) & p->mask;

	for (; p->hash[i]; i = (i + 1) & p->mask) {
		const struct code *code = &p->codes[p->hash[i] - 1];

		if (code->pc == pc && code->len == len && !memcmp(code->bytes, bytes, len))
			break;
	}
	return &p->hash[i];
}

static bool grow_codes(struct profile *p)
{
	uint32_t room = p->room ? 2 * p->room : 1024;
	struct code *codes = realloc(p->codes, room * sizeof *codes);

	if (codes)
		p->codes = codes;
	uint32_t *hash = codes ? calloc(2ul * room, sizeof *hash) : NULL;
	if (!hash)
		return false;
	free(p->hash);
	p->hash = hash;
	p->mask = 2 * room - 1;
	p->room = room;
	for (uint32_t i = 0; i < p->count; i++)
		*code_slot(p, codes[i].pc, codes[i].bytes, codes[i].len) = i + 1;
	return true;
}

static struct code *code_of(struct profile *p, const struct block *block)
{
	if (p->count == p->room && !grow_codes(p))
		return NULL;
	uint32_t *slot = code_slot(p, block->pc.address, block->bytes, block->bytes_len);
	if (*slot)
		return &p->codes[*slot - 1];
	struct code *code = &p->codes[p->count];
	*code = (struct code){ .pc = block->pc.address, .len = block->bytes_len };
	code->bytes = malloc(code->len ? code->len : 1);
	if (!code->bytes)
		return NULL;
	memcpy(code->bytes, block->bytes, code->len);
	*slot = ++p->count;
	return code;
}

bool profile_add(struct profile *p, const struct block *block, uint64_t n)
{
	struct code *code = code_of(p, block);

	if (code)
		code->count += n;
	return code != NULL;
}

static uint32_t offset_of(const struct code *code, uint64_t pc)
{
	return pc <= code->pc ? 0 : pc - code->pc < code->len ? (uint32_t)(pc - code->pc) : code->len;
}

bool profile_correct(struct profile *p, const struct block *block, uint64_t from, uint64_t end,
		     uint64_t n)
{
	struct code *code = code_of(p, block);

	if (code && !code->corrections)
		code->corrections = calloc(code->len + 1ul, sizeof *code->corrections);
	if (!code || !code->corrections)
		return false;
	code->corrections[offset_of(code, from)] += n;
	code->corrections[offset_of(code, end)] -= n;
	return true;
}

/* ---- lines ------------------------------------------------------------------------------ */

static const char *keep_file(struct profile *p, const char *file)
{
	for (size_t i = 0; i < p->file_count; i++)
		if (!strcmp(p->files[i], file))
			return p->files[i];
	char **grown = realloc(p->files, (p->file_count + 1) * sizeof *grown);
	if (!grown)
		return NULL;
	p->files = grown;
	char *copy = strdup(file);
	if (copy)
		p->files[p->file_count++] = copy;
	return copy;
}

static const char *intern(struct profile *p, const char *file)
{
	struct interned *known = &p->interned[mix((uint64_t)(uintptr_t)file) % INTERNED];

	if (!file)
		return NULL;
	if (known->file != file)        /* the same pointer is the same text */
		*known = (struct interned){ file, keep_file(p, file) };
	return known->kept;
}

static uint32_t *line_slot(const struct profile *p, const struct name *function, const char *file,
			   unsigned line)
{
	uint32_t i = mix((uint64_t)(uintptr_t)function ^ (uint64_t)(uintptr_t)file << 20 ^ line) &
		     p->line_mask;

	for (; p->line_hash[i]; i = (i + 1) & p->line_mask) {
		const struct profile_line *l = &p->lines[p->line_hash[i] - 1];

		if (l->function == function && l->file == file && l->line == line)
			break;
	}
	return &p->line_hash[i];
}

static bool grow_lines(struct profile *p)
{
	uint32_t room = p->line_room ? 2 * p->line_room : 1024;
	struct profile_line *lines = realloc(p->lines, room * sizeof *lines);

	if (lines)
		p->lines = lines;
	uint32_t *hash = lines ? calloc(2ul * room, sizeof *hash) : NULL;
	if (!hash)
		return false;
	free(p->line_hash);
	p->line_hash = hash;
	p->line_mask = 2 * room - 1;
	p->line_room = room;
	for (uint32_t i = 0; i < p->line_count; i++)
		*line_slot(p, lines[i].function, lines[i].file, lines[i].line) = i + 1;
	return true;
}

static void add_line(struct profile *p, const struct name *function, const char *file,
		     unsigned line, uint64_t n)
{
	if (p->line_count == p->line_room && !grow_lines(p))
		return;
	uint32_t *slot = line_slot(p, function, file, line);
	if (!*slot) {
		p->lines[p->line_count] = (struct profile_line){ function, file, line, 0 };
		*slot = ++p->line_count;
	}
	p->lines[*slot - 1].insns += n;
}

/* ---- looking up -------------------------------------------------------------------------- */

/* What the last instruction belonged to: the next one mostly belongs there, too. */
struct cursor {
	struct target *target;
	struct names *names;
	const struct name *function;
	uint64_t start, end;            /* of the function */
	struct source_line line;
	const char *file;
};

static void find_function(struct cursor *c, uint64_t pc)
{
	if (c->function && pc >= c->start && pc < c->end)
		return;
	target_symbols_lock(c->target);
	const struct symbol *symbol = symbols_find(c->target->symbols, pc);
	c->start = symbol ? symbol->start : pc;
	c->end = symbol ? symbol->start + symbol->size : pc + 1;
	target_symbols_unlock(c->target);
	c->function = names_now(c->names, c->start);
}

static void find_line(struct profile *p, struct cursor *c, uint64_t pc)
{
	const char *before = c->line.file;

	target_symbols_lock(c->target);
	if (!symbols_line(c->target->symbols, pc, &c->line) || !c->line.line)
		c->line = (struct source_line){ 0 };
	target_symbols_unlock(c->target);
	if (c->line.file != before)     /* the same text is mostly the same pointer */
		c->file = intern(p, c->line.file);
}

static void resolve(struct profile *p, struct cursor *c, const struct code *code, bool lines)
{
	uint64_t count = code->count;
	struct x86_insn insn;
	uint32_t at = 0, counted = 0;

	while (at < code->len) {
		int len = x86_decode(code->bytes + at, code->len - at, &insn);

		for (; code->corrections && counted <= at; counted++)
			count += code->corrections[counted];
		find_function(c, code->pc + at);
		if (lines)
			find_line(p, c, code->pc + at);
		if (count)
			add_line(p, c->function, c->file, c->line.line, count);
		at += len > 0 ? (uint32_t)len : code->len - at;
	}
}

void profile_resolve(struct profile *p, struct target *target, struct names *names, bool lines,
		     uint64_t start, uint64_t end)
{
	struct cursor c = { .target = target, .names = names };

	for (uint32_t i = 0; i < p->count; i++) {
		struct code *code = &p->codes[i];

		if (code->pc < start || code->pc >= end)
			continue;
		resolve(p, &c, code, lines);
		code->count = 0;        /* the same may come again, in another library */
		free(code->corrections);
		code->corrections = NULL;
	}
}

size_t profile_lines(const struct profile *p, const struct profile_line **out)
{
	*out = p->lines;
	return p->line_count;
}
