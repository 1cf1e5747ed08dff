/* What the tests of lib/symbols share: the test process is its own target, and
 * small libraries are compiled while testing, so that their names and lines are known. */
#ifndef TEST_SYMBOLS_HELPER_H
#define TEST_SYMBOLS_HELPER_H

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "symbols.h"

static inline ssize_t read_process(void *context, uint64_t address, void *buf, size_t len)
{
	struct iovec local = { buf, len }, remote = { (void *)address, len };
	ssize_t n = process_vm_readv(*(pid_t *)context, &local, 1, &remote, 1, 0);

	return n < 0 ? -errno : n;
}

static inline struct symbols *symbols_of(pid_t *pid)
{
	struct symbols_memory memory = { read_process, pid };
	struct symbols *s = symbols_create(*pid, &memory);
	struct err err = {0};

	cr_assert_not_null(s);
	cr_assert_geq(symbols_refresh(s, &err), 0, "%s", err.text);
	return s;
}

static inline struct symbols *own_symbols(void)
{
	static pid_t pid;

	pid = getpid();
	return symbols_of(&pid);
}

/* A directory of this test's own, removed when its process ends. */
static char test_directory[64];
static pid_t test_owner;

static inline void remove_directory(void)
{
	char command[128];

	if (getpid() != test_owner)
		return;
	snprintf(command, sizeof command, "rm -rf '%s'", test_directory);
	if (system(command) != 0)
		perror(command);
}

static inline const char *directory(void)
{
	if (!test_directory[0]) {
		strcpy(test_directory, "/tmp/test-symbols-XXXXXX");
		cr_assert_not_null(mkdtemp(test_directory));
		test_owner = getpid();
		atexit(remove_directory);
	}
	return test_directory;
}

static inline void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	cr_assert_not_null(f, "%s", path);
	fputs(text, f);
	cr_assert_eq(fclose(f), 0);
}

/* Runs a shell command in directory(). */
static inline void run(const char *format, ...)
{
	char command[2048];
	va_list ap;
	size_t n = snprintf(command, sizeof command, "cd '%s' && ", directory());

	va_start(ap, format);
	vsnprintf(command + n, sizeof command - n, format, ap);
	va_end(ap);
	cr_assert_eq(system(command), 0, "failed: %s", command);
}

static inline bool has_tool(const char *name)
{
	char command[128];

	snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1", name);
	return system(command) == 0;
}

/* The path of `name` in directory(); the next call but three overwrites it. */
static inline const char *in_directory(const char *name)
{
	static char paths[4][128];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof paths[0], "%s/%s", directory(), name);
	return path;
}

/* Compiles `source` to the shared library `name` and loads it. */
static inline void *load(const char *name, const char *source, const char *flags)
{
	bool is_cxx = strstr(flags, "-x c++");
	void *handle;

	write_file(in_directory("source.c"), source);
	run("%s -shared -fPIC -o %s %s source.c", is_cxx ? "g++" : "gcc", name, flags);
	handle = dlopen(in_directory(name), RTLD_NOW | RTLD_LOCAL);
	cr_assert_not_null(handle, "%s", dlerror());
	return handle;
}

static inline uint64_t address_in(void *handle, const char *name)
{
	void *address = dlsym(handle, name);

	cr_assert_not_null(address, "%s", name);
	return (uint64_t)address;
}

static inline const struct symbols_module *module_named(struct symbols *s, const char *name)
{
	for (size_t i = 0; i < symbols_module_count(s); i++)
		if (strcmp(symbols_module_at(s, i)->name, name) == 0)
			return symbols_module_at(s, i);
	return NULL;
}

static inline double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static inline const char *name_of(struct symbols *s, uint64_t address)
{
	const struct symbol *symbol = symbols_find(s, address);

	return symbol ? symbol->name : "(none)";
}

#endif
