/* parts: writes and receives large pieces, which wait in the middle, while children
 * end (SIGCHLD is ignored).  Says how many came out short.
 *
 *     parts pipe | socket | receive
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char data[1 << 20];

/* Slow, and in small pieces. */
static void other_end(int fd, int theirs, int receives)
{
	if (fork())
		return;
	close(theirs);
	for (;;) {
		usleep(2000);
		if ((receives ? write(fd, data, 8000) : read(fd, data, 8000)) <= 0)
			_exit(0);
	}
}

static void child_that_ends(void)
{
	if (fork())
		return;
	usleep(100000);
	_exit(0);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "pipe";
	int receives = !strcmp(what, "receive"), ends[2], shorts = 0;

	if (!strcmp(what, "pipe") ? pipe(ends) : socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		return 2;
	other_end(ends[0], ends[1], receives);
	close(ends[0]);
	for (int i = 0; i < 5; i++) {
		for (int j = 0; j < 3; j++)
			child_that_ends();
		ssize_t n = receives ? recv(ends[1], data, sizeof data, MSG_WAITALL)
				     : write(ends[1], data, sizeof data);

		shorts += n != (ssize_t)sizeof data;
	}
	printf("short %d\n", shorts);
	return 0;
}
