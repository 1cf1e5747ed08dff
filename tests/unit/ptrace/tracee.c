#include "tracee.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "maps.h"
#include "process.h"

static volatile uint64_t word = 0x1122334455667788;

/* A child that counts for ever; killed and reaped by its pid. */
static pid_t spawn(void)
{
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid == 0)
		for (;;)
			__asm__ volatile ("incq %0" : "+m"(word));
	return pid;
}

static void reap(pid_t pid)
{
	kill(pid, SIGKILL);
	cr_assert_eq(waitpid(pid, NULL, __WALL), pid);
}

static pid_t stopped(void)
{
	pid_t pid = spawn();
	struct tracee_stop stop;
	struct err err = {0};

	cr_assert_eq(tracee_seize(pid, &err), 0, "%s", err.text);
	cr_assert_eq(tracee_interrupt(pid), 0);
	cr_assert_geq(tracee_wait(pid, true, &stop), 0);
	cr_assert_eq(stop.kind, STOP_INTERRUPT);
	cr_assert_eq(stop.tid, pid);
	return pid;
}

Test(tracee, is_stopped_and_goes_on, .timeout = 10)
{
	pid_t pid = stopped();
	struct tracee_stop stop;
	uint64_t before, after;

	cr_assert_eq(tracee_read(pid, (uint64_t)&word, &before, 8), 8);
	cr_assert_eq(tracee_resume(pid, TRACEE_CONT, 0), 0);
	cr_assert_geq(tracee_wait(pid, false, &stop), 0);
	cr_expect_eq(stop.kind, STOP_NONE);
	usleep(20000);
	cr_assert_eq(tracee_interrupt(pid), 0);
	cr_assert_geq(tracee_wait(pid, true, &stop), 0);
	cr_assert_eq(tracee_read(pid, (uint64_t)&word, &after, 8), 8);
	cr_expect_gt(after, before);
	reap(pid);
}

Test(tracee, gives_and_takes_registers, .timeout = 10)
{
	pid_t pid = stopped();
	struct user_regs_struct regs, again;

	cr_assert_eq(tracee_regs_get(pid, &regs), 0);
	regs.r12 = 0x1234567890;
	regs.gs_base = 0x7000;
	cr_assert_eq(tracee_regs_set(pid, &regs), 0);
	cr_assert_eq(tracee_regs_get(pid, &again), 0);
	cr_expect_eq(again.r12, regs.r12);
	cr_expect_eq(again.gs_base, 0x7000);
	cr_expect_eq(again.rip, regs.rip);
	reap(pid);
}

Test(tracee, reads_and_writes_memory, .timeout = 10)
{
	static const char constant[] = "cannot be written";
	uint8_t *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t buf[200];
	uint64_t value = 5;

	cr_assert_eq(munmap(page + 4096, 4096), 0);
	pid_t pid = stopped();
	cr_expect_eq(tracee_write(pid, (uint64_t)&word, &value, 8), 8);
	value = 0;
	cr_expect_eq(tracee_read(pid, (uint64_t)&word, &value, 8), 8);
	cr_expect_eq(value, 5);
	cr_expect_eq(tracee_write(pid, (uint64_t)constant, "CAN", 3), 3, "read-only pages, too");
	cr_expect_eq(tracee_read(pid, (uint64_t)page + 4000, buf, sizeof buf), 96, "up to the gap");
	cr_expect_eq(tracee_read(pid, 8, buf, 8), -EFAULT);
	cr_expect_str_eq(constant, "cannot be written", "its own copy was written");
	reap(pid);
}

Test(tracee, steps_one_instruction, .timeout = 10)
{
	pid_t pid = stopped();
	struct user_regs_struct regs, next;
	struct tracee_stop stop;

	cr_assert_eq(tracee_regs_get(pid, &regs), 0);
	cr_assert_eq(tracee_resume(pid, TRACEE_STEP, 0), 0);
	cr_assert_geq(tracee_wait(pid, true, &stop), 0);
	cr_expect_eq(stop.kind, STOP_SIGNAL);
	cr_expect_eq(stop.code, SIGTRAP);
	cr_assert_eq(tracee_regs_get(pid, &next), 0);
	cr_expect_neq(next.rip, regs.rip);
	reap(pid);
}

