/* ends: `ends HOW [N]` ends in many ways. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *exit_later(void *status)
{
	usleep(50000);
	puts("from a thread");
	exit((int)(long)status);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "exit";
	int n = argc > 2 ? atoi(argv[2]) : 0;
	pthread_t thread;

	setvbuf(stdout, NULL, _IONBF, 0);
	puts(how);
	if (!strcmp(how, "exit"))
		exit(n);
	if (!strcmp(how, "_exit"))
		_exit(n);
	if (!strcmp(how, "kill"))
		raise(n);
	if (!strcmp(how, "abort"))
		abort();
	if (!strcmp(how, "null"))
		*(volatile int *)0 = 1;
	if (!strcmp(how, "divide"))
		return 1 / *(volatile int *)&n;
	if (!strcmp(how, "wild"))
		((void (*)(void))0x10)();
	if (!strcmp(how, "leader")) {   /* the first thread ends first */
		pthread_create(&thread, NULL, exit_later, (void *)(long)n);
		pthread_exit(NULL);
	}
	return 99;
}
