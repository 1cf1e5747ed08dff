#include "counted.h"

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

uint64_t counted_take(struct stream *stream, uint64_t start, uint64_t end,
		      const struct counted *counted)
{
	const struct translator *t = stream->target->translator;
	uint64_t *counters = counters_of(stream);
	const struct translate_counter *counter;
	uint64_t sum = 0;

	for (uint32_t i = 0; (counter = translator_counter(t, i)); i++) {
		uint64_t n = counters[i];

		if (!n)
			continue;
		const struct block *block = translator_block(t, counter->block);
		const struct site *site = counter->site == NO_SITE ? NULL :
					  translator_site(t, counter->site);
		if (!(block && is_in(block->pc.address, start, end)) &&
		    !(site && is_in(site->target, start, end)))
			continue;
		counters[i] = 0;
		sum += n;
		counted->add(counted->context, block, site, n);
	}
	return sum;
}

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
	return out->block && out->block->counter;
}

const struct site *counted_transfer(const struct stream *stream, const struct block *block)
{
	const struct translator *t = stream->target->translator;
	const struct translate_counter *counter =
		block->counter ? translator_counter(t, block->counter - 1) : NULL;

	return counter && counter->site != NO_SITE ? translator_site(t, counter->site) : NULL;
}
