/* target.h - one traced address space, and the threads that run in it.
 *
 * Joins the libraries: the arena (remote-alloc), the translator, the symbols.
 *
 * Threads of the tracer that use it, and what keeps them apart:
 *   - the main thread stops, moves and releases tracees (ptrace wants one thread);
 *   - the service thread of the target answers requests (service.h);
 *   - the output thread reads rings and names things (output.h).
 * `lock` covers the translator and every thread block's request; symbols_lock
 * the symbols.  Where both are needed, `lock` is taken first.
 */
#ifndef TRACER_TARGET_H
#define TRACER_TARGET_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/time.h>
#include <sys/user.h>

#include "arena.h"
#include "maps.h"
#include "origin.h"
#include "ring.h"
#include "symbols.h"
#include "thread_block.h"
#include "translate.h"

struct session;
struct stream;

struct target {
	struct origin origin;           /* of its events, for the output thread */
	struct session *session;
	pid_t pid;                      /* a process that has this address space */
	pid_t task;                     /* a thread of it that lives, to look at memory */
	struct arena arena;
	struct translator *translator;
	struct translate_runtime runtime;
	struct symbols *symbols;
	pthread_mutex_t lock, symbols_lock;
	unsigned lock_wanted;           /* by the main thread: looking ahead has time */
	struct control *control;
	uint8_t *sys_table;             /* what each system call is to do: SYS_ACTION_* */
	uint64_t *areas_used;           /* bitmap of thread areas */
	unsigned areas, ring_chunks;
	uint32_t counters_at, counters;         /* of a thread, from its block on; how many */
	unsigned areas_top;             /* all that were ever used are below; atomic */
	uint64_t data_base, areas_base;
	struct thread **by_area;
	unsigned threads;               /* that refer to it */
	uint32_t id_thread, id_signal, id_sigreturn, id_cut, id_end;
	struct place *places;           /* --watch by translated code */
	size_t place_count;
	struct watch_code *watching;    /* NULL: other events; under lock */
	struct store_log *store_log;    /* in the arena; NULL: likewise */
	struct unwinder *unwinder;      /* of -k; under symbols_lock */
	pthread_t service;
	bool has_service, service_ends;
	uint64_t spin_ns;               /* how long the service looks before it sleeps */
	unsigned short_naps;            /* how often it has slept for less than it might have looked */
	bool shares_processor;          /* its threads and the service have one in all */
	uint64_t due_ns;                /* when it is to answer the first that it has put off; 0: none */
	uint64_t helped_ns;             /* transactions, the last time */
	uint64_t translate_ns;          /* spent on misses and on looking ahead */
	bool has_quiet;                 /* threads that cannot wake the service: it looks */
	bool steps_syscalls;            /* they are run natively, in place */
	bool is_full;                   /* the code cache: see flush.h */
	bool is_gone;                   /* the address space has ended; atomic */
	uint64_t handled, ignored;      /* signals: what became of them last, bit n-1 ... */
	pid_t signals_of;               /* ... in this process */
	unsigned postponed;             /* signals that its threads will get later; atomic */
	unsigned map_changes;           /* counted; atomic */
	pthread_mutex_t changed_lock;   /* for those two and the counter above, behind all others */
	struct symbols_range changed[16];       /* where, and symbols have not seen it */
	unsigned changed_count;                 /* more than there is room for: anywhere */
	unsigned code_gone;             /* those that took code away; likewise */
	unsigned symbols_of;            /* the change that symbols have seen; under symbols_lock */
	unsigned symbols_asked;         /* addresses looked at since, without; likewise */
	struct maps maps;               /* a snapshot, for what may be executed */
	bool maps_are_old;
	struct map asked[8];            /* while they are: single entries, by turns */
	unsigned asked_count;
	bool cannot_ask;                /* the kernel for one of them */
	bool has_clock;                 /* events carry a time stamp */
	bool has_clock_word;            /* the one in the control: see clock-word.h */
	struct target *next;
};

enum thread_state {
	THREAD_IN_CACHE,        /* runs translated code */
	THREAD_STEPPING,        /* runs one instruction natively */
	THREAD_ENTERING,        /* is on its way to a signal handler's first instruction */
	THREAD_OUTSIDE,         /* stopped, with its own registers, until the cache has room */
	THREAD_NATIVE,          /* not ours to translate: runs to its exec, or is let go */
	THREAD_GONE,
};

/* The time limit of a socket that is shortened for a moment; see waiting.h. */
struct short_limit {
	bool is_set;
	int fd, option;
	struct timeval whole;
};

/* What a signal handler interrupted. */
struct interrupted {
	int signal;
	uint64_t rsp, rip;
};

