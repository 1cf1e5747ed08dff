#!/usr/bin/env bash
# --watch of what is in libraries that come and go, and in programs that are executed.
. "$(dirname "$0")/../lib.sh"

PLUG=$VICTIMS/plug.so

# Of what the library itself has written there: the loader's own writes are before.
own_writes() { grep -c ' at plug.so!' trace; }

# follows WAY: all writes, wherever the library is, and nothing else.
follows() {
	"$VICTIMS/plugs" "$PLUG" 6 >native
	"$TRACER" --wait --watch-with "$1" --watch plug!ticks -o trace "$VICTIMS/plugs" "$PLUG" 6 \
		>out 2>said
	diff native out
	is out "$(own_writes) writes, 3 places"
	! grep -q 4711 trace || fail "$(cat trace)"
	head -1 said | grep -q 'plug!ticks: no data has this name yet' || fail "$(cat said)"
	[ "$(grep -c 'plug!ticks: now it is at 0x[0-9a-f]*, in plug.so$' said)" = 6 ] ||
		fail "$(cat said)"
	[ "$(grep -c 'plug!ticks: it is gone with plug.so$' said)" = 6 ] || fail "$(cat said)"
	[ "$(wc -l <said)" = 13 ] || fail "$(cat said)"
}

test_follows_by_registers() {
	needs_debug_registers
	follows hw
}
test_follows_by_code() { follows code; }
test_takes_code_where_a_library_is_waited_for() {
	"$TRACER" -v --wait --watch plug!ticks -o trace "$VICTIMS/plugs" "$PLUG" 2 >out 2>said
	grep -q 'by translated code (a library is waited for)' said || fail "$(cat said)"
	is out "$(own_writes) writes, 1 places"
}

# By each name that it has, with its type.
test_names_in_libraries() {
	for way in $(watch_ways); do
		for name in ticks plug.so!ticks; do
			"$TRACER" -q --wait --watch-with $way --watch $name -o trace \
				"$VICTIMS/plugs" "$PLUG" 2 >out
			is out "$(own_writes) writes, 1 places"
		done
		"$TRACER" -q --wait --watch-with $way --watch pair.right -o trace \
			"$VICTIMS/plugs" "$PLUG" 2 >out
		sed -n 's/.*, 4 bytes) \([0-9]* -> [0-9]*\) at plug.so!tick.*/\1/p' trace >values
		printf '%s\n' '2 -> 3' '2 -> 4' | diff - values || fail "$(cat trace)"
		"$TRACER" -q --wait --watch-with $way --watch plug.c:hidden -o trace \
			"$VICTIMS/plugs" "$PLUG" 2 >out
		sed -n 's/.*, 4 bytes) \([0-9]* -> [0-9]*\) at plug.so!tick.*/\1/p' trace >values
		printf '%s\n' '0 -> 30' '0 -> 40' | diff - values || fail "$(cat trace)"
	done
}

test_several_places_that_come_and_go() {
	"$TRACER" -q --wait --watch-with code --watch ticks --watch pair --watch 0x7f0000000000:16 \
		-o trace "$VICTIMS/plugs" "$PLUG" 4 >out
	[ "$(grep -c 'write ticks .* at plug.so!' trace)" = 22 ] || fail "$(cat trace)"
	[ "$(grep -c 'write pair.* at plug.so!tick' trace)" = 4 ] || fail "$(cat trace)"
}

test_without_wait_a_library_is_not_waited_for() {
	"$TRACER" --watch plug!ticks -o trace "$VICTIMS/plugs" "$PLUG" >out 2>said &&
		fail "it has run"
	grep -q 'plug!ticks: no data has this name .*--wait: until a library has it' said ||
		fail "$(cat said)"
}

test_what_never_comes_is_said() {
	for way in $(watch_ways); do
		"$TRACER" --wait --watch-with $way --watch nowhere --watch plug!ticks -o trace \
			"$VICTIMS/plugs" "$PLUG" 1 >out 2>said
		is out "$(own_writes) writes, 1 places"
		[ "$(grep -c 'nothing ever had this name' said)" = 1 ] || fail "$(cat said)"
		grep -q 'nowhere: nothing ever had this name' said || fail "$(cat said)"
	done
}

test_follows_a_program_that_is_executed() {
	for way in $(watch_ways); do
		"$TRACER" -q --wait --watch-with $way --watch plug!ticks -o trace \
			sh -c "exec '$VICTIMS/plugs' '$PLUG' 2" >out
		is out "$(own_writes) writes, 1 places"
		"$TRACER" -q -f --wait --watch-with $way --watch plug!ticks -o trace \
			sh -c "'$VICTIMS/plugs' '$PLUG' 2; :" >out
		is out "$(own_writes) writes, 1 places"
	done
}

# A forked child has the same places.
test_forked_children_are_watched() {
	gcc -O1 -g -o forks -x c - <<-'C'
		#include <sys/wait.h>
		#include <unistd.h>
		volatile int count;
		int main(void)
		{
			for (int i = 0; i < 3; i++)
				if (fork() == 0) {
					count = 10 + i;
					_exit(0);
				}
			count = 1;
			while (wait(0) > 0)
				;
		}
	C
	for way in $(watch_ways); do
		"$TRACER" -q -f --watch-with $way --watch count -o trace ./forks
		sed -n 's/.*, 4 bytes) \([0-9]* -> [0-9]*\) at forks!main.*/\1/p' trace | sort >values
		printf '%s\n' '0 -> 1' '0 -> 10' '0 -> 11' '0 -> 12' | diff - values ||
			fail "$way: $(cat trace)"
	done
}

# An extension of Python's brings the library.
test_python_loads_sqlite() {
	local script='import sqlite3
c = sqlite3.connect(":memory:")
c.execute("pragma temp_store_directory=\"/tmp\"")'

	for way in $(watch_ways); do
		"$TRACER" -q --wait --watch-with $way --watch libsqlite3!sqlite3_temp_directory \
			-o trace /usr/bin/python3 -c "$script"
		[ "$(grep -c ' write libsqlite3!sqlite3_temp_directory .* at libsqlite3' trace)" -ge 1 ] ||
			fail "$way: $(cat trace)"
	done
}

# Other threads run on in code that was translated before, and after.
test_many_threads_while_places_change() {
	gcc -O2 -g -pthread -o busy -x c - <<-'C'
		#include <dlfcn.h>
		#include <pthread.h>
		#include <stdio.h>
		#include <stdlib.h>
		static volatile int ends;
		static long sums[6];
		static void *run(void *at)
		{
			long *sum = at;
			while (!ends)
				for (int i = 0; i < 1000; i++)
					(*(volatile long *)sum) += i & 3;
			return 0;
		}
		int main(int argc, char **argv)
		{
			pthread_t threads[6];
			long writes = 0;
			for (int i = 0; i < 6; i++)
				pthread_create(&threads[i], 0, run, &sums[i]);
			for (int i = 0; i < 10; i++) {
				void *library = dlopen(argv[1], RTLD_NOW);
				writes += ((int (*)(int))dlsym(library, "tick"))(50);
				dlclose(library);
			}
			ends = 1;
			for (int i = 0; i < 6; i++)
				pthread_join(threads[i], 0);
			for (int i = 0; i < 6; i++)
				if (sums[i] % 1500)
					return 1;
			printf("%ld writes\n", writes);
			return 0;
		}
	C
	for way in $(watch_ways); do
		"$TRACER" -q --wait --watch-with $way --watch plug!ticks -o trace ./busy "$PLUG" >out
		is out "$(own_writes) writes"
	done
}

run_tests "$@"
