#!/usr/bin/env bash
# Real programs with all that they start: shells with job control, servers that reload
# and fork under load, builds.  They do what they do without the tracer.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../servers.sh"

# ---- a shell with job control --------------------------------------------------------------------

on_screen() {
	tmux -S "$socket" capture-pane -p -t shell | grep -qE -- "$1"
}

at_prompt() {
	[ "$(tmux -S "$socket" capture-pane -p -t shell | grep -v '^$' | tail -n 1)" = '$' ]
}

# command TEXT PATTERN: typed where the shell asks for one.
command_in() {
	wait_for 20 at_prompt
	type_in "$1" Enter "$2"
}

on_screen_twice() {
	[ "$(tmux -S "$socket" capture-pane -p -t shell | grep -cE -- "$1")" -ge 2 ]
}

# type_in TEXT KEY PATTERN: types, and waits for what the screen is to show then.
type_in() {
	[ -z "$1" ] || tmux -S "$socket" send-keys -t shell -l -- "$1"
	tmux -S "$socket" send-keys -t shell "$2"
	wait_for 20 on_screen "$3"
}

sessions=0

# shell_session FILE [TRACER...]: the screen at the end of a session.
shell_session() {
	local file=$1

	shift
	sessions=$((sessions + 1))
	socket=$TMP/socket-$sessions            # a server that is about to end still answers at its own
	cat >shellrc <<-'END'
		PS1='$ '
		unset PROMPT_COMMAND HISTFILE
	END
	tmux -S "$socket" -f /dev/null new-session -d -s shell -x 100 -y 50 \
		"$* bash --rcfile '$TMP/shellrc' -i; echo \"ended with \$?\"; sleep 1000"
	command_in 'sleep 1001' 'sleep 1001'
	sleep 0.5
	type_in '' C-z 'Stopped +sleep 1001'
	command_in 'cat' '^\$ cat$'
	sleep 0.5
	type_in '' C-z 'Stopped +cat'
	command_in 'jobs' '\[2\]\+ +Stopped +cat'
	command_in 'bg 1' '\[1\]- sleep 1001 &'
	command_in 'jobs %1' 'Running +sleep 1001'
	command_in 'fg 2' '^cat$'
	sleep 0.5
	type_in 'hello' Enter '^hello$'
	wait_for 20 on_screen_twice '^hello$'           # the terminal's echo, and cat's
	type_in '' C-c '\^C'
	command_in 'echo status $?' '^status 130$'
	command_in 'kill %1; sleep 0.5' 'Terminated +sleep 1001'
	command_in 'trap "echo caught" INT; sleep 1002 | sleep 1003' '1003$'
	sleep 0.5
	type_in '' C-c 'caught'
	command_in '(exit 3) & wait $!; echo status $?' '^status 3$'
	command_in 'exit 7' '^ended with 7$'
	tmux -S "$socket" capture-pane -p -t shell | sed 's/\[\([0-9]\)\] [0-9]*$/[\1] PID/' >"$file"
	tmux -S "$socket" kill-server
}

test_shell_with_jobs() {
	shell_session native
	shell_session traced "$TRACER" -q --none -f
	diff native traced
	shell_session traced "$TRACER" -q --calls -c -f -o "$TMP/trace"
	diff native traced
}
limit_shell_with_jobs=120

# ---- servers -----------------------------------------------------------------------------------------

test_node_server_under_wrk() {
	port=$(free_port)
	start "$TRACER" -q --none -f node "$ROOT/tests/e2e/programs/server.js" "$port" >server.log
	traced=$STARTED
	wait_for 30 port_answers "$port"
	wrk -t 1 -c 8 -d "$(rounds 4 40)s" --timeout 10s "http://127.0.0.1:$port/x" >wrk.log
	cat wrk.log
	! grep -E 'Socket errors|Non-2xx' wrk.log || fail "failed requests"
	curl -sf "http://127.0.0.1:$port/y" >answer
	[ "$(cat answer)" = '{"url":"/y","numbers":[1,2,3]}' ] || fail "$(cat answer)"
	kill -TERM "$(pgrep -P "$(pgrep -P "$traced")")"
	wait "$traced" || fail "it ended with $?"
	is server.log closed
}
limit_node_server_under_wrk=180

