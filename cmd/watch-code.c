#include "watch-code.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "hijack.h"
#include "process.h"
#include "service.h"
#include "session.h"
#include "tracee.h"
#include "watch-access.h"
#include "watch-code-internal.h"
#include "watch-follow.h"
#include "watch-seek.h"

#define FLAG_ZF 0x40
#define FLAG_DF 0x400
#define LOG_WAIT_NS 20000       /* for who has the log's lock */

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
	struct translate_store stepped; /* of an instruction that is run natively */
	struct watch_accesses accesses;
	uint64_t rcx;
	struct span *spans;
	size_t count, room;
	uint8_t *bytes;
	size_t bytes_room;
	bool waits;                     /* for its turn */
	uint64_t undone;                /* the pc of a call whose push is to be made again */
};

struct watch_copies *watch_copies_of(const struct target *target)
{
	return &target->watching->copies;
}

/* ---- turns ----------------------------------------------------------------------------------- */

static void wait_turn(struct thread *thread, bool on)
{
	struct watch_pending *pending = thread->watch_pending;

	thread->target->watching->waiters += (unsigned)on - (unsigned)pending->waits;
	pending->waits = on;
}

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

	if (watching->owner == thread) {
		watching->owner = NULL;
		watch_log_unlock(thread->target);
	}
	if (thread->watch_pending) {
		thread->watch_pending->store = NULL;
		wait_turn(thread, false);
	}
	next_turn(thread->target, thread);
}

static struct watch_pending *pending_of(struct thread *thread)
{
	if (!thread->watch_pending)
		thread->watch_pending = calloc(1, sizeof *thread->watch_pending);
	return thread->watch_pending;
}

/* Nobody else accesses watched memory from now on, and all that was done is known.
 * False: not now, the thread asks again later. */
static bool begin_turn(struct thread *thread)
{
	struct watch_code *watching = thread->target->watching;

	if (watching->owner && watching->owner != thread) {
		wait_turn(thread, true);
		return false;
	}
	if (!watch_log_lock(thread->target)) {
		service_put_off(thread, LOG_WAIT_NS);
		return false;
	}
	watch_log_read(thread->target);
	return true;
}

/* ---- the kernel -------------------------------------------------------------------------------- */

/* Looks at all places, where nobody is at one.  False: somebody is. */
static bool look(struct thread *thread, struct watch_event *draft, const uint64_t *call)
{
	struct watch_code *watching = thread->target->watching;

	if ((watching->owner && watching->owner != thread) ||
	    !watch_log_lock_soon(thread->target))
		return false;
	watch_log_read(thread->target);
	watch_compare_all(thread, draft, call);
	if (!watching->owner)
		watch_log_unlock(thread->target);
	return true;
}

static struct watch_event call_draft(const struct thread_block *tb)
{
	return (struct watch_event){ .what = WATCH_SYSCALL, .pc = tb->sys_next - 2,
				     .number = (uint16_t)tb->sys_args[0] };
}

void watch_code_ring(struct target *target)
{
	if (target->watching)
		target->watching->has_ring = true;
}

bool watch_code_syscall(struct thread *thread)
{
	struct watch_event draft = call_draft(thread->tb);

	if (!thread->target->watching || !pending_of(thread))
		return true;
	if (!begin_turn(thread))
		return false;
	watch_compare_all(thread, &draft, thread->tb->sys_args);
	end_turn(thread);
	if (!thread->target->watching->owner)
		watch_log_unlock(thread->target);
	return true;
}

void watch_code_signal(struct thread *thread, int signal)
{
	struct watch_event draft = { .what = WATCH_SIGNAL, .number = (uint16_t)signal };

	if (!thread->target->watching)
		return;
	target_lock(thread->target);
	look(thread, &draft, NULL);
	target_unlock(thread->target);
}

