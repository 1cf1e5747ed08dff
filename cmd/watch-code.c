#include "watch-code.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "message.h"
#include "output.h"
#include "service.h"
#include "session.h"
#include "tracee.h"
#include "watch-access.h"
#include "watch-place.h"
#include "watch-queue.h"
#include "watch-stack.h"
#include "watch-value.h"

#define PIECE_BYTES 8u
#define FLAG_ZF 0x40
#define FLAG_DF 0x400
#define COPIES_MAX (1u << 20)   /* bytes of places that are compared with a copy */

/* What an access has in common with a place. */
struct span {
	uint32_t place;
	uint8_t what;
	bool only_changes;
	uint64_t address, len;
	uint8_t *old;                   /* in watch_pending.bytes */
};

/* An access between its two requests. */
struct watch_pending {
	const struct translate_store *store;    /* NULL: none */
	struct watch_accesses accesses;
	uint64_t rcx;
	struct span *spans;
	size_t count, room;
	uint8_t *bytes;
	size_t bytes_room;
	bool waits;                     /* for its turn */
	uint64_t undone;                /* the pc of a call whose push is to be made again */
};

struct copy {
	uint8_t *bytes;                 /* NULL: there is none */
	bool is_known;                  /* was mapped when it was last looked at */
	bool is_said;                   /* that it is not mapped */
};

struct watch_code {
	struct thread *owner;           /* whose turn it is */
	unsigned waiters;               /* threads that wait for theirs */
	struct copy *copies;            /* by place */
	uint8_t *scratch;               /* as large as the largest copy */
};

/* ---- memory ---------------------------------------------------------------------------- */

static bool read_all(const struct target *target, pid_t tid, uint64_t address, void *buf, size_t len)
{
	if (tid && tracee_read(tid, address, buf, len) == (ssize_t)len)
		return true;
	for (unsigned i = 0; i < target->areas; i++) {
		const struct thread *t = target->by_area[i];

		if (t && t->tid != tid && t->state != THREAD_GONE &&
		    tracee_read(t->tid, address, buf, len) == (ssize_t)len)
			return true;
		if (t && t->tid != tid && t->state != THREAD_GONE)
			return false;
	}
	return false;
}

/* ---- events -------------------------------------------------------------------------------- */

static void add_event(struct thread *thread, const struct watch_event *draft)
{
	const struct options *options = thread->target->session->options;
	const struct place *place = &thread->target->places[draft->place];
	struct watch_event e = *draft;

	if (!watch_value_wanted(options, &place->type, draft->len, (const uint8_t *)&draft->old,
				(const uint8_t *)&draft->new))
		return;
	e.target = thread->target;
	e.tid = thread->tid;
	e.pid = thread->pid;
	if (options->stack && e.pc && !options->summary)
		e.stack = watch_stack_of(thread, e.pc);
	output_watch(thread->target->session->output, &e);
}

/* Cuts [at, at + len) of a place into events. */
static void add_events(struct thread *thread, struct watch_event *draft, const struct place *place,
		       const uint8_t *old, const uint8_t *new, uint64_t at, uint64_t len)
{
	(void)place;
	for (uint64_t done = 0; done < len; done += draft->len) {
		draft->address = at + done;
		draft->len = len - done < PIECE_BYTES ? (uint8_t)(len - done) : PIECE_BYTES;
		draft->old = draft->new = 0;
		memcpy(&draft->old, old + done, draft->len);
		memcpy(&draft->new, new + done, draft->len);
		add_event(thread, draft);
	}
}

/* The same, of those bytes alone that differ. */
static void add_changes(struct thread *thread, struct watch_event *draft, const struct place *place,
			const uint8_t *old, const uint8_t *new, uint64_t at, uint64_t len)
{
	if (place->len <= PIECE_BYTES) {
		if (memcmp(old, new, len))
			add_events(thread, draft, place, old, new, at, len);
		return;
	}
	for (uint64_t i = 0; i < len;) {
		uint64_t from = i;

		if (old[i] == new[i]) {
			i++;
			continue;
		}
		while (i < len && i - from < PIECE_BYTES && old[i] != new[i])
			i++;
		add_events(thread, draft, place, old + from, new + from, at + from, i - from);
	}
}

static void wait_turn(struct thread *thread, bool on)
{
	struct watch_pending *pending = thread->watch_pending;

	thread->target->watching->waiters += (unsigned)on - (unsigned)pending->waits;
	pending->waits = on;
}

