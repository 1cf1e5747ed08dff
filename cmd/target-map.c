/* target-map.c - what is mapped in a target, and its symbols, kept up to date: programs map
 * and unmap all the time, and of thousands of mappings hardly one is asked about.
 */
#include <errno.h>
#include <string.h>

#include "target-internal.h"
#include "tracee.h"

#define SYMBOLS_ASKED_MAX 200
#define CHANGED_MAX (sizeof ((struct target *)0)->changed / sizeof(struct symbols_range))

/* ---- symbols ------------------------------------------------------------------------- */

/* What has changed since the last time, and how many changes that makes. */
static unsigned take_changes(struct target *target, struct symbols_range *out, unsigned *count)
{
	pthread_mutex_lock(&target->changed_lock);
	*count = target->changed_count;
	memcpy(out, target->changed, sizeof target->changed);
	target->changed_count = 0;
	unsigned changes = __atomic_load_n(&target->map_changes, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&target->changed_lock);
	return changes;
}

/* Nothing is known of what has changed. */
static void changed_anywhere(struct target *target)
{
	pthread_mutex_lock(&target->changed_lock);
	target->changed_count = CHANGED_MAX + 1;
	pthread_mutex_unlock(&target->changed_lock);
}

static bool refresh_ranges(struct target *target, const struct symbols_range *ranges,
			   unsigned count)
{
	if (count > CHANGED_MAX)
		return false;
	for (unsigned i = 0; i < count; i++)
		if (symbols_refresh_range(target->symbols, ranges[i].start, ranges[i].end) < 0)
			return false;
	return true;
}

/* Changes are taken before the map is looked at: one meanwhile is one more. */
static void refresh_symbols(struct target *target)
{
	struct symbols_range ranges[CHANGED_MAX];
	unsigned count, changes = take_changes(target, ranges, &count);

	if (!refresh_ranges(target, ranges, count) && symbols_refresh(target->symbols, NULL) < 0)
		changed_anywhere(target);       /* to be looked at with the next */
	target->symbols_of = changes;
	target->symbols_asked = 0;
}

static bool symbols_are_old(struct target *target)
{
	return __atomic_load_n(&target->map_changes, __ATOMIC_ACQUIRE) != target->symbols_of &&
	       !target_is_gone(target);
}

void target_symbols_lock(struct target *target)
{
	pthread_mutex_lock(&target->symbols_lock);
	if (symbols_are_old(target))
		refresh_symbols(target);
}

/* As long as that is less work than to look at what has changed. */
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
	if (symbols_are_old(target) && !is_known(target, address))
		refresh_symbols(target);
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

/* Segments of a library are mapped one behind the other. */
static void note_change(struct target *target, uint64_t start, uint64_t end)
{
	for (unsigned i = 0; i < target->changed_count && i < CHANGED_MAX; i++) {
		struct symbols_range *range = &target->changed[i];

		if (start > range->end || range->start > end)
			continue;
		range->start = start < range->start ? start : range->start;
		range->end = end > range->end ? end : range->end;
		return;
	}
	if (target->changed_count < CHANGED_MAX)
		target->changed[target->changed_count] = (struct symbols_range){ start, end };
	if (target->changed_count <= CHANGED_MAX)
		target->changed_count++;
}

void target_map_changed(struct target *target, uint64_t start, uint64_t len)
{
	uint64_t end = start + ((len + 4095) & ~4095ull);

	if (!len)
		return;
	target->maps_are_old = true;
	target->asked_count = 0;
	pthread_mutex_lock(&target->changed_lock);
	note_change(target, start, end > start ? end : UINT64_MAX);
	__atomic_fetch_add(&target->map_changes, 1, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&target->changed_lock);
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
		changed_anywhere(target);       /* what could not be read by the former one */
		__atomic_fetch_add(&target->map_changes, 1, __ATOMIC_RELEASE);
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
