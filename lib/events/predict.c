#include "predict.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_BITS 14
#define TABLE_SIZE (1u << TABLE_BITS)
#define GROUP 64                /* events that are looked at together */
#define REGULAR 56              /* hits of a group that make the next one worth a branch */
#define AHEAD 16                /* events: so far away is what is fetched in time */
#define PAYLOAD (SITE_HAS_SP | SITE_HAS_TARGET | SITE_HAS_COUNT | SITE_HAS_ACCESS | \
		 SITE_HAS_TSC | SITE_HAS_EXTRA)
#define ALWAYS_INLINE inline __attribute__((always_inline))

/* ---- shapes ------------------------------------------------------------------------------ */

uint32_t shape_flags(const struct site *site)
{
	unsigned words = event_words_of(site->flags);

	if (site->flags & ~(PAYLOAD | SITE_AFTER_CALL))
		return 0;
	if (site->flags & SITE_HAS_EXTRA ? words != 0 : words != site->words)
		return 0;
	uint32_t count = site->kind == SITE_BLOCK && site->size ? site->size : 1;

	return site->flags | SHAPE_KNOWN | (event_is_own(site->kind) ? SHAPE_OWN : 0) |
	       (uint32_t)site->words << SHAPE_WORDS_SHIFT | count << SHAPE_COUNT_SHIFT;
}

int shapes_set(struct shapes *shapes, uint32_t index, struct shape shape)
{
	if (index >= shapes->room) {
		uint32_t room = shapes->room ? shapes->room : 4096;

		while (room <= index)
			room *= 2;
		struct shape *grown = realloc(shapes->items, room * sizeof *grown);
		if (!grown)
			return -ENOMEM;
		memset(grown + shapes->room, 0, (room - shapes->room) * sizeof *grown);
		shapes->items = grown;
		shapes->room = room;
	}
	shapes->items[index] = shape;
	return 0;
}

void shapes_clear(struct shapes *shapes)
{
	if (shapes->items)
		memset(shapes->items, 0, shapes->room * sizeof *shapes->items);
}

void shapes_deinit(struct shapes *shapes)
{
	free(shapes->items);
	*shapes = (struct shapes){ 0 };
}

/* ---- the tables ---------------------------------------------------------------------------- */

int predictor_init(struct predictor *p)
{
	*p = (struct predictor){ .ids = calloc(TABLE_SIZE, sizeof *p->ids) };
	return p->ids ? 0 : -ENOMEM;
}

void predictor_deinit(struct predictor *p)
{
	free(p->ids);
	free(p->stacks);
	free(p->targets);
	*p = (struct predictor){ 0 };
}

void predictor_reset(struct predictor *p)
{
	memset(p->ids, 0, TABLE_SIZE * sizeof *p->ids);
	if (p->stacks)
		memset(p->stacks, 0, TABLE_SIZE * sizeof *p->stacks);
	if (p->targets)
		memset(p->targets, 0, TABLE_SIZE * sizeof *p->targets);
	p->last = p->stack = 0;
	p->value = p->time = 0;
}

static bool has_tables(struct predictor *p, unsigned shape)
{
	if (shape & SITE_HAS_SP && !p->stacks)
		p->stacks = calloc(TABLE_SIZE, sizeof *p->stacks);
	if (shape & SITE_HAS_TARGET && !p->targets)
		p->targets = calloc(TABLE_SIZE, sizeof *p->targets);
	return !(shape & SITE_HAS_SP && !p->stacks) && !(shape & SITE_HAS_TARGET && !p->targets);
}

static ALWAYS_INLINE uint32_t slot_of(uint32_t last)
{
	return last * 0x9e3779b1u >> (32 - TABLE_BITS);
}

static ALWAYS_INLINE uint64_t wide(const uint32_t *words)
{
	return words[0] | (uint64_t)words[1] << 32;
}

/* Payload words of an event with this id. */
static ALWAYS_INLINE bool fits(uint32_t id, unsigned shape)
{
	return event_words(id) == (shape >> SHAPE_WORDS_SHIFT & EVENT_WORDS_MAX);
}

/* ---- to bytes -------------------------------------------------------------------------------- */

struct encoder {
	struct predictor *p;
	const struct shapes *shapes;
	struct trace_bytes *out;
	/* the ends of the sections, for which room has been made */
	uint32_t *ids, *stacks;
	uint64_t *targets;
	uint8_t *values, *times;
	bool is_regular;                /* most of the last group were hits */
};