/* ---- writes that nobody asked about -------------------------------------------------------------- */

/* System calls that write where a structure says, not an argument. */
static bool writes_indirectly(unsigned number)
{
	switch (number) {
	case SYS_readv: case SYS_preadv: case SYS_preadv2: case SYS_recvmsg: case SYS_recvmmsg:
	case SYS_ioctl: case SYS_process_vm_readv: case SYS_clone3: case SYS_prctl:
	case SYS_io_getevents: case SYS_io_submit: case SYS_bpf: case SYS_keyctl: case SYS_ptrace:
	case SYS_fcntl: case SYS_sendmmsg: case SYS_futex_waitv: case 425: case 426: case 427:
		return true;
	default:
		return false;
	}
}

/* May the call, as it was made, have written there?  Else it was somebody else. */
static bool may_write(const uint64_t *call, uint64_t address, uint64_t len)
{
	uint64_t reach = 65536;

	if (writes_indirectly((unsigned)call[0]))
		return true;
	for (int i = 1; i <= 6; i++)
		if (call[i] > reach && call[i] < 1ull << 40)
			reach = call[i];
	for (int i = 1; i <= 6; i++)
		if (call[i] && call[i] < address + len && address - call[i] < reach)
			return true;
		else if (call[i] >= address && call[i] < address + len)
			return true;
	return false;
}

static bool makes_thread(const struct watch_event *e)
{
	return e->what == WATCH_SYSCALL && (e->number == SYS_clone || e->number == SYS_clone3);
}

/* That is the end of a thread: its beginning leaves its id. */
static bool is_cleared(const uint8_t *before, const uint8_t *now, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (now[i] != before[i] && now[i])
			return false;
	return true;
}

static void say_mapped(const struct target *target, const struct place *place, struct copy *copy,
		       bool is_mapped)
{
	if (is_mapped && copy->is_said)
		message_warning("--watch %s: now there is memory at 0x%" PRIx64, place->text,
				place->address);
	else if (!is_mapped && !copy->is_said)
		message_warning("--watch %s: nothing is mapped at 0x%" PRIx64 " %s", place->text,
				place->address, copy->is_known ? "any more" : "yet");
	copy->is_said = !is_mapped;
	copy->is_known = is_mapped;
	(void)target;
}

/* Compares a place with its copy, and reports what has changed as the draft says. */
static void compare(struct thread *thread, uint32_t index, struct watch_event *draft,
		    const uint64_t *call)
{
	struct target *target = thread->target;
	struct watch_code *watching = target->watching;
	const struct place *place = &target->places[index];
	struct copy *copy = &watching->copies[index];
	uint8_t *now = watching->scratch;
	struct watch_event e = *draft;

	if (!copy->bytes)
		return;
	bool is_mapped = read_all(target, thread->tid, place->address, now, place->len);
	bool was_known = copy->is_known;
	if (!is_mapped && thread->state == THREAD_GONE)
		return;                         /* the process has ended */
	if (is_mapped != was_known)
		say_mapped(target, place, copy, is_mapped);
	if (!is_mapped)
		return;
	if (was_known && memcmp(copy->bytes, now, place->len)) {
		e.place = index;
		if ((call && !may_write(call, place->address, place->len)) ||
		    (makes_thread(&e) && is_cleared(copy->bytes, now, place->len))) {
			e.what = WATCH_OTHER;
			e.pc = 0;
		}
		add_changes(thread, &e, place, copy->bytes, now, place->address, place->len);
	}
	memcpy(copy->bytes, now, place->len);
}

static void compare_all(struct thread *thread, struct watch_event *draft, const uint64_t *call)
{
	for (uint32_t i = 0; i < thread->target->place_count; i++)
		compare(thread, i, draft, call);
}

/* Memory is not what it was before an access: a system call of another thread that
 * has not been looked at yet, or somebody else. */
static void compare_before(struct thread *thread, uint32_t index)
{
	struct target *target = thread->target;
	struct watch_event draft = { .what = WATCH_OTHER };

	for (unsigned i = 0; i < target->areas; i++) {
		struct thread *t = target->by_area[i];
		const struct place *place = &target->places[index];

		if (!t || t == thread || !service_is_waiting(t->tb) ||
		    t->tb->request_kind != REQUEST_SYSCALL_POST ||
		    !may_write(t->tb->sys_args, place->address, place->len))
			continue;
		draft = (struct watch_event){ .what = WATCH_SYSCALL, .pc = t->tb->sys_next - 2,
					      .number = (uint16_t)t->tb->sys_args[0] };
		compare(t, index, &draft, NULL);
		return;
	}
	compare(thread, index, &draft, NULL);
}

