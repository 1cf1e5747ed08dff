#!/usr/bin/env bash
# --record and --replay: what is replayed is what would have been shown.
. "$(dirname "$0")/../lib.sh"

export PERL_HASH_SEED=0 LUA_INIT=

# Without what differs from one run to the next: thread and process numbers, times; and
# modules are told of whenever somebody looks.
normal() {
	sed -E 's/^([^|a-z]*)\[[0-9]+\]/\1[T]/; s/"(tid|pid|ts|duration)":[0-9]+/"\1":0/g' "$1" |
		{ grep -v '"type":"module"' || true; }
}

# same RECORD-OPTIONS SHOW-OPTIONS PROG...: shown at once and replayed
same() {
	local recorded=$1 shown=$2

	shift 2
	# shellcheck disable=SC2086 # lists of words
	{
		setarch -R "$TRACER" -q $recorded $shown -o live "$@" </dev/null >/dev/null
		setarch -R "$TRACER" -q $recorded --record trace "$@" </dev/null >/dev/null
		"$TRACER" --replay trace $shown -o replayed
	}
	normal live >live.normal
	normal replayed >replayed.normal
	[ -s live.normal ] || fail "nothing is shown"
	cmp live.normal replayed.normal || fail "$recorded, $shown: $(diff live.normal replayed.normal | head -n 5)"
}

each_format() {
	local mode=$1 options

	shift
	for options in '' '--format json' -l '-M libc*' '-X ld*' --no-demangle '--limit 100'; do
		same "$mode" "$options" "$@"
	done
}

test_blocks() { each_format --blocks /bin/true; }
test_insns() { each_format --insns /bin/true; }
test_calls() {
	local options

	each_format '--calls --no-time' busybox sh -c 'echo $((1 + 2))'
	for options in -c '-c --format json --sort name' '-F *main*' '-N *alloc*' '-D 3'; do
		same '--calls --no-time' "$options" busybox sh -c 'echo $((1 + 2))'
	done
}

test_large_programs() {
	same --blocks '' sqlite3 :memory: 'create table t(a); insert into t values (1), (2); select sum(a) from t'
	same '--calls --no-time' '--format json' sqlite3 :memory: 'select 1'
	same --insns '' perl -e 'print "$_\n" for 1 .. 20'
}

# blocks and insns: what is hot is in superblocks, where each block is still told of.
hot_is_the_same() {
	local mode=$1 script="i=0; while [ \$i -lt $2 ]; do i=\$((i * 3 / 3 + 1)); done"

	lines() { sed -E 's/^\[[0-9]+\]//' | md5sum; }
	setarch -R "$TRACER" -q "--$mode" -o - busybox sh -c "$script" | lines >live
	setarch -R "$TRACER" -q "--$mode" --stats --record trace busybox sh -c "$script" 2>said
	"$TRACER" --replay trace -o - | lines >replayed
	diff live replayed
	grep -q '"superblocks":[1-9]' said || fail "$(cat said)"
}

test_what_is_hot_is_the_same() { hot_is_the_same blocks 800; }
test_instructions_of_what_is_hot() { hot_is_the_same insns 400; }

# What a replay remembers is as much as there are blocks.
test_replay_needs_little_memory() {
	local mode

	for mode in blocks insns; do
		"$TRACER" -q --$mode --record trace /bin/true
		python3 - "$TRACER" <<-'E'
			import resource, subprocess, sys
			subprocess.run([sys.argv[1], "--replay", "trace", "-o", "replayed"], check=True)
			kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
			sys.exit(f"{kib} KiB" if kib > 256 * 1024 else 0)
		E
	done
}

test_coverage() {
	local options

	for options in '' '--format json'; do
		setarch -R "$TRACER" -q --coverage $options -o live busybox true
		setarch -R "$TRACER" -q --coverage --record trace busybox true
		"$TRACER" --replay trace $options -o replayed
		diff <(normal live | sort) <(normal replayed | sort)
	done
}

test_watch() {
	local way options

	for way in $(watch_ways); do
		for options in '' -c '-c --format json' '--limit 3'; do
			same "--watch counter --watch-with $way" "$options" "$VICTIMS/watched"
		done
		# which thread's end is told of first is chance
		setarch -R "$TRACER" -q --watch counter --watch-with $way --format json -o live "$VICTIMS/watched"
		setarch -R "$TRACER" -q --watch counter --watch-with $way --record trace "$VICTIMS/watched"
		"$TRACER" --replay trace --format json -o replayed
		diff <(normal live | sort) <(normal replayed | sort)
	done
}