void watch_code_process_end(struct thread *thread)
{
	struct target *target = thread->target;
	struct watch_code *watching = target->watching;

	if (!watching || (watching->owner && watching->owner != thread) ||
	    !watch_log_lock_soon(target))
		return;
	watch_log_read(target);
	for (uint32_t i = 0; i < target->place_count; i++)
		watch_compare_before(thread, i);
	if (!watching->owner)
		watch_log_unlock(target);
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

void watch_code_read(struct target *target)
{
	target_lock(target);
	watch_log_read(target);
	target_unlock(target);
}

void watch_code_flush(struct target *target)
{
	if (target->watching)
		watch_code_read(target);
}

/* ---- an access --------------------------------------------------------------------------------- */

/* Takes out those that have bytes in common with it, and makes it as long as they are together:
 * elements of a vector that overlap, or are in one value, are one access. */
static void join_spans(struct watch_pending *pending, struct span *span)
{
	for (size_t i = 0; i < pending->count;) {
		const struct span other = pending->spans[i++];
		uint64_t end = span->address + span->len, other_end = other.address + other.len;

		if (other.place != span->place || other.what != span->what || other.address >= end ||
		    span->address >= other_end)
			continue;
		span->address = other.address < span->address ? other.address : span->address;
		span->len = (other_end > end ? other_end : end) - span->address;
		span->only_changes |= other.only_changes;
		pending->spans[--i] = pending->spans[--pending->count];
		i = 0;                  /* it may be longer now: all of them again */
	}
}

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
	if (place->len <= WATCH_PIECE_BYTES) {        /* a value is shown whole */
		start = place->address;
		end = place_end;
	}
	struct span span = {
		.place = index, .what = what, .only_changes = a->only_changes, .address = start,
		.len = end - start,
	};
	join_spans(pending, &span);
	if (pending->count == pending->room) {
		size_t room = pending->room ? pending->room * 2 : 8;
		struct span *grown = realloc(pending->spans, room * sizeof *grown);

		if (!grown)
			return;
		pending->spans = grown;
		pending->room = room;
	}
	pending->spans[pending->count++] = span;
}

static void find_spans(struct target *target, struct watch_pending *pending)
{
	pending->count = 0;
	for (unsigned i = 0; i < pending->accesses.count; i++)
		for (uint32_t k = 0; k < target->place_count; k++) {
			const struct watch_access *a = &pending->accesses.items[i];
			const struct place *place = &target->places[k];

			if (!place->is_found)
				continue;
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
		const struct watch_copy *copy = &target->watching->copies.items[span->place];
		const struct place *place = &target->places[span->place];

		span->old = pending->bytes + at;
		if (!watch_read(target, thread->tid, span->address, span->old, span->len))
			memset(span->old, 0, span->len);
		if (!copy->bytes)
			continue;
		const uint8_t *known = copy->bytes + (span->address - place->address);
		if (is_again && copy->is_known)
			memcpy(span->old, known, span->len);
		else if (!copy->is_known || memcmp(known, span->old, span->len))
			watch_compare_before(thread, span->place);
	}
	pending->undone = 0;
	return 0;
}

