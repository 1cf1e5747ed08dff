/* threads N SECONDS: N threads that sleep and wake; says "ready" when all are there, and at
 * the end, or when SIGUSR1 comes, how many of them have been awake. */
#include <pthread.h>
#include <signal.h>
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

static void wake_main(int number)
{
	(void)number;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = wake_main };  /* no SA_RESTART: usleep() ends */
	int count = argc > 1 ? atoi(argv[1]) : 100;
	pthread_attr_t small;
	pthread_t id;

	sigaction(SIGUSR1, &action, NULL);
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
