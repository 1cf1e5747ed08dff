#include "watch.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "attach.h"
#include "debug-registers.h"
#include "message.h"
#include "output.h"
#include "process.h"
#include "tracee.h"
#include "unwind.h"
#include "watch-internal.h"
#include "watch-seek.h"

/* ---- which registers ------------------------------------------------------------------- */

/* Cuts [address, address + len) into aligned pieces.  -ENOSPC: there are too few
 * registers. */
static int cut(struct watch *w, struct place *place, struct err *err)
{
	uint64_t at = place->address, left = place->len;

	while (left) {
		unsigned len = 8;

		while (at % len || len > left)
			len /= 2;
		if (w->piece_count + !!w->library_at == WATCH_REGISTERS)
			return err_set(err, ENOSPC, "--watch %s: the four debug registers are too few "
				       "(say --watch-with code)", place->text);
		w->pieces[w->piece_count++] = (struct piece){ .address = at, .len = len,
							      .place = place };
		at += len;
		left -= len;
	}
	return 0;
}

static ssize_t read_memory(void *context, uint64_t address, void *buf, size_t len)
{
	return tracee_read(((struct watch *)context)->pid, address, buf, len);
}

/* The value that the next access will have changed. */
static void look(const struct watch *w, struct place *p)
{
	p->is_known = p->len <= sizeof p->value &&
		      tracee_read(w->pid, p->address, p->value, p->len) == (ssize_t)p->len;
}

static int look_first(struct session *s, const struct watch *w, struct place *p, struct err *err)
{
	look(w, p);
	if (p->is_known || p->len > sizeof p->value || s->options->wait)
		return 0;
	return err_set(err, EFAULT, "--watch %s: nothing is mapped at 0x%" PRIx64
		       " (--wait: until something is)", p->text, p->address);
}

/* Where the loader comes when it has mapped a library, before anything in it is used, and
 * when it has unmapped one; 0: unknown. */
static uint64_t find_library_point(struct symbols *symbols)
{
	struct symbols_match *matches = NULL;
	struct err err = { 0 };
	ssize_t n = symbols_lookup_name(symbols, "_dl_debug_state", SYMBOL_FUNCTION, &matches, &err);
	uint64_t at = n > 0 ? matches[0].address : 0;

	free(matches);
	return at;
}

static int cut_all(struct watch *w, struct err *err)
{
	int r = 0;

	w->piece_count = 0;
	for (size_t i = 0; r == 0 && i < w->place_count; i++)
		if (w->places[i].is_found)
			r = cut(w, &w->places[i], err);
	return r;
}

/* Finds the places in the process as it is now. */
static int locate(struct session *s, struct watch *w, struct err *err)
{
	struct symbols_memory memory = { read_memory, w };
	const struct string_list *texts = &s->options->watches;
	int r;

	w->symbols = symbols_create(w->pid, &memory);
	w->places = calloc(texts->count, sizeof *w->places);
	if (!w->symbols || !w->places)
		return err_set(err, ENOMEM, "out of memory");
	symbols_set_demangle(w->symbols, !s->options->no_demangle);
	r = symbols_refresh(w->symbols, err);
	for (size_t i = 0; r >= 0 && i < texts->count; i++) {
		struct place *p = &w->places[w->place_count++];

		r = watch_seek_first(s, i, p, w->pid, w->symbols, err);
		if (r >= 0 && p->is_found)
			r = look_first(s, w, p, err);
	}
	w->library_at = s->options->wait ? find_library_point(w->symbols) : 0;
	return r < 0 ? r : cut_all(w, err);
}

static void forget(struct watch *w)
{
	unwinder_destroy(w->unwinder);
	symbols_destroy(w->symbols);
	for (size_t i = 0; i < w->place_count; i++)
		place_deinit(&w->places[i]);
	free(w->places);
	w->unwinder = NULL;
	w->symbols = NULL;
	w->places = NULL;
	w->place_count = w->piece_count = 0;
}

struct watch *watch_of(struct session *s, pid_t pid)
{
	struct watch *w = s->watches;

	while (w && w->pid != pid)
		w = w->next;
	return w;
}

/* What no breakpoint of the program says, but by chance. */
static uint64_t make_cookie(void)
{
	uint64_t cookie;

	if (getrandom(&cookie, sizeof cookie, 0) != sizeof cookie)
		cookie = (uint64_t)getpid() << 32;
	return cookie * WATCH_EVENT_NUMBERS;
}

