/* fib: `fib ROUNDS` computes the same again and again; what a run costs that is
 * not steady state does not depend on ROUNDS. */
#include <stdio.h>
#include <stdlib.h>

__attribute__((noipa)) static long fib(long n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 1, sum = 0;

	for (long i = 0; i < rounds; i++)
		sum += fib(18) & 0xff;
	printf("%ld\n", sum);
	return 0;
}
