#include "output-internal.h"

extern const struct view view_calls;

static const struct view view_none = { .name = "none" };

const struct view *view_choose(const struct options *options)
{
	return options->mode == MODE_CALLS ? &view_calls : &view_none;
}
