#include "block-text.h"

#include <stdlib.h>
#include <string.h>

#include "decode.h"
#include "disassemble.h"
#include "json.h"
#include "line.h"

#define INSN_BYTES 15           /* the longest there is */

struct block_texts {
	struct output *output;
	struct space *space;
	struct block_text **items;      /* by block index */
	uint32_t room;
	const struct block_text **events;       /* by the event's word */
	uint32_t event_room;
	struct disassembler *disassembler;
};

struct block_texts *block_texts_create(struct output *output, struct space *space)
{
	struct block_texts *texts = calloc(1, sizeof *texts);

	if (!texts)
		return NULL;
	texts->output = output;
	texts->space = space;
	if (output->options->mode == MODE_INSNS)
		texts->disassembler = disassembler_create();
	return texts;
}

void block_texts_clear(struct block_texts *texts)
{
	for (uint32_t i = 0; i < texts->room; i++)
		if (texts->items[i]) {
			free(texts->items[i]->text);
			free(texts->items[i]->insns);
			free(texts->items[i]);
			texts->items[i] = NULL;
		}
	for (uint32_t i = 0; i < texts->event_room; i++)
		texts->events[i] = NULL;
}

void block_texts_destroy(struct block_texts *texts)
{
	block_texts_clear(texts);
	free(texts->items);
	free(texts->events);
	disassembler_destroy(texts->disassembler);
	free(texts);
}

/* ---- a block's line ---------------------------------------------------------------------- */

static bool is_json(const struct block_texts *texts)
{
	return texts->output->options->format == FORMAT_JSON;
}

/* Of a line about `name`, whose texts are made by that. */
static size_t line_room(struct block_texts *texts, const struct name *name)
{
	size_t room = LINE_SLACK + strlen(is_json(texts) ? name_json(name) : name_place(name));

	if (texts->output->options->mode == MODE_INSNS)
		room += JSON_STRING_ROOM(DISASSEMBLE_BYTES);
	if (!texts->output->options->lines)
		return room;
	return room + json_line_room(texts->space->names, name) +
	       strlen(name_line(texts->space->names, name));
}

size_t block_text_room(struct block_texts *texts, const struct block_text *b)
{
	return line_room(texts, b->name);
}

static char *put_json_place(struct block_texts *texts, char *at, const struct name *name)
{
	at = put_literal(at, ",\"pc\":\"");
	at = put_hex(at, name->address);
	*at++ = '"';
	at = put_text(at, name->json, name->json_len);
	if (*name->function || *name->module) {
		at = put_literal(at, ",\"offset\":");
		at = put_u64(at, *name->function ? name->address - name->start
						 : name->module_offset);
	}
	return texts->output->options->lines ? put_json_line(at, name) : at;
}

/* " (prog.c:17)" */
static char *put_line_note(struct block_texts *texts, char *at, const struct name *name)
{
	if (!texts->output->options->lines || !name->line_len)
		return at;
	at = put_literal(at, " (");
	at = put_text(at, name->line, name->line_len);
	*at++ = ')';
	return at;
}

char *put_block_text(struct block_texts *texts, char *at, const struct block_text *b, uint64_t end)
{
	const struct name *name = b->name;

	if (is_json(texts)) {
		at = put_json_place(texts, at, name);
		at = put_literal(at, ",\"size\":");
		at = put_u64(at, end - name->address);
		return put_literal(at, "}\n");
	}
	at = put_text(at, name->place, name->place_len);
	*at++ = ' ';
	at = put_hex(at, name->address);
	*at++ = '-';
	at = put_hex(at, end);
	at = put_line_note(texts, at, name);
	*at++ = '\n';
	return at;
}

/* There are many of them: none keeps the room that it might have needed. */
static void shrink(struct block_text *b)
{
	char *text = b->len ? realloc(b->text, b->len) : NULL;

	if (text)
		b->text = text;
}

static bool make_block(struct block_texts *texts, struct block_text *b)
{
	b->text = malloc(line_room(texts, b->name));
	if (!b->text)
		return false;
	char *end = put_block_text(texts, b->text, b, b->block->pc.address + b->block->bytes_len);
	b->len = (uint32_t)(end - b->text);
	shrink(b);
	return true;
}

/* ---- an instruction's line ------------------------------------------------------------------ */

