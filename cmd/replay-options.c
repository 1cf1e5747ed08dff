#include "replay-options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"

/* Both hold: what is excluded by the one or by the other is.  Of what is chosen there can be
 * one list only, as a pattern chooses more. */
static int merge_list(struct string_list *list, const struct string_list *recorded)
{
	char **grown;

	if (!recorded->count)
		return 0;
	grown = realloc(list->items, (list->count + recorded->count) * sizeof *grown);
	if (!grown)
		return -ENOMEM;
	memcpy(grown + list->count, recorded->items, recorded->count * sizeof *grown);
	list->items = grown;
	list->count += recorded->count;
	return 0;
}

static int merge_filters(struct options *o, const struct record_info *info, struct err *err)
{
	if (o->only_functions.count && info->only_functions.count)
		return err_set(err, EINVAL, "cannot replay %s with -F: it was recorded with -F %s "
			       "(record without)", o->replay, info->only_functions.items[0]);
	if (o->only_modules.count && info->only_modules.count)
		return err_set(err, EINVAL, "cannot replay %s with -M: it was recorded with -M %s "
			       "(record without)", o->replay, info->only_modules.items[0]);
	if (merge_list(&o->only_functions, &info->only_functions) < 0 ||
	    merge_list(&o->not_functions, &info->not_functions) < 0 ||
	    merge_list(&o->only_modules, &info->only_modules) < 0 ||
	    merge_list(&o->not_modules, &info->not_modules) < 0)
		return err_set(err, ENOMEM, "out of memory");
	if (info->depth && (!o->depth || o->depth > info->depth))
		o->depth = info->depth;
	if (info->min_time_ns > o->min_time_ns)
		o->min_time_ns = info->min_time_ns;
	return 0;
}

/* An instruction trace has all that a block trace has. */
static int merge_mode(struct options *o, const struct record_info *info, struct err *err)
{
	if (!o->has_mode)
		o->mode = info->mode;
	if (o->mode == info->mode || (o->mode == MODE_BLOCKS && info->mode == MODE_INSNS))
		return 0;
	return err_set(err, EINVAL, "cannot replay %s as --%s: it was recorded with --%s (record it "
		       "with --%s)", o->replay, record_mode_name(o->mode),
		       record_mode_name(info->mode), record_mode_name(o->mode));
}

static bool is_of_blocks(const struct options *o)
{
	return o->mode == MODE_BLOCKS || o->mode == MODE_INSNS;
}

static int check_parts(const struct options *o, const struct record_info *info, struct err *err)
{
	bool is_timed = o->mode == MODE_CALLS || is_of_blocks(o);

	if (is_of_blocks(o) && filter_wants_calls(o) && !info->has_calls)
		return err_set(err, EINVAL, "cannot replay %s with -F, -N or -D: it was recorded "
			       "without calls (give one of them to --record)", o->replay);
	if (is_timed && (o->clock || o->min_time_ns) && !info->has_time)
		return err_set(err, EINVAL, "cannot replay %s with times: it was recorded without "
			       "(%s)", o->replay, is_of_blocks(o) ? "give -t to --record" :
			       "leave out --no-time when recording");
	if (o->stack && !info->has_stacks)
		return err_set(err, EINVAL, "cannot replay %s with -k: it was recorded without (give "
			       "-k to --record)", o->replay);
	return 0;
}

int replay_options_merge(struct options *o, const struct record_info *info, struct err *err)
{
	int r = merge_mode(o, info, err);

	if (r == 0)
		r = merge_filters(o, info, err);
	if (r == 0)
		r = check_parts(o, info, err);
	if (r == 0 && o->mode == MODE_CALLS && !info->has_time)
		o->no_time = true;
	return r;
}

bool replay_options_drop_time(const struct options *o)
{
	return o->no_time || (is_of_blocks(o) && !o->clock);
}
