#!/usr/bin/env bash
# What `make soak` runs with a tracer built by MODE=tsan: its threads share nothing without
# a lock or an atomic, whatever it is asked to do.
LIMIT=${LIMIT:-600}
. "$(dirname "$0")/../lib.sh"

export TSAN_OPTIONS="log_path=race exitcode=0 history_size=4"

# traces ARGS...: the tracer succeeds, and no race is reported.
traces() {
	"$TRACER" -q -o trace "$@" >out || fail "status $?: $*"
	! compgen -G 'race.*' >/dev/null || fail "$*: $(head -n 60 race.*)"
}

threads_for() {
	cat >threads.py <<-'END'
		import sys, threading, time
		end = time.time() + float(sys.argv[1])
		def work():
		    while time.time() < end:
		        sum(i * i for i in range(200))
		        time.sleep(0.001)
		threads = [threading.Thread(target=work) for n in range(16)]
		for t in threads: t.start()
		for t in threads: t.join()
	END
	echo "/usr/bin/python3 threads.py $1"
}

for mode in calls blocks insns coverage none; do
	eval "test_ls_under_$mode() { traces --$mode ls /; traces --$mode --format json ls /; }"
done

test_summary_of_ls() { traces -c --calls ls /; }
test_children_are_followed() { traces -f --calls sh -c 'ls; ls'; }
test_children_are_followed_in_files_of_their_own() { traces -ff --blocks sh -c 'ls; ls'; }
# --watch of a program that it runs is left out: ThreadSanitizer gives the forked child a
# thread, which is traced too, and its exec waits for us to reap that one.
test_signals() { traces --calls "$VICTIMS/signals" 60; }
test_a_full_ring_that_drops() { traces --lossy --blocks "$VICTIMS/signals" 60; }

test_threads_of_python() {
	# shellcheck disable=SC2046 # a command
	traces -c --calls $(threads_for 3)
}

test_threads_attached_to() {
	# shellcheck disable=SC2046 # a command
	start $(threads_for 60)
	for _ in 1 2 3 4 5; do
		sleep 0.5
		traces -c --calls -p "$STARTED" --duration 500ms
		traces --blocks -p "$STARTED" --duration 500ms
	done
}

run_tests "$@"
