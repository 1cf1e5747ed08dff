#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION "0.1"

enum long_only {
	OPT_EXEC = 256, OPT_CALLS, OPT_BLOCKS, OPT_INSNS, OPT_COVERAGE, OPT_STACKS, OPT_NONE,
	OPT_TID, OPT_LIMIT, OPT_DURATION, OPT_FORMAT, OPT_NO_TIME, OPT_NO_DEMANGLE, OPT_STATS,
	OPT_LOSSY, OPT_MIN_TIME, OPT_SORT, OPT_COLOR, OPT_HELP, OPT_VERSION,
};

/* One row an option: getopt's table and --help come from it. */
static const struct row {
	const char *name;       /* long; NULL: none */
	int value;
	char letter;
	const char *argument;   /* NULL: takes none */
	const char *help;
} rows[] = {
	{ NULL, 'p', 'p', "PID", "attach to these processes (a list, or repeated)" },
	{ "exec", OPT_EXEC, 0, "PROG", "run PROG; options may follow, its arguments after --" },
	{ "calls", OPT_CALLS, 0, NULL, "every call and return, with depth and duration (default)" },
	{ "blocks", OPT_BLOCKS, 0, NULL, "every execution of a basic block" },
	{ "insns", OPT_INSNS, 0, NULL, "every instruction, with its text" },
	{ "coverage", OPT_COVERAGE, 0, NULL, "every basic block once, at its first execution" },
	{ "none", OPT_NONE, 0, NULL, "nothing: translation alone, to measure" },
	{ NULL, 'f', 'f', NULL, "follow forks" },
	{ "tid", OPT_TID, 0, "TID", "only these threads (a list, or repeated)" },
	{ "limit", OPT_LIMIT, 0, "N", "stop after N events" },
	{ "duration", OPT_DURATION, 0, "TIME", "detach after TIME (500ms, 10s, 2m)" },
	{ NULL, 'o', 'o', "FILE", "write to FILE, - is standard output, |CMD a pipe" },
	{ "no-time", OPT_NO_TIME, 0, NULL, "read no clock at all" },
	{ "no-demangle", OPT_NO_DEMANGLE, 0, NULL, "names as they stand in the symbol table" },
	{ "lossy", OPT_LOSSY, 0, NULL, "when the ring is full drop events, and count them" },
	{ NULL, 'q', 'q', NULL, "no messages" },
	{ NULL, 'v', 'v', NULL, "more messages" },
	{ "stats", OPT_STATS, 0, NULL, "at the end a line of counters on stderr" },
	{ "help", OPT_HELP, 0, NULL, "this list" },
	{ "version", OPT_VERSION, 0, NULL, "the version" },
};

#define ROWS (sizeof rows / sizeof *rows)

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

static int print_help(void)
{
	puts("usage: tracer [OPTIONS] -p PID[,PID...]\n"
	     "       tracer [OPTIONS] PROG [ARG...]\n"
	     "       tracer [OPTIONS] --exec PROG [OPTIONS] [-- ARG...]\n");
	for (size_t i = 0; i < ROWS; i++) {
		char left[64];

		snprintf(left, sizeof left, "%s%s%s%s", rows[i].name ? "--" : "-",
			 rows[i].name ? rows[i].name : (char[]){ rows[i].letter, 0 },
			 rows[i].argument ? " " : "", rows[i].argument ? rows[i].argument : "");
		printf("  %-18s %s\n", left, rows[i].help);
	}
	return 0;
}

/* ---- values --------------------------------------------------------------------------- */

static int parse_number(const char *text, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 0);
	return isdigit((unsigned char)*text) && !*end && !errno ? 0 : -EINVAL;
}

