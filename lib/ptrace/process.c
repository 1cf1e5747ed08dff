#include "process.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int process_threads(pid_t pid, pid_t **out)
{
	char name[40];
	int count = 0, room = 0;

	*out = NULL;
	snprintf(name, sizeof name, "/proc/%d/task", pid);
	DIR *dir = opendir(name);
	if (!dir)
		return -ESRCH;
	for (struct dirent *e; (e = readdir(dir));) {
		if (e->d_name[0] == '.')
			continue;
		if (count == room) {
			room = room ? room * 2 : 16;
			pid_t *grown = realloc(*out, (size_t)room * sizeof *grown);
			if (!grown) {
				free(*out);
				*out = NULL;
				closedir(dir);
				return -ENOMEM;
			}
			*out = grown;
		}
		(*out)[count++] = atoi(e->d_name);
	}
	closedir(dir);
	return count;
}

/* Copies the value of one line of /proc/PID/status. */
static int status_field(pid_t pid, const char *field, char *out, size_t out_size)
{
	char name[40], line[256];
	size_t len = strlen(field);
	int r = -ENOENT;

	snprintf(name, sizeof name, "/proc/%d/status", pid);
	FILE *f = fopen(name, "re");
	if (!f)
		return -ESRCH;
	while (fgets(line, sizeof line, f)) {
		if (strncmp(line, field, len) || line[len] != ':')
			continue;
		char *value = line + len + 1;
		value += strspn(value, " \t");
		value[strcspn(value, "\n")] = 0;
		snprintf(out, out_size, "%s", value);
		r = 0;
		break;
	}
	fclose(f);
	return r;
}

pid_t process_of_thread(pid_t tid)
{
	char value[64];
	int r = status_field(tid, "Tgid", value, sizeof value);

	return r < 0 ? r : atoi(value);
}

char process_state(pid_t tid)
{
	char value[64];

	return status_field(tid, "State", value, sizeof value) < 0 ? 0 : value[0];
}

int process_signals(pid_t tid, struct process_signals *out)
{
	char name[40], text[4096];

	memset(out, 0, sizeof *out);
	snprintf(name, sizeof name, "/proc/%d/status", tid);
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ESRCH;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return -ESRCH;
	text[n] = 0;
	const struct { const char *label; uint64_t *value; } fields[] = {
		{ "\nSigBlk:", &out->blocked },
		{ "\nSigIgn:", &out->ignored },
		{ "\nSigCgt:", &out->caught },
	};
	for (size_t i = 0; i < 3; i++) {
		const char *at = strstr(text, fields[i].label);
		if (!at)
			return -EIO;
		*fields[i].value = strtoull(at + 8, NULL, 16);
	}
	return 0;
}

int process_may_lock(pid_t pid, size_t except)
{
	char value[64];
	struct rlimit limit;

	if (status_field(pid, "CapEff", value, sizeof value) < 0 ||
	    prlimit(pid, RLIMIT_MEMLOCK, NULL, &limit) < 0)
		return -EPERM;
	if (strtoull(value, NULL, 16) >> CAP_IPC_LOCK & 1 || limit.rlim_cur == RLIM_INFINITY)
		return 0;
	if (!limit.rlim_cur)
		return -EPERM;
	if (status_field(pid, "VmSize", value, sizeof value) < 0)
		return -ENOMEM;
	return strtoull(value, NULL, 10) * 1024 - except <= limit.rlim_cur ? 0 : -ENOMEM;
}

bool process_shares_memory(pid_t a, pid_t b)
{
	return syscall(SYS_kcmp, a, b, KCMP_VM, 0, 0) == 0;
}

bool process_features_name(const char *features, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = features; (at = strstr(at, name)); at += len)
		if ((at == features || at[-1] == ' ') && (!at[len] || at[len] == ' '))
			return true;
	return false;
}

/* For its return addresses (CET); of its first thread. */
static bool has_shadow_stack(pid_t pid)
{
	char features[64];

	return status_field(pid, "x86_Thread_features", features, sizeof features) == 0 &&
	       process_features_name(features, "shstk");
}

