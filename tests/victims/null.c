/* null: calls address 0 with known registers, 2,000 times, and says what a handler sees. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <ucontext.h>

static sigjmp_buf back;
static int wrong;

static void on_fault(int number, siginfo_t *info, void *context)
{
	const greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)number, (void)info;
	wrong += regs[REG_RIP] != 0 || regs[REG_RAX] != 11 || regs[REG_RCX] != 22 ||
		 regs[REG_RDX] != 33;
	siglongjmp(back, 1);
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	volatile int calls = 0;

	sigaction(SIGSEGV, &action, NULL);
	sigsetjmp(back, 1);
	if (calls++ < 2000)
		__asm__ volatile("mov $11, %%eax; mov $22, %%ecx; mov $33, %%edx; call *%0"
				 : : "b"(0l) : "rax", "rcx", "rdx", "memory");
	printf("%d calls, wrong %d\n", calls - 1, wrong);
	return 0;
}
