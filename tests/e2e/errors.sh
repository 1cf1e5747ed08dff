#!/usr/bin/env bash
# What cannot be done is said in one clear line, with the right exit status, and the
# program that it is about is none the worse.
. "$(dirname "$0")/../lib.sh"

# refused STATUS TEXT ARG...: the tracer ends with STATUS and one line that has TEXT.
refused() {
	local want=$1 text=$2 status=0

	shift 2
	"$TRACER" "$@" >out 2>err || status=$?
	[ $status = "$want" ] || fail "status $status: $(cat err)"
	[ "$(wc -l <err)" = 1 ] || fail "not one line: $(cat err)"
	grep -q '^tracer: .' err || fail "$(cat err)"
	grep -qi -- "$text" err || fail "$(cat err)"
	[ ! -s out ] || fail "on standard output: $(cat out)"
}

is_well() {
	kill -0 "$1" || fail "it is gone"
	[ "$(sed -n 's/^TracerPid:\t//p' "/proc/$1/status")" = "${2:-0}" ] || fail "it is traced"
}

test_no_such_process() { refused 1 'no such process' -p 4194303; }
test_no_number() { refused 2 'xyz' -p xyz; }
test_empty_list() { refused 2 'p' -p ''; }

test_process_of_another_user() {
	local status=0

	if [ "$(id -u)" != 0 ]; then
		refused 1 'permi' -p 1
		return
	fi
	start sleep 100
	sleep 0.1
	install -m 755 "$TRACER" tracer
	setpriv --reuid=65534 --regid=65534 --clear-groups ./tracer -p "$STARTED" 2>err ||
		status=$?
	[ $status = 1 ] || fail "status $status: $(cat err)"
	[ "$(wc -l <err)" = 1 ] || fail "$(cat err)"
	grep -qi 'permi\|not yours\|another user' err || fail "$(cat err)"
	is_well "$STARTED"
}

test_already_traced() {
	start sleep 100
	local pid=$STARTED
	sleep 0.1
	mkfifo in
	gdb -q -nx -p "$pid" <in >gdb.log 2>&1 &
	gdb=$!
	started_pids+=("$gdb")
	exec 3>in
	wait_for 10 grep -q "^TracerPid:[[:space:]]*$gdb" "/proc/$pid/status"
	refused 1 "traced.*gdb" -p "$pid"
	is_well "$pid" "$gdb"
	echo detach >&3
	echo quit >&3
	wait "$gdb"
	is_well "$pid"
}

test_kernel_thread() {
	grep -q '^Name:[[:space:]]*kthreadd$' /proc/2/status || skip "no kernel thread in sight"
	refused 1 'kernel' -p 2
}

test_zombie() {
	bash -c 'sleep 0.5 & echo $! >zombie; exec sleep 100' &
	started_pids+=($!)
	wait_for 5 test -s zombie
	zombie=$(cat zombie)
	wait_for 5 grep -q '^State:[[:space:]]*Z' "/proc/$zombie/status"
	refused 1 'zombie\|ended\|exited' -p "$zombie"
}

test_itself_or_its_parent() { refused 1 '.' -p $$; }

test_program_of_32_bits() {
	status=0
	"$VICTIMS/bits32" 2>err || status=$?
	[ $status != 126 ] || skip "this kernel has no programs of 32 bits: $(cat err)"
	[ $status = 7 ]
	refused 126 '64-bit' "$VICTIMS/bits32"
}

test_not_found() { refused 127 'no such file\|not found' no-such-program; }
test_not_found_by_path() { refused 127 'no such file' ./no-such-program; }
test_not_executable() {
	echo text >file
	refused 126 'permission' ./file
}
test_directory() { refused 126 '.' /tmp; }

test_output_that_cannot_be_opened() { refused 1 '/no/such/file' -o /no/such/file true; }

# The program runs on.
test_output_that_is_full() {
	status=0
	"$TRACER" -o /dev/full --calls sh -c 'echo still here' >out 2>err || status=$?
	[ $status = 1 ]
	[ "$(grep -c '^tracer: .*No space' err)" = 1 ]
	is out 'still here'
}