Test(tracee, tells_signals_groups_and_ends_apart, .timeout = 10)
{
	pid_t pid = stopped();
	struct tracee_stop stop;

	cr_assert_eq(tracee_resume(pid, TRACEE_CONT, 0), 0);
	kill(pid, SIGUSR1);
	cr_assert_geq(tracee_wait(pid, true, &stop), 0);
	cr_expect(stop.kind == STOP_SIGNAL && stop.code == SIGUSR1);
	tracee_resume(pid, TRACEE_CONT, 0);     /* not delivered */
	kill(pid, SIGSTOP);
	cr_assert_geq(tracee_wait(pid, true, &stop), 0);
	cr_expect(stop.kind == STOP_SIGNAL && stop.code == SIGSTOP);
	tracee_resume(pid, TRACEE_CONT, SIGSTOP);
	cr_assert_geq(tracee_wait(pid, true, &stop), 0);
	cr_expect(stop.kind == STOP_GROUP && stop.code == SIGSTOP);
	kill(pid, SIGKILL);
	cr_assert_geq(tracee_wait(pid, true, &stop), 0);
	cr_expect(stop.kind == STOP_KILLED && stop.code == SIGKILL);
	cr_expect_eq(tracee_wait(pid, true, &stop), -ECHILD);
	struct user_regs_struct regs;
	cr_expect_eq(tracee_regs_get(pid, &regs), -ESRCH);
}

static void *sleep_on(void *unused)
{
	for (;;)
		pause();
	return unused;
}

/* The kernel would let who waits for the first thread wait for ever. */
Test(tracee, tells_of_a_first_thread_whose_others_were_not_waited_for, .timeout = 10)
{
	struct tracee_stop stop;
	struct err err = { 0 };
	pthread_t thread;
	pid_t pid = fork(), *tids = NULL;
	int n = 0;

	if (pid == 0) {
		pthread_create(&thread, NULL, sleep_on, NULL);
		sleep_on(NULL);
	}
	while ((n = process_threads(pid, &tids)) < 2)
		free(tids);
	for (int i = 0; i < n; i++)
		cr_assert_eq(tracee_seize(tids[i], &err), 0);
	kill(pid, SIGKILL);
	cr_assert_eq(tracee_wait(pid, true, &stop), 0);
	cr_expect_eq(stop.kind, STOP_ZOMBIE);
	cr_assert_eq(tracee_wait(tids[0] == pid ? tids[1] : tids[0], true, &stop), 0);
	cr_expect_eq(stop.kind, STOP_KILLED);
	cr_assert_eq(tracee_wait(pid, true, &stop), 0);
	cr_expect(stop.kind == STOP_KILLED && stop.code == SIGKILL);
	free(tids);
}

Test(tracee, says_which_program_is_not_there, .timeout = 10)
{
	char *argv[] = { "/nonexistent/program", NULL };
	pid_t pid;

	cr_expect_eq(tracee_spawn(argv, NULL, &pid, NULL), -ENOENT);
}

/* ---- refusals --------------------------------------------------------------------------- */

static void check_refused(pid_t pid, int code, const char *why)
{
	struct err err = {0};

	cr_expect_eq(process_attachable(pid, &err), -code, "%d: %s", pid, err.text);
	cr_expect(strstr(err.text, why), "%s", err.text);
}

Test(process, refuses_what_cannot_be_traced, .timeout = 10)
{
	check_refused(0, ESRCH, "no such process");
	check_refused(-5, ESRCH, "no such process");
	check_refused(0x7ffffff0, ESRCH, "no such process");
	check_refused(getpid(), EPERM, "itself");
	check_refused(getppid(), EPERM, "ancestor");
}

Test(process, refuses_a_zombie, .timeout = 10)
{
	pid_t pid = fork();
	siginfo_t info;

	if (pid == 0)
		_exit(0);
	cr_assert_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	check_refused(pid, ESRCH, "zombie");
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
}

Test(process, refuses_what_is_traced_and_says_by_whom, .timeout = 10)
{
	pid_t pid = stopped();
	char self[32];

	snprintf(self, sizeof self, "process %d", getpid());
	check_refused(pid, EPERM, self);
	reap(pid);
}

Test(process, takes_a_child, .timeout = 10)
{
	pid_t pid = spawn();
	struct err err = {0};

	cr_expect_eq(process_attachable(pid, &err), 0, "%s", err.text);
	cr_expect_eq(process_of_thread(pid), pid);
	reap(pid);
	cr_expect_lt(process_of_thread(pid), 0);
}

Test(maps, finds_what_holds_an_address, .timeout = 10)
{
	struct maps maps;
	const struct map *m;

	cr_assert_eq(maps_read(getpid(), &maps, NULL), 0);
	m = maps_find(&maps, (uint64_t)&word);
	cr_assert_not_null(m);
	cr_expect_eq(m->prot & (MAP_READ | MAP_WRITE | MAP_EXEC), MAP_READ | MAP_WRITE);
	cr_expect_null(maps_find(&maps, 8));
	for (size_t i = 1; i < maps.count; i++)
		cr_expect_geq(maps.items[i].start, maps.items[i - 1].end);
	maps_deinit(&maps);
	cr_expect_eq(maps_read(0x7ffffff0, &maps, NULL), -ESRCH);
}
