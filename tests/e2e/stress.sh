#!/usr/bin/env bash
# stress-ng, whose stressors check their own results: the verdict under the tracer is
# the native one.  The stressor is a child of stress-ng, so -f is what counts.
. "$(dirname "$0")/../lib.sh"

# name:ops[:options]; so many operations that it takes a moment natively.  mutex says that it
# could create no threads if its first, a real-time one, has done all before pthread_create returns
# (natively too: strace --inject=clone3:delay_exit=1000000 with 1,000), so it gets more.
stressors=(
	signal:2000 sigsegv:500 sigfpe:500 sigsuspend:100 sigq:1000 sigrt:1000 sigchld:30
	sigtrap:1000 sigabrt:20 timer:500 itimer:100
	clone:10 fork:20 vfork:50 pthread:20 exec:5 zombie:50
	futex:1000 poll:100 epoll:20 sem:1000 sem-sysv:1000 mutex:20000 pipe:1000
	mmap:1:--mmap-bytes\ 1M mprotect:200 mremap:1:--mremap-bytes\ 1M madvise:1 stack:1
	context:100 cpu:80:--cpu-method\ all vecmath:20 memcpy:5 str:100
	tsc:200 x86syscall:200 x86cpuid:20 rseq:2 seccomp:10 set:20 procfs:2
)

# These never end by their number of operations, or not for sure.
declare -A at_most=([sem]=1 [exec]=1 [sigsuspend]=5 [rseq]=3)

# Where it does not run as it comes: exec refuses root; the C library has taken rseq.
declare -A before=(
	[exec]='setpriv --reuid=65534 --regid=65534 --clear-groups'
	[rseq]='env GLIBC_TUNABLES=glibc.pthread.rseq=0'
)

# What it says of its success, without the numbers.
verdict() {
	grep -E 'passed|fail|skip|error|successful|unrecognized|invalid' "$1" |
		sed 's/\[[0-9]*\] //; s/completed in.*//; s/[0-9][0-9.]*/N/g'
	echo "status $2"
}

# stress FILE [TRACER...]
stress() {
	local file=$1 status=0

	shift
	# shellcheck disable=SC2086 # words, or none
	"$@" ${before[$name]:-} stress-ng "--$name" 1 "--$name-ops" "$ops" $options --verify \
		--timeout "${at_most[$name]:-$((20 * $(rounds 1 20)))}" --temp-path "$TMP/temp" \
		>"$file.log" 2>&1 || status=$?
	verdict "$file.log" "$status" >"$file"
}

same_verdict() {
	local name ops options

	IFS=: read -r name ops options <<<"$1"
	ops=$((ops * $(rounds 1 10)))
	mkdir -m 777 temp
	stress native
	if ! grep -q ' successful' native; then
		stress traced "$TRACER" -q --none -f
		diff native traced >&2 || fail "it is refused, but not natively: $(cat traced.log)"
		skip "$(head -n 1 native.log)"
	fi
	stress none "$TRACER" -q --none -f
	diff native none >&2 || fail "--none: $(cat none.log)"
	stress calls "$TRACER" -q --calls -c -f -o trace
	diff native calls >&2 || fail "--calls: $(cat calls.log)"
	[ -s trace ] || fail "no calls"
}

for stressor in "${stressors[@]}"; do
	eval "test_stress_$(tr - _ <<<"${stressor%%:*}")() { same_verdict '$stressor'; }"
	eval "limit_stress_$(tr - _ <<<"${stressor%%:*}")=$(rounds 90 1800)"
done

run_tests "$@"
