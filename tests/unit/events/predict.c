#include "predict.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SITES 40u
#define WORDS_MAX 20000u

/* Both sides of a codec, and the sites that both know. */
struct rig {
	struct site sites[SITES];
	struct shapes written, read;
	struct predictor writer, reader;
	struct trace_bytes out[TRACE_SECTIONS];
	struct trace_cursor in[TRACE_SECTIONS];
	uint32_t *words, *back;
	size_t n;
	uint64_t state;
};

static uint32_t any(struct rig *g, uint32_t below)
{
	g->state = g->state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(g->state >> 33) % below;
}

static void set_site(struct rig *g, uint32_t number, uint8_t kind, uint8_t flags, uint8_t words)
{
	struct site *site = &g->sites[number];

	*site = (struct site){ .kind = kind, .flags = flags, .words = words };
	if (!(flags & SITE_HAS_EXTRA))
		site->words = (uint8_t)event_words_of(flags);
	/* the translator's indexes are not the numbers in bytes */
	cr_assert_eq(shapes_set(&g->written, 7 * number + 3,
				(struct shape){ shape_flags(site), number }), 0);
	cr_assert_eq(shapes_set(&g->read, number, (struct shape){ shape_flags(site), number }), 0);
}

static struct rig *rig_create(void)
{
	static const uint8_t flags[] = {
		0, 0, 0, SITE_HAS_SP, SITE_HAS_SP | SITE_AFTER_CALL, SITE_HAS_SP | SITE_HAS_TARGET,
		SITE_HAS_COUNT, SITE_HAS_SP | SITE_HAS_TSC,
		SITE_HAS_SP | SITE_HAS_TARGET | SITE_HAS_TSC, SITE_HAS_TSC, SITE_HAS_ACCESS,
	};
	struct rig *g = calloc(1, sizeof *g);

	cr_assert(g);
	cr_assert_eq(predictor_init(&g->writer) | predictor_init(&g->reader), 0);
	for (uint32_t i = 0; i + 2 < SITES; i++)
		set_site(g, i, SITE_BLOCK, flags[i % sizeof flags], 0);
	set_site(g, SITES - 2, SITE_CUT, SITE_HAS_EXTRA, 4);
	set_site(g, SITES - 1, SITE_SIGNAL, SITE_HAS_EXTRA, 7);
	g->words = calloc(WORDS_MAX, sizeof *g->words);
	g->back = calloc((EVENT_WORDS_MAX + 1) * WORDS_MAX, sizeof *g->back);
	cr_assert(g->words && g->back);
	g->state = 1;
	return g;
}

static void rig_destroy(struct rig *g)
{
	for (int i = 0; i < TRACE_SECTIONS; i++)
		trace_bytes_deinit(&g->out[i]);
	predictor_deinit(&g->writer);
	predictor_deinit(&g->reader);
	shapes_deinit(&g->written);
	shapes_deinit(&g->read);
	free(g->words);
	free(g->back);
	free(g);
}

static void add(struct rig *g, uint32_t number)
{
	unsigned words = g->sites[number].words;

	g->words[g->n++] = event_id(7 * number + 3, words);
	for (unsigned i = 0; i < words; i++)
		g->words[g->n++] = any(g, 3) ? 8 * any(g, 4) : any(g, UINT32_MAX);
}

static size_t encode(struct rig *g, size_t from, size_t n, size_t max, size_t *own)
{
	struct predicted did;

	cr_assert_eq(predict_encode(&g->writer, &g->written, g->words + from, n, max, g->out, &did), 0);
	if (own)
		*own += did.own;
	cr_assert_leq(did.words, n);
	cr_assert_leq(did.events, max);
	return did.events;
}

static void open_sections(struct rig *g)
{
	for (int i = 0; i < TRACE_SECTIONS; i++)
		g->in[i] = (struct trace_cursor){ g->out[i].data, g->out[i].data + g->out[i].len,
						  false };
}

static void same_without(const struct rig *g, const uint32_t *at, size_t n, bool drops_time)
{
	size_t k = 0;

	for (size_t i = 0; i < g->n; i += 1 + event_words(g->words[i])) {
		uint32_t number = (event_index(g->words[i]) - 3) / 7;
		unsigned words = g->sites[number].words;
		unsigned kept = drops_time && g->sites[number].flags & SITE_HAS_TSC ? words - 2 : words;

		cr_assert_eq(at[k], event_id(number, kept));
		cr_assert_arr_eq(at + k + 1, g->words + i + 1, kept * 4ul);
		k += 1 + kept;
	}
	cr_assert_eq(k, n);
}

/* The same two sites with a stack pointer in turn, and a time, all as before. */
static void add_steady(struct rig *g, uint32_t number)
{
	unsigned words = g->sites[number].words;

	g->words[g->n++] = event_id(7 * number + 3, words);
	for (unsigned i = 0; i < words; i++)
		g->words[g->n++] = i ? 0 : 8 * (number & 1);
}

/* What comes by chance, or mostly again and again in stretches of one shape; one in `chance` does
 * not. */
static void fill(struct rig *g, unsigned chance)
{
	static const uint32_t steady[][2] = { { 0, 1 }, { 3, 4 }, { 7, 18 }, { 11, 12 } };

	while (g->n < WORDS_MAX - 32) {
		uint32_t number = chance > 4 ? steady[g->n / 1500 % 4][g->n & 1] : g->n / 16 % 3;

		if (!any(g, chance))
			add(g, any(g, SITES));
		else if (chance > 4)
			add_steady(g, number);
		else
			add(g, number);
	}
}

