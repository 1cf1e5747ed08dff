#!/usr/bin/env bash
# What translated code counts (--profile, and -c with --no-time) is exact: against the
# same by events, against every instruction, and against what programs know themselves.
. "$(dirname "$0")/../lib.sh"

# The numbers of calls by counters and by events; the clock is read for the events alone.
counts_alike() {
	setarch -R "$TRACER" -q -f -c --no-time -o counted "$@" >out1 || true
	setarch -R "$TRACER" -q -f -c -o by-events "$@" >out2 || true
	diff out1 out2
	sed 's/^ *\([0-9]*\)  /\1 /' counted | sort >counted.sorted
	sed -E 's/^ *([0-9]+)( +[0-9.]+){5}  /\1 /; s/^#.*/#      CALLS  FUNCTION/' by-events |
		sort >by-events.sorted
	diff by-events.sorted counted.sorted >difference || fail "$* $(cat difference)"
	[ "$(wc -l <counted)" -gt 2 ] || fail "$(cat counted)"
}

test_counters_are_events_without_a_library() { counts_alike "$VICTIMS/tiny"; }
test_counters_are_events_with_musl() { counts_alike "$VICTIMS/steps"; }
test_counters_are_events_of_busybox() {
	counts_alike busybox sh -c 'i=0; while [ $i -lt 500 ]; do i=$((i+1)); done; echo $i'
}
test_counters_are_events_of_sqlite() {
	counts_alike sqlite3 :memory: 'with recursive c(x) as (select 1 union all select x+1 from
		c where x<3000) select count(*), sum(x*x%7) from c group by x%10'
}
test_counters_are_events_of_exceptions() {
	counts_alike "$VICTIMS/thrown"
	# A stub jumps to it, and the call of a function that does not return is just before it.
	grep -q '^240 __cxa_end_catch ' counted.sorted || fail "$(grep cxa counted)"
}
test_counters_are_events_across_exec() { counts_alike env env /bin/true; }

# A repeated string instruction is one, however often it repeats.
instructions_alike() {
	setarch -R "$TRACER" -q --insns -o insns "$@" >/dev/null || true
	setarch -R "$TRACER" -q --profile -o profile "$@" >/dev/null || true
	is <(awk '!/^#/ { n += $1 } END { print n }' profile) \
		"$(awk '!/ rep/ || $2 != before { n++ } { before = $2 } END { print n }' insns)"
}

test_instructions_are_all() { instructions_alike /bin/true; }
test_instructions_are_all_without_a_library() { instructions_alike "$VICTIMS/tiny"; }
test_instructions_are_all_with_musl() { instructions_alike "$VICTIMS/steps"; }
test_instructions_are_all_of_busybox() { instructions_alike busybox sh -c 'for i in 1 2; do x=$i; done'; }
test_instructions_are_all_of_sqlite() { instructions_alike sqlite3 :memory: 'select 1 + 2'; }
# The same in a cache that has to be emptied now and then.
test_nothing_is_lost_when_the_cache_is_full() {
	local query='with recursive c(x) as (select 1 union all select x+1 from c where x<20000)
		select count(*), sum(x*x%7), group_concat(x) from c group by x%10 order by 2'
	setarch -R "$TRACER" -q --profile -o whole sqlite3 :memory: "$query" >/dev/null
	setarch -R "$TRACER" -q --profile --stats --cache-size 1m -o often sqlite3 :memory: "$query" \
		2>said >/dev/null
	diff whole often
	grep -q '"flushes":[1-9]' said || fail "$(cat said)"
}

# exact PROFILE OUT: each of the calls of turn() has run the same instructions, and each
# signal's handler those of one.
exact() {
	local turns handled insns calls
	read -r turns handled <"$2"
	read -r insns calls < <(awk '/ turn / { print $1, $3 }' "$1")
	[ "$calls" = "$turns" ] || fail "$calls calls of turn(), not $turns"
	[ $((insns % turns)) = 0 ] || fail "$insns instructions in $turns calls"
	[ $((insns / turns)) -gt 10 ] || fail "$insns instructions in $turns calls"
	read -r insns calls < <(awk '/ on_alarm / { print $1, $3 }' "$1")
	[ "$calls" -ge "$handled" ] || fail "$calls calls of the handler, not $handled"
	[ $((insns % calls)) = 0 ] || fail "$insns instructions in $calls calls"
	[ "$handled" -gt 20 ] || fail "$handled signals"
}

test_signals_cut_blocks() {
	for _ in $(seq "$(rounds 3 50)"); do
		"$TRACER" -q --profile -M ticking -o profile "$VICTIMS/ticking" >out
		exact profile out
	done
}

# What has run before and behind it is not known, but a block is counted as far as it ran:
# within the loop of turns, nothing is left over.
test_leaving_cuts_blocks() {
	start "$VICTIMS/ticking" 60 >out
	for _ in $(seq "$(rounds 5 100)"); do
		"$TRACER" -q --profile -M ticking -p "$STARTED" --duration 300ms -o profile
		awk '/ turn / { insns = $1; calls = $3 }
			END { each = int(insns / calls + 0.5); off = insns - each * calls
				# two threads, at each end anywhere in it
				exit !(calls > 1000 && off <= 4 * each && off >= -4 * each) }' profile ||
			fail "$(cat profile)"
	done
}

test_lines() {
	"$TRACER" -q --profile -l --format json -o profile "$VICTIMS/watched" >/dev/null
	grep -q '"function":"set".*"instructions":[0-9]*,"file":".*watched.c","line":12}' profile ||
		fail "$(grep watched profile)"
	[ "$(grep '"function":"set"' profile | sed -n 's/.*"calls":\([0-9]*\),.*/\1/p')" = 5 ] ||
		fail "$(grep '"set"' profile)"
	# the lines of a function are the function
	grep '"module":"watched"' profile | awk -F'"instructions":' '
		{ n = $2 + 0 } /"calls"/ { all += n; next } { lines += n }
		END { exit !(all == lines && all > 0) }' || fail "$(grep watched profile)"
}

test_threads_are_added_up() {
	"$TRACER" -q --profile -o profile "$VICTIMS/threads" 4 >/dev/null || true
	[ "$(grep -c '\[threads\]' profile)" -gt 1 ] || fail "$(head profile)"
}

test_names_of_what_is_unloaded() {
	"$TRACER" -q -c --no-time -o table python3 -c 'import _json, _ctypes; _json.make_encoder'
	grep -q 'PyInit__json' table || fail "no PyInit__json"
}

refused() {
	"$TRACER" "$@" /bin/true 2>said && fail "$* was taken"
	[ "$(wc -l <said)" = 1 ] || fail "$(cat said)"
}

test_what_does_not_fit_is_said() {
	refused --profile -F main
	refused --profile -D 3
	refused --profile --limit 3
	refused --profile -c
	refused --profile --sort avg
}

run_tests "$@"