test_stacks_of_accesses() {
	local way options

	for way in $(watch_ways); do
		for options in '' '--format json'; do
			# shellcheck disable=SC2086 # a list of words
			{
				setarch -R "$TRACER" -q -k --watch counter --watch-with $way $options -o live "$VICTIMS/watched"
				setarch -R "$TRACER" -q -k --watch counter --watch-with $way --record trace "$VICTIMS/watched"
				"$TRACER" --replay trace -k $options -o replayed
			}
			diff <(normal live | sort) <(normal replayed | sort)
			"$TRACER" --replay trace -o without
			! grep -q '#0' without
		done
	done
}

test_values_by_their_types() {
	local name options

	cat >values.c <<'C'
#include <stdio.h>
enum color { RED, GREEN, BLUE } color;
int (*function)(const char *);
double number;
float small;
int x, *pointer;
_Bool yes;
struct { char a[24]; } big;
int main(int argc, char **argv)
{
	color = BLUE; function = puts; number = 1.5; pointer = &x; function = (void *)main; yes = 1;
	small = 0.1f; big.a[3] = 7; color = 7; pointer = 0;
	return 0;
}
C
	gcc -g -O0 -w -o values values.c
	for name in color function number small pointer yes big; do
		for options in '' '--format json' -c; do
			for way in $(watch_ways); do
				same "--watch-with $way --watch $name" "$options" ./values
			done
		done
	done
	"$TRACER" -q --watch color --record trace ./values
	mv values away
	"$TRACER" --replay trace -o out
	grep -q 'RED -> BLUE at values!main+0x.* (values.c:11)' out
}

test_instructions_as_blocks() {
	setarch -R "$TRACER" -q --blocks -o live busybox true
	setarch -R "$TRACER" -q --insns --record trace busybox true
	"$TRACER" --replay trace --blocks -o replayed
	diff <(normal live) <(normal replayed)
}

test_filters_with_blocks() {
	same '--blocks -F main' '' "$VICTIMS/steps"
	same '--insns -D 1' '' "$VICTIMS/steps"
	same '--blocks -M steps' '' "$VICTIMS/steps"
}

test_filters_of_the_recording_hold() {
	"$TRACER" -q --calls --no-time -N 'fib*' --record trace "$VICTIMS/counted" >/dev/null
	"$TRACER" --replay trace -o out
	! grep -q fib out
	"$TRACER" -q --calls --no-time -M counted --record trace "$VICTIMS/counted" >/dev/null
	! "$TRACER" --replay trace -M 'libc*' 2>err || fail "two lists"
	grep -q 'recorded with -M counted' err
}

test_signals_and_faults() {
	"$TRACER" -q --blocks --record trace "$VICTIMS/signals" 20 >out
	"$TRACER" --replay trace -o replayed
	ends_complete replayed
	"$TRACER" -q --calls --record trace "$VICTIMS/signals" 20 >out
	"$TRACER" --replay trace -o replayed
	grep -q '/\* signal 4, SIGILL' replayed
}

test_times() {
	"$TRACER" -q --calls --record trace busybox true
	"$TRACER" --replay trace -tt -o out
	grep -qE '^[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6} ' out
	"$TRACER" --replay trace -ttt --min-time 1ns -o out
	now=$(date +%s)
	was=$(sed -n '2s/\..*//p' out)
	[ $((now - was)) -lt 100 ] && [ $((now - was)) -ge 0 ] || fail "$was, and now it is $now"
	"$TRACER" --replay trace -o twice1
	"$TRACER" --replay trace -o twice2
	cmp twice1 twice2
	"$TRACER" --replay trace --no-time -o without
	"$TRACER" -q --calls --no-time --record trace2 busybox true
	"$TRACER" --replay trace2 -o never
	diff <(normal without) <(normal never)
}

test_threads_of_a_process() {
	"$TRACER" -q --calls --no-time --record trace "$VICTIMS/threads" >/dev/null
	"$TRACER" --replay trace -o all
	"$TRACER" --replay trace -ff -o own
	[ "$(find . -name 'own.*' | wc -l)" -ge 8 ]
	cat own.* | grep -c '|' >a
	grep -c '|' all >b
	[ "$(cat a)" -ge "$(cat b)" ]
	for file in own.*; do
		grep "\[${file#own.}\]" all >one || true
		diff one <(tail -n +2 "$file")
		"$TRACER" --replay trace --tid "${file#own.}" -o chosen
		diff chosen "$file"
	done
}

test_forks_and_execs() {
	"$TRACER" -q -f --blocks --record trace sh -c '/bin/true; busybox true; (exit 3)' || true
	"$TRACER" --replay trace -o out
	grep -q ' true!' out
	grep -q ' busybox' out
	[ "$(grep -o '^\[[0-9]*\]' out | sort -u | wc -l)" -ge 3 ]
}

test_a_full_cache() {
	setarch -R "$TRACER" -q --stats --cache-size 1m --blocks --record trace perl -e 1 2>stats
	! grep -q '"flushes":0' stats
	"$TRACER" --replay trace -o replayed
	setarch -R "$TRACER" -q --blocks -o live perl -e 1
	diff <(normal live) <(normal replayed)
}

