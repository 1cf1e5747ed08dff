/* view-coverage.c - every block once, at its first execution.
 *
 * There are no events in rings: the translator knows the blocks that have said that they
 * have run, and is asked for them in every round, while its lock is free.
 */
#include <stdlib.h>
#include <unistd.h>

#include "block-text.h"
#include "line.h"

#define BATCH 256
#define LAST_TRIES 2000         /* of a millisecond */

struct coverage {
	struct block_texts *texts;
	struct stream stands_for;       /* the process: which thread came first is not known */
	uint64_t round_ns;
};

static int begin(struct output *output, struct stream *stream)
{
	struct space *space = stream->space;
	struct coverage *c = space->view;

	stream->view = stream;
	if (c)
		return 0;
	c = calloc(1, sizeof *c);
	if (!c || !(c->texts = block_texts_create(output, space))) {
		free(c);
		return -1;
	}
	c->stands_for = (struct stream){ .tid = space->pid, .pid = space->pid, .space = space };
	space->view = c;
	return 0;
}

static void write_block(struct output *output, struct stream *stream, struct coverage *c,
			uint32_t index)
{
	const uint8_t wanted = FILTER_ONLY | FILTER_MODULE;
	const struct block_text *b = block_text(c->texts, index);

	if (!b || (b->filter & wanted) != wanted || b->filter & FILTER_NOT || !output_show(output))
		return;
	char *at = writer_room(stream->writer, JSON_BEGIN_BYTES + b->len);
	if (output->options->format == FORMAT_JSON)
		at = put_json_begin(output, &c->stands_for, at, "block", 0);
	else
		at = put_tid(&c->stands_for, at);
	writer_done(stream->writer, put_text(at, b->text, b->len));
}

/* From the first block on: any may have run meanwhile.  False: somebody else has the lock. */
static bool read_list(struct output *output, struct stream *stream)
{
	struct coverage *c = stream->space->view;
	uint32_t indexes[BATCH];
	size_t cursor = 0;
	ssize_t n;

	do {
		n = origin_covered(stream->origin, &cursor, indexes, BATCH);
		if (n < 0)
			return false;
		for (ssize_t i = 0; i < n; i++)
			write_block(output, stream, c, indexes[i]);
	} while (n == BATCH);
	return true;
}

static void idle(struct output *output, struct stream *stream)
{
	struct coverage *c = stream->space->view;

	if (c->round_ns != output->now_ns && read_list(output, stream))
		c->round_ns = output->now_ns;
}

/* Not by waiting for the lock: who has it may wait for a ring to be read. */
static void end(struct output *output, struct stream *stream)
{
	for (int i = 0; i < LAST_TRIES && !stream->is_muted && !read_list(output, stream); i++)
		usleep(1000);
	stream->view = NULL;
}

static void forget(struct output *output, struct stream *stream)
{
	while (!stream->is_muted && !read_list(output, stream))
		usleep(1000);
}

static void space_forget(struct output *output, struct space *space)
{
	struct coverage *c = space->view;

	(void)output;
	block_texts_clear(c->texts);
}

static void space_free(struct space *space)
{
	struct coverage *c = space->view;

	block_texts_destroy(c->texts);
	free(c);
}

const struct view view_coverage = {
	.name = "coverage", .begin = begin, .idle = idle, .end = end, .forget = forget,
	.space_forget = space_forget, .space_free = space_free,
};
