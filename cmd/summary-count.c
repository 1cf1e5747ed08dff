/* summary-count.c - counting calls by the hundred million (-c).
 *
 * Most events are calls and returns that do what calls and returns do: a frame more on
 * top, or that one gone.  What the event's id stands for is found in a flat table, made
 * of the sites that have been seen.  Everything else (another stack, a jump out of many
 * frames, a signal, the first event of a site) is left to the call tree itself, on whose
 * frames this works: whichever comes next finds them as the other has left them.
 */
#include <stdlib.h>
#include <string.h>

#include "calls.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))
#define TARGETS 4096u           /* of indirect calls; a power of 2 */

/* What of a callee is asked for at each call; its name itself is looked at where it must be. */
struct summary_callee {
	const struct name *name;        /* NULL: not known */
	uint32_t function_id;
	uint8_t traits;                 /* enum frame_trait */
};

struct summary_site {
	uint32_t id;            /* the event's first word */
	uint32_t kind;          /* enum site_kind; SITE_NONE: not known */
	uint64_t pc;
	struct summary_callee callee;
};

struct summary_sites {
	struct summary_site *items;             /* by the site's index */
	uint32_t room;
	unsigned map_changes;                   /* of the origin, when the table was begun */
	struct summary_target {
		uint64_t address;
		struct summary_callee callee;
	} targets[TARGETS];
};

/* ---- what has been seen ------------------------------------------------------------- */

static struct summary_target *target_at(struct summary_sites *sites, uint64_t address)
{
	return &sites->targets[(address ^ address >> 12) & (TARGETS - 1)];
}

static bool make_room(struct summary_sites *sites, uint32_t index)
{
	uint32_t room = sites->room ? sites->room : 4096;

	while (room <= index)
		room *= 2;
	struct summary_site *grown = realloc(sites->items, room * sizeof *grown);
	if (!grown)
		return false;
	memset(grown + sites->room, 0, (room - sites->room) * sizeof *grown);
	sites->items = grown;
	sites->room = room;
	return true;
}

/* Payload; a constant where the kind is one: the loop below then need not wait for the
 * event's first word to know where the next one begins. */
static ALWAYS_INLINE unsigned words_of(enum site_kind kind, bool timed)
{
	unsigned flags = SITE_HAS_SP | (timed ? SITE_HAS_TSC : 0u) |
			 (kind == SITE_CALL_INDIRECT ? SITE_HAS_TARGET : 0u);

	return event_words_of(flags);
}

/* A return that no call stands before may be a jump. */
static bool is_usual(const struct site *site)
{
	return site->kind == SITE_CALL || site->kind == SITE_CALL_INDIRECT ||
	       site->kind == SITE_TAILCALL ||
	       (site->kind == SITE_RETURN && site->flags & SITE_AFTER_CALL);
}

static struct summary_callee callee_of(const struct name *name)
{
	if (!name)
		return (struct summary_callee){ NULL, 0, 0 };
	return (struct summary_callee){ name, name->function_id, frame_traits(name) };
}

void summary_learn(struct calls *c, const struct record *r, const struct name *name)
{
	struct summary_callee callee = callee_of(name);
	struct summary_sites *sites = c->counts->sites;
	const struct site *site = r->site;

	if (!is_usual(site) || site->words != words_of(site->kind, c->is_timed))
		return;
	if (!sites && !(sites = c->counts->sites = calloc(1, sizeof *sites)))
		return;
	if (r->index >= sites->room && !make_room(sites, r->index))
		return;
	sites->items[r->index] = (struct summary_site){
		.id = event_id(r->index, site->words),
		.kind = site->kind,
		.pc = site->pc,
		.callee = callee,
	};
	if (site->kind == SITE_CALL_INDIRECT)
		*target_at(sites, r->target) = (struct summary_target){ r->target, callee };
}

/* Sites are numbered anew. */
void summary_space_forget(struct output *output, struct space *space)
{
	struct counts *counts = space->view;

	(void)output;
	if (counts->sites && counts->sites->items)
		memset(counts->sites->items, 0, counts->sites->room * sizeof *counts->sites->items);
}