test_code_that_changes() {
	setarch -R "$TRACER" -q --insns --record trace "$VICTIMS/jit" >/dev/null
	setarch -R "$TRACER" -q --insns -o live "$VICTIMS/jit" >/dev/null
	"$TRACER" --replay trace -o replayed
	[ "$(wc -l <live)" -gt 1000 ]
	diff <(normal live | cut -c 1-60 | sort | uniq -c | sort -n | tail -n 50 | awk '{ print $3 }' | sort) \
		<(normal replayed | cut -c 1-60 | sort | uniq -c | sort -n | tail -n 50 | awk '{ print $3 }' | sort)
}

test_lost_events_are_counted() {
	"$TRACER" -q --lossy --stats --blocks --record trace "$VICTIMS/fib" 30 >/dev/null 2>stats
	lost=$(grep -o '"lost":[0-9]*' stats | cut -d : -f 2)
	"$TRACER" --replay trace --format json -o out
	said=$(sed -n 's/.*"type":"lost".*"value":\([0-9]*\).*/\1/p' out)
	[ "${said:-0}" = "$lost" ] || fail "lost $lost, said $said"
}

# Indirect calls into them are met before any of their code has run.
test_libraries_that_come_later() {
	"$TRACER" -q --calls --no-time --record trace python3 -S -E -c 'import sqlite3, json, zlib, ssl'
	"$TRACER" --replay trace -c -o out
	grep -q 'PyInit__sqlite3' out
	! grep -E '^[0-9., ]+ +0x[0-9a-f]+' out || fail "addresses without a name"
}

test_the_program_is_not_needed() {
	cp "$VICTIMS/steps" copy
	"$TRACER" -q --insns --record trace ./copy >/dev/null
	"$TRACER" --replay trace -l -o with
	rm copy
	"$TRACER" --replay trace -l -o without
	cmp with without
	grep -q 'copy!main' without
}

test_a_trace_that_was_cut() {
	"$TRACER" -q --blocks --record trace busybox true
	"$TRACER" --replay trace -o whole
	size=$(stat -c %s trace)
	for n in 16 20 100 $((size / 2)) $((size - 100)) $((size - 30)) $((size - 1)); do
		head -c "$n" trace >cut
		status=0
		timeout 20 "$TRACER" --replay cut -o out 2>err || status=$?
		[ $status = 1 ] || fail "$n bytes: status $status"
		[ "$(wc -l <err)" = 1 ] || fail "$n bytes: $(cat err)"
		grep -qE 'the end is missing|nothing of it can be read' err
	done
	grep -q 'names may be missing' err
	# all events are there, and only names may be missing
	cut -d ' ' -f 3 whole >a
	cut -d ' ' -f 3 out >b
	cmp a b
}

test_a_tracer_that_was_killed() {
	"$TRACER" -q --blocks --record trace timeout 20 busybox sh -c 'while :; do :; done' &
	tracer=$!
	wait_for 10 test -s trace
	sleep 1.5
	worker=$(pgrep -P "$tracer" -x tracer-worker || true)
	kill -9 ${worker:-$tracer}
	wait "$tracer" || true
	status=0
	"$TRACER" --replay trace --limit 1000 -o out || status=$?
	[ $status = 0 ]                 # it had enough before the end
	[ "$(wc -l <out)" = 1000 ]
}

test_a_full_disk() {
	status=0
	"$TRACER" -q --blocks --record /dev/full busybox true 2>err || status=$?
	[ $status = 1 ]
	grep -q 'cannot write to /dev/full: No space left on device' err
}

test_files_that_are_no_trace() {
	says() { # TEXT FILE
		status=0
		"$TRACER" --replay "$2" 2>err >out || status=$?
		[ $status = 1 ] && [ ! -s out ] || fail "$2: status $status"
		grep -q "$1" err || fail "$2: $(cat err)"
		[ "$(wc -l <err)" = 1 ]
	}
	echo text >text
	says 'it is no recorded trace' text
	says 'it is no recorded trace' /bin/true
	: >empty
	says 'it is no recorded trace' empty
	says 'No such file' missing
	says 'no regular file' .
	"$TRACER" -q --blocks --record trace busybox true
	{ head -c 8 trace; printf '\x09'; tail -c +10 trace; } >newer
	says 'version 9' newer
}

