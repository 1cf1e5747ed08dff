/* line-ahead.h - source lines that are going to be asked for, looked up while the program runs.
 *
 * To find the first line in a file takes long: what is compressed is unpacked, and libdwarf reads
 * what it needs.  Who records needs the lines of a process when it ends, not before, so a thread
 * of somewhat lower priority goes for them as soon as an address is met, with files of its own
 * (struct source_lines): nobody waits for it until then.
 *
 * One for a session.  Threads may share it.
 */
#ifndef TRACER_LINE_AHEAD_H
#define TRACER_LINE_AHEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "origin.h"
#include "source.h"

struct line_ahead;

/* NULL: out of memory. */
struct line_ahead *line_ahead_create(void);
void line_ahead_destroy(struct line_ahead *ahead);      /* NULL allowed; ends its thread */

/* A number for the file; -1: it has not been added. */
int line_ahead_file(struct line_ahead *ahead, const struct source_file *file);
/* Adds it, and takes `lines`; NULL: it has none.  -1: out of memory. */
int line_ahead_file_add(struct line_ahead *ahead, const struct source_file *file,
			struct source_lines *lines);

/* The line at an address of the file is going to be asked for; forgotten when memory is short. */
void line_ahead_add(struct line_ahead *ahead, int file, uint64_t address);

/* False: nobody has looked there.  Line 0: there is none.  Texts stay valid as long as `ahead`. */
bool line_ahead_find(struct line_ahead *ahead, int file, uint64_t address, struct origin_line *out);

/* Waits for a millisecond at most for what has been added until *asked, a count; 0: all there is,
 * and becomes that.  False: it has been looked up. */
bool line_ahead_wait(struct line_ahead *ahead, uint64_t *asked);

#endif