void summary_sites_destroy(struct summary_sites *sites)
{
	if (!sites)
		return;
	free(sites->items);
	free(sites);
}

/* What was called at an address need not be what is there by now. */
static void check_targets(struct summary_sites *sites, const struct origin *origin)
{
	unsigned changes = origin_code_gone(origin);

	if (sites->map_changes == changes)
		return;
	sites->map_changes = changes;
	memset(sites->targets, 0, sizeof sites->targets);
}

/* ---- counting ------------------------------------------------------------------------- */

/* What the options make of it; constants for the compiler. */
struct how {
	bool timed, filtered;
};

/* A thread's frames while it is counted. */
struct counting {
	struct calls *calls;
	struct call_stack *stack;
	struct frame *outermost, *top, *end;    /* end: there is no room beyond */
	struct count *counts;
	uint32_t *open;
	uint32_t room;                          /* of both */
	uint64_t tsc;                           /* the event's */
	struct calltree_cost cost;
};

static ALWAYS_INLINE void enter(struct counting *g, struct frame *frame, uint32_t function_id,
				struct how how)
{
	if (how.filtered)
		calls_filter_within(g->calls, frame, frame - 1);
	else
		frame->around = FILTER_ONLY;
	frame->shown = frame->callee;
	frame->shown_id = function_id;
	if (how.timed)
		frame->is_recursive = g->open[function_id]++ != 0;
}

static ALWAYS_INLINE void leave(struct counting *g, struct frame *frame, struct how how)
{
	uint32_t id = frame->shown_id;
	uint64_t duration = how.timed ? frame_duration(frame, g->tsc, &g->cost) : 0;

	if (how.timed) {
		g->open[id]--;
		frame[-1].children += duration;
	}
	if (how.filtered && frame->is_hidden)
		return;
	if (how.timed)
		summary_add(&g->counts[id], frame, duration);
	else
		g->counts[id].calls++;
}

static ALWAYS_INLINE bool on_call(struct counting *g, const struct summary_callee *callee,
				  uint64_t pc, uint32_t sp, struct how how)
{
	struct frame *t = g->top;

	if (t->slot - sp - 1 >= CALLTREE_NEAR_BYTES || t == g->end ||
	    t->traits & FRAME_SWITCHES_STACKS || callee->function_id >= g->room)
		return false;
	g->top = ++t;
	frame_init(t, callee->name, callee->traits, pc, sp, g->tsc, &g->cost);
	enter(g, t, callee->function_id, how);
	return true;
}

static ALWAYS_INLINE bool on_return(struct counting *g, uint32_t sp, struct how how)
{
	struct frame *t = g->top;

	if (t->slot != sp - 8 || t == g->outermost || t->is_signal || !t->shown)
		return false;
	leave(g, t, how);
	g->top--;
	return true;
}

/* A stub's frame becomes that of the function; any other is followed by it, unless it is
 * its own start that it jumps to. */
static ALWAYS_INLINE bool on_tailcall(struct counting *g, const struct summary_callee *callee,
				      uint32_t sp, struct how how)
{
	struct frame *t = g->top;

	if (t->slot != sp || t == g->outermost || t->is_signal || !t->shown ||
	    callee->function_id >= g->room)
		return false;
	bool from_stub = t->traits & FRAME_STUB;
	if (from_stub && (callee->traits & FRAME_STUB || !*callee->name->function))
		return false;           /* it may keep its name */
	if (!from_stub && t->callee->of_function == callee->name)
		return true;
	if (!from_stub) {
		leave(g, t, how);
		frame_init(t, callee->name, callee->traits, t->call_pc, sp, g->tsc, &g->cost);
		t->is_tail = true;
	} else if (how.timed) {
		g->open[t->shown_id]--;
	}
	t->callee = callee->name;
	t->traits = callee->traits;
	enter(g, t, callee->function_id, how);
	return true;
}

/* NULL: not known. */
static ALWAYS_INLINE const struct summary_callee *target_callee(struct summary_sites *sites,
								const uint32_t *words)
{
	uint64_t address = words[0] | (uint64_t)words[1] << 32;
	const struct summary_target *target = target_at(sites, address);

	return target->address == address && target->callee.name ? &target->callee : NULL;
}

