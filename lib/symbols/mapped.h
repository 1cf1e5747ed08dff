/* mapped.h - the modules that a stretch of the map shows, for refresh.c. */
#ifndef TRACER_SYMBOLS_MAPPED_H
#define TRACER_SYMBOLS_MAPPED_H

#include <limits.h>

#include "symbols-internal.h"

/* What is put together from `maps`.  Modules that `s` has already at the same place are used
 * again, and told at once what has become of them; all else is new, and `s` does not know of it.
 * Begin with `s` and `maps` set, and zeros. */
struct mapped {
	struct symbols *s;
	const struct maps *maps;
	char exe[PATH_MAX];             /* "": unknown, or not read yet */
	bool has_exe;

	struct mapping *mappings;       /* from malloc */
	size_t mapping_count;
	struct module **modules;        /* likewise */
	size_t module_count;

	uint64_t reach;                 /* where the last of them may end, or what was none in the end */

	struct module *module;          /* the one being put together */
	uint64_t last_offset;
	size_t first_mapping;           /* of it, in mappings[] */
	unsigned parts;
	bool has_code;
};

/* 0, or -ENOMEM: to be abandoned. */
int mapped_build(struct mapped *b) must_check;

/* Leaves nothing of what was made. */
void mapped_abandon(struct mapped *b);

#endif
