#include "watch-copy.h"

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
#include "watch-calls.h"
#include "watch-code-internal.h"
#include "watch-stack.h"
#include "watch-value.h"

#define PIECE_BYTES WATCH_PIECE_BYTES
#define COPIES_MAX (1u << 20)   /* bytes of places that are compared with a copy */

/* ---- memory ---------------------------------------------------------------------------- */

bool watch_read(const struct target *target, pid_t tid, uint64_t address, void *buf, size_t len)
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

void watch_add(struct thread *thread, const struct watch_event *draft)
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

void watch_add_pieces(struct thread *thread, struct watch_event *draft, const uint8_t *old,
		      const uint8_t *new, uint64_t at, uint64_t len)
{
	for (uint64_t done = 0; done < len; done += draft->len) {
		draft->address = at + done;
		draft->len = len - done < PIECE_BYTES ? (uint8_t)(len - done) : PIECE_BYTES;
		draft->old = draft->new = 0;
		memcpy(&draft->old, old + done, draft->len);
		memcpy(&draft->new, new + done, draft->len);
		watch_add(thread, draft);
	}
}

void watch_add_changes(struct thread *thread, struct watch_event *draft, const struct place *place,
		       const uint8_t *old, const uint8_t *new, uint64_t at, uint64_t len)
{
	if (place->len <= PIECE_BYTES) {
		if (memcmp(old, new, len))
			watch_add_pieces(thread, draft, old, new, at, len);
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
		watch_add_pieces(thread, draft, old + from, new + from, at + from, i - from);
	}
}

/* ---- writes that nobody asked about -------------------------------------------------------------- */

static uint8_t someone(const struct target *target)
{
	return target->watching->has_ring ? WATCH_RING : WATCH_OTHER;
}

static bool makes_thread(const struct watch_event *e)
{
	return e->what == WATCH_SYSCALL && (e->number == SYS_clone || e->number == SYS_clone3);
}

static bool is_end(const struct watch_event *e)
{
	return e->what == WATCH_SYSCALL && e->number == SYS_exit;
}

/* That is the end of a thread: its beginning leaves its id. */
static bool is_cleared(const uint8_t *before, const uint8_t *now, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (now[i] != before[i] && now[i])
			return false;
	return true;
}

/* (Of what is in a library it is said when that has gone.) */
static void say_mapped(const struct place *place, struct watch_copy *copy, bool is_mapped)
{
	copy->is_known = is_mapped;
	if (place->module || copy->is_said == !is_mapped)
		return;
	copy->is_said = !is_mapped;
	if (is_mapped)
		message_warning("--watch %s: now there is memory at 0x%" PRIx64, place->text,
				place->address);
	else
		message_warning("--watch %s: nothing is mapped at 0x%" PRIx64 " %s", place->text,
				place->address, copy->was_known ? "any more" : "yet");
	copy->was_known |= is_mapped;
}

/* What has changed, and who did it: it is in the draft. */
static void report_change(struct thread *thread, uint32_t index, const struct watch_event *draft,
			  const uint64_t *call, const uint8_t *old, const uint8_t *now,
			  uint64_t at, uint64_t len)
{
	const struct place *place = &thread->target->places[index];
	struct watch_event e = *draft;

	e.place = index;
	if ((call && !watch_calls_may_write(call, place->address, place->len)) ||
	    (makes_thread(&e) && is_cleared(old, now, len))) {
		e.what = someone(thread->target);
		e.pc = 0;
	}
	watch_add_changes(thread, &e, place, old, now, at, len);
}

/* Compares a place with its copy, and reports what has changed as the draft says. */
static void compare(struct thread *thread, uint32_t index, struct watch_event *draft,
		    const uint64_t *call)
{
	struct target *target = thread->target;
	struct watch_copies *copies = watch_copies_of(target);
	const struct place *place = &target->places[index];
	struct watch_copy *copy = &copies->items[index];
	uint8_t *now = copies->scratch;

	if (!copy->bytes || !place->is_found)
		return;
	bool is_mapped = watch_read(target, thread->tid, place->address, now, place->len);
	bool was_known = copy->is_known;
	if (!is_mapped && thread->state == THREAD_GONE)
		return;                         /* the process has ended */
	if (is_mapped != was_known)
		say_mapped(place, copy, is_mapped);
	if (!is_mapped)
		return;
	/* What a thread's end clears is its word; else a call that has not returned yet. */
	if (is_end(draft) && was_known && !is_cleared(copy->bytes, now, place->len))
		return;
	if (was_known && memcmp(copy->bytes, now, place->len))
		report_change(thread, index, draft, call, copy->bytes, now, place->address,
			      place->len);
	memcpy(copy->bytes, now, place->len);
}

