#include "demangle.h"

#include <libiberty/demangle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longer ones exist, but take the demangler seconds and nobody reads them. */
#define MANGLED_MAX 16384

bool demangle_is_mangled(const char *name)
{
	return name[0] == '_' && (name[1] == 'Z' || name[1] == 'R' ||
				  (name[1] == '_' && name[2] == 'Z'));
}

/* "f [clone .cold]" back to "f.cold", as the symbol has it. */
static void unwrap_clones(char *name)
{
	static const char open[] = " [clone ";
	char *at = name;

	while ((at = strstr(at, open))) {
		char *suffix = at + sizeof open - 1, *close = strchr(suffix, ']');

		if (!close || *suffix != '.')
			return;
		size_t len = close - suffix;
		memmove(at, suffix, len);
		memmove(at + len, close + 1, strlen(close + 1) + 1);
		at += len;
	}
}

static bool has_clone(const char *name)
{
	return strstr(name, " [clone .") != NULL;
}

/* Without parameters the demangler leaves out clone suffixes too: they are taken
 * from the long form. */
static char *with_suffix(char *name, const char *mangled)
{
	char *full = strchr(mangled, '.') ?
		cplus_demangle(mangled, DMGL_AUTO | DMGL_ANSI | DMGL_PARAMS) : NULL;
	char *joined = NULL;

	if (full && has_clone(full) && !has_clone(name)) {
		const char *suffix = strstr(full, " [clone .");

		if (asprintf(&joined, "%s%s", name, suffix) < 0)
			joined = NULL;
	}
	free(full);
	if (!joined)
		return name;
	free(name);
	return joined;
}

char *demangle_name(const char *mangled, bool with_parameters)
{
	int options = DMGL_AUTO | DMGL_ANSI | (with_parameters ? DMGL_PARAMS : 0);
	char *name;

	if (!demangle_is_mangled(mangled) || strlen(mangled) > MANGLED_MAX)
		return NULL;
	name = cplus_demangle(mangled, options);
	if (!name)
		return NULL;
	name = with_suffix(name, mangled);
	unwrap_clones(name);
	return name;
}
