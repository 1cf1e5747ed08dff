/* translate.c - from a basic block of the program to one in the cache.
 *
 * A fragment is a run of blocks laid out one behind the other, as execution is
 * likely to go: a branch falls through into the next block, behind a call stands
 * the block to return to, a jump is left out.  Each keeps its own entry; a fragment
 * ends behind an indirect branch, or where the next block has been translated already.
 *
 *	call f			push ret		(or push [literal])
 *				jmp <f>
 *				<way in for returns>	entry of the next block
 *	jcc  there		jcc <there>		falls into the next block
 *	ret			save rdx;  pop rdx;  lookup
 *	syscall			mov rcx, next;  ...  jmp runtime_syscall
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "build.h"
#include "runtime.h"

#define COLD_SHARE 3    /* one part in three of the cache */

/* ---- a block -------------------------------------------------------------------------------- */

static void emit_block_event(struct build *b)
{
	uint64_t pc = b->pcs[0];
	unsigned flags = b->t->config.events.time ? SITE_HAS_TSC : 0;

	struct event event = {
		.site = event_site(b, SITE_BLOCK, flags, pc, pc),
		.flags = (uint8_t)flags,
		.words = event_words_of(flags),
		.before = at(pc, false),
		.after = at(pc, true),
		.dead = b->dead_regs[0],
		.check = b->dead_flags[0] == X86_FLAGS_ALL ? CHECK_FLAGS_DEAD : CHECK_HERE,
	};
	event_emit(b, &event);
}

/* What count_plan() or path_plan() has planned. */
static void emit_planned(struct build *b)
{
	if (b->t->config.events.paths)
		path_emit(b);
	else
		count_emit(b);
}

/* What stands at a block's entry. */
static void emit_begin(struct build *b)
{
	if (coverage_wants(b->t, b->block))
		seen_emit(b);
	if (b->t->config.events.paths)
		path_begin(b);
	else if (b->t->config.events.blocks)
		emit_block_event(b);
	if (b->count_at == 0 && !b->count_late)
		emit_planned(b);
}

/* How often a repeated string instruction ran: rcx before it and after. */
static void emit_count_event(struct build *b, int i, uint64_t pc)
{
	struct event event = {
		.site = event_site(b, SITE_REP, SITE_HAS_COUNT, b->pcs[i], pc),
		.flags = SITE_HAS_COUNT,
		.words = event_words_of(SITE_HAS_COUNT),
		.before = at(pc, true),
		.after = at(pc, true),
		.check = CHECK_HERE,
	};

	event_emit(b, &event);
}

static bool is_counted(const struct build *b, int i)
{
	const struct translate_events *events = &b->t->config.events;

	return events->blocks && events->counts && b->insns[i].rep_string;
}

/* Does instruction i stand in the cache as it is, and nothing beside it? */
static bool is_copied(const struct build *b, int i)
{
	return !b->insns[i].rip_relative && !b->t->config.events.stores && !is_counted(b, i);
}

/* Those from i on that are copied; returns the first that is not. */
static int emit_copies(struct build *b, int i, int end)
{
	struct where where = at(b->pcs[i], true);
	int first = i;

	while (i < end && is_copied(b, i))
		i++;
	if (i == first)
		return i;
	where.is_along = true;
	build_mark(b, true, where);
	uint64_t behind = b->pcs[i - 1] + b->insns[i - 1].len;
	emit_bytes(&b->t->hot, b->bytes + (where.pc - b->pcs[0]), (unsigned)(behind - where.pc));
	return i;
}

/* What is copied from i on ends where the block is counted. */
static int run_end(const struct build *b, int i, int plain)
{
	return !b->is_counted && b->count_at >= i && b->count_at < plain ? b->count_at : plain;
}

