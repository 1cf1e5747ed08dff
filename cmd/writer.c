#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output-internal.h"

#define BUFFER_BYTES (256 * 1024)

int writer_open(struct output *output, struct err *err)
{
	const char *name = output->session->options->output;

	if (!name) {
		output->file = stderr;
	} else if (!strcmp(name, "-")) {
		output->file = stdout;
	} else if (name[0] == '|') {
		output->file = popen(name + 1, "we");
		output->is_pipe = true;
	} else {
		output->file = fopen(name, "we");
	}
	if (!output->file)
		return err_set(err, errno, "cannot write to %s: %s", name, strerror(errno));
	int fd = fileno(output->file);
	output->is_terminal = isatty(fd);
	struct stat st;
	output->is_live = output->is_terminal || (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode));
	setvbuf(output->file, NULL, _IOFBF, BUFFER_BYTES);
	return 0;
}

static void failed(struct output *output)
{
	if (!output->write_error) {
		output->write_error = errno;
		session_end(output->session);
	}
}

void writer_write(struct output *output, const char *text, size_t len)
{
	if (!output->write_error && fwrite(text, 1, len, output->file) != len)
		failed(output);
}

void writer_flush_if_live(struct output *output)
{
	if (!output->write_error && fflush(output->file) != 0)
		failed(output);
}

int writer_close(struct output *output, struct err *err)
{
	const char *name = output->session->options->output;
	int code = output->write_error;

	if (!output->file)
		return 0;
	if (fflush(output->file) != 0 && !code)
		code = errno;
	if (output->is_pipe)
		pclose(output->file);
	else if (output->file != stderr && output->file != stdout && fclose(output->file) != 0 &&
		 !code)
		code = errno;
	output->file = NULL;
	if (!code || code == EPIPE)
		return 0;
	return err_set(err, code, "cannot write to %s: %s (the output is not complete)",
		       name ? name : "standard error", strerror(code));
}
