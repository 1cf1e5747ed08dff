/* ring: a read through an io_uring into `place`, from a pipe that is filled later: the kernel
 * writes at no system call of the program's.  `ring`, or `ring SECONDS`: it waits in between. */
#define _GNU_SOURCE
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

volatile char place[8] __attribute__((aligned(8)));

int main(int argc, char **argv)
{
	struct io_uring_params p = { 0 };
	int ends[2], fd = (int)syscall(SYS_io_uring_setup, 4, &p);

	if (fd < 0 || pipe(ends) < 0)
		return 77;
	size_t sq_bytes = p.sq_off.array + p.sq_entries * sizeof(unsigned);
	size_t cq_bytes = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	char *sq = mmap(NULL, sq_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQ_RING);
	char *cq = mmap(NULL, cq_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_CQ_RING);
	struct io_uring_sqe *sqe = mmap(NULL, p.sq_entries * sizeof *sqe, PROT_READ | PROT_WRITE,
					MAP_SHARED, fd, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || sqe == MAP_FAILED)
		return 1;
	*sqe = (struct io_uring_sqe){ .opcode = IORING_OP_READ, .fd = ends[0], .len = 4,
				      .addr = (unsigned long)place, .off = -1ull,
				      .flags = IOSQE_ASYNC };
	*(unsigned *)(sq + p.sq_off.array) = 0;
	__atomic_fetch_add((unsigned *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, fd, 1, 0, 0, NULL, 0) != 1)
		return 1;
	puts("asked");
	fflush(stdout);
	usleep(argc > 1 ? (useconds_t)(atof(argv[1]) * 1e6) : 10000);
	if (write(ends[1], "ring", 4) != 4)
		return 1;
	while (!__atomic_load_n((unsigned *)(cq + p.cq_off.tail), __ATOMIC_ACQUIRE))
		;
	place[4] = '!';
	printf("%.5s\n", (const char *)place);
	return 0;
}
