#!/usr/bin/env bash
# Attaching to servers under load and to programs that wait, and leaving them, over and
# over: nobody notices, and nothing is left behind.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../servers.sh"

# ---- servers ------------------------------------------------------------------------------------

redis_is_calm_under() {
	start_redis
	state_of "$redis" >before
	start redis-benchmark -p "$port" -q -c 10 -n 100000000 -t set,get,lpush,zadd >bench.log 2>&1
	benchmark=$STARTED
	sleep 0.3
	cycles "$(rounds 10 100)" "$redis" "$@"
	kill -0 "$benchmark" 2>/dev/null || fail "the benchmark gave up: $(tail -n 3 bench.log)"
	stop "$benchmark"
	! grep -iE 'error|refused|reset' bench.log || fail "failed requests"
	sleep 0.2
	nothing_is_left "$redis"
	[ "$(redis-cli -p "$port" ping)" = PONG ]
	ends_complete trace
	redis-cli -p "$port" shutdown nosave || true
	wait "$redis" || fail "redis ended with $?"
}

limit_redis_under_calls=600
limit_redis_under_blocks=600
test_redis_under_calls() { redis_is_calm_under --calls; }
test_redis_under_blocks() { redis_is_calm_under --blocks; }

test_redis_translated_answers_right() {
	start_redis
	start "$TRACER" -q -p "$redis" --none
	wait_for 5 grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$redis/status"
	for i in $(seq 200); do
		echo "set key$i $((i * 7))"
		echo "get key$i"
	done | redis-cli -p "$port" | grep -v OK >answers
	seq 7 7 1400 | diff - answers
	redis-cli -p "$port" eval 'local s=0; for i=1,10000 do s=s+i end; return s' 0 >sum
	is sum 50005000
}

test_nginx_worker_under_wrk() {
	configure_nginx 1
	start_nginx
	worker=$(pgrep -P "$master")
	state_of "$worker" >before
	start wrk -t 1 -c 8 -d "$(rounds 4 40)s" "http://127.0.0.1:$port/" >wrk.log
	load=$STARTED
	cycles "$(rounds 10 100)" "$worker" --calls
	wait "$load"
	cat wrk.log
	! grep -E 'Socket errors|Non-2xx' wrk.log || fail "failed requests"
	sleep 0.2
	nothing_is_left "$worker"
	curl -sf "http://127.0.0.1:$port/" | diff - www/index.html
	ends_complete trace
	stop "$master"
}
limit_nginx_worker_under_wrk=300

# ---- many threads ---------------------------------------------------------------------------------

test_sixteen_threads_of_python() {
	cat >sums.py <<-'END'
		import threading
		done = threading.Event()
		sums = []
		def work(n):
		    rounds = 0
		    while not done.wait(0.001):
		        assert sum(range(500)) == 124750
		        rounds += 1
		    sums.append(rounds > 0)
		threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
		for t in threads: t.start()
		input()
		done.set()
		for t in threads: t.join()
		print(len(sums), all(sums))
	END
	mkfifo in
	/usr/bin/python3 sums.py <in >out &
	python=$!
	started_pids+=("$python")
	exec 3>in
	wait_for 5 test -d "/proc/$python/task"
	sleep 0.5
	[ "$(find "/proc/$python/task" -mindepth 1 -maxdepth 1 | wc -l)" = 17 ]
	state_of "$python" >before
	cycles "$(rounds 5 50)" "$python" --calls
	cycles "$(rounds 5 50)" "$python" --none
	nothing_is_left "$python"
	echo >&3
	wait "$python"
	is out '16 True'
}

# Three thousand of them, in and out within a second on a machine that does nothing else.
test_three_thousand_threads() {
	start "$VICTIMS/threads" 3000 60 >out
	program=$STARTED
	wait_for 10 grep -q ready out
	"$TRACER" -q --stats -p "$program" --calls -c -o table --duration 500ms 2>stats
	"$TRACER" -q --stats -p "$program" --none --duration 500ms 2>>stats
	cat stats
	nothing=$(grep -c '_ns":[5-9][0-9]\{9\}[,}]' stats || true)
	[ "$nothing" = 0 ] || fail "it took seconds"
	kill -USR1 "$program"
	wait "$program"
	tail -n 1 out | grep -qx '3000 threads'
}