bool watch_code_syscall(struct thread *thread)
{
	struct watch_code *watching = thread->target->watching;
	const struct thread_block *tb = thread->tb;
	struct watch_event draft = { .what = WATCH_SYSCALL, .pc = tb->sys_next - 2,
				     .number = (uint16_t)tb->sys_args[0] };

	if (!watching)
		return true;
	if (watching->owner && watching->owner != thread) {
		if (!thread->watch_pending)
			thread->watch_pending = calloc(1, sizeof *thread->watch_pending);
		if (!thread->watch_pending)
			return true;
		wait_turn(thread, true);
		return false;
	}
	compare_all(thread, &draft, tb->sys_args);
	return true;
}

void watch_code_signal(struct thread *thread, int signal)
{
	struct target *target = thread->target;
	struct watch_event draft = { .what = WATCH_SIGNAL, .number = (uint16_t)signal };

	if (!target->watching)
		return;
	target_lock(target);
	if (!target->watching->owner || target->watching->owner == thread)
		compare_all(thread, &draft, NULL);
	target_unlock(target);
}

/* ---- turns ----------------------------------------------------------------------------------- */

/* The next thread that waits is asked to ask again. */
static void next_turn(struct target *target, const struct thread *after)
{
	for (unsigned k = 1; k <= target->areas && target->watching->waiters; k++) {
		unsigned i = (after->area + k) % target->areas;
		struct thread *t = target->by_area[i];

		if (t && t->watch_pending && t->watch_pending->waits) {
			wait_turn(t, false);
			service_ring(target, i);
			return;
		}
	}
}

static void end_turn(struct thread *thread)
{
	struct watch_code *watching = thread->target->watching;

	if (watching->owner == thread)
		watching->owner = NULL;
	if (thread->watch_pending) {
		thread->watch_pending->store = NULL;
		wait_turn(thread, false);
	}
	next_turn(thread->target, thread);
}

void watch_code_thread_end(struct thread *thread)
{
	struct target *target = thread->target;

	if (!target || !target->watching || !thread->tb)
		return;
	target_lock(target);
	bool is_alone = !target->watching->owner || target->watching->owner == thread;
	if (is_alone && thread->state == THREAD_GONE) {
		/* The kernel clears the word that joins wait for. */
		struct watch_event draft = { .what = WATCH_SYSCALL, .number = SYS_exit };

		compare_all(thread, &draft, NULL);
	}
	end_turn(thread);
	if (thread->watch_pending) {
		free(thread->watch_pending->spans);
		free(thread->watch_pending->bytes);
		free(thread->watch_pending);
		thread->watch_pending = NULL;
	}
	target_unlock(target);
}

/* ---- an access --------------------------------------------------------------------------------- */

static void add_span(struct watch_pending *pending, const struct place *place, uint32_t index,
		     const struct watch_access *a, uint8_t what)
{
	uint64_t end = a->address + a->len, place_end = place->address + place->len;
	uint64_t start = a->address > place->address ? a->address : place->address;

	if (end < a->address)
		end = UINT64_MAX;
	if (end > place_end)
		end = place_end;
	if (start >= end)
		return;
	if (place->len <= PIECE_BYTES) {        /* a value is shown whole */
		start = place->address;
		end = place_end;
	}
	if (pending->count == pending->room) {
		size_t room = pending->room ? pending->room * 2 : 8;
		struct span *grown = realloc(pending->spans, room * sizeof *grown);

		if (!grown)
			return;
		pending->spans = grown;
		pending->room = room;
	}
	pending->spans[pending->count++] = (struct span){
		.place = index, .what = what, .only_changes = a->only_changes, .address = start,
		.len = end - start,
	};
}

static void find_spans(struct target *target, struct watch_pending *pending)
{
	pending->count = 0;
	for (unsigned i = 0; i < pending->accesses.count; i++)
		for (uint32_t k = 0; k < target->place_count; k++) {
			const struct watch_access *a = &pending->accesses.items[i];
			const struct place *place = &target->places[k];

			if (a->is_read && (place->access & 2))
				add_span(pending, place, k, a, WATCH_READ);
			if (a->is_write && (place->access & 1))
				add_span(pending, place, k, a, WATCH_WRITE);
		}
}

