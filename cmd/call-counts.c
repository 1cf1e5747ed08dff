#include "call-counts.h"

#include "calls.h"
#include "names.h"
#include "target.h"

static struct names *names_of(const struct call_counts *c)
{
	return c->stream->space->names;
}

static void count(struct call_counts *c, const struct name *callee, uint64_t n)
{
	if (callee->filter & FILTER_MODULE)
		summary_calls_add(c->counts, callee->function_id, n);
}

/* Out of a stub, or of what finds the function for it. */
static void leave_stub(struct call_counts *c, const struct name *stub, const struct name *callee,
		       uint64_t n)
{
	if (name_is_stub(callee) || !*callee->function) {
		if (stub->is_plt)
			c->stub = stub;
		return;                 /* it keeps its name */
	}
	if (stub->is_resolver)
		stub = c->stub;
	if (stub)
		count(c, stub, -n);
	count(c, callee, n);
}

void call_counts_add(struct call_counts *c, enum site_kind kind, uint64_t from, uint64_t target,
		     uint64_t n)
{
	const struct name *callee = names_now(names_of(c), target);

	if (kind != SITE_TAILCALL) {
		count(c, callee, n);
		return;
	}
	const struct name *function = names_now(names_of(c), from)->of_function;
	if (name_is_stub(function))
		leave_stub(c, function, callee, n);
	else if (callee != function)
		count(c, callee, n);
}

/* Where the last instruction of a block stands. */
static uint64_t end_of(const struct block *block)
{
	return block->pc.address + (block->bytes_len ? block->bytes_len - 1 : 0);
}

/* The call at the block's end was counted, but has not been made. */
static void take_back(struct call_counts *c, const struct record *record)
{
	const struct site *site = NULL;
	struct counted_cut cut;

	if (counted_cut(c->stream, record, &cut) && cut.was_counted)
		site = counted_transfer(c->stream, cut.block);
	if (site)
		call_counts_add(c, site->kind, site->pc, site->target, -1ull);
}

void call_counts_event(struct call_counts *c, const struct record *record)
{
	const struct site *site = record->site;
	const struct translator *t = c->stream->target->translator;
	const struct block *block;

	switch (site->kind) {
	case SITE_CALL:
	case SITE_CALL_INDIRECT:
		call_counts_add(c, site->kind, site->pc, site->target, 1);
		break;
	case SITE_TAILCALL:
		block = site->flags & SITE_HAS_FROM ? translator_block(t, record->from) : NULL;
		call_counts_add(c, SITE_TAILCALL, block ? end_of(block) : site->pc, site->target, 1);
		break;
	case SITE_SIGNAL:
		call_counts_add(c, SITE_CALL, 0, record->extra[5] | (uint64_t)record->extra[6] << 32, 1);
		break;
	case SITE_CUT:
		take_back(c, record);
		break;
	}
}
