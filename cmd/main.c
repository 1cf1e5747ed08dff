/* tracer: what a running program really does, seen from outside. */
#include "message.h"
#include "options.h"
#include "session.h"

int main(int argc, char **argv)
{
	struct options options;
	int status = options_parse(&options, argc, argv);

	if (status < 0) {
		message_set_level(options.verbose, options.quiet);
		status = session_run(&options);
	}
	options_deinit(&options);
	return status;
}
