/* jit: makes code, runs it, makes other code at the same place: on pages that are
 * writable and executable, through a second mapping, by mprotect, by unmapping, and
 * on the stack.  Says how many results were wrong. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef int (*function)(void);

static int wrong, runs;

static void put(uint8_t *at, int value)
{
	static const uint8_t code[] = { 0xb8, 0, 0, 0, 0, 0xc3 };      /* mov eax, value; ret */

	memcpy(at, code, sizeof code);
	memcpy(at + 1, &value, 4);
}

static void expect(uint8_t *at, int value, int times)
{
	for (int i = 0; i < times; i++, runs++)
		wrong += ((function)(uintptr_t)at)() != value;
}

static void writable_and_executable(void)
{
	static const int times[] = { 1, 2, 100 };
	uint8_t *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < 600; i++) {
		put(p + 64 * (i % 3), i);
		expect(p + 64 * (i % 3), i, times[i / 3 % 3]);
	}
	munmap(p, 4096);
}

static void mapped_twice(void)
{
	int fd = memfd_create("jit", 0);
	if (ftruncate(fd, 4096) < 0)
		return;
	uint8_t *w = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	uint8_t *x = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);

	for (int i = 0; i < 300; i++) {
		put(w, i);
		expect(x, i, i % 5 + 1);
	}
}

static void flipped(void)
{
	uint8_t *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < 300; i++) {
		mprotect(p, 4096, PROT_READ | PROT_WRITE);
		put(p, i);
		mprotect(p, 4096, PROT_READ | PROT_EXEC);
		expect(p, i, 3);
	}
}

static void unmapped(void)
{
	void *at = (void *)0x200000000000;

	for (int i = 0; i < 300; i++) {
		uint8_t *p = mmap(at, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		put(p, i);
		mprotect(p, 4096, PROT_READ | PROT_EXEC);
		expect(p, i, 3);
		munmap(p, 4096);
	}
}

/* A nested function whose address is taken: GCC puts a trampoline on the stack. */
static int call(int (*f)(int), int x)
{
	return f(x);
}

static void nested(void)
{
	for (int i = 0; i < 300; i++) {
		int add(int x) { return x + i; }

		wrong += call(add, 5) != i + 5;
		runs++;
	}
}

/* Every version runs 1, 2 or 100 times before the next one takes its place. */
static void rewritten(void)
{
	static const int times[] = { 1, 2, 100 };
	uint8_t *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int t = 0; t < 3; t++)
		for (int i = 0; i < 200; i++) {
			put(p, i * 3 + t);
			expect(p, i * 3 + t, times[t]);
		}
	munmap(p, 4096);
}

/* A block that writes its argument into its own next instruction. */
static void of_itself(void)
{
	static const uint8_t code[] = {
		0x89, 0x3d, 0x01, 0, 0, 0,      /* mov [rip + 1], edi */
		0xb8, 0, 0, 0, 0,               /* mov eax, 0 */
		0xc3,                           /* ret */
	};
	uint8_t *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memcpy(p, code, sizeof code);
	for (int i = 1; i <= 300; i++, runs++)
		wrong += ((int (*)(int))(uintptr_t)p)(i / 3) != i / 3;
	munmap(p, 4096);
}

int main(void)
{
	rewritten();
	of_itself();
	writable_and_executable();
	mapped_twice();
	flipped();
	unmapped();
	nested();
	printf("%d of %d wrong\n", wrong, runs);
	return wrong != 0;
}
