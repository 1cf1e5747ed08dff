/* view-watch.c - accesses that translated code has reported: they come in one queue,
 * not in the threads' rings. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output-internal.h"
#include "record.h"
#include "view-watch.h"
#include "watch-place.h"
#include "watch-queue.h"
#include "watch-show.h"

#define BATCH 256

/* A part of a larger place is named by its offset. */
static const char *part_name(const struct place *place, uint64_t address, unsigned len, char *buf,
			     size_t room)
{
	if (address == place->address && len == place->len)
		return place->text;
	snprintf(buf, room, "%s+0x%" PRIx64, place->text, address - place->address);
	return buf;
}

static bool is_wanted(const struct options *o, pid_t tid)
{
	for (size_t i = 0; i < o->tid_count; i++)
		if (o->tids[i] == tid)
			return true;
	return !o->tid_count;
}

void view_watch_show(struct output *output, struct symbols *symbols, const struct place *place,
		     struct watch_hit *hit)
{
	char name[1024];

	if (!is_wanted(output->options, hit->tid) || !output_show(output))
		return;
	output->events++;
	if (output->recording) {
		record_access(output, symbols, place, hit);
	} else if (output->options->summary) {
		if (!output->view_data)
			output->view_data = watch_table_create();
		hit->where = place->text;
		if (output->view_data)
			watch_table_add(output->view_data, symbols, hit);
	} else {
		hit->where = part_name(place, hit->address, hit->len, name, sizeof name);
		watch_show(&output->main, output->options, symbols, hit);
	}
}

static void show(struct output *output, const struct watch_event *e)
{
	const struct place *place = &e->target->places[e->place];
	struct watch_hit hit = {
		.tid = e->tid, .pid = e->pid, .type = &place->type, .address = e->address,
		.len = e->len, .old = (const uint8_t *)&e->old, .new = (const uint8_t *)&e->new,
		.pc = e->pc, .what = e->what, .number = e->number, .stack = e->stack,
	};

	target_symbols_lock(e->target);
	view_watch_show(output, e->target->symbols, place, &hit);
	target_symbols_unlock(e->target);
}

bool view_watch_round(struct output *output)
{
	static struct watch_event events[BATCH];
	bool any = false;
	size_t n;

	do {
		n = watch_queue_take(output->watches, events, BATCH);
		for (size_t i = 0; i < n; i++) {
			show(output, &events[i]);
			free(events[i].stack);
		}
		any |= n > 0;
	} while (n == BATCH);
	if (any)
		watch_queue_done(output->watches);
	return any;
}

void view_watch_finish(struct output *output)
{
	watch_queue_close(output->watches);
	view_watch_round(output);
	record_finish(output);
	if (output->options->summary && !output->view_data)
		output->view_data = watch_table_create();
	if (output->options->summary && output->view_data)
		watch_table_write(output->view_data, &output->main, output->options);
	watch_table_destroy(output->view_data);
	output->view_data = NULL;
}

const struct view view_watch = { .name = "watch", .round = view_watch_round,
				.finish = view_watch_finish };