static void emit_body(struct build *b)
{
	int plain = b->ends_early ? b->count : b->count - 1;

	for (int i = 0; (i = emit_copies(b, i, run_end(b, i, plain))) < plain; i++) {
		bool counted = is_counted(b, i);

		if (i == b->count_at && !b->is_counted) {
			emit_planned(b);
			i--;
			continue;
		}
		build_mark(b, true, at(b->pcs[i], true));
		if (counted)
			emit_count_event(b, i, b->pcs[i]);
		stores_emit_checks(b, i);
		if (store_is_watched(b, i))
			store_emit(b, i, NULL, at(b->pcs[i] + b->insns[i].len, true));
		else
			relocate_emit(b, i);
		if (counted) {
			build_mark(b, true, at(b->pcs[i + 1], true));
			emit_count_event(b, i, b->pcs[i] + b->insns[i].len);
		}
	}
	if (!b->ends_early) {           /* a call */
		build_mark(b, true, at(b->pcs[plain], true));
		stores_emit_checks(b, plain);
	}
}

/* Where nothing falls into the block, a way in can fall into it.  True: it does. */
static bool emit_way_in(struct build *b, bool is_return)
{
	struct xblock *block = b->block;
	int lookup = is_return ? LOOKUP_RET : b->done_count == 0 ? block->way_in - 1 : -1;

	if (lookup < 0 || block->lookup_entry[lookup])
		return false;
	lookup_emit_way_in(b, lookup);
	return true;
}

/* How much of what the block needs do they know who come from before? */
static enum stores_known emit_ways_in(struct build *b, bool is_return)
{
	const struct store_facts *needs = stores_needs(b->t, b->block);

	if (emit_way_in(b, is_return))
		return STORES_ALL_KNOWN;
	return needs && !is_return ? stores_how_known(&b->falls, needs) : STORES_NONE_KNOWN;
}

/* Translates one block; *follow: the address that lies behind it in the
 * fragment, 0 for none.  -EFAULT: there is nothing to execute; -EAGAIN: it cannot be in
 * the middle of a path. */
static int translate_block(struct build *b, bool is_return, uint64_t *follow, bool *follow_return)
{
	struct translator *t = b->t;
	struct xblock *block = b->block;

	const struct section *section = section_at(t, b->block->public.pc.address);

	if (section && !section_decode(b, section))
		section = NULL;
	if (!section)
		block_decode(b);
	if (block->is_copy && (section || volatile_is(b)))
		return -EAGAIN;
	b->section = section ? (uint16_t)(section - t->sections + 1) : 0;
	if (b->insns[0].kind == X86_KIND_TRUNCATED && b->count == 1)
		return -EFAULT;
	if (!b->ends_early && last_is_odd(&b->insns[b->count - 1]))
		b->insns[b->count - 1].kind = X86_KIND_UNKNOWN;
	if (b->insns[b->count - 1].len == 0)
		b->end_pc = b->pcs[b->count - 1];
	block_find_dead(b);
	stores_plan(b, is_return);
	if (b->ahead)
		superblock_plan(b);
	b->is_left_out = !b->ends_early && b->insns[b->count - 1].kind == X86_KIND_JMP && last_is_left_out(b);
	if (t->config.events.paths)
		path_plan(b);
	else
		count_plan(b);
	if (!block_keep_bytes(b))
		return -ENOMEM;
	enum stores_known known = emit_ways_in(b, is_return);
	uint32_t entry = t->hot.at;
	stores_emit_beginning(b, known);
	build_mark(b, true, at(b->pcs[0], false));
	if (volatile_is(b))
		volatile_emit_check(b);
	if (section) {
		section_emit(b, section, emit_begin);
	} else {
		emit_begin(b);
		emit_body(b);
	}
	*follow_return = false;
	if (b->ends_early) {
		build_mark(b, true, at(b->end_pc, false));
		*follow = b->end_pc;
	} else {
		*follow = last_emit(b, follow_return);
	}
	assert(*follow || !b->path_site);
	if (t->hot.is_full || t->cold.is_full ||
	    (t->config.events.coverage && block->public.index >= TRANSLATE_SEEN_BYTES))
		return -ENOSPC;
	block->entry = entry;
	t->stats.blocks++;
	t->stats.insns += (uint64_t)b->count;
	b->done[b->done_count++] = block;
	return 0;
}

