#include "condition.h"

#include <time.h>

#define SECOND_NS 1000000000

void condition_init(pthread_cond_t *condition)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

void condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, uint64_t limit_ns)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	limit_ns += (uint64_t)until.tv_nsec;
	until.tv_sec += (time_t)(limit_ns / SECOND_NS);
	until.tv_nsec = (long)(limit_ns % SECOND_NS);
	pthread_cond_timedwait(condition, lock, &until);
}
