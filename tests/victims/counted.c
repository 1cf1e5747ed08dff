/* counted: functions that are called a known number of times: for the counts of
 * callgrind against ours. */
#include <stdio.h>
#include <stdlib.h>

#define NOIPA __attribute__((noipa))

NOIPA static int leaf(int x) { return x * 3 + 1; }
NOIPA static int even(int n);
NOIPA static int odd(int n) { return n ? even(n - 1) : 0; }
NOIPA static int even(int n) { return n ? odd(n - 1) + leaf(n) % 2 : 1; }
NOIPA static int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
NOIPA static int by_value(const void *a, const void *b)
{
	return leaf(*(const int *)a) - leaf(*(const int *)b);
}
NOIPA static int sorted(void)
{
	int values[64];

	for (int i = 0; i < 64; i++)
		values[i] = i * 37 % 64;
	qsort(values, 64, sizeof *values, by_value);
	return values[7];
}
NOIPA static int through(int (*call)(int), int x) { return call(x) + call(x + 1); }

int main(void)
{
	printf("%d %d %d %d\n", fib(15), even(20), sorted(), through(leaf, 3));
	return 0;
}
