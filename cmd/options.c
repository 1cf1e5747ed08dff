#include "options.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"
#include "option-table.h"
#include "record-info.h"
#include "watch-place.h"
#include "watch-value.h"

#define VERSION "0.1"
#define CACHE_DEFAULT_BYTES (256ul << 20)
#define CACHE_MIN_BYTES (1ul << 20)
#define CACHE_MAX_BYTES (1ul << 30)

#define GO_ON (-1)      /* else an exit status */

static int wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int wrong(const char *format, ...)
{
	va_list ap;

	fputs("tracer: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputs(" (try `tracer --help`)\n", stderr);
	return 2;
}

/* ---- one option ------------------------------------------------------------------------- */

struct parse {
	struct options *options;
	char **argv;            /* what is left of it */
	char *exec;
	uint64_t given;         /* bit: enum option_id */
	unsigned clocks, follows;
};

static int set_mode(struct parse *p, enum mode mode)
{
	if (p->options->has_mode && p->options->mode != mode)
		return wrong("one kind of events at a time: --calls, --blocks, --insns, ...");
	p->options->has_mode = true;
	p->options->mode = mode;
	return GO_ON;
}

static int add(struct string_list *list, char *value)
{
	char **grown = realloc(list->items, (list->count + 1) * sizeof *grown);

	if (!grown)
		return wrong("out of memory");
	list->items = grown;
	list->items[list->count++] = value;
	return GO_ON;
}

static int add_pattern(struct string_list *list, char letter, char *value)
{
	struct err err = { 0 };

	if (!*value)
		return wrong("-%c: an empty pattern", letter);
	if (filter_check(value, &err) < 0)
		return wrong("-%c %s", letter, err.text);
	return add(list, value);
}

/* The index of `value` in a list of words that NULL ends; -1: none. */
static int word_index(const char *const *words, const char *value)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(words[i], value))
			return i;
	return -1;
}

static int set_format(struct options *o, const char *value)
{
	static const char *const formats[] = { "text", "json", NULL };
	int i = word_index(formats, value);

	if (i < 0)
		return wrong("--format %s: what fits is text, json", value);
	o->format = (enum format)i;
	return GO_ON;
}

static int set_sort(struct options *o, const char *value)
{
	static const char *const keys[] = { "total", "self", "calls", "min", "avg", "max", "name",
					    "function", NULL };
	int i = word_index(keys, value);

	if (i < 0)
		return wrong("--sort %s: what fits is total, self, calls, min, avg, max, name",
			     value);
	o->sort = i == 7 ? SORT_NAME : (enum sort_key)(i + 1);
	return GO_ON;
}

static int set_clock_source(struct options *o, const char *value)
{
	static const char *const words[] = { "tsc", "coarse", NULL };
	int i = word_index(words, value);

	if (i < 0)
		return wrong("--clock %s: what fits is tsc, coarse", value);
	o->clock_source = i ? CLOCK_COARSE : CLOCK_TSC;
	return GO_ON;
}

static int set_color(struct options *o, const char *value)
{
	static const char *const words[] = { "never", "auto", "always", NULL };
	int i = word_index(words, value);

	if (i < 0)
		return wrong("--color %s: what fits is auto, always, never", value);
	o->color = i - 1;
	return GO_ON;
}

static int set_depth(struct options *o, const char *value)
{
	uint64_t depth;

	if (option_number(value, &depth) < 0 || !depth || depth > UINT32_MAX)
		return wrong("-D %s: not a number of levels", value);
	o->depth = (unsigned)depth;
	return GO_ON;
}

static int add_watch(struct parse *p, char *value)
{
	struct err err = { 0 };
	char *where;
	unsigned len;
	int access;

	if (place_parse(value, &where, &len, &access, &err) < 0)
		return wrong("%s", err.text);
	free(where);
	return add(&p->options->watches, value) < 0 ? set_mode(p, MODE_WATCH) : 2;
}

static int set_watch_way(struct options *o, const char *value)
{
	static const char *const words[] = { "auto", "hw", "code", NULL };
	int i = word_index(words, value);

	if (i < 0)
		return wrong("--watch-with %s: what fits is auto, hw, code", value);
	o->watch_way = (enum watch_way)i;
	return GO_ON;
}

static int set_when(struct options *o, const char *value)
{
	struct err err = { 0 };

	return watch_when_parse(value, &o->when, &err) < 0 ? wrong("%s", err.text) : GO_ON;
}

