/* fills [block]: the kernel fills `filled` over and over, and the program counts there; with
 * `block` SIGTRAP is blocked. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

volatile unsigned filled __attribute__((aligned(8)));

int main(int argc, char **argv)
{
	int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);

	if (argc > 1 && !strcmp(argv[1], "block")) {
		sigset_t set;

		sigemptyset(&set);
		sigaddset(&set, SIGTRAP);
		sigprocmask(SIG_BLOCK, &set, NULL);
		puts("blocked");
		fflush(stdout);
	}
	for (;;) {
		if (read(fd, (void *)&filled, sizeof filled) != sizeof filled)
			return 1;
		filled++;
	}
}
