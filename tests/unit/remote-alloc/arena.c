/* The arena on a fake process: this one, whose system calls can be made to fail. */
#include "arena.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "maps.h"

#define CODE (1u << 20)
#define DATA (8u << 20)
#define DATA_MIN (1u << 20)

struct fake {
	int calls, fail_at;             /* from 1; 0: none */
	int error;
	long refuse;                    /* a system call that always fails */
	size_t bytes_max;               /* larger mappings fail with ENOMEM */
	int memfds;
	struct remote_ops ops;
};

static long fake_syscall(void *context, long number, const uint64_t a[6])
{
	struct fake *f = context;

	/* What cleans up does not fail: nothing could be done about it. */
	bool cleans = number == SYS_munmap || number == SYS_close;

	if (!cleans && ++f->calls == f->fail_at)
		return -f->error;
	if (number == f->refuse)
		return -f->error;
	if (number == SYS_mmap && f->bytes_max && a[1] > f->bytes_max)
		return -ENOMEM;
	long r = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	f->memfds += number == SYS_memfd_create;
	return r < 0 ? -errno : r;
}

static uint64_t fake_empty_string(void *context)
{
	return (uint64_t)"";
}

static struct fake *fake_create(void)
{
	static struct fake f;

	f = (struct fake){ .error = EPERM, .refuse = -1, .ops = { fake_syscall, fake_empty_string, &f, getpid() } };
	return &f;
}

static const struct arena_request request = {
	.code_bytes = CODE, .data_bytes = DATA, .data_min_bytes = DATA_MIN,
};

/* What is mapped, the heap and stacks aside, and the open descriptors. */
static uint64_t held(void)
{
	struct maps maps;
	uint64_t sum = 0;
	DIR *dir = opendir("/proc/self/fd");

	cr_assert_eq(maps_read(getpid(), &maps, NULL), 0);
	for (size_t i = 0; i < maps.count; i++)
		if (maps.items[i].path[0] != '[')
			sum += maps.items[i].end - maps.items[i].start;
	maps_deinit(&maps);
	while (readdir(dir))
		sum++;
	closedir(dir);
	return sum;
}

static void check_works(const struct arena *arena)
{
	volatile uint8_t *far = (uint8_t *)arena->base;
	uint8_t *near = arena_local(arena, arena->base);

	near[3] = 77;
	cr_expect_eq(far[3], 77, "the code is shared");
	far[arena->code_bytes + 5] = 99;
	cr_expect_eq(near[arena->code_bytes + 5], 99, "the data is shared");
	cr_expect_null(arena_local(arena, arena_end(arena)));
	cr_expect_null(arena_local(arena, arena->base - 1));
	cr_expect_eq(arena->base % 65536, 0);
}

static void drop(struct arena *arena, const struct fake *f)
{
	cr_expect_eq(arena_unmap(arena, &f->ops), 0);
	arena_deinit(arena);
}

Test(arena, shares_its_memory_and_leaves_nothing)
{
	struct fake *f = fake_create();
	struct arena arena;
	uint64_t before = held();

	cr_assert_eq(arena_create(&arena, &f->ops, &request, NULL), 0);
	check_works(&arena);
	drop(&arena, f);
	cr_expect_eq(held(), before);
}

Test(arena, has_no_page_that_can_be_written_and_executed)
{
	struct fake *f = fake_create();
	struct arena arena;
	struct maps maps;

	cr_assert_eq(arena_create(&arena, &f->ops, &request, NULL), 0);
	cr_assert_eq(maps_read(getpid(), &maps, NULL), 0);
	for (size_t i = 0; i < maps.count; i++)
		cr_expect((maps.items[i].prot & (MAP_WRITE | MAP_EXEC)) != (MAP_WRITE | MAP_EXEC));
	cr_expect_eq(maps_find(&maps, arena.base)->prot & 7, MAP_READ | MAP_EXEC);
	cr_expect_eq(maps_find(&maps, arena.base + CODE)->prot & 7, MAP_READ | MAP_WRITE);
	cr_expect_eq(maps_find(&maps, arena.base - 1)->prot & 7, 0, "a guard before it");
	cr_expect_eq(maps_find(&maps, arena_end(&arena))->prot & 7, 0, "a guard behind it");
	maps_deinit(&maps);
	drop(&arena, f);
}

Test(arena, lies_below_the_program_when_there_is_room)
{
	struct fake *f = fake_create();
	struct arena arena;
	struct arena_request near = request;

	near.near_start = 0x400000000000;
	near.near_end = near.near_start + (1 << 20);
	cr_assert_eq(arena_create(&arena, &f->ops, &near, NULL), 0);
	cr_expect(arena.is_near);
	cr_expect_lt(near.near_end - arena.base, 2ull << 30);
	check_works(&arena);
	drop(&arena, f);
	near.force_far = true;
	cr_assert_eq(arena_create(&arena, &f->ops, &near, NULL), 0);
	cr_expect(!arena.is_near);
	drop(&arena, f);
}

