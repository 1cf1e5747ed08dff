/* block-text.h - the text of basic blocks, made once each.
 *
 * What a line says of a block or of an instruction stands in the bytes that were
 * translated, so it is kept: printing one again is a copy.  For the output thread.
 */
#ifndef TRACER_BLOCK_TEXT_H
#define TRACER_BLOCK_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "output-internal.h"

struct insn_text {
	uint64_t pc;
	uint32_t at, len;               /* the line in `text`, with its newline */
};

struct block_text {
	const struct block *block;
	const struct name *name;        /* of the block's start */
	uint8_t filter;                 /* the name's */
	uint32_t len;
	char *text;
	/* of --insns */
	struct insn_text *insns;
	uint32_t insn_count;
};

struct block_texts;

struct block_texts *block_texts_create(struct output *output, struct space *space);
void block_texts_destroy(struct block_texts *texts);

/* Forgets all of them: blocks will be numbered anew. */
void block_texts_clear(struct block_texts *texts);

/* The lines of block number `index`, without their beginning (columns, thread):
 * of the block itself, or of its instructions.  NULL: out of memory. */
const struct block_text *block_text(struct block_texts *texts, uint32_t index);

/* The same by the event that says that it is entered, as far as that is known: a table of
 * `*room` entries by the event's first word, NULL where it is not.  Until the next call of
 * any of these functions. */
const struct block_text *const *block_text_events(const struct block_texts *texts, uint32_t *room);
void block_text_learn(struct block_texts *texts, uint32_t event, const struct block_text *b);

/* The line of a block that ended early, before `end`; `at` has room for
 * block_text_room() bytes. */
size_t block_text_room(struct block_texts *texts, const struct block_text *b);
char *put_block_text(struct block_texts *texts, char *at, const struct block_text *b, uint64_t end);

#endif
