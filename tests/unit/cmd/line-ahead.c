/* Source lines that are looked up before they are asked for. */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "line-ahead.h"
#include "symbols.h"

static int here(void) { return __LINE__; }
static int there(void) { return __LINE__; }

static ssize_t read_own(void *context, uint64_t address, void *buf, size_t len)
{
	(void)context;
	memcpy(buf, (const void *)(uintptr_t)address, len);
	return (ssize_t)len;
}

static struct symbols *symbols_of_this(void)
{
	const struct symbols_memory memory = { read_own, NULL };
	struct symbols *s = symbols_create(getpid(), &memory);

	cr_assert_not_null(s);
	cr_assert_geq(symbols_refresh(s, NULL), 0);
	return s;
}

static struct source_place place_of(struct symbols *s, int (*function)(void))
{
	struct source_place place;

	cr_assert(symbols_source_place(s, (uint64_t)(uintptr_t)function, &place));
	return place;
}

Test(line_ahead, finds_what_is_going_to_be_asked_for)
{
	struct symbols *s = symbols_of_this();
	struct line_ahead *ahead = line_ahead_create();
	struct source_place first = place_of(s, here), second = place_of(s, there);
	struct source_place nowhere = { first.file, 1 };
	struct origin_line line;
	uint64_t asked = 0;

	cr_assert_eq(line_ahead_file(ahead, &first.file), -1);
	int file = line_ahead_file_add(ahead, &first.file, symbols_source_lines(s, (uint64_t)(uintptr_t)here));
	cr_assert_geq(file, 0);
	cr_assert_eq(line_ahead_file(ahead, &second.file), file);
	/* again: it is known, and this one is not needed */
	cr_assert_eq(line_ahead_file_add(ahead, &first.file,
					 symbols_source_lines(s, (uint64_t)(uintptr_t)here)), file);
	/* what it finds does not hang on what it was found by */
	symbols_destroy(s);
	line_ahead_add(ahead, file, first.address);
	line_ahead_add(ahead, file, nowhere.address);
	for (int i = 0; i < 10000; i++)
		line_ahead_add(ahead, file, second.address);
	while (line_ahead_wait(ahead, &asked))
		;
	cr_assert_eq(asked, 10002);
	cr_assert(line_ahead_find(ahead, file, first.address, &line));
	cr_assert_eq((int)line.line, here());
	cr_assert(strstr(line.file, "line-ahead.c"));
	cr_assert(line_ahead_find(ahead, file, second.address, &line));
	cr_assert_eq((int)line.line, there());
	cr_assert(line_ahead_find(ahead, file, nowhere.address, &line));
	cr_assert_eq(line.line, 0);
	first.address++;
	cr_assert_not(line_ahead_find(ahead, file, first.address, &line));
	line_ahead_destroy(ahead);
}

Test(line_ahead, a_file_without_lines)
{
	struct line_ahead *ahead = line_ahead_create();
	const struct source_file id = { 1, 2, 3, 4 };
	struct origin_line line;
	uint64_t asked = 0;

	int file = line_ahead_file_add(ahead, &id, NULL);
	line_ahead_add(ahead, file, 0x1000);
	cr_assert_not(line_ahead_wait(ahead, &asked));
	cr_assert_not(line_ahead_find(ahead, file, 0x1000, &line));
	line_ahead_destroy(ahead);
}

Test(line_ahead, ends_in_the_middle)
{
	for (int round = 0; round < 20; round++) {
		struct symbols *s = symbols_of_this();
		struct line_ahead *ahead = line_ahead_create();
		struct source_place place = place_of(s, here);
		int file = line_ahead_file_add(ahead, &place.file,
					       symbols_source_lines(s, (uint64_t)(uintptr_t)here));

		for (uint64_t i = 0; i < 100; i++)
			line_ahead_add(ahead, file, place.address + i);
		line_ahead_destroy(ahead);
		symbols_destroy(s);
	}
}
