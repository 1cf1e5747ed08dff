/* tracer: what a running program really does, seen from outside. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "message.h"
#include "options.h"
#include "replay.h"
#include "session.h"

/* The options refer to their texts; main's are overwritten (guard.h). */
static char **copy_texts(int argc, char **argv)
{
	char **copy = calloc((size_t)argc + 1, sizeof *copy);

	for (int i = 0; copy && i < argc; i++)
		if (!(copy[i] = strdup(argv[i])))
			return NULL;
	return copy;
}

static void free_texts(char **texts)
{
	for (char **text = texts; *text; text++)
		free(*text);
	free(texts);
}

int main(int argc, char **argv)
{
	struct options options;

	/* One arena: those of threads grow by a page at a time, each a system call. */
	mallopt(M_ARENA_MAX, 1);
	char **texts = copy_texts(argc, argv);

	if (!texts) {
		fputs("tracer: out of memory\n", stderr);
		return 125;
	}
	int status = options_parse(&options, argc, texts);
	if (status < 0)
		message_set_level(options.verbose, options.quiet);
	if (status < 0 && options.replay) {
		status = replay_run(&options);
	} else if (status < 0) {
		guard_split(argc, argv);
		status = session_run(&options);
	}
	options_deinit(&options);
	free_texts(texts);
	return status;
}
