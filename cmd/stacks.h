/* stacks.h - --stacks: the call stack of every thread, once; then leave.
 *
 * The threads stand still while their stacks are read; nothing is translated and
 * nothing is put into the process.
 */
#ifndef TRACER_STACKS_H
#define TRACER_STACKS_H

#include "session.h"

/* For every process of the options.  0, or an exit status as attach_all(). */
int stacks_print(struct session *s, struct err *err);

#endif