# What is shown is shown at once, also where events that are not shown never pause.
test_rare_lines_are_not_held_back() {
	cat >rare.c <<-'END'
		#include <time.h>
		static volatile long n;
		__attribute__((noipa)) static void often(void) { n++; }
		__attribute__((noipa)) static void seldom(void) { n++; }
		int main(void)
		{
			struct timespec now, last = { 0 };
			for (;;) {
				for (int i = 0; i < 200; i++)
					often();
				clock_gettime(CLOCK_MONOTONIC, &now);
				if ((now.tv_sec - last.tv_sec) * 1000000000 + now.tv_nsec - last.tv_nsec < 50000000)
					continue;
				seldom();
				last = now;
			}
		}
	END
	gcc -O1 -o rare rare.c
	start ./rare
	rare=$STARTED
	start "$TRACER" -q -p "$rare" --calls -F seldom -o '|cat >lines'
	wait_for 20 grep -q 'seldom();' lines
	stop "$STARTED"
	start "$TRACER" -q -p "$rare" --calls -F seldom -o written
	wait_for 20 grep -q 'seldom();' written
	stop "$STARTED"
	stop "$rare"
}

# The thread that translates had looked whether it should end, and slept for 100 ms, which one run in three to
# ten then took.
test_an_end_is_not_slept_through() {
	for _ in $(seq 60); do
		"$TRACER" -q --stats --none true 2>>stats
	done
	late=$(grep -cE '"detach_ns":[0-9]{9,}' stats || true)
	[ "$late" -lt 2 ] || fail "$late of 60 took 100 ms to leave: $(grep -o '"detach_ns":[0-9]*' stats | xargs)"
}

# --stacks has the frames that gdb has, but for the innermost: gdb gives no address to
# inlined calls.  (It also makes up frames for tail calls; in these programs two.)
# A program that wakes up now and then is asked again.
same_stacks() {
	for _ in 1 2 3; do
		stacks_of_both "$@"
		diff theirs ours >differ && return
	done
	fail "$(cat differ gdb.log)"
}

stacks_of_both() {
	gdb -batch -nx -p "$1" -ex 'set print frame-arguments none' -ex 'set backtrace past-main on' \
		-ex 'set backtrace past-entry on' -ex 'thread apply all bt' 2>/dev/null >gdb.log
	"$TRACER" -p "$1" --stacks -o stacks
	awk '/^Thread/ { for (i = 1; i <= NF; i++) if ($i == "(LWP") tid = $(i + 1) + 0 }
		/^#/ && !/^#0/ && $2 ~ /^0x/ && !/futex_abstimed_wait_cancelable64|do_futex_wait/ {
			sub(/^0x0*/, "0x", $2); print tid, $2 }' gdb.log | sort -s -n -k 1,1 >theirs
	awk '/^\[/ { tid = substr($1, 2) + 0; first = last = "" }
		/^ *#/ && first == "" { first = $2 }
		/^ *#/ && $2 != first && $2 != last { last = $2; print tid, $2 }' stacks |
		sort -s -n -k 1,1 >ours
	[ "$(wc -l <theirs)" -ge "${2:-10}" ] || fail "gdb saw too little: $(cat gdb.log)"
}

test_stacks_of_redis_are_those_of_gdb() {
	start_redis
	same_stacks "$redis"
}

test_stacks_of_python_threads_are_those_of_gdb() {
	start /usr/bin/python3 -c 'import threading, time
for i in range(8): threading.Thread(target=time.sleep, args=(30,)).start()'
	sleep 0.5
	same_stacks "$STARTED"
}

test_stacks_name_the_functions_and_lines() {
	start "$VICTIMS/watched" 20
	wait_for 5 grep -q nanosleep "/proc/$STARTED/wchan"
	"$TRACER" -p "$STARTED" --stacks -o stacks
	grep -q 'watched!main+0x[0-9a-f]* (.*watched.c:[0-9]*)' stacks || fail "$(cat stacks)"
	same_stacks "$STARTED" 3
}

# ---- programs that wait ------------------------------------------------------------------------

# Attached to in the middle of a wait, and left in the middle of it too: the call gives
# what it gives natively, after the same time.
# What is left of a socket's limit is not known to the next tracer: see tracer(1).
wait_is_the_same() {
	local native traced pid call=$1

	start "$VICTIMS/blocked" "$1" >native
	pid=$STARTED
	"$VICTIMS/blocked" "$1" >traced &
	started_pids+=($!)
	set -- $!
	sleep 0.25
	"$TRACER" -q -p "$1" --calls --duration 250ms -o trace
	case $call in
	recv | *_limited) ;;
	*) "$TRACER" -q -p "$1" --none -o trace ;;
	esac
	wait "$1"
	wait "$pid"
	native=$(cat native) traced=$(cat traced)
	[ "${native%% after*}" = "${traced%% after*}" ] || fail "$native natively, $traced traced"
	awk -v a="${native##*after }" -v b="${traced##*after }" \
		'BEGIN { d = a - b; exit !(d < 0.25 && d > -0.25) }' ||
		fail "$native natively, $traced traced"
}

