/* Name to addresses.
 *
 * `a:b`, `a+1` and `a!b` can be names themselves (Go has "type:.eq.T", C++
 * operators), so a text is first taken as it stands, then taken apart. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "demangle.h"
#include "symbols-internal.h"

#define SPEC_MAX 4096

/* What is looked for, after taking the text apart. */
struct query {
	struct symbols *s;
	const char *module;             /* NULL: any */
	const char *file;               /* NULL: any */
	const char *name;
	char hint[128];                 /* part of every mangled form of `name`; "": none */
	bool has_parameters;
	uint64_t offset;
	unsigned kinds;

	struct symbols_match *items;
	size_t count, room;
};

/* ---- does a symbol have the name ---------------------------------------- */

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       c == '_' || c == '$' || (c & 0x80);
}

/* Equal but for spaces: nobody knows where a demangler puts them. */
static bool same_name(const char *a, const char *b)
{
	for (;;) {
		while (*a == ' ')
			a++;
		while (*b == ' ')
			b++;
		if (*a != *b)
			return false;
		if (!*a)
			return true;
		a++;
		b++;
	}
}

/* The last identifier before parameters and template arguments stands in the
 * mangled name as it is: a test that spares demangling almost all names. */
static void set_hint(struct query *q)
{
	const char *end = q->name + strcspn(q->name, "(<"), *start;

	q->hint[0] = 0;
	if (strstr(q->name, "operator"))
		return;
	while (end > q->name && !is_word(end[-1]))
		end--;
	for (start = end; start > q->name && is_word(start[-1]);)
		start--;
	size_t len = end - start;
	if (len < sizeof q->hint) {
		memcpy(q->hint, start, len);
		q->hint[len] = 0;
	}
}

static bool has_demangled_name(const struct query *q, const char *mangled)
{
	char *text;
	bool is_it;

	if (!demangle_is_mangled(mangled) || !strstr(mangled, q->hint))
		return false;
	text = demangle_name(mangled, q->has_parameters);
	is_it = text && same_name(text, q->name);
	free(text);
	return is_it;
}

static bool has_name(const struct query *q, const char *name)
{
	size_t len = strlen(q->name);

	if (strncmp(name, q->name, len) == 0 &&
	    (!name[len] || (name[len] == '@' && symbol_name_length(name) == len)))
		return true;
	return has_demangled_name(q, name);
}

static bool has_file(const struct query *q, const struct image_table *table,
		     const struct image_symbol *symbol)
{
	const char *path, *slash;

	if (!q->file)
		return true;
	if (symbol->file == IMAGE_NO_FILE)
		return false;
	path = table->files[symbol->file];
	slash = strrchr(path, '/');
	return strcmp(path, q->file) == 0 || (slash && strcmp(slash + 1, q->file) == 0);
}

static bool has_module_name(const struct symbols_module *module, const char *text)
{
	size_t len = strlen(text);

	return strcmp(module->name, text) == 0 || strcmp(module->path, text) == 0 ||
	       (strncmp(module->name, text, len) == 0 &&
		strncmp(module->name + len, ".so", 3) == 0);
}

/* ---- collecting --------------------------------------------------------- */

static int push(struct query *q, const struct symbols_match *match)
{
	if (q->count == q->room) {
		size_t room = q->room ? q->room * 2 : 8;
		struct symbols_match *grown = realloc(q->items, room * sizeof *grown);

		if (!grown)
			return -ENOMEM;
		q->items = grown;
		q->room = room;
	}
	q->items[q->count++] = *match;
	return 0;
}

static int add(struct query *q, const struct module *m, const struct image_symbol *raw)
{
	uint64_t address = m->public.base + raw->address;
	const struct symbol *symbol = raw->flags & IMAGE_OBJECT ?
		symbols_find_object(q->s, address) : symbols_find(q->s, address);
	struct symbols_match match = { .address = address + q->offset, .symbol = symbol };

	if (!symbol)
		return 0;
	/* an alias may be longer or shorter than the name that was preferred */
	uint64_t end = raw->size ? address + raw->size : symbol->start + symbol->size;
	if (match.address < end)
		match.size = end - match.address;
	return push(q, &match);
}

