#include "option-table.h"

#include <stdio.h>
#include <string.h>

const struct option_row option_rows[] = {
	{ "What to trace", 'p', NULL, "PID", OPTION_PID,
	  "attach to these processes (a list, or repeated)" },
	{ NULL, 0, "exec", "PROG", OPTION_EXEC,
	  "run PROG; options may follow, its arguments come after --" },
	{ NULL, 0, "replay", "FILE", OPTION_REPLAY,
	  "print what --record has written to FILE" },
	{ NULL, 'f', NULL, NULL, OPTION_FOLLOW,
	  "follow forks; -ff with -o: one file a thread, FILE.TID" },

	{ "Which events (one of them)", 0, "calls", NULL, OPTION_CALLS,
	  "every call and return, with depth and duration (default)" },
	{ NULL, 0, "blocks", NULL, OPTION_BLOCKS, "every execution of a basic block" },
	{ NULL, 0, "insns", NULL, OPTION_INSNS, "every instruction, with its text" },
	{ NULL, 0, "watch", "WHERE:LEN[:r|w|rw]", OPTION_WATCH,
	  "every access to these bytes (default: writes); WHERE is an address,\n"
	  "                      symbol, symbol+off or module!symbol" },
	{ NULL, 0, "watch-with", "WAY", OPTION_WATCH_WITH,
	  "how: hw (debug registers), code (translated code), auto (default)" },
	{ NULL, 0, "coverage", NULL, OPTION_COVERAGE,
	  "every basic block once, at its first execution" },
	{ NULL, 0, "profile", NULL, OPTION_PROFILE,
	  "how often each function was called, and its instructions; -l: its lines" },
	{ NULL, 0, "stacks", NULL, OPTION_STACKS,
	  "the call stack of every thread, once; then leave" },
	{ NULL, 0, "none", NULL, OPTION_NONE, "nothing: translation alone, to measure" },

	{ "Which of them", 0, "tid", "TID", OPTION_TID,
	  "only these threads (a list, or repeated)" },
	{ NULL, 'F', NULL, "PAT", OPTION_ONLY_FUNCTION,
	  "only in functions that match, and what they call" },
	{ NULL, 'N', NULL, "PAT", OPTION_NOT_FUNCTION,
	  "not in functions that match, nor what they call" },
	{ NULL, 'M', NULL, "PAT", OPTION_ONLY_MODULE, "only in modules that match" },
	{ NULL, 'X', NULL, "PAT", OPTION_NOT_MODULE,
	  "not in modules that match (PAT: a glob, or /regex/; repeatable)" },
	{ NULL, 'D', NULL, "N", OPTION_DEPTH, "only so many levels of calls" },
	{ NULL, 0, "min-time", "TIME", OPTION_MIN_TIME, "only calls that took longer" },
	{ NULL, 0, "when", "EXPR", OPTION_WHEN,
	  "with --watch: only when the value then is ==, !=, <, <=, >, >= N, or has\n"
	  "                      bits (& MASK), or has changed (changed)" },
	{ NULL, 0, "wait", NULL, OPTION_WAIT,
	  "with --watch: it may be mapped later, by a library, or a program" },
	{ NULL, 0, "limit", "N", OPTION_LIMIT, "detach after N events" },
	{ NULL, 0, "duration", "TIME", OPTION_DURATION, "detach after TIME (500ms, 10s, 2m)" },

	{ "How to show it", 'o', NULL, "FILE", OPTION_OUTPUT,
	  "write to FILE; - is standard output, '|CMD' a command (default: stderr)" },
	{ NULL, 0, "record", "FILE", OPTION_RECORD,
	  "write raw events to FILE, for --replay; - is standard output" },
	{ NULL, 0, "format", "FORMAT", OPTION_FORMAT, "text (default), json" },
	{ NULL, 'c', NULL, NULL, OPTION_SUMMARY,
	  "a table of functions instead of their calls (or accesses)" },
	{ NULL, 'k', NULL, NULL, OPTION_STACK, "with --watch: the call stack of each access" },
	{ NULL, 0, "sort", "KEY", OPTION_SORT,
	  "order of a table: total, self, calls, min, avg, max, name" },
	{ NULL, 'l', NULL, NULL, OPTION_LINES, "with source file and line" },
	{ NULL, 't', NULL, NULL, OPTION_CLOCK,
	  "the time of day; -tt with microseconds, -ttt since the epoch" },
	{ NULL, 'r', NULL, NULL, OPTION_RELATIVE, "the time since the line before" },
	{ NULL, 0, "clock", "SOURCE", OPTION_CLOCK_SOURCE,
	  "tsc: the processor's counter, to the nanosecond; coarse: a word that a\n"
	  "                      processor of its own keeps within a microsecond" },
	{ NULL, 0, "no-time", NULL, OPTION_NO_TIME, "read no clock at all" },
	{ NULL, 0, "no-demangle", NULL, OPTION_NO_DEMANGLE,
	  "names as they stand in the symbol table" },
	{ NULL, 0, "color", "WHEN", OPTION_COLOR, "auto (default), always, never" },

	{ "Otherwise", 0, "lossy", NULL, OPTION_LOSSY,
	  "when the ring is full drop events, and count them" },
	{ NULL, 0, "cache-size", "SIZE", OPTION_CACHE_SIZE,
	  "memory for translated code in each process (256m); when it is full, it is\n"
	  "                      emptied" },
	{ NULL, 0, "trust", "N", OPTION_TRUST,
	  "believe code on pages that can be written once it came out unchanged\n"
	  "                      N times; 0: at once, -1: never (default)" },
	{ NULL, 'q', NULL, NULL, OPTION_QUIET, "no messages" },
	{ NULL, 'v', NULL, NULL, OPTION_VERBOSE, "more messages" },
	{ NULL, 0, "stats", NULL, OPTION_STATS, "at the end a line of counters on stderr" },
	{ NULL, 0, "help", NULL, OPTION_HELP, "this list" },
	{ NULL, 0, "version", NULL, OPTION_VERSION, "the version" },
};

const size_t option_row_count = sizeof option_rows / sizeof *option_rows;

const struct option_row *option_by_letter(char letter)
{
	for (size_t i = 0; i < option_row_count; i++)
		if (letter && option_rows[i].letter == letter)
			return &option_rows[i];
	return NULL;
}

const struct option_row *option_by_name(const char *name, size_t len)
{
	for (size_t i = 0; i < option_row_count; i++) {
		const char *this = option_rows[i].name;

		if (this && strlen(this) == len && !memcmp(this, name, len))
			return &option_rows[i];
	}
	return NULL;
}

const char *option_text(enum option_id id)
{
	static char text[32];

	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];

		if (row->id == id && row->name)
			snprintf(text, sizeof text, "--%s", row->name);
		else if (row->id == id)
			snprintf(text, sizeof text, "-%c", row->letter);
	}
	return text;
}

void option_print_help(void)
{
	puts("usage: tracer [OPTIONS] -p PID[,PID...]\n"
	     "       tracer [OPTIONS] PROG [ARG...]\n"
	     "       tracer [OPTIONS] --exec PROG [OPTIONS] [-- ARG...]\n"
	     "       tracer --replay FILE [OPTIONS]");
	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];
		char left[64];

		if (row->group)
			printf("\n%s:\n", row->group);
		snprintf(left, sizeof left, "%s%s%s%s", row->name ? "--" : "-",
			 row->name ? row->name : (char[]){ row->letter, 0 },
			 row->argument ? " " : "", row->argument ? row->argument : "");
		printf("  %-18s %s\n", left, row->help);
	}
}
