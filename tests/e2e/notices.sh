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

test_registers_of_a_call_to_nowhere() {
	for mode in none calls blocks; do
		"$TRACER" -q --$mode -o trace "$VICTIMS/null" >out
		is out '2000 calls, wrong 0'
	done
}

# A trap is on its way when we come or go: it tells of the program's addresses.
test_left_in_the_middle_of_a_trap() {
	"$VICTIMS/filtered" traps "$(rounds 3000 30000)" >out &
	program=$!
	started_pids+=("$program")
	sleep 0.1
	for _ in $(seq "$(rounds 60 600)"); do
		"$TRACER" -q -p "$program" --none --duration 5ms || break
	done
	wait "$program" || fail "the program: $?"
	is out 'trapped often, bad 0'
}

# ---- signals and stacks ----------------------------------------------------------------------

for mode in none calls blocks; do
	eval "test_contexts_of_handlers_under_$mode() {
		\"\$TRACER\" -q --$mode -o trace \"\$VICTIMS/notices\" contexts $(rounds 1000 10000) >out
		is out 'enough ticks, bad pc 0, bad sp 0, wrong 0'
	}
	test_coroutines_under_$mode() {
		\"\$TRACER\" -q --$mode -o trace \"\$VICTIMS/notices\" coroutines >out
		printf '%s\n' 'turns 10000' 'pings 100000' | diff - out
	}"
done

# calls_are_counted WHAT: the 100,000 calls of one function, each with its line.
calls_are_counted() {
	"$TRACER" -q --calls --no-time -o trace "$VICTIMS/notices" "$1" >out
	is out 'leaves 100000'
	[ "$(grep -c '| *leaf();$' trace)" = 100000 ] || fail "$(grep -c 'leaf()' trace) calls"
	"$TRACER" -q --calls --format json -o trace "$VICTIMS/notices" "$1" >out
	[ "$(grep -c '"type":"call".*"function":"leaf"' trace)" = 100000 ] ||
		fail "$(grep -c '"function":"leaf"' trace) events of calls"
}

test_calls_in_a_handler() { calls_are_counted handler; }
test_calls_behind_a_jump_out_of_a_handler() { calls_are_counted jumped; }

test_transaction() {
	"$VICTIMS/notices" rtm >native
	"$TRACER" -q --none "$VICTIMS/notices" rtm >traced
	diff native traced
}

# A miss in a transaction aborts it, and is forgotten with it.
test_transactions_are_committed() {
	"$VICTIMS/notices" commits 1000 >native
	grep -q committed native || skip 'transactions are not committed here'
	for mode in --none '--calls -o trace' '--calls -c --no-time -o trace' '--blocks -o /dev/null' \
		    '--insns -o /dev/null' '--coverage -o trace' '--profile -o trace' '--blocks --record trace' \
		    '--watch-with code --wait --watch 0x1000:8 -o trace'; do
		# shellcheck disable=SC2086
		"$TRACER" -q $mode "$VICTIMS/notices" commits 1000 >traced
		diff native traced || fail "under $mode"
	done
}

# ---- attaching ----------------------------------------------------------------------------------

test_busy_threads_attached_to_often() {
	local modes=(--none --calls)

	"$VICTIMS/notices" busy >out &
	program=$!
	started_pids+=("$program")
	sleep 0.1
	for i in $(seq "$(rounds 50 500)"); do
		"$TRACER" -q -p "$program" "${modes[i % 2]}" \
			--duration $((i % 7 + 1))ms -o trace || fail "cycle $i: $?"
	done
	kill -TERM "$program"
	wait "$program" || fail "the program: $?"
	is out 'errors 0'
}

limit_busy_threads_attached_to_often=400

test_sleep_sleeps_as_long() {
	local begun took

	begun=${EPOCHREALTIME/./}
	sleep 5 &
	program=$!
	started_pids+=("$program")
	for i in 1 2 3; do
		"$TRACER" -q -p "$program" --calls --duration $((i * 300))ms -o trace
	done
	wait "$program"
	took=$(((${EPOCHREALTIME/./} - begun) / 1000))
	((took >= 5000 && took < 5100)) || fail "$took ms"
}

# What waits in the middle of a large piece, when we attach and when children end.
parts_are_whole() {
	"$VICTIMS/parts" "$1" >out &
	program=$!
	started_pids+=("$program")
	sleep 0.15
	"$TRACER" -q -p "$program" "$2" -o trace
	wait "$program"
	is out 'short 0'
}

