/* Time stamps and durations, by a rate that is measured while the session starts. */
#include <criterion/criterion.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "output-internal.h"

/* Does the rate that was found tell how long 40 ms are? */
static void check_rate(void)
{
	struct clock_reading first, last;

	cr_assert(clock_tsc_to_duration(1) <= 1000);
	clock_read(&first);
	usleep(40 * 1000);
	clock_read(&last);

	double ns = (double)(last.ns - first.ns);
	cr_assert_float_eq((double)clock_tsc_to_duration(last.tsc - first.tsc), ns, ns / 1000);
	cr_assert_float_eq((double)clock_tsc_to_ns(last.tsc), (double)last.ns, ns / 1000);
	cr_assert_float_eq((double)clock_tsc_to_epoch_ns(last.tsc), (double)last.epoch_ns, ns);
}

Test(clock, asked_at_once)
{
	clock_start();
	check_rate();
}

Test(clock, asked_later)
{
	clock_start();
	usleep(30 * 1000);
	check_rate();
}

Test(clock, not_started)
{
	check_rate();
}

/* Nobody waits for a rate who needs none. */
Test(clock, nothing_takes_no_time)
{
	struct rusage before, after;

	getrusage(RUSAGE_THREAD, &before);
	cr_assert_eq(clock_tsc_to_duration(0), 0);
	getrusage(RUSAGE_THREAD, &after);
	cr_assert_eq(after.ru_nvcsw, before.ru_nvcsw);
}
