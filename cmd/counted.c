#include "counted.h"

#include "session.h"
#include "target.h"

static uint64_t *counters_of(const struct stream *stream)
{
	const struct target *target = stream->target;

	return (uint64_t *)((uint8_t *)stream->thread->tb + target->counters_at);
}

static bool is_in(uint64_t pc, uint64_t start, uint64_t end)
{
	return pc >= start && pc < end;
}

/* ---- paths ------------------------------------------------------------------------------ */

struct counted_path counted_path_begin(const struct stream *stream, const struct site *site)
{
	return (struct counted_path){
		.translator = stream->target->translator,
		.block = translator_block(stream->target->translator, site->block),
		.left = site->size ? site->size : 1,
		.is_last = true,
	};
}

bool counted_path_next(struct counted_path *path)
{
	if (!path->is_last && path->block)
		path->block = translator_block(path->translator, path->block->before);
	if (!path->left || !path->block)
		return false;
	uint32_t transfer = path->block->transfer;
	if (!transfer && !path->is_last)
		transfer = path->block->passes;
	path->transfer = transfer ? translator_site(path->translator, transfer - 1) : NULL;
	path->is_last = false;
	path->left--;
	return true;
}

bool counted_touches(const struct stream *stream, const struct site *site, uint64_t start, uint64_t end)
{
	if (site->kind != SITE_BLOCK)
		return is_in(site->target, start, end);
	struct counted_path path = counted_path_begin(stream, site);
	while (counted_path_next(&path))
		if (is_in(path.block->pc.address, start, end) ||
		    (path.transfer && is_in(path.transfer->target, start, end)))
			return true;
	return false;
}

/* ---- counters ---------------------------------------------------------------------------- */

uint64_t counted_take(struct stream *stream, uint64_t start, uint64_t end,
		      const struct counted *counted)
{
	const struct translator *t = stream->target->translator;
	uint64_t *counters = counters_of(stream);
	const struct translate_counter *counter;
	uint64_t sum = 0;

	for (uint32_t i = 0; (counter = translator_counter(t, i)); i++) {
		uint64_t n = counters[i];
		const struct site *site = n ? translator_site(t, counter->site) : NULL;

		if (!site || !counted_touches(stream, site, start, end))
			continue;
		counters[i] = 0;
		sum += n;
		counted->add(counted->context, site, n);
	}
	return sum;
}

/* ---- cuts -------------------------------------------------------------------------------- */

bool counted_cut(const struct stream *stream, const struct record *record,
		 struct counted_cut *out)
{
	const struct site *site = record->site;
	bool has_payload = site->flags & SITE_HAS_EXTRA;

	*out = (struct counted_cut){
		.block = translator_block(stream->target->translator,
					  has_payload ? record->extra[4] : site->block),
		.end = has_payload ? record->extra[0] | (uint64_t)record->extra[1] << 32 : site->pc,
		.was_counted = !has_payload || !record->extra[5],
	};
	return out->block && (out->block->counter || stream->target->session->counts_paths);
}

const struct site *counted_transfer(const struct stream *stream, const struct block *block)
{
	const struct translator *t = stream->target->translator;
	const struct translate_counter *counter =
		block->counter ? translator_counter(t, block->counter - 1) : NULL;

	if (block->transfer)
		return translator_site(t, block->transfer - 1);
	return counter ? translator_site(t, counter->site) : NULL;
}
