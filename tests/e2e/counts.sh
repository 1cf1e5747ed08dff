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
	counts_alike "$VICTIMS/thrown" alone
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

# Six libraries, one after the other at the same address, each twice; in each entry() calls
# helperN() through its table, three times.
libraries_by_turns() {
	for i in 1 2 3 4 5 6; do
		printf 'int helper%d(int x) { return x + %d; }
			int entry(int x) { return helper%d(x) + 1; }\n' "$i" "$i" "$i" >l.c
		gcc -O1 -fno-ipa-ra -shared -fPIC -o "l$i.so" l.c
	done
	cat >turns.c <<-'END'
		#include <dlfcn.h>
		#include <stdio.h>
		__attribute__((noipa)) static int call(int (*f)(int), int x) { return f(x) + 1; }
		int main(void)
		{
			char name[16];
			int sum = 0;
			for (int i = 0; i < 12; i++) {
				snprintf(name, sizeof name, "./l%d.so", i % 6 + 1);
				void *l = dlopen(name, RTLD_NOW);
				for (int n = 0; n < 3; n++)
					sum += call((int (*)(int))dlsym(l, "entry"), n);
				dlclose(l);
			}
			return sum == 0;
		}
	END
	gcc -O1 -o turns turns.c
}

six_each() {
	[ "$(sort <<<"$1" | tr '\n' ' ')" = "6 helper1 6 helper2 6 helper3 6 helper4 6 helper5 6 helper6 " ] ||
		fail "$2: $1"
}

test_what_is_unloaded_is_named() {
	libraries_by_turns
	for _ in $(seq "$(rounds 2 20)"); do
		"$TRACER" -q --calls --no-time -o trace ./turns
		six_each "$(sed -n 's/.* \(helper[1-6]\)().*/\1/p' trace | sort | uniq -c | awk '{ print $1, $2 }')" calls
		"$TRACER" -q --calls -c -o table ./turns
		six_each "$(awk '/helper/ { print $1, $7 }' table)" -c
		"$TRACER" -q --calls -c --no-time -o table ./turns
		six_each "$(awk '/helper/ { print $1, $2 }' table)" "-c --no-time"
		"$TRACER" -q --profile -o table ./turns
		six_each "$(awk '/helper/ { print $3, $4 }' table)" --profile
		[ "$(awk '/helper/ { print $1 }' table | sort -u | wc -l)" = 1 ] || fail "$(cat table)"
	done
}

# A jump to a stub on a condition is no call of the stub.
test_no_number_is_below_nothing() {
	cat >jumps.c <<-'END'
		#include <stdlib.h>
		void release(void *p);
		__asm__(".globl release\n.type release, @function\n"
			"release: test %rdi, %rdi\n jne free@plt\n ret\n.size release, . - release\n");
		int main(void) { for (int i = 0; i < 100; i++) release(malloc(8)); }
	END
	gcc -O1 -o jumps jumps.c
	"$TRACER" -q -c --no-time -o table ./jumps
	grep -q '^ *100  release ' table || fail "$(cat table)"
	awk '$1 ~ /^[0-9]+$/ && $1 > 10000 { exit 1 }' table || fail "$(cat table)"
	! grep -q 'free \[jumps\]' table
	"$TRACER" -q --profile -o table ./jumps
	awk '/ release / { found = $3 == 100 } $3 ~ /^[0-9]+$/ && $3 > 10000 { exit 1 } END { exit !found }' table ||
		fail "$(cat table)"
}

# Code that can be written has no superblock: those that come from one are counted as well.
test_calls_of_code_that_can_be_written() {
	cat >written.c <<-'END'
		#include <stdio.h>
		#include <stdlib.h>
		#include <sys/mman.h>
		__attribute__((noipa, aligned(4096))) int target(int x) { return x + 1; }
		__attribute__((noipa, aligned(4096))) int other(int x) { return x; }
		int main(int argc, char **argv)
		{
			int (*volatile f)(int) = target, sum = 0;
			if (mprotect(target, 4096, PROT_READ | PROT_WRITE | PROT_EXEC))
				return 1;
			for (long i = 0; i < atol(argv[1]); i++)
				sum += f((int)i);
			return sum == 1;
		}
	END
	gcc -O1 -o written written.c
	"$TRACER" -q --profile -o table ./written 1000000
	grep -q ' 1000000  target ' table || fail "$(head table)"
}

# More threads than there is room for counters: said, and the program goes on without us.
test_too_many_threads() {
	timeout 50 "$TRACER" --profile -o table "$VICTIMS/threads" 800 0.1 >out 2>said
	grep -q 'more than [0-9]* threads at once' said || fail "$(cat said)"
	wait_for 10 grep -q '^800 threads' out
	start "$VICTIMS/threads" 800 60 >out
	wait_for 10 grep -q ready out
	timeout 50 "$TRACER" --profile --duration 300ms -p "$STARTED" -o table 2>said
	[ ! -s said ] || fail "$(cat said)"
	grep -q ' thread ' table || fail "$(cat table)"
	kill -0 "$STARTED"
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
