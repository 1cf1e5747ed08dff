#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <x86intrin.h>

#include "output-internal.h"

#define SPAN_MIN_NS (10 * 1000 * 1000)  /* between two readings: 10 ppm, about */
#define SPAN_MAX_NS (1000 * 1000 * 1000)        /* the machine may have slept in a longer one */
#define READINGS 1000           /* of one measurement */
#define MEASUREMENTS 15

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

static struct clock_reading start;

void clock_start(void)
{
	clock_read(&start);
}

/* What has passed since the start need not be waited for. */
static void calibrate(void)
{
	uint64_t passed = clock_monotonic_ns() - start.ns;
	struct clock_reading last;

	if (passed > SPAN_MAX_NS) {     /* or there was no start */
		clock_start();
		passed = 0;
	}
	if (passed < SPAN_MIN_NS)
		nanosleep(&(struct timespec){ 0, (long)(SPAN_MIN_NS - passed) }, NULL);
	clock_read(&last);
	set_base(&start, &last);
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
	if (!tsc)
		return 0;               /* without a clock all are */
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

/* ---- what an event costs ----------------------------------------------------------------- */

/* As translated code writes it (lib/translate/x86_64/events.c), to one place. */
#define EVENT(clock) \
	"mov	%%rcx, (%0)\n	mov	%%rax, 8(%0)\n	mov	%%rdx, 16(%0)\n" \
	"mov	24(%0), %%rcx\n	movl	$1, (%%rcx)\n	movl	$2, 4(%%rcx)\n" \
	clock \
	"lea	(%%rcx), %%rcx\n	mov	%%rcx, 24(%0)\n" \
	"movzbl	%%ch, %%ecx\n	jrcxz	1f\n1:\n" \
	"mov	(%0), %%rcx\n	mov	8(%0), %%rax\n	mov	16(%0), %%rdx\n"

static uint64_t time_events(bool coarse, void *place)
{
	uint64_t before = __rdtsc();

	for (int i = 0; i < READINGS; i++)
		if (coarse)
			__asm__ volatile(EVENT("mov 32(%0), %%rax\n mov %%rax, 8(%%rcx)\n")
					 : : "r"(place) : "rax", "rcx", "rdx", "memory");
		else
			__asm__ volatile(EVENT("rdtsc\n mov %%eax, 8(%%rcx)\n mov %%edx, 12(%%rcx)\n")
					 : : "r"(place) : "rax", "rcx", "rdx", "memory");
	return (__rdtsc() - before) / READINGS;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t event_ticks[2];

static void measure(void)
{
	uint64_t words[2], block[8] = { 0 }, found[MEASUREMENTS];

	block[3] = (uint64_t)words;     /* the cursor */
	for (int coarse = 0; coarse <= 1; coarse++) {
		for (int i = 0; i < MEASUREMENTS; i++)
			found[i] = time_events(coarse, block);
		qsort(found, MEASUREMENTS, sizeof *found, by_size);
		event_ticks[coarse] = found[MEASUREMENTS / 2];
	}
}

uint64_t clock_event_ticks(bool coarse)
{
	static pthread_once_t measured = PTHREAD_ONCE_INIT;

	pthread_once(&measured, measure);
	return event_ticks[coarse];
}
