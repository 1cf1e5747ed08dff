/* timed N: work(), which calls a small function many times, once to warm up and then
 * three times; prints how long the quickest of these took, in microseconds. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

__attribute__((noipa)) static long small(long n)
{
	return n < 2 ? n : small(n - 1) + small(n - 2);
}

static volatile long sum;

__attribute__((noipa)) static void work(long n)
{
	sum += small(n);
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? atol(argv[1]) : 27;
	double best = 1e18;

	work(n);
	for (int i = 0; i < 3; i++) {
		double begun = now_us();

		work(n);
		if (now_us() - begun < best)
			best = now_us() - begun;
	}
	printf("%.3f\n", best);
	return 0;
}
