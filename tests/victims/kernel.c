/* kernel: lets the kernel write into `place`, in several ways, and another process; says
 * so of each way, in order, on standard output. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

uint64_t place;
char frame[65536] __attribute__((aligned(4096)));

static volatile sig_atomic_t handled;

static void on_signal(int signal)
{
	handled = signal;
}

static void *ends(void *unused)
{
	(void)unused;
	syscall(SYS_set_tid_address, &place);
	syscall(SYS_exit, 0);
	return NULL;
}

static void *late(void *fd)
{
	usleep(100000);
	if (write(*(int *)fd, "late....", 8) != 8)
		abort();
	return NULL;
}

static void frames(void)
{
	stack_t stack = { .ss_sp = frame, .ss_size = sizeof frame };
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };

	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	puts("signal");
}

int main(void)
{
	int fds[2], sockets[2];
	struct iovec local = { &place, 8 }, remote = { "process", 8 };
	uint64_t *shared = mmap((void *)0x10000000, 4096, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	pthread_t thread;

	if (pipe(fds) || socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) || shared == MAP_FAILED)
		return 1;
	setvbuf(stdout, NULL, _IONBF, 0);
	if (write(fds[1], "abcdefgh", 8) != 8 || read(fds[0], &place, 8) != 8)
		return 1;
	puts("read");
	if (send(sockets[1], "12345678", 8, 0) != 8 || recv(sockets[0], &place, 8, 0) != 8)
		return 1;
	puts("recvfrom");
	if (chdir("/usr") || !getcwd((char *)&place, 8))
		return 1;
	puts("getcwd");
	if (getrandom(&place, 8, 0) != 8)
		return 1;
	puts("getrandom");
	if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) != 8)
		return 1;
	puts("process_vm_readv");
	int second = 0;
	syscall(SYS_futex, &second, FUTEX_WAKE_OP, 1, 1, &place, FUTEX_OP(FUTEX_OP_SET, 7, FUTEX_OP_CMP_EQ, 0));
	puts("futex");
	if (write(fds[1], "ijklmnop", 8) != 8 || readv(fds[0], &local, 1) != 8)
		return 1;
	puts("readv");
	pthread_create(&thread, NULL, late, &fds[1]);
	if (read(fds[0], &place, 8) != 8)
		return 1;
	puts("read");
	pthread_join(thread, NULL);
	place = 1;
	pthread_create(&thread, NULL, ends, NULL);
	while (*(volatile uint32_t *)&place)
		usleep(1000);
	puts("exit");
	frames();
	pid_t child = fork();
	if (child == 0) {
		*shared = 4711;
		_exit(0);
	}
	waitpid(child, NULL, 0);
	puts("someone else");
	return (int)*shared != 4711;
}
