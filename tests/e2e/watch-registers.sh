#!/usr/bin/env bash
# --watch by debug registers: what they do to the program's signals (nothing), and many threads.
. "$(dirname "$0")/../lib.sh"

# leaves_signals HOW HITS: of a program that treats SIGTRAP so.
leaves_signals() {
	needs_debug_registers
	"$VICTIMS/trapped" "$1" 2 >native
	"$TRACER" -v --watch-with hw --watch hits -o trace "$VICTIMS/trapped" "$1" 2 >out 2>said
	grep -q 'by debug registers (1 of 4)' said || skip 'breakpoints in the kernel are not allowed'
	diff native out
	[ "$(wc -l <trace)" = "$2" ] || fail "$(wc -l <trace) accesses"
}

test_signals_are_as_natively() { leaves_signals nothing 3000; }
test_ignored_traps_stay_ignored() { leaves_signals ignores 3000; }
test_handled_traps_stay_handled() { leaves_signals handles 3000; }

# There is nobody to tell of an access while the trap waits: how many, is said.
test_blocked_traps_stay_blocked() {
	leaves_signals blocks 0
	grep -q 'hits: 3000 accesses were not seen: SIGTRAP was blocked' said ||
		fail "$(cat said)"
}

# A program that has breakpoints of its own is told of them, whatever numbers it gives them.
test_breakpoints_of_the_program_are_its_own() {
	[ "$("$VICTIMS/breaks" 0)" = '100 traps' ] || skip 'no breakpoints here'
	for way in $(watch_ways); do
		for number in 0 255 0xffffffff00000000; do
			"$TRACER" -q --watch-with $way --watch counter -o trace "$VICTIMS/breaks" $number >out
			is out '100 traps'
			[ "$(grep -c ' write counter ' trace)" = 100 ] || fail "$way, $number: $(wc -l <trace)"
		done
	done
}

# So it is of one that waits when we leave.
test_blocked_breakpoints_of_the_program_stay_pending() {
	[ "$("$VICTIMS/breaks" 0)" = '100 traps' ] || skip 'no breakpoints here'
	start "$VICTIMS/breaks" 0 later >out
	breaks=$STARTED
	wait_for 5 grep -q blocked out
	"$TRACER" -q -p "$breaks" --watch-with hw --watch counter -o trace --duration 100ms
	kill -USR1 "$breaks"
	wait "$breaks"
	grep -qx '1 traps' out || fail "$(cat out)"
}

# So it is where nothing is said.
test_accesses_that_no_trap_told_of_are_lost() {
	needs_debug_registers
	leaves_signals blocks 0         # or skips
	"$TRACER" -q --stats --watch-with hw --watch hits --format json -o trace \
		"$VICTIMS/trapped" blocks 2 >out 2>said
	grep -q '"lost":3000,' said || fail "$(cat said)"
	grep -qx '{"type":"lost",.*"where":"hits","value":3000}' trace || fail "$(cat trace)"
}

# Who blocks SIGTRAP later on is watched by code from then on; what was missed until then is
# said, and no change is without a line.
turns_to_code() {
	gcc -O1 -g -pthread -o blocks -x c - <<-'C'
		#include <pthread.h>
		#include <signal.h>
		#include <stdio.h>
		#include <unistd.h>
		volatile long counter __attribute__((aligned(8)));
		static void *run(void *u)
		{
			for (int i = 0; i < 300; i++, usleep(1000))
				counter++;
			return u;
		}
		int main(void)
		{
			pthread_t t;
			sigset_t set;
			run(0);
			sigemptyset(&set);
			sigaddset(&set, SIGTRAP);
			pthread_sigmask(SIG_BLOCK, &set, 0);
			run(0);
			if (pthread_create(&t, 0, run, 0) || pthread_join(t, 0))
				return 1;
			sigpending(&set);
			printf("%ld%s\n", counter, sigismember(&set, SIGTRAP) ? ", a trap waits" : "");
			return 0;
		}
	C
	"$TRACER" -v --stats --watch counter "$@" ./blocks >out 2>said
	grep -q 'by debug registers' said || skip 'breakpoints in the kernel are not allowed'
	grep -q 'by translated code (SIGTRAP is blocked)' said || fail "$(cat said)"
	lost=$(sed -n 's/.*"lost":\([0-9]*\),.*/\1/p' said)
	[ "$lost" -gt 0 ] && [ "$lost" -lt 250 ] || fail "$lost are lost"
}

test_blocked_traps_turn_the_watch_to_code() {
	turns_to_code -o trace
	is out 900
	seen=$(grep -c ' write counter .* at blocks!run' trace)
	[ $((seen + lost)) = 900 ] || fail "$seen are seen, $lost are lost"
	sed -n 's/.*bytes) \(.*\) -> \([^ ]*\) .*/\1 \2/p' trace >values
	awk 'NR > 1 && $1 != last { exit 1 } { last = $2 } END { exit last != 900 }' values ||
		fail "$(cat values)"
}

test_the_table_goes_on_with_code() {
	turns_to_code -c -o trace
	[ "$(awk '/blocks!run/ { n += $1 } END { print n }' trace)" = $((900 - lost)) ] ||
		fail "$(cat trace)"
}