static struct watch *add(struct session *s, pid_t pid)
{
	struct watch *w = calloc(1, sizeof *w);

	if (w) {
		w->pid = pid;
		w->cookie = make_cookie();
		w->next = s->watches;
		s->watches = w;
	}
	return w;
}

/* ---- begin --------------------------------------------------------------------------------- */

static const char *why_not(int r)
{
	return r == -EBUSY ? "SIGTRAP is blocked or ignored" :
	       r == -ENOSPC ? "too few debug registers" :
	       r == -EMFILE || r == -ENFILE ? "too many files are open (see ulimit -n)" :
	       strerror(-r);
}

/* A process that another one has made. */
static int begin_child(struct session *s, pid_t pid, struct err *err)
{
	struct watch *w = add(s, pid);
	int r = w ? locate(s, w, err) : -ENOMEM;

	if (r < 0)
		return r;
	r = watch_arm_all(s, w);
	return r < 0 ? err_set(err, -r, "%s", why_not(r)) : 0;
}

void watch_thread(struct session *s, struct thread *thread)
{
	struct watch *w = watch_of(s, thread->pid);
	struct err err = { 0 };
	int r = w ? 0 : begin_child(s, thread->pid, &err);

	if (w && !w->by_events) {
		r = watch_arm_thread(w, thread->tid);
		err_set(&err, -r, "%s", why_not(r));
	}
	if (r < 0 && r != -ESRCH)
		message_warning("thread %d cannot be watched: %s", thread->tid, err.text);
}

void watch_leave(struct session *s, pid_t pid)
{
	for (struct watch *w = s->watches; w; w = w->next)
		if (!pid || w->pid == pid)
			watch_disarm_all(s, w);
}

void watch_by_code(struct session *s, const char *why)
{
	struct err err = { 0 };

	watch_destroy(s);
	output_watch_goes_on(s->output, s->watch_hits, s->watch_table);
	s->watch_table = NULL;
	s->events.stores = true;
	message_verbose(1, "--watch: by translated code (%s)", why);
	if (output_start(s->output, &err) < 0) {
		message_error(&err);
		session_end(s);
	}
}

static int by_code(struct session *s, const char *why)
{
	watch_by_code(s, why);
	return 1;
}

static bool waits_for_library(const struct watch *w)
{
	for (size_t i = 0; i < w->place_count; i++)
		if (!w->places[i].is_found)
			return true;
	return false;
}

static void say_unmapped(const struct watch *w)
{
	for (size_t i = 0; i < w->place_count; i++)
		if (w->places[i].is_found && !w->places[i].is_known)
			message_warning("--watch %s: nothing is mapped at 0x%" PRIx64 " yet",
					w->places[i].text, w->places[i].address);
}

/* By registers; 1: it is to be by translated code, as has been said. */
static int try_registers(struct session *s, struct watch *w, bool may_choose, struct err *err)
{
	int r = watch_arm_all(s, w);

	if (r < 0 && may_choose)
		return by_code(s, why_not(r));
	if (r < 0)
		return err_set(err, -r, "the debug registers are not to be had: %s", why_not(r));
	if (!w->sees_kernel && may_choose) {
		watch_disarm_all(s, w);
		return by_code(s, "debug registers do not show the kernel's writes here");
	}
	say_unmapped(w);
	message_verbose(1, "--watch: by debug registers (%u of %d%s)", w->piece_count,
			WATCH_REGISTERS, w->sees_kernel ? "" : "; not the kernel's writes");
	return 0;
}

/* Finds the places and arms the registers.  1: as above. */
static int choose_way(struct session *s, struct watch *w, struct err *err)
{
	enum watch_way way = s->options->watch_way;
	bool may_choose = way == WATCH_AUTO && !w->next;
	int r = locate(s, w, err);

	if (r < 0 && r != -ENOSPC)
		return r;
	if (way == WATCH_CODE)
		return by_code(s, "as --watch-with says");
	if (r == -ENOSPC)
		return may_choose ? by_code(s, "four debug registers are too few") : r;
	if (may_choose && waits_for_library(w))
		return by_code(s, "a library is waited for");
	if (may_choose && watch_is_blocked(s, w))
		return by_code(s, "SIGTRAP is blocked");
	if (may_choose && watch_has_neighbours(w))
		return by_code(s, "one store may hit two of the places");
	if (!debug_registers_trap())
		return may_choose ? by_code(s, "debug registers do not trap on this machine") :
		       err_set(err, ENOTSUP, "debug registers do not trap on this machine, as on some "
					     "virtual ones: use --watch-with code");
	return try_registers(s, w, may_choose, err);
}

