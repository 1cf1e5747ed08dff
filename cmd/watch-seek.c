#include "watch-seek.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "maps.h"
#include "message.h"
#include "process.h"
#include "tracee.h"

/* session.watches_seen: of a place, in any process, ever */
#define SEEN_FOUND 1
#define SEEN_SAID 2             /* that it is not found yet */

/* True: for the first time. */
static bool note(struct session *s, size_t index, uint8_t what)
{
	return !(__atomic_fetch_or(&s->watches_seen[index], what, __ATOMIC_RELAXED) & what);
}

/* Whose variable is meant, where each thread has its own. */
static pid_t choose_thread(const struct options *o, pid_t pid)
{
	for (size_t i = 0; i < o->tid_count; i++)
		if (process_of_thread(o->tids[i]) == pid)
			return o->tids[i];
	return pid;
}

static int find_thread_local(struct session *s, struct place *place, pid_t pid,
			     struct symbols *symbols, struct err *err)
{
	pid_t tid = choose_thread(s->options, pid);
	struct user_regs_struct regs;
	struct err why = { 0 };
	int r = tracee_regs_get(tid, &regs) < 0 ? -ENOENT :
		place_find_thread_local(place, symbols, regs.fs_base, &why);

	if (r < 0 && r != -ENOENT)
		*err = why;
	if (r == 0)
		message_verbose(1, "--watch %s: that of thread %d", place->text, tid);
	return r;
}

int watch_seek_first(struct session *s, size_t index, struct place *place, pid_t pid,
		     struct symbols *symbols, struct err *err)
{
	int r = place_init(place, s->options->watches.items[index], err);

	if (r == 0)
		r = place_find(place, symbols, err);
	if (r == -ENOENT)
		r = find_thread_local(s, place, pid, symbols, err);
	if (r == -ENOENT && s->options->wait) {
		if (note(s, index, SEEN_SAID))
			message_warning("--watch %s: no data has this name yet", place->text);
		err->code = 0;
		return 0;
	}
	if (r == 0)
		note(s, index, SEEN_FOUND);
	return r;
}

bool watch_seek_lost(struct place *place)
{
	if (!place_lose(place))
		return false;
	message_warning("--watch %s: it is gone with %s", place->text, place->module->name);
	return true;
}

static bool is_mapped(const struct place *place, pid_t task)
{
	struct maps maps;

	if (maps_read(task, &maps, NULL) < 0)
		return false;
	const struct map *m = maps_find(&maps, place->address);
	bool is = m && (m->prot & (place->access & 1 ? MAP_WRITE : MAP_READ));
	maps_deinit(&maps);
	return is;
}

bool watch_seek_again(struct session *s, size_t index, struct place *place,
		      struct symbols *symbols, pid_t task, struct place *out)
{
	struct err err = { 0 };

	if (place->is_found || !s->options->wait)
		return false;
	*out = *place;
	int r = place_find(out, symbols, &err);
	if (r < 0 && r != -ENOENT && !place->is_refused) {
		message_error(&err);
		place->is_refused = true;
	}
	if (r < 0 || !is_mapped(out, task))
		return false;
	note(s, index, SEEN_FOUND);
	message_warning("--watch %s: now it is at 0x%" PRIx64 "%s%s", out->text, out->address,
			out->module ? ", in " : "", out->module ? out->module->name : "");
	return true;
}

void watch_seek_end(struct session *s)
{
	const struct string_list *texts = &s->options->watches;

	for (size_t i = 0; s->options->wait && i < texts->count; i++)
		if (!(s->watches_seen[i] & SEEN_FOUND))
			message_warning("--watch %s: nothing ever had this name", texts->items[i]);
}
