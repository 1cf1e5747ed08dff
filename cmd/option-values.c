#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "option-table.h"

int option_number(const char *text, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 0);
	return isdigit((unsigned char)*text) && !*end && !errno ? 0 : -EINVAL;
}

int option_size(const char *text, uint64_t *out_bytes)
{
	static const char units[] = "kmg";
	char *end;

	errno = 0;
	*out_bytes = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || errno)
		return -EINVAL;
	if (!*end)
		return 0;
	const char *unit = strchr(units, tolower((unsigned char)*end));
	unsigned shift = unit ? 10u * (unsigned)(unit - units + 1) : 0;
	if (!shift || end[1] || *out_bytes > UINT64_MAX >> shift)
		return -EINVAL;
	*out_bytes <<= shift;
	return 0;
}

int option_time(const char *text, uint64_t *out_ns)
{
	static const struct { const char *unit; double ns; } units[] = {
		{ "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 }, { "", 1e9 },
		{ "m", 60e9 }, { "h", 3600e9 },
	};
	char *end;
	double value = strtod(text, &end);

	/* no nan, no inf, no hexadecimal, no sign */
	if (end == text || strspn(text, "0123456789.") != (size_t)(end - text))
		return -EINVAL;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (!strcmp(end, units[i].unit) && value * units[i].ns < 9e18) {
			*out_ns = (uint64_t)(value * units[i].ns);
			return 0;
		}
	return -EINVAL;
}

int option_ids(const char *text, pid_t **ids, size_t *count)
{
	size_t before = *count;

	while (*(text += strspn(text, ", \n\t"))) {
		size_t len = strcspn(text, ", \n\t");
		char word[24];
		uint64_t value;

		if (len >= sizeof word)
			return -EINVAL;
		memcpy(word, text, len);
		word[len] = 0;
		if (option_number(word, &value) < 0 || value == 0 || value > 0x7fffffff)
			return -EINVAL;
		pid_t *grown = realloc(*ids, (*count + 1) * sizeof **ids);
		if (!grown)
			return -ENOMEM;
		*ids = grown;
		(*ids)[(*count)++] = (pid_t)value;
		text += len;
	}
	return *count > before ? 0 : -EINVAL;
}
