#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replay-origin.h"
#include "trace-names.h"

#define MANY 1024u              /* a power of two: the next one moves the array */

static struct replay_space *space_with_block(void)
{
	static const uint8_t code[] = { 0x90, 0xc3 };
	const struct trace_block block = {
		.insn_count = 2, .before = TRACE_NO_BLOCK, .pc = 0x1000, .bytes = code, .bytes_len = sizeof code,
	};
	struct replay_space *space = replay_space_create(0, 1, NULL, false);

	cr_assert_not_null(space);
	cr_assert_eq(replay_space_block(space, &block), 0);
	return space;
}

/* What is behind an array keeps it from growing where it is. */
static void *wall(void)
{
	void *p = malloc(64 * 1024);    /* more than is free elsewhere */

	cr_assert_not_null(p);
	return p;
}

Test(replay_origin, a_site_that_is_refused_leaves_the_others)
{
	struct replay_space *space = space_with_block();
	struct site site = { .kind = SITE_BLOCK, .pc = 0x1000 };
	void *after;

	for (uint32_t i = 0; i < MANY; i++)
		cr_assert_eq(replay_space_site(space, &site), 0);
	after = wall();
	site.block = 7;
	cr_assert_eq(replay_space_site(space, &site), -EBADMSG);
	site = (struct site){ .kind = SITE_SIGNAL, .flags = SITE_HAS_EXTRA, .words = 1 };
	cr_assert_eq(replay_space_site(space, &site), -EBADMSG);
	for (uint32_t i = 0; i < MANY; i++) {
		const struct site *found = origin_site(&space->origin, 2 * i);

		cr_assert(found && found->kind == SITE_BLOCK && found->pc == 0x1000, "%u", i);
	}
	cr_assert_null(origin_site(&space->origin, 2 * MANY));
	replay_space_destroy(space);
	free(after);
}

Test(replay_origin, a_path_becomes_its_blocks)
{
	static const uint8_t code[] = { 0xc3 };
	struct replay_space *space = space_with_block();
	const struct trace_block next = {
		.insn_count = 1, .before = 0, .pc = 0x2000, .bytes = code, .bytes_len = sizeof code,
	};
	struct site path = { .kind = SITE_BLOCK, .size = 2, .block = 1, .pc = 0x2000 };
	const struct site call = { .kind = SITE_CALL, .flags = SITE_HAS_SP, .words = 1, .block = TRACE_NO_BLOCK };
	const uint32_t words[] = { event_id(1, 1), 4711, event_id(0, 0) };
	uint32_t out[3 * REPLAY_WORDS_MAX];

	cr_assert_eq(replay_space_block(space, &next), 0);
	cr_assert_eq(replay_space_site(space, &path), 0);
	cr_assert_eq(replay_space_site(space, &call), 0);
	path.size = 3;                  /* there is none before the first */
	cr_assert_eq(replay_space_site(space, &path), -EBADMSG);
	cr_assert_eq(replay_space_expand(space, words, 3, out), 4);
	cr_assert_eq(origin_site(&space->origin, event_index(out[0]))->kind, SITE_CALL);
	cr_assert_eq(out[1], 4711);
	cr_assert_eq(origin_site(&space->origin, event_index(out[2]))->pc, 0x1000);
	cr_assert_eq(origin_site(&space->origin, event_index(out[3]))->pc, 0x2000);
	replay_space_destroy(space);
}

Test(replay_origin, a_covered_block_that_is_refused_leaves_the_others)
{
	struct replay_space *space = space_with_block();
	uint32_t found[MANY];
	size_t cursor = 0;
	void *after;

	for (uint32_t i = 0; i < MANY; i++)
		cr_assert_eq(replay_space_covered(space, 0), 0);
	after = wall();
	cr_assert_eq(replay_space_covered(space, 1), -EBADMSG);
	cr_assert_eq(origin_covered(&space->origin, &cursor, found, MANY), MANY);
	for (uint32_t i = 0; i < MANY; i++)
		cr_assert_eq(found[i], 0, "%u", i);
	replay_space_destroy(space);
	free(after);
}

static void add_name(struct replay_names *names, uint32_t space, uint64_t where)
{
	const struct trace_address address = { .address = where, .module = 0 };
	struct trace_bytes raw = { 0 };

	trace_names_begin(&raw, space);
	trace_names_address(&raw, &address, 0);
	cr_assert_eq(replay_names_add(names, raw.data, raw.len), 0);
	trace_bytes_deinit(&raw);
}

Test(replay_names, those_of_a_space_go_with_it)
{
	struct replay_names *names = replay_names_create();

	cr_assert_not_null(names);
	for (uint32_t space = 0; space < 3; space++)
		add_name(names, space, 0x1000 + space);
	replay_names_drop(names, 1);
	replay_names_drop(names, 7);
	cr_assert_null(replay_names_of(names, 1));
	cr_assert_not_null(replay_table_find(replay_names_of(names, 0), 0x1000));
	cr_assert_not_null(replay_table_find(replay_names_of(names, 2), 0x1002));
	replay_names_destroy(names);
}
