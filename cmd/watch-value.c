#include "watch-value.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

/* ---- --when ---------------------------------------------------------------------------- */

static const struct { const char *text; enum watch_compare compare; } compares[] = {
	{ "==", WATCH_EQUAL }, { "!=", WATCH_NOT_EQUAL }, { "<=", WATCH_AT_MOST },
	{ ">=", WATCH_AT_LEAST }, { "<", WATCH_BELOW }, { ">", WATCH_ABOVE },
};

static const char *skip_blank(const char *text)
{
	return text + strspn(text, " \t");
}

/* An integer, or a decimal fraction. */
static bool parse_number(const char **text, struct watch_when *out)
{
	const char *digits = *text + (**text == '-');
	char *end, *fraction_end;

	if (!isdigit((unsigned char)*digits) && *digits != '.')
		return false;
	errno = 0;
	out->is_negative = **text == '-';
	out->number = strtoull(digits, &end, 0);
	if (out->is_negative)
		out->number = -out->number;
	if (errno)
		return false;
	out->fraction = strtod(*text, &fraction_end);
	out->is_fraction = fraction_end > end;
	*text = fraction_end > end ? fraction_end : end;
	return true;
}

int watch_when_parse(const char *text, struct watch_when *out, struct err *err)
{
	const char *at = skip_blank(text);

	memset(out, 0, sizeof *out);
	if (!strncmp(at, "changed", 7) && !*skip_blank(at + 7)) {
		out->compare = WATCH_CHANGED;
		return 0;
	}
	if (*at == '&') {
		at = skip_blank(at + 1);
		if (!parse_number(&at, out) || out->is_fraction)
			return err_set(err, EINVAL, "--when %s: no mask behind &", text);
		out->mask = out->number;
		out->has_mask = true;
		out->compare = WATCH_NOT_EQUAL;
		out->number = 0;
		out->is_negative = false;
		out->fraction = 0;
		at = skip_blank(at);
		if (!*at)
			return 0;
	}
	size_t i = 0, n = sizeof compares / sizeof *compares;
	while (i < n && strncmp(at, compares[i].text, strlen(compares[i].text)))
		i++;
	if (i == n)
		return err_set(err, EINVAL, "--when %s: what fits is ==, !=, <, <=, >, >= and a number, "
			       "& and a mask, changed", text);
	out->compare = compares[i].compare;
	at = skip_blank(at + strlen(compares[i].text));
	if (!parse_number(&at, out) || *skip_blank(at) || (out->has_mask && out->is_fraction))
		return err_set(err, EINVAL, "--when %s: no number behind %s", text, compares[i].text);
	return 0;
}

/* Sign of a - b. */
static int order_doubles(double a, double b)
{
	return a < b ? -1 : a > b ? 1 : a == b ? 0 : 2;
}

