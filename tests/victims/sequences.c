/* sequences THREADS ROUNDS: counts on each processor's own counter in a restartable
 * sequence, without any lock, while every thread is moved between processors and gets
 * signals.  Were a sequence ever run to its end that should have been aborted, counts
 * would be lost.  Says how many were counted, and, with "aborts", how often the kernel
 * aborted one. */
#define _GNU_SOURCE
#include <linux/rseq.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/rseq.h>
#include <sys/time.h>
#include <unistd.h>

#define PROCESSORS 64

static struct { long count; char pad[120]; } counters[PROCESSORS];
static atomic_long aborts;
static atomic_int running;
static long rounds;

static struct rseq *area(void)
{
	return (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

/* False: it was aborted, or we are on another processor by now. */
__attribute__((noinline)) static int count_once(long *counter, uint32_t processor)
{
	struct rseq *rseq = area();

	__asm__ goto(
		".pushsection __rseq_cs, \"aw\"\n"
		".balign 32\n"
		"7:	.long 0, 0\n"
		"	.quad 1f, 2f - 1f, 4f\n"
		".popsection\n"
		"	leaq	7b(%%rip), %%rax\n"
		"	movq	%%rax, %c[descriptor](%[rseq])\n"
		"1:	cmpl	%[processor], %c[cpu](%[rseq])\n"
		"	jne	%l[moved]\n"
		"	movq	(%[counter]), %%rdx\n"
		"	movl	$40, %%ecx\n"
		"3:	addq	$1, %%rdx\n"            /* time for somebody to come between */
		"	subq	$1, %%rdx\n"
		"	subl	$1, %%ecx\n"
		"	jnz	3b\n"
		"	addq	$1, %%rdx\n"
		"	movq	%%rdx, (%[counter])\n"
		"2:\n"
		".pushsection .text.aborts, \"ax\"\n"
		"	.byte 0x0f, 0xb9, 0x3d\n"
		"	.long 0x53053053\n"
		"4:	jmp	%l[aborted]\n"
		".popsection\n"
		:
		: [rseq] "r"(rseq), [counter] "r"(counter), [processor] "r"(processor),
		  [descriptor] "i"(offsetof(struct rseq, rseq_cs)), [cpu] "i"(offsetof(struct rseq, cpu_id))
		: "rax", "rcx", "rdx", "memory", "cc"
		: moved, aborted);
	return 1;
aborted:
	atomic_fetch_add(&aborts, 1);
moved:
	return 0;
}

static void *count(void *unused)
{
	(void)unused;
	for (long i = 0; i < rounds; i++) {
		uint32_t processor;

		do {
			processor = area()->cpu_id;
		} while (!count_once(&counters[processor % PROCESSORS].count, processor));
	}
	atomic_fetch_sub(&running, 1);
	return NULL;
}

static void on_signal(int number)
{
	(void)number;
}

static void move(pthread_t thread, int round)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(round % (int)sysconf(_SC_NPROCESSORS_ONLN), &set);
	pthread_setaffinity_np(thread, sizeof set, &set);
	pthread_kill(thread, SIGUSR1);
}

int main(int argc, char **argv)
{
	int threads = argc > 1 ? atoi(argv[1]) : 4;
	pthread_t ids[64];
	long sum = 0;

	rounds = argc > 2 ? atol(argv[2]) : 1000000;
	signal(SIGUSR1, on_signal);
	if (!__rseq_size || threads > 64) {
		puts("no rseq");
		return 77;
	}
	running = threads;
	for (int i = 0; i < threads; i++)
		pthread_create(&ids[i], NULL, count, NULL);
	for (int round = 0; running; round++) {
		for (int i = 0; i < threads; i++)
			move(ids[i], round + i);
		usleep(500);
	}
	for (int i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	for (int i = 0; i < PROCESSORS; i++)
		sum += counters[i].count;
	printf("counted %ld of %ld\n", sum, rounds * threads);
	if (argc > 3)
		printf("aborts: %s\n", aborts ? "some" : "none");
	return sum != rounds * threads;
}