Test(arena, lies_elsewhere_when_there_is_none)
{
	struct fake *f = fake_create();
	struct arena arena;
	struct arena_request near = request;

	near.near_start = 0x400000000000;
	near.near_end = near.near_start + (1 << 20);
	void *taken = mmap((void *)(near.near_start - (100 << 20)), 65 << 20, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	cr_assert(taken != MAP_FAILED);
	cr_assert_eq(arena_create(&arena, &f->ops, &near, NULL), 0);
	cr_expect(!arena.is_near);
	check_works(&arena);
	drop(&arena, f);
}

static void check_halves(const struct arena *arena)
{
	cr_expect_eq(arena->base >> 32, (arena->base + arena->code_bytes - 1) >> 32, "%lx", arena->base);
}

/* Code whose addresses have one high half, wherever the program lies. */
Test(arena, has_no_code_on_both_sides_of_a_multiple_of_4_gib)
{
	struct fake *f = fake_create();
	struct arena arena;
	struct arena_request near = request;

	near.code_bytes = 256 << 20;
	for (uint64_t mib = 0; mib < 1024; mib += 40) {
		near.near_start = 0x400100000000 + (mib << 20);
		near.near_end = near.near_start + (1 << 20);
		cr_assert_eq(arena_create(&arena, &f->ops, &near, NULL), 0);
		cr_expect(arena.is_near);
		check_halves(&arena);
		drop(&arena, f);
	}
	/* Elsewhere: where the kernel's next place crosses it. */
	near.force_far = true;
	for (int i = 0; i < 24; i++) {
		cr_assert_eq(arena_create(&arena, &f->ops, &near, NULL), 0);
		check_halves(&arena);
		drop(&arena, f);
		cr_assert_neq(mmap(NULL, 200 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
			      MAP_FAILED);
	}
}

Test(arena, falls_back_when_memfd_create_is_refused)
{
	struct fake *f = fake_create();
	struct arena arena;
	uint64_t before = held();

	f->refuse = SYS_memfd_create;
	int r = arena_create(&arena, &f->ops, &request, NULL);
	if (r == -EPERM && geteuid() != 0)
		return;                 /* map_files is root's */
	cr_assert_eq(r, 0);
	check_works(&arena);
	drop(&arena, f);
	cr_expect_eq(held(), before);
}

Test(arena, is_smaller_when_memory_is_short)
{
	struct fake *f = fake_create();
	struct arena arena;

	f->bytes_max = CODE + DATA / 2;
	cr_assert_eq(arena_create(&arena, &f->ops, &request, NULL), 0);
	cr_expect_lt(arena.data_bytes, DATA);
	cr_expect_geq(arena.data_bytes, DATA_MIN);
	check_works(&arena);
	drop(&arena, f);
}

Test(arena, says_why_when_there_is_no_memory)
{
	struct fake *f = fake_create();
	struct arena arena;
	struct err err = {0};
	uint64_t before = held();

	f->bytes_max = 65536;
	cr_expect_eq(arena_create(&arena, &f->ops, &request, &err), -ENOMEM);
	cr_expect_neq(err.text[0], 0);
	cr_expect_eq(held(), before);
}

Test(arena, leaves_nothing_when_any_call_fails)
{
	const int errors[] = { ENOMEM, EPERM, ENOSYS, EINVAL };
	struct arena arena;
	uint64_t before = held();

	for (size_t e = 0; e < sizeof errors / sizeof *errors; e++)
		for (int refuse = 0; refuse <= 1; refuse++)
			for (int n = 1; n < 40; n++) {
				struct fake *f = fake_create();

				f->refuse = refuse ? SYS_memfd_create : -1;
				f->fail_at = n;
				f->error = errors[e];
				int r = arena_create(&arena, &f->ops, &request, NULL);
				bool was_made = r == 0;
				if (was_made) {
					f->fail_at = 0;
					check_works(&arena);
					drop(&arena, f);
				}
				cr_expect_eq(held(), before, "call %d fails with %s, memfd %d: %s, %ld left", n,
					     strerror(errors[e]), !refuse, was_made ? "made" : "not made",
					     (long)(held() - before));
				before = held();
			}
}

Test(arena, gives_up_at_once_when_the_thread_is_gone)
{
	struct fake *f = fake_create();
	struct arena arena;

	f->refuse = SYS_mmap;
	f->error = ESRCH;
	cr_expect_eq(arena_create(&arena, &f->ops, &request, NULL), -ESRCH);
	cr_expect_leq(f->calls, 2);
}
