#include "filter.h"

#include <errno.h>
#include <fnmatch.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

struct pattern {
	bool is_regex;
	const char *glob;       /* the option's */
	regex_t regex;
};

struct patterns {
	struct pattern *items;
	size_t count;
};

struct filter {
	struct patterns only, not, modules, not_modules;
};

static bool is_regex(const char *text)
{
	size_t len = strlen(text);

	return len >= 2 && text[0] == '/' && text[len - 1] == '/';
}

static int pattern_init(struct pattern *p, const char *text, struct err *err)
{
	p->is_regex = is_regex(text);
	p->glob = text;
	if (!p->is_regex)
		return 0;
	char *inner = strndup(text + 1, strlen(text) - 2), why[128];
	if (!inner)
		return err_set(err, ENOMEM, "out of memory");
	int r = regcomp(&p->regex, inner, REG_EXTENDED | REG_NOSUB);
	free(inner);
	if (!r)
		return 0;
	regerror(r, &p->regex, why, sizeof why);
	return err_set(err, EINVAL, "%s: %s", text, why);
}

static void pattern_deinit(struct pattern *p)
{
	if (p->is_regex)
		regfree(&p->regex);
}

int filter_check(const char *text, struct err *err)
{
	struct pattern p;
	int r = pattern_init(&p, text, err);

	if (r == 0)
		pattern_deinit(&p);
	return r;
}

static int patterns_init(struct patterns *p, const struct string_list *list, struct err *err)
{
	p->items = calloc(list->count ? list->count : 1, sizeof *p->items);
	if (!p->items)
		return err_set(err, ENOMEM, "out of memory");
	for (; p->count < list->count; p->count++) {
		int r = pattern_init(&p->items[p->count], list->items[p->count], err);

		if (r < 0)
			return r;
	}
	return 0;
}

static void patterns_deinit(struct patterns *p)
{
	for (size_t i = 0; i < p->count; i++)
		pattern_deinit(&p->items[i]);
	free(p->items);
}

static bool match(const struct patterns *p, const char *text)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->items[i].is_regex ? !regexec(&p->items[i].regex, text, 0, NULL, 0)
					 : !fnmatch(p->items[i].glob, text, 0))
			return true;
	return false;
}

int filter_create(const struct options *o, struct filter **out, struct err *err)
{
	struct filter *f = calloc(1, sizeof *f);
	int r;

	if (!f)
		return err_set(err, ENOMEM, "out of memory");
	r = patterns_init(&f->only, &o->only_functions, err);
	if (r == 0)
		r = patterns_init(&f->not, &o->not_functions, err);
	if (r == 0)
		r = patterns_init(&f->modules, &o->only_modules, err);
	if (r == 0)
		r = patterns_init(&f->not_modules, &o->not_modules, err);
	if (r < 0) {
		filter_destroy(f);
		return r;
	}
	*out = f;
	return 0;
}

void filter_destroy(struct filter *f)
{
	if (!f)
		return;
	patterns_deinit(&f->only);
	patterns_deinit(&f->not);
	patterns_deinit(&f->modules);
	patterns_deinit(&f->not_modules);
	free(f);
}

uint8_t filter_name(const struct filter *f, const char *function, const char *module)
{
	uint8_t bits = 0;

	if (!f)
		return FILTER_ONLY | FILTER_MODULE;
	if (!f->only.count || match(&f->only, function))
		bits |= FILTER_ONLY;
	if (match(&f->not, function))
		bits |= FILTER_NOT;
	if ((!f->modules.count || match(&f->modules, module)) && !match(&f->not_modules, module))
		bits |= FILTER_MODULE;
	return bits;
}

bool filter_is_empty(const struct filter *f)
{
	return !f->only.count && !f->not.count && !f->modules.count && !f->not_modules.count;
}

bool filter_wants_calls(const struct options *o)
{
	return o->only_functions.count || o->not_functions.count || o->depth;
}
