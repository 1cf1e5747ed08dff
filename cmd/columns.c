/* columns.c - what lines of every mode begin with. */
#include <string.h>
#include <time.h>

#include "json.h"
#include "line.h"
#include "output-internal.h"

#define DAY_SECONDS 86400

/* Seconds of the local day; the zone's offset is asked for once an hour. */
static uint64_t local_seconds(uint64_t epoch_seconds)
{
	static uint64_t hour = ~0ull;
	static int64_t offset;

	if (epoch_seconds / 3600 != hour) {
		time_t t = (time_t)epoch_seconds;
		struct tm tm;

		localtime_r(&t, &tm);
		offset = tm.tm_gmtoff;
		hour = epoch_seconds / 3600;
	}
	return (uint64_t)((int64_t)epoch_seconds + offset) % DAY_SECONDS;
}

static char *put_day_time(char *at, uint64_t ns)
{
	uint64_t s = local_seconds(ns / 1000000000);

	at = put_digits(at, s / 3600, 2);
	*at++ = ':';
	at = put_digits(at, s / 60 % 60, 2);
	*at++ = ':';
	return put_digits(at, s % 60, 2);
}

static char *put_micro(char *at, uint64_t ns)
{
	*at++ = '.';
	return put_digits(at, ns % 1000000000 / 1000, 6);
}

/* Seconds since the line before, of this thread. */
static char *put_relative(struct stream *stream, char *at, uint64_t tsc)
{
	uint64_t ns = 0;
	char number[24], *end;

	if (stream->last_tsc && tsc > stream->last_tsc)
		ns = clock_tsc_to_duration(tsc - stream->last_tsc);
	stream->last_tsc = tsc;
	end = put_u64(number, ns / 1000000000);
	if (end - number < 6)
		at = put_spaces(at, (size_t)(6 - (end - number)));
	at = put_text(at, number, (size_t)(end - number));
	return put_micro(at, ns);
}

char *put_clock(struct output *output, struct stream *stream, char *at, uint64_t tsc)
{
	enum clock_style style = output->options->clock;

	if (style == CLOCK_NONE)
		return at;
	if (style == CLOCK_RELATIVE) {
		at = put_relative(stream, at, tsc);
	} else {
		uint64_t ns = clock_tsc_to_epoch_ns(tsc);

		at = style == CLOCK_EPOCH ? put_u64(at, ns / 1000000000) : put_day_time(at, ns);
		if (style != CLOCK_SECONDS)
			at = put_micro(at, ns);
	}
	*at++ = ' ';
	return at;
}

char *put_tid(struct stream *stream, char *at)
{
	if (!stream->tid_text_len) {
		char *end = stream->tid_text;

		*end++ = '[';
		end = put_u64(end, (uint64_t)stream->tid);
		end = put_literal(end, "] ");
		stream->tid_text_len = (unsigned)(end - stream->tid_text);
	}
	return put_text(at, stream->tid_text, stream->tid_text_len);
}

char *put_json_begin(struct output *output, struct stream *stream, char *at, const char *type,
		     uint64_t tsc)
{
	if (!stream->json_ids_len) {
		char *end = stream->json_ids;

		end = put_literal(end, "\",\"tid\":");
		end = put_u64(end, (uint64_t)stream->tid);
		end = put_literal(end, ",\"pid\":");
		end = put_u64(end, (uint64_t)stream->pid);
		stream->json_ids_len = (unsigned)(end - stream->json_ids);
	}
	at = put_literal(at, "{\"type\":\"");
	at = put_string(at, type);
	at = put_text(at, stream->json_ids, stream->json_ids_len);
	if (!tsc || output->options->no_time)
		return at;
	at = put_literal(at, ",\"ts\":");
	return put_u64(at, clock_tsc_to_ns(tsc));
}

size_t json_line_room(struct names *names, const struct name *name)
{
	names_line(names, name);
	return name->file ? JSON_STRING_ROOM(strlen(name->file)) + 48 : 0;
}

char *put_json_line(char *at, const struct name *name)
{
	if (!name->file)
		return at;
	at = put_literal(at, ",\"file\":");
	at = json_string(at, name->file);
	at = put_literal(at, ",\"line\":");
	return put_u64(at, name->line_number);
}
