/* Source lines that one process has found, for another one of the same file. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "line-ahead.h"
#include "line-cache.h"
#include "session.h"
#include "target.h"

#define MANY 20000u

static struct source_place place_of(uint64_t inode, uint64_t address)
{
	return (struct source_place){ { 1, inode, 3, 4 }, address };
}

Test(line_cache, keeps_what_was_found_and_what_was_not)
{
	struct line_cache *cache = line_cache_create();
	struct origin_line line;
	char text[32];

	cr_assert_not_null(cache);
	for (unsigned i = 0; i < MANY; i++) {
		const struct source_place place = place_of(i % 7, i);

		snprintf(text, sizeof text, "file%u.c", i % 100);
		cr_assert_not(line_cache_find(cache, &place, &line));
		line_cache_add(cache, &place, &(struct origin_line){ i % 3 ? text : NULL, i % 3 });
	}
	memset(text, 'x', sizeof text);
	for (unsigned i = 0; i < MANY; i++) {
		const struct source_place place = place_of(i % 7, i), other = place_of(i % 7 + 1, i);

		snprintf(text, sizeof text, "file%u.c", i % 100);
		cr_assert(line_cache_find(cache, &place, &line));
		cr_assert_eq(line.line, i % 3);
		cr_assert(!line.line || !strcmp(line.file, text));
		cr_assert_not(line_cache_find(cache, &other, &line));
	}
	line_cache_destroy(cache);
}

Test(line_cache, a_file_that_has_changed_is_another_one)
{
	struct line_cache *cache = line_cache_create();
	struct source_place place = place_of(1, 0x1000);
	struct origin_line line;

	line_cache_add(cache, &place, &(struct origin_line){ "a.c", 7 });
	place.file.changed_ns++;
	cr_assert_not(line_cache_find(cache, &place, &line));
	line_cache_add(cache, &place, &(struct origin_line){ "a.c", 8 });
	cr_assert(line_cache_find(cache, &place, &line));
	cr_assert_eq(line.line, 8);
	line_cache_destroy(cache);
}

/* ---- by the processes of a session -------------------------------------------------------- */

static ssize_t read_own(void *context, uint64_t address, void *buf, size_t len)
{
	(void)context;
	memcpy(buf, (const void *)(uintptr_t)address, len);
	return (ssize_t)len;
}

static struct target *target_new(struct session *session)
{
	const struct symbols_memory memory = { read_own, NULL };
	struct target *target = calloc(1, sizeof *target);

	cr_assert_not_null(target);
	target->session = session;
	target->origin = (struct origin){ &origin_live, getpid() };
	target->task = getpid();
	pthread_mutex_init(&target->symbols_lock, NULL);
	target->symbols = symbols_create(getpid(), &memory);
	cr_assert(target->symbols && symbols_refresh(target->symbols, NULL) >= 0);
	return target;
}

static void target_free(struct target *target)
{
	symbols_destroy(target->symbols);
	free(target);
}

Test(line_cache, a_second_process_asks_the_first)
{
	struct session *session = calloc(1, sizeof *session);
	uint64_t here = (uintptr_t)target_new;
	struct origin_line first, second, third;

	session->lines = line_cache_create();
	session->lines_ahead = line_ahead_create();
	struct target *one = target_new(session), *other = target_new(session);
	cr_assert(origin_line(&one->origin, here, &first));
	cr_assert(strstr(first.file, "line-cache.c"));
	cr_assert(origin_line(&other->origin, here, &second));
	cr_assert(origin_line(&one->origin, here, &third));
	cr_assert_eq(first.line, second.line);
	cr_assert_str_eq(first.file, second.file);
	cr_assert_eq(second.file, third.file, "both are of the same table");
	target_free(one);
	cr_assert_str_eq(second.file, third.file);
	target_free(other);
	line_ahead_destroy(session->lines_ahead);
	line_cache_destroy(session->lines);
	free(session);
}