/* The newest: it has come to nothing. */
static void take_back(struct session *s)
{
	struct watch *w = s->watches;

	s->watches = w->next;
	watch_disarm_all(s, w);
	forget(w);
	free(w);
}

static int attach(struct session *s, pid_t pid, struct err *err)
{
	int r = process_attachable(pid, err);

	if (s->events.stores)           /* as it was for the process before */
		return attach_process(s, pid, err);
	struct watch *w = r < 0 ? NULL : add(s, pid);

	if (r < 0)
		return r;
	if (!w)
		return err_set(err, ENOMEM, "out of memory");
	r = attach_stop_process(s, pid, err);
	if (r < 0) {
		take_back(s);
		return r;
	}
	r = choose_way(s, w, err);
	if (r > 0)
		return attach_take_process(s, pid, err);
	if (r < 0) {
		attach_detach_process(s, pid);
		take_back(s);
		return r;
	}
	attach_resume_process(s, pid);
	message_verbose(1, "attached to process %d", pid);
	return 0;
}

static int start(struct session *s, void (*before_exec)(void), struct err *err)
{
	struct thread *thread;
	int status = attach_spawn(s, before_exec, &thread, err);

	if (status || !thread)
		return status;
	struct watch *w = add(s, thread->pid);
	int r = w ? choose_way(s, w, err) : err_set(err, ENOMEM, "out of memory");
	if (r > 0) {
		r = attach_take_program(s, thread, err);
		return r < 0 ? 1 : 0;
	}
	if (r < 0) {
		kill(thread->pid, SIGKILL);
		return 1;
	}
	thread->is_stopped = false;
	tracee_resume(thread->tid, TRACEE_CONT, 0);
	return 0;
}

int watch_begin(struct session *s, void (*before_exec)(void), struct err *err)
{
	size_t attached = 0;

	if (s->options->program)
		return start(s, before_exec, err);
	for (size_t i = 0; i < s->options->pid_count; i++) {
		struct err why = { 0 };

		if (attach(s, s->options->pids[i], &why) == 0) {
			attached++;
			continue;
		}
		err_prefix(&why, "cannot watch process %d", s->options->pids[i]);
		message_error(&why);
	}
	err->code = 0;
	return attached ? 0 : 1;
}

bool watch_exec(struct session *s, struct thread *thread)
{
	struct watch *w = watch_of(s, thread->pid);
	struct err err = { 0 };

	if (!w)
		w = add(s, thread->pid);
	if (!w)
		return false;
	watch_disarm_all(s, w);
	forget(w);
	if (locate(s, w, &err) == 0) {
		int r = watch_arm_all(s, w);

		if (r == 0)
			return true;
		err_set(&err, -r, "%s", why_not(r));
	}
	message_warning("process %d has executed another program, which is not watched: %s",
			thread->pid, err.text);
	return false;
}

/* ---- libraries --------------------------------------------------------------------------------- */

/* True: some place is not where it was. */
static bool seek(struct session *s, struct watch *w)
{
	bool any = false;

	for (size_t i = 0; i < w->place_count; i++) {
		struct place now, *p = &w->places[i];

		any |= watch_seek_lost(p);
		if (!watch_seek_again(s, i, p, w->symbols, w->pid, &now))
			continue;
		*p = now;
		look(w, p);
		any = true;
	}
	return any;
}

static void follow(struct session *s, struct watch *w)
{
	struct err err = { 0 };
	int r = 0;

	w->libraries_changed = false;
	attach_pause_process(s, w->pid);
	if (symbols_refresh(w->symbols, NULL) > 0 && seek(s, w)) {
		watch_disarm_all(s, w);
		r = cut_all(w, &err);
		if (r < 0)              /* as many as there are registers */
			message_error(&err);
		r = watch_arm_all(s, w);
	}
	if (r < 0)
		message_warning("process %d is not watched any more: %s", w->pid, why_not(r));
	attach_resume_process(s, w->pid);
}

void watch_follow_all(struct session *s)
{
	if (!s->watches_changed)
		return;
	s->watches_changed = false;
	for (struct watch *w = s->watches; w; w = w->next)
		if (w->libraries_changed)
			follow(s, w);
}

void watch_destroy(struct session *s)
{
	while (s->watches)
		take_back(s);
}