static int set_cache_size(struct options *o, const char *value)
{
	if (option_size(value, &o->cache_bytes) < 0 || o->cache_bytes < CACHE_MIN_BYTES ||
	    o->cache_bytes > CACHE_MAX_BYTES)
		return wrong("--cache-size %s: not a size from 1m to 1g", value);
	o->cache_bytes &= ~65535ul;
	return GO_ON;
}

static int set_trust(struct options *o, const char *value)
{
	uint64_t number;

	if (!strcmp(value, "-1"))
		o->trust = -1;
	else if (option_number(value, &number) < 0 || number > INT_MAX)
		return wrong("--trust %s: not -1, 0 or a number of times", value);
	else
		o->trust = (int)number;
	return GO_ON;
}

/* The options that take a value. */
static int parse_value(struct parse *p, const struct option_row *row, char *value)
{
	struct options *o = p->options;

	p->given |= 1ull << row->id;
	switch (row->id) {
	case OPTION_PID:
		if (option_ids(value, &o->pids, &o->pid_count) < 0)
			return wrong("-p %s: not a list of process ids", value);
		break;
	case OPTION_EXEC:
		if (p->exec)
			return wrong("--exec %s: a program is given already", value);
		p->exec = value;
		break;
	case OPTION_WATCH:
		return add_watch(p, value);
	case OPTION_WATCH_WITH: return set_watch_way(o, value);
	case OPTION_WHEN: return set_when(o, value);
	case OPTION_TID:
		if (option_ids(value, &o->tids, &o->tid_count) < 0)
			return wrong("--tid %s: not a list of thread ids", value);
		break;
	case OPTION_ONLY_FUNCTION: return add_pattern(&o->only_functions, 'F', value);
	case OPTION_NOT_FUNCTION: return add_pattern(&o->not_functions, 'N', value);
	case OPTION_ONLY_MODULE: return add_pattern(&o->only_modules, 'M', value);
	case OPTION_NOT_MODULE: return add_pattern(&o->not_modules, 'X', value);
	case OPTION_DEPTH: return set_depth(o, value);
	case OPTION_MIN_TIME:
		if (option_time(value, &o->min_time_ns) < 0)
			return wrong("--min-time %s: not a time like 10us, 5ms", value);
		break;
	case OPTION_LIMIT:
		if (option_number(value, &o->limit) < 0 || !o->limit)
			return wrong("--limit %s: not a number of events", value);
		break;
	case OPTION_DURATION:
		if (option_time(value, &o->duration_ns) < 0 || !o->duration_ns)
			return wrong("--duration %s: not a time like 500ms, 10s, 2m", value);
		break;
	case OPTION_OUTPUT:
		if (!*value)
			return wrong("-o: an empty name");
		o->output = value;
		break;
	case OPTION_RECORD:
	case OPTION_REPLAY:
		if (!*value)
			return wrong("--%s: an empty name", row->name);
		*(row->id == OPTION_RECORD ? &o->record : &o->replay) = value;
		break;
	case OPTION_FORMAT: return set_format(o, value);
	case OPTION_SORT: return set_sort(o, value);
	case OPTION_CLOCK_SOURCE: return set_clock_source(o, value);
	case OPTION_COLOR: return set_color(o, value);
	case OPTION_CACHE_SIZE: return set_cache_size(o, value);
	case OPTION_TRUST: return set_trust(o, value);
	default: break;
	}
	return GO_ON;
}

static int parse_flag(struct parse *p, const struct option_row *row)
{
	struct options *o = p->options;

	p->given |= 1ull << row->id;
	switch (row->id) {
	case OPTION_CALLS: return set_mode(p, MODE_CALLS);
	case OPTION_BLOCKS: return set_mode(p, MODE_BLOCKS);
	case OPTION_INSNS: return set_mode(p, MODE_INSNS);
	case OPTION_COVERAGE: return set_mode(p, MODE_COVERAGE);
	case OPTION_PROFILE: return set_mode(p, MODE_PROFILE);
	case OPTION_STACKS: return set_mode(p, MODE_STACKS);
	case OPTION_NONE: return set_mode(p, MODE_NONE);
	case OPTION_FOLLOW: o->follow = true; p->follows++; break;
	case OPTION_WAIT: o->wait = true; break;
	case OPTION_STACK: o->stack = true; break;
	case OPTION_SUMMARY: o->summary = true; break;
	case OPTION_LINES: o->lines = true; break;
	case OPTION_CLOCK: p->clocks++; break;
	case OPTION_RELATIVE: o->clock = CLOCK_RELATIVE; break;
	case OPTION_NO_TIME: o->no_time = true; break;
	case OPTION_NO_DEMANGLE: o->no_demangle = true; break;
	case OPTION_LOSSY: o->lossy = true; break;
	case OPTION_QUIET: o->quiet = true; break;
	case OPTION_VERBOSE: o->verbose++; break;
	case OPTION_STATS: o->stats = true; break;
	case OPTION_HELP: option_print_help(); return 0;
	case OPTION_VERSION: puts("tracer " VERSION); return 0;
	default: break;
	}
	return GO_ON;
}