static ALWAYS_INLINE uint64_t tsc_of(const uint32_t *words, enum site_kind kind, struct how how)
{
	const uint32_t *tsc = words + words_of(kind, true) - 1;

	return how.timed ? tsc[0] | (uint64_t)tsc[1] << 32 : 0;
}

/* How many words the event took.  0: it is to be looked at more closely. */
static ALWAYS_INLINE size_t on_event(struct counting *g, struct summary_sites *sites,
				     const struct summary_site *site, const uint32_t *words,
				     struct how how)
{
	const struct summary_callee *callee;

	switch (site->kind) {
	case SITE_RETURN:
		g->tsc = tsc_of(words, SITE_RETURN, how);
		return on_return(g, words[1], how) ? 1 + words_of(SITE_RETURN, how.timed) : 0;
	case SITE_CALL:
		g->tsc = tsc_of(words, SITE_CALL, how);
		return on_call(g, &site->callee, site->pc, words[1], how) ?
		       1 + words_of(SITE_CALL, how.timed) : 0;
	case SITE_CALL_INDIRECT:
		g->tsc = tsc_of(words, SITE_CALL_INDIRECT, how);
		callee = target_callee(sites, words + 2);
		return callee && on_call(g, callee, site->pc, words[1], how) ?
		       1 + words_of(SITE_CALL_INDIRECT, how.timed) : 0;
	case SITE_TAILCALL:
		g->tsc = tsc_of(words, SITE_TAILCALL, how);
		return on_tailcall(g, &site->callee, words[1], how) ?
		       1 + words_of(SITE_TAILCALL, how.timed) : 0;
	default:
		return 0;
	}
}

/* Made in a version for each `how`, with all of the rest in registers. */
static ALWAYS_INLINE size_t count_usual(const struct counting *begun, struct output *output,
					struct summary_sites *sites, const uint32_t *words,
					size_t n, struct how how)
{
	struct counting g = *begun;
	struct summary_site *items = sites->items;
	uint32_t room = sites->room;
	uint64_t tsc = g.tsc, events = g.cost.events;
	size_t at = 0;

	while (n - at > EVENT_WORDS_MAX) {
		uint32_t index = event_index(words[at]);

		if (index >= room || items[index].id != words[at])
			break;
		g.cost.events = events + 1;
		size_t took = on_event(&g, sites, &items[index], words + at, how);
		if (!took)
			break;
		at += took;
		tsc = g.tsc;
		events++;
	}
	output->events += events - begun->cost.events;
	begun->calls->tree.cost.events = events;
	begun->stack->count = (unsigned)(g.top - g.outermost) + 1;
	begun->calls->last_tsc = tsc;
	return at;
}

size_t summary_events(struct output *output, struct stream *stream, const uint32_t *words, size_t n)
{
	struct calls *c = stream->view;
	struct call_stack *s = c->tree.current;
	struct summary_sites *sites = c->is_quick ? c->counts->sites : NULL;

	if (!sites || !s->count)
		return 0;
	check_targets(sites, stream->origin);
	calls_waited(c);
	const struct counting g = {
		.calls = c,
		.stack = s,
		.outermost = s->frames,
		.top = s->frames + s->count - 1,
		.end = s->frames + s->room - 1,
		.counts = c->counts->items,
		.open = c->open,
		.room = c->open_room < c->counts->room ? c->open_room : c->counts->room,
		.tsc = c->last_tsc,
		.cost = c->tree.cost,
	};
	bool filtered = !filter_is_empty(output->filter) || c->depth_limit != UINT32_MAX;

	if (c->is_timed)
		return filtered ? count_usual(&g, output, sites, words, n, (struct how){ true, true })
				: count_usual(&g, output, sites, words, n, (struct how){ true, false });
	return filtered ? count_usual(&g, output, sites, words, n, (struct how){ false, true })
			: count_usual(&g, output, sites, words, n, (struct how){ false, false });
}
