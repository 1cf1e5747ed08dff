#include "waiting.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tracee.h"

/* at most 20 ms until a call that is made again has read its limit */
#define SETTLE_ROUNDS 200
#define SETTLE_NS 100000

enum limit { LIMIT_NONE, LIMIT_MS, LIMIT_TIMESPEC, LIMIT_RECEIVE, LIMIT_SEND };

static const struct call {
	long number;
	enum limit limit;
	int argument;           /* which one holds the limit: 2 rdx, 3 r10 */
} calls[] = {
	{ SYS_epoll_wait, LIMIT_MS, 3 },
	{ SYS_epoll_pwait, LIMIT_MS, 3 },
	{ SYS_epoll_pwait2, LIMIT_TIMESPEC, 3 },
	{ SYS_semtimedop, LIMIT_TIMESPEC, 3 },
	{ SYS_rt_sigtimedwait, LIMIT_TIMESPEC, 2 },
	{ SYS_semop, LIMIT_NONE, 0 },
	{ SYS_io_getevents, LIMIT_NONE, 0 },
	{ SYS_io_uring_enter, LIMIT_NONE, 0 },
	{ SYS_recvfrom, LIMIT_RECEIVE, 0 },
	{ SYS_recvmsg, LIMIT_RECEIVE, 0 },
	{ SYS_recvmmsg, LIMIT_RECEIVE, 0 },
	{ SYS_read, LIMIT_RECEIVE, 0 },
	{ SYS_readv, LIMIT_RECEIVE, 0 },
	{ SYS_accept, LIMIT_RECEIVE, 0 },
	{ SYS_accept4, LIMIT_RECEIVE, 0 },
	{ SYS_sendto, LIMIT_SEND, 0 },
	{ SYS_sendmsg, LIMIT_SEND, 0 },
	{ SYS_sendmmsg, LIMIT_SEND, 0 },
	{ SYS_write, LIMIT_SEND, 0 },
	{ SYS_writev, LIMIT_SEND, 0 },
	{ SYS_connect, LIMIT_SEND, 0 },
};

static const struct call *find_call(long number)
{
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		if (calls[i].number == number)
			return &calls[i];
	return NULL;
}

bool waiting_was_cut(const struct user_regs_struct *regs)
{
	return (int64_t)regs->rax == -EINTR && find_call((long)regs->orig_rax);
}

/* ---- parts ---------------------------------------------------------------------------- */

