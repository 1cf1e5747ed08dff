/* replay-options.h - what was asked for when it was recorded, and what is asked for now. */
#ifndef TRACER_REPLAY_OPTIONS_H
#define TRACER_REPLAY_OPTIONS_H

#include "err.h"
#include "options.h"
#include "record-info.h"

/* Makes of the options those that show the trace: what was filtered out when it was recorded
 * stays out.  They refer to info's texts then.  An error: the trace does not contain what
 * is asked for. */
int replay_options_merge(struct options *options, const struct record_info *info,
			 struct err *err) must_check;

/* Do the options leave out the time stamps that were recorded? */
bool replay_options_drop_time(const struct options *options);

#endif