static bool is_kernel_thread(pid_t pid)
{
	char name[40], text[1024];
	unsigned long flags = 0;

	snprintf(name, sizeof name, "/proc/%d/stat", pid);
	FILE *f = fopen(name, "re");
	if (!f)
		return false;
	size_t n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[n] = 0;
	char *after = strrchr(text, ')');
	if (after)
		sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %lu", &flags);
	return flags & 0x00200000;      /* PF_KTHREAD */
}

static bool is_ancestor_of_us(pid_t pid)
{
	char value[64];

	for (pid_t at = getpid(); at > 1; at = atoi(value)) {
		if (at == pid)
			return true;
		if (status_field(at, "PPid", value, sizeof value) < 0)
			break;
	}
	return false;
}

int process_is_64bit(pid_t pid, struct err *err)
{
	char name[40];
	unsigned char ident[EI_NIDENT + 4];

	snprintf(name, sizeof name, "/proc/%d/exe", pid);
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;       /* not ours to see: the seize will say why */
	ssize_t n = read(fd, ident, sizeof ident);
	close(fd);
	if (n == sizeof ident && (ident[EI_CLASS] != ELFCLASS64 ||
				  ident[EI_NIDENT + 2] != EM_X86_64))
		return err_set(err, ENOEXEC, "it is not a 64-bit x86 program "
			       "(only 64-bit x86 programs can be traced)");
	return 0;
}

int process_attachable(pid_t pid, struct err *err)
{
	char value[64], comm[64] = "?";

	if (pid <= 0 || status_field(pid, "Tgid", value, sizeof value) < 0)
		return err_set(err, ESRCH, "no such process (see `ps -e` for those that run)");
	if (atoi(value) != pid)
		return err_set(err, EINVAL, "this is a thread of process %s (use -p %s --tid %d)",
			       value, value, pid);
	if (is_kernel_thread(pid))
		return err_set(err, EPERM, "it is a kernel thread (only programs can be traced)");
	if (status_field(pid, "State", value, sizeof value) == 0 &&
	    (value[0] == 'Z' || value[0] == 'X'))
		return err_set(err, ESRCH, "it has ended and waits for its parent to collect it (a zombie)");
	if (is_ancestor_of_us(pid))
		return err_set(err, EPERM, "it is the tracer itself or an ancestor of it "
			       "(run the tracer from another terminal)");
	if (status_field(pid, "TracerPid", value, sizeof value) == 0 && atoi(value)) {
		status_field(atoi(value), "Name", comm, sizeof comm);
		return err_set(err, EPERM, "it is already traced by %s, process %s "
			       "(end that tracer first)", comm, value);
	}
	if (has_shadow_stack(pid))
		return err_set(err, ENOTSUP, "its return addresses are kept on a shadow stack (CET), which "
			       "translated code does not serve (start it with "
			       "GLIBC_TUNABLES=glibc.cpu.hwcaps=-SHSTK)");
	return process_is_64bit(pid, err);
}

int process_explain_seize(pid_t pid, int code, struct err *err)
{
	char value[64];
	int r = process_attachable(pid, err);

	if (r < 0)
		return r;
	if (code != EPERM && code != EACCES)
		return err_set(err, code, "%s", strerror(code));
	if (status_field(pid, "Uid", value, sizeof value) == 0 &&
	    geteuid() != 0 && (uid_t)atoi(value) != geteuid())
		return err_set(err, code, "it belongs to another user, uid %d (run as that user or as root)",
			       atoi(value));
	FILE *f = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
	int scope = 0;
	if (f) {
		if (fscanf(f, "%d", &scope) != 1)
			scope = 0;
		fclose(f);
	}
	if (scope > 0 && geteuid() != 0)
		return err_set(err, code, "kernel.yama.ptrace_scope is %d (run as root, or set it to 0)", scope);
	return err_set(err, code, "permission denied (it may be about to end, have changed "
		       "its user or be marked as not dumpable; run as root with CAP_SYS_PTRACE)");
}

bool process_has_ring(pid_t pid)
{
	char name[64], link[64];
	struct dirent *entry;
	bool has = false;

	snprintf(name, sizeof name, "/proc/%d/fd", pid);
	DIR *dir = opendir(name);
	while (dir && !has && (entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, link, sizeof link - 1);

		link[n > 0 ? n : 0] = 0;
		has = !strcmp(link, "anon_inode:[io_uring]");
	}
	if (dir)
		closedir(dir);
	return has;
}