/* Takes the old values. */
static int take_old(struct thread *thread, struct watch_pending *pending)
{
	struct target *target = thread->target;
	bool is_again = pending->undone == pending->store->pc.address;
	size_t need = 0, at = 0;

	for (size_t i = 0; i < pending->count; i++)
		need += pending->spans[i].len;
	if (2 * need > pending->bytes_room) {
		uint8_t *grown = realloc(pending->bytes, 2 * need);

		if (!grown)
			return -ENOMEM;
		pending->bytes = grown;
		pending->bytes_room = 2 * need;
	}
	for (size_t i = 0; i < pending->count; at += pending->spans[i++].len) {
		struct span *span = &pending->spans[i];
		const struct copy *copy = &target->watching->copies[span->place];
		const struct place *place = &target->places[span->place];

		span->old = pending->bytes + at;
		if (!read_all(target, thread->tid, span->address, span->old, span->len))
			memset(span->old, 0, span->len);
		if (!copy->bytes)
			continue;
		const uint8_t *known = copy->bytes + (span->address - place->address);
		if (is_again && copy->is_known)
			memcpy(span->old, known, span->len);
		else if (!copy->is_known || memcmp(known, span->old, span->len))
			compare_before(thread, span->place);
	}
	pending->undone = 0;
	return 0;
}

int watch_code_before(struct thread *thread, struct cache_pc *at)
{
	struct target *target = thread->target;
	const struct translate_store *store = translator_store(target->translator, thread->tb->exit);
	struct watch_pending *pending = thread->watch_pending;

	if (!store)
		return -EINVAL;
	if (!pending)
		pending = thread->watch_pending = calloc(1, sizeof *pending);
	if (!pending)
		return -ENOMEM;
	watch_access_find(store, thread->tb, &pending->accesses);
	find_spans(target, pending);
	if (!pending->count) {
		*at = store->plain;
		return 0;
	}
	if (target->watching->owner && target->watching->owner != thread) {
		wait_turn(thread, true);
		return -EAGAIN;
	}
	target->watching->owner = thread;
	pending->store = store;
	pending->rcx = thread->tb->gpr[1];
	*at = store->hit;
	return take_old(thread, pending);
}

/* The access has been made, all of it or its part [from, to). */
static void report(struct thread *thread, uint64_t from, uint64_t to, bool has_stored)
{
	struct target *target = thread->target;
	struct watch_pending *pending = thread->watch_pending;

	for (size_t i = 0; i < pending->count; i++) {
		const struct span *span = &pending->spans[i];
		const struct place *place = &target->places[span->place];
		const struct copy *copy = &target->watching->copies[span->place];
		struct watch_event draft = { .place = span->place, .what = span->what,
					     .pc = pending->store->pc.address };
		uint64_t start = span->address, end = start + span->len;
		uint8_t *new = pending->bytes + pending->bytes_room / 2;

		if (place->len > PIECE_BYTES && start < from)
			start = from;
		if (place->len > PIECE_BYTES && end > to)
			end = to;
		if (start >= end || (span->address >= to || span->address + span->len <= from))
			continue;
		const uint8_t *old = span->old + (start - span->address);
		if (!read_all(target, thread->tid, start, new, end - start))
			continue;
		if (span->what == WATCH_WRITE && !has_stored)
			continue;
		(span->only_changes ? add_changes : add_events)(thread, &draft, place, old, new,
								start, end - start);
		if (copy->bytes && span->what == WATCH_WRITE)
			memcpy(copy->bytes + (start - place->address), new, end - start);
	}
}

static bool has_stored(const struct watch_pending *pending, uint64_t flags)
{
	return !pending->accesses.is_cmpxchg || (flags & FLAG_ZF);
}

int watch_code_behind(struct thread *thread, struct cache_pc *at)
{
	struct target *target = thread->target;
	const struct translate_store *store = translator_store(target->translator, thread->tb->exit);
	struct watch_pending *pending = thread->watch_pending;

	if (!store)
		return -EINVAL;
	*at = store->resume;
	if (!pending || pending->store != store)
		return 0;
	report(thread, 0, UINT64_MAX, has_stored(pending, thread->tb->rflags));
	end_turn(thread);
	return 0;
}

