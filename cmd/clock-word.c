#include "clock-word.h"

#include <pthread.h>
#include <stdlib.h>
#include <x86intrin.h>

static struct {
	pthread_mutex_t lock;
	uint64_t **words;
	unsigned count, room;
	bool is_kept;                   /* a thread runs */
	uint64_t gap;
} clocks = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void set_all(uint64_t now)
{
	for (unsigned i = 0; i < clocks.count; i++)
		__atomic_store_n(clocks.words[i], now, __ATOMIC_RELEASE);
}

/* Ends by itself with the last word. */
static void *keep(void *context)
{
	uint64_t before = __rdtsc(), now;
	bool goes_on = true;

	(void)context;
	while (goes_on) {
		while ((now = __rdtsc()) - before < CLOCK_WORD_TICKS)
			_mm_pause();
		pthread_mutex_lock(&clocks.lock);
		set_all(now);
		if (now - before > clocks.gap)
			clocks.gap = now - before;
		goes_on = clocks.is_kept = clocks.count != 0;
		pthread_mutex_unlock(&clocks.lock);
		before = now;
	}
	return NULL;
}

static bool start(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	bool has = !pthread_create(&thread, &attr, keep, NULL);
	pthread_attr_destroy(&attr);
	return has;
}

static bool make_room(void)
{
	unsigned room = clocks.room ? 2 * clocks.room : 16;

	if (clocks.count < clocks.room)
		return true;
	uint64_t **grown = realloc(clocks.words, room * sizeof *grown);
	if (!grown)
		return false;
	clocks.words = grown;
	clocks.room = room;
	return true;
}

bool clock_word_add(uint64_t *word)
{
	pthread_mutex_lock(&clocks.lock);
	bool added = make_room() && (clocks.is_kept || (clocks.is_kept = start()));
	if (added) {
		clocks.words[clocks.count++] = word;
		set_all(__rdtsc());
	}
	pthread_mutex_unlock(&clocks.lock);
	return added;
}

void clock_word_remove(uint64_t *word)
{
	pthread_mutex_lock(&clocks.lock);
	for (unsigned i = 0; i < clocks.count; i++)
		if (clocks.words[i] == word) {
			clocks.words[i] = clocks.words[--clocks.count];
			break;
		}
	pthread_mutex_unlock(&clocks.lock);
}

uint64_t clock_word_gap(void)
{
	pthread_mutex_lock(&clocks.lock);
	uint64_t gap = clocks.gap;
	pthread_mutex_unlock(&clocks.lock);
	return gap;
}
