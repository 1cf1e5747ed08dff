#!/usr/bin/env bash
# A code cache that is too small for the program: it is emptied over and over while threads
# run, wait, and handle signals in it; nothing changes, nothing is lost.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../servers.sh"

flushes() {
	grep -o '"flushes":[0-9]*' "$1" | cut -d : -f 2
}

export PERL_HASH_SEED=0
script='print sum(map { $_ * 2 } 1 .. 9), "\n"'

# same_events MODE...: the same lines with a small cache as with a large one
same_events() {
	setarch -R "$TRACER" -q --stats --cache-size 1m "$@" -o small perl -MList::Util=sum -e "$script" >out 2>stats
	setarch -R "$TRACER" -q "$@" -o large perl -MList::Util=sum -e "$script" >expected
	diff expected out
	[ "$(flushes stats)" -ge 1 ] || fail "no flush: $(cat stats)"
	cut -d ' ' -f 2- small | sed 's/^\[[0-9]*\] //' >a
	cut -d ' ' -f 2- large | sed 's/^\[[0-9]*\] //' >b
	cmp a b
}

test_blocks_are_the_same() { same_events --blocks; }
test_calls_are_the_same() { same_events --calls --no-time; }

test_threads_of_python() {
	"$TRACER" -q --stats --cache-size 1m --calls -c -o table /usr/bin/python3 -c '
import threading, json, re, zlib
def work(n):
    for i in range(20):
        assert json.loads(json.dumps(list(range(n)))) == list(range(n))
        assert re.sub("[a-c]+", "x", "abcdabc") == "xdx"
        assert len(zlib.compress(b"a" * 10000)) < 100
threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
for t in threads: t.start()
for t in threads: t.join()
print("done")' >out 2>stats
	is out done
	[ "$(flushes stats)" -ge 3 ] || fail "flushes: $(cat stats)"
}

test_signals_and_faults() {
	"$TRACER" -q --stats --cache-size 1m --blocks -o trace "$VICTIMS/signals" 60 >out
	is out 'faults 60, bad pc 0, jumps 6'
}

test_redis_goes_on() {
	start_redis
	start redis-benchmark -p "$port" -q -c 10 -n 100000000 -t set,get,lpush,zadd >bench.log 2>&1
	benchmark=$STARTED
	for i in $(seq "$(rounds 4 40)"); do
		"$TRACER" -q --stats --cache-size 1m -p "$redis" --calls -c --duration 500ms -o table 2>>stats
		redis-cli -p "$port" info >/dev/null
	done
	kill -0 "$benchmark" 2>/dev/null || fail "the benchmark gave up: $(tail -n 3 bench.log)"
	stop "$benchmark"
	! grep -iE 'error|refused|reset' bench.log || fail "failed requests"
}

# Who waits in vfork cannot be stopped, and goes on in a cache that is another one by then.
test_while_one_waits_in_vfork() {
	for mode in child thread; do
		for options in --none "--none -f" "--calls -f" "--watch waits --watch-with code -f"; do
			# shellcheck disable=SC2086
			"$TRACER" -q --stats --cache-size 1m $options -o trace "$VICTIMS/vforked" $mode >out 2>stats
			is out 'status 0, wrong 0 0'
			[ "$(flushes stats)" -ge 1 ] || fail "$mode, $options: $(cat stats)"
		done
	done
}

test_every_block_once() {
	"$TRACER" -q --cache-size 2m --coverage -o trace /usr/bin/python3 -c 'import json, decimal'
	[ "$(cut -d ' ' -f 3 trace | sort | uniq -d | wc -l)" = 0 ] || fail "blocks are there twice"
	[ "$(wc -l <trace)" -gt 20000 ]
}

test_size_is_checked() {
	for size in 0 512k 2g 1x 1mm m ''; do
		status=0
		"$TRACER" --cache-size "$size" true 2>err || status=$?
		[ $status = 2 ] || fail "$size: status $status"
		grep -q '^tracer: --cache-size .*1m to 1g' err
	done
}

run_tests "$@"
