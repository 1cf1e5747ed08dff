/* fills [block|later]: the kernel fills `filled` over and over, and the program counts there.
 * With `block` SIGTRAP is blocked; with `later` from SIGUSR2 on, until SIGUSR1 comes. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

volatile unsigned filled __attribute__((aligned(8)));

static volatile sig_atomic_t asked;     /* for by which signal */

static void on_signal(int signal)
{
	asked = signal;
}

static void set_trap(int how, const char *said)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTRAP);
	sigprocmask(how, &set, NULL);
	puts(said);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	int is_later = argc > 1 && !strcmp(argv[1], "later");

	signal(SIGUSR1, on_signal);
	signal(SIGUSR2, on_signal);
	if (argc > 1 && !is_later)
		set_trap(SIG_BLOCK, "blocked");
	for (;;) {
		if (read(fd, (void *)&filled, sizeof filled) != sizeof filled)
			return 1;
		if (is_later != 2)      /* a trap in the program would unblock it */
			filled++;
		if (is_later == 1 && asked == SIGUSR2) {
			set_trap(SIG_BLOCK, "blocked");
			is_later = 2;
		}
		if (is_later == 2 && asked == SIGUSR1) {
			set_trap(SIG_UNBLOCK, "unblocked");
			is_later = 0;
		}
	}
}