static ALWAYS_INLINE void encode_rest(struct encoder *e, unsigned shape, const uint32_t *words,
				      unsigned count)
{
	struct predictor *p = e->p;

	if (shape & (SITE_HAS_COUNT | SITE_HAS_ACCESS)) {
		unsigned numbers = !!(shape & SITE_HAS_COUNT) + !!(shape & SITE_HAS_ACCESS);

		for (; numbers; numbers--, words += 2) {
			e->values = trace_number(e->values, trace_fold(wide(words) - p->value));
			p->value = wide(words);
		}
	}
	if (shape & SITE_HAS_TSC) {
		e->times = trace_number(e->times, wide(words) - p->time);
		p->time = wide(words);
	}
	if (shape & SITE_HAS_EXTRA)
		for (unsigned i = 0; i < count; i++)
			e->values = trace_number(e->values, words[i]);
}

/* It comes first from now on, and what was first is second. */
static ALWAYS_INLINE void put_first(struct predicted_pair *pair, uint32_t first)
{
	pair->second = pair->first;
	pair->first = first;
}

/* The same unless it is the first already.  Without a branch, and so that who reads the first next
 * need not wait for what was compared. */
static ALWAYS_INLINE void put_first_unless(bool hit, struct predicted_pair *pair, uint32_t first)
{
	uint32_t old = pair->first, second = pair->second;

	pair->first = first;
	pair->second = old ^ ((old ^ second) & -(uint32_t)hit);
}

/* An event that is not the first that the tables have for `slot`: it is from now on. */
static void encode_other(struct encoder *e, unsigned shape, uint32_t slot, uint32_t id, uint32_t stack,
			 uint64_t target, bool is_second)
{
	struct predictor *p = e->p;

	put_first(&p->ids[slot], id);
	if (!is_second)
		*e->ids++ = id;
	if (shape & SITE_HAS_SP) {
		put_first(&p->stacks[slot], stack);
		if (!is_second)
			*e->stacks++ = stack;
	}
	if (shape & SITE_HAS_TARGET) {
		p->targets[slot] = (struct predicted_targets){ target, p->targets[slot].first };
		if (!is_second)
			*e->targets++ = target;
	}
}

/* Bits of a group of events. */
struct bits {
	uint64_t bits;
	unsigned count;
};

/* Is it as the tables say? */
static ALWAYS_INLINE bool encode_event(struct encoder *e, struct shape known, const uint32_t *words,
				       struct bits *seconds)
{
	struct predictor *p = e->p;
	unsigned shape = known.flags;
	uint32_t id = event_id(known.number, event_words(*words++)), slot = slot_of(p->last), stack = 0;
	bool hit = p->ids[slot].first == id, second = p->ids[slot].second == id;
	uint64_t target = 0;

	if (shape & SITE_HAS_SP) {
		stack = *words - p->stack;
		p->stack = *words++;
		hit &= p->stacks[slot].first == stack;
		second &= p->stacks[slot].second == stack;
	}
	if (shape & SITE_HAS_TARGET) {
		target = wide(words);
		words += 2;
		hit &= p->targets[slot].first == target;
		second &= p->targets[slot].second == target;
	}
	if (!hit) {
		encode_other(e, shape, slot, id, stack, target, second);
		seconds->bits |= (uint64_t)second << seconds->count++;
	}
	p->last = id;
	if (shape & (SITE_HAS_COUNT | SITE_HAS_ACCESS | SITE_HAS_TSC | SITE_HAS_EXTRA))
		encode_rest(e, shape, words, event_words(id));
	return hit;
}

static ALWAYS_INLINE bool put_bits(struct trace_bytes *out, uint64_t bits, unsigned count)
{
	uint8_t *at = trace_bytes_room(out, 8);

	if (!at)
		return false;
	memcpy(at, &bits, 8);
	out->len += (count + 7) / 8;
	return true;
}

/* Most events have no payload, or the stack pointer, or that and a time stamp: so many
 * words.  As many of them as come one after the other, `max` at most; *words_end: where
 * they end.  Made in a version for each, with all in registers; and without a branch on
 * what is a hit, as that is anybody's guess, or `regular`, with one, as it is no guess then. */
