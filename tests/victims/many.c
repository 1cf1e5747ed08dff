/* many: `many THREADS [WRITES]` makes threads, says `ready`, and at SIGUSR1 lets each of them,
 * one by one, write `shared` so often (1), and ends. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

volatile long shared __attribute__((aligned(8)));

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int writes = 1;

static void *run(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&lock);
	for (int i = 0; i < writes; i++)
		shared++;
	pthread_mutex_unlock(&lock);
	return NULL;
}

int main(int argc, char **argv)
{
	static pthread_t threads[5000];
	int number, n = argc > 1 ? atoi(argv[1]) : 1;
	sigset_t set;

	writes = argc > 2 ? atoi(argv[2]) : 1;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pthread_mutex_lock(&lock);
	for (int i = 0; i < n && i < 5000; i++)
		if (pthread_create(&threads[i], NULL, run, NULL))
			return 1;
	puts("ready");
	fflush(stdout);
	sigwait(&set, &number);
	pthread_mutex_unlock(&lock);
	for (int i = 0; i < n && i < 5000; i++)
		pthread_join(threads[i], NULL);
	printf("%ld\n", shared);
	return 0;
}