test_attached_output_that_is_full() {
	start "$VICTIMS/signals" 60 >program
	status=0
	"$TRACER" -p "$STARTED" --calls -o /dev/full >out 2>err || status=$?
	[ $status = 1 ] || fail "status $status"
	[ "$(wc -l <err)" = 1 ] || fail "$(cat err)"
	wait "$STARTED"
	is program 'faults 60, bad pc 0, jumps 6'
}

test_reader_that_goes_away() {
	"$TRACER" -q --insns -o '|head -n 1 >first' sh -c 'echo still here' >out
	is out 'still here'
	[ "$(wc -l <first)" = 1 ]
}

test_unknown_option() { refused 2 '--bogus' --bogus true; }
test_unknown_letter() { refused 2 '-Z' -Z true; }
test_value_missing() { refused 2 'o' -o; }
test_nothing_to_do() { refused 2 '.'; }
test_two_kinds() { refused 2 '--calls, --blocks' --blocks --insns true; }
test_unknown_format() { refused 2 'text, json' --format xml true; }
test_bad_depth() { refused 2 '-D' -D x true; }
test_bad_limit() { refused 2 '--limit' --limit -1 true; }
test_bad_duration() { refused 2 '--duration' --duration 5y true; }
test_bad_pattern() { refused 2 '.' -F '/(/' true; }
test_bad_length() { refused 2 '0x1000:x' --watch 0x1000:x true; }
test_length_zero() { refused 2 'length' --watch 0x1000:0 true; }
test_bad_access() { refused 2 '.' --watch 0x1000:4:q true; }
test_bad_watch_way() { refused 2 'auto, hw, code' --watch 0x1000:4 --watch-with x true; }
test_watch_way_without_watch() { refused 2 'watch-with' --watch-with hw true; }
test_bad_when() { refused 2 '==, !=, <, <=' --watch 0x1000:4 --when 'x' true; }
test_when_without_watch() { refused 2 '--watch' --when '== 1' true; }
test_stack_without_watch() { refused 2 '--watch' -k true; }
test_wait_without_watch() { refused 2 '--watch' --wait true; }
test_watched_memory_not_mapped() { refused 1 'nothing is mapped at 0x1000' --watch 0x1000:4 true; }
test_no_such_member() { refused 1 'branch.x' --watch bank::branch.x "$VICTIMS/corrupted"; }
test_too_much_for_debug_registers() {
	refused 1 'watch-with code' --watch text:7 --watch text+1:7 --watch-with hw \
		"$VICTIMS/watched"
}
test_no_such_symbol() { refused 1 'no_such_symbol' --watch no_such_symbol "$VICTIMS/watched"; }

test_no_such_symbol_in_running_program() {
	start "$VICTIMS/watched" 20
	sleep 0.2
	refused 1 'no_such_symbol' -p "$STARTED" --watch no_such_symbol
	is_well "$STARTED"
}

test_help_and_version() {
	"$TRACER" --help >help
	grep -q '^usage: tracer' help
	[ "$("$TRACER" --version | wc -l)" = 1 ]
}

# Whoever starts us may ignore what we need to hear; the program ignores it as it would.
test_started_where_child_signals_are_ignored() {
	/usr/bin/python3 -c 'import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])' "$TRACER" -q --none grep -e SigIgn -e nothing /proc/self/status >out
	/usr/bin/python3 -c 'import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execvp(sys.argv[1], sys.argv[1:])' grep -e SigIgn -e nothing /proc/self/status >native
	# SIGCHLD and SIGPIPE
	[ $((0x$(awk '{ print $2 }' native) & 0x11000)) = $((0x11000)) ] || fail "$(cat native)"
	[ $((0x$(awk '{ print $2 }' out) & 0x11000)) = $((0x11000)) ] || fail "$(cat out)"
}

run_tests "$@"
