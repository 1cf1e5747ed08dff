#include <pthread.h>
#include <time.h>
#include <x86intrin.h>

#include "output-internal.h"

/* Readings taken together, and the rate: ns = ticks * rate / 2^32. */
static struct {
	uint64_t tsc, ns, epoch_ns;
	uint64_t rate;
} base;

static uint64_t read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t clock_monotonic_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

/* The reading of CLOCK_MONOTONIC with the narrowest pair of tsc around it. */
static void read_pair(uint64_t *tsc, uint64_t *ns)
{
	uint64_t best = ~0ull;

	for (int i = 0; i < 32; i++) {
		uint64_t before = __rdtsc(), at = clock_monotonic_ns(), after = __rdtsc();

		if (after - before < best) {
			best = after - before;
			*tsc = before + best / 2;
			*ns = at;
		}
	}
}

static void calibrate(void)
{
	const struct timespec pause = { 0, 20 * 1000 * 1000 };
	uint64_t tsc, ns;

	read_pair(&base.tsc, &base.ns);
	base.epoch_ns = base.ns + (read_clock(CLOCK_REALTIME) - clock_monotonic_ns());
	nanosleep(&pause, NULL);
	read_pair(&tsc, &ns);
	base.rate = (uint64_t)((unsigned __int128)(ns - base.ns) << 32) / (tsc - base.tsc);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Differences may be negative: a time-stamp from before the calibration. */
static int64_t to_ns(int64_t ticks)
{
	return (int64_t)((__int128)ticks * (__int128)base.rate >> 32);
}

uint64_t clock_tsc_to_duration(uint64_t tsc)
{
	pthread_once(&once, calibrate);
	return (uint64_t)to_ns((int64_t)tsc);
}

uint64_t clock_tsc_to_ns(uint64_t tsc)
{
	pthread_once(&once, calibrate);
	return base.ns + (uint64_t)to_ns((int64_t)(tsc - base.tsc));
}

uint64_t clock_tsc_to_epoch_ns(uint64_t tsc)
{
	pthread_once(&once, calibrate);
	return base.epoch_ns + (uint64_t)to_ns((int64_t)(tsc - base.tsc));
}