for what in pipe socket receive; do
	eval "test_parts_of_${what}_under_none() { parts_are_whole $what --none; }
	test_parts_of_${what}_under_calls() { parts_are_whole $what --calls; }"
done

# Its parent cannot be stopped while a child that is followed has not executed.
leaves_in_vfork() {
	"$VICTIMS/vforks" "$(rounds 15 150)" >out &
	program=$!
	started_pids+=("$program")
	for i in $(seq "$(rounds 4 40)"); do
		sleep 0.05
		timeout 20 "$TRACER" -q -p "$program" "$@" --duration 150ms -o trace || fail "cycle $i: $?"
	done
	wait "$program" || fail "the program: $?"
	is out 'bad 0'
}

test_leaving_a_vfork() { leaves_in_vfork --calls; }
test_leaving_a_vfork_that_is_followed() { leaves_in_vfork --calls -f; }

# ---- the core of a program that crashed ------------------------------------------------------------

# What gdb finds in it: stacks of all threads, and registers of the one that fell.
core_says() {
	gdb -batch -nx -ex 'thread apply all bt' -ex 'thread 1' -ex 'info registers' \
		"$VICTIMS/crash" core 2>/dev/null |
		grep -E '^(#|r|e|st|[cdefgs]s )' | sed '/spin ()/s/ .*spin/ spin/; /spin ()/s/:[0-9]*$//' | sort
	rm core
}

test_core_of_a_crash() {
	[ "$(cat /proc/sys/kernel/core_pattern)" = core ] || skip "cores go elsewhere"
	ulimit -c unlimited || skip "cores are limited"
	setarch -R "$VICTIMS/crash" || true
	[ -s core ] || skip "no core is written here"
	core_says >native
	setarch -R "$TRACER" -q --calls -o trace "$VICTIMS/crash" || true
	core_says >traced
	grep -q '0x3333' native || fail "gdb saw too little: $(cat native)"
	diff native traced
}

# ---- code that changes, and trust in it ---------------------------------------------------------------

test_code_that_changes_is_not_trusted() {
	for trust in '' '--trust -1' '--trust 1000000'; do
		# shellcheck disable=SC2086
		"$TRACER" -q --none $trust "$VICTIMS/jit" >out || fail "$trust: $(cat out)"
		grep -q '^0 of' out
	done
}

# What is believed is not looked at again: this program pays for it.
test_trust_is_taken_at_its_word() {
	for trust in 0 1 10; do
		! "$TRACER" -q --none --trust "$trust" "$VICTIMS/jit" >out || fail "trust $trust: $(cat out)"
	done
	for trust in -2 x 99999999999; do
		status=0
		"$TRACER" --trust "$trust" true 2>err || status=$?
		[ $status = 2 ] || fail "trust $trust: status $status"
		grep -q '^tracer: --trust' err
	done
}

# ---- restartable sequences ------------------------------------------------------------------------

# Counters without locks, on processors that threads are moved between: a sequence that
# should have been aborted and was not loses counts.
counters_add_up() {
	"$VICTIMS/sequences" 1 1 >native || skip "$(cat native)"
	"$TRACER" -q -o trace "$@" "$VICTIMS/sequences" 4 1000000 aborts >out || fail "$(cat out)"
	printf '%s\n' 'counted 4000000 of 4000000' 'aborts: some' | diff - out
}

test_sequences_under_none() { counters_add_up --none; }
test_sequences_under_calls() { counters_add_up --calls -c; }
test_sequences_under_blocks() { counters_add_up --blocks --lossy; }
test_sequences_from_far_away() { TRACER_TEST_FAR=1 counters_add_up --none; }
limit_sequences_under_blocks=120

test_sequences_attached_to_often() {
	"$VICTIMS/sequences" 1 1 >native || skip "$(cat native)"
	start "$VICTIMS/sequences" 4 "$(rounds 20000000 200000000)" >out
	sequences=$STARTED
	for i in $(seq "$(rounds 15 150)"); do
		kill -0 "$sequences" 2>/dev/null || break
		"$TRACER" -q -p "$sequences" --none --duration 20ms || true
		"$TRACER" -q -p "$sequences" --blocks --lossy -o /dev/null --duration 20ms || true
	done
	wait "$sequences" || fail "$(cat out)"
}
limit_sequences_attached_to_often=300

run_tests "$@"