/* A repeated string instruction was interrupted: what it has done so far. */
static void report_part(struct thread *thread, uint64_t rcx)
{
	struct watch_pending *pending = thread->watch_pending;
	uint64_t done = (pending->rcx - rcx) * pending->accesses.element;

	for (unsigned i = 0; i < pending->accesses.count && done; i++) {
		const struct watch_access *a = &pending->accesses.items[i];
		bool goes_down = thread->tb->rflags & FLAG_DF;
		uint64_t from = goes_down ? a->address + a->len - done : a->address;

		report(thread, from, from + done, true);
	}
}

void watch_code_stopped(struct thread *thread, const struct translate_regs *regs)
{
	struct watch_pending *pending = thread->watch_pending;

	const struct thread_block *tb = thread->tb;

	/* Behind a system call nobody will ask about any more. */
	if (tb->sys_resume == thread->target->runtime.syscall_post.address &&
	    regs->pc == tb->sys_next && !thread->target->watching->owner) {
		struct watch_event draft = { .what = WATCH_SYSCALL, .pc = tb->sys_next - 2,
					     .number = (uint16_t)tb->sys_args[0] };

		compare_all(thread, &draft, tb->sys_args);
	}
	if (!pending)
		return;
	if (pending->store && regs->pc != pending->store->pc.address)
		report(thread, 0, UINT64_MAX, has_stored(pending, regs->flags));
	else if (pending->store && pending->accesses.element && regs->gpr[1] < pending->rcx)
		report_part(thread, regs->gpr[1]);
	else if (pending->store && pending->store->is_call)
		pending->undone = regs->pc;
	if (pending->store || pending->waits)
		end_turn(thread);
}

void watch_code_park(struct thread *thread, const struct user_regs_struct *regs,
		     struct cache_pc resume)
{
	struct thread_block *tb = thread->tb;
	const uint64_t call[7] = { regs->orig_rax, regs->rdi, regs->rsi, regs->rdx, regs->r10,
				   regs->r8, regs->r9 };

	memcpy(tb->sys_args, call, sizeof call);
	tb->sys_resume_saved = resume.address;
	tb->sys_resume = thread->target->runtime.syscall_post.address;
}

/* ---- begin and end ------------------------------------------------------------------------------- */

static int make_copies(struct target *target, struct err *err)
{
	size_t all = 0, largest = 1;

	target->watching = calloc(1, sizeof *target->watching);
	if (target->watching)
		target->watching->copies = calloc(target->place_count, sizeof(struct copy));
	if (!target->watching || !target->watching->copies)
		return err_set(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < target->place_count; i++) {
		const struct place *place = &target->places[i];
		struct copy *copy = &target->watching->copies[i];

		if (!(place->access & 1))
			continue;
		if (all + place->len > COPIES_MAX) {
			message_warning("--watch %s: writes by the kernel are not looked for: more "
					"than %u bytes", place->text, COPIES_MAX);
			continue;
		}
		all += place->len;
		copy->bytes = malloc(place->len);
		if (!copy->bytes)
			return err_set(err, ENOMEM, "out of memory");
		copy->is_known = tracee_read(target->task, place->address, copy->bytes, place->len) ==
				 (ssize_t)place->len;
		if (!copy->is_known)
			say_mapped(target, place, copy, false);
		if (place->len > largest)
			largest = place->len;
	}
	target->watching->scratch = malloc(largest);
	return target->watching->scratch ? 0 : err_set(err, ENOMEM, "out of memory");
}

int watch_code_begin(struct target *target, struct translate_range **ranges, struct err *err)
{
	const struct string_list *texts = &target->session->options->watches;
	int r = 0;

	*ranges = NULL;
	if (!target->session->events.stores)
		return 0;
	target->places = calloc(texts->count, sizeof *target->places);
	*ranges = calloc(texts->count, sizeof **ranges);
	if (!target->places || !*ranges)
		return err_set(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < texts->count && r == 0; i++) {
		struct place *p = &target->places[target->place_count++];

		r = place_find(p, target->symbols, texts->items[i], err);
		(*ranges)[i] = (struct translate_range){ p->address, p->address + p->len };
	}
	return r < 0 ? r : make_copies(target, err);
}

void watch_code_end(struct target *target)
{
	for (size_t i = 0; i < target->place_count; i++) {
		if (target->watching && target->watching->copies)
			free(target->watching->copies[i].bytes);
		place_deinit(&target->places[i]);
	}
	if (target->watching) {
		free(target->watching->copies);
		free(target->watching->scratch);
	}
	free(target->watching);
	free(target->places);
}
