/* option-table.h - one row an option: parsing and --help come from it.
 *
 * A new option is a row in option-table.c, an id here, a case in options.c. */
#ifndef TRACER_OPTION_TABLE_H
#define TRACER_OPTION_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum option_id {
	OPTION_PID, OPTION_EXEC, OPTION_REPLAY,
	OPTION_CALLS, OPTION_BLOCKS, OPTION_INSNS, OPTION_WATCH, OPTION_WATCH_WITH, OPTION_WHEN, OPTION_WAIT, OPTION_COVERAGE, OPTION_PROFILE, OPTION_CLOCK_SOURCE, OPTION_STACKS,
	OPTION_NONE,
	OPTION_FOLLOW, OPTION_TID, OPTION_ONLY_FUNCTION, OPTION_NOT_FUNCTION, OPTION_ONLY_MODULE,
	OPTION_NOT_MODULE, OPTION_DEPTH, OPTION_MIN_TIME, OPTION_LIMIT, OPTION_DURATION,
	OPTION_OUTPUT, OPTION_RECORD, OPTION_FORMAT, OPTION_SUMMARY, OPTION_STACK, OPTION_SORT, OPTION_LINES, OPTION_CLOCK,
	OPTION_RELATIVE, OPTION_NO_TIME, OPTION_NO_DEMANGLE, OPTION_COLOR, OPTION_LOSSY,
	OPTION_CACHE_SIZE, OPTION_TRUST,
	OPTION_QUIET, OPTION_VERBOSE, OPTION_STATS, OPTION_HELP, OPTION_VERSION,
};

struct option_row {
	const char *group;      /* a heading that begins here; NULL: none */
	char letter;            /* 0: none */
	const char *name;       /* long; NULL: none */
	const char *argument;   /* NULL: takes none */
	enum option_id id;
	const char *help;
};

extern const struct option_row option_rows[];
extern const size_t option_row_count;

/* NULL: there is none. */
const struct option_row *option_by_letter(char letter);
const struct option_row *option_by_name(const char *name, size_t len);

/* "--record", "-c" */
const char *option_text(enum option_id id);

void option_print_help(void);

/* ---- values (option-values.c): 0, -EINVAL or -ENOMEM ---------------------------------- */

int option_number(const char *text, uint64_t *out);
/* "500ms", "10s", "2m"; seconds without a unit */
/* Bytes, with k, m or g behind; -EINVAL. */
int option_size(const char *text, uint64_t *out_bytes);
int option_time(const char *text, uint64_t *out_ns);
/* Ids split at comma, space and newline, appended. */
int option_ids(const char *text, pid_t **ids, size_t *count);

#endif
