#include "source.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "debug-info.h"
#include "demangle.h"
#include "symbols-internal.h"

static struct image *image_at(struct symbols *s, uint64_t address, uint64_t *base)
{
	const struct mapping *mapping = symbols_mapping(s, address);

	if (!mapping || !mapping->module)
		return NULL;
	*base = mapping->module->public.base;
	return module_image(s, mapping->module);
}

static struct debug_info *info_at(struct symbols *s, uint64_t address, uint64_t *base)
{
	struct image *image = image_at(s, address, base);

	return image ? image_debug_info(image) : NULL;
}

bool symbols_source_place(struct symbols *s, uint64_t address, struct source_place *out)
{
	uint64_t base;
	struct image *image = image_at(s, address, &base);

	if (!image || !image->file->inode)
		return false;
	const struct elf_file *file = image->file;
	*out = (struct source_place){
		.file = { file->device, file->inode, file->size, file->changed_ns },
		.address = address - base,
	};
	return true;
}

/* ---- lines of a file ----------------------------------------------------------------- */

struct source_lines {
	int file_fd, debug_fd;          /* -1: none, or taken */
	bool is_read;
	struct elf_file *file, *debug;
	struct debug_info *info;
};

static bool may_have_lines(const struct elf_file *file)
{
	return file && file->fd >= 0 && elf_file_section(file, ".debug_line");
}

struct source_lines *symbols_source_lines(struct symbols *s, uint64_t address)
{
	uint64_t base;
	struct image *image = image_at(s, address, &base);
	struct elf_file *debug = image ? image_debug_file(image) : NULL;
	struct source_lines *lines;

	if (!image || image->file->fd < 0 || (!may_have_lines(image->file) && !may_have_lines(debug)))
		return NULL;
	lines = calloc(1, sizeof *lines);
	if (!lines)
		return NULL;
	lines->file_fd = fcntl(image->file->fd, F_DUPFD_CLOEXEC, 0);
	lines->debug_fd = may_have_lines(debug) ? fcntl(debug->fd, F_DUPFD_CLOEXEC, 0) : -1;
	if (lines->file_fd >= 0 && (lines->debug_fd >= 0 || !may_have_lines(debug)))
		return lines;
	source_lines_close(lines);
	return NULL;
}

void source_lines_close(struct source_lines *lines)
{
	if (!lines)
		return;
	debug_info_destroy(lines->info);
	elf_file_close(lines->file);
	elf_file_close(lines->debug);
	if (lines->file_fd >= 0)
		close(lines->file_fd);
	if (lines->debug_fd >= 0)
		close(lines->debug_fd);
	free(lines);
}

static struct elf_file *take(int *fd)
{
	struct elf_file *file = *fd < 0 ? NULL : elf_file_open(*fd);

	*fd = -1;
	return file;
}

static void read_lines(struct source_lines *lines)
{
	if (lines->is_read)
		return;
	lines->is_read = true;
	lines->file = take(&lines->file_fd);
	lines->debug = take(&lines->debug_fd);
	if (lines->file)
		lines->info = debug_info_create(lines->file, lines->debug);
}

bool source_lines_find(struct source_lines *lines, uint64_t address, struct source_line *out)
{
	struct debug_line line;

	read_lines(lines);
	if (!lines->info || !debug_info_line(lines->info, address, &line))
		return false;
	*out = (struct source_line){ line.file, line.line, line.column };
	return true;
}

/* ---- of a process -------------------------------------------------------------------- */

/* The debug information goes when its module does; what is handed out stays. */
static bool keep_line(struct symbols *s, const struct debug_line *line, struct source_line *out)
{
	const char *file = pool_string(&s->pool, line->file);

	if (!file)
		return false;
	*out = (struct source_line){ file, line->line, line->column };
	return true;
}

bool symbols_line(struct symbols *s, uint64_t address, struct source_line *out)
{
	uint64_t base;
	struct debug_line line;

	if (s->given.line)
		return s->given.line(s->given.context, address, out);
	struct debug_info *info = info_at(s, address, &base);
	return info && debug_info_line(info, address - base, &line) && keep_line(s, &line, out);
}

static const char *keep_name(struct symbols *s, const char *name)
{
	char *text = s->no_demangle ? NULL : demangle_name(name, false);
	const char *kept = pool_string(&s->pool, text ? text : name);

	free(text);
	return kept;
}

size_t symbols_inline(struct symbols *s, uint64_t address, struct source_inline *out,
		      size_t room)
{
	uint64_t base;
	struct debug_info *info = info_at(s, address, &base);
	struct debug_inline found[32];
	size_t count;

	if (!info)
		return 0;
	if (room > sizeof found / sizeof *found)
		room = sizeof found / sizeof *found;
	count = debug_info_inline(info, address - base, found, room);
	for (size_t i = 0; i < count; i++) {
		out[i].name = keep_name(s, found[i].name);
		if (!out[i].name || !keep_line(s, &found[i].call, &out[i].call))
			return i;
	}
	return count;
}
