/* watch-copy.h - copies of what is watched for writes, with --watch by translated code.
 *
 * Where memory differs from its copy before an access or behind a system call, the
 * kernel has written, or somebody else: that is reported here, and every access as
 * an event of its own.  A copy is as of the last access or change that was reported.
 *
 * requires, of all but begin and end: target->lock, and the log locked (watch-log.h)
 * and read where memory is compared
 */
#ifndef TRACER_WATCH_COPY_H
#define TRACER_WATCH_COPY_H

#include "target.h"
#include "watch-place.h"
#include "watch-queue.h"

#define WATCH_PIECE_BYTES 8u    /* the most that an event has; a larger value is cut */

struct watch_copy {
	uint8_t *bytes;                 /* NULL: there is none */
	size_t room;                    /* of them */
	bool is_known;                  /* was mapped when it was last looked at */
	bool was_known;                 /* at any time */
	bool is_said;                   /* that it is not mapped */
};

struct watch_copies {
	struct watch_copy *items;       /* by place */
	uint8_t *scratch;               /* as large as the largest copy */
	size_t scratch_room;
};

/* Those of a target that is watched. */
struct watch_copies *watch_copies_of(const struct target *target);

int watch_copies_begin(struct target *target, struct watch_copies *copies,
		       struct err *err) must_check;
/* The place is somewhere else, or there again. */
void watch_copies_renew(struct target *target, uint32_t place);
void watch_copies_end(const struct target *target, struct watch_copies *copies);

/* All `len` bytes of the program's memory, through thread `tid` or another one. */
bool watch_read(const struct target *target, pid_t tid, uint64_t address, void *buf, size_t len);

/* One event, of at most WATCH_PIECE_BYTES, if the options want it. */
void watch_add(struct thread *thread, const struct watch_event *draft);
/* Cuts `len` bytes at `at` into events: all of them, or those that have changed. */
void watch_add_pieces(struct thread *thread, struct watch_event *draft, const uint8_t *old,
		      const uint8_t *new, uint64_t at, uint64_t len);
void watch_add_changes(struct thread *thread, struct watch_event *draft, const struct place *place,
		       const uint8_t *old, const uint8_t *new, uint64_t at, uint64_t len);

/* Compares all places with their copies, and reports what has changed as the draft says;
 * `call`: a system call and its arguments, which may not have written it, or NULL. */
void watch_compare_all(struct thread *thread, struct watch_event *draft, const uint64_t *call);
/* Memory is not what it was before an access of the thread: a system call of another
 * one that has not been looked at yet, or somebody else. */
void watch_compare_before(struct thread *thread, uint32_t place);
/* The same, of the bytes that an access in the log has found. */
void watch_compare_found(struct thread *thread, uint32_t place, uint64_t address, unsigned len,
			 const uint8_t *found);

#endif
