/* crash: one thread computes, one sleeps, and the first one falls. */
#include <pthread.h>
#include <unistd.h>

static volatile int ready;

__attribute__((noinline)) static void spin(void)
{
	ready++;
	for (volatile long i = 0;; i++)
		if (i < 0)
			break;
}

static void *spins(void *context)
{
	spin();
	return context;
}

static void *sleeps(void *context)
{
	ready++;
	sleep(100);
	return context;
}

__attribute__((noinline)) static void fall(int depth, volatile int *at)
{
	if (depth)
		fall(depth - 1, at);
	else
		__asm__ volatile("mov $0x1111, %%ebx\n\tmov $0x2222, %%r12d\n\tmov $0x3333, %%r15d\n\t"
				 "std\n\tmovl $1, (%0)" : : "r"(at) : "rbx", "r12", "r15", "memory");
	__asm__ volatile("");
}

int main(void)
{
	pthread_t id;

	pthread_create(&id, NULL, spins, NULL);
	pthread_create(&id, NULL, sleeps, NULL);
	while (ready < 2)
		;
	usleep(100000);
	fall(4, (int *)8);
}
