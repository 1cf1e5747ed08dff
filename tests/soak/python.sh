#!/usr/bin/env bash
# The interpreter's own tests of signals, threads, processes and asynchronous input and
# output say the same while it is traced.
LIMIT=${LIMIT:-1200}
. "$(dirname "$0")/../lib.sh"

python=/usr/bin/python3

# verdict [CMD...]: of module $module, a line a test: ok, FAIL, skipped
verdict() {
	"$@" "$python" -m test -v "$module" >log 2>&1 || true
	sed -nE 's/^(test_[a-zA-Z0-9_]+ \([^)]*\)).*\.\.\. (ok|FAIL|ERROR|skipped|expected failure).*/\1 \2/p' log | sort
}

same_verdict() {
	module=$1
	"$python" -c "import test.$module" || skip "no test suite of python"
	verdict >native
	[ "$(grep -c ' ok$' native)" -gt 20 ] || fail "natively: $(tail -n 5 log)"
	for options in '--none' '--none -f' '--calls -c -o table -f'; do
		# shellcheck disable=SC2086 # words
		verdict "$TRACER" -q $options >traced
		diff native traced >&2 || fail "$options: $(grep -A 20 -E '^(FAIL|ERROR):' log | head -n 60)"
	done
}

for module in test_signal test_threading test_subprocess test_asyncio; do
	eval "test_$module() { same_verdict $module; }"
done

run_tests "$@"
