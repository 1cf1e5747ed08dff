#include "guard.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "message.h"

#define WORKER_NAME "tracer-worker"

static pid_t front, group;
static bool ignored_children;           /* SIGCHLD, by whoever started us */

/* ---- the front ---------------------------------------------------------------------- */

static const int passed_on[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 };

static void signals_of_front(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++)
		sigaddset(set, passed_on[i]);
}

/* Ends as the worker has ended. */
static _Noreturn void end_as(int status)
{
	if (WIFSIGNALED(status)) {
		int number = WTERMSIG(status);
		sigset_t set;

		message_no_core();
		signal(number, SIG_DFL);
		sigemptyset(&set);
		sigaddset(&set, number);
		raise(number);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
		_exit(128 + number);
	}
	_exit(WEXITSTATUS(status));
}

static _Noreturn void be_front(pid_t worker)
{
	sigset_t set;
	int status, number;

	signals_of_front(&set);
	for (;;) {
		pid_t ended = waitpid(worker, &status, WNOHANG);
		if (ended == worker)
			end_as(status);
		if (ended < 0)
			_exit(125);
		if (sigwait(&set, &number) == 0 && number != SIGCHLD)
			kill(worker, number);
	}
}

/* ---- the worker ---------------------------------------------------------------------- */

/* argv is one stretch of memory, which ps and pidof read. */
static void take_name(int argc, char **argv)
{
	char *start = argv[0], *end = argv[argc - 1] + strlen(argv[argc - 1]) + 1;
	size_t old = strlen(start) + 1, room = (size_t)(end - start), name = sizeof WORKER_NAME;

	prctl(PR_SET_NAME, WORKER_NAME);
	if (room < name)
		return;
	size_t rest = room - old < room - name ? room - old : room - name;
	memmove(start + name, start + old, rest);
	memcpy(start, WORKER_NAME, name);
	memset(start + name + rest, 0, room - name - rest);
}

static void be_worker(int argc, char **argv, const sigset_t *before)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	take_name(argc, argv);
	sigprocmask(SIG_SETMASK, before, NULL);
	if (getppid() != front)         /* killed before it could be noticed */
		_exit(128 + SIGKILL);
}

int guard_split(int argc, char **argv)
{
	sigset_t set, before;

	front = getpid();
	group = getpgrp();
	/* Ignored, it would hide the end of every child. */
	ignored_children = signal(SIGCHLD, SIG_DFL) == SIG_IGN;
	signals_of_front(&set);
	sigprocmask(SIG_BLOCK, &set, &before);
	pid_t worker = fork();
	if (worker == 0) {
		be_worker(argc, argv, &before);
		return 0;
	}
	if (worker > 0)
		be_front(worker);
	sigprocmask(SIG_SETMASK, &before, NULL);
	front = 0;
	message_warning("no second process can be made (%s): should the tracer be killed, programs "
			"live on in the code cache", strerror(errno));
	return -1;
}

/* ---- whom the threads of a program wait for --------------------------------------------- *
 * The kernel goes through this list when the thread ends, however it does, and marks
 * the futexes that it holds.  The links stand in memory that the program can write:
 * only the kernel follows them; here they are written alone, from `owned`. */

static struct robust_list_head robust = {
	.list = { &robust.list },
	.futex_offset = offsetof(struct control, owner) - offsetof(struct control, owner_link),
};
static struct control **owned;
static size_t owned_count, owned_room;

static void link_owned(void)
{
	struct robust_list *next = &robust.list;

	for (size_t i = 0; i < owned_count; i++) {
		struct robust_list *link = (struct robust_list *)&owned[i]->owner_link;

		link->next = next;
		next = link;
	}
	robust.list.next = next;
	syscall(SYS_set_robust_list, &robust, sizeof robust);
}

void guard_own(struct control *control)
{
	if (owned_count == owned_room) {
		size_t room = owned_room ? 2 * owned_room : 16;
		struct control **grown = realloc(owned, room * sizeof *grown);

		if (!grown)
			return;         /* threads would wait for ever; it is a last resort */
		owned = grown;
		owned_room = room;
	}
	control->owner = (uint32_t)gettid();
	owned[owned_count++] = control;
	link_owned();
}

void guard_disown(struct control *control)
{
	for (size_t i = 0; i < owned_count; i++)
		if (owned[i] == control) {
			owned[i] = owned[--owned_count];
			break;
		}
	link_owned();
}

pid_t guard_group(void)
{
	return group;
}

void guard_join_front(void)
{
	if (group)
		setpgid(0, group);
	if (ignored_children)
		signal(SIGCHLD, SIG_IGN);
}

bool guard_is_alone(void)
{
	return front && getppid() != front;
}