/* ---- the words of the command line --------------------------------------------------------- */

/* "--name", "--name=value", "--name value" */
static int parse_long(struct parse *p, char *word)
{
	size_t len = strcspn(word + 2, "=");
	const struct option_row *row = option_by_name(word + 2, len);
	char *value = word[2 + len] ? word + 3 + len : NULL;

	if (!row)
		return wrong("unknown option %.*s", (int)len + 2, word);
	if (!row->argument)
		return value ? wrong("--%s takes no value", row->name) : parse_flag(p, row);
	if (!value && !(value = *p->argv))
		return wrong("--%s needs a value: %s", row->name, row->argument);
	if (value == *p->argv)
		p->argv++;
	return parse_value(p, row, value);
}

/* "-q", "-qv", "-pPID", "-p PID" */
static int parse_letters(struct parse *p, char *word)
{
	for (char *letter = word + 1; *letter; letter++) {
		const struct option_row *row = option_by_letter(*letter);
		int status;

		if (!row)
			return wrong("unknown option -%c", *letter);
		if (row->argument) {
			char *value = letter[1] ? letter + 1 : *p->argv;

			if (!value)
				return wrong("-%c needs a value: %s", *letter, row->argument);
			if (!letter[1])
				p->argv++;
			return parse_value(p, row, value);
		}
		status = parse_flag(p, row);
		if (status != GO_ON)
			return status;
	}
	return GO_ON;
}

/* Up to PROG, or to `--`. */
static int parse_words(struct parse *p)
{
	int status = GO_ON;

	while (status == GO_ON && *p->argv) {
		char *word = *p->argv;

		if (word[0] != '-' || !word[1]) {
			if (p->exec)
				return wrong("%s: the arguments of %s come after --", word,
					     p->exec);
			break;
		}
		p->argv++;
		if (!strcmp(word, "--"))
			break;
		status = word[1] == '-' ? parse_long(p, word) : parse_letters(p, word);
	}
	return status;
}

/* PROG from --exec, and its arguments: what is left. */
static int set_program(struct parse *p)
{
	struct options *o = p->options;
	size_t count = 0, n = 0;

	while (p->argv[count])
		count++;
	if (!p->exec && !count)
		return GO_ON;
	o->program = calloc(count + 2, sizeof *o->program);
	if (!o->program)
		return wrong("out of memory");
	if (p->exec)
		o->program[n++] = p->exec;
	memcpy(o->program + n, p->argv, count * sizeof *o->program);
	return GO_ON;
}

static int check_time(const struct options *o)
{
	if (o->min_time_ns && o->mode != MODE_CALLS)
		return wrong("--min-time goes with --calls");
	if (o->min_time_ns && o->no_time)
		return wrong("--min-time needs the clock that --no-time leaves out");
	if (o->clock_source && o->no_time)
		return wrong("--clock chooses the clock that --no-time leaves out");
	if (o->clock && o->no_time)
		return wrong("-t and -r need the clock that --no-time leaves out");
	return GO_ON;
}

/* What counts knows neither which call is within which, nor when. */
static int check_profile(const struct options *o)
{
	if (o->mode != MODE_PROFILE)
		return GO_ON;
	if (o->only_functions.count || o->not_functions.count || o->depth)
		return wrong("-F, -N and -D choose calls: --profile goes with -M and -X");
	if (o->limit)
		return wrong("--limit counts events: --profile goes with --duration");
	if (o->sort != SORT_DEFAULT && o->sort != SORT_SELF && o->sort != SORT_CALLS &&
	    o->sort != SORT_NAME)
		return wrong("--sort: what fits --profile is self, calls, name");
	return GO_ON;
}

