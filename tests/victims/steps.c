/* steps: static against musl: the same instructions at every run, whatever the
 * environment.  Sorts, formats, copies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

int main(void)
{
	int values[24];
	char text[200], copy[200];
	unsigned seed = 1;

	for (int i = 0; i < 24; i++) {
		seed = seed * 1103515245u + 12345u;
		values[i] = (int)(seed >> 16 & 0x7fff);
	}
	qsort(values, 24, sizeof *values, by_value);
	memset(text, 'a', sizeof text - 1);
	text[199] = 0;
	strcpy(copy, text);
	printf("%d %d %s %.3f\n", values[0], values[23], copy + 190, values[12] / 7.0);
	return 0;
}
