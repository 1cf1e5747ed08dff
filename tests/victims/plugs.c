/* plugs: `plugs PLUGIN ROUNDS` loads a library, lets it write its variable, and unloads it,
 * again and again: each second time something else is mapped where it was.  Says how often
 * the variable was written, and in how many places it was. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static void *block(const void *at)
{
	void *page = (void *)((uintptr_t)at & ~4095ul);
	void *got = mmap(page, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (got == page)
		*(volatile int *)at = 4711;     /* no write of the library's */
	return got;
}

int main(int argc, char **argv)
{
	long writes = 0;
	int places = 0, rounds = argc > 2 ? atoi(argv[2]) : 1;
	const void *last = NULL;

	for (int i = 0; argc > 1 && i < rounds; i++) {
		void *library = dlopen(argv[1], RTLD_NOW);
		int (*tick)(int) = library ? (int (*)(int))dlsym(library, "tick") : NULL;
		void *at = library ? dlsym(library, "ticks") : NULL;

		if (!tick || !at)
			return 1;
		writes += tick(3 + i);
		places += at != last;
		last = at;
		dlclose(library);
		if (i & 1)
			block(at);
	}
	printf("%ld writes, %d places\n", writes, places);
	return 0;
}