/* Does what was given go with the kind of events? */
int options_check(const struct options *o)
{
	if (o->mode != MODE_WATCH && o->stack)
		return wrong("-k goes with --watch (--stacks shows where threads are)");
	if (o->summary && o->mode != MODE_CALLS && o->mode != MODE_WATCH)
		return wrong("-c goes with --calls or --watch");
	int status = check_profile(o);
	return status == GO_ON ? check_time(o) : status;
}

/* Recording shows nothing yet, and replaying runs nothing any more. */
static int check_trace(const struct parse *p)
{
	static const enum option_id not_recorded[] = {
		OPTION_OUTPUT, OPTION_FORMAT, OPTION_SUMMARY, OPTION_SORT, OPTION_LINES,
		OPTION_NO_DEMANGLE, OPTION_COLOR,
	}, not_replayed[] = {
		OPTION_PID, OPTION_EXEC, OPTION_RECORD, OPTION_WATCH, OPTION_WATCH_WITH, OPTION_WHEN,
		OPTION_WAIT, OPTION_PROFILE, OPTION_STACKS, OPTION_NONE, OPTION_DURATION,
		OPTION_CLOCK_SOURCE, OPTION_LOSSY,
		OPTION_CACHE_SIZE, OPTION_TRUST,
	};
	const struct options *o = p->options;

	for (size_t i = 0; o->replay && i < sizeof not_replayed / sizeof *not_replayed; i++)
		if (p->given >> not_replayed[i] & 1)
			return wrong("%s goes without --replay: nothing is run any more",
				     option_text(not_replayed[i]));
	if (o->replay && o->program)
		return wrong("--replay %s runs no program: %s", o->replay, o->program[0]);
	for (size_t i = 0; o->record && i < sizeof not_recorded / sizeof *not_recorded; i++)
		if (p->given >> not_recorded[i] & 1)
			return wrong("%s goes with --replay, not with --record",
				     option_text(not_recorded[i]));
	if (o->record && !strcmp(o->record, "-") && o->program)
		return wrong("--record -: %s has standard output, too (give a file, or --record "
			     "'|COMMAND')", o->program[0]);
	if (o->record && !record_mode_name(o->mode))
		return wrong("--record goes with --calls, --blocks, --insns, --coverage or --watch");
	return GO_ON;
}

static int check(struct parse *p)
{
	struct options *o = p->options;
	int status;

	if (p->clocks)
		o->clock = p->clocks == 1 ? CLOCK_SECONDS :
			   p->clocks == 2 ? CLOCK_MICROSECONDS : CLOCK_EPOCH;
	o->file_per_thread = p->follows > 1 && o->output;
	if (o->file_per_thread && (!strcmp(o->output, "-") || o->output[0] == '|'))
		return wrong("-ff writes files: -o %s is none", o->output);
	status = check_trace(p);
	if (status != GO_ON || o->replay)
		return status;
	if (o->program && o->pid_count)
		return wrong("a program to run and -p at once");
	if (!o->program && !o->pid_count)
		return wrong("nothing to trace: give -p PID or a program");
	if (o->program && o->mode == MODE_STACKS)
		return wrong("--stacks goes with -p");
	if (o->watch_way != WATCH_AUTO && o->mode != MODE_WATCH)
		return wrong("--watch-with goes with --watch");
	if (o->mode != MODE_WATCH && o->when.compare)
		return wrong("--when goes with --watch");
	if (o->mode != MODE_WATCH && o->wait)
		return wrong("--wait goes with --watch");
	return options_check(o);
}

int options_parse(struct options *options, int argc, char **argv)
{
	struct parse parse = { .options = options, .argv = argv + (argc > 0) };
	int status;

	memset(options, 0, sizeof *options);
	options->cache_bytes = CACHE_DEFAULT_BYTES;
	options->trust = -1;
	status = parse_words(&parse);
	if (status == GO_ON)
		status = set_program(&parse);
	return status == GO_ON ? check(&parse) : status;
}

bool options_count(const struct options *o)
{
	return o->mode == MODE_PROFILE ||
	       (o->mode == MODE_CALLS && o->summary && o->no_time && !o->replay && !o->limit &&
		!o->depth && !o->only_functions.count && !o->not_functions.count);
}

void options_deinit(struct options *options)
{
	free(options->pids);
	free(options->tids);
	free(options->program);
	free(options->only_functions.items);
	free(options->not_functions.items);
	free(options->only_modules.items);
	free(options->not_modules.items);
	free(options->watches.items);
}
