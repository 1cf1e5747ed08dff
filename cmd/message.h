/* message.h - what the command says to its user, on stderr: one line each. */
#ifndef TRACER_MESSAGE_H
#define TRACER_MESSAGE_H

#include <stdbool.h>

#include "err.h"

/* "tracer: WHAT" */
void message_error(const struct err *err);
void message_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Said with -v (level 1) or -v -v (2); nothing with -q. */
void message_verbose(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));
void message_set_level(int verbose, bool quiet);

/* The tracer is about to end by a signal of the program's: no core of ours. */
void message_no_core(void);

#endif
