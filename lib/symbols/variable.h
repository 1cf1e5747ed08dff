/* variable.h - data by what the source calls it: a variable, a member, an element.
 *
 *     struct symbols_variable v;
 *     if (symbols_variable_find(s, "server.clients[3].fd", &v, &err) == 0)
 *         watch(v.address, v.type.size);
 *
 * The variable is found as symbols_lookup_name() finds data; what follows its name
 * (`.member`, `->member`, `[index]`) and the type come from DWARF.
 */
#ifndef TRACER_SYMBOLS_VARIABLE_H
#define TRACER_SYMBOLS_VARIABLE_H

#include "symbols.h"

enum symbols_type_kind {
	SYMBOLS_TYPE_UNKNOWN,           /* or of bytes: a structure, an array */
	SYMBOLS_TYPE_INT,
	SYMBOLS_TYPE_UNSIGNED,
	SYMBOLS_TYPE_BOOL,
	SYMBOLS_TYPE_FLOAT,
	SYMBOLS_TYPE_POINTER,
	SYMBOLS_TYPE_ENUM,
};

struct symbols_enumerator {
	const char *name;
	int64_t value;
};

struct symbols_type {
	enum symbols_type_kind kind;
	uint64_t size;                  /* bytes; 0: unknown */
	const struct symbols_enumerator *enumerators;   /* of an enum; lives with the table */
	size_t enumerator_count;
};

struct symbols_variable {
	uint64_t address, size;         /* size 0: unknown */
	struct symbols_type type;
	const struct symbols_module *module;    /* of the variable's name */
};

/* -ENOENT: nothing has this name; -ENXIO: its type no such member; -ENODATA: there is no
 * DWARF that describes it, and a member was asked for; -EINVAL: several have the
 * name, or it is no such text; -EFAULT: a pointer on the way leads nowhere; -ENOMEM. */
int symbols_variable_find(struct symbols *s, const char *text, struct symbols_variable *out,
			  struct err *err) must_check;

#endif