static int parse_duration(const char *text, uint64_t *out_ns)
{
	static const struct { const char *unit; double ns; } units[] = {
		{ "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 }, { "", 1e9 },
		{ "m", 60e9 }, { "h", 3600e9 },
	};
	char *end;
	double value = strtod(text, &end);

	if (end == text || value < 0)
		return -EINVAL;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (!strcmp(end, units[i].unit)) {
			*out_ns = (uint64_t)(value * units[i].ns);
			return 0;
		}
	return -EINVAL;
}

/* Ids split at comma, space and newline, appended. */
static int parse_ids(const char *text, pid_t **ids, size_t *count)
{
	while (*(text += strspn(text, ", \n\t"))) {
		size_t len = strcspn(text, ", \n\t");
		char word[24];
		uint64_t value;

		if (len >= sizeof word)
			return -EINVAL;
		memcpy(word, text, len);
		word[len] = 0;
		if (parse_number(word, &value) < 0 || value == 0 || value > 0x7fffffff)
			return -EINVAL;
		pid_t *grown = realloc(*ids, (*count + 1) * sizeof **ids);
		if (!grown)
			return -ENOMEM;
		*ids = grown;
		(*ids)[(*count)++] = (pid_t)value;
		text += len;
	}
	return 0;
}

/* ---- options ------------------------------------------------------------------------------ */

struct parse {
	struct options *options;
	char *exec;
	bool has_mode;
};

static int set_mode(struct parse *p, enum mode mode)
{
	if (p->has_mode && p->options->mode != mode)
		return wrong("only one of --calls, --blocks, --insns, --coverage, --none at a time");
	p->has_mode = true;
	p->options->mode = mode;
	return -1;
}

static int parse_one(struct parse *p, int option, char *value)
{
	struct options *o = p->options;

	switch (option) {
	case 'p':
		if (parse_ids(value, &o->pids, &o->pid_count) < 0)
			return wrong("-p %s: not a list of process ids", value);
		break;
	case OPT_EXEC: p->exec = value; break;
	case OPT_CALLS: return set_mode(p, MODE_CALLS);
	case OPT_BLOCKS: return set_mode(p, MODE_BLOCKS);
	case OPT_INSNS: return set_mode(p, MODE_INSNS);
	case OPT_COVERAGE: return set_mode(p, MODE_COVERAGE);
	case OPT_NONE: return set_mode(p, MODE_NONE);
	case 'f': o->follow = true; break;
	case OPT_TID:
		if (parse_ids(value, &o->tids, &o->tid_count) < 0)
			return wrong("--tid %s: not a list of thread ids", value);
		break;
	case OPT_LIMIT:
		if (parse_number(value, &o->limit) < 0 || !o->limit)
			return wrong("--limit %s: not a number of events", value);
		break;
	case OPT_DURATION:
		if (parse_duration(value, &o->duration_ns) < 0 || !o->duration_ns)
			return wrong("--duration %s: not a time like 500ms, 10s, 2m", value);
		break;
	case 'o': o->output = value; break;
	case OPT_NO_TIME: o->no_time = true; break;
	case OPT_NO_DEMANGLE: o->no_demangle = true; break;
	case OPT_LOSSY: o->lossy = true; break;
	case 'q': o->quiet = true; break;
	case 'v': o->verbose++; break;
	case OPT_STATS: o->stats = true; break;
	case OPT_HELP: return print_help();
	case OPT_VERSION: puts("tracer " VERSION); return 0;
	case ':': return wrong("%s needs a value", value);
	default: return wrong("unknown option %s", value);
	}
	return -1;
}

static void make_tables(struct option *longs, char *shorts)
{
	*shorts++ = '+';        /* options end at PROG */
	*shorts++ = ':';
	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i].letter) {
			*shorts++ = rows[i].letter;
			if (rows[i].argument)
				*shorts++ = ':';
		}
		if (rows[i].name)
			*longs++ = (struct option){ rows[i].name, rows[i].argument != NULL, NULL,
						    rows[i].value };
	}
	*shorts = 0;
	*longs = (struct option){ 0 };
}

/* PROG from --exec, and its arguments: those behind it. */
static int set_program(struct parse *p, int argc, char **argv)
{
	struct options *o = p->options;
	int count = argc - optind;

	if (!p->exec && !count)
		return -1;
	o->program = calloc((size_t)count + 2, sizeof *o->program);
	if (!o->program)
		return wrong("out of memory");
	int n = 0;
	if (p->exec)
		o->program[n++] = p->exec;
	for (int i = optind; i < argc; i++)
		o->program[n++] = argv[i];
	return -1;
}

static int check(struct parse *p)
{
	struct options *o = p->options;

	if (o->program && o->pid_count)
		return wrong("a program to run and -p at once");
	if (!o->program && !o->pid_count)
		return wrong("nothing to trace: give -p PID or a program");
	return -1;
}

int options_parse(struct options *options, int argc, char **argv)
{
	struct option longs[ROWS + 1];
	char shorts[2 * ROWS + 3];
	struct parse parse = { .options = options };
	int option, status = -1;

	memset(options, 0, sizeof *options);
	make_tables(longs, shorts);
	opterr = 0;
	while (status < 0) {
		int at = optind;

		option = getopt_long(argc, argv, shorts, longs, NULL);
		if (option < 0)
			break;
		status = parse_one(&parse, option, option == '?' || option == ':' ? argv[at] : optarg);
	}
	if (status < 0)
		status = set_program(&parse, argc, argv);
	return status < 0 ? check(&parse) : status;
}

void options_deinit(struct options *options)
{
	free(options->pids);
	free(options->tids);
	free(options->program);
}
