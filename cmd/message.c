#include "message.h"

#include <stdio.h>
#include <sys/resource.h>

static int level;
static bool is_quiet;

void message_set_level(int verbose, bool quiet)
{
	level = verbose;
	is_quiet = quiet;
}

static void say(const char *format, va_list ap)
{
	char line[1024];

	vsnprintf(line, sizeof line, format, ap);
	fprintf(stderr, "tracer: %s\n", line);
}

void message_error(const struct err *err)
{
	if (err->code)
		fprintf(stderr, "tracer: %s\n", err->text);
}

void message_warning(const char *format, ...)
{
	va_list ap;

	if (is_quiet)
		return;
	va_start(ap, format);
	say(format, ap);
	va_end(ap);
}

void message_verbose(int at, const char *format, ...)
{
	va_list ap;

	if (is_quiet || level < at)
		return;
	va_start(ap, format);
	say(format, ap);
	va_end(ap);
}

void message_no_core(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
}
