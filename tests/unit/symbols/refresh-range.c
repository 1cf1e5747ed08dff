/* What changes in a stretch of the map and is looked at there is known as well as when all of
 * the map is read: two tables, one told in one way and one in the other, after each of many
 * changes by chance. */
#include "helper.h"

#include <fcntl.h>
#include <sys/mman.h>

#define PAGES 96        /* pieces of a library in the first half, holes in the second */
#define CHANGES 1500
#define LIBRARIES 6

TestSuite(refresh_range, .timeout = 120);

static uint8_t *area;
static int file, plain;                 /* a library, and what is none, mapped by pieces */
static void *libraries[LIBRARIES];

static void same_module(const struct symbols_module *a, const struct symbols_module *b, int step)
{
	cr_assert_eq(a->start, b->start, "step %d", step);
	cr_assert_eq(a->end, b->end, "step %d: %s %lx %lx", step, a->name, a->end, b->end);
	cr_assert_eq(a->base, b->base, "step %d", step);
	cr_assert_str_eq(a->path, b->path, "step %d", step);
	cr_assert_eq(a->text_count, b->text_count, "step %d: %s", step, a->name);
	cr_assert_arr_eq(a->text, b->text, a->text_count * sizeof *a->text, "step %d", step);
	cr_assert_not(a->is_retired, "step %d", step);
}

static void same(struct symbols *s, struct symbols *whole, int step)
{
	cr_assert_eq(symbols_module_count(s), symbols_module_count(whole), "step %d: %zu %zu", step,
		     symbols_module_count(s), symbols_module_count(whole));
	for (size_t i = 0; i < symbols_module_count(s); i++)
		same_module(symbols_module_at(s, i), symbols_module_at(whole, i), step);
	for (size_t i = 0; i < PAGES; i++) {
		uint64_t at = (uint64_t)(uintptr_t)area + i * 4096;

		cr_assert_eq(symbols_has_code(s, at, at + 4096),
			     symbols_has_code(whole, at, at + 4096), "step %d, page %zu", step, i);
	}
}

static struct symbols_range change_pages(unsigned what)
{
	bool has_holes = rand() % 2;
	size_t half = PAGES / 2, first = (size_t)rand() % half, count = 1 + (size_t)rand() % 8;
	void *at = area + (first + (has_holes ? half : 0)) * 4096;

	if (first + count > half)
		count = half - first;
	switch (what ? what : has_holes ? 0 : 4) {
	case 0:
		munmap(at, count * 4096);
		break;
	case 1:
		mprotect(at, count * 4096, PROT_READ | PROT_EXEC);
		break;
	case 2:
		mprotect(at, count * 4096, PROT_READ);
		break;
	case 3:
		cr_assert_eq(mmap(at, count * 4096, PROT_READ | (rand() % 2 ? PROT_EXEC : 0),
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), at);
		break;
	case 5:
		cr_assert_eq(mmap(at, count * 4096, PROT_READ | (rand() % 2 ? PROT_EXEC : 0),
				  MAP_PRIVATE | MAP_FIXED, plain, rand() % 16 * 4096), at);
		break;
	default:
		if (has_holes)
			break;
		cr_assert_eq(mmap(at, count * 4096, PROT_READ | (rand() % 2 ? PROT_EXEC : 0),
				  MAP_PRIVATE | MAP_FIXED, file, rand() % 2 ? 0 : rand() % 4 * 4096),
			     at);
	}
	return (struct symbols_range){ (uint64_t)(uintptr_t)at,
				       (uint64_t)(uintptr_t)at + count * 4096 };
}

/* Opened, or closed, somewhere. */
static struct symbols_range change_library(unsigned which)
{
	char name[32];
	Dl_info info;

	snprintf(name, sizeof name, "lib%u.so", which);
	bool opens = !libraries[which];
	if (opens)
		libraries[which] = dlopen(in_directory(name), RTLD_NOW);
	cr_assert_not_null(libraries[which]);
	uint64_t in = address_in(libraries[which], "number");
	cr_assert(dladdr((void *)in, &info));
	uint64_t start = (uint64_t)(uintptr_t)info.dli_fbase;
	if (!opens) {
		dlclose(libraries[which]);
		libraries[which] = NULL;
	}
	/* its code, as one that looks at calls with PROT_EXEC knows, or all of it when it goes */
	return opens ? (struct symbols_range){ in & ~4095ull, (in & ~4095ull) + 4096 }
		     : (struct symbols_range){ start, start + 5 * 4096 + 100000 / 4096 * 4096 };
}

Test(refresh_range, knows_what_all_of_the_map_says)
{
	bool can_ask = true;
	int parts = 0;

	write_file(in_directory("source.c"),
		   "int number(void) { return 1; }\nint variable = 5;\nchar big[100000];\n");
	for (unsigned i = 0; i < LIBRARIES; i++) {
		char command[80];

		snprintf(command, sizeof command, "gcc -shared -fPIC -o lib%u.so source.c", i);
		run(command);
	}
	file = open(in_directory("lib0.so"), O_RDONLY);
	plain = memfd_create("plain", 0);
	cr_assert(file >= 0 && plain >= 0 && ftruncate(plain, 32 * 4096) == 0);
	area = mmap(NULL, PAGES * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq((void *)area, MAP_FAILED);
	munmap(area + PAGES / 2 * 4096, 4096);
	struct symbols *s = own_symbols(), *whole = own_symbols();
	srand(7);
	for (int step = 0; step < CHANGES && can_ask; step++) {
		unsigned what = (unsigned)rand() % 7;
		struct symbols_range at = what == 6 ? change_library((unsigned)rand() % LIBRARIES)
						    : change_pages(what);
		int r = symbols_refresh_range(s, at.start, at.end);

		can_ask = r != -ENOTTY;
		parts += r >= 0;
		if (r < 0)
			cr_assert_geq(symbols_refresh(s, NULL), 0);
		cr_assert_geq(symbols_refresh(whole, NULL), 0);
		same(s, whole, step);
	}
	if (can_ask)
		cr_expect_gt(parts, CHANGES * 3 / 4, "%d", parts);
	else
		cr_log_warn("no PROCMAP_QUERY here: all of the map was read");
	symbols_destroy(s);
	symbols_destroy(whole);
	close(file);
	close(plain);
}

Test(refresh_range, says_when_there_is_no_process)
{
	pid_t pid = getpid();
	struct symbols *s = symbols_of(&pid);
	size_t count = symbols_module_count(s);

	symbols_set_pid(s, 0x7ffffff0);
	cr_assert_eq(symbols_refresh_range(s, 0, 4096), -ESRCH);
	cr_assert_eq(symbols_module_count(s), count);
	symbols_destroy(s);
}
