#!/usr/bin/env bash
# SIGKILL for the tracer at random moments: the program lives on, native, with nothing
# of ours left in it.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../servers.sh"

# Is there nothing of ours in process $1?  (Its own mappings of memory files: none.)
is_clean() {
	! grep -q 'memfd:' "/proc/$1/maps" && grep -q '^TracerPid:[[:space:]]*0$' "/proc/$1/status"
}

# Waits for it; the longest wait so far, in ms, is in $longest.
longest=0
await_clean() {
	local begun=${EPOCHREALTIME/./} took

	until is_clean "$1"; do
		took=$(((${EPOCHREALTIME/./} - begun) / 1000))
		[ $took -lt 3000 ] || fail "round $i: not clean after $took ms: $(grep memfd "/proc/$1/maps")"
	done
	took=$(((${EPOCHREALTIME/./} - begun) / 1000))
	[ $took -le "$longest" ] || longest=$took
}

# On a machine that is all busy, a process may have to wait for its turn.
said_longest() {
	echo "longest: $longest ms"
	[ "$longest" -lt 1000 ] || fail "it took $longest ms"
}

is_over() {
	! grep -q . "/proc/$1/maps" 2>/dev/null         # gone, or waits to be reaped
}

# kill_rounds N PID MODE...
kill_rounds() {
	local n=$1 pid=$2

	shift 2
	for i in $(seq "$n"); do
		"$TRACER" -q -p "$pid" -o trace "$@" &
		tracer=$!
		started_pids+=("$tracer")
		sleep "0.$(printf %03d $((RANDOM % 200)))"
		worker=$(pgrep -P "$tracer" || true)
		kill -9 "$tracer" 2>/dev/null || true
		wait "$tracer" 2>/dev/null || true
		await_clean "$pid"
		# Killed before it had attached, it may still do so, and leave again.
		[ ! "$worker" ] || wait_for 5 is_over "$worker"
		is_clean "$pid" || fail "round $i: not clean after the end"
		kill -0 "$pid" || fail "round $i: the process is gone"
	done
}

redis_survives_under() {
	start_redis
	start redis-benchmark -p "$port" -q -c 10 -n 100000000 -t set,get,lpush,zadd >bench.log 2>&1
	benchmark=$STARTED
	sleep 0.2
	kill_rounds "$(rounds 20 200)" "$redis" "$@"
	kill -0 "$benchmark" 2>/dev/null || fail "the benchmark gave up: $(tail -n 3 bench.log)"
	stop "$benchmark"
	! grep -iE 'error|refused|reset' bench.log || fail "failed requests"
	[ "$(redis-cli -p "$port" ping)" = PONG ]
	said_longest
}

test_redis_under_calls() { redis_survives_under --calls; }
test_redis_under_blocks() { redis_survives_under --blocks; }
test_redis_under_none() { redis_survives_under --none; }
limit_redis_under_calls=300
limit_redis_under_blocks=300
limit_redis_under_none=300

test_signals_and_faults() {
	for i in $(seq "$(rounds 10 100)"); do
		start "$VICTIMS/signals" 60 >out
		program=$STARTED
		"$TRACER" -q -p "$program" --calls -o trace &
		tracer=$!
		started_pids+=("$tracer")
		sleep "0.$(printf %03d $((RANDOM % 100)))"
		kill -9 "$tracer" 2>/dev/null || true
		wait "$tracer" 2>/dev/null || true
		wait "$program" || fail "round $i: the program: $?: $(cat out)"
		grep -q '^faults 60, bad pc 0, jumps 6$' out || fail "round $i: $(cat out)"
	done
}
limit_signals_and_faults=300

# A program of the tracer's own lives on as well.
test_program_that_was_started() {
	for i in $(seq "$(rounds 5 50)"); do
		rm -f out
		"$TRACER" -q --calls -o trace "$VICTIMS/signals" 60 >out &
		tracer=$!
		started_pids+=("$tracer")
		sleep "0.$((RANDOM % 30 + 10))"
		kill -9 "$tracer" 2>/dev/null || true
		wait "$tracer" 2>/dev/null || true
		wait_for 10 grep -q '^faults' out
		is out 'faults 60, bad pc 0, jumps 6'
	done
}

