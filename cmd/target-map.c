/* target-map.c - what is mapped in a target, and its symbols, kept up to date: programs map
 * and unmap all the time, and of thousands of mappings hardly one is asked about.
 */
#include <errno.h>

#include "target-internal.h"
#include "tracee.h"

#define SYMBOLS_ASKED_MAX 200

/* ---- symbols ------------------------------------------------------------------------- */

/* Changes are counted before the map is looked at: one meanwhile is one more. */
static void refresh_symbols(struct target *target, unsigned changes)
{
	int ignored = symbols_refresh(target->symbols, NULL);

	(void)ignored;
	target->symbols_of = changes;
	target->symbols_asked = 0;
}

void target_symbols_lock(struct target *target)
{
	pthread_mutex_lock(&target->symbols_lock);
	unsigned changes = __atomic_load_n(&target->map_changes, __ATOMIC_ACQUIRE);
	if (changes != target->symbols_of && !target_is_gone(target))
		refresh_symbols(target, changes);
}

/* As long as that is less work than to read all of the map once. */
static bool is_known(struct target *target, uint64_t address)
{
	pid_t task = __atomic_load_n(&target->task, __ATOMIC_ACQUIRE);
	struct map map;

	return target->symbols_asked++ < SYMBOLS_ASKED_MAX &&
	       maps_query(task, address, &map) == 0 &&
	       symbols_is_current(target->symbols, address, &map);
}

void target_symbols_lock_at(struct target *target, uint64_t address)
{
	pthread_mutex_lock(&target->symbols_lock);
	unsigned changes = __atomic_load_n(&target->map_changes, __ATOMIC_ACQUIRE);
	if (changes != target->symbols_of && !target_is_gone(target) &&
	    !is_known(target, address))
		refresh_symbols(target, changes);
}

bool target_symbols_note(struct target *target, uint64_t start, uint64_t end)
{
	pid_t task = __atomic_load_n(&target->task, __ATOMIC_ACQUIRE);
	struct map map;
	bool has_code = false;
	int r;

	while ((r = maps_query_code(task, start, &map)) == 0 && map.start < end) {
		target_symbols_lock_at(target, map.start);
		target_symbols_unlock(target);
		start = map.end;
		has_code = true;
	}
	if (r == 0 || r == -ENOENT)
		return has_code;
	target_symbols_lock(target);    /* an older kernel: all of the map */
	has_code = symbols_has_code(target->symbols, start, end);
	target_symbols_unlock(target);
	return has_code;
}

void target_symbols_unlock(struct target *target)
{
	pthread_mutex_unlock(&target->symbols_lock);
}

/* ---- the map ----------------------------------------------------------------------------- */

void target_map_changed(struct target *target)
{
	target->maps_are_old = true;
	target->asked_count = 0;
	__atomic_fetch_add(&target->map_changes, 1, __ATOMIC_RELEASE);
}

int target_map_read(struct target *target)
{
	if (maps_read(target->task, &target->maps, NULL) == 0 && target->maps.count)
		return 0;
	for (unsigned i = 0; i < target->areas; i++) {
		const struct thread *thread = target->by_area[i];

		if (!thread || thread->tid == target->task)
			continue;
		maps_deinit(&target->maps);
		if (maps_read(thread->tid, &target->maps, NULL) < 0 || !target->maps.count)
			continue;
		__atomic_store_n(&target->task, thread->tid, __ATOMIC_RELEASE);
		pthread_mutex_lock(&target->symbols_lock);
		symbols_set_pid(target->symbols, thread->tid);
		pthread_mutex_unlock(&target->symbols_lock);
		return 0;
	}
	return -ESRCH;
}

#define ASKED_MAX (sizeof ((struct target *)0)->asked / sizeof(struct map))

/* One entry of the map, while the snapshot is old: reading all of it takes long where
 * there are thousands.  NULL: there is none, or the kernel cannot be asked for one. */
static const struct map *ask(struct target *target, uint64_t address)
{
	unsigned n = target->asked_count < ASKED_MAX ? target->asked_count : ASKED_MAX;
	struct map found;

	for (unsigned i = 0; i < n; i++)
		if (address >= target->asked[i].start && address < target->asked[i].end)
			return &target->asked[i];
	int r = maps_query(target->task, address, &found);
	target->cannot_ask |= r == -ENOTTY;
	if (r < 0)
		return NULL;
	struct map *place = &target->asked[target->asked_count++ % ASKED_MAX];
	*place = found;
	return place;
}

const struct map *target_map_code(struct target *target, uint64_t address)
{
	for (int attempt = 0; attempt < 2; attempt++) {
		const struct map *m = !target->maps_are_old ? maps_find(&target->maps, address) :
				      target->cannot_ask ? NULL : ask(target, address);

		if (m && (m->prot & MAP_EXEC))
			return m;
		if (attempt)
			break;
		maps_deinit(&target->maps);
		if (target_map_read(target) < 0)
			return NULL;
		target->maps_are_old = false;
	}
	return NULL;
}
