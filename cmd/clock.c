#include <time.h>
#include <x86intrin.h>

#include "output-internal.h"

/* A pair of readings taken together, and the rate. */
static struct {
	uint64_t tsc, ns;
	double ns_per_tick;
} base;

static uint64_t monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* The reading of CLOCK_MONOTONIC with the narrowest pair of tsc around it. */
static void read_pair(uint64_t *tsc, uint64_t *ns)
{
	uint64_t best = ~0ull;

	for (int i = 0; i < 16; i++) {
		uint64_t before = __rdtsc(), at = monotonic_ns(), after = __rdtsc();

		if (after - before < best) {
			best = after - before;
			*tsc = before + best / 2;
			*ns = at;
		}
	}
}

static void calibrate(void)
{
	const struct timespec pause = { 0, 10 * 1000 * 1000 };
	uint64_t tsc, ns;

	read_pair(&base.tsc, &base.ns);
	nanosleep(&pause, NULL);
	read_pair(&tsc, &ns);
	base.ns_per_tick = (double)(ns - base.ns) / (double)(tsc - base.tsc);
}

static void ensure(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, calibrate);
}

uint64_t clock_tsc_to_duration(uint64_t tsc)
{
	ensure();
	return (uint64_t)((double)tsc * base.ns_per_tick);
}

uint64_t clock_tsc_to_ns(uint64_t tsc)
{
	ensure();
	return base.ns + (uint64_t)(int64_t)((double)(int64_t)(tsc - base.tsc) * base.ns_per_tick);
}