# Master and workers are traced from the start; workers come and go.
test_nginx_reload_under_wrk() {
	configure_nginx 2
	start_nginx "$TRACER" -q --none -f
	traced=$STARTED
	start wrk -t 1 -c 8 -d "$(rounds 5 60)s" --timeout 10s "http://127.0.0.1:$port/" >wrk.log
	load=$STARTED
	for i in $(seq "$(rounds 4 55)"); do
		sleep 1
		kill -HUP "$master"
	done
	wait "$load"
	cat wrk.log
	# a reload closes connections that are idle: read errors there are natively, too
	! grep -E 'Non-2xx|connect [1-9]|timeout [1-9]' wrk.log || fail "failed requests"
	curl -sf "http://127.0.0.1:$port/" | diff - www/index.html
	! grep -E 'alert|crit|emerg|signal 11' logs/error.log || fail "nginx complains"
	kill -QUIT "$master"
	wait "$traced" || fail "it ended with $?"
}
limit_nginx_reload_under_wrk=180

test_redis_saves_in_the_background() {
	port=$(free_port)
	start "$TRACER" -q --none -f redis-server --port "$port" --bind 127.0.0.1 --save '' \
		--appendonly no --daemonize no --dir "$TMP" >redis.log
	traced=$STARTED
	wait_for 20 redis-cli -p "$port" ping
	for i in $(seq 1000); do echo "set key$i $((i * 7))"; done | redis-cli -p "$port" >/dev/null
	start redis-benchmark -p "$port" -q -c 10 -n 100000000 -t get,lpush >bench.log 2>&1
	benchmark=$STARTED
	for i in $(seq "$(rounds 3 40)"); do
		before=$(redis-cli -p "$port" lastsave)
		sleep 1.1
		redis-cli -p "$port" bgsave | grep -q started || fail "no save"
		wait_for 30 eval '[ "$(redis-cli -p "$port" lastsave)" != "$before" ]'
	done
	kill -0 "$benchmark" || fail "the benchmark gave up: $(tail -n 3 bench.log)"
	stop "$benchmark"
	redis-cli -p "$port" info persistence | grep -q 'rdb_last_bgsave_status:ok' || fail "a bad save"
	redis-check-rdb dump.rdb >check.log || fail "$(tail -n 3 check.log)"
	redis-cli -p "$port" shutdown nosave || true
	wait "$traced" || fail "redis ended with $?"
	grep -q 'Background saving terminated with success' redis.log || fail "$(tail redis.log)"
	! grep -i 'crash\|terminated by signal' redis.log || fail "it crashed"
}
limit_redis_saves_in_the_background=300

# ---- a build --------------------------------------------------------------------------------------

# The objects of this very program, all of them in a soak.
test_make_of_a_source_tree() {
	local targets

	targets="build/debug/libevents.a build/debug/libbase.a"
	[ ! "${SOAK:-}" ] || targets=all
	mkdir tree
	cp -r "$ROOT"/{Makefile,lib,cmd} tree
	for how in native traced; do
		# shellcheck disable=SC2086
		if [ $how = native ]; then
			make -C tree -j2 MODE=debug $targets >$how.log
		else
			"$TRACER" -q --none -f make -C tree -j2 MODE=debug $targets >$how.log
		fi
		(cd tree/build && find . -name '*.o' -exec sha256sum {} + | sort) >$how
		rm -rf tree/build
	done
	[ -s native ] || fail "nothing was made"
	diff native traced
	diff <(sort native.log) <(sort traced.log)
}
limit_make_of_a_source_tree=$(rounds 120 3000)

# ---- the tests of python ---------------------------------------------------------------------------

python_tests() {
	[ "${SOAK:-}" ] || skip "long: in make soak"
	[ -d /usr/lib/python3.11/test/test_asyncio ] || skip "libpython3.11-testsuite is not installed"
	for how in native traced; do
		PREFIX=
		[ $how = native ] || PREFIX="$TRACER -q --none -f"
		# shellcheck disable=SC2086
		$PREFIX /usr/bin/python3.11 -m test "$@" >$how.log 2>&1 || fail "$how: $(tail -n 30 $how.log)"
	done
}

for name in signal threading subprocess asyncio; do
	eval "test_python_$name() { python_tests test_$name; }
	limit_python_$name=3000"
done

run_tests "$@"
