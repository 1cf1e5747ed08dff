/* watch-show.h - what is written of the accesses that --watch has seen: a line each,
 * or with -c a table at the end. */
#ifndef TRACER_WATCH_SHOW_H
#define TRACER_WATCH_SHOW_H

#include "options.h"
#include "symbols.h"
#include "variable.h"
#include "watch-queue.h"
#include "watch-stack.h"
#include "writer.h"

struct watch_hit {
	pid_t tid, pid;
	const char *where;              /* as the user named it */
	const struct symbols_type *type;
	uint64_t address;
	unsigned len;
	const uint8_t *old, *new;       /* `len` bytes each; old NULL: not known */
	uint64_t pc;                    /* 0: not known */
	enum watch_what what;
	unsigned number;                /* of the system call, of the signal */
	const struct watch_stack *stack;        /* NULL: none */
};

void watch_show(struct writer *w, const struct options *options, struct symbols *symbols,
		const struct watch_hit *hit);

/* In JSON: so many accesses have not been seen. */
void watch_show_lost(struct writer *w, const struct options *options, pid_t pid,
		     const char *where, uint64_t count);

/* ---- -c: who has accessed it, how often ------------------------------------------------- */

struct watch_table;

struct watch_table *watch_table_create(void);
void watch_table_destroy(struct watch_table *table);    /* NULL allowed */
void watch_table_add(struct watch_table *table, struct symbols *symbols,
		     const struct watch_hit *hit);
/* The most hits first. */
void watch_table_write(struct watch_table *table, struct writer *w, const struct options *options);

#endif
