/* view-watch.h - an access, shown as the options ask for. */
#ifndef TRACER_VIEW_WATCH_H
#define TRACER_VIEW_WATCH_H

#include "output-internal.h"
#include "watch-place.h"
#include "watch-show.h"

/* Sets hit->where. */
void view_watch_show(struct output *output, struct symbols *symbols, const struct place *place,
		     struct watch_hit *hit);

/* view->round and view->finish: accesses that translated code has reported. */
bool view_watch_round(struct output *output);
void view_watch_finish(struct output *output);

#endif