void watch_compare_all(struct thread *thread, struct watch_event *draft, const uint64_t *call)
{
	for (uint32_t i = 0; i < thread->target->place_count; i++)
		compare(thread, i, draft, call);
}

/* Who has written into the place, if not the thread; *draft says so. */
static struct thread *find_writer(struct thread *thread, uint32_t index, struct watch_event *draft)
{
	struct target *target = thread->target;
	const struct place *place = &target->places[index];

	for (unsigned i = 0; i < target->areas_top; i++) {
		struct thread *t = target->by_area[i];

		if (!t || t == thread || !service_is_waiting(t->tb) ||
		    t->tb->request_kind != REQUEST_SYSCALL_POST ||
		    !watch_calls_may_write(t->tb->sys_args, place->address, place->len))
			continue;
		*draft = (struct watch_event){ .what = WATCH_SYSCALL, .pc = t->tb->sys_next - 2,
					       .number = (uint16_t)t->tb->sys_args[0] };
		return t;
	}
	*draft = (struct watch_event){ .what = someone(target) };
	return thread;
}

void watch_compare_before(struct thread *thread, uint32_t index)
{
	struct watch_event draft;
	struct thread *writer = find_writer(thread, index, &draft);

	compare(writer, index, &draft, NULL);
}

void watch_compare_found(struct thread *thread, uint32_t index, uint64_t address, unsigned len,
			 const uint8_t *found)
{
	struct target *target = thread->target;
	const struct place *place = &target->places[index];
	struct watch_copy *copy = &watch_copies_of(target)->items[index];
	struct watch_event draft;

	if (!copy->bytes || !place->is_found)
		return;
	if (!copy->is_known) {          /* it has just been mapped */
		bool is_mapped = watch_read(target, thread->tid, place->address, copy->bytes,
					    place->len);
		say_mapped(place, copy, is_mapped);
	}
	uint8_t *known = copy->bytes + (address - place->address);
	if (copy->is_known && memcmp(known, found, len)) {
		struct thread *writer = find_writer(thread, index, &draft);

		report_change(writer, index, &draft, NULL, known, found, address, len);
	}
	memcpy(known, found, len);
}

/* ---- begin and end ------------------------------------------------------------------------------- */

/* Bytes of all copies. */
static size_t all_bytes(const struct watch_copies *copies, size_t count)
{
	size_t all = 0;

	for (size_t i = 0; i < count; i++)
		all += copies->items[i].room;
	return all;
}

static int make_copy(const struct target *target, struct watch_copies *copies, size_t i)
{
	const struct place *place = &target->places[i];
	struct watch_copy *copy = &copies->items[i];

	free(copy->bytes);
	*copy = (struct watch_copy){ 0 };
	if (!(place->access & 1) || !place->is_found)
		return 0;
	if (all_bytes(copies, target->place_count) + place->len > COPIES_MAX) {
		message_warning("--watch %s: writes by the kernel are not looked for: more than %u "
				"bytes", place->text, COPIES_MAX);
		return 0;
	}
	if (place->len > copies->scratch_room) {
		uint8_t *grown = realloc(copies->scratch, place->len);

		if (!grown)
			return -ENOMEM;
		copies->scratch = grown;
		copies->scratch_room = place->len;
	}
	copy->bytes = malloc(place->len);
	if (!copy->bytes)
		return -ENOMEM;
	copy->room = place->len;
	copy->is_known = tracee_read(target->task, place->address, copy->bytes, place->len) ==
			 (ssize_t)place->len;
	copy->was_known = copy->is_known;
	if (!copy->is_known)
		say_mapped(place, copy, false);
	return 0;
}

int watch_copies_begin(struct target *target, struct watch_copies *copies, struct err *err)
{
	int r = 0;

	copies->items = calloc(target->place_count, sizeof *copies->items);
	for (size_t i = 0; copies->items && r == 0 && i < target->place_count; i++)
		r = make_copy(target, copies, i);
	return copies->items && r == 0 ? 0 : err_set(err, ENOMEM, "out of memory");
}

void watch_copies_renew(struct target *target, uint32_t place)
{
	if (make_copy(target, watch_copies_of(target), place) < 0)
		message_warning("memory is short: writes by the kernel into %s are not seen",
				target->places[place].text);
}

void watch_copies_end(const struct target *target, struct watch_copies *copies)
{
	for (size_t i = 0; copies->items && i < target->place_count; i++)
		free(copies->items[i].bytes);
	free(copies->items);
	free(copies->scratch);
}
