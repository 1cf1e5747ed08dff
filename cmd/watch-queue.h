/* watch-queue.h - accesses on their way from the threads that find them to the one
 * that writes them: one order for all threads of a session.
 *
 * Full, it makes who adds wait; nothing is lost.
 */
#ifndef TRACER_WATCH_QUEUE_H
#define TRACER_WATCH_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct target;
struct watch_queue;
struct watch_stack;

enum watch_what {
	WATCH_READ,
	WATCH_WRITE,
	WATCH_SYSCALL,          /* a write by the kernel, in system call `number` */
	WATCH_SIGNAL,           /* a write by the kernel, of the frame of signal `number` */
	WATCH_OTHER,            /* a write by who is not watched */
	WATCH_RING,             /* likewise, or by the kernel for an io_uring of the program */
};

struct watch_event {
	struct target *target;
	pid_t tid, pid;
	uint32_t place;                 /* in target->places */
	uint8_t what;                   /* enum watch_what */
	uint8_t len;                    /* 1 to 8 */
	uint16_t number;
	uint64_t pc;                    /* 0: none */
	uint64_t address;
	uint64_t old, new;
	struct watch_stack *stack;      /* of -k, or NULL; owned by the event */
};

struct watch_queue *watch_queue_create(void);
void watch_queue_destroy(struct watch_queue *q);        /* NULL allowed */

/* Wakes the reader, who looks by himself now and then, when there are many. */
void watch_queue_add(struct watch_queue *q, const struct watch_event *event,
		     void (*wake)(void *context), void *context);
/* At most `room` of them, oldest first. */
size_t watch_queue_take(struct watch_queue *q, struct watch_event *out, size_t room);
/* The reader has done with those that it took. */
void watch_queue_done(struct watch_queue *q);
/* Waits until he has done with all that were added before. */
void watch_queue_drain(struct watch_queue *q, void (*wake)(void *context), void *context);
/* Nobody reads any more: what is added is dropped. */
void watch_queue_close(struct watch_queue *q);

#endif
