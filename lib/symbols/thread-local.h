/* thread-local.h - variables of which each thread has its own. */
#ifndef TRACER_SYMBOLS_THREAD_LOCAL_H
#define TRACER_SYMBOLS_THREAD_LOCAL_H

#include "symbols.h"

struct symbols_thread_local {
	const struct symbols_module *module;
	bool has_distance;              /* else only the loader knows where it is: a library's */
	uint64_t distance;              /* below the thread's fs */
	uint64_t size;                  /* bytes; 0: unknown */
};

/* The first of this name: `name` or `module!name`.  False: there is none. */
bool symbols_thread_local_find(struct symbols *s, const char *text,
			       struct symbols_thread_local *out);

#endif
