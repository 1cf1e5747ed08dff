/* view-watch.c - accesses that translated code has reported. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "output-internal.h"
#include "watch-place.h"
#include "watch-show.h"

static uint64_t pair(const uint32_t *words)
{
	return words[0] | (uint64_t)words[1] << 32;
}

/* A part of a larger place is named by its offset. */
static const char *part_name(const struct place *place, uint64_t address, unsigned len, char *buf,
			     size_t room)
{
	if (address == place->address && len == place->len)
		return place->text;
	snprintf(buf, room, "%s+0x%" PRIx64, place->text, address - place->address);
	return buf;
}

static void event(struct output *output, struct stream *stream, const struct record *r)
{
	struct target *target = stream->target;
	const uint32_t *x = r->extra;
	char name[1024];

	if (r->site->kind != SITE_STORE || x[0] >= target->place_count || x[6] > 8 ||
	    !output_show(output))
		return;
	uint64_t old = pair(x + 7), new = pair(x + 9);
	struct watch_hit hit = {
		.tid = stream->tid, .pid = stream->pid, .address = pair(x + 4), .len = x[6],
		.old = (uint8_t *)&old, .new = (uint8_t *)&new, .pc = pair(x + 2),
		.is_write = x[1],
	};

	hit.where = part_name(&target->places[x[0]], hit.address, hit.len, name, sizeof name);
	target_symbols_lock(target);
	watch_show(stream->writer, output->options, target->symbols, &hit);
	target_symbols_unlock(target);
}

const struct view view_watch = { .name = "watch", .event = event };
