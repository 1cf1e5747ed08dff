/* names.h - the names that output shows, looked up once an address.
 *
 * For the output thread.  A name stays valid and the same pointer as long as its
 * target; a function's name is kept after its module was unmapped.
 */
#ifndef TRACER_NAMES_H
#define TRACER_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "target.h"

struct name {
	uint64_t address;               /* what was asked for */
	uint64_t start;                 /* of the function; `address` without one */
	const char *function;           /* demangled; "" without a symbol */
	const char *module;             /* "" outside modules */
	const char *text;               /* what is shown for it: "main", "libc.so.6+0x1139" */
	uint64_t module_offset;         /* address - load bias */
	bool is_plt;
	bool is_start;                  /* a function starts at `address` */
	const struct symbol *symbol;    /* NULL: none */
	unsigned id;                    /* counts from 0 in a target: an index for tables */
	const struct name *of_function; /* the name of `start` */
};

struct names;

struct names *names_create(struct target *target);
void names_destroy(struct names *names);

/* The name of an address; never NULL but when memory is out. */
const struct name *names_find(struct names *names, uint64_t address);

/* "prog!main+0x1c", "prog+0x1139", "0x7f..." */
const char *names_place(const struct name *name, char *buf, size_t len);

#endif