# Nobody reads what it writes: the detach does not wait for that.
test_output_that_is_stuck() {
	start "$VICTIMS/signals" 20000 >out
	program=$STARTED
	mkfifo pipe
	exec 3<>pipe
	"$TRACER" -q -p "$program" --calls -o pipe &
	tracer=$!
	started_pids+=("$tracer")
	sleep 0.5
	worker=$(pgrep -P "$tracer")
	i=0
	kill -9 "$tracer"
	await_clean "$program"
	said_longest
	kill -9 "$worker"
	stop "$program"
}

# Both at once: the end of a first thread is reported behind those of the others.
test_program_killed_while_we_leave() {
	for i in $(seq "$(rounds 20 200)"); do
		start "$VICTIMS/threads" 8 60 >out
		program=$STARTED
		rm -f said
		"$TRACER" -v -p "$program" --none -o trace 2>said &
		tracer=$!
		started_pids+=("$tracer")
		wait_for 10 grep -qE '^tracer: (attached|cannot)' said
		grep -q '^tracer: attached' said || fail "$(cat said)"
		sleep "0.$(printf %03d $((RANDOM % 100 + 20)))"
		kill -TERM "$tracer"
		sleep "0.00$((RANDOM % 6))"
		kill -9 "$program"
		wait_for 10 is_over "$tracer"
		wait "$tracer" || fail "round $i: status $?"
	done
}

# timeout(1) kills its whole process group.
test_killed_by_timeout() {
	start_redis
	i=0
	timeout -s KILL 0.3 "$TRACER" -q -p "$redis" --calls -o trace || true
	await_clean "$redis"
	[ "$(redis-cli -p "$port" ping)" = PONG ]
}

# Both processes at once, but not in the moment in which a thread makes system calls of ours:
# nobody is left to detach.  The program lives on: threads that
# need the tracer go on natively, the others in the cache.
both_are_killed() {
	local pid=$1

	shift
	rm -f said
	"$TRACER" -v -p "$pid" -o trace "$@" 2>said &
	tracer=$!
	started_pids+=("$tracer")
	wait_for 10 grep -qE '^tracer: (attached|cannot)' said
	grep -q '^tracer: attached' said || fail "$(cat said)"
	sleep "0.$(printf %03d $((RANDOM % 200)))"
	worker=$(pgrep -P "$tracer" || true)
	kill -9 "$worker" "$tracer"
	wait "$tracer" 2>/dev/null || true
}

# Threads that wait for each other at watched memory, or for the tracer that held it.
test_both_are_killed_with_watched_stores() {
	"$VICTIMS/growing" 4 4000000 >native
	for _ in $(seq "$(rounds 3 60)"); do
		start "$VICTIMS/growing" 4 4000000 0.3 >out
		program=$STARTED
		both_are_killed "$program" --watch buff
		wait "$program"
		diff native out
	done
}
limit_both_are_killed_with_watched_stores=300

redis_is_orphaned_under() {
	start_redis
	start redis-benchmark -p "$port" -q -c 10 -n 100000000 -t set,get,lpush,zadd >bench.log 2>&1
	benchmark=$STARTED
	sleep 0.2
	both_are_killed "$redis" "$@"
	[ "$(redis-cli -p "$port" ping)" = PONG ]
	[ "$(redis-cli -p "$port" eval 'local s=0; for i=1,100000 do s=s+i end; return s' 0)" = 5000050000 ]
	redis-cli -p "$port" info >/dev/null
	kill -0 "$benchmark" 2>/dev/null || fail "the benchmark gave up: $(tail -n 3 bench.log)"
	stop "$benchmark"
	stop "$redis"
	! grep -iE 'error|refused|reset' bench.log || fail "failed requests"
}

test_redis_orphaned_under_calls() { redis_is_orphaned_under --calls; }
test_redis_orphaned_under_blocks() { redis_is_orphaned_under --blocks; }
test_redis_orphaned_under_none() { redis_is_orphaned_under --none; }

test_threads_of_python_orphaned() {
	for i in $(seq "$(rounds 3 30)"); do
		start /usr/bin/python3 -c 'import threading, time, zlib
def work(n):
    end = time.time() + 1
    while time.time() < end:
        assert zlib.decompress(zlib.compress(b"abc" * 1000)) == b"abc" * 1000
        time.sleep(0.0001)
threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
for t in threads: t.start()
for t in threads: t.join()
import json, decimal
print(json.dumps([str(decimal.Decimal(2).sqrt())]))' >out
		python=$STARTED
		sleep 0.3
		both_are_killed "$python" --calls
		wait "$python" || fail "round $i: python ended with $?"
		is out '["1.414213562373095048801688724"]'
	done
}

run_tests "$@"