for call in $("$VICTIMS/blocked"); do
	eval "test_wait_in_$call() { wait_is_the_same $call; }"
done

# A program that is stopped and goes on: its wait ends early natively, too.
stopped_wait_is_the_same() {
	local how

	for how in native traced before; do
		"$VICTIMS/blocked" "$1" >$how &
		program=$!
		started_pids+=("$program")
		sleep 0.1
		if [ $how = traced ]; then
			start "$TRACER" -q -p "$program" --none
			wait_for 5 grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$program/status"
			sleep 0.1
		fi
		kill -STOP "$program"
		sleep 0.1
		[ $how != before ] || "$TRACER" -q -p "$program" --calls --duration 100ms -o trace
		kill -CONT "$program"
		wait "$program"
		sed -i 's/ after.*//' $how
	done
	diff native traced
	diff native before
}

for call in epoll_wait epoll_forever recv sigtimedwait semtimedop nanosleep poll read; do
	eval "test_stopped_wait_in_$call() { stopped_wait_is_the_same $call; }"
done

# ---- the end of the tracer --------------------------------------------------------------------

# SIGTERM at a random moment: the program ends as it should, the trace with a whole line.
tracer_is_terminated() {
	local ends=0

	for i in $(seq "$(rounds 10 70)"); do
		start "$VICTIMS/signals" 60 >out
		program=$STARTED
		"$TRACER" -q -p "$program" "$1" -o trace &
		tracer=$!
		started_pids+=("$tracer")
		sleep 0.0$((RANDOM % 90 + 10))
		kill "$tracer" 2>/dev/null || ends=$((ends + 1))
		status=0
		wait "$tracer" || status=$?
		# 143: before it had attached
		[ $status = 0 ] || [ $status = 143 ] || [ $status = 1 ] || fail "round $i: the tracer: $status"
		wait "$program" || fail "round $i: the program: $?: $(cat out)"
		grep -q '^faults 60, bad pc 0, jumps 6$' out || fail "round $i: $(cat out)"
		[ ! -s trace ] || ends_complete trace
	done
}

test_terminated_under_calls() { tracer_is_terminated --calls; }
test_terminated_under_blocks() { tracer_is_terminated --blocks; }
test_terminated_under_none() { tracer_is_terminated --none; }
limit_terminated_under_calls=300
limit_terminated_under_blocks=300

# The same of a program that the tracer runs itself.
test_terminated_with_a_program() {
	for i in $(seq "$(rounds 5 50)"); do
		"$TRACER" -q --calls -o trace "$VICTIMS/signals" 60 >out &
		tracer=$!
		started_pids+=("$tracer")
		sleep 0.$((RANDOM % 30 + 10))
		kill "$tracer" 2>/dev/null || true
		wait "$tracer" || true
		wait_for 10 grep -q '^faults' out
		is out 'faults 60, bad pc 0, jumps 6'
		ends_complete trace
	done
}

test_program_ends_while_attached() {
	"$VICTIMS/signals" 60 >out &
	program=$!
	"$TRACER" -q -p "$program" --calls -o trace
	wait "$program"
	is out 'faults 60, bad pc 0, jumps 6'
	ends_complete trace
}

# The stop that we ask for must not be lost in that of a thread that is being made.
test_while_threads_begin() {
	for _ in $(seq "$(rounds 60 1000)"); do
		start "$VICTIMS/threads" 8 60 >out
		timeout 10 "$TRACER" -q -p "$STARTED" --none --duration 20ms -o trace ||
			fail "status $?"
		kill -0 "$STARTED"
		stop "$STARTED"
	done
}

# One that has begun since the others were told to stop is told, too.
test_while_many_threads_begin() {
	local ms

	for _ in $(seq "$(rounds 4 100)"); do
		start "$VICTIMS/threads" 1500 60 >out
		for ms in 3 6 9 12 15; do
			timeout 20 "$TRACER" -q -p "$STARTED" --none --duration "${ms}ms" -o trace ||
				fail "status $?"
		done
		kill -0 "$STARTED"
		stop "$STARTED"
	done
}

# Nor must a child be forgotten that is forked just then.
test_while_children_are_forked() {
	start bash -c 'for ((i = 0; ; i++)); do (:); echo $i; done' >out
	for _ in $(seq "$(rounds 60 1000)"); do
		timeout 10 "$TRACER" -q -p "$STARTED" --none --duration 5ms -o trace || fail "status $?"
	done
	local before
	before=$(wc -l <out)
	sleep 0.3
	[ "$(wc -l <out)" -gt "$before" ] || fail "it stands still: $(ps -o pid,stat,wchan,args --ppid "$STARTED")"
}

run_tests "$@"
