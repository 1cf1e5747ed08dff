#include "replay-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* All of it; -ENODATA: the file has been made shorter meanwhile. */
static int read_at(const struct replay_file *file, uint64_t at, void *buf, size_t len)
{
	char *to = buf;

	while (len) {
		ssize_t n = pread(file->fd, to, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENODATA;
		to += n;
		at += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static int check_head(struct replay_file *file, struct err *err)
{
	uint8_t head[TRACE_HEAD_BYTES];

	if (file->size < sizeof head || read_at(file, 0, head, sizeof head) < 0 ||
	    !trace_head_get(head))
		return err_set(err, EINVAL, "cannot replay %s: it is no recorded trace (give a file "
			       "that --record has written)", file->name);
	if (trace_head_get(head) > TRACE_VERSION)
		return err_set(err, EINVAL, "cannot replay %s: it is of version %u, this tracer reads "
			       "up to version %u (use the tracer that has recorded it)", file->name,
			       trace_head_get(head), TRACE_VERSION);
	return 0;
}

int replay_file_open(struct replay_file *file, const char *name, struct err *err)
{
	struct stat st;

	*file = (struct replay_file){ .name = name, .at = TRACE_HEAD_BYTES };
	file->fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file->fd < 0)
		return err_set(err, errno, "cannot replay %s: %s", name, strerror(errno));
	if (fstat(file->fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		replay_file_close(file);
		return err_set(err, EINVAL, "cannot replay %s: it is no regular file, and has to be "
			       "read twice (write it to one first)", name);
	}
	file->size = (uint64_t)st.st_size;
	file->packer = trace_packer_create();
	int r = file->packer ? check_head(file, err) : err_set(err, ENOMEM, "out of memory");
	if (r < 0)
		replay_file_close(file);
	return r;
}

void replay_file_close(struct replay_file *file)
{
	trace_packer_destroy(file->packer);
	trace_bytes_deinit(&file->stored);
	close(file->fd);
}

void replay_file_rewind(struct replay_file *file)
{
	file->at = TRACE_HEAD_BYTES;
}

int replay_file_next(struct replay_file *file, struct trace_chunk *out)
{
	uint8_t head[TRACE_CHUNK_HEAD_BYTES];
	int r;

	if (file->at == file->size)
		return 0;
	if (file->size - file->at < sizeof head)
		return -ENODATA;
	r = read_at(file, file->at, head, sizeof head);
	if (r == 0)
		r = trace_chunk_head_get(head, out);
	if (r < 0)
		return r;
	file->at += sizeof head;
	return file->size - file->at < out->stored ? -ENODATA : 1;
}

int replay_file_unpack(struct replay_file *file, const struct trace_chunk *chunk,
		       struct trace_bytes *out)
{
	file->stored.len = 0;
	uint8_t *stored = trace_bytes_room(&file->stored, chunk->stored);
	if (!stored)
		return -ENOMEM;
	int r = read_at(file, file->at, stored, chunk->stored);
	if (r < 0)
		return r;
	file->at += chunk->stored;
	return trace_chunk_unpack(file->packer, chunk, stored, out);
}

void replay_file_skip(struct replay_file *file, const struct trace_chunk *chunk)
{
	file->at += chunk->stored;
}
