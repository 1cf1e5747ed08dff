/* replaced: maps code at 0x10000000, runs it, unmaps it, and does so again at once with code
 * of another length: three versions. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

int main(void)
{
	static const unsigned char mov_eax_1[] = { 0xb8, 1, 0, 0, 0 }, add_eax_1[] = { 0x83, 0xc0, 1, 0x66, 0x90 };
	int sum = 0;

	for (int version = 0; version < 3; version++) {
		unsigned char *code = mmap((void *)0x10000000, 4096, PROT_READ | PROT_WRITE,
					   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

		if (code == MAP_FAILED)
			return 1;
		for (int i = 0; i <= version; i++)
			memcpy(code + 5 * i, i ? add_eax_1 : mov_eax_1, 5);
		code[5 * (version + 1)] = 0xc3;
		mprotect(code, 4096, PROT_READ | PROT_EXEC);
		sum += ((int (*)(void))code)();
		munmap(code, 4096);
	}
	printf("sum %d\n", sum);
	return 0;
}
