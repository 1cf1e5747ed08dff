/* names.h - the names that output shows, looked up once an address.
 *
 * For the output thread.  A name stays valid, with its texts, until
 * names_destroy(), also when its module or its whole process is gone.  What is
 * shown again and again is kept ready, with its length.
 */
#ifndef TRACER_NAMES_H
#define TRACER_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct origin;
struct filter;

struct name {
	uint64_t address;               /* what was asked for */
	uint64_t start;                 /* of the function; `address` without one */
	const char *function;           /* demangled; "" without a symbol */
	const char *module;             /* "" outside modules */
	const char *text;               /* what is shown for it: "main", "libc.so.6+0x1139" */
	uint32_t text_len;
	uint32_t id;                    /* counts from 0 in a target: an index for tables */
	uint32_t function_id;           /* the id of of_function */
	uint64_t module_offset;         /* address - load bias */
	uint8_t filter;                 /* enum filter_bit */
	bool is_start;                  /* a function starts at `address` */
	bool is_plt;                    /* a stub of the procedure linkage table */
	bool is_resolver;               /* _dl_runtime_resolve*: ends in a jump to what it found */
	bool is_cold;                   /* a part of a function that was put elsewhere */
	bool switches_stacks;           /* swapcontext and the like */
	bool grows_stack;               /* runtime.morestack: all frames move */
	const struct name *of_function; /* the name of `start` */
	/* made when first wanted, see the functions below: */
	const char *place, *json, *line;
	uint32_t place_len, json_len, line_len;
	const char *file;               /* of `address`; NULL: not known */
	unsigned line_number;
	bool has_line;                  /* it was looked for */
	const void *module_identity;
	unsigned map_changes;           /* of the origin, when that was looked at */
};

/* Code of the dynamic linker's that ends in a jump to the function that was meant. */
static inline bool name_is_stub(const struct name *name)
{
	return name->is_plt || name->is_resolver;
}

struct names;

/* mangled: names as they stand in the symbol table. */
struct names *names_create(struct origin *origin, const struct filter *filter, bool mangled);
void names_destroy(struct names *names);
size_t names_count(const struct names *names);
const struct name *names_at(const struct names *names, uint32_t id);

/* The name of an address; never NULL (out of memory: a name "?"). */
const struct name *names_find(struct names *names, uint64_t address);

/* The same, of what is there now, if code has gone since it was asked for the last time. */
const struct name *names_now(struct names *names, uint64_t address);

/* The same for the address that goes with site or block number `index`; and when they
 * are numbered anew. */
const struct name *names_of_index(struct names *names, uint32_t index, uint64_t address);
void names_forget_indices(struct names *names);

/* Of the dynamic linker's code that finds functions when they are first called? */
bool name_is_resolver(const char *function);

/* "prog!main+0x1c", "prog!main", "prog+0x1139", "0x7f..."; in name->place. */
const char *name_place(const struct name *name);
/* `"function":"main","module":"prog"`, what is known of them; in name->json. */
const char *name_json(const struct name *name);
/* Looks up file and line_number. */
void names_line(struct names *names, const struct name *name);
/* "prog.c:17", or "" ; in name->line. */
const char *name_line(struct names *names, const struct name *name);

/* Counts the changes of the map that were noticed. */
unsigned names_generation(const struct names *names);

#endif
