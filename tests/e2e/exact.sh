#!/usr/bin/env bash
# Every instruction, block and call, no more and no less, in the order of each thread:
# against single steps, against callgrind, against what the program says of itself.
. "$(dirname "$0")/../lib.sh"

# pcs_of TRACE: the pcs of a trace of --insns as the stepper writes them.
pcs_of() {
	awk '{ pc = substr($2, 3); print substr("0000000000000000", length(pc) + 1) pc }' "$1"
}

instructions_are_single_steps() {
	"$VICTIMS/stepper" steps "$VICTIMS/$1" >/dev/null || true
	"$TRACER" -q --insns -o trace "$VICTIMS/$1" >/dev/null || true
	pcs_of trace >pcs
	[ "$(wc -l <steps)" -gt 50 ] || fail "the stepper saw too little"
	cmp steps pcs || fail "$(wc -l <steps) steps, $(wc -l <pcs) lines"
}

test_instructions_are_single_steps_without_a_library() { instructions_are_single_steps tiny; }
test_instructions_are_single_steps_with_musl() { instructions_are_single_steps steps; }

# Cuts the steps into the blocks that the trace has: a block begins at its first
# address, goes on upwards (or stays, under rep), and ends before its last.
blocks_cover_single_steps() {
	"$VICTIMS/stepper" steps "$VICTIMS/$1" >/dev/null || true
	"$TRACER" -q --blocks -o trace "$VICTIMS/$1" >/dev/null || true
	awk '
		function wide(hex) {
			hex = substr(hex, 3)
			return substr("0000000000000000", length(hex) + 1) hex
		}
		function take() { return (getline pc < "steps") > 0 }
		BEGIN { left = take() }
		{
			n = split($NF, range, "-")
			begin = wide(range[1]); end = wide(range[2])
			if (n != 2 || !left || pc "" != begin "") {
				print "line " NR ": " $0 ", and not " pc
				failed = 1
				exit
			}
			do {
				last = pc
				left = take()
			} while (left && pc "" >= last "" && pc "" < end "" &&
				 !(pc "" == begin "" && last "" != begin ""))
		}
		END {
			if (!failed && left) {
				print "no line has " pc
				failed = 1
			}
			exit failed
		}' trace
}

test_blocks_cover_single_steps_without_a_library() { blocks_cover_single_steps tiny; }
test_blocks_cover_single_steps_with_musl() { blocks_cover_single_steps steps; }

# starts_in FILE: the addresses where its blocks begin
starts_in() {
	grep -o ' 0x[0-9a-f]*-' "$1" | sort -u
}

# coverage_is_blocks CMD...: each block that runs is told of once, and no other one
coverage_is_blocks() {
	setarch -R "$TRACER" -q --blocks -o blocks "$@" >/dev/null || true
	setarch -R "$TRACER" -q --coverage -o covered "$@" >/dev/null || true
	[ "$(wc -l <covered)" = "$(starts_in covered | wc -l)" ] || fail "some are told of twice"
	[ "$(wc -l <covered)" -gt 15 ]
	diff <(starts_in blocks) <(starts_in covered) >&2 || fail "$* (< blocks, > coverage)"
}

test_coverage_is_the_set_of_blocks() {
	coverage_is_blocks "$VICTIMS/tiny"
	coverage_is_blocks "$VICTIMS/steps"
	coverage_is_blocks sqlite3 :memory: 'select sum(length(x)) from (select hex(12) x union select 3);'
	PERL_HASH_SEED=0 coverage_is_blocks perl -e 'print join(",", map { $_ * 2 } grep { $_ & 1 } 1..4000), "\n"'
	coverage_is_blocks gzip -9c "$ROOT/README.md"
}

# What is unmapped and mapped again is other code; what falls into changed code is the same.
test_coverage_of_code_that_changes() {
	setarch -R "$TRACER" -q --coverage -o covered "$VICTIMS/replaced" >out
	is out 'sum 6'
	grep -o ' 0x10000000-.*' covered >versions || true
	is versions "$(printf ' 0x10000000-0x%x\n' 0x10000006 0x1000000b 0x10000010)"
}

# Whether its timer expires is left to chance: only the sequence itself is looked for.
test_coverage_knows_restartable_sequences() {
	"$VICTIMS/sequences" 1 10 >/dev/null || skip "no restartable sequences"
	setarch -R "$TRACER" -q --blocks -o blocks "$VICTIMS/sequences" 1 2000 >/dev/null
	setarch -R "$TRACER" -q --coverage -o covered "$VICTIMS/sequences" 1 2000 >/dev/null
	grep -o 'sequences!count_once.*' blocks | sort | uniq -c | awk '$1 >= 2000 { print $3 }' >often
	[ "$(wc -l <often)" -ge 2 ]
	while read -r block; do
		grep -q -e " $block\$" covered || fail "$block is not covered"
	done <often
}

test_coverage_of_one_thread_in_its_own_file() {
	start "$VICTIMS/threads" 2 >/dev/null
	"$TRACER" -q --coverage -ff -o covered --tid "$STARTED" -p "$STARTED" --duration 500ms
	ends_complete "covered.$STARTED"
}

