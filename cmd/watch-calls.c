#include "watch-calls.h"

#include <stddef.h>
#include <sys/syscall.h>

#include "thread_block.h"

/* System calls that write where a structure says, not an argument. */
static bool writes_indirectly(unsigned number)
{
	switch (number) {
	case SYS_readv: case SYS_preadv: case SYS_preadv2: case SYS_recvmsg: case SYS_recvmmsg:
	case SYS_ioctl: case SYS_process_vm_readv: case SYS_clone3: case SYS_prctl:
	case SYS_io_getevents: case SYS_io_submit: case SYS_bpf: case SYS_keyctl: case SYS_ptrace:
	case SYS_fcntl: case SYS_sendmmsg: case SYS_futex_waitv: case 425: case 426: case 427:
		return true;
	default:
		return false;
	}
}

/* May the call, as it was made, have written there?  Else it was somebody else. */
bool watch_calls_may_write(const uint64_t *call, uint64_t address, uint64_t len)
{
	uint64_t reach = 65536;

	if (writes_indirectly((unsigned)call[0]))
		return true;
	for (int i = 1; i <= 6; i++)
		if (call[i] > reach && call[i] < 1ull << 40)
			reach = call[i];
	for (int i = 1; i <= 6; i++)
		if (call[i] && call[i] < address + len && address - call[i] < reach)
			return true;
		else if (call[i] >= address && call[i] < address + len)
			return true;
	return false;
}

/* Calls that write nothing into the program's memory. */
static bool is_harmless(int number)
{
	static const int numbers[] = {
		SYS_write, SYS_writev, SYS_pwrite64, SYS_sendto, SYS_close, SYS_lseek, SYS_getpid,
		SYS_gettid, SYS_getppid, SYS_getuid, SYS_getgid, SYS_geteuid, SYS_getegid,
		SYS_sched_yield, SYS_kill, SYS_tkill, SYS_tgkill, SYS_fsync, SYS_fdatasync,
		SYS_epoll_ctl, SYS_exit, SYS_exit_group, SYS_fork, SYS_vfork, SYS_open, SYS_openat,
		SYS_socket, SYS_bind, SYS_listen, SYS_connect, SYS_shutdown, SYS_setsockopt,
		SYS_dup, SYS_dup2, SYS_dup3, SYS_unlink, SYS_rename, SYS_mkdir, SYS_chdir, SYS_umask,
		SYS_restart_syscall, SYS_pause, SYS_rt_sigsuspend, SYS_ftruncate, SYS_access,
	};

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (numbers[i] == number)
			return true;
	return false;
}

void watch_calls_fill(uint8_t *table)
{
	for (int i = 0; i < SYSCALLS_MAX; i++)
		if (table[i] == SYS_ACTION_NATIVE && !is_harmless(i))
			table[i] = SYS_ACTION_POST;
}
