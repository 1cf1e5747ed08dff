#!/usr/bin/env bash
# Durations: without what tracing takes, by both clocks.
. "$(dirname "$0")/../lib.sh"

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }
holds() { awk "BEGIN { exit !($1) }"; }

# min_of_work CLOCK: the shortest duration that we show for work(), in $shown, and what the
# program saw of it, in $seen; in microseconds.
min_of_work() {
	seen=$("$TRACER" -q --clock "$1" -c -M timed -o table "$VICTIMS/timed" 27)
	shown=$(awk '/ work / { print $4 }' table)
}

test_durations_are_without_the_events() {
	local native
	native=$("$VICTIMS/timed" 27)
	for clock in tsc coarse; do
		min_of_work $clock
		figure "1.3 M events: natively $native us, $seen us traced with $clock, shown as $shown us" \
			"($(ratio "$shown" "$native") of native)"
		holds "$shown < 0.8 * $seen" || fail "$clock: $shown us of $seen us"
		# a clock that stands still while others have the processor may say less
		[ $clock = coarse ] || holds "$shown > 0.1 * $native" ||
			fail "$shown us, natively $native us"
	done
}

# What is taken off stands in a recorded trace, too.
test_durations_of_a_recorded_trace() {
	seen=$("$TRACER" -q --record trace "$VICTIMS/timed" 27)
	"$TRACER" --replay trace -c -M timed -o table
	shown=$(awk '/ work / { print $4 }' table)
	holds "$shown < 0.8 * $seen" || fail "$shown us of $seen us"
}

# What takes long by itself stays as long as it is.
test_durations_of_sleep() {
	for clock in tsc coarse; do
		"$TRACER" -q --clock $clock -F 'clock_nanosleep*' -o trace sleep 0.2
		awk '/clock_nanosleep/ { found = 1; if ($2 == "ms") $1 *= 1000; if ($1 < 195000) exit 1 }
			END { exit !found }' trace || fail "$(cat trace)"
	done
}

test_times_of_events_go_on() {
	for clock in tsc coarse; do
		"$TRACER" -q --clock $clock --format json -o trace "$VICTIMS/threads" 4 >/dev/null || true
		# never back in a thread
		sed -n 's/.*"tid":\([0-9]*\).*"ts":\([0-9]*\).*/\1 \2/p' trace |
			awk '$2 < last[$1] { exit 1 } { last[$1] = $2; n++ } END { exit !(n > 100) }' ||
			fail "$clock"
	done
}

test_says_which_clock() {
	"$TRACER" -v --clock coarse -o trace /bin/true 2>said
	grep -q 'clock: coarse' said || fail "$(cat said)"
	"$TRACER" -v -o trace /bin/true 2>said
	grep -q 'clock: tsc' said || fail "$(cat said)"
	"$TRACER" --stats --clock coarse -o trace /bin/true 2>said
	grep -q '"clock_gap_ns":[1-9]' said || fail "$(cat said)"
}

test_what_does_not_fit_is_said() {
	"$TRACER" --clock sun /bin/true 2>said && fail "taken"
	grep -q 'what fits is tsc, coarse' said
	"$TRACER" --clock tsc --no-time /bin/true 2>said && fail "taken"
	grep -q 'no-time' said
}

run_tests "$@"
