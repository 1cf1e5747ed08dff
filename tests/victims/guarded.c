/* guarded: stores into a page at 0x10000000 that can be written, that cannot, and that is
 * not there; says what each fault's handler was told. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <ucontext.h>

#define PLACE ((void *)0x10000000)

static sigjmp_buf back;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	const greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;

	printf("signal %d, code %d, address %p, error %llx, cr2 %llx\n", signal, info->si_code,
	       info->si_addr, regs[REG_ERR] & 7, regs[REG_CR2]);
	siglongjmp(back, 1);
}

__attribute__((noipa)) static void put(volatile long *at, long value) { *at = value; }

static void map(int protection)
{
	mmap(PLACE, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static void try_thrice(long value)
{
	for (int i = 0; i < 3; i++)
		if (!sigsetjmp(back, 1))
			put(PLACE, value + i);
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &action, NULL);
	map(PROT_READ | PROT_WRITE);
	try_thrice(1);
	mprotect(PLACE, 4096, PROT_READ);
	try_thrice(10);
	mprotect(PLACE, 4096, PROT_NONE);
	try_thrice(20);
	munmap(PLACE, 4096);
	try_thrice(30);
	map(PROT_READ | PROT_WRITE);
	try_thrice(40);
	return 0;
}
