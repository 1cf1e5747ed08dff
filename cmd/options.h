/* options.h - the command line, parsed and checked.
 *
 * Options end at PROG.  With --exec PROG they may follow it, and its arguments
 * come after `--`.  Long options are not abbreviated. */
#ifndef TRACER_OPTIONS_H
#define TRACER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum mode {
	MODE_CALLS,
	MODE_BLOCKS,
	MODE_INSNS,
	MODE_WATCH,
	MODE_COVERAGE,
	MODE_PROFILE,
	MODE_STACKS,
	MODE_NONE,
};

enum format {
	FORMAT_TEXT,
	FORMAT_JSON,
};

enum clock_style {
	CLOCK_NONE,             /* no column */
	CLOCK_SECONDS,          /* -t */
	CLOCK_MICROSECONDS,     /* -tt */
	CLOCK_EPOCH,            /* -ttt */
	CLOCK_RELATIVE,         /* -r */
};

enum clock_source {
	CLOCK_CHEAPER,          /* what costs less here */
	CLOCK_TSC,              /* rdtsc */
	CLOCK_COARSE,           /* a word that the tracer keeps up to date */
};

enum sort_key {
	SORT_DEFAULT,
	SORT_TOTAL,
	SORT_SELF,
	SORT_CALLS,
	SORT_MIN,
	SORT_AVG,
	SORT_MAX,
	SORT_NAME,
};

enum watch_way {
	WATCH_AUTO,
	WATCH_HW,               /* debug registers */
	WATCH_CODE,             /* translated code */
};

enum watch_compare {
	WATCH_ALWAYS,
	WATCH_CHANGED,
	WATCH_EQUAL,
	WATCH_NOT_EQUAL,
	WATCH_BELOW,
	WATCH_AT_MOST,
	WATCH_ABOVE,
	WATCH_AT_LEAST,
};

/* --when: the new value (and the mask) compared with the number. */
struct watch_when {
	enum watch_compare compare;
	bool has_mask, is_negative, is_fraction;
	uint64_t mask, number;
	double fraction;
};

struct string_list {
	char **items;           /* of argv */
	size_t count;
};

struct options {
	enum mode mode;
	enum format format;
	enum clock_style clock;
	enum clock_source clock_source; /* --clock */
	pid_t *pids;
	size_t pid_count;
	pid_t *tids;                    /* --tid; none: all */
	size_t tid_count;
	char **program;                 /* PROG and its arguments, NULL at the end */
	bool follow;                    /* -f */
	bool file_per_thread;           /* -ff with -o */
	struct string_list only_functions, not_functions, only_modules, not_modules;
	struct string_list watches;     /* as given */
	enum watch_way watch_way;       /* --watch-with */
	struct watch_when when;         /* --when */
	bool stack;                     /* -k */
	bool wait;                      /* --wait */
	unsigned depth;                 /* -D; 0: no limit */
	uint64_t min_time_ns;
	uint64_t limit;                 /* 0: none */
	uint64_t duration_ns;           /* 0: none */
	int trust;                      /* --trust: -1 always compared, 0 never */
	uint64_t cache_bytes;           /* --cache-size, a multiple of 64 KiB */
	const char *output;             /* -o; NULL: stderr */
	const char *record;             /* --record; NULL: not */
	const char *replay;             /* --replay; NULL: not */
	bool has_mode;                  /* a kind of events was asked for */
	bool summary;                   /* -c */
	enum sort_key sort;
	bool lines;                     /* -l */
	bool no_time, no_demangle, quiet, stats, lossy;
	int verbose;
	int color;                      /* -1 never, 0 auto, 1 always */
};

/* Parses; on wrong usage prints one line and a hint on stderr and returns 2; for
 * --help and --version prints on stdout and returns 0; else -1: go on. */
int options_parse(struct options *options, int argc, char **argv);
/* Calls are to be counted, and nothing else is asked about them, or blocks: no event is
 * needed. */
bool options_count(const struct options *options);
/* For --replay, whose kind of events is known later: as options_parse(), 2 or -1. */
int options_check(const struct options *options);
void options_deinit(struct options *options);

#endif
