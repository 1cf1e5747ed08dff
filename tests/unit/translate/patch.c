/* What translated code is linked by: a store of four bytes into a jump that others execute.  It is
 * seen whole, or not at all, wherever patch_bytes lets the four bytes lie: a jump is turned to and
 * fro between two places far from each other, and all about them is int3. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "machine.h"

#define SIZE (64u << 20)
#define LINE 64u
#define AT 4096u
#define TURNS 60000

TestSuite(patch, .timeout = 120);

static const uint32_t ways[2] = { 0x00112233, 0x01020304 };     /* that differ in each byte */

struct jump {
	uint8_t *displacement;
	unsigned turns;
};

static void *turn(void *arg)
{
	struct jump *jump = arg;

	for (unsigned n = 0; n < TURNS; n++) {
		__atomic_store_n((uint32_t *)jump->displacement, ways[n & 1], __ATOMIC_RELEASE);
		for (volatile unsigned i = 0; i < n % 40; i++)
			;
		__atomic_store_n(&jump->turns, n + 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* mov eax, n; ret */
static void put_function(uint8_t *at, uint32_t n)
{
	at[0] = 0xb8;
	memcpy(at + 1, &n, 4);
	at[5] = 0xc3;
}

static void call_often(uint8_t *displacement)
{
	struct jump jump = { displacement };
	int (*call)(void) = (int (*)(void))(displacement - 1);
	pthread_t thread;

	displacement[-1] = 0xe9;
	memcpy(displacement, &ways[0], 4);
	for (uint32_t n = 0; n < 2; n++)
		put_function(displacement + 4 + ways[n], n);
	cr_assert_eq(pthread_create(&thread, NULL, turn, &jump), 0);
	while (__atomic_load_n(&jump.turns, __ATOMIC_RELAXED) < TURNS)
		cr_assert((unsigned)call() < 2);
	pthread_join(thread, NULL);
	for (uint32_t n = 0; n < 2; n++)
		memset(displacement + 4 + ways[n], 0xcc, 6);
}

Test(patch, is_seen_whole)
{
	unsigned span = translate_patch_bytes();
	uint8_t *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq((void *)memory, MAP_FAILED);
	memset(memory, 0xcc, SIZE);
	for (unsigned at = 0; at < LINE; at++)
		if (at % span <= span - 4)
			call_often(memory + AT + at);
	munmap(memory, SIZE);
}