static int search_module(struct query *q, struct module *m)
{
	const struct image_table *table;
	int error = 0;

	if (!module_image(q->s, m))
		return 0;
	table = image_table(m->image);
	for (size_t i = 0; i < table->count && error == 0; i++) {
		const struct image_symbol *raw = &table->symbols[i];

		if ((raw->flags & q->kinds) && has_name(q, raw->name) &&
		    has_file(q, table, raw))
			error = add(q, m, raw);
	}
	return error;
}

static int search(struct query *q)
{
	int error = 0;

	if (!q->name[0])
		return 0;
	q->has_parameters = strchr(q->name, '(');
	set_hint(q);
	for (size_t i = 0; i < q->s->module_count && error == 0; i++) {
		struct module *m = q->s->modules[i];

		if (!q->module || has_module_name(&m->public, q->module))
			error = search_module(q, m);
	}
	return error;
}

/* ---- taking apart ------------------------------------------------------- */

/* Cuts "+OFFSET" off the end of `text`; false: there is none. */
static bool cut_offset(char *text, uint64_t *offset)
{
	char *plus = strrchr(text, '+'), *end;

	if (!plus || plus == text || !(plus[1] >= '0' && plus[1] <= '9'))
		return false;
	errno = 0;
	*offset = strtoull(plus + 1, &end, plus[1] == '0' && plus[2] == 'x' ? 16 : 10);
	if (*end || errno)
		return false;
	*plus = 0;
	return true;
}

/* The colon of "file.c:name": one that stands alone. */
static char *find_colon(char *text)
{
	for (char *c = strchr(text, ':'); c; c = strchr(c, ':')) {
		if (c[1] != ':')
			return c;
		c += strspn(c, ":");
	}
	return NULL;
}

static int search_parts(struct query *q, char *text)
{
	int error;

	q->name = text;
	error = search(q);
	if (error == 0 && !q->count) {
		char *colon = find_colon(text);

		if (colon) {
			*colon = 0;
			q->file = text;
			q->name = colon + 1;
			error = search(q);
			*colon = ':';
			q->file = NULL;
		}
	}
	return error;
}

static int search_offset(struct query *q, char *text)
{
	int error = search_parts(q, text);

	if (error == 0 && !q->count && cut_offset(text, &q->offset))
		error = search_parts(q, text);
	return error;
}

static int search_spec(struct query *q, char *text)
{
	char *mark = strchr(text, '!');

	if (mark) {
		*mark = 0;
		for (size_t i = 0; i < q->s->module_count; i++)
			if (has_module_name(&q->s->modules[i]->public, text))
				q->module = text;
		if (q->module)
			return search_offset(q, mark + 1);
		*mark = '!';
	}
	return search_offset(q, text);
}

static int by_address(const void *a, const void *b)
{
	const struct symbols_match *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return x->size > y->size ? -1 : x->size < y->size;
}

static size_t drop_repeated(struct symbols_match *items, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (kept == 0 || items[kept - 1].address != items[i].address)
			items[kept++] = items[i];
	return kept;
}

ssize_t symbols_lookup_name(struct symbols *s, const char *spec, unsigned kinds,
			    struct symbols_match **out, struct err *err)
{
	struct query q = { .s = s };
	char text[SPEC_MAX];
	int error;

	*out = NULL;
	if (!spec[0] || strlen(spec) >= sizeof text)
		return err_set(err, EINVAL, "'%.64s' is no name", spec);
	strcpy(text, spec);
	q.kinds = (kinds & SYMBOL_FUNCTION ? IMAGE_FUNCTION : 0) |
		  (kinds & SYMBOL_OBJECT ? IMAGE_OBJECT : 0);
	error = search_spec(&q, text);
	if (error == 0 && q.count) {
		qsort(q.items, q.count, sizeof *q.items, by_address);
		*out = q.items;
		return drop_repeated(q.items, q.count);
	}
	free(q.items);
	if (error)
		return err_set(err, -error, "looking for '%.128s': %s", spec, strerror(-error));
	return err_set(err, ENOENT, "nothing is named '%.128s' (it may be stripped, or in a "
		       "library that is not loaded yet)", spec);
}
