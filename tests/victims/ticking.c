/* ticking [SECONDS]: calls turn() a million times at least, so long, and until enough signals of
 * a timer have come, one every 300 us; a second thread does the same.  Prints how often turn()
 * was called, and how many signals were handled. */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

#define HANDLED_MIN 100

static volatile unsigned handled;
static double seconds;
static long turns[2];

static void on_alarm(int signal)
{
	(void)signal;
	handled++;
}

/* Blocks with flags that live and that do not, with free registers and without. */
__attribute__((noipa)) static uint64_t turn(uint64_t x, volatile uint64_t *at)
{
	uint64_t y;

	__asm__ volatile("mov %1, %0\n\t"
			 "cmp $7, %0\n\t"
			 "jmp 1f\n"
			 "1:	adc $3, %0\n\t"
			 "mov %2, %1\n\t"
			 "jmp 2f\n"
			 "2:	lea 1(%0), %0\n\t"
			 "push %0\n\t"
			 "jmp 3f\n"
			 "3:	pop %0\n\t"
			 "xor %1, %0\n"
			 : "=&r"(y), "+r"(x) : "m"(*at) : "cc");
	return y;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *run(void *arg)
{
	volatile uint64_t cell = 4711;
	double end = now() + seconds;
	long *n = arg;

	do {
		for (int i = 0; i < 500000; i++, (*n)++)
			cell = turn(cell, &cell);
	} while (now() < end || *n < 1000000 || handled < HANDLED_MIN);
	return NULL;
}

int main(int argc, char **argv)
{
	struct itimerval every = { { 0, 300 }, { 0, 300 } }, never = { { 0, 0 }, { 0, 0 } };
	pthread_t thread;

	seconds = argc > 1 ? atof(argv[1]) : 0;
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &every, NULL);
	pthread_create(&thread, NULL, run, &turns[1]);
	run(&turns[0]);
	pthread_join(thread, NULL);
	setitimer(ITIMER_REAL, &never, NULL);
	printf("%ld %u\n", turns[0] + turns[1], handled);
	return 0;
}
