/* flood: many signals, or many short threads, one behind the other.
 *
 *     flood kill N         N signals to itself
 *     flood timer N        N of an interval timer of 100 us
 *     flood suspend N      N from a child, each awaited in sigsuspend()
 *     flood catch N        as kill, the handler is set anew before each (SA_RESETHAND)
 *     flood ignored N      as kill, the signal being ignored
 *     flood work N         work that takes N loops, under a timer of 50 us
 *     flood queue N        N queued by a child, in their order, each with its value
 *     flood stop N         N times: a timer of 50 us is stopped, and its handler taken away
 *     flood exit N         ends under a timer of 15 us
 *     flood threads N      N threads, each joined before the next
 *
 * Says how many it has seen; on standard error, how many microseconds each took.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile unsigned long seen;

static void on_signal(int number)
{
	(void)number;
	seen++;
}

static void *run(void *unused)
{
	(void)unused;
	seen++;
	return NULL;
}

static void threads(unsigned long n)
{
	pthread_t thread;

	for (unsigned long i = 0; i < n; i++)
		if (pthread_create(&thread, NULL, run, NULL) == 0)
			pthread_join(thread, NULL);
}

static void set(int number, void (*handler)(int), int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	sigaction(number, &action, NULL);
}

static void kill_self(unsigned long n, int anew)
{
	for (unsigned long i = 0; i < n; i++) {
		if (anew)
			set(SIGUSR1, on_signal, (int)SA_RESETHAND);
		kill(getpid(), SIGUSR1);
	}
}

static void timer(unsigned long n)
{
	struct itimerval each = { { 0, 100 }, { 0, 100 } }, off = { { 0, 0 }, { 0, 0 } };

	set(SIGALRM, on_signal, SA_RESTART);
	setitimer(ITIMER_REAL, &each, NULL);
	while (seen < n)
		;
	setitimer(ITIMER_REAL, &off, NULL);
	seen = n;
}

static void suspend(unsigned long n)
{
	sigset_t blocked, before;
	pid_t parent = getpid();

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	pid_t child = fork();
	while (child == 0)
		if (kill(parent, SIGUSR1) < 0)
			_exit(0);
	while (seen < n)
		sigsuspend(&before);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void every(int us)
{
	struct itimerval each = { { 0, us }, { 0, us } };

	setitimer(ITIMER_REAL, &each, NULL);
}

static void work(unsigned long n)
{
	volatile unsigned long done = 0;

	set(SIGALRM, on_signal, SA_RESTART);
	every(50);
	while (done < n)
		done++;
	every(0);
	seen = done;
}

static volatile int from, wrong;

static void on_queued(int number, siginfo_t *info, void *context)
{
	(void)number, (void)context;
	wrong += info->si_code != SI_QUEUE || info->si_pid != from ||
		 (unsigned long)info->si_value.sival_int != seen;
	seen++;
}

static void queue(unsigned long n)
{
	struct sigaction action = { .sa_sigaction = on_queued, .sa_flags = SA_SIGINFO };
	pid_t parent = getpid();
	sigset_t blocked, before;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	sigaction(SIGRTMIN, &action, NULL);
	from = fork();
	if (from == 0) {
		for (unsigned long i = 0; i < n; i++)
			while (sigqueue(parent, SIGRTMIN, (union sigval){ .sival_int = (int)i }) < 0)
				nanosleep(&(struct timespec){ 0, 100000 }, NULL);
		_exit(0);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	while (seen < n)
		;
	waitpid(from, NULL, 0);
	seen -= (unsigned)wrong;
}

static void stop(unsigned long n)
{
	for (unsigned long i = 0; i < n; i++) {
		set(SIGALRM, on_signal, SA_RESTART);
		every(50);
		for (volatile int wait = 0; wait < 200000; wait++)
			;
		every(0);
		set(SIGALRM, SIG_DFL, 0);       /* one more would be the end */
	}
	seen = n;
}

static void leave(unsigned long n)
{
	set(SIGALRM, on_signal, SA_RESTART);
	every(15);
	_exit(n == 7 ? 0 : 1);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	unsigned long n = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000;
	struct timespec start, end;

	set(SIGUSR1, strcmp(what, "ignored") ? on_signal : SIG_IGN, 0);
	clock_gettime(CLOCK_MONOTONIC, &start);
	if (!strcmp(what, "threads"))
		threads(n);
	else if (!strcmp(what, "timer"))
		timer(n);
	else if (!strcmp(what, "work"))
		work(n);
	else if (!strcmp(what, "queue"))
		queue(n);
	else if (!strcmp(what, "stop"))
		stop(n);
	else if (!strcmp(what, "exit"))
		leave(n);
	else if (!strcmp(what, "suspend"))
		suspend(n);
	else
		kill_self(n, !strcmp(what, "catch"));
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%lu seen\n", seen);
	fprintf(stderr, "%.2f us each\n", ((double)(end.tv_sec - start.tv_sec) * 1e6 +
					   (double)(end.tv_nsec - start.tv_nsec) / 1e3) / (double)n);
	return 0;
}
