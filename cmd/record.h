/* record.h - --record: what the rings say goes to a file as it is, for --replay.
 *
 * It is a view like those that print, so it gets events as they do; but it makes no text
 * of them, and asks for names once an address.  See docs/trace-format.md.
 */
#ifndef TRACER_RECORD_H
#define TRACER_RECORD_H

#include "output-internal.h"
#include "record-access.h"
#include "trace-bytes.h"

extern const struct view view_record, view_record_watch;

struct recording;

/* Writes the head of the file to the output's main writer. */
int record_begin(struct output *output, struct err *err) must_check;
void record_destroy(struct recording *recording);       /* NULL allowed */
uint64_t record_bytes(const struct recording *recording);

/* ---- record-names.c: of one space ---------------------------------------------------------- */

struct record_names;

/* Modules of the space with this number are put into `control`, which outlives it.  NULL: out
 * of memory. */
struct record_names *record_names_create(struct origin *origin, struct trace_bytes *control,
					 uint32_t space);
void record_names_destroy(struct record_names *names);  /* NULL allowed */

/* This address will have to be named.  Its module is put into the log, if it is new. */
void record_names_note(struct record_names *names, uint64_t address);
/* And every instruction of this block. */
void record_names_note_block(struct record_names *names, const struct block *block);

/* Modules that have come and gone since the last time are put into the log. */
void record_names_modules(struct record_names *names);

/* Makes chunks of all that was noted, and gives each to `put`.  Source lines take long:
 * `pause` is called between any two addresses. */
void record_names_write(struct record_names *names,
			void (*put)(void *context, const struct trace_bytes *raw),
			void (*pause)(void *context), void *context);

#endif
