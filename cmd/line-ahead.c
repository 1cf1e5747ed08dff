#include "line-ahead.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "condition.h"
#include "line-cache.h"

#define NICER 5                         /* not so much that who waits at the end would wait long */
#define WAIT_NS (1000 * 1000)

struct wanted {
	uint64_t address;
	int file;
};

struct ahead_file {
	struct source_file id;
	struct source_lines *lines;     /* NULL: it has none */
};

struct line_ahead {
	pthread_mutex_t lock;
	pthread_cond_t has_work, is_idle;
	pthread_t thread;
	bool is_started, ends, is_busy;
	struct line_cache *cache;
	struct ahead_file *files;
	size_t file_count, file_room;
	struct wanted *queue;           /* [at, count) are left */
	size_t at, count, room;
	uint64_t added, done;           /* ever */
};

struct line_ahead *line_ahead_create(void)
{
	struct line_ahead *ahead = calloc(1, sizeof *ahead);

	if (ahead)
		ahead->cache = line_cache_create();
	if (!ahead || !ahead->cache) {
		free(ahead);
		return NULL;
	}
	pthread_mutex_init(&ahead->lock, NULL);
	pthread_cond_init(&ahead->has_work, NULL);
	condition_init(&ahead->is_idle);
	return ahead;
}

void line_ahead_destroy(struct line_ahead *ahead)
{
	if (!ahead)
		return;
	pthread_mutex_lock(&ahead->lock);
	ahead->ends = true;
	pthread_cond_signal(&ahead->has_work);
	pthread_mutex_unlock(&ahead->lock);
	if (ahead->is_started)
		pthread_join(ahead->thread, NULL);
	for (size_t i = 0; i < ahead->file_count; i++)
		source_lines_close(ahead->files[i].lines);
	pthread_cond_destroy(&ahead->has_work);
	pthread_cond_destroy(&ahead->is_idle);
	pthread_mutex_destroy(&ahead->lock);
	line_cache_destroy(ahead->cache);
	free(ahead->files);
	free(ahead->queue);
	free(ahead);
}

/* ---- the thread ------------------------------------------------------------------------ */

/* requires: locked */
static void look_up(struct line_ahead *ahead, const struct wanted *wanted)
{
	const struct ahead_file *file = &ahead->files[wanted->file];
	const struct source_place place = { file->id, wanted->address };
	struct source_lines *lines = file->lines;
	struct origin_line line = { 0 };
	struct source_line found;

	pthread_mutex_unlock(&ahead->lock);
	if (source_lines_find(lines, wanted->address, &found) && found.line)
		line = (struct origin_line){ found.file, found.line };
	pthread_mutex_lock(&ahead->lock);
	line_cache_add(ahead->cache, &place, &line);
	ahead->done++;
}

static void *run(void *context)
{
	const struct sched_param none = { 0 };
	struct line_ahead *ahead = context;

	/* Both are of this thread alone; where they fail, it is as the others are. */
	(void)!sched_setscheduler(0, SCHED_BATCH, &none);
	(void)!nice(NICER);
	pthread_mutex_lock(&ahead->lock);
	while (!ahead->ends) {
		if (ahead->at == ahead->count) {
			ahead->at = ahead->count = 0;
			ahead->is_busy = false;
			pthread_cond_broadcast(&ahead->is_idle);
			pthread_cond_wait(&ahead->has_work, &ahead->lock);
			continue;
		}
		const struct wanted wanted = ahead->queue[ahead->at++];

		look_up(ahead, &wanted);
	}
	pthread_mutex_unlock(&ahead->lock);
	return NULL;
}

/* ---- for the others -------------------------------------------------------------------- */

static int find(const struct line_ahead *ahead, const struct source_file *file)
{
	for (size_t i = 0; i < ahead->file_count; i++)
		if (source_file_is(&ahead->files[i].id, file))
			return (int)i;
	return -1;
}

int line_ahead_file(struct line_ahead *ahead, const struct source_file *file)
{
	pthread_mutex_lock(&ahead->lock);
	int found = find(ahead, file);
	pthread_mutex_unlock(&ahead->lock);
	return found;
}

/* requires: locked */
static int add_file(struct line_ahead *ahead, const struct source_file *file, struct source_lines *lines)
{
	if (ahead->file_count == ahead->file_room) {
		size_t room = ahead->file_room ? 2 * ahead->file_room : 16;
		struct ahead_file *grown = realloc(ahead->files, room * sizeof *grown);

		if (!grown)
			return -1;
		ahead->files = grown;
		ahead->file_room = room;
	}
	ahead->files[ahead->file_count] = (struct ahead_file){ *file, lines };
	return (int)ahead->file_count++;
}

int line_ahead_file_add(struct line_ahead *ahead, const struct source_file *file,
			struct source_lines *lines)
{
	pthread_mutex_lock(&ahead->lock);
	int added = find(ahead, file);
	bool is_new = added < 0;
	if (is_new)
		added = add_file(ahead, file, lines);
	pthread_mutex_unlock(&ahead->lock);
	if (!is_new || added < 0)
		source_lines_close(lines);
	return added;
}

/* requires: locked */
static bool make_room(struct line_ahead *ahead)
{
	if (ahead->count < ahead->room)
		return true;
	size_t room = ahead->room ? 2 * ahead->room : 4096;
	struct wanted *grown = realloc(ahead->queue, room * sizeof *grown);

	if (!grown)
		return false;
	ahead->queue = grown;
	ahead->room = room;
	return true;
}

/* requires: locked */
static bool is_running(struct line_ahead *ahead)
{
	if (!ahead->is_started)
		ahead->is_started = !pthread_create(&ahead->thread, NULL, run, ahead);
	return ahead->is_started;
}

void line_ahead_add(struct line_ahead *ahead, int file, uint64_t address)
{
	pthread_mutex_lock(&ahead->lock);
	if (ahead->files[file].lines && make_room(ahead) && is_running(ahead)) {
		ahead->queue[ahead->count++] = (struct wanted){ address, file };
		ahead->added++;
		if (!ahead->is_busy)
			pthread_cond_signal(&ahead->has_work);
		ahead->is_busy = true;
	}
	pthread_mutex_unlock(&ahead->lock);
}

bool line_ahead_find(struct line_ahead *ahead, int file, uint64_t address, struct origin_line *out)
{
	pthread_mutex_lock(&ahead->lock);
	const struct source_place place = { ahead->files[file].id, address };
	bool found = line_cache_find(ahead->cache, &place, out);
	pthread_mutex_unlock(&ahead->lock);
	return found;
}

bool line_ahead_wait(struct line_ahead *ahead, uint64_t *asked)
{
	pthread_mutex_lock(&ahead->lock);
	if (!*asked)
		*asked = ahead->added;
	if (ahead->done < *asked)
		condition_wait(&ahead->is_idle, &ahead->lock, WAIT_NS);
	bool is_left = ahead->done < *asked;
	pthread_mutex_unlock(&ahead->lock);
	return is_left;
}