# Changed behind the back of the checksums: an error or other output, but an end.
limit_any_damage_is_survived=200
test_any_damage_is_survived() {
	local kind seed status

	"$TRACER" -q --blocks -F main --record t.blocks "$VICTIMS/steps" >/dev/null
	"$TRACER" -q --calls --record t.calls "$VICTIMS/steps" >/dev/null
	"$TRACER" -q --coverage --record t.coverage "$VICTIMS/steps" >/dev/null
	"$TRACER" -q --insns --record t.insns "$VICTIMS/steps" >/dev/null
	"$TRACER" -q -k --watch counter --record t.watch "$VICTIMS/watched" >/dev/null
	for kind in blocks calls coverage insns watch; do
		for seed in $(seq "$(rounds 10 1000)"); do
			python3 "$ROOT/tests/e2e/damage.py" t.$kind damaged "$seed"
			for format in text json; do
				status=0
				(ulimit -v "${REPLAY_LIMIT_KB:-4000000}"; timeout 20 "$TRACER" --replay damaged -l --format $format -o '|head -c 10000000 >/dev/null') 2>err || status=$?
				[ $status -le 1 ] || fail "$kind, seed $seed: status $status: $(head -n 3 err)"
			done
		done
	done
}

test_what_does_not_go_together() {
	refuses() { # TEXT STATUS ARGUMENT...
		local text=$1 expected=$2 status=0

		shift 2
		"$TRACER" "$@" 2>err >out || status=$?
		[ $status = "$expected" ] || fail "$*: status $status"
		grep -q -e "$text" err || fail "$*: $(cat err)"
	}
	refuses '-o goes with --replay' 2 --record t -o out true
	refuses '--format goes with --replay' 2 --record t --format json true
	refuses '-c goes with --replay' 2 --record t -c true
	refuses '--record goes with' 2 --record t --none true
	refuses "'|COMMAND'" 2 --record - true
	refuses 'runs no program' 2 --replay t true
	refuses '-p goes without' 2 --replay t -p 1
	"$TRACER" -q --blocks --record trace busybox true
	refuses 'recorded with --blocks' 1 --replay trace --calls
	refuses 'recorded with --blocks' 1 --replay trace --insns
	refuses 'recorded without calls' 1 --replay trace -F main
	refuses 'recorded without' 1 --replay trace -t
	refuses '-c goes with' 2 --replay trace -c
	"$TRACER" -q --calls --no-time --record trace busybox true
	refuses 'recorded without' 1 --replay trace --min-time 1us
}

test_end_of_output_is_no_error() {
	"$TRACER" -q --insns --record trace busybox true
	status=0
	"$TRACER" --replay trace -o - | head -n 1 >out || status=$?
	[ $status = 0 ] && [ "$(wc -l <out)" = 1 ]
	"$TRACER" --replay trace -o '|wc -l' >out
	[ "$(cat out)" -gt 1000 ]
}

test_size() {
	"$TRACER" -q --stats --blocks --record trace busybox sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done' 2>stats
	events=$(grep -o '"events":[0-9]*' stats | cut -d : -f 2)
	bytes=$(grep -o '"recorded_bytes":[0-9]*' stats | cut -d : -f 2)
	[ "$bytes" = "$(stat -c %s trace)" ]
	[ $((bytes * 10)) -lt "$events" ] || fail "$bytes bytes for $events events"
	figure "$bytes bytes for $events blocks of a shell"
}

# A library where another one was: names and lines are its own, of every instruction.
test_a_library_in_the_place_of_another() {
	local options

	cat >one.c <<-'C'
		int f(int x) { return x * 27 + 5; }
	C
	cp one.c other.c
	cat >turns.c <<-'C'
		#include <dlfcn.h>
		#include <stdio.h>
		int main(void)
		{
			for (int k = 0; k < 2; k++) {
				void *h = dlopen(k ? "./other.so" : "./one.so", RTLD_NOW);
				int (*f)(int) = (int (*)(int))dlsym(h, "f");
				printf("%p\n", (void *)f);
				f(k);
				dlclose(h);
			}
			return 0;
		}
	C
	gcc -O1 -fPIC -shared -o one.so one.c
	gcc -O1 -g -fPIC -shared -o other.so other.c
	gcc -O1 -o turns turns.c
	for options in --insns --blocks; do
		"$TRACER" -q $options -l -o live ./turns >places
		[ "$(sort -u places | wc -l)" = 1 ] || skip "they are not in one place: $(cat places)"
		"$TRACER" -q $options --record trace ./turns >places
		[ "$(sort -u places | wc -l)" = 1 ] || skip "they are not in one place: $(cat places)"
		"$TRACER" --replay trace -l -o replayed
		for text in live replayed; do
			[ "$(grep -c ' one.so!' $text)" = "$(grep -c ' other.so!' $text)" ] ||
				fail "$options, $text: $(grep -c ' one.so!' $text) of one, $(grep -c ' other.so!' $text) of the other"
			! grep ' one.so!.*other.c' $text >&2 || fail "$options, $text"
			grep -q ' other.so!f.*other.c:1' $text || fail "$options, $text: no line"
		done
	done
}

run_tests "$@"
