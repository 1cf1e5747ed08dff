#include "watch-follow.h"

#include <errno.h>
#include <stdlib.h>

#include "message.h"
#include "output.h"
#include "session.h"
#include "watch-code-internal.h"
#include "watch-seek.h"

static bool has_module(struct target *target, uint64_t start, uint64_t len)
{
	bool has = false;

	target_symbols_lock(target);
	for (size_t i = 0; i < symbols_module_count(target->symbols); i++) {
		const struct symbols_module *m = symbols_module_at(target->symbols, i);

		has |= m->start < start + len && start < m->end;
	}
	target_symbols_unlock(target);
	return has;
}

void watch_follow_before(struct target *target, uint64_t start, uint64_t len)
{
	if (!target->watching || !has_module(target, start, len))
		return;
	watch_log_read(target);
	output_watches_drain(target->session->output);
}

static bool has_names(const struct target *target)
{
	for (size_t i = 0; i < target->place_count; i++)
		if (!target->places[i].is_found || target->places[i].module)
			return true;
	return false;
}

/* At the same bytes as before: it is watched there, still. */
static bool is_back(const struct place *place, const struct place *now)
{
	return place->len == now->len && place->address == now->address;
}

static bool follow_one(struct target *target, uint32_t i)
{
	struct watch_code *watching = target->watching;
	struct place *place = &target->places[i], *next = &watching->next[i], now;

	watch_seek_lost(place);
	if (next->is_found && !place_lose(next))
		return true;            /* it is on its way there */
	if (!watch_seek_again(target->session, i, place, target->symbols, target->task, &now))
		return false;
	if (!is_back(place, &now)) {
		*next = now;
		return true;
	}
	place->module = now.module;
	place->is_found = true;
	watch_copies_renew(target, i);
	return false;
}

bool watch_follow(struct target *target)
{
	bool any = false;

	if (!target->watching || !has_names(target))
		return false;
	watch_log_read(target);         /* by where they were until now */
	target_symbols_lock(target);
	for (uint32_t i = 0; i < target->place_count; i++)
		any |= follow_one(target, i);
	target_symbols_unlock(target);
	return any;
}

static bool take_next(struct target *target)
{
	struct watch_code *watching = target->watching;
	bool any = false;

	for (uint32_t i = 0; i < target->place_count; i++) {
		if (!watching->next[i].is_found)
			continue;
		target->places[i] = watching->next[i];
		watching->next[i].is_found = false;
		watch_copies_renew(target, i);
		any = true;
	}
	return any;
}

ssize_t watch_follow_ranges(const struct target *target, struct translate_range **out)
{
	size_t n = 0;

	*out = calloc(target->place_count + 1, sizeof **out);
	for (size_t i = 0; *out && i < target->place_count; i++) {
		const struct place *p = &target->places[i];

		if (p->len)
			(*out)[n++] = (struct translate_range){ p->address, p->address + p->len };
	}
	return *out ? (ssize_t)n : -ENOMEM;
}

void watch_follow_apply(struct target *target)
{
	struct translate_range *ranges = NULL;

	if (!target->watching)
		return;
	pthread_mutex_lock(&target->symbols_lock);
	bool any = take_next(target);
	pthread_mutex_unlock(&target->symbols_lock);
	if (!any)
		return;
	watch_log_begin(target);
	ssize_t n = watch_follow_ranges(target, &ranges);
	if (n < 0 || translator_ranges_set(target->translator, ranges, (size_t)n) < 0) {
		message_warning("memory is short: what has moved is not watched");
		session_end(target->session);
	}
	free(ranges);
}
