/* fills [block|later]: the kernel fills `filled` over and over, and the program counts there.
 * With `block` SIGTRAP is blocked; with `later` from 300 ms on, until SIGUSR1 comes. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

volatile unsigned filled __attribute__((aligned(8)));

static volatile sig_atomic_t is_asked;

static void on_usr1(int signal)
{
	is_asked = signal;
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

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
	int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	int is_later = argc > 1 && !strcmp(argv[1], "later");
	long begun = now_ms();

	signal(SIGUSR1, on_usr1);
	if (argc > 1 && !is_later)
		set_trap(SIG_BLOCK, "blocked");
	for (;;) {
		if (read(fd, (void *)&filled, sizeof filled) != sizeof filled)
			return 1;
		if (is_later != 2)      /* a trap in the program would unblock it */
			filled++;
		if (is_later == 1 && now_ms() - begun > 300) {
			set_trap(SIG_BLOCK, "blocked");
			is_later = 2;
		}
		if (is_later == 2 && is_asked) {
			set_trap(SIG_UNBLOCK, "unblocked");
			is_later = 0;
		}
	}
}
