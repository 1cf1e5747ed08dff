# lib.sh: what the end-to-end tests share.  A test file
#
#     . "$(dirname "$0")/../lib.sh"
#     test_name_states_behaviour() { ... }
#     run_tests "$@"
#
# is a program: it runs each of its test_ functions (or those whose names match its
# argument, an extended regular expression) in a shell and a directory of its own,
# under `set -e`, for LIMIT seconds at most (limit_NAME=N for one test), and says `ok`,
# `FAIL` or `skip` a line.
#
# For the tests:  $TRACER  the program      $VICTIMS  the programs to trace
#                 $TMP     the directory    rounds CHECK SOAK  how often
#                 start CMD...  in the background, pid in $STARTED, ended with the test
#                 figure TEXT   what was measured, said below the test's `ok`
# shellcheck shell=bash disable=SC2034

set -eu -o pipefail
export LC_ALL=C TZ=UTC

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD_DIR=$ROOT/${TRACER_BUILD:-build/release}
TRACER=$BUILD_DIR/tracer
VICTIMS=$ROOT/build/victims
LIMIT=${LIMIT:-60}
STARTED=
started_pids=()

fail() {
	echo "$*" >&2
	exit 1
}

skip() {
	echo "$*"
	exit 77
}

# Debug registers do not trap on every virtual machine: what needs them is skipped there, and
# what goes either way goes one way.
[ -x "$VICTIMS/debug-registers" ] || fail "no $VICTIMS/debug-registers: make tests-build"
has_debug_registers() { "$VICTIMS/debug-registers" || [ $? = 2 ]; }
needs_debug_registers() { has_debug_registers || skip 'debug registers do not trap here'; }
watch_ways() { has_debug_registers && echo hw code || echo code; }

figure() {
	echo "figure: $*"
}

rounds() {
	if [ "${SOAK:-}" ]; then echo "$2"; else echo "$1"; fi
}

start() {
	"$@" &
	STARTED=$!
	started_pids+=("$STARTED")
}

# stop PID: ends what `start` began, and waits for it.
stop() {
	kill "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
}

end_started() {
	for pid in "${started_pids[@]}"; do
		# shellcheck disable=SC2046 # a server's workers, too
		kill -9 "$pid" $(pgrep -P "$pid") 2>/dev/null || true
	done
}

# wait_for SECONDS CMD...: until CMD succeeds.
wait_for() {
	local tries=$(($1 * 50))

	shift
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || fail "waited in vain for: $*"
		sleep 0.02
	done
}

# ends_complete FILE: it has lines, and the last one is whole.
ends_complete() {
	[ -s "$1" ] || fail "$1 is empty"
	[ "$(tail -c 1 "$1" | od -An -tx1)" = " 0a" ] ||
		fail "$1 ends in the middle of a line: $(tail -n 1 "$1")"
}

# is FILE TEXT: FILE is exactly TEXT and a newline.
is() {
	diff <(printf '%s\n' "$2") "$1" >&2 || fail "$1 differs (< what it should be)"
}

run_one() {
	TMP=$(mktemp -d "${TMPDIR:-/tmp}/tracer-test.XXXXXX")
	chmod 755 "$TMP"
	# A signal may reach a forked copy of this shell before it is the program.
	one_pid=$BASHPID
	trap '[ $BASHPID != $one_pid ] || { end_started; cd /; rm -rf "$TMP"; }' EXIT
	trap 'exit 143' TERM INT
	trap 'echo "${BASH_SOURCE[0]##*/}:$LINENO: status $?: $BASH_COMMAND" >&2' ERR
	set -E
	cd "$TMP"
	"$1"
}

run_tests() {
	local failed=0 file name status begun seconds limit log

	file=$(basename "$0" .sh)
	[ "$file" != run ] || file=golden
	if [ "${1:-}" = --one ]; then
		run_one "$2"
		return
	fi
	log=$(mktemp "${TMPDIR:-/tmp}/tracer-log.XXXXXX")
	# shellcheck disable=SC2064
	trap "rm -f $log" EXIT
	for name in $(declare -F | sed -n 's/^declare -f test_//p' | grep -E -- "${1:-}"); do
		limit=limit_$name
		begun=${EPOCHREALTIME/./}
		status=0
		timeout -k 10 "${!limit:-$LIMIT}" bash "$0" --one "test_$name" \
			>"$log" 2>&1 </dev/null || status=$?
		seconds=$(((${EPOCHREALTIME/./} - begun) / 100000))
		seconds=$((seconds / 10)).$((seconds % 10))
		case $status in
		0)	echo "ok    $file: $name ($seconds s)"
			sed -n 's/^figure: /      /p' "$log" ;;
		77)	echo "skip  $file: $name: $(tail -n 1 "$log")" ;;
		*)	failed=1
			[ $status != 124 ] && [ $status != 137 ] || echo "ran out of time" >>"$log"
			echo "FAIL  $file: $name ($seconds s)"
			tail -n 20 "$log" | cut -c -400 | sed 's/^/      /' ;;
		esac
	done
	return $failed
}
