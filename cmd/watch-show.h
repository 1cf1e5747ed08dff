/* watch-show.h - the line of one access that --watch has seen. */
#ifndef TRACER_WATCH_SHOW_H
#define TRACER_WATCH_SHOW_H

#include "options.h"
#include "symbols.h"
#include "writer.h"

struct watch_hit {
	pid_t tid, pid;
	const char *where;              /* as the user named it */
	uint64_t address;
	unsigned len;
	const uint8_t *old, *new;       /* `len` bytes each */
	uint64_t pc;
	bool is_write;
};

void watch_show(struct writer *w, const struct options *options, struct symbols *symbols,
		const struct watch_hit *hit);

#endif