struct thread {
	pid_t tid, pid;
	struct target *target;          /* NULL: native */
	struct thread_block *tb;        /* our view; NULL: native */
	unsigned area;
	enum thread_state state;
	bool is_stopped;
	bool is_asked;                  /* to stop, with all others: see attach.c */
	bool is_listening;              /* in a group-stop */
	bool was_in_group_stop;         /* at its last stop */
	bool asks_behind;               /* cannot be stopped (vfork), but asks before it is in the
					 * code cache again; atomic */
	pid_t vfork_parent;             /* who cannot be stopped until this child has executed */
	bool is_held;                   /* stopped, with its own registers, for a core dump */
	bool wants_step;                /* a request that the main thread is to serve; atomic */
	uint64_t waited_ns;             /* in a system call, before it was disturbed */
	uint64_t waited_before_ns;      /* in earlier tries of the same call */
	struct short_limit short_limit;
	struct watch_pending *watch_pending;    /* between a watched access's two requests */
	bool watch_was_blocked;         /* that it blocks SIGTRAP was said; see watch-arm.c */
	struct interrupted interrupted; /* by the signal being delivered */
	bool steps_call;                /* the step is a system call */
	unsigned idle_signals;          /* in a row, with nothing of the program between them */
	struct postponed *postponed;    /* signals: see postponed.h */
	unsigned postponed_count;       /* how many, and ... */
	int postponed_first;            /* ... which comes first; both atomic */
	uint64_t blocked;               /* by us, bit n-1; under lock */
	bool wants_signals;             /* it waits for them; atomic */
	bool call_waits, call_sees_mask;        /* its system call did, and ...; atomic */
	bool call_passes;               /* ... may be made now, as it has had one; atomic */
	uint64_t returned_ns;           /* when its last handler did, by the monotonic clock; atomic */
	uint64_t due_ns;                /* its request is put off until then; 0: it is not */
	bool is_followed;               /* of a followed child, not of what was asked for */
	struct ring ring;
	struct stream *stream;          /* what the output thread makes of the ring */
	struct thread *next;
};

/* Said by the service, under the lock; heard and taken back by the main thread. */
static inline void thread_want_step(struct thread *thread, bool on)
{
	__atomic_store_n(&thread->wants_step, on, __ATOMIC_RELEASE);
}

static inline bool thread_wants_step(const struct thread *thread)
{
	return __atomic_load_n(&thread->wants_step, __ATOMIC_ACQUIRE);
}

/* Maps an arena in the process of stopped thread `tid` (in a STOP_INTERRUPT or
 * the like) and makes a translator.  The thread's registers are as before. */
int target_create(struct session *session, pid_t pid, pid_t tid, struct target **out,
		  struct err *err) must_check;

/* Unmaps the arena through the stopped thread `tid`, which is left with `regs`. */
int target_unmap(struct target *target, pid_t tid, const struct user_regs_struct *regs,
		 struct err *err) must_check;
void target_destroy(struct target *target);

/* Gives the thread an area: block and ring.  -ENOSPC: there are too many. */
int target_area_take(struct target *target, struct thread *thread, uint64_t app_gs,
		     struct err *err) must_check;
/* The program decides by their place which system calls it makes (Syscall User
 * Dispatch): the thread runs them in place, natively.  requires: lock */
void target_dispatch(struct thread *thread);

/* The thread makes no system call of ours from now on.  Any thread. */
void thread_be_quiet(struct thread *thread);

/* Nothing of the thread is served any more.  False: the lock is held; try again. */
bool target_area_quiet(struct thread *thread) must_check;

/* Gives it back.  False: not now, the target's lock is held; try again. */
bool target_area_release(struct thread *thread) must_check;

/* Forgets all translations.  requires: lock; no thread in the cache, rings read */
void target_flush(struct target *target);

/* Where the thread's block is in the target: its gs base. */
uint64_t target_gs(const struct thread *thread);

static inline bool target_is_gone(const struct target *target)
{
	return __atomic_load_n(&target->is_gone, __ATOMIC_ACQUIRE);
}

/* For the main thread: a thread of the program stands still meanwhile, so it goes
 * before all that the service thread does of its own accord. */
void target_lock(struct target *target);
void target_unlock(struct target *target);

/* The symbols, brought up to date, for one user at a time; or only as far as what is asked
 * about one address needs it, which spares reading a long map. */
void target_symbols_lock(struct target *target);
void target_symbols_lock_at(struct target *target, uint64_t address);
/* What is mapped in [start, end) is about to go: events that are on their way name it.
 * False: it has no code. */
bool target_symbols_note(struct target *target, uint64_t start, uint64_t end);
void target_symbols_unlock(struct target *target);

/* Something was mapped, unmapped or protected otherwise, in `len` bytes from `start`.
 * requires: lock */
void target_map_changed(struct target *target, uint64_t start, uint64_t len);

/* Of a live one. */
static inline struct target *target_of_origin(const struct origin *origin)
{
	return (struct target *)((char *)origin - offsetof(struct target, origin));
}

#endif