static int order_signed(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

static int order_unsigned(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int64_t extend(uint64_t value, unsigned len)
{
	unsigned shift = 64 - 8 * len;

	return (int64_t)(value << shift) >> shift;
}

static bool is_signed(const struct symbols_type *type, unsigned len)
{
	if (type->kind == SYMBOLS_TYPE_UNKNOWN || type->size != len)
		return len == 1 || len == 2 || len == 4 || len == 8;
	return type->kind == SYMBOLS_TYPE_INT || type->kind == SYMBOLS_TYPE_ENUM;
}

static bool is_double(const struct symbols_type *type, unsigned len)
{
	return type->kind == SYMBOLS_TYPE_FLOAT && type->size == len && (len == 4 || len == 8);
}

static double to_double(const uint8_t *value, unsigned len)
{
	double d;
	float f;

	if (len == 8)
		return memcpy(&d, value, 8), d;
	return memcpy(&f, value, 4), f;
}

static int order(const struct watch_when *when, const struct symbols_type *type, unsigned len,
		 const uint8_t *bytes)
{
	uint64_t value = 0;

	memcpy(&value, bytes, len < 8 ? len : 8);
	if (is_double(type, len) && !when->has_mask)
		return order_doubles(to_double(bytes, len), when->fraction);
	if (when->has_mask)
		return order_unsigned(value & when->mask, when->number);
	if (when->is_fraction)
		return order_doubles(is_signed(type, len) ? (double)extend(value, len) : (double)value,
				     when->fraction);
	if (is_signed(type, len)) {
		/* 0xff is what a signed byte holds, too */
		if (!when->is_negative && when->number >> (8 * len - 1) == 1)
			return order_unsigned(value, when->number);
		return when->is_negative || when->number <= INT64_MAX ?
			order_signed(extend(value, len), (int64_t)when->number) : -1;
	}
	return when->is_negative ? 1 : order_unsigned(value, when->number);
}

bool watch_value_wanted(const struct options *options, const struct symbols_type *type,
			unsigned len, const uint8_t *old, const uint8_t *new)
{
	const struct watch_when *when = &options->when;

	if (when->compare == WATCH_ALWAYS)
		return true;
	if (when->compare == WATCH_CHANGED)
		return memcmp(old, new, len) != 0;
	int sign = order(when, type, len, new);
	switch (when->compare) {
	case WATCH_EQUAL: return sign == 0;
	case WATCH_NOT_EQUAL: return sign != 0;
	case WATCH_BELOW: return sign == -1;
	case WATCH_AT_MOST: return sign == -1 || sign == 0;
	case WATCH_ABOVE: return sign == 1;
	default: return sign == 1 || sign == 0;
	}
}

/* ---- text ---------------------------------------------------------------------------------- */

static void put_bytes(unsigned len, const uint8_t *value, bool json, char *out, size_t room)
{
	size_t n = (size_t)snprintf(out, room, json ? "\"" : "");

	for (unsigned i = 0; i < len && n + 4 < room; i++)
		n += (size_t)snprintf(out + n, room - n, "%02x", value[i]);
	snprintf(out + n, room - n, json ? "\"" : "");
}

static void put_pointer(struct symbols *symbols, uint64_t value, bool json, char *out, size_t room)
{
	const struct symbol *symbol = symbols_find(symbols, value);

	if (json) {
		snprintf(out, room, "\"0x%" PRIx64 "\"", value);
		return;
	}
	int n = snprintf(out, room, "0x%" PRIx64, value);
	if (!symbol)
		symbol = symbols_find_object(symbols, value);
	if (!symbol || !*symbol->name)
		return;
	n += snprintf(out + n, room - (size_t)n, " <%.300s", symbol->name);
	if (value > symbol->start)
		n += snprintf(out + n, room - (size_t)n, "+0x%" PRIx64, value - symbol->start);
	snprintf(out + n, room - (size_t)n, ">");
}

static bool put_enumerator(const struct symbols_type *type, int64_t value, bool json, char *out,
			   size_t room)
{
	for (size_t i = 0; i < type->enumerator_count; i++)
		if (type->enumerators[i].value == value && !json) {
			snprintf(out, room, "%.400s", type->enumerators[i].name);
			return true;
		}
	return false;
}

static void put_double(double value, bool json, char *out, size_t room)
{
	if (json && !isfinite(value))
		snprintf(out, room, "\"%g\"", value);
	else
		snprintf(out, room, "%.17g", value);
	for (int digits = 1; digits < 17 && isfinite(value); digits++) {
		char shorter[40];

		snprintf(shorter, sizeof shorter, "%.*g", digits, value);
		if (strtod(shorter, NULL) == value) {
			snprintf(out, room, "%s", shorter);
			return;
		}
	}
}

void watch_value_text(struct symbols *symbols, const struct symbols_type *type, unsigned len,
		      const uint8_t *bytes, bool json, char *out, size_t room)
{
	enum symbols_type_kind kind = type->size == len ? type->kind : SYMBOLS_TYPE_UNKNOWN;
	uint64_t value = 0;

	if (len != 1 && len != 2 && len != 4 && len != 8) {
		put_bytes(len, bytes, json, out, room);
		return;
	}
	memcpy(&value, bytes, len);
	if (kind == SYMBOLS_TYPE_FLOAT && is_double(type, len)) {
		/* a float with the digits that a float has */
		double d = to_double(bytes, len);

		if (len == 4 && isfinite(d)) {
			for (int digits = 1; digits <= 9; digits++) {
				snprintf(out, room, "%.*g", digits, d);
				if (strtof(out, NULL) == (float)d)
					return;
			}
		}
		put_double(d, json, out, room);
	} else if (kind == SYMBOLS_TYPE_POINTER) {
		put_pointer(symbols, value, json, out, room);
	} else if (kind == SYMBOLS_TYPE_BOOL && value <= 1) {
		snprintf(out, room, value ? "true" : "false");
	} else if (kind == SYMBOLS_TYPE_ENUM &&
		   put_enumerator(type, extend(value, len), json, out, room)) {
		return;
	} else if (kind == SYMBOLS_TYPE_UNSIGNED || kind == SYMBOLS_TYPE_BOOL) {
		snprintf(out, room, "%" PRIu64, value);
	} else {
		snprintf(out, room, "%" PRId64, extend(value, len));
	}
}
