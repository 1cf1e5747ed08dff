/* vforked child|thread: a thread waits in vfork, while
 *
 *     child    its child
 *     thread   another thread, the child sleeping,
 *
 * calls 15,000 functions; afterwards all of them are called once more. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FUNCTIONS = 15000, BYTES = 64 };

static unsigned char *functions;
static volatile int waits;

static void make_functions(void)
{
	static const unsigned char add_one[] = { 0x8d, 0x47, 0x01, 0xc3 };

	functions = mmap(NULL, FUNCTIONS * BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < FUNCTIONS; i++)
		memcpy(functions + i * BYTES, add_one, sizeof add_one);
	mprotect(functions, FUNCTIONS * BYTES, PROT_READ | PROT_EXEC);
}

static void nap(void)
{
	nanosleep(&(struct timespec){ 0, 500000000 }, NULL);
}

static int wrong(void)
{
	int count = 0;

	for (int i = 0; i < FUNCTIONS; i++)
		count += ((int (*)(int))(functions + i * BYTES))(i) != i + 1;
	return count;
}

static void *run_functions(void *unused)
{
	while (!waits)
		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	return (void *)(long)(wrong() + (unused != NULL));
}

int main(int argc, char **argv)
{
	int by_child = argc > 1 && !strcmp(argv[1], "child"), status;
	pthread_t thread;
	void *bad = NULL;

	make_functions();
	if (!by_child)
		pthread_create(&thread, NULL, run_functions, NULL);
	pid_t pid = vfork();
	if (pid == 0) {
		waits = 1;
		if (by_child ? wrong() : (nap(), 0))
			_exit(2);
		execl("/bin/true", "true", (char *)NULL);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	if (!by_child)
		pthread_join(thread, &bad);
	printf("status %d, wrong %d %ld\n", status, wrong(), (long)bad);
	return 0;
}
