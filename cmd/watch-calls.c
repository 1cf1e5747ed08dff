#include "watch-calls.h"

#include <stddef.h>
#include <sys/syscall.h>

#include "thread_block.h"

/* Headers of the C library may be older than the kernel. */
#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif
#define SYS_IO_URING_FIRST 425
#define SYS_IO_URING_LAST 427

/* System calls that write where a structure says, not an argument. */
static bool writes_indirectly(unsigned number)
{
	switch (number) {
	case SYS_readv: case SYS_preadv: case SYS_preadv2: case SYS_recvmsg: case SYS_recvmmsg:
	case SYS_ioctl: case SYS_process_vm_readv: case SYS_clone3: case SYS_prctl:
	case SYS_io_getevents: case SYS_io_submit: case SYS_bpf: case SYS_keyctl: case SYS_ptrace:
	case SYS_fcntl: case SYS_sendmmsg: case SYS_futex_waitv:
	case SYS_IO_URING_FIRST ... SYS_IO_URING_LAST:
		return true;
	default:
		return false;
	}
}

bool watch_calls_may_write(const uint64_t *call, uint64_t address, uint64_t len)
{
	uint64_t reach = SYS_STRUCT_MAX;

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
static const uint16_t harmless[] = {
	SYS_write, SYS_writev, SYS_pwrite64, SYS_pwritev, SYS_sendto, SYS_sendmsg, SYS_close,
	SYS_lseek, SYS_getpid, SYS_gettid, SYS_getppid, SYS_getuid, SYS_getgid, SYS_geteuid,
	SYS_getegid, SYS_getpgrp, SYS_getpgid, SYS_setpgid, SYS_getsid, SYS_setsid,
	SYS_sched_yield, SYS_kill, SYS_tkill, SYS_tgkill, SYS_fsync, SYS_fdatasync, SYS_sync,
	SYS_epoll_ctl, SYS_epoll_create, SYS_epoll_create1, SYS_eventfd, SYS_eventfd2,
	SYS_timerfd_create, SYS_signalfd4, SYS_inotify_init1, SYS_inotify_add_watch,
	SYS_inotify_rm_watch, SYS_memfd_create, SYS_exit, SYS_exit_group, SYS_fork, SYS_vfork,
	SYS_open, SYS_openat, SYS_socket, SYS_bind, SYS_listen, SYS_connect, SYS_shutdown,
	SYS_setsockopt, SYS_dup, SYS_dup2, SYS_dup3, SYS_link, SYS_linkat, SYS_symlink,
	SYS_symlinkat, SYS_unlink, SYS_unlinkat, SYS_rename, SYS_renameat, SYS_renameat2,
	SYS_mkdir, SYS_mkdirat, SYS_rmdir, SYS_chdir, SYS_fchdir, SYS_umask, SYS_chmod,
	SYS_fchmod, SYS_fchmodat, SYS_chown, SYS_fchown, SYS_lchown, SYS_fchownat,
	SYS_utimensat, SYS_truncate, SYS_ftruncate, SYS_fallocate, SYS_flock, SYS_fadvise64,
	SYS_access, SYS_faccessat, SYS_faccessat2, SYS_restart_syscall, SYS_pause,
	SYS_rt_sigsuspend, SYS_alarm, SYS_mlock, SYS_munlock, SYS_msync, SYS_set_robust_list,
	SYS_sched_setaffinity, SYS_sched_setscheduler, SYS_setpriority, SYS_getpriority,
	SYS_membarrier,
};

/* Calls that write at what an argument points to, as far as an argument counts, or a
 * structure: nowhere else. */
static const uint16_t direct[] = {
	SYS_read, SYS_pread64, SYS_stat, SYS_fstat, SYS_lstat, SYS_newfstatat, SYS_statx,
	SYS_poll, SYS_ppoll, SYS_select, SYS_pselect6, SYS_epoll_wait, SYS_epoll_pwait,
	SYS_epoll_pwait2, SYS_rt_sigprocmask, SYS_rt_sigpending, SYS_rt_sigtimedwait,
	SYS_sigaltstack, SYS_pipe, SYS_pipe2, SYS_socketpair, SYS_sched_getaffinity,
	SYS_sched_getparam, SYS_sched_getscheduler, SYS_nanosleep, SYS_clock_nanosleep,
	SYS_getitimer, SYS_setitimer, SYS_timer_create, SYS_timer_settime, SYS_timer_gettime,
	SYS_timerfd_settime, SYS_timerfd_gettime, SYS_clock_gettime, SYS_clock_getres,
	SYS_gettimeofday, SYS_time, SYS_times, SYS_getrlimit, SYS_setrlimit, SYS_prlimit64,
	SYS_getrusage, SYS_sysinfo, SYS_uname, SYS_getcwd, SYS_readlink, SYS_readlinkat,
	SYS_getdents, SYS_getdents64, SYS_getrandom, SYS_recvfrom, SYS_accept, SYS_accept4,
	SYS_getsockname, SYS_getpeername, SYS_futex, SYS_wait4, SYS_waitid, SYS_getgroups,
	SYS_getresuid, SYS_getresgid, SYS_statfs, SYS_fstatfs, SYS_mincore, SYS_madvise,
	SYS_sendfile, SYS_copy_file_range, SYS_splice, SYS_getcpu, SYS_getxattr, SYS_lgetxattr,
	SYS_fgetxattr,
};

static bool has(const uint16_t *numbers, size_t count, int number)
{
	for (size_t i = 0; i < count; i++)
		if (numbers[i] == number)
			return true;
	return false;
}

uint8_t watch_calls_action(int number, bool has_ranges)
{
	if (has(harmless, sizeof harmless / sizeof *harmless, number))
		return SYS_ACTION_NATIVE;
	return has_ranges && has(direct, sizeof direct / sizeof *direct, number) ?
	       SYS_ACTION_WATCH : SYS_ACTION_POST;
}

void watch_calls_fill(uint8_t *table, bool has_ranges)
{
	for (int i = 0; i < SYSCALLS_MAX; i++)
		if (table[i] == SYS_ACTION_NATIVE)
			table[i] = watch_calls_action(i, has_ranges);
}
