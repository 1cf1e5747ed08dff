#!/usr/bin/env bash
# Programs that watch themselves notice nothing: each prints what it found amiss.
. "$(dirname "$0")/../lib.sh"

# ---- system call filters ------------------------------------------------------------------

# Attached to and left again and again, under a filter that kills or traps.
filter_does_not_judge_us() {
	"$VICTIMS/filtered" "$1" "$(rounds 2000 20000)" >out &
	program=$!
	started_pids+=("$program")
	sleep 0.1
	for i in $(seq "$(rounds 6 60)"); do
		"$TRACER" -q -p "$program" --calls --duration 100ms -o trace || fail "cycle $i: $?"
	done
	wait "$program" || fail "the program: $?"
	grep -q 'bad 0$' out || fail "$(cat out)"
	ends_complete trace
}

test_attach_under_a_filter_that_kills() { filter_does_not_judge_us kill; }
test_attach_under_a_filter_that_traps() { filter_does_not_judge_us trap; }

run_tests "$@"
