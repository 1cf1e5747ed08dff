#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "maps.h"

static const char text[] =
	"55d0c0000000-55d0c0001000 r--p 00000000 fe:01 1234                       /usr/bin/a b\n"
	"55d0c0001000-55d0c0003000 rwxs 00001000 fe:01 1234                       /x (deleted)\n"
	"nonsense\n"
	"7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                          [stack]\n"
	"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 ";

Test(maps, reads_lines)
{
	struct maps maps;

	cr_assert_eq(maps_parse(text, &maps), 0);
	cr_assert_eq(maps.count, 4);
	cr_expect_eq(maps.items[0].start, 0x55d0c0000000);
	cr_expect_eq(maps.items[0].end, 0x55d0c0001000);
	cr_expect_eq(maps.items[0].prot, MAP_READ);
	cr_expect_eq(maps.items[0].dev_major, 0xfe);
	cr_expect_eq(maps.items[0].dev_minor, 1);
	cr_expect_eq(maps.items[0].inode, 1234);
	cr_expect_str_eq(maps.items[0].path, "/usr/bin/a b");
	cr_expect_eq(maps.items[1].prot, MAP_READ | MAP_WRITE | MAP_EXEC | MAP_IS_SHARED);
	cr_expect_eq(maps.items[1].offset, 0x1000);
	cr_expect_str_eq(maps.items[1].path, "/x (deleted)");
	cr_expect_str_eq(maps.items[2].path, "[stack]");
	cr_expect_eq(maps.items[3].start, 0xffffffffff600000);
	cr_expect_str_eq(maps.items[3].path, "");
	maps_deinit(&maps);
	cr_assert_eq(maps_parse("", &maps), 0);
	cr_expect_eq(maps.count, 0);
	maps_deinit(&maps);
}

Test(maps, a_process_that_is_not_there)
{
	struct maps maps;
	struct err err = { 0 };

	cr_expect_eq(maps_read(0x7ffffff0, &maps, &err), -ESRCH);
	cr_expect_eq(maps.count, 0);
	cr_expect_not_null(strstr(err.text, "No such process"));
}

/* One entry is what it is in the whole. */
Test(maps, asks_for_one_entry)
{
	struct maps maps;
	struct map one;

	cr_assert_eq(maps_read(getpid(), &maps, NULL), 0);
	const struct map *code = maps_find(&maps, (uint64_t)(uintptr_t)maps_find);
	cr_assert_not_null(code);
	int r = maps_query(getpid(), code->start + 1, &one);
	if (r == -ENOTTY) {             /* an older kernel */
		maps_deinit(&maps);
		cr_skip("no PROCMAP_QUERY here");
	}
	cr_assert_eq(r, 0);
	cr_expect_eq(one.start, code->start);
	cr_expect_eq(one.end, code->end);
	cr_expect_eq(one.prot, code->prot);
	cr_expect_eq(one.inode, code->inode);
	cr_expect_eq(one.offset, code->offset);
	cr_expect_eq(one.dev_major, code->dev_major);
	cr_expect_eq(one.dev_minor, code->dev_minor);
	cr_expect_eq(maps_query_code(getpid(), 0, &one), 0);
	cr_expect(one.prot & MAP_EXEC);
	cr_expect_leq(one.start, code->start);
	void *data = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(data, 4096);
	cr_expect_eq(maps_query(getpid(), (uint64_t)(uintptr_t)data, &one), -ENOENT);
	maps_deinit(&maps);
}