static ALWAYS_INLINE unsigned encode_usual(struct encoder *e, const uint32_t **words_end,
					   const uint32_t *end, unsigned max, uint64_t *hits,
					   struct bits *seconds, size_t *paths, const unsigned payload,
					   const bool regular)
{
	const bool called = payload >= 1, timed = payload == 3;
	const uint32_t wanted = (called ? SITE_HAS_SP : 0u) | (timed ? SITE_HAS_TSC : 0u) |
				SHAPE_KNOWN | payload << SHAPE_WORDS_SHIFT;
	const uint32_t compared = PAYLOAD | SHAPE_KNOWN | 15u << SHAPE_WORDS_SHIFT;
	const struct shape *shapes = e->shapes->items;
	const uint32_t room = e->shapes->room, *words = *words_end;
	struct predictor *p = e->p;
	uint32_t *ids = e->ids, *stacks = e->stacks, last = p->last, stack = p->stack;
	struct predicted_pair *known_ids = p->ids, *known_stacks = p->stacks;
	uint64_t bits = 0, time = p->time;
	struct bits others = *seconds;
	uint8_t *times = e->times;
	size_t whole = (size_t)(end - words) / (1 + payload);
	unsigned count = 0, told = 0;

	if (whole < max)
		max = (unsigned)whole;
	for (; count < max; count++) {
		/* with payload 0 an id is its index, or beyond all room */
		uint32_t index = payload ? event_index(words[0]) : words[0];

		/* a large program has more sites than a cache has room for */
		if (AHEAD < (size_t)(end - words) / (1 + payload))
			__builtin_prefetch(&shapes[event_index(words[AHEAD * (1 + payload)])]);

		if (index >= room)
			break;
		struct shape shape = shapes[index];
		if ((shape.flags & compared) != wanted || (payload && event_words(words[0]) != payload))
			break;
		uint32_t id = event_id(shape.number, payload), slot = slot_of(last);
		bool hit = known_ids[slot].first == id, second = known_ids[slot].second == id;

		if (called) {
			uint32_t step = words[1] - stack;

			hit &= known_stacks[slot].first == step;
			second &= known_stacks[slot].second == step;
			if (!regular || !hit) {
				put_first_unless(hit, &known_stacks[slot], step);
				*stacks = step;
				stacks += !hit & !second;
			}
			stack = words[1];
		}
		if (!regular || !hit) {
			put_first_unless(hit, &known_ids[slot], id);
			*ids = id;
			ids += !hit & !second;
			others.bits |= (uint64_t)(!hit & second) << others.count;
			others.count += !hit;
		}
		bits |= (uint64_t)hit << count;
		told += shape.flags >> SHAPE_COUNT_SHIFT;
		last = id;
		if (timed) {
			times = trace_number(times, wide(words + 2) - time);
			time = wide(words + 2);
		}
		words += 1 + payload;
	}
	e->ids = ids;
	e->stacks = stacks;
	e->times = times;
	p->last = last;
	p->stack = stack;
	p->time = time;
	*words_end = words;
	*hits = bits;
	*seconds = others;
	*paths += told - count;
	return count;
}

/* Any event.  Where it ends; NULL: it has no shape, or is cut at the end. */
static const uint32_t *encode_any(struct encoder *e, const uint32_t *words, const uint32_t *end,
				  uint64_t *hit, struct bits *seconds, struct predicted *did)
{
	uint32_t id = words[0];
	struct shape shape = shape_of(e->shapes, event_index(id));

	if (!shape.flags || !fits(id, shape.flags) || (size_t)(end - words) <= event_words(id) ||
	    !has_tables(e->p, shape.flags))
		return NULL;
	*hit = encode_event(e, shape, words, seconds);
	did->own += !!(shape.flags & SHAPE_OWN);
	did->paths += (shape.flags >> SHAPE_COUNT_SHIFT) - 1;
	return words + 1 + event_words(id);
}

#define ENCODE_USUAL(payload, regular) \
	encode_usual(e, &at, end, max - count, &bits, seconds, &did->paths, payload, regular)

/* Up to GROUP events.  Their number; 0: none can be. */
static unsigned encode_group(struct encoder *e, const uint32_t *words, size_t n, unsigned max,
			     uint64_t *hits, struct bits *seconds, struct predicted *did)
{
	const uint32_t *at = words, *end = words + n;
	unsigned count = 0;

	*hits = 0;
	*seconds = (struct bits){ 0, 0 };
	while (count < max && at < end) {
		uint64_t bits = 0;
		unsigned payload = event_words(*at), usual = 0;

		if (payload == 0)
			usual = e->is_regular ? ENCODE_USUAL(0, true) : ENCODE_USUAL(0, false);
		else if (payload == 1 && e->p->stacks)
			usual = e->is_regular ? ENCODE_USUAL(1, true) : ENCODE_USUAL(1, false);
		else if (payload == 3 && e->p->stacks)
			usual = e->is_regular ? ENCODE_USUAL(3, true) : ENCODE_USUAL(3, false);
		if (!usual) {
			const uint32_t *next = encode_any(e, at, end, &bits, seconds, did);

			if (!next)
				break;
			at = next;
			usual = 1;
		}
		*hits |= bits << count;
		count += usual;
	}
	did->words += (size_t)(at - words);
	did->events += count;
	return count;
}

