#include "source.h"

#include <stdlib.h>
#include <sys/stat.h>

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
	struct stat st;

	if (!image || image->file->fd < 0 || fstat(image->file->fd, &st) < 0)
		return false;
	*out = (struct source_place){
		.file = {
			.device = st.st_dev, .inode = st.st_ino, .size = (uint64_t)st.st_size,
			.changed_ns = (uint64_t)st.st_ctim.tv_sec * 1000000000 +
				      (uint64_t)st.st_ctim.tv_nsec,
		},
		.address = address - base,
	};
	return true;
}

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
