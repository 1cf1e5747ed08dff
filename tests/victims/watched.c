/* watched: `watched SECONDS` writes a variable 10 times, reads it 7 times, from two
 * threads and two functions. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

volatile int counter;
volatile char text[8];

__attribute__((noipa)) static void tick(void) { counter = counter + 1; }
__attribute__((noipa)) static void set(int value) { counter = value; }

static void *thread(void *unused)
{
	(void)unused;
	for (int i = 0; i < 4; i++)
		tick();
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t other;

	if (argc > 1)
		usleep((useconds_t)(atof(argv[1]) * 1e6));
	for (int i = 0; i < 4; i++)
		set(i * 10);
	if (pthread_create(&other, NULL, thread, NULL))
		return 1;
	pthread_join(other, NULL);
	tick();
	set(-1);
	text[3] = 'x';
	printf("%d %d\n", counter, counter);
	return 0;
}
