/* growing: `growing THREADS WRITES [SECONDS]`: each thread fills a buffer byte by byte,
 * half of it by each of two functions; threads write the same bytes and neighbouring
 * ones.  Then `hits` of each function, as it counted them, on standard output. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SIZE 64

volatile unsigned char buff[SIZE];
static long writes;
static pthread_barrier_t begin;

__attribute__((noipa)) static void first(int r) { buff[r] = (unsigned char)r; }
__attribute__((noipa)) static void second(int r) { buff[r] = (unsigned char)(r + 128); }

static void *fill(void *unused)
{
	(void)unused;
	pthread_barrier_wait(&begin);
	for (long i = 0; i < writes; i++) {
		int r = (int)(i % SIZE);

		if (i / SIZE % 2)
			second(r);
		else
			first(r);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int threads = argc > 1 ? atoi(argv[1]) : 1;
	pthread_t ids[64];

	writes = argc > 2 ? atol(argv[2]) : 1000;
	if (argc > 3)
		usleep((useconds_t)(atof(argv[3]) * 1e6));
	if (threads < 1 || threads > 64 || pthread_barrier_init(&begin, NULL, (unsigned)threads))
		return 2;
	for (int i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, fill, NULL))
			return 1;
	for (int i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	long rounds = writes / SIZE, rest = writes % SIZE;
	long in_first = (rounds + 1) / 2 * SIZE + (rounds % 2 ? 0 : rest);
	printf("%ld %ld\n", in_first * threads, (writes - in_first) * threads);
	return 0;
}