int watch_code_before(struct thread *thread, struct cache_pc *at)
{
	struct target *target = thread->target;
	const struct translate_store *store = translator_store(target->translator, thread->tb->exit);
	struct watch_pending *pending = pending_of(thread);

	if (!store)
		return -EINVAL;
	if (!pending)
		return -ENOMEM;
	if (!target->watching->owner && watch_log_may_retry(thread, store)) {
		watch_log_read(target);
		*at = store->again;
		return 0;
	}
	watch_access_find(store, thread->tb, &pending->accesses);
	watch_log_tell_shape(thread, thread->tb->exit, &pending->accesses);
	find_spans(target, pending);
	if (!pending->count) {
		*at = store->plain;
		return 0;
	}
	if (!begin_turn(thread))
		return -EAGAIN;
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
		const struct watch_copy *copy = &target->watching->copies.items[span->place];
		struct watch_event draft = { .place = span->place, .what = span->what,
					     .pc = pending->store->pc.address };
		uint64_t start = span->address, end = start + span->len;
		uint8_t *new = pending->bytes + pending->bytes_room / 2;

		if (place->len > WATCH_PIECE_BYTES && start < from)
			start = from;
		if (place->len > WATCH_PIECE_BYTES && end > to)
			end = to;
		if (start >= end || (span->address >= to || span->address + span->len <= from))
			continue;
		const uint8_t *old = span->old + (start - span->address);
		if (span->what == WATCH_READ) { /* what was there before, even if it has been written to */
			watch_add_pieces(thread, &draft, old, old, start, end - start);
			continue;
		}
		if (!watch_read(target, thread->tid, start, new, end - start))
			continue;
		if (!has_stored)
			continue;
		if (span->only_changes)
			watch_add_changes(thread, &draft, place, old, new, start, end - start);
		else
			watch_add_pieces(thread, &draft, old, new, start, end - start);
		if (copy->bytes)
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

/* A scatter has faulted at one of its elements: those before it have been stored. */
static void report_elements(struct thread *thread)
{
	struct watch_pending *pending = thread->watch_pending;
	size_t left = 0;

	for (size_t i = 0; i < pending->count; i++) {
		pending->spans[i].only_changes = true;
		if (pending->spans[i].what == WATCH_WRITE)
			pending->spans[left++] = pending->spans[i];
	}
	pending->count = left;
	report(thread, 0, UINT64_MAX, true);
}

/* The access between its two requests has been made, or a part of it, or not: as the registers
 * say. */
static void end_access(struct thread *thread, const struct translate_regs *regs)
{
	struct watch_pending *pending = thread->watch_pending;

	if (!pending)
		return;
	if (pending->store && regs->pc != pending->store->pc.address)
		report(thread, 0, UINT64_MAX, has_stored(pending, regs->flags));
	else if (pending->store && pending->accesses.element && regs->gpr[1] < pending->rcx)
		report_part(thread, regs->gpr[1]);
	else if (pending->store && pending->accesses.is_vector)
		report_elements(thread);
	else if (pending->store && pending->store->is_call)
		pending->undone = regs->pc;
	if (pending->store || pending->waits)
		end_turn(thread);
}

/* What the instruction at which it stands accesses.  False: nothing that is watched. */
static bool find_stepped(struct thread *thread, struct watch_pending *pending,
			 const struct user_regs_struct *regs)
{
	const uint64_t gpr[16] = { regs->rax, regs->rcx, regs->rdx, regs->rbx, regs->rsp, regs->rbp,
				   regs->rsi, regs->rdi, regs->r8, regs->r9, regs->r10, regs->r11,
				   regs->r12, regs->r13, regs->r14, regs->r15 };
	struct thread_block *tb = thread->tb;
	ssize_t n = tracee_read(thread->tid, regs->rip, pending->stepped.bytes,
				sizeof pending->stepped.bytes);

	if (n <= 0)
		return false;
	pending->stepped.pc.address = regs->rip;
	pending->stepped.len = (uint8_t)n;
	memcpy(tb->gpr, gpr, sizeof gpr);
	tb->rflags = regs->eflags;
	tb->target = regs->fs_base;
	watch_access_find(&pending->stepped, tb, &pending->accesses);
	find_spans(thread->target, pending);
	return pending->count > 0;
}

void watch_code_stopped(struct thread *thread, const struct translate_regs *regs)
{
	const struct thread_block *tb = thread->tb;

	watch_log_stopped(thread, regs);
	/* Behind a system call nobody will ask about any more. */
	if (tb->sys_resume == thread->target->runtime.syscall_post.address &&
	    regs->pc == tb->sys_next && !thread->target->watching->owner) {
		struct watch_event draft = call_draft(tb);

		look(thread, &draft, tb->sys_args);
	}
	end_access(thread, regs);
}

bool watch_code_step(struct thread *thread, const struct user_regs_struct *regs)
{
	struct watch_pending *pending;
	bool is_turn = true;

	if (!thread->target->watching)
		return true;
	target_lock(thread->target);
	pending = pending_of(thread);
	if (pending && find_stepped(thread, pending, regs)) {
		is_turn = begin_turn(thread);
		if (is_turn) {
			thread->target->watching->owner = thread;
			pending->store = &pending->stepped;
			pending->rcx = regs->rcx;
			int ignored = take_old(thread, pending);
			(void)ignored;
		}
	}
	target_unlock(thread->target);
	return is_turn;
}

void watch_code_stepped(struct thread *thread, const struct user_regs_struct *regs)
{
	const struct watch_pending *pending = thread->watch_pending;
	struct translate_regs behind = { .pc = regs->rip, .flags = regs->eflags };

	if (!pending || pending->store != &pending->stepped)
		return;
	behind.gpr[1] = regs->rcx;
	target_lock(thread->target);
	end_access(thread, &behind);
	target_unlock(thread->target);
}

bool watch_code_fault(struct thread *thread)
{
	const struct translate_runtime *runtime = &thread->target->runtime;
	struct thread_block *tb = thread->tb;
	struct user_regs_struct raw, regs;
	siginfo_t info;

	if (!thread->target->watching || tracee_regs_get(thread->tid, &raw) < 0 ||
	    raw.rip < runtime->watch.address || raw.rip >= runtime->watch_end.address ||
	    tracee_siginfo_get(thread->tid, &info) < 0 || info.si_code <= 0 ||
	    hijack_app_regs(thread, &regs) < 0)
		return false;
	const struct translate_store *store = translator_store(thread->target->translator, tb->exit);
	if (!store)
		return false;
	tb->request_kind = REQUEST_WATCH;
	tb->watch_shape = 0;
	regs.rip = raw.rip < runtime->watched.address ? runtime->request.address :
							   store->resume.address;
	regs.gs_base = target_gs(thread);
	return tracee_regs_set(thread->tid, &regs) == 0;
}

/* ---- begin and end ------------------------------------------------------------------------------- */

void watch_code_thread_end(struct thread *thread)
{
	struct target *target = thread->target;

	if (!target || !target->watching || !thread->tb)
		return;
	target_lock(target);
	watch_log_stopped(thread, NULL);
	watch_log_read(target);
	if (thread->state == THREAD_GONE) {
		/* The kernel clears the word that joins wait for. */
		struct watch_event draft = { .what = WATCH_SYSCALL, .number = SYS_exit };

		look(thread, &draft, NULL);
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

ssize_t watch_code_begin(struct target *target, struct translate_range **ranges, struct err *err)
{
	const struct string_list *texts = &target->session->options->watches;
	int r = 0;

	*ranges = NULL;
	if (!target->session->events.stores)
		return 0;
	target->places = calloc(texts->count, sizeof *target->places);
	target->watching = calloc(1, sizeof *target->watching);
	if (!target->places || !target->watching)
		return err_set(err, ENOMEM, "out of memory");
	target->watching->next = calloc(texts->count, sizeof *target->watching->next);
	for (size_t i = 0; i < texts->count && r == 0; i++)
		r = watch_seek_first(target->session, target->place_count++, &target->places[i],
				     target->pid, target->symbols, err);
	if (r < 0)
		return r;
	ssize_t n = watch_follow_ranges(target, ranges);
	if (n < 0 || !target->watching->next)
		return err_set(err, ENOMEM, "out of memory");
	target->watching->has_ring = process_has_ring(target->pid);
	watch_log_begin(target);
	r = watch_copies_begin(target, &target->watching->copies, err);
	return r < 0 ? r : n;
}

void watch_code_end(struct target *target)
{
	if (target->watching) {
		watch_copies_end(target, &target->watching->copies);
		free(target->watching->next);
	}
	for (size_t i = 0; i < target->place_count; i++)
		place_deinit(&target->places[i]);
	free(target->watching);
	free(target->places);
}
