#include "writer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guard.h"
#include "limits.h"
#include "session.h"

#define BUFFER_BYTES (256 * 1024)
#define LIVE_NS (20 * 1000000ull)       /* that somebody who watches waits at most, */
#define FILE_NS (1000 * 1000000ull)     /* and who looks into the file */

extern char **environ;

/* ---- opening ------------------------------------------------------------------------ */

/* Ctrl-C is for the tracer, which then writes the rest: the command is not to die
 * of it. */
static int spawn_shell(const char *command, int input, pid_t *pid)
{
	char *argv[] = { "sh", "-c", (char *)command, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t mask, defaults;
	short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGXFSZ);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, input, 0);
	posix_spawnattr_init(&attributes);
	/* A pager reads the terminal: it belongs into the user's job. */
	if (guard_group() && getpgid(guard_group()) == guard_group())
		flags |= POSIX_SPAWN_SETPGROUP;
	posix_spawnattr_setpgroup(&attributes, guard_group());
	posix_spawnattr_setflags(&attributes, flags);
	posix_spawnattr_setsigmask(&attributes, &mask);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	limits_restore();
	int r = posix_spawn(pid, "/bin/sh", &files, &attributes, argv, environ);
	limits_raise();
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return r;
}

/* The writing end of a pipe into `command`; -1 with errno. */
static int open_command(const char *command, pid_t *child)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	int r = spawn_shell(command, ends[0], child);
	close(ends[0]);
	if (!r)
		return ends[1];
	close(ends[1]);
	errno = r;
	return -1;
}

static void look_at(struct writer *w)
{
	struct stat st;

	w->is_terminal = isatty(w->fd);
	w->is_live = w->is_terminal || (fstat(w->fd, &st) == 0 &&
					(S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)));
}

int writer_open(struct writer *w, struct session *session, const char *name, bool appends,
		struct err *err)
{
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (appends ? O_APPEND : O_TRUNC);

	*w = (struct writer){ .session = session, .name = name, .fd = -1, .room = BUFFER_BYTES };
	if (!name) {
		w->fd = STDERR_FILENO;
	} else if (!strcmp(name, "-")) {
		w->fd = STDOUT_FILENO;
	} else if (name[0] == '|') {
		w->fd = open_command(name + 1, &w->child);
		w->is_owned = true;
	} else {
		w->fd = open(name, flags, 0666);
		w->is_owned = true;
	}
	if (w->fd < 0)
		return err_set(err, errno, "cannot write to %s: %s", name, strerror(errno));
	look_at(w);
	w->buffer = malloc(w->room);
	if (!w->buffer)
		return err_set(err, ENOMEM, "out of memory");
	return 0;
}

/* ---- writing --------------------------------------------------------------------------- */

static void failed(struct writer *w, int code)
{
	if (w->error)
		return;
	w->error = code;
	session_end(w->session);
}

static void write_out(struct writer *w, const char *text, size_t len)
{
	while (len && !w->error) {
		ssize_t n = write(w->fd, text, len);

		if (n >= 0) {
			text += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			struct pollfd ready = { .fd = w->fd, .events = POLLOUT };

			poll(&ready, 1, 1000);
		} else if (errno != EINTR) {
			failed(w, errno);
		}
	}
}

void writer_flush(struct writer *w)
{
	write_out(w, w->buffer, w->used);
	w->used = 0;
}

void writer_flush_due(struct writer *w, uint64_t now_ns)
{
	if (!w->used || now_ns - w->flushed_ns < (w->is_live ? LIVE_NS : FILE_NS))
		return;
	w->flushed_ns = now_ns;
	writer_flush(w);
}

char *writer_room_slow(struct writer *w, size_t len)
{
	writer_flush(w);
	if (w->room < len) {
		char *grown = realloc(w->buffer, len);

		if (!grown)
			abort();        /* one line of it does not fit into memory */
		w->buffer = grown;
		w->room = len;
	}
	return w->buffer;
}

void writer_write(struct writer *w, const char *text, size_t len)
{
	char *at = writer_room(w, len);

	memcpy(at, text, len);
	writer_done(w, at + len);
}

int writer_close(struct writer *w, struct err *err)
{
	if (w->fd < 0)
		return 0;
	if (w->buffer)
		writer_flush(w);
	if (w->is_owned && close(w->fd) < 0 && !w->error)
		w->error = errno;
	if (w->child)
		while (waitpid(w->child, NULL, 0) < 0 && errno == EINTR)
			;
	free(w->buffer);
	w->buffer = NULL;
	w->fd = -1;
	if (!w->error || w->error == EPIPE)
		return 0;
	return err_set(err, w->error, "cannot write to %s: %s (the output is not complete)",
		       w->name ? w->name : "standard error", strerror(w->error));
}