test_the_limit_goes_on_with_code() {
	turns_to_code --limit 600 -o trace
	[ "$(wc -l <trace)" = 600 ] || fail "$(wc -l <trace)"
}

test_the_record_goes_on_with_code() {
	turns_to_code --record recorded
	"$TRACER" --replay recorded -o replayed
	[ "$(grep -c ' write counter .* at blocks!run' replayed)" = $((900 - lost)) ] ||
		fail "$(cat replayed)"
}

# Who waits in vfork cannot be stopped, to be let go, before his child has executed a program.
test_leaves_while_a_child_of_vfork_is_watched() {
	needs_debug_registers
	gcc -O1 -g -o vforking -x c - <<-'C'
		#include <stdio.h>
		#include <sys/wait.h>
		#include <unistd.h>
		volatile long counter __attribute__((aligned(8)));
		int main(void)
		{
			pid_t pid;
			int status;
			counter++;
			puts("begun");
			fflush(stdout);
			if ((pid = vfork()) == 0) {
				usleep(600000);
				execl("/bin/true", "true", (char *)0);
				_exit(1);
			}
			return waitpid(pid, &status, 0) != pid || status;
		}
	C
	timeout -s KILL 10 "$TRACER" -q -f --watch-with hw --watch counter --duration 200ms \
		-o trace ./vforking || fail "status $?"
	[ "$(wc -l <trace)" = 1 ] || fail "$(cat trace)"
}

test_all_ways_are_the_same_for_signals() {
	for how in nothing ignores blocks handles; do
		"$VICTIMS/trapped" $how 2 >native
		"$TRACER" -q --watch-with code --watch hits -o trace "$VICTIMS/trapped" $how 2 >out
		diff native out
		[ "$(wc -l <trace)" = 3000 ] || fail "$how: $(wc -l <trace) accesses"
	done
}

# Those that stand when it begins, all of them.
test_threads_of_a_running_process() {
	for how in $(watch_ways); do
		start "$VICTIMS/many" 20 5 >out
		wait_for 5 grep -q ready out
		start "$TRACER" -q -p "$STARTED" --watch-with $how --watch shared -o trace
		sleep 0.5
		kill -USR1 "$(pgrep -n -x many)"
		wait "$STARTED"
		[ "$(grep -c ' write shared ' trace)" = 100 ] || fail "$how: $(wc -l <trace)"
	done
}

limit_many_threads_with_few_files=120
test_many_threads_with_few_files() {
	needs_debug_registers
	ulimit -Sn 256
	[ "$(ulimit -Hn)" -ge 2000 ] || skip "no more than $(ulimit -Hn) files are allowed"
	start "$VICTIMS/many" 600 2 >out
	many=$STARTED
	wait_for 10 grep -q ready out
	start "$TRACER" -v -p "$many" --watch-with hw --watch shared -o trace 2>said
	wait_for 20 grep -q 'by debug registers' said
	kill -USR1 "$many"
	wait "$STARTED"
	[ "$(grep -c ' write shared ' trace)" = 1200 ] || fail "$(wc -l <trace): $(cat said)"
}

# Where more are not allowed, it is code that watches, or nothing is.
test_many_threads_with_too_few_files() {
	needs_debug_registers
	ulimit -n 256
	start "$VICTIMS/many" 400 1 >out
	many=$STARTED
	wait_for 10 grep -q ready out
	"$TRACER" -p "$many" --watch-with hw --watch shared -o trace 2>said && fail "it watches"
	grep -q 'too many files are open (see ulimit -n)' said || fail "$(cat said)"
	start "$TRACER" -v -p "$many" --watch shared -o trace 2>said
	wait_for 20 grep -q 'by translated code (too many files are open' said
	sleep 0.5
	kill -USR1 "$many"
	wait "$STARTED"
	[ "$(grep -c ' write shared ' trace)" = 400 ] || fail "$(wc -l <trace): $(cat said)"
}

test_threads_that_are_made_need_no_file() {
	needs_debug_registers
	gcc -O1 -g -pthread -o makes -x c - <<-'C'
		#include <pthread.h>
		volatile long shared;
		static void *run(void *u) { shared++; return u; }
		int main(void)
		{
			for (int i = 0; i < 1000; i++) {
				pthread_t t;
				if (pthread_create(&t, 0, run, 0) || pthread_join(t, 0))
					return 1;
			}
			return shared != 1000;
		}
	C
	ulimit -n 64
	"$TRACER" -q --watch-with hw --watch shared -o trace ./makes
	[ "$(wc -l <trace)" = 1001 ] || [ "$(wc -l <trace)" = 1000 ] || fail "$(wc -l <trace)"
}

# A program has the limit that the tracer was started with; so has a command of -o.
test_the_limit_of_files_is_the_users() {
	ulimit -Sn 300
	[ "$("$TRACER" -q --none sh -c 'ulimit -Sn')" = 300 ]
	"$TRACER" -q --watch counter -o '|ulimit -Sn >said; cat >/dev/null' "$VICTIMS/watched" >/dev/null
	wait_for 5 test -s said
	is said 300
}

run_tests "$@"
