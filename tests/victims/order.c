/* order: eight threads, each with calls in an order of its own.  `order DIR` writes
 * to DIR/TID the functions as they were called, one a line. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define THREADS 8
#define CALLS 2000

static const char *where;
static _Thread_local unsigned char log_of[4 * CALLS + 4];
static _Thread_local int logged;

#define FUNCTION(name, index) \
	__attribute__((noipa)) static void name(void) { log_of[logged++] = index; }
FUNCTION(step_a, 0)
FUNCTION(step_b, 1)
FUNCTION(step_c, 2)
__attribute__((noipa)) static void step_d(void)
{
	log_of[logged++] = 3;
	step_a();
	step_b();
}

static void *run(void *number)
{
	static void (*const steps[])(void) = { step_a, step_b, step_c, step_d };
	uint32_t x = (uint32_t)(uintptr_t)number * 2654435761u + 1;
	char path[4096];
	FILE *file;

	for (int i = 0; i < CALLS; i++) {
		x = x * 1664525u + 1013904223u;
		steps[x >> 30]();
	}
	snprintf(path, sizeof path, "%s/%d", where, (int)gettid());
	file = fopen(path, "w");
	if (!file)
		abort();
	for (int i = 0; i < logged; i++)
		fprintf(file, "step_%c\n", "abcd"[log_of[i]]);
	fclose(file);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];

	if (argc != 2)
		return 2;
	where = argv[1];
	for (uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, run, (void *)i))
			return 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
