/* watch-internal.h - what the files of --watch by debug registers share. */
#ifndef TRACER_WATCH_INTERNAL_H
#define TRACER_WATCH_INTERNAL_H

#include "watch-place.h"
#include "watch.h"

#define WATCH_REGISTERS 4

enum access { ACCESS_WRITE = 1, ACCESS_READ = 2 };

/* One debug register. */
struct piece {
	uint64_t address;
	unsigned len;
	struct place *place;
	uint64_t traps;                 /* of events, seen */
	uint64_t missed;                /* of accesses, when last looked; see watch-turn.c */
	bool by_kernel;                 /* some were, of which one may stand for several */
};

/* Of one process. */
struct watch {
	pid_t pid;
	uint64_t cookie;                /* of our events: the program may have breakpoints as well */
	struct symbols *symbols;
	struct place *places;
	size_t place_count;
	struct piece pieces[WATCH_REGISTERS];
	unsigned piece_count;
	uint64_t library_at;            /* the loader comes there when libraries come or go; or 0 */
	bool libraries_changed;         /* it is there: its thread waits for watch_follow_all() */
	bool by_events;                 /* of perf_event_open(), not of ptrace() */
	bool was_blocked;               /* SIGTRAP, while there was an access */
	bool sees_kernel;               /* and its writes */
	struct watch_fd {               /* of them */
		int fd;
		unsigned number;        /* of the piece, or WATCH_EVENT_LIBRARY */
	} *fds;
	size_t fd_count, fd_room;
	struct unwinder *unwinder;      /* of -k */
	struct watch *next;
};

struct watch *watch_of(struct session *s, pid_t pid);

/* ---- watch-arm.c ------------------------------------------------------------------------- */

/* Sets the registers of all threads, which are stopped; those that they make have them from
 * their first instruction on if watch->by_events.  -EBUSY: no breakpoints of
 * perf_event_open(), and SIGTRAP is blocked or ignored; -EMFILE; -ENOSPC: others use them. */
int watch_arm_all(struct session *s, struct watch *w) must_check;
/* Those of one thread, by ptrace(). */
int watch_arm_thread(const struct watch *w, pid_t tid) must_check;
/* None any more, in no thread, and no trap that waits; accesses that no trap has told of are
 * reported.  requires: the threads are stopped, or gone */
void watch_disarm_all(struct session *s, struct watch *w);
/* Of each piece, by events, all that there were. */
void watch_count_accesses(const struct watch *w, uint64_t counts[WATCH_REGISTERS]);
/* Does one of its threads block SIGTRAP, whose traps would wait then? */
bool watch_is_blocked(struct session *s, const struct watch *w);

/* May one store hit two of its places? */
bool watch_has_neighbours(const struct watch *w);

/* What a trap of perf_event_open() says; see siginfo_t. */
#define WATCH_EVENT_TRAP 6      /* si_code TRAP_PERF, which older headers do not have */
#define WATCH_EVENT_LIBRARY 255 /* its number, of library_at; else of the piece */
#define WATCH_EVENT_NUMBERS 256 /* below the cookie */
struct watch_event_info {
	unsigned number;
	bool was_blocked;               /* SIGTRAP: it has waited */
};
/* False: it is of no event of ours. */
bool watch_event_info(const struct watch *w, const siginfo_t *info, struct watch_event_info *out);

/* ---- watch.c ----------------------------------------------------------------------------- */

/* Ends the watch by registers: from now on processes are to be taken into the cache, whose
 * code looks at every access.  requires: their threads are stopped */
void watch_by_code(struct session *s, const char *why);

/* ---- watch-trap.c ------------------------------------------------------------------------ */

/* No trap has told of so many accesses to it: they are counted as lost, and what they have
 * changed is shown. */
void watch_on_missed(struct session *s, struct watch *w, struct place *place, uint64_t count);

#endif