/* Room for all that a group can take. */
static bool encoder_begin(struct encoder *e, struct trace_bytes out[TRACE_SECTIONS])
{
	e->ids = (uint32_t *)trace_bytes_room(&out[TRACE_IDS], GROUP * 4 + 4);
	e->stacks = (uint32_t *)trace_bytes_room(&out[TRACE_STACKS], GROUP * 4 + 4);
	e->targets = (uint64_t *)trace_bytes_room(&out[TRACE_TARGETS], GROUP * 8);
	e->values = trace_bytes_room(&out[TRACE_VALUES], GROUP * EVENT_WORDS_MAX * TRACE_NUMBER_BYTES);
	e->times = trace_bytes_room(&out[TRACE_TIMES], GROUP * TRACE_NUMBER_BYTES);
	return e->ids && e->stacks && e->targets && e->values && e->times;
}

static void encoder_end(const struct encoder *e, struct trace_bytes out[TRACE_SECTIONS])
{
	out[TRACE_IDS].len = (size_t)((uint8_t *)e->ids - out[TRACE_IDS].data);
	out[TRACE_STACKS].len = (size_t)((uint8_t *)e->stacks - out[TRACE_STACKS].data);
	out[TRACE_TARGETS].len = (size_t)((uint8_t *)e->targets - out[TRACE_TARGETS].data);
	out[TRACE_VALUES].len = (size_t)(e->values - out[TRACE_VALUES].data);
	out[TRACE_TIMES].len = (size_t)(e->times - out[TRACE_TIMES].data);
}

int predict_encode(struct predictor *p, const struct shapes *shapes, const uint32_t *words,
		   size_t n, size_t max_events, struct trace_bytes out[TRACE_SECTIONS],
		   struct predicted *did)
{
	struct encoder e = { .p = p, .shapes = shapes, .out = out };

	*did = (struct predicted){ 0 };
	while (did->words < n && did->events < max_events) {
		size_t left = n - did->words, may = max_events - did->events;
		struct bits seconds;
		uint64_t hits;

		if (!encoder_begin(&e, out))
			return -ENOMEM;
		unsigned count = encode_group(&e, words + did->words, left,
					      may < GROUP ? (unsigned)may : GROUP, &hits, &seconds, did);
		encoder_end(&e, out);
		e.is_regular = __builtin_popcountll(hits) >= REGULAR;
		if (count && (!put_bits(&out[TRACE_HITS], hits, count) ||
			      !put_bits(&out[TRACE_SECONDS], seconds.bits, seconds.count)))
			return -ENOMEM;
		if (count < GROUP)
			break;
	}
	return 0;
}

/* ---- from bytes -------------------------------------------------------------------------------- */

static ALWAYS_INLINE uint32_t get_4(struct trace_cursor *c)
{
	uint32_t value = 0;

	if (trace_left(c) < 4) {
		c->failed = true;
		return 0;
	}
	memcpy(&value, c->at, 4);
	c->at += 4;
	return value;
}

static ALWAYS_INLINE uint64_t get_8(struct trace_cursor *c)
{
	uint64_t low = get_4(c);

	return low | (uint64_t)get_4(c) << 32;
}

static ALWAYS_INLINE uint32_t *put_wide(uint32_t *words, uint64_t value)
{
	words[0] = (uint32_t)value;
	words[1] = (uint32_t)(value >> 32);
	return words + 2;
}

static uint32_t *decode_rest(struct predictor *p, unsigned shape, unsigned count, bool drops_time,
			     struct trace_cursor in[TRACE_SECTIONS], uint32_t *words)
{
	unsigned numbers = !!(shape & SITE_HAS_COUNT) + !!(shape & SITE_HAS_ACCESS);

	for (; numbers; numbers--) {
		p->value += trace_unfold(trace_get_number(&in[TRACE_VALUES]));
		words = put_wide(words, p->value);
	}
	if (shape & SITE_HAS_TSC) {
		p->time += trace_get_number(&in[TRACE_TIMES]);
		if (!drops_time)
			words = put_wide(words, p->time);
	}
	if (shape & SITE_HAS_EXTRA)
		for (unsigned i = 0; i < count; i++)
			*words++ = (uint32_t)trace_get_number(&in[TRACE_VALUES]);
	return words;
}

