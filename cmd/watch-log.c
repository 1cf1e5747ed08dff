#include "watch-log.h"

#include <linux/futex.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "session.h"
#include "store_log.h"
#include "watch-copy.h"
#include "watch-code-internal.h"

#define FLAG_ZF 0x40
#define TRIES 2000
#define OVERLAPPING_MAX 14      /* ranges that may overlap: 9 pieces each in LOG_PIECES_MAX */
#define PAGE_BYTES 4096u
#define NOWHERE (1ull << 63)    /* no address */

static struct watch_log *log_of(const struct target *target)
{
	return &target->watching->log;
}

/* ---- begin --------------------------------------------------------------------------- */

static bool overlaps_another(const struct target *target, size_t i)
{
	const struct place *p = &target->places[i];

	for (size_t k = 0; k < i; k++)
		if (p->address < target->places[k].address + target->places[k].len &&
		    target->places[k].address < p->address + p->len)
			return true;
	return false;
}

/* A small value is read whole when a part of it is stored: it is to be on one page. */
static bool crosses_pages(const struct place *p)
{
	return p->len <= LOG_PIECE_BYTES &&
	       p->address / PAGE_BYTES != (p->address + p->len - 1) / PAGE_BYTES;
}

static bool can_be_used(const struct target *target)
{
	const struct options *options = target->session->options;
	bool overlap = false;

	if ((options->stack && !options->summary) || target->place_count > LOG_RANGES_MAX)
		return false;
	for (size_t i = 0; i < target->place_count; i++) {
		if (crosses_pages(&target->places[i]))
			return false;
		overlap |= overlaps_another(target, i);
	}
	return !overlap || target->place_count <= OVERLAPPING_MAX;
}

void watch_log_begin(struct target *target)
{
	struct store_log *log = target->store_log;

	log_of(target)->is_used = can_be_used(target);
	if (target->place_count > LOG_RANGES_MAX)
		return;                 /* watch_calls_fill() knows, too */
	log->range_count = (uint32_t)target->place_count;
	for (size_t i = 0; i < target->place_count; i++) {
		const struct place *p = &target->places[i];

		log->ranges[i].start = p->len ? p->address : NOWHERE;
		log->ranges[i].end = p->len ? p->address + p->len : NOWHERE;
	}
}

/* ---- the lock ------------------------------------------------------------------------- */

