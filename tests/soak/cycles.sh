#!/usr/bin/env bash
# A thousand times attached to and left at random intervals, under load: no request fails,
# nothing is left behind, and afterwards the server is as fast as its twin that has had the
# same load and was left alone.
LIMIT=${LIMIT:-1800}
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../servers.sh"

CYCLES=${CYCLES:-1000}

# at_random PID: cycles of random length and mode, random pauses between them.
at_random() {
	local modes=(--none --calls --blocks)

	for i in $(seq "$CYCLES"); do
		"$TRACER" -q -p "$1" --duration "$((20 + RANDOM % 150))ms" -o trace "${modes[RANDOM % 3]}" ||
			fail "cycle $i: status $?"
		kill -0 "$1" || fail "cycle $i: the process is gone"
		sleep "0.0$((RANDOM % 10))"
	done
}

median() {
	sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'
}

# as_fast CMD: what `CMD PORT` prints is for $port what it is for $twin, in turns.
as_fast() {
	for _ in $(seq 15); do
		"$1" "$port" >>ours
		"$1" "$twin" >>others
	done
	ours=$(median <ours)
	others=$(median <others)
	awk "BEGIN { printf \"%s of %s: %.3f\\n\", $ours, $others, $ours / $others
		     exit !($ours > 0.98 * $others) }" || fail "slower than before: $ours, its twin $others"
}

redis_requests() {
	redis-benchmark -p "$1" -c 10 -n 60000 -t get,set --csv | tail -n +2 | cut -d '"' -f 4 | median
}

http_requests() {
	wrk -t 1 -c 8 -d 2s "http://127.0.0.1:$1/" | sed -n 's/^Requests.sec: *//p'
}

test_redis() {
	start_redis
	twin=$port
	start_redis
	state_of "$redis" >before
	start redis-benchmark -p "$twin" -q -c 10 -n 100000000 -t set,get,lpush,zadd >/dev/null 2>&1
	other=$STARTED
	start redis-benchmark -p "$port" -q -c 10 -n 100000000 -t set,get,lpush,zadd >bench.log 2>&1
	load=$STARTED
	at_random "$redis"
	kill -0 "$load" 2>/dev/null || fail "the benchmark gave up: $(tail -n 3 bench.log)"
	stop "$load"
	stop "$other"
	! grep -iE 'error|refused|reset' bench.log || fail "failed requests"
	nothing_is_left "$redis"
	redis-cli -p "$port" flushall
	redis-cli -p "$twin" flushall
	as_fast redis_requests
}

# under_wrk PID: attaches to it while wrk asks $port
under_wrk() {
	state_of "$1" >before
	start wrk -t 1 -c 8 -d 10000s --timeout 10s "http://127.0.0.1:$twin/" >/dev/null
	other=$STARTED
	start wrk -t 1 -c 8 -d 10000s --timeout 10s "http://127.0.0.1:$port/" >wrk.log
	load=$STARTED
	at_random "$1"
	kill -INT "$load"
	wait "$load" || true
	stop "$other"
	cat wrk.log
	! grep -E 'Socket errors|Non-2xx' wrk.log || fail "failed requests"
	sleep 0.5
	nothing_is_left "$1"
	as_fast http_requests
}

test_nginx() {
	mkdir other
	cd other
	configure_nginx 1
	start_nginx
	twin=$port
	cd ..
	configure_nginx 1
	start_nginx
	under_wrk "$(pgrep -P "$master")"
}

test_node() {
	twin=$(free_port)
	start node "$ROOT/tests/e2e/programs/server.js" "$twin" >twin.log
	wait_for 10 port_answers "$twin"
	port=$(free_port)
	start node "$ROOT/tests/e2e/programs/server.js" "$port" >server.log
	node=$STARTED
	wait_for 10 port_answers "$port"
	under_wrk "$node"
}

run_tests "$@"