/* Goes on at pc in another fragment. */
static void leave_for(struct build *b, uint64_t pc, bool is_return)
{
	struct xblock *to = cache_block_get(b->t, (struct app_pc){ pc });
	struct build way_in = { .t = b->t, .block = to };

	if (!to)
		return;
	if (b->goes_by) {
		superblock_emit_end(b, pc);
		return;
	}
	path_emit_end(b, at(pc, false));
	if (is_return && to->entry && to->lookup_entry[LOOKUP_RET])
		return;                 /* control cannot come here but by that way */
	if (is_return && to->entry) {
		lookup_emit_way_in(&way_in, LOOKUP_RET);
		b->reached[b->reached_count++] = to;
	} else if (is_return) {
		cache_queue(b->t, to, b->block->depth + 1u);
		return;                 /* else the first return will miss */
	}
	if (is_return)
		b->facts = to->needs;   /* the way in has looked */
	exit_emit_jmp(b, pc, at(pc, false));
}

/* A fragment is let in only when all of it stands: what falls out of one of its
 * blocks falls into the next. */
static void publish(struct build *b)
{
	struct translator *t = b->t;

	for (int i = 0; i < b->done_count; i++) {
		struct xblock *block = b->done[i];

		if (block->public.is_dropped)           /* by a section that was found meanwhile */
			continue;
		cache_link_incoming(t, block);
	}
	for (int i = 0; i < b->reached_count; i++)
		if (!b->reached[i]->public.is_dropped)
			cache_link_incoming(t, b->reached[i]);
}

static void forget_block(struct xblock *block)
{
	block->entry = block->landing = 0;
	memset(block->lookup_entry, 0, sizeof block->lookup_entry);
}

/* One that failed half-way would fall into nothing. */
static void forget(struct build *b)
{
	for (int i = 0; i < b->done_count; i++)
		forget_block(b->done[i]);
	if (b->block && !b->block->entry)
		forget_block(b->block);
	for (int i = 0; i < b->reached_count; i++)
		b->reached[i]->landing = b->reached[i]->lookup_entry[LOOKUP_RET] = 0;
}

static struct build begin(struct translator *t)
{
	struct workspace *w = t->workspace;

	return (struct build){
		.t = t,
		.insns = w->insns,
		.pcs = w->pcs,
		.dead_regs = w->dead_regs,
		.dead_flags = w->dead_flags,
		.bytes = w->bytes,
		.groups = w->groups,
		.done = w->done,
		.count_at = -1,
		.counts = t->counts_paths && t->counters.count < t->config.counters_max / 2,
	};
}

/* Nobody has asked for it, and somebody asks for something else. */
static bool is_disturbed(const struct translator *t, const struct xblock *first)
{
	return first->depth && t->config.is_urgent && t->config.is_urgent(t->config.context);
}

/* The heat of one in the middle of a path that is translated again. */
static uint32_t heat_before(const struct translator *t, uint64_t pc)
{
	for (unsigned i = 0; i < t->renewed_count; i++)
		if (t->renewed[i]->is_copy && t->renewed[i]->public.pc.address == pc)
			return t->renewed[i]->heat;
	return 0;
}

/* The block at pc, which is to stand behind b's; within a path one that is not found by its
 * address.  NULL: out of memory. */
static struct xblock *next_block(struct build *b, uint64_t pc)
{
	struct translator *t = b->t;
	struct xblock *found = cache_block_get(t, (struct app_pc){ pc }), *copy;
	bool is_long = found && found->entry && !b->goes_to && b->path_len >= PATH_BLOCKS_SHORT;

	if (!found || !b->path_site || is_long)
		return found;
	copy = cache_block_new(t, (struct app_pc){ pc });
	if (!copy)
		return NULL;
	copy->is_copy = copy->is_replaced = true;
	copy->is_trusted = found->is_trusted;
	copy->heat = b->ahead ? found->heat : heat_before(t, pc);
	return copy;
}

/* Are these n blocks all? */
static bool is_whole(const struct build *b, int n, int max)
{
	return n == max || (b->ahead && n && !b->goes_to);
}