test_counts_of_calls_are_those_of_callgrind() {
	valgrind --tool=callgrind --callgrind-out-file=callgrind --compress-strings=no \
		--compress-pos=no "$VICTIMS/counted" >/dev/null 2>&1
	awk '
		/^cfn=/ { callee = substr($0, 5); sub(/\x27[0-9]+$/, "", callee) }
		/^calls=/ { split($1, n, "="); calls[callee] += n[2] }
		END { for (f in calls) print f, calls[f] }' callgrind |
		grep -E '^(leaf|even|odd|fib|by_value|sorted|through|main) ' | sort >expected
	"$TRACER" -q -c --no-time -M counted -o table "$VICTIMS/counted" >/dev/null
	awk '$2 ~ /^(leaf|even|odd|fib|by_value|sorted|through|main)$/ { print $2, $1 }' table |
		sort >counted
	[ "$(wc -l <expected)" = 8 ] || fail "callgrind saw $(cat expected)"
	diff expected counted
}

# sums_up VICTIM OPTION...: -c counts what the trace with the same options shows.  (A stub
# whose target is being looked for is shown with its own module.)
sums_up() {
	local victim=$VICTIMS/$1

	shift
	setarch -R "$TRACER" -q --calls --no-time --format json "$@" -o trace "$victim" >/dev/null
	setarch -R "$TRACER" -q -c --no-time --format json "$@" -o table "$victim" >/dev/null
	grep -E '^\{"type":"(call|tailcall)"' trace | grep -o '"function":"[^"]*"' | sort | uniq -c |
		awk '{ print $2, $1 }' >shown
	grep '"function":"[^+]*","module"' table | sed -E 's/.*("function":"[^"]*").*:([0-9]+)}/\1 \2/' |
		awk '{ n[$1] += $2 } END { for (f in n) print f, n[f] }' | sort >counted
	[ "$(wc -l <shown)" -gt 1 ] || fail "too few: $*"
	diff shown counted || fail "$victim $*"
}

test_a_summary_counts_what_the_calls_show() {
	sums_up counted
	sums_up counted -D 5
	sums_up counted -N malloc -N '_dl_map*'
	sums_up counted -F '_dl_relocate*' -F main
	sums_up counted -X counted
}

test_a_full_ring_is_waited_for() {
	"$TRACER" -q --stats --insns -o /dev/null "$VICTIMS/fib" 100 >/dev/null 2>stats
	grep -Eq '"lost":0,"ring_wait_ns":[1-9]' stats || fail "$(cat stats)"
}

test_eight_threads_each_in_its_order() {
	mkdir logs
	"$TRACER" -q --calls --no-time -F 'step_?' -o trace "$VICTIMS/order" logs
	[ "$(find logs -type f | wc -l)" = 8 ] || fail "not eight threads"
	for log in logs/*; do
		tid=${log#logs/}
		sed -n "s/^\[$tid\] |  *\(step_[a-d]\)() *[;{].*/\1/p" trace >ours
		diff "$log" ours | head -n 5
		cmp "$log" ours
	done
}

test_a_file_for_each_thread() {
	mkdir logs
	"$TRACER" -q --calls --no-time -F 'step_?' -ff -o trace "$VICTIMS/order" logs
	for log in logs/*; do
		sed -n "s/^.*|  *\(step_[a-d]\)() *[;{].*/\1/p" "trace.${log#logs/}" >ours
		cmp "$log" ours
	done
}

test_limit_is_exact() {
	"$TRACER" -q --insns --limit 1000 -o trace "$VICTIMS/steps" >/dev/null
	[ "$(wc -l <trace)" = 1000 ]
}

test_limit_is_exact_in_json() {
	"$TRACER" -q --insns --format json --limit 1000 -o trace "$VICTIMS/steps" >/dev/null
	[ "$(grep -c '"type":"insn"' trace)" = 1000 ]
}

# What a run costs besides its code does not grow with how long it runs.  (How far the
# translator is ahead of the program is a race: the number of misses varies by some
# hundreds.  One round is 8,000 calls.)
counter_of() {
	sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" stats
}

does_not_grow() {
	local rounds=$1 misses stops

	shift
	"$TRACER" --stats "$@" "$VICTIMS/fib" "$rounds" 2>stats >/dev/null
	misses=$(counter_of misses)
	stops=$(counter_of stops)
	"$TRACER" --stats "$@" "$VICTIMS/fib" $((4 * rounds)) 2>stats >/dev/null
	[ "$(counter_of stops)" = "$stops" ] || fail "$stops stops, and $(counter_of stops)"
	[ "$(counter_of misses)" -lt $((misses + 2000)) ] ||
		fail "$misses misses, and $(counter_of misses)"
}

test_no_misses_and_no_stops_in_steady_state() { does_not_grow 1000 --none; }
test_no_misses_and_no_stops_in_steady_state_of_calls() { does_not_grow 20 --calls -o /dev/null; }
test_no_misses_and_no_stops_in_steady_state_of_blocks() { does_not_grow 5 --blocks -o /dev/null; }

# What is translated and never runs lies between what does.
test_translates_little_that_does_not_run() {
	local run made

	"$TRACER" -q --coverage -o blocks ls -l / >/dev/null
	"$TRACER" -q --none --stats ls -l / 2>stats >/dev/null
	run=$(sort -u blocks | wc -l)
	made=$(counter_of blocks_translated)
	[ "$run" -gt 2000 ] || fail "$run blocks have run"
	[ "$made" -lt $((run * 17 / 10)) ] || fail "$made blocks for $run that run"
}

run_tests "$@"
