/* store_log.h - where translated code writes down what it has stored into watched memory.
 *
 * One log an arena, for all of its threads: a store that hits is made with the log
 * locked, so that the order of its records is the order of the stores, and the old
 * value of each is what the one before has left.
 *
 *     +0       the lock, and how far the log is written
 *     +64      how far it is read: the tracer's
 *     +128     the watched ranges
 *     +4096    a ring of records
 *
 * Who holds the lock has from `head` on the records of one store, whose `new` is not
 * filled in yet; thread_block.watch_head says where they end.  Who is stopped with it
 * has not stored (it is where the store is: the records are forgotten) or has (it is
 * behind it: they are completed for it).  Read by assembly, too: C checks the offsets.
 */
#ifndef TRACER_STORE_LOG_H
#define TRACER_STORE_LOG_H

#define LOG_LOCK                0       /* futex: 1 + number of the thread; 0: free */
#define LOG_RANGE_COUNT         4
#define LOG_HEAD                8       /* records written, ever */
#define LOG_WANTED              16      /* by the tracer: who wants the lock asks it */
#define LOG_TAIL                64      /* records read, ever */
#define LOG_RANGES              128
#define LOG_RECORDS             4096

#define LOG_LOCK_WAITERS        0x80000000      /* somebody sleeps */
#define LOG_LOCK_HOLDER         0x7fffffff
#define LOG_LOCK_TRACER         0x7fffffff      /* the tracer is the holder */

#define LOG_RANGES_MAX          240
#define LOG_RECORD_COUNT        16384   /* a power of two */
#define LOG_PIECES_MAX          128     /* records that one store may have */
#define LOG_PIECE_BYTES         8
#define LOG_SPINS               200     /* before one who waits for the lock sleeps */

#define LOG_RECORD_BYTES        40
#define LOG_RECORD_ADDRESS      0
#define LOG_RECORD_OLD          8
#define LOG_RECORD_NEW          16
#define LOG_RECORD_STORE        24
#define LOG_RECORD_THREAD       28
#define LOG_RECORD_SHAPE        30
#define LOG_RECORD_RANGES_LEFT  32
#define LOG_RECORD_LEN          34
#define LOG_RECORD_FLAGS        35

/* thread_block.watch_shape: what is known of a store; 0: the owner is to be asked. */
#define SHAPE_LEN               0x7f    /* bytes accessed */
#define SHAPE_READS             0x100
#define SHAPE_WRITES            0x200
#define SHAPE_IF_ZERO           0x400   /* writes only if ZF is set behind it */

/* Back from runtime_watch: at `back` for a plain access, so much further for a hit. */
#define WATCH_BACK_HIT          14

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>

struct store_record {
	uint64_t address, old, new;
	uint32_t store;                 /* its number: see translator_store() */
	uint16_t thread;                /* thread_block.index */
	uint16_t shape;
	uint16_t ranges_left;           /* range_count for the first range, 1 for the last */
	uint8_t len;                    /* 1 to LOG_PIECE_BYTES */
	uint8_t flags;                  /* the low ones, behind the store */
	uint32_t pad;
};

struct store_log {
	uint32_t lock;
	uint32_t range_count;
	uint64_t head;
	uint32_t wanted;
	uint32_t pad0[11];
	uint64_t tail;
	uint64_t pad1[7];
	struct { uint64_t start, end; } ranges[LOG_RANGES_MAX];
	uint64_t pad2[(LOG_RECORDS - LOG_RANGES) / 8 - 2 * LOG_RANGES_MAX];
	struct store_record records[LOG_RECORD_COUNT];
};

#define LOG_CHECK(field, offset) \
	_Static_assert(offsetof(struct store_log, field) == (offset), #field)
LOG_CHECK(lock, LOG_LOCK);
LOG_CHECK(range_count, LOG_RANGE_COUNT);
LOG_CHECK(head, LOG_HEAD);
LOG_CHECK(wanted, LOG_WANTED);
LOG_CHECK(tail, LOG_TAIL);
LOG_CHECK(ranges, LOG_RANGES);
LOG_CHECK(records, LOG_RECORDS);
#define RECORD_CHECK(field, offset) \
	_Static_assert(offsetof(struct store_record, field) == (offset), #field)
RECORD_CHECK(address, LOG_RECORD_ADDRESS);
RECORD_CHECK(old, LOG_RECORD_OLD);
RECORD_CHECK(new, LOG_RECORD_NEW);
RECORD_CHECK(store, LOG_RECORD_STORE);
RECORD_CHECK(thread, LOG_RECORD_THREAD);
RECORD_CHECK(shape, LOG_RECORD_SHAPE);
RECORD_CHECK(ranges_left, LOG_RECORD_RANGES_LEFT);
RECORD_CHECK(len, LOG_RECORD_LEN);
RECORD_CHECK(flags, LOG_RECORD_FLAGS);
_Static_assert(sizeof(struct store_record) == LOG_RECORD_BYTES, "record");

#endif
#endif
