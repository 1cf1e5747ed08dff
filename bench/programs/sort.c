/* sort N: qsort(3) of N integers, which calls its comparator through a pointer. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((noinline)) static int compare(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 5000000;
	int *items = malloc(n * sizeof *items);
	uint64_t state = 0x2545f4914f6cdd1d;

	if (!items)
		return 1;
	for (size_t i = 0; i < n; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		items[i] = (int)(state >> 33);
	}
	qsort(items, n, sizeof *items, compare);
	for (size_t i = 1; i < n; i++)
		if (items[i - 1] > items[i])
			return 1;
	printf("%d\n", items[n / 2]);
	return 0;
}
