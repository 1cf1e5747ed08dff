/* vforks N: makes N children by vfork, one after the other, each of which lets its
 * parent wait for 0.1 s. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const struct timespec nap = { 0, 100000000 };
	int bad = 0, status;

	for (int i = 0; argc > 1 && i < atoi(argv[1]); i++) {
		pid_t pid = vfork();

		if (pid == 0) {
			nanosleep(&nap, NULL);
			execl("/bin/true", "true", (char *)NULL);
			_exit(1);
		}
		bad += waitpid(pid, &status, 0) != pid || status != 0;
	}
	printf("bad %d\n", bad);
	return bad != 0;
}
