#!/usr/bin/env bash
# A thousand times attached to and left at random intervals, under load: no request fails,
# nothing is left behind, and afterwards the server is as fast as before.  Two twins that
# have the same load and are left alone say what "as fast" means on this machine.
LIMIT=${LIMIT:-2400}
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

# measure WHEN CMD: what `CMD PORT` prints for each of $ports, in turns; medians to files.
measure() {
	for _ in $(seq "${SAMPLES:-31}"); do
		for p in $(shuf -e "${ports[@]}"); do
			"$2" "$p" >>"$1.$p"
		done
	done
	for p in "${ports[@]}"; do
		median <"$1.$p" >"$1.$p.median"
	done
}

# as_fast: the first of $ports has kept its speed within 2 % of the slower of its twins; what
# they differ by themselves is what this machine cannot tell.
as_fast() {
	local kept=()

	for p in "${ports[@]}"; do
		kept+=("$(paste before."$p".median after."$p".median | awk '{ printf "%.3f", $2 / $1 }')")
		figure "$(paste -d ' ' before."$p".median after."$p".median) requests/s: ${kept[-1]}"
	done
	awk -v ours="${kept[0]}" -v one="${kept[1]}" -v other="${kept[2]}" 'BEGIN {
		twin = one < other ? one : other
		differ = one < other ? other - one : one - other
		exit !(ours >= 0.98 * (twin < 1 ? twin : 1) - differ / 2) }' ||
		fail "slower than before: ${kept[0]}, its twins ${kept[1]} and ${kept[2]}"
}

redis_requests() {
	redis-benchmark -p "$1" -c 10 -n 20000 -t get,set --csv | tail -n +2 | cut -d '"' -f 4 | median
}

http_requests() {
	wrk -t 1 -c 8 -d 1s "http://127.0.0.1:$1/" | sed -n 's/^Requests.sec: *//p'
}

test_redis() {
	ports=()
	for _ in 1 2 3; do
		start_redis
		ports=("$port" "${ports[@]}") # the last one is the one attached to
	done
	measure before redis_requests
	state_of "$redis" >before
	loads=()
	for p in "${ports[@]}"; do
		start redis-benchmark -p "$p" -q -c 10 -n 100000000 -t set,get,lpush,zadd >"bench.$p" 2>&1
		loads+=("$STARTED")
	done
	at_random "$redis"
	kill -0 "${loads[0]}" 2>/dev/null || fail "the benchmark gave up: $(tail -n 3 "bench.$port")"
	for load in "${loads[@]}"; do
		stop "$load"
	done
	! grep -iE 'error|refused|reset' "bench.$port" || fail "failed requests"
	nothing_is_left "$redis"
	for p in "${ports[@]}"; do
		redis-cli -p "$p" flushall
	done
	measure after redis_requests
	as_fast
}

# under_wrk PID: attaches to it, at the first of $ports, while wrk asks all of them.
under_wrk() {
	for p in "${ports[@]}"; do # what is compiled at run time is compiled
		wrk -t 1 -c 8 -d 10s "http://127.0.0.1:$p/" >/dev/null
	done
	measure before http_requests
	state_of "$1" >before
	loads=()
	for p in "${ports[@]}"; do
		start wrk -t 1 -c 8 -d 10000s --timeout 10s "http://127.0.0.1:$p/" >"wrk.$p"
		loads+=("$STARTED")
	done
	at_random "$1"
	for load in "${loads[@]}"; do
		kill -INT "$load"
		wait "$load" || true
	done
	cat "wrk.${ports[0]}"
	! grep -E 'Socket errors|Non-2xx' "wrk.${ports[0]}" || fail "failed requests"
	sleep 0.5
	nothing_is_left "$1"
	measure after http_requests
	as_fast
}

test_nginx() {
	ports=()
	for twin in 1 2 3; do
		mkdir "$twin"
		cd "$twin"
		configure_nginx 1
		start_nginx
		cd ..
		ports=("$port" "${ports[@]}")
	done
	under_wrk "$(pgrep -P "$master")"
}

test_node() {
	ports=()
	for _ in 1 2 3; do
		port=$(free_port)
		start node "$ROOT/tests/e2e/programs/server.js" "$port" >"server.$port"
		wait_for 10 port_answers "$port"
		ports=("$port" "${ports[@]}")
	done
	under_wrk "$STARTED"
}

run_tests "$@"
