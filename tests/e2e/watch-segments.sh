#!/usr/bin/env bash
# --watch of what is accessed relative to fs and gs: variables of which each thread has its own.
. "$(dirname "$0")/../lib.sh"

build() {
	gcc -O1 -g -pthread "$@" -o local -x c - <<-'C'
		#include <pthread.h>
		#include <signal.h>
		#include <stdio.h>
		#include <sys/syscall.h>
		#include <unistd.h>
		struct wide { char c[40]; } __attribute__((aligned(64)));
		__thread struct wide wide = { "x" };
		__thread char text[13] = "abc";
		__thread volatile long count = 5;
		static pthread_barrier_t begun, ends;
		static long tids[4];
		static void *run(void *n)
		{
			long i = (long)n;
			tids[i] = syscall(SYS_gettid);
			wide.c[0] = text[0];
			pthread_barrier_wait(&begun);
			pthread_barrier_wait(&ends);
			for (int k = 0; k < 100; k++)
				count += i + 1;
			return 0;
		}
		int main(void)
		{
			pthread_t t[4];
			sigset_t set;
			int number;
			sigemptyset(&set);
			sigaddset(&set, SIGUSR1);
			sigprocmask(SIG_BLOCK, &set, 0);
			pthread_barrier_init(&begun, 0, 5);
			pthread_barrier_init(&ends, 0, 5);
			for (long i = 0; i < 4; i++)
				pthread_create(&t[i], 0, run, (void *)i);
			pthread_barrier_wait(&begun);
			for (int i = 0; i < 4; i++)
				printf("%ld\n", tids[i]);
			fflush(stdout);
			sigwait(&set, &number);
			count = 7;
			pthread_barrier_wait(&ends);
			for (int i = 0; i < 4; i++)
				pthread_join(t[i], 0);
			return 0;
		}
	C
}

has_tids() { [ "$(wc -l <tids)" = 4 ]; }

# watches WAY TID: the writes of that thread's own, and no others.
watches() {
	start ./local >tids
	local=$STARTED
	wait_for 5 has_tids
	[ -n "$2" ] && tid=$(sed -n "$2p" tids) || tid=$local
	start "$TRACER" -v -p "$local" --watch-with "$1" --watch count ${2:+--tid "$tid"} -o trace 2>said
	wait_for 5 grep -q "count: that of thread $tid" said
	sleep 0.3
	kill -USR1 "$local"
	wait "$STARTED"
}

test_each_thread_has_its_own() {
	for how in '' -no-pie '-static -no-pie'; do
		# shellcheck disable=SC2086
		build $how
		for way in $(watch_ways); do
			watches $way ''
			[ "$(wc -l <trace)" = 1 ] || fail "$how $way: $(cat trace)"
			grep -q ' 5 -> 7 at local!main' trace || fail "$(cat trace)"
		done
	done
	has_debug_registers || return 0
	build
	watches hw 3
	[ "$(wc -l <trace)" = 100 ] || fail "$(cat trace)"
	grep -q "^\[$tid\] write count .* 302 -> 305 at local!run" trace || fail "$(tail -1 trace)"
}

test_before_there_is_one() {
	build
	"$TRACER" --watch count ./local 2>said && fail "it has run"
	grep -q 'count: each thread has its own, and this one has none yet (attach' said ||
		fail "$(cat said)"
}

test_of_a_library() {
	start sleep 60
	wait_for 5 grep -q libc.so "/proc/$STARTED/maps"
	sleep 0.1
	"$TRACER" -p "$STARTED" --watch libc!errno 2>said && fail "it watches"
	grep -q 'errno: each thread has its own, and where is only known of those of the program' said ||
		fail "$(cat said)"
}

# Four threads, each through its own gs, and through fs, into the same words.
test_threads_through_segments_are_a_chain() {
	gcc -O1 -g -pthread -o segments -x c - <<-'C'
		#include <asm/prctl.h>
		#include <pthread.h>
		#include <stdio.h>
		#include <sys/syscall.h>
		#include <unistd.h>
		volatile long words[4] __attribute__((aligned(64)));
		static void *run(void *n)
		{
			long i = (long)n;
			syscall(SYS_arch_prctl, ARCH_SET_GS, (char *)words - 64 * i);
			long at = 64 * i;
			for (int k = 0; k < 500; k++) {
				__asm__ volatile("lock addq $1, %%gs:(%0)" : : "r"(at) : "memory");
				__asm__ volatile("lock addq $1, %%fs:(%0)" : :
						 "r"((char *)words - (char *)pthread_self()) : "memory");
				words[1] = k;
			}
			return 0;
		}
		int main(void)
		{
			pthread_t t[4];
			for (long i = 0; i < 4; i++)
				pthread_create(&t[i], 0, run, (void *)i);
			for (int i = 0; i < 4; i++)
				pthread_join(t[i], 0);
			printf("%ld\n", words[0]);
			return 0;
		}
	C
	"$TRACER" -q --watch-with code --watch words --format json -o trace ./segments >out
	is out 4000
	/usr/bin/python3 - <<'P'
import json
last, n = {}, {}
for line in open('trace'):
    e = json.loads(line)
    if e['type'] == 'thread':
        continue
    if e['old'] != last.get(e['address'], 0) or 'pc' not in e:
        raise SystemExit(f'{line}: it was {last.get(e["address"], 0)}')
    last[e['address']] = e['new']
    n[e['address']] = n.get(e['address'], 0) + 1
assert sorted(n.values()) == [2000, 4000], n
P
}

run_tests "$@"