static int translate_run(struct build *b, struct xblock *first)
{
	struct translator *t = b->t;
	uint64_t pc = first->public.pc.address;
	bool is_return = false;
	int r = 0;

	if (!pc)
		return -EFAULT;         /* a call through a null pointer */
	block_look_anew(t);
	emit_have(&t->hot);
	emit_have(&t->cold);
	for (int n = 0, max = b->ahead ? TRANSLATE_SUPERBLOCK_MAX : FRAGMENT_BLOCKS_MAX; pc && n <= max; n++) {
		uint64_t follow = 0;
		bool follow_return = false;
		struct xblock *block = n ? next_block(b, pc) : first;

		if (!block) {
			r = -ENOMEM;
			break;
		}
		bool stop = block->entry || is_whole(b, n, max) || (n && is_disturbed(t, first));
		if (!stop) {
			b->ends_early = false;
			struct xblock *before = b->block;
			b->block = block;
			block->depth = first->depth;
			if (before && !is_return)
				block->public.before = before->public.index;
			r = translate_block(b, is_return, &follow, &follow_return);
			if ((r == -EFAULT || r == -EAGAIN) && n) {      /* the way there stays a miss */
				b->block = before;
				stop = true;
				r = 0;
			}
			if (r < 0)
				break;
		}
		if (stop) {
			leave_for(b, pc, is_return);
			follow = 0;
		}
		pc = follow;
		is_return = follow_return;
		if (!stop && b->ahead_count) {
			b->ahead++;
			b->ahead_count--;
		}
		if (!pc && b->return_count) {
			pc = b->returns[--b->return_count];
			is_return = true;
		}
		b->falls = b->gives;
		if (is_return)
			b->falls.count = 0;
	}
	if (t->hot.is_full || t->cold.is_full)
		r = -ENOSPC;
	if (t->out_of_memory)
		r = -ENOMEM;
	if (r == 0)
		publish(b);
	else
		forget(b);
	return r;
}

int target_translate(struct translator *t, struct xblock *first)
{
	struct build b = begin(t);

	return translate_run(&b, first);
}

int target_superblock(struct translator *t, struct xblock *first, const uint64_t *ahead,
		      unsigned count, bool counts)
{
	struct build b = begin(t);

	b.ahead = ahead;
	b.ahead_count = count;
	b.counts = counts;
	int r = translate_run(&b, first);
	return r < 0 ? r : b.done_count;
}

/* ---- start --------------------------------------------------------------------------------------- */

void *target_workspace(void)
{
	return calloc(1, sizeof(struct workspace));
}

void target_init(struct translator *t)
{
	uint32_t runtime_len = (uint32_t)(runtime_end - runtime_start);
	uint32_t split = (uint32_t)(t->config.size_bytes - t->config.size_bytes / COLD_SHARE) & ~63u;

	assert(runtime_len <= RUNTIME_BYTES && t->config.patch_bytes >= 8);
	t->literal_at = t->literal_end = 0;
	t->predicts_returns = returns_can_be_predicted(&t->config);
	memcpy(t->config.local, runtime_start, runtime_len);
	target_lookup_init(t);
	t->hot = (struct emit){ t->config.local, t->config.base, RUNTIME_BYTES, split, false, 0 };
	t->cold = (struct emit){ t->config.local, t->config.base, split,
				 (uint32_t)t->config.size_bytes, false, 0 };
	stores_init(t);
}

void translator_runtime(const struct translator *t, struct translate_runtime *out)
{
	uint64_t base = t->config.base;

	out->syscall_insn.address = base + RUNTIME_OFFSET(runtime_syscall_insn);
	out->syscall_done.address = base + RUNTIME_OFFSET(runtime_syscall_done);
	out->syscall_native.address = base + RUNTIME_OFFSET(runtime_syscall_native);
	out->syscall_note.address = base + RUNTIME_OFFSET(runtime_syscall_note);
	out->syscall_post.address = base + RUNTIME_OFFSET(runtime_syscall_post);
	out->syscall_resume.address = base + RUNTIME_OFFSET(runtime_syscall_resume);
	out->syscall_again.address = base + RUNTIME_OFFSET(runtime_syscall_again);
	out->ring_retry.address = base + RUNTIME_OFFSET(runtime_ring_retry);
	out->request.address = base + RUNTIME_OFFSET(runtime_request);
	out->watch.address = base + RUNTIME_OFFSET(runtime_watch);
	out->watched.address = base + RUNTIME_OFFSET(runtime_watched);
	out->watch_end.address = base + RUNTIME_OFFSET(runtime_watch_end);
}