/* A pipe, a socket, a terminal: what may take a part.  A file takes all. */
static bool may_part(pid_t tid, int fd)
{
	char name[64];
	struct stat st;

	snprintf(name, sizeof name, "/proc/%d/fd/%d", tid, fd);
	return stat(name, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

bool waiting_was_parted(const struct thread *thread, const struct user_regs_struct *regs)
{
	bool receives_all = (long)regs->orig_rax == SYS_recvfrom && (regs->r10 & MSG_WAITALL) &&
			    !(regs->r10 & (MSG_PEEK | MSG_TRUNC));

	if ((long)regs->orig_rax != SYS_write && (long)regs->orig_rax != SYS_sendto && !receives_all)
		return false;
	return (int64_t)regs->rax > 0 && regs->rax < regs->rdx &&
	       may_part(thread->tid, (int)regs->rdi);
}

void waiting_make_rest(struct user_regs_struct *regs)
{
	regs->rsi += regs->rax;
	regs->rdx -= regs->rax;
	regs->rax = regs->orig_rax;
	regs->orig_rax = ~0ull;
}

/* ---- how long ------------------------------------------------------------------------ */

/* The value of a line of /proc/TID/sched, in ns; 0: not known. */
static uint64_t sched_clock_of(const char *name)
{
	char line[160];
	double ms = 0;
	FILE *f = fopen(name, "re");

	if (!f)
		return 0;
	while (fgets(line, sizeof line, f))
		if (!strncmp(line, "se.exec_start", 13)) {
			char *colon = strchr(line, ':');

			ms = colon ? strtod(colon + 1, NULL) : 0;
			break;
		}
	fclose(f);
	return (uint64_t)(ms * 1e6);
}

static int last_cpu(pid_t tid)
{
	char name[40], text[1024];
	int cpu = -1;

	snprintf(name, sizeof name, "/proc/%d/stat", tid);
	FILE *f = fopen(name, "re");
	if (!f)
		return -1;
	size_t n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[n] = 0;
	char *at = strrchr(text, ')');
	for (int field = 2; at && field < 39; field++)
		at = strchr(at + 1, ' ');
	if (at)
		cpu = atoi(at + 1);
	return cpu;
}

/* The scheduler's clocks differ between processors: ours is read on the one on
 * which the thread fell asleep. */
static uint64_t waited_ns(pid_t tid)
{
	char name[40];
	cpu_set_t before, there;
	int cpu = last_cpu(tid);

	snprintf(name, sizeof name, "/proc/%d/sched", tid);
	uint64_t asleep = sched_clock_of(name);
	if (!asleep || cpu < 0 || sched_getaffinity(0, sizeof before, &before) < 0)
		return 0;
	CPU_ZERO(&there);
	CPU_SET(cpu, &there);
	if (sched_setaffinity(0, sizeof there, &there) < 0)
		return 0;
	sched_yield();
	uint64_t now = sched_clock_of("/proc/thread-self/sched");
	sched_setaffinity(0, sizeof before, &before);
	return now > asleep ? now - asleep : 0;
}

void waiting_note(struct thread *thread)
{
	char name[40], text[256] = "";

	thread->waited_ns = 0;
	snprintf(name, sizeof name, "/proc/%d/syscall", thread->tid);
	FILE *f = fopen(name, "re");
	if (!f)
		return;
	size_t n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[n] = 0;
	const struct call *call = find_call(strtol(text, NULL, 10));
	if (call && text[0] >= '0' && text[0] <= '9' && call->limit != LIMIT_NONE)
		thread->waited_ns = waited_ns(thread->tid);
}

/* ---- again ------------------------------------------------------------------------------- */

static void shorten_ms(unsigned long long *argument, uint64_t waited)
{
	int ms = (int)*argument;
	uint64_t waited_ms = waited / 1000000;

	if (ms > 0)
		*argument = (uint64_t)ms > waited_ms ? (uint64_t)ms - waited_ms : 0;
}

/* The shortened limit stands below the red zone, where a signal's frame might;
 * the kernel copies it at once. */
static void shorten_timespec(struct thread *thread, const struct user_regs_struct *regs,
			     unsigned long long *argument, uint64_t waited)
{
	uint64_t at = (regs->rsp - 1024) & ~15ull;
	struct timespec limit;

	if (!*argument || !waited ||
	    tracee_read(thread->tid, *argument, &limit, sizeof limit) != sizeof limit)
		return;
	uint64_t ns = (uint64_t)limit.tv_sec * 1000000000 + (uint64_t)limit.tv_nsec;
	ns = ns > waited ? ns - waited : 0;
	limit.tv_sec = (time_t)(ns / 1000000000);
	limit.tv_nsec = (long)(ns % 1000000000);
	if (tracee_write(thread->tid, at, &limit, sizeof limit) == sizeof limit)
		*argument = at;
}

/* A descriptor of ours for one of the thread's; -1: none.  Through the process or,
 * where its first thread has ended, through the thread itself. */
static int borrow(const struct thread *thread, int theirs)
{
	static const unsigned thread_flag = O_EXCL;     /* PIDFD_THREAD */
	int pidfd = (int)syscall(SYS_pidfd_open, thread->tid, thread_flag);

	if (pidfd < 0)
		pidfd = (int)syscall(SYS_pidfd_open, thread->pid, 0);
	if (pidfd < 0)
		return -1;
	int fd = (int)syscall(SYS_pidfd_getfd, pidfd, theirs, 0);
	close(pidfd);
	return fd;
}

/* The limit is the socket's: shortened, until the call has read it. */
static void shorten_socket(struct thread *thread, int theirs, int option, uint64_t waited)
{
	struct timeval limit = { 0 };
	socklen_t size = sizeof limit;
	int fd = waited ? borrow(thread, theirs) : -1;

	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, option, &limit, &size) < 0 ||
	    (limit.tv_sec == 0 && limit.tv_usec == 0)) {
		close(fd);
		return;
	}
	uint64_t us = (uint64_t)limit.tv_sec * 1000000 + (uint64_t)limit.tv_usec;
	uint64_t left = us > waited / 1000 ? us - waited / 1000 : 1;
	struct timeval shorter = { (time_t)(left / 1000000), (suseconds_t)(left % 1000000) };

	setsockopt(fd, SOL_SOCKET, option, &shorter, sizeof shorter);
	thread->short_limit = (struct short_limit){ true, fd, option, limit };
}

/* Not on its way to the call any more, but asleep in it, or stopped. */
static bool is_asleep(pid_t tid)
{
	char name[40], first = 0;

	snprintf(name, sizeof name, "/proc/%d/syscall", tid);
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	ssize_t n = read(fd, &first, 1);
	close(fd);
	return n != 1 || first != 'r';          /* running */
}

void waiting_settle(struct thread *thread, pid_t tid)
{
	struct short_limit *limit = &thread->short_limit;

	if (!limit->is_set)
		return;
	for (int i = 0; i < SETTLE_ROUNDS && !is_asleep(tid); i++)
		nanosleep(&(struct timespec){ 0, SETTLE_NS }, NULL);
	setsockopt(limit->fd, SOL_SOCKET, limit->option, &limit->whole, sizeof limit->whole);
	close(limit->fd);
	limit->is_set = false;
}

void waiting_again(struct thread *thread, struct user_regs_struct *regs)
{
	const struct call *call = find_call((long)regs->orig_rax);
	unsigned long long *argument = call->argument == 2 ? &regs->rdx : &regs->r10;
	uint64_t waited = thread->waited_before_ns + thread->waited_ns;

	if (call->limit == LIMIT_MS)
		shorten_ms(argument, waited);
	else if (call->limit == LIMIT_TIMESPEC)
		shorten_timespec(thread, regs, argument, waited);
	else if (call->limit == LIMIT_RECEIVE)
		shorten_socket(thread, (int)regs->rdi, SO_RCVTIMEO, waited);
	else if (call->limit == LIMIT_SEND)
		shorten_socket(thread, (int)regs->rdi, SO_SNDTIMEO, waited);
	regs->rax = regs->orig_rax;
	regs->orig_rax = ~0ull;
	regs->rip -= 2;
	thread->waited_before_ns = waited;
	thread->waited_ns = 0;
}
