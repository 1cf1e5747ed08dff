#include "output-internal.h"

extern const struct view view_calls, view_calls_no_time, view_calls_json, view_summary,
	view_call_counts, view_profile, view_blocks, view_coverage, view_watch, view_record,
	view_record_watch;

static const struct view view_none = { .name = "none" };

const struct view *view_choose(const struct options *o)
{
	if (o->record)
		return o->mode == MODE_WATCH ? &view_record_watch : &view_record;
	switch (o->mode) {
	case MODE_CALLS:
		if (o->summary)
			return options_count(o) ? &view_call_counts : &view_summary;
		if (o->format == FORMAT_JSON)
			return &view_calls_json;
		return o->no_time ? &view_calls_no_time : &view_calls;
	case MODE_BLOCKS:
	case MODE_INSNS:
		return &view_blocks;
	case MODE_PROFILE:
		return &view_profile;
	case MODE_COVERAGE:
		return &view_coverage;
	case MODE_WATCH:
		return &view_watch;
	default:
		return &view_none;
	}
}
