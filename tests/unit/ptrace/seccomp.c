/* The machine of system call filters, against the kernel's: both run the same filter
 * over the same calls. */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/audit.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seccomp.h"
#include "tracee.h"

TestSuite(seccomp, .timeout = 60);

#define NUMBER 1000     /* of no system call: ENOSYS when it is let through */
#define WORD(field) (uint32_t)offsetof(struct seccomp_data, field)

/* What the kernel says of call NUMBER with this first argument: its errno. */
static int ask_kernel(const struct sock_filter *code, size_t count, uint64_t argument)
{
	struct sock_fprog program = { (unsigned short)count, (struct sock_filter *)code };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
			_exit(255);
		syscall(NUMBER, argument);
		_exit(errno);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) != 255, "status %x", status);
	return WEXITSTATUS(status);
}

static int ask_us(const struct sock_filter *code, size_t count, uint64_t argument)
{
	const struct seccomp_data data = { .nr = NUMBER, .arch = AUDIT_ARCH_X86_64, .args = { argument } };
	unsigned says = seccomp_run(code, count, &data);

	return (says & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ALLOW ? ENOSYS : (int)(says & SECCOMP_RET_DATA);
}

/* Calls other than NUMBER pass; for NUMBER the errno is computed from the argument. */
#define HEAD BPF_STMT(BPF_LD | BPF_W | BPF_ABS, WORD(nr)), \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NUMBER, 1, 0), \
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW), \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, WORD(args))
#define TAIL BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 127), \
	BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO), BPF_STMT(BPF_RET | BPF_A, 0)

Test(seccomp, computes_as_the_kernel_does)
{
	static const struct sock_filter code[] = {
		HEAD,
		BPF_STMT(BPF_ST, 3),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 7),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 0x5a5a),
		BPF_STMT(BPF_LDX | BPF_MEM, 3),
		BPF_STMT(BPF_ALU | BPF_SUB | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 3),
		BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 1),
		BPF_STMT(BPF_ALU | BPF_NEG, 0),
		BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 3),
		TAIL,
	};

	for (uint64_t argument = 0; argument < 300; argument += 7)
		cr_assert_eq(ask_us(code, sizeof code / sizeof *code, argument),
			     ask_kernel(code, sizeof code / sizeof *code, argument), "%lu", argument);
}

Test(seccomp, jumps_as_the_kernel_does)
{
	static const struct sock_filter code[] = {
		HEAD,
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 100, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 11),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 50, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 12),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 4, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		TAIL,
	};

	for (uint64_t argument = 0; argument < 110; argument++)
		cr_assert_eq(ask_us(code, sizeof code / sizeof *code, argument),
			     ask_kernel(code, sizeof code / sizeof *code, argument), "%lu", argument);
}

Test(seccomp, code_that_is_none_kills)
{
	static const struct sock_filter beyond[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64),
						     BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	static const struct sock_filter endless[] = { BPF_STMT(BPF_LD | BPF_IMM, 64) };
	const struct seccomp_data data = { 0 };

	cr_assert_eq(seccomp_run(beyond, 2, &data), SECCOMP_RET_KILL_PROCESS);
	cr_assert_eq(seccomp_run(endless, 1, &data), SECCOMP_RET_KILL_PROCESS);
}

/* A child with two filters: both are asked. */
Test(seccomp, asks_every_filter_of_a_thread)
{
	static const struct sock_filter lets[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	static const struct sock_filter forbids[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, WORD(nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog first = { 4, (struct sock_filter *)forbids }, second = { 1, (struct sock_filter *)lets };
	struct seccomp_data data = { .nr = SYS_futex, .arch = AUDIT_ARCH_X86_64 };
	struct tracee_stop stop;
	int ready[2];
	char byte;

	cr_assert_eq(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &first);
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &second);
		byte = write(ready[1], "", 1) == 1;
		for (;;)
			pause();
	}
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	cr_assert_eq(seccomp_mode(getpid()), SECCOMP_MODE_DISABLED);
	cr_assert_eq(seccomp_mode(pid), SECCOMP_MODE_FILTER);
	cr_assert_eq(tracee_seize(pid, NULL), 0);
	cr_assert_eq(tracee_interrupt(pid), 0);
	cr_assert_eq(tracee_wait(pid, true, &stop), 0);
	cr_expect_not(seccomp_allows(pid, &data));
	data.nr = SYS_getpid;
	cr_expect(seccomp_allows(pid, &data));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
