#!/usr/bin/env bash
# The life of programs: signals by the thousand, short threads, namespaces, programs that
# use what we use.
. "$(dirname "$0")/../lib.sh"

# ---- signals and threads in great numbers ------------------------------------------------

# flood WHAT N: the same words as natively.
flood() {
	"$VICTIMS/flood" "$@" >native 2>/dev/null
	for mode in --none '--calls --no-time -c -o table'; do
		# shellcheck disable=SC2086 # words
		"$TRACER" -q $mode -f "$VICTIMS/flood" "$@" >traced 2>took || fail "$mode: status $?: $(cat took)"
		diff native traced || fail "$mode: another output"
	done
}

test_flood_to_itself() { flood kill 5000; }
test_flood_of_timer() { flood timer 2000; }
test_flood_with_new_handler_each() { flood catch 2000; }
test_flood_ignored() { flood ignored 5000; }
test_flood_of_threads() { flood threads 2000; }

# The sender is faster than we deliver: who gets them must get on nevertheless.
test_flood_from_another() { flood suspend 5000; }

run_tests "$@"