static void round_trip(bool drops_time, unsigned chance)
{
	struct rig *g = rig_create();
	size_t events[2], n = 0, made, own = 0;

	fill(g, chance);
	size_t half = g->n / 2;
	events[0] = encode(g, 0, half, SIZE_MAX, &own);
	for (n = 0, made = 0; made < events[0]; made++)
		n += 1 + event_words(g->words[n]);
	events[1] = encode(g, n, g->n - n, SIZE_MAX, &own);
	cr_assert_gt(own, 0);
	open_sections(g);
	n = 0;
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(predict_decode(&g->reader, &g->read, events[i], drops_time, g->in,
					    g->back + n, &made), 0);
		n += made;
	}
	same_without(g, g->back, n, drops_time);
	for (int i = 0; i < TRACE_SECTIONS; i++)
		cr_assert_eq(trace_left(&g->in[i]), 0);
	rig_destroy(g);
}

Test(predict, gives_back_what_was_put_in)
{
	round_trip(false, 4);
}

Test(predict, gives_back_what_is_regular)
{
	round_trip(false, 20);
	round_trip(true, 70);
	round_trip(false, 300);
}

Test(predict, leaves_time_stamps_out)
{
	round_trip(true, 4);
}

Test(predict, takes_a_bit_for_what_comes_again)
{
	struct rig *g = rig_create();

	while (g->n < 12800)
		add(g, g->n % 10 < 3 ? (uint32_t)(g->n % 10) : 11 + (uint32_t)(g->n % 2));
	cr_assert_eq(encode(g, 0, g->n, SIZE_MAX, NULL), 12800);
	cr_assert_leq(g->out[TRACE_HITS].len, 12800 / 8 + 8);
	cr_assert_leq(g->out[TRACE_IDS].len, 12800 * 4 * 7 / 10);
	cr_assert_eq(g->out[TRACE_VALUES].len, 0);
	rig_destroy(g);
}

Test(predict, takes_two_bits_for_one_of_two)
{
	struct rig *g = rig_create();

	while (g->n < 12800)            /* a site without payload: which of two, by chance */
		add(g, any(g, 2) ? 11 : 12);
	cr_assert_eq(encode(g, 0, g->n, SIZE_MAX, NULL), 12800);
	cr_assert_leq(g->out[TRACE_IDS].len, 4 * 4 + 4);
	cr_assert_geq(g->out[TRACE_SECONDS].len, 12800 / 20);
	cr_assert_leq(g->out[TRACE_SECONDS].len, 12800 / 12);
	rig_destroy(g);
}

Test(predict, stops_at_what_it_does_not_know_and_at_the_limit)
{
	struct rig *g = rig_create();

	for (int i = 0; i < 100; i++)
		add(g, 1);
	g->words[70] = event_id(5, 0);          /* no site has it */
	cr_assert_eq(encode(g, 0, 100, SIZE_MAX, NULL), 70);
	g->words[70] = event_id(3, 1);          /* a site, but not its words */
	cr_assert_eq(encode(g, 70, 30, SIZE_MAX, NULL), 0);
	cr_assert_eq(encode(g, 0, 70, 65, NULL), 65);
	g->n = 0;
	add(g, 5);                              /* three words behind it */
	cr_assert_eq(encode(g, 0, 3, SIZE_MAX, NULL), 0);
	cr_assert_eq(encode(g, 0, 4, SIZE_MAX, NULL), 1);
	rig_destroy(g);
}

Test(predict, begins_anew_on_both_sides)
{
	struct rig *g = rig_create();
	size_t made;

	for (int i = 0; i < 50; i++)
		add(g, any(g, SITES));
	size_t events = encode(g, 0, g->n, SIZE_MAX, NULL);
	predictor_reset(&g->writer);
	cr_assert_eq(encode(g, 0, g->n, SIZE_MAX, NULL), events);
	open_sections(g);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(predict_decode(&g->reader, &g->read, events, false, g->in, g->back, &made), 0);
		same_without(g, g->back, made, false);
		predictor_reset(&g->reader);
	}
	rig_destroy(g);
}

Test(predict, refuses_what_makes_no_sense)
{
	struct rig *g = rig_create();
	size_t made;

	for (int i = 0; i < 100; i++)
		add(g, any(g, SITES));
	size_t events = encode(g, 0, g->n, SIZE_MAX, NULL);
	for (int section = TRACE_HITS; section < TRACE_SECTIONS; section++) {
		open_sections(g);
		g->in[section].end -= 1;
		cr_assert_eq(predict_decode(&g->reader, &g->read, events, false, g->in, g->back, &made),
			     -EBADMSG, "section %d", section);
		predictor_reset(&g->reader);
	}
	shapes_clear(&g->read);
	open_sections(g);
	cr_assert_eq(predict_decode(&g->reader, &g->read, events, false, g->in, g->back, &made),
		     -EBADMSG);
	rig_destroy(g);
}

Test(predict, knows_sites_that_contradict_themselves)
{
	struct site site = { .kind = SITE_CALL, .flags = SITE_HAS_SP, .words = 2 };

	cr_assert_eq(shape_flags(&site), 0);
	site.words = 1;
	cr_assert_neq(shape_flags(&site), 0);
	site.flags |= SITE_HAS_EXTRA;
	cr_assert_eq(shape_flags(&site), 0);
}

Test(predict, knows_no_sites_with_what_it_does_not_write)
{
	struct site site = { .kind = SITE_TAILCALL, .flags = SITE_HAS_TARGET, .words = 2 };

	cr_assert_neq(shape_flags(&site), 0);
	site.flags |= SITE_HAS_FROM;
	site.words = 3;
	cr_assert_eq(shape_flags(&site), 0);
	site.flags = SITE_AFTER_CALL;
	site.words = 0;
	cr_assert_neq(shape_flags(&site), 0);
}