/* Which of those that the tables have. */
enum rank { RANK_FIRST, RANK_SECOND, RANK_NONE };

/* Exchanges the two of a pair. */
static ALWAYS_INLINE void turn(struct predicted_pair *pair)
{
	put_first(pair, pair->second);
}

/* The event comes first from now on. */
static void decode_other(struct predictor *p, unsigned shape, uint32_t slot, uint32_t id, enum rank rank,
			 struct trace_cursor in[TRACE_SECTIONS])
{
	if (rank == RANK_SECOND) {
		turn(&p->ids[slot]);
		if (shape & SITE_HAS_SP)
			turn(&p->stacks[slot]);
		if (shape & SITE_HAS_TARGET)
			p->targets[slot] = (struct predicted_targets){ p->targets[slot].second,
								       p->targets[slot].first };
		return;
	}
	put_first(&p->ids[slot], id);
	if (shape & SITE_HAS_SP)
		put_first(&p->stacks[slot], get_4(&in[TRACE_STACKS]));
	if (shape & SITE_HAS_TARGET)
		p->targets[slot] = (struct predicted_targets){ get_8(&in[TRACE_TARGETS]),
							       p->targets[slot].first };
}

/* The end of the event in `words`; NULL: it makes no sense. */
static ALWAYS_INLINE uint32_t *decode_event(struct predictor *p, const struct shapes *shapes,
					    enum rank rank, bool drops_time,
					    struct trace_cursor in[TRACE_SECTIONS], uint32_t *words)
{
	uint32_t slot = slot_of(p->last);
	uint32_t id = rank == RANK_FIRST ? p->ids[slot].first :
		      rank == RANK_SECOND ? p->ids[slot].second : get_4(&in[TRACE_IDS]);
	unsigned shape = shape_of(shapes, event_index(id)).flags;

	if (!shape || !fits(id, shape) || !has_tables(p, shape))
		return NULL;
	if (rank != RANK_FIRST)
		decode_other(p, shape, slot, id, rank, in);
	p->last = id;
	if (drops_time && shape & SITE_HAS_TSC)
		*words++ = event_id(event_index(id), event_words(id) - 2);
	else
		*words++ = id;
	if (shape & SITE_HAS_SP)
		*words++ = p->stack += p->stacks[slot].first;
	if (shape & SITE_HAS_TARGET)
		words = put_wide(words, p->targets[slot].first);
	if (shape & (SITE_HAS_COUNT | SITE_HAS_ACCESS | SITE_HAS_TSC | SITE_HAS_EXTRA))
		words = decode_rest(p, shape, event_words(id), drops_time, in, words);
	return words;
}

/* Up to 64 bits.  False: there are not so many. */
static bool get_bits(struct trace_cursor *c, unsigned count, uint64_t *out)
{
	const uint8_t *at = trace_get_bytes(c, (count + 7) / 8);

	*out = 0;
	if (at)
		memcpy(out, at, (count + 7) / 8);
	return at;
}

/* The bits of a group of events. */
static bool get_group(struct trace_cursor in[TRACE_SECTIONS], unsigned count, uint64_t *hits, uint64_t *seconds)
{
	uint64_t events = count < 64 ? (1ull << count) - 1 : ~0ull;

	return get_bits(&in[TRACE_HITS], count, hits) &&
	       get_bits(&in[TRACE_SECONDS], (unsigned)__builtin_popcountll(~*hits & events), seconds);
}

int predict_decode(struct predictor *p, const struct shapes *shapes, size_t n, bool drops_time,
		   struct trace_cursor in[TRACE_SECTIONS], uint32_t *words, size_t *word_count)
{
	uint32_t *at = words;

	for (size_t done = 0; done < n; done += GROUP) {
		unsigned count = n - done < GROUP ? (unsigned)(n - done) : GROUP;
		uint64_t hits, seconds;

		if (!get_group(in, count, &hits, &seconds))
			return -EBADMSG;
		for (unsigned i = 0; i < count; i++, hits >>= 1) {
			enum rank rank = hits & 1 ? RANK_FIRST : seconds & 1 ? RANK_SECOND : RANK_NONE;

			seconds >>= !(hits & 1);
			at = decode_event(p, shapes, rank, drops_time, in, at);
			if (!at)
				return -EBADMSG;
		}
	}
	*word_count = (size_t)(at - words);
	for (int s = 0; s < TRACE_SECTIONS; s++)
		if (in[s].failed)
			return -EBADMSG;
	return 0;
}
