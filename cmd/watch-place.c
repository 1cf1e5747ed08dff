#include "watch-place.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int parse_access(const char *text)
{
	return !strcmp(text, "w") ? 1 : !strcmp(text, "r") ? 2 : !strcmp(text, "rw") ? 3 : -1;
}

/* Cuts the last ":PART" off `where`, if PART is one that `is_part` takes.  A
 * symbol may contain colons itself (ns::name, file.c:name). */
static char *cut_last(char *where)
{
	char *colon = strrchr(where, ':');

	if (!colon || colon == where || colon[-1] == ':')
		return NULL;
	*colon = 0;
	return colon + 1;
}

int place_parse(const char *text, char **where, unsigned *len, int *access, struct err *err)
{
	char *part;

	*len = 0;
	*access = 1;
	*where = strdup(text);
	if (!*where)
		return err_set(err, ENOMEM, "out of memory");
	part = cut_last(*where);
	if (part && parse_access(part) > 0) {
		*access = parse_access(part);
		part = cut_last(*where);
	}
	/* Behind an address only a length can stand; behind a name another name. */
	if (part && (isdigit((unsigned char)*part) || isdigit((unsigned char)**where) ||
		     *part == '-' || !*part)) {
		char *end;
		unsigned long value = strtoul(part, &end, 0);

		if (*end || *part == '-' || value == 0 || value > PLACE_LEN_MAX) {
			err_set(err, EINVAL, "--watch %s: %s is no length (1 to %u bytes)", text, part,
				PLACE_LEN_MAX);
			free(*where);
			return -EINVAL;
		}
		*len = (unsigned)value;
	} else if (part) {
		part[-1] = ':';
	}
	if (**where)
		return 0;
	free(*where);
	return err_set(err, EINVAL, "--watch %s: no address or symbol", text);
}

static int find_symbol(struct place *place, struct symbols *symbols, struct err *err)
{
	struct symbols_match *matches = NULL;
	ssize_t n = symbols_lookup_name(symbols, place->text, SYMBOL_OBJECT, &matches, err);

	if (n == -ENOENT)
		return err_set(err, ENOENT, "--watch %s: no data has this name (see `nm -C` of the "
			       "program; a stripped one has addresses only)", place->text);
	if (n < 0)
		return (int)n;
	if (n > 1) {
		free(matches);
		return err_set(err, EINVAL, "--watch %s: %zd places have this name (say "
			       "module!name or file.c:name)", place->text, n);
	}
	place->address = matches[0].address;
	if (!place->len)
		place->len = matches[0].size <= PLACE_LEN_MAX ? (unsigned)matches[0].size : 0;
	free(matches);
	if (!place->len)
		return err_set(err, EINVAL, "--watch %s: how many bytes? (say %s:LEN)",
			       place->text, place->text);
	return 0;
}

int place_find(struct place *place, struct symbols *symbols, const char *text, struct err *err)
{
	int r = place_parse(text, &place->text, &place->len, &place->access, err);
	char *end;

	if (r < 0) {
		place->text = NULL;
		return r;
	}
	if (!isdigit((unsigned char)*place->text))
		return find_symbol(place, symbols, err);
	errno = 0;
	place->address = strtoull(place->text, &end, 0);
	if (*end || errno)
		return err_set(err, EINVAL, "--watch %s: not an address", text);
	if (!place->len)
		return err_set(err, EINVAL, "--watch %s: how many bytes? (say %s:LEN)", text, text);
	return 0;
}

void place_value(unsigned len, const uint8_t *value, bool json, char *out, size_t out_size)
{
	int64_t number = 0;
	size_t n = 0;

	switch (len) {
	case 1: number = (int8_t)value[0]; break;
	case 2: number = *(const int16_t *)value; break;
	case 4: number = *(const int32_t *)value; break;
	case 8: number = *(const int64_t *)value; break;
	default:
		n = (size_t)snprintf(out, out_size, json ? "\"" : "");
		for (unsigned i = 0; i < len && n + 4 < out_size; i++)
			n += (size_t)snprintf(out + n, out_size - n, "%02x", value[i]);
		snprintf(out + n, out_size - n, json ? "\"" : "");
		return;
	}
	snprintf(out, out_size, "%" PRId64, number);
}
