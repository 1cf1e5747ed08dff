/* err.h - one error, with its message, on the caller's stack.
 *
 * A function that can fail returns 0 (or a count), or a negative errno.  Where
 * a user will see the reason, its last argument is a `struct err *`, which may
 * be NULL.  The layer that knows the cause writes "why (what to do)"; layers
 * above put context before it; cmd/ prints it, once.
 *
 *     struct err err = {0};
 *     if (tracee_seize(pid, &err) < 0)
 *         err_prefix(&err, "cannot attach to %d", pid);
 */
#ifndef TRACER_ERR_H
#define TRACER_ERR_H

#include <stdarg.h>

#define must_check __attribute__((warn_unused_result))
#define ERR_TEXT_BYTES 512

struct err {
	int code;                   /* errno value, positive; 0: no error */
	char text[ERR_TEXT_BYTES];  /* without newline */
};

/* Sets the message, replacing an earlier one.  Returns -code, so that a
 * function can end with `return err_set(err, ENOMEM, "...")`. */
int err_set(struct err *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "CONTEXT: " before the message.  Returns -err->code (-1 for NULL). */
int err_prefix(struct err *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
