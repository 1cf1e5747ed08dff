/* threads N SECONDS: N threads that sleep and wake; says "ready" when all are there, and at
 * the end how many of them have been awake. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_int awake;

static void *thread(void *unused)
{
	(void)unused;
	usleep(10000);
	atomic_fetch_add(&awake, 1);
	for (;;)
		usleep(50000);
	return NULL;
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 100;
	pthread_attr_t small;
	pthread_t id;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 65536);
	for (int i = 0; i < count; i++)
		if (pthread_create(&id, &small, thread, NULL)) {
			perror("pthread_create");
			return 1;
		}
	while (atomic_load(&awake) < count)
		usleep(1000);
	puts("ready");
	fflush(stdout);
	usleep((useconds_t)(argc > 2 ? atof(argv[2]) * 1e6 : 1e6));
	printf("%d threads\n", atomic_load(&awake));
	return 0;
}
