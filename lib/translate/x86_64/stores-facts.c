/* stores-facts.c - what is known of stores where one block leaves for another: sets of
 * struct store_fact, one for a register.  See stores-plan.c. */
#include "stores.h"

static const struct store_facts *facts_at(const struct translator *t, uint32_t number)
{
	return number ? chunked_at(&t->facts, number - 1) : NULL;
}

const struct store_facts *stores_needs(const struct translator *t, const struct xblock *b)
{
	return facts_at(t, b->needs);
}

const struct store_facts *stores_given(const struct translator *t, const struct exit *exit)
{
	return facts_at(t, exit->facts);
}

const struct store_fact *stores_fact(const struct store_facts *facts, unsigned reg)
{
	if (!facts || !(facts->regs >> reg & 1))
		return NULL;
	const struct store_fact *fact = facts->items;
	while (fact->reg != reg)
		fact++;
	return fact;
}

bool stores_covers(const struct store_fact *known, int64_t low, int64_t end)
{
	return known && known->low <= low && end <= known->end;
}

static bool know(const struct store_facts *known, const struct store_facts *needs)
{
	for (unsigned i = 0; i < needs->count; i++) {
		const struct store_fact *need = &needs->items[i];

		if (!stores_covers(stores_fact(known, need->reg), need->low, need->end))
			return false;
	}
	return true;
}

void stores_fact_add(struct store_facts *facts, unsigned reg, int64_t low, int64_t end)
{
	if (low < INT16_MIN)
		low = INT16_MIN;
	if (end > INT16_MAX)
		end = INT16_MAX;
	if (facts->count == STORE_FACTS_MAX || low >= end)
		return;
	facts->items[facts->count++] = (struct store_fact){ (uint8_t)reg, (int16_t)low,
							    (int16_t)end };
	facts->regs |= (uint16_t)(1u << reg);
}

uint32_t stores_facts_keep(struct build *b, const struct store_facts *facts)
{
	struct store_facts *kept = facts->count ? chunked_add(&b->t->facts) : NULL;

	if (!kept) {
		b->t->out_of_memory |= facts->count;
		return 0;
	}
	*kept = *facts;
	return b->t->facts.count;
}

enum stores_known stores_how_known(const struct store_facts *known,
				   const struct store_facts *needs)
{
	const struct store_fact *rsp = stores_fact(needs, X86_REG_RSP);

	if (know(known, needs))
		return STORES_ALL_KNOWN;
	if (!rsp || stores_covers(stores_fact(known, X86_REG_RSP), rsp->low, rsp->end))
		return STORES_RSP_KNOWN;
	return STORES_NONE_KNOWN;
}

uint32_t target_entry(struct translator *t, struct xblock *b)
{
	return b->needs ? stores_entry(t, b, STORES_NONE_KNOWN) : b->entry;
}

uint32_t target_exit_entry(struct translator *t, const struct exit *exit, struct xblock *b)
{
	if (exit->is_return)
		return b->landing || target_lookup_entry(t, b, LOOKUP_RET) ? b->landing : 0;
	const struct store_facts *needs = stores_needs(t, b);

	return needs ? stores_entry(t, b, stores_how_known(stores_given(t, exit), needs)) : b->entry;
}
