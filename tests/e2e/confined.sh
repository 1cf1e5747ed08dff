#!/usr/bin/env bash
# Programs under system call filters that kill for what the tracer would like to do.
. "$(dirname "$0")/../lib.sh"

# Attached to, left again, and run from the start.
filtered_lives() {
	start "$VICTIMS/confined" 1 "$1" >out
	program=$STARTED
	sleep 0.3
	"$TRACER" -q -p "$program" --calls --no-time -c -o table --duration 300ms
	grep -q 'step' table || fail "$(cat table)"
	wait "$program" || fail "attached to: status $?"
	is out 'computed something'
	"$TRACER" -q --calls --no-time -c -o table "$VICTIMS/confined" 0.2 "$1" >out || fail "run: status $?"
	is out 'computed something'
	grep -q 'step' table
}

test_strict_mode() { filtered_lives strict; }
test_filter_that_kills() { filtered_lives kill; }
test_filter_that_fails() { filtered_lives errno; }
test_filter_that_comes_late() { filtered_lives late; }
test_filter_of_all_threads() { filtered_lives threads; }

# Strict mode forbids the clock as well: durations are left out.
test_clock_in_strict_mode() {
	start "$VICTIMS/confined" 0.7 strict >out
	program=$STARTED
	sleep 0.2
	"$TRACER" -q -p "$program" --calls --limit 1000 -o trace
	wait "$program" || fail "status $?"
	is out 'computed something'
	"$TRACER" -q --calls --limit 10000 -o trace "$VICTIMS/confined" 0.1 strict >out || fail "run: status $?"
	wait_for 10 grep -q . out
	is out 'computed something'
}

# Our own limit, while the arena is made and while output is written.
test_file_size_limit_of_the_tracer() {
	for limit in 100 1000000; do
		start "$VICTIMS/ticking" 1 >out
		(ulimit -f $limit && exec "$TRACER" --calls -o trace --duration 500ms -p "$STARTED") 2>said || true
		wait "$STARTED" || fail "the program ended with $? ($(cat said))"
		if [ $limit = 100 ]; then
			grep -q 'File too large' said || fail "$(cat said)"
		fi
		rm -f trace
	done
	# of the program it is what it was
	status=0
	(ulimit -f 100 && "$TRACER" -q --none head -c 1000000 /dev/zero >big) || status=$?
	[ $status = 153 ] || fail "status $status"
}

run_tests "$@"
