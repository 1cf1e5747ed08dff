/* replay-names.h - what a trace file says of addresses. */
#ifndef TRACER_REPLAY_NAMES_H
#define TRACER_REPLAY_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* Texts belong to the table. */
struct replay_function {
	const char *name, *mangled;
	uint64_t start;
	bool is_plt;
};

struct replay_name {
	uint64_t address;
	uint32_t module;                        /* id, or TRACE_NO_MODULE */
	uint32_t line;                          /* 0: not known */
	uint32_t next;                          /* 1 + index of an older one of this address */
	bool is_start;
	const struct replay_function *function; /* NULL: none */
	const char *file;
};

/* Those of all spaces. */
struct replay_names;

struct replay_names *replay_names_create(void);         /* NULL: out of memory */
void replay_names_destroy(struct replay_names *names);  /* NULL allowed */

/* A NAMES chunk.  -EBADMSG, -ENOMEM. */
int replay_names_add(struct replay_names *names, const uint8_t *raw, size_t len) must_check;

/* Those of one space; NULL: there are none. */
struct replay_table;
const struct replay_table *replay_names_of(const struct replay_names *names, uint32_t space);
/* The space has ended: its table is not asked any more. */
void replay_names_drop(struct replay_names *names, uint32_t space);

/* The newest that is known of an address, the next older one; NULL: none. */
const struct replay_name *replay_table_find(const struct replay_table *table, uint64_t address);
const struct replay_name *replay_table_older(const struct replay_table *table,
					     const struct replay_name *name);

#endif
