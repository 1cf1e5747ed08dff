#!/usr/bin/env bash
# The interpreter's own tests of signals, threads, processes and asynchronous input and
# output say the same while it is traced.
LIMIT=${LIMIT:-1200}
. "$(dirname "$0")/../lib.sh"

python=/usr/bin/python3

# verdict [CMD...]: of module $module, a line a test: ok, skipped, failure, error
verdict() {
	"$@" "$python" -m test --junit-xml results.xml -v "$module" >log 2>&1 || true
	"$python" - results.xml <<-'END' | sort
		import sys, xml.etree.ElementTree as tree
		for case in tree.parse(sys.argv[1]).iter('testcase'):
		    kinds = [c.tag for c in case if c.tag in ('skipped', 'failure', 'error')]
		    print(case.get('name'), kinds[0] if kinds else 'ok')
	END
}

same_verdict() {
	module=$1
	"$python" -c "import test.$module" || skip "no test suite of python"
	verdict >native
	[ "$(grep -c ' ok$' native)" -gt 20 ] || fail "natively: $(tail -n 5 log)"
	for options in '--none' '--none -f' '--calls -c -o table -f'; do
		# shellcheck disable=SC2086 # words
		verdict "$TRACER" -q $options >traced
		diff native traced >&2 || fail "$options: $(grep -A 20 -E '^(FAIL|ERROR):' log | head -n 60 || true)"
	done
}

for module in test_signal test_threading test_subprocess test_asyncio; do
	eval "test_$module() { same_verdict $module; }"
done

run_tests "$@"
