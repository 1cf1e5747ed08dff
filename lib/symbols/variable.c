#include "variable.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "debug-type.h"
#include "symbols-internal.h"

/* On the way from the variable to its part. */
struct walk {
	struct symbols *s;
	struct debug_info *info;
	uint64_t address, type;
};

static struct debug_info *info_of(struct symbols *s, const struct symbols_module *module)
{
	struct image *image = module_image(s, (struct module *)module);

	return image ? image_debug_info(image) : NULL;
}

static int follow_pointer(struct walk *w, struct err *err)
{
	bool is_pointer;
	uint64_t to = debug_type_element(w->info, w->type, &is_pointer);

	if (!to || !is_pointer)
		return 0;
	if (!symbols_read_memory(w->s, w->address, &w->address, 8) || !w->address)
		return err_set(err, EFAULT, "the pointer on the way leads nowhere");
	w->type = to;
	return 0;
}

static int step_member(struct walk *w, const char *name, size_t len, struct err *err)
{
	uint64_t distance, type = debug_type_member(w->info, w->type, name, len, &distance);

	if (!type)
		return err_set(err, ENXIO, "no member is named '%.*s'", (int)len, name);
	w->address += distance;
	w->type = type;
	return 0;
}

static int step_index(struct walk *w, const char **text, struct err *err)
{
	struct symbols_type element;
	bool is_pointer;
	char *end;
	uint64_t of = debug_type_element(w->info, w->type, &is_pointer);

	errno = 0;
	unsigned long long index = strtoull(*text + 1, &end, 0);
	if (!isdigit((unsigned char)(*text)[1]) || *end != ']' || errno)
		return err_set(err, EINVAL, "'%.32s' is no index", *text);
	if (!of)
		return err_set(err, ENXIO, "what is indexed is no array");
	if (is_pointer) {
		int r = follow_pointer(w, err);

		if (r < 0)
			return r;
	}
	debug_type_describe(w->info, of, &element);
	free((void *)element.enumerators);
	w->address += index * element.size;
	w->type = of;
	*text = end + 1;
	return 0;
}

/* ".a->b[3]" */
static int walk_path(struct walk *w, const char *text, struct err *err)
{
	int r = 0;

	while (*text && r == 0) {
		bool arrow = text[0] == '-' && text[1] == '>';

		if (*text == '[') {
			r = step_index(w, &text, err);
			continue;
		}
		if (*text != '.' && !arrow)
			return err_set(err, EINVAL, "'%.32s' is no member", text);
		text += arrow ? 2 : 1;
		size_t len = strcspn(text, ".[-");
		r = arrow ? follow_pointer(w, err) : 0;
		if (r == 0)
			r = step_member(w, text, len, err);
		text += len;
	}
	return r;
}

/* Where the name of the variable ends: the first piece from the right that, cut off,
 * leaves a name that is known. */
static ssize_t find_base(struct symbols *s, char *text, char **path,
			 struct symbols_match **matches, struct err *err)
{
	size_t len = strlen(text);

	for (size_t at = len; at > 0; at--) {
		char cut = text[at];

		if (at < len && cut != '.' && cut != '[' && !(cut == '-' && text[at + 1] == '>'))
			continue;
		text[at] = 0;
		ssize_t n = symbols_lookup_name(s, text, SYMBOL_OBJECT, matches, err);
		text[at] = cut;
		if (n != -ENOENT) {
			*path = text + at;
			return n;
		}
	}
	return -ENOENT;
}

/* They live with the file's debug information; those handed out, with the table. */
static void keep_enumerators(struct symbols *s, struct symbols_type *type)
{
	struct symbols_enumerator *from = (struct symbols_enumerator *)type->enumerators;
	struct symbols_enumerator *to = from ?
		pool_alloc(&s->pool, type->enumerator_count * sizeof *to) : NULL;

	for (size_t i = 0; to && i < type->enumerator_count; i++) {
		to[i] = from[i];
		to[i].name = pool_string(&s->pool, from[i].name);
		if (!to[i].name)
			to = NULL;
	}
	free(from);
	type->enumerators = to;
	if (!to)
		type->enumerator_count = 0;
}

static int describe(struct symbols *s, const struct symbols_match *match, const char *path,
		    struct symbols_variable *out, struct err *err)
{
	const struct symbols_module *module = match->symbol->module;
	struct walk w = { .s = s, .info = info_of(s, module), .address = match->address };

	*out = (struct symbols_variable){ .address = match->address, .size = match->size,
					  .module = module };
	if (w.info && match->address == match->symbol->start)
		w.type = debug_type_of(w.info, match->address - module->base);
	if (!w.type)
		return *path ? err_set(err, ENODATA, "no debug information describes it (say "
				       "symbol+OFFSET:LEN)") : 0;
	int r = walk_path(&w, path, err);
	if (r < 0)
		return r;
	debug_type_describe(w.info, w.type, &out->type);
	out->address = w.address;
	if (*path)
		out->size = out->type.size;
	keep_enumerators(s, &out->type);
	return 0;
}

int symbols_variable_find(struct symbols *s, const char *text, struct symbols_variable *out,
			  struct err *err)
{
	struct symbols_match *matches = NULL;
	char *copy = strdup(text), *path;

	if (!copy)
		return err_set(err, ENOMEM, "out of memory");
	ssize_t n = find_base(s, copy, &path, &matches, err);
	int r = (int)n;
	if (n > 1)
		r = err_set(err, EINVAL, "%zd places have this name (say module!name or file.c:name)", n);
	else if (n == 1)
		r = describe(s, &matches[0], path, out, err);
	free(matches);
	free(copy);
	return r;
}
