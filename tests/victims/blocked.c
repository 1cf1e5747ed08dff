/* blocked: waits for 1 s in one system call, and says what the call returned and
 * after how many tenths of a second.  `blocked CALL` */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <netinet/in.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int ends[2];

/* A child that writes, connects or exits in a second. */
static pid_t in_a_second(int port)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	usleep(1000000);
	if (port) {
		struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((unsigned short)port),
					 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		int s = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(s, (struct sockaddr *)&a, sizeof a) < 0)
			_exit(1);
	}
	if (write(ends[1], "x", 1) != 1)
		_exit(1);
	_exit(5);
}

static int do_read(void)
{
	char c;

	in_a_second(0);
	return (int)read(ends[0], &c, 1);
}

static int do_nanosleep(void)
{
	struct timespec t = { 1, 0 };

	return nanosleep(&t, NULL);
}

static int do_clock_nanosleep(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec++;
	return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static int do_poll(void)
{
	struct pollfd p = { ends[0], POLLIN, 0 };

	return poll(&p, 1, 1000);
}

static int do_select(void)
{
	struct timeval t = { 1, 0 };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(ends[0], &set);
	return select(ends[0] + 1, &set, NULL, NULL, &t);
}

static int do_epoll_wait(void)
{
	struct epoll_event e = { .events = EPOLLIN };
	int fd = epoll_create1(0);

	epoll_ctl(fd, EPOLL_CTL_ADD, ends[0], &e);
	return epoll_wait(fd, &e, 1, 1000);
}

static int do_epoll_forever(void)
{
	struct epoll_event e = { .events = EPOLLIN };
	int fd = epoll_create1(0);

	in_a_second(0);
	epoll_ctl(fd, EPOLL_CTL_ADD, ends[0], &e);
	return epoll_wait(fd, &e, 1, -1);
}

static int do_epoll_pwait(void)
{
	struct epoll_event e = { .events = EPOLLIN };
	sigset_t set;
	int fd = epoll_create1(0);

	sigemptyset(&set);
	epoll_ctl(fd, EPOLL_CTL_ADD, ends[0], &e);
	return epoll_pwait(fd, &e, 1, 1000, &set);
}

static int do_sigtimedwait(void)
{
	struct timespec t = { 1, 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return sigtimedwait(&set, NULL, &t);
}

static int do_semtimedop(void)
{
	struct timespec t = { 1, 0 };
	struct sembuf op = { 0, -1, 0 };
	int id = semget(IPC_PRIVATE, 1, 0600);
	int r = semtimedop(id, &op, 1, &t), e = errno;

	semctl(id, 0, IPC_RMID);
	errno = e;
	return r;
}

static int do_recv(void)
{
	struct timeval t = { 1, 0 };
	int pair[2];
	char c;

	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
	return (int)recv(pair[0], &c, 1, 0);
}

/* -2: the limit is not what it was. */
static int limited(int option, int (*wait)(int))
{
	struct timeval t = { 1, 0 }, after = { 0 };
	socklen_t size = sizeof after;
	int pair[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	setsockopt(pair[0], SOL_SOCKET, option, &t, sizeof t);
	int r = wait(pair[0]), code = errno;
	getsockopt(pair[0], SOL_SOCKET, option, &after, &size);
	errno = code;
	return after.tv_sec == 1 && after.tv_usec == 0 ? r : -2;
}

static int by_read(int fd)
{
	char c;

	return (int)read(fd, &c, 1);
}

static int by_write(int fd)
{
	char text[4096] = { 0 };
	ssize_t n;

	while ((n = write(fd, text, sizeof text)) > 0)
		;
	return (int)n;
}

static int do_read_limited(void)
{
	return limited(SO_RCVTIMEO, by_read);
}

static int do_write_limited(void)
{
	return limited(SO_SNDTIMEO, by_write);
}

static int do_accept_limited(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval t = { 1, 0 };
	int s = socket(AF_INET, SOCK_STREAM, 0);

	bind(s, (struct sockaddr *)&a, sizeof a);
	listen(s, 1);
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
	return accept(s, NULL, NULL);
}

static int do_semop(void)
{
	struct sembuf op = { 0, -1, 0 }, up = { 0, 1, 0 };
	int id = semget(IPC_PRIVATE, 1, 0600);

	if (fork() == 0) {
		usleep(1000000);
		semop(id, &up, 1);
		_exit(0);
	}
	int r = semop(id, &op, 1), e = errno;

	semctl(id, 0, IPC_RMID);
	errno = e;
	return r;
}

static int do_accept(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;
	int s = socket(AF_INET, SOCK_STREAM, 0);

	bind(s, (struct sockaddr *)&a, sizeof a);
	listen(s, 1);
	getsockname(s, (struct sockaddr *)&a, &len);
	in_a_second(ntohs(a.sin_port));
	return accept(s, NULL, NULL) >= 0;
}

static int do_wait4(void)
{
	int status;

	in_a_second(0);
	return wait4(-1, &status, 0, NULL) > 0 ? WEXITSTATUS(status) : -1;
}

static int do_futex(void)
{
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t c = PTHREAD_COND_INITIALIZER;
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec++;
	pthread_mutex_lock(&m);
	return pthread_cond_timedwait(&c, &m, &t);
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* A signal with a handler must still interrupt: EINTR. */
static int do_epoll_signal(void)
{
	struct epoll_event e = { .events = EPOLLIN };
	struct sigaction action = { .sa_handler = on_alarm };
	int fd = epoll_create1(0);

	sigaction(SIGALRM, &action, NULL);
	alarm(1);
	epoll_ctl(fd, EPOLL_CTL_ADD, ends[0], &e);
	return epoll_wait(fd, &e, 1, 3000);
}

int main(int argc, char **argv)
{
	static const struct { const char *name; int (*call)(void); } calls[] = {
		{ "read", do_read }, { "nanosleep", do_nanosleep },
		{ "clock_nanosleep", do_clock_nanosleep }, { "poll", do_poll },
		{ "select", do_select }, { "epoll_wait", do_epoll_wait },
		{ "epoll_forever", do_epoll_forever }, { "epoll_pwait", do_epoll_pwait },
		{ "sigtimedwait", do_sigtimedwait }, { "semtimedop", do_semtimedop },
		{ "recv", do_recv }, { "accept", do_accept }, { "wait4", do_wait4 },
		{ "read_limited", do_read_limited }, { "write_limited", do_write_limited },
		{ "accept_limited", do_accept_limited }, { "semop", do_semop },
		{ "futex", do_futex }, { "epoll_signal", do_epoll_signal },
	};

	if (pipe(ends) < 0)
		return 2;
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		if (argc < 2) {
			puts(calls[i].name);
			continue;
		}
		if (strcmp(argv[1], calls[i].name))
			continue;
		double start = now();
		errno = 0;
		int r = calls[i].call(), code = errno;
		printf("%d errno %d after %.1f s\n", r, code, now() - start);
		return 0;
	}
	return argc < 2 ? 0 : 2;
}
