/* mixed: `mixed THREADS ROUNDS`: threads write the same 64 bytes in every way at once:
 * plain, locked, conditional, repeated, vectors, by the kernel.  Then what is in them, in
 * hexadecimal, on standard output. */
#include <emmintrin.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

_Alignas(64) volatile uint8_t place[64];
static long rounds;

static void repeat(volatile uint8_t *at, long n, uint8_t value)
{
	__asm__ volatile("rep stosb" : "+D"(at), "+c"(n) : "a"(value) : "memory");
}

static void store(uint64_t r)
{
	volatile uint8_t *at = place + r % 40;
	uint32_t old = 0;

	switch (r >> 8 & 7) {
	case 0:
		*at = (uint8_t)(r >> 16);
		break;
	case 1:
		*(volatile uint32_t *)(place + r % 15 * 4) = (uint32_t)(r >> 16);
		break;
	case 2:
		__atomic_fetch_add((volatile uint64_t *)(place + r % 7 * 8), r >> 20, __ATOMIC_SEQ_CST);
		break;
	case 3:
		old = *(volatile uint32_t *)place;
		__atomic_compare_exchange_n((volatile uint32_t *)place, &old, (uint32_t)(r >> 16), 0,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
		break;
	case 4:
		repeat(at, 1 + (long)(r >> 16 & 15), (uint8_t)(r >> 24));
		break;
	case 5:
		_mm_storeu_si128((__m128i *)(uintptr_t)at, _mm_set1_epi32((int)(r >> 16)));
		break;
	case 6:
		*(volatile uint64_t *)at |= r;
		break;
	default:
		if ((r >> 16 & 31) == 0 && getrandom((void *)(uintptr_t)at, 5, 0) < 0)
			abort();
	}
}

static void *work(void *seed)
{
	uint64_t r = (uintptr_t)seed * 0x9e3779b97f4a7c15u + 1;

	for (long i = 0; i < rounds; i++) {
		r ^= r << 13;
		r ^= r >> 7;
		r ^= r << 17;
		store(r >> 11);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int threads = argc > 1 ? atoi(argv[1]) : 1;
	pthread_t ids[64];

	rounds = argc > 2 ? atol(argv[2]) : 1000;
	for (int i = 0; i < threads && i < 64; i++)
		if (pthread_create(&ids[i], NULL, work, (void *)(uintptr_t)(i + 1)))
			return 1;
	for (int i = 0; i < threads && i < 64; i++)
		pthread_join(ids[i], NULL);
	for (int i = 0; i < 64; i++)
		printf("%02x", place[i]);
	printf("\n");
	return 0;
}
