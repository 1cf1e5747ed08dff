/* record-info.h - the INFO chunk of a trace file: what was asked for when it was recorded. */
#ifndef TRACER_RECORD_INFO_H
#define TRACER_RECORD_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "options.h"
#include "trace-bytes.h"

struct session;

struct record_info {
	enum mode mode;
	bool has_time, has_calls, has_stacks;
	uint64_t event_ticks;           /* struct session's */
	unsigned depth;                 /* as the options have them, as are ... */
	uint64_t min_time_ns;
	struct string_list only_functions, not_functions, only_modules, not_modules; /* owned */
};

/* What the session was asked for; `raw` is replaced. */
void record_info_put(const struct session *session, struct trace_bytes *raw);

/* -EBADMSG: it makes no sense; -ENOTSUP: a kind of events that is not known; -ENOMEM. */
int record_info_get(const uint8_t *raw, size_t len, struct record_info *out) must_check;
void record_info_deinit(struct record_info *info);

/* "calls", "blocks", ...; NULL: it cannot be recorded. */
const char *record_mode_name(enum mode mode);

#endif
