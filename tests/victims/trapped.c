/* trapped: `trapped ignores|blocks|handles|nothing [THREADS]` writes `hits` a thousand times in
 * each thread, and says what the kernel knows of its signals before and behind that. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

volatile long hits __attribute__((aligned(8)));

static volatile sig_atomic_t traps;

static void on_trap(int signal)
{
	(void)signal;
	traps++;
}

static void say(const char *when)
{
	char line[256];
	FILE *f = fopen("/proc/thread-self/status", "r");

	while (f && fgets(line, sizeof line, f))
		if (!strncmp(line, "SigBlk", 6) || !strncmp(line, "SigIgn", 6) ||
		    !strncmp(line, "SigCgt", 6))
			printf("%s %s", when, line);
	if (f)
		fclose(f);
}

static void *run(void *blocks)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTRAP);
	if (blocks)
		pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < 1000; i++)
		hits++;
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	if (!sigismember(&set, SIGTRAP) != !blocks)
		puts("its mask has changed");
	return NULL;
}

int main(int argc, char **argv)
{
	int threads = argc > 2 ? atoi(argv[2]) : 0;
	void *blocks = argc > 1 && !strcmp(argv[1], "blocks") ? argv : NULL;

	if (argc > 1 && !strcmp(argv[1], "ignores"))
		signal(SIGTRAP, SIG_IGN);
	if (argc > 1 && !strcmp(argv[1], "handles"))
		signal(SIGTRAP, on_trap);
	say("before");
	run(blocks);
	for (int i = 0; i < threads; i++) {
		pthread_t other;

		if (pthread_create(&other, NULL, run, blocks))
			return 1;
		pthread_join(other, NULL);
	}
	say("behind");
	printf("%ld hits, %d traps\n", hits, (int)traps);
	return 0;
}
