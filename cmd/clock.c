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

void clock_read(struct clock_reading *out)
{
	read_pair(&out->tsc, &out->ns);
	out->epoch_ns = out->ns + (read_clock(CLOCK_REALTIME) - clock_monotonic_ns());
}

static void set_base(const struct clock_reading *first, const struct clock_reading *last)
{
	uint64_t ticks = last->tsc - first->tsc;

	base.tsc = first->tsc;
	base.ns = first->ns;
	base.epoch_ns = first->epoch_ns;
	base.rate = ticks ? (uint64_t)(((unsigned __int128)(last->ns - first->ns) << 32) / ticks) : 0;
}

static void calibrate(void)
{
	const struct timespec pause = { 0, 20 * 1000 * 1000 };
	struct clock_reading first, last;

	clock_read(&first);
	nanosleep(&pause, NULL);
	clock_read(&last);
	set_base(&first, &last);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void nothing(void)
{
}

void clock_set(const struct clock_reading *first, const struct clock_reading *last)
{
	pthread_once(&once, nothing);
	set_base(first, last);
}

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
