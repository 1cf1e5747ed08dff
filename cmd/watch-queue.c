#include "watch-queue.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define ROOM 16384u
#define WAKE_AT (ROOM / 4)      /* events; the reader looks by itself now and then */

struct watch_queue {
	pthread_mutex_t lock;
	pthread_cond_t taken;
	bool is_closed, is_busy;        /* the reader has taken some */
	size_t first, count;
	struct watch_event events[ROOM];
};

struct watch_queue *watch_queue_create(void)
{
	struct watch_queue *q = calloc(1, sizeof *q);

	if (!q)
		return NULL;
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->taken, NULL);
	return q;
}

void watch_queue_destroy(struct watch_queue *q)
{
	if (!q)
		return;
	for (size_t i = 0; i < q->count; i++)
		free(q->events[(q->first + i) % ROOM].stack);
	pthread_mutex_destroy(&q->lock);
	pthread_cond_destroy(&q->taken);
	free(q);
}

void watch_queue_add(struct watch_queue *q, const struct watch_event *event,
		     void (*wake)(void *context), void *context)
{
	pthread_mutex_lock(&q->lock);
	while (q->count == ROOM && !q->is_closed) {
		wake(context);
		pthread_cond_wait(&q->taken, &q->lock);
	}
	bool wakes = q->count == WAKE_AT;
	if (q->is_closed)
		free(event->stack);
	else
		q->events[(q->first + q->count++) % ROOM] = *event;
	pthread_mutex_unlock(&q->lock);
	if (wakes)
		wake(context);
}

size_t watch_queue_take(struct watch_queue *q, struct watch_event *out, size_t room)
{
	size_t n = 0;

	pthread_mutex_lock(&q->lock);
	for (; n < room && q->count; n++, q->count--) {
		out[n] = q->events[q->first];
		q->first = (q->first + 1) % ROOM;
	}
	q->is_busy |= n > 0;
	if (n)
		pthread_cond_broadcast(&q->taken);
	pthread_mutex_unlock(&q->lock);
	return n;
}

void watch_queue_done(struct watch_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->is_busy = false;
	pthread_cond_broadcast(&q->taken);
	pthread_mutex_unlock(&q->lock);
}

void watch_queue_drain(struct watch_queue *q, void (*wake)(void *context), void *context)
{
	pthread_mutex_lock(&q->lock);
	while ((q->count || q->is_busy) && !q->is_closed) {
		wake(context);
		pthread_cond_wait(&q->taken, &q->lock);
	}
	pthread_mutex_unlock(&q->lock);
}

void watch_queue_close(struct watch_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->is_closed = true;
	pthread_cond_broadcast(&q->taken);
	pthread_mutex_unlock(&q->lock);
}
