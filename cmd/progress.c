/* progress.c - one line on a terminal that tells how the work goes. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "output-internal.h"

#define INTERVAL_NS (250 * 1000 * 1000ull)

struct progress {
	struct output *output;
	uint64_t last_ns, last_events;
	bool is_out;
};

struct progress *progress_create(struct output *output)
{
	bool shares_terminal = output->has_main && output->main.is_terminal;

	if (output->options->quiet || shares_terminal || !isatty(STDERR_FILENO))
		return NULL;
	struct progress *progress = calloc(1, sizeof *progress);
	if (progress) {
		progress->output = output;
		progress->last_ns = clock_monotonic_ns();
	}
	return progress;
}

static unsigned fill_percent(const struct output *output, unsigned *threads)
{
	unsigned most = 0;

	*threads = 0;
	for (const struct stream *s = output->streams; s; s = s->next) {
		const struct ring *ring = &s->thread->ring;
		unsigned percent = (unsigned)(ring_fill(ring) * 100 /
					      ((size_t)ring->chunks * RING_CHUNK));

		(*threads)++;
		if (percent > most)
			most = percent;
	}
	return most > 100 ? 100 : most;
}

void progress_update(struct progress *progress)
{
	const struct output *output = progress->output;
	uint64_t passed = output->now_ns - progress->last_ns;
	unsigned threads, fill;

	if (output->now_ns < progress->last_ns || passed < INTERVAL_NS)
		return;
	fill = fill_percent(output, &threads);
	fprintf(stderr, "\rtracer: %llu events, %.1f k/s, %u threads, ring %u %%\033[K",
		(unsigned long long)output->events,
		(double)(output->events - progress->last_events) * 1e6 / (double)passed, threads,
		fill);
	progress->last_ns = output->now_ns;
	progress->last_events = output->events;
	progress->is_out = true;
}

void progress_destroy(struct progress *progress)
{
	if (progress && progress->is_out)
		fputs("\r\033[K", stderr);
	free(progress);
}
