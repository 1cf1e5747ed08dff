#include "watch-place.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "thread-local.h"

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

static int no_length(const struct place *place, struct err *err)
{
	return err_set(err, EINVAL, "--watch %s: how many bytes? (say %s:LEN)", place->text,
		       place->text);
}

int place_init(struct place *place, const char *text, struct err *err)
{
	*place = (struct place){ 0 };
	int r = place_parse(text, &place->text, &place->given_len, &place->access, err);

	if (r < 0)
		place->text = NULL;
	return r;
}

static int find_address(struct place *place, struct err *err)
{
	char *end;

	errno = 0;
	uint64_t address = strtoull(place->text, &end, 0);
	if (*end || errno)
		return err_set(err, EINVAL, "--watch %s: not an address", place->text);
	if (!place->given_len)
		return no_length(place, err);
	place->address = address;
	place->len = place->given_len;
	place->is_found = true;
	return 0;
}

int place_find(struct place *place, struct symbols *symbols, struct err *err)
{
	struct symbols_variable v;

	if (isdigit((unsigned char)*place->text))
		return find_address(place, err);
	int r = symbols_variable_find(symbols, place->text, &v, err);
	if (r == -ENOENT)
		return err_set(err, ENOENT, "--watch %s: no data has this name (see `nm -C` of the "
			       "program; a stripped one has addresses only; --wait: until a "
			       "library has it)", place->text);
	if (r < 0)
		return err_prefix(err, "--watch %s", place->text);
	unsigned len = place->given_len;
	if (!len)
		len = v.size <= PLACE_LEN_MAX ? (unsigned)v.size : 0;
	if (!len)
		return no_length(place, err);
	place->address = v.address;
	place->len = len;
	place->type = v.type;
	place->module = v.module;
	place->is_found = true;
	return 0;
}

int place_find_thread_local(struct place *place, struct symbols *symbols, uint64_t fs,
			    struct err *err)
{
	struct symbols_thread_local v;

	if (!symbols_thread_local_find(symbols, place->text, &v))
		return -ENOENT;
	if (!v.has_distance)
		return err_set(err, ENOTSUP, "--watch %s: each thread has its own, and where is only "
			       "known of those of the program itself (say its address)",
			       place->text);
	if (!fs)
		return err_set(err, EAGAIN, "--watch %s: each thread has its own, and this one has "
			       "none yet (attach when it runs: -p, and --tid says whose)",
			       place->text);
	if (!place->given_len && (!v.size || v.size > PLACE_LEN_MAX))
		return no_length(place, err);
	place->address = fs - v.distance;
	place->len = place->given_len ? place->given_len : (unsigned)v.size;
	place->module = v.module;
	place->is_found = true;
	return 0;
}

bool place_lose(struct place *place)
{
	if (!place->is_found || !place->module || !place->module->is_retired)
		return false;
	place->is_found = false;
	return true;
}

void place_deinit(struct place *place)
{
	free(place->text);
	place->text = NULL;
}