static char *put_insn_line(struct block_texts *texts, char *at, const struct name *name,
			   const uint8_t *bytes, size_t len)
{
	if (is_json(texts)) {
		char text[DISASSEMBLE_BYTES];
		char *end = disassemble(texts->disassembler, text, bytes, len, name->address);

		at = put_json_place(texts, at, name);
		at = put_literal(at, ",\"size\":");
		at = put_u64(at, len);
		at = put_literal(at, ",\"text\":");
		at = json_bytes(at, text, (size_t)(end - text));
		return put_literal(at, "}\n");
	}
	at = put_hex(at, name->address);
	*at++ = ' ';
	at = put_text(at, name->place, name->place_len);
	at = put_literal(at, "  ");
	at = disassemble(texts->disassembler, at, bytes, len, name->address);
	at = put_line_note(texts, at, name);
	*at++ = '\n';
	return at;
}

/* The length of the instruction: the translator's decoder knows them all.  What it
 * does not know ends the block. */
static size_t insn_len(const uint8_t *bytes, size_t left)
{
	struct x86_insn insn;
	int len = x86_decode(bytes, left, &insn);

	if (len > 0 && (size_t)len <= left)
		return (size_t)len;
	return left < INSN_BYTES ? left : INSN_BYTES;
}

static bool add_insn(struct block_texts *texts, struct block_text *b, uint32_t *room,
		     const uint8_t *bytes, size_t len, uint64_t pc)
{
	const struct name *name = names_now(texts->space->names, pc);
	size_t wanted = b->len + line_room(texts, name);

	if (wanted > *room) {
		char *grown = realloc(b->text, wanted * 2);

		if (!grown)
			return false;
		b->text = grown;
		*room = (uint32_t)wanted * 2;
	}
	char *end = put_insn_line(texts, b->text + b->len, name, bytes, len);
	b->insns[b->insn_count++] = (struct insn_text){
		pc, b->len, (uint32_t)(end - b->text) - b->len };
	b->len = (uint32_t)(end - b->text);
	return true;
}

static bool make_insns(struct block_texts *texts, struct block_text *b)
{
	const struct block *block = b->block;
	uint32_t room = 0;

	b->insns = calloc(block->insn_count + 1ul, sizeof *b->insns);
	if (!b->insns)
		return false;
	for (uint32_t at = 0; at < block->bytes_len && b->insn_count <= block->insn_count;) {
		size_t len = insn_len(block->bytes + at, block->bytes_len - at);

		if (!add_insn(texts, b, &room, block->bytes + at, len, block->pc.address + at))
			return false;
		at += (uint32_t)len;
	}
	shrink(b);
	return true;
}

/* ---- by index ---------------------------------------------------------------------------------- */

/* As realloc() of `*room` pointers, the new ones NULL, so that `index` is one of them;
 * NULL: out of memory. */
static void *grow(void *items, uint32_t *room, uint32_t index)
{
	uint32_t wanted = *room ? *room : 4096;

	while (wanted <= index)
		wanted *= 2;
	void **grown = realloc(items, wanted * sizeof *grown);
	if (!grown)
		return NULL;
	memset(grown + *room, 0, (wanted - *room) * sizeof *grown);
	*room = wanted;
	return grown;
}

static bool make_room(struct block_texts *texts, uint32_t index)
{
	struct block_text **grown = grow(texts->items, &texts->room, index);

	if (grown)
		texts->items = grown;
	return grown != NULL;
}

static struct block_text *make(struct block_texts *texts, uint32_t index)
{
	const struct block *block = origin_block(texts->space->origin, index);
	struct block_text *b = block ? calloc(1, sizeof *b) : NULL;

	if (!b)
		return NULL;
	b->block = block;
	b->name = names_of_index(texts->space->names, index, block->pc.address);
	b->filter = b->name->filter;
	if (texts->output->options->mode == MODE_INSNS ? make_insns(texts, b)
						       : make_block(texts, b))
		return b;
	free(b->text);
	free(b->insns);
	free(b);
	return NULL;
}

const struct block_text *block_text(struct block_texts *texts, uint32_t index)
{
	if (index < texts->room && texts->items[index])
		return texts->items[index];
	if (index >= texts->room && !make_room(texts, index))
		return NULL;
	return texts->items[index] = make(texts, index);
}

const struct block_text *const *block_text_events(const struct block_texts *texts, uint32_t *room)
{
	*room = texts->event_room;
	return texts->events;
}

void block_text_learn(struct block_texts *texts, uint32_t event, const struct block_text *b)
{
	if (event >= texts->event_room) {
		const struct block_text **grown = grow(texts->events, &texts->event_room, event);

		if (!grown)
			return;
		texts->events = grown;
	}
	texts->events[event] = b;
}