bool watch_log_lock(struct target *target)
{
	struct watch_log *w = log_of(target);
	uint32_t free = 0;

	if (!w->is_locked)
		w->is_locked = __atomic_compare_exchange_n(&target->store_log->lock, &free,
							   LOG_LOCK_TRACER, false,
							   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	/* Else those who want it go on taking it from each other. */
	__atomic_store_n(&target->store_log->wanted, !w->is_locked, __ATOMIC_SEQ_CST);
	return w->is_locked;
}

bool watch_log_lock_soon(struct target *target)
{
	for (int i = 0; i < TRIES; i++) {
		if (watch_log_lock(target))
			return true;
		if (i % 64 == 63)
			sched_yield();
	}
	__atomic_store_n(&target->store_log->wanted, 0, __ATOMIC_SEQ_CST);
	return false;
}

static void free_lock(struct store_log *log)
{
	uint32_t old = __atomic_exchange_n(&log->lock, 0, __ATOMIC_ACQ_REL);

	if (old & LOG_LOCK_WAITERS)
		syscall(SYS_futex, &log->lock, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void watch_log_unlock(struct target *target)
{
	if (log_of(target)->is_locked)
		free_lock(target->store_log);
	log_of(target)->is_locked = false;
}

/* ---- reading ---------------------------------------------------------------------------- */

/* The program can write into the log: nothing in it is believed. */
static bool is_sound(const struct target *target, const struct store_record *r)
{
	if (!r->ranges_left || r->ranges_left > target->place_count || !r->len ||
	    r->len > LOG_PIECE_BYTES || r->thread >= target->areas || !target->by_area[r->thread])
		return false;
	const struct place *p = &target->places[target->place_count - r->ranges_left];

	return p->is_found && r->address >= p->address && r->address - p->address <= p->len &&
	       r->len <= p->len - (r->address - p->address);
}

static void report(struct target *target, const struct store_record *r)
{
	uint32_t index = (uint32_t)(target->place_count - r->ranges_left);
	const struct place *place = &target->places[index];
	const struct translate_store *store = translator_store(target->translator, r->store);
	struct thread *thread = target->by_area[r->thread];
	struct watch_event e = { .place = index, .pc = store ? store->pc.address : 0,
				 .address = r->address, .len = r->len, .old = r->old,
				 .new = r->new };
	bool has_stored = (r->shape & SHAPE_WRITES) &&
			  (!(r->shape & SHAPE_IF_ZERO) || (r->flags & FLAG_ZF));
	struct watch_copy *copy = &watch_copies_of(target)->items[index];

	watch_compare_found(thread, index, r->address, r->len, (const uint8_t *)&r->old);
	if ((r->shape & SHAPE_READS) && (place->access & 2)) {
		e.what = WATCH_READ;
		e.new = r->old;                 /* what was read, even if it has been written to */
		watch_add(thread, &e);
		e.new = r->new;
	}
	if (!has_stored)
		return;
	if (copy->bytes)
		memcpy(copy->bytes + (r->address - place->address), &r->new, r->len);
	if (place->access & 1) {
		e.what = WATCH_WRITE;
		watch_add(thread, &e);
	}
}

void watch_log_read(struct target *target)
{
	struct store_log *log = target->store_log;
	struct watch_log *w = log_of(target);
	uint64_t head = __atomic_load_n(&log->head, __ATOMIC_ACQUIRE);

	if (head - w->tail > LOG_RECORD_COUNT)
		w->tail = head;                 /* somebody has written over it */
	for (; w->tail != head; w->tail++) {
		/* A copy: it is looked at before it is used. */
		struct store_record r = log->records[w->tail % LOG_RECORD_COUNT];

		if (is_sound(target, &r))
			report(target, &r);
	}
	__atomic_store_n(&log->tail, w->tail, __ATOMIC_RELEASE);
}

/* ---- shapes ------------------------------------------------------------------------------- */

/* The one access of the instruction that matters; NULL: it is not of the kind. */
static const struct watch_access *only_access(const struct target *target,
					      const struct watch_accesses *accesses)
{
	const struct watch_access *found = NULL;
	bool reads = false;

	for (size_t i = 0; i < target->place_count; i++)
		reads |= target->places[i].access & 2;
	for (unsigned i = 0; i < accesses->count; i++) {
		const struct watch_access *a = &accesses->items[i];

		if (!a->is_write && !reads)
			continue;
		if (found)
			return NULL;
		found = a;
	}
	return found;
}

void watch_log_tell_shape(struct thread *thread, uint32_t index,
			  const struct watch_accesses *accesses)
{
	struct target *target = thread->target;
	const struct translate_store *store = translator_store(target->translator, index);
	const struct watch_access *a = only_access(target, accesses);

	if (!log_of(target)->is_used || !store->shape_at || !a || a->only_changes ||
	    accesses->element || !a->len || a->len > 64 || a->address != thread->tb->watch_address)
		return;
	translator_store_shape(target->translator, index,
			       (uint32_t)a->len | (a->is_read ? SHAPE_READS : 0) |
			       (a->is_write ? SHAPE_WRITES : 0) |
			       (accesses->is_cmpxchg ? SHAPE_IF_ZERO : 0));
}

bool watch_log_may_retry(const struct thread *thread, const struct translate_store *store)
{
	const struct thread_block *tb = thread->tb;
	uint32_t len = tb->watch_shape & SHAPE_LEN;

	return store->shape_at && len && tb->watch_address + len > tb->watch_address &&
	       !__atomic_load_n(&thread->target->store_log->wanted, __ATOMIC_RELAXED);
}

/* ---- stops ---------------------------------------------------------------------------------- */

/* The store has been made: its records get their new values, and count. */
static void complete(struct thread *thread, const struct translate_regs *regs)
{
	struct target *target = thread->target;
	struct store_log *log = target->store_log;
	uint64_t at = log->head, end = thread->tb->watch_head;

	if (end - at > LOG_PIECES_MAX)
		return;                         /* it has been made up */
	for (; at != end; at++) {
		struct store_record *r = &log->records[at % LOG_RECORD_COUNT];
		unsigned len = r->len <= LOG_PIECE_BYTES ? r->len : LOG_PIECE_BYTES;
		uint64_t new = 0;

		if (!watch_read(target, thread->tid, r->address, &new, len))
			return;                 /* it is not mapped any more */
		r->new = new;
		r->flags = (uint8_t)regs->flags;
	}
	__atomic_store_n(&log->head, end, __ATOMIC_RELEASE);
}

void watch_log_stopped(struct thread *thread, const struct translate_regs *regs)
{
	struct target *target = thread->target;
	struct store_log *log = target->store_log;
	uint32_t holder = __atomic_load_n(&log->lock, __ATOMIC_ACQUIRE) & LOG_LOCK_HOLDER;

	if (holder != thread->area + 1)
		return;
	const struct translate_store *store = translator_store(target->translator, thread->tb->exit);
	if (regs && store && regs->pc != store->pc.address)
		complete(thread, regs);
	free_lock(log);
}
