#include <criterion/criterion.h>
#include <criterion/redirect.h>

#include "option-table.h"
#include "options.h"

static struct options o;

static void redirect(void)
{
	cr_redirect_stderr();
	cr_redirect_stdout();
}

#define PARSE(...) \
	options_parse(&o, (int)(sizeof((char *[]){ "tracer", __VA_ARGS__ }) / sizeof(char *)), \
		      (char *[]){ "tracer", __VA_ARGS__, NULL })

TestSuite(options, .init = redirect, .timeout = 10);

Test(options, end_at_prog)
{
	cr_assert_eq(PARSE("-q", "prog", "-v", "--", "x"), -1);
	cr_expect_str_eq(o.program[0], "prog");
	cr_expect_str_eq(o.program[1], "-v");
	cr_expect_str_eq(o.program[2], "--");
	cr_expect_str_eq(o.program[3], "x");
	cr_expect_null(o.program[4]);
	cr_expect_eq(o.verbose, 0);
}

Test(options, may_follow_exec)
{
	cr_assert_eq(PARSE("--exec", "prog", "--blocks", "-o", "f", "--", "-x", "y"), -1);
	cr_expect_eq(o.mode, MODE_BLOCKS);
	cr_expect_str_eq(o.output, "f");
	cr_expect_str_eq(o.program[0], "prog");
	cr_expect_str_eq(o.program[1], "-x");
	cr_expect_null(o.program[3]);
	cr_expect_eq(PARSE("--exec", "prog", "argument"), 2);
}

Test(options, pids_are_lists)
{
	cr_assert_eq(PARSE("-p", "1,2 3\n4", "-p5"), -1);
	cr_assert_eq(o.pid_count, 5);
	for (int i = 0; i < 5; i++)
		cr_expect_eq(o.pids[i], i + 1);
	cr_expect_eq(PARSE("-p", ""), 2);
	cr_expect_eq(PARSE("-p", "x"), 2);
	cr_expect_eq(PARSE("-p", "-1"), 2);
	cr_expect_eq(PARSE("-p", "99999999999"), 2);
}

Test(options, letters_go_together)
{
	cr_assert_eq(PARSE("-qvvttt", "-ff", "-ofile", "prog"), -1);
	cr_expect(o.quiet && o.verbose == 2 && o.follow && o.file_per_thread);
	cr_expect_eq(o.clock, CLOCK_EPOCH);
}

Test(options, wrong_usage_is_2)
{
	cr_expect_eq(options_parse(&o, 1, (char *[]){ "tracer", NULL }), 2);
	cr_expect_eq(PARSE("--nonsense", "prog"), 2);
	cr_expect_eq(PARSE("--call", "prog"), 2, "no abbreviations");
	cr_expect_eq(PARSE("--format", "xyz", "prog"), 2);
	cr_expect_eq(PARSE("--format"), 2);
	cr_expect_eq(PARSE("--calls", "--blocks", "prog"), 2);
	cr_expect_eq(PARSE("--calls=1", "prog"), 2);
	cr_expect_eq(PARSE("-p", "1", "prog"), 2);
	cr_expect_eq(PARSE("-F", "/(/", "prog"), 2);
	cr_expect_eq(PARSE("--min-time", "1us", "--no-time", "prog"), 2);
	cr_expect_eq(PARSE("--limit", "0", "prog"), 2);
	cr_expect_eq(PARSE("-D", "x", "prog"), 2);
	cr_expect_eq(PARSE("-c", "--blocks", "prog"), 2);
}

Test(options, times_have_units)
{
	static const struct { const char *text; uint64_t ns; } times[] = {
		{ "500ms", 500000000 }, { "10s", 10000000000 }, { "2m", 120000000000 },
		{ "1.5us", 1500 }, { "3", 3000000000 }, { "7ns", 7 },
	};
	uint64_t ns;

	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		cr_assert_eq(option_time(times[i].text, &ns), 0);
		cr_expect_eq(ns, times[i].ns);
	}
	cr_expect_lt(option_time("nan", &ns), 0);
	cr_expect_lt(option_time("-1s", &ns), 0);
	cr_expect_lt(option_time("0x10s", &ns), 0);
	cr_expect_lt(option_time("1 parsec", &ns), 0);
	cr_expect_lt(option_time("", &ns), 0);
}
