#!/usr/bin/env bash
# A program does the same under the tracer as without it: output, errors, exit status
# and the files that it writes.
. "$(dirname "$0")/../lib.sh"

# ---- the programs: name and command, run in an empty directory --------------------------

declare -A program

program[ls]='ls -lR /usr/share/doc/{bash,libc6,python3,perl,git}* /etc'
program[bash]='bash "$ROOT/tests/e2e/programs/jobs.bash"'
program[perl]='perl "$ROOT/tests/e2e/programs/words.pl"'
program[python3]='/usr/bin/python3 -I "$ROOT/tests/e2e/programs/threads.py"'
program[lua]='lua5.4 "$ROOT/tests/e2e/programs/tables.lua"'
program[luajit]='luajit "$ROOT/tests/e2e/programs/traces.lua"'
program[node]='node "$ROOT/tests/e2e/programs/engine.js"'
program[xz]='xz -0 -c "$DATA/text"'
program[unxz]='xz -dc "$DATA/text.xz"'
program[gzip]='gzip -nc "$DATA/text"'
program[gunzip]='gzip -dc "$DATA/text.gz"'
program[sqlite3]='sqlite3 db <"$ROOT/tests/e2e/programs/tables.sql"'
program[openssl_dgst]='openssl dgst -sha256 -sha512 "$DATA/text"'
program[git]='git -C "$ROOT" --no-pager log -p -n 3'
program[busybox]='busybox sh -c "busybox seq 300 | busybox sort -r | busybox md5sum; exit 3"'
program[musl_static]='"$VICTIMS/ends-static" exit 5'
program[stripped]='"$VICTIMS/ends-stripped" _exit 6'
program[nopie]='"$VICTIMS/ends-nopie" exit 7'
program[go]='"$VICTIMS/hello-go"'
program[rust]='"$VICTIMS/hello-rust"'
program[go_collector]='"$VICTIMS/gc-go"'
program[rust_panics]='"$VICTIMS/panics-rust"'
program[cxx_exceptions]='"$VICTIMS/thrown"'
program[first_thread_ends_first]='"$VICTIMS/ends" leader 9'
program[killed]='"$VICTIMS/ends" kill 9'
program[terminated]='"$VICTIMS/ends" kill 15'
program[aborts]='"$VICTIMS/ends" abort'
program[null_pointer]='"$VICTIMS/ends" null'
program[divides_by_zero]='"$VICTIMS/ends" divide'
program[wild_jump]='"$VICTIMS/ends" wild'
program[timer_signals]='"$VICTIMS/signals" 20'
program[code_that_changes]='"$VICTIMS/jit"'
program[filter_that_kills]='"$VICTIMS/filtered" kill 200'
program[filter_that_traps]='"$VICTIMS/filtered" trap 200'
program[clock_forbidden]='"$VICTIMS/filtered" clock'
program[not_found]='"$VICTIMS/no-such-program"'
program[not_executable]='"$ROOT/README.md"'
program[script]='"$ROOT/tests/e2e/programs/script"'
program[gcc]='gcc -O2 -c "$DATA/large.c" -o large.o'

modes=(none calls blocks insns coverage)
# what is too much for every check
declare -A not_in_check=([gcc]='blocks insns' [python3]="insns" [git]='insns' [go_collector]='blocks insns'
	[luajit]='insns' [node]='calls blocks insns coverage')
declare -A options=([gcc]='-f' [bash]='-f')
[ -x "$VICTIMS/hello-rust" ] || unset 'program[rust]' 'program[rust_panics]'

# ---- their data ----------------------------------------------------------------------------

# text: 40 kB that compresses well.  large.c: 5,000 lines, most of them tables.
make_data() {
	DATA=$TMP/data
	mkdir "$DATA"
	seq -f 'line %g of a text that repeats itself' 1000 >"$DATA/text"
	xz -k "$DATA/text"
	gzip -nk "$DATA/text"
	awk 'BEGIN {
		for (i = 0; i < 40; i++) {
			printf "static const int table%d[] = {\n", i
			for (j = 0; j < 118; j++)
				printf "\t%d,\n", (i * 7919 + j * 104729) % 65536
			printf "};\nint f%d(int a)\n{\n\treturn a ^ table%d[(a + %d) %% 118u];\n}\n", i, i, i
		}
	}' >"$DATA/large.c"
}

# run_program NAME DIR [TRACER...]: leaves DIR.out, DIR.err, DIR.status, DIR/.
run_program() {
	local command=${program[$1]} dir=$2

	shift 2
	PREFIX="$*"
	mkdir "$dir"
	echo 0 >"$dir.status"
	(cd "$dir" && eval "exec $PREFIX $command") >"$dir.out" 2>"$dir.err" ||
		echo $? >"$dir.status"
}

same() {
	local name=$1 mode=$2

	[ "$name" != git ] || [ -e "$ROOT/.git" ] || skip "no repository here"
	make_data
	run_program "$name" native 2>/dev/null
	# shellcheck disable=SC2086 # words, or none
	run_program "$name" traced "$TRACER" -q "--$mode" ${options[$name]:-} -o "$TMP/trace" \
		2>/dev/null
	case $name in   # the tracer says it, and not a shell
	not_*)
		[ -s traced.err ] || fail "not a word"
		: >native.err
		: >traced.err ;;
	*)	[ "$mode" = none ] || ends_complete trace ;;
	esac
	for what in out err status; do
		cmp native.$what traced.$what || {
			diff native.$what traced.$what | head -n 10
			fail "another $what"
		}
	done
	diff -r native traced || fail "other files"
}

for name in "${!program[@]}"; do
	for mode in "${modes[@]}"; do
		case " ${not_in_check[$name]:-} " in
		*" $mode "*) [ "${SOAK:-}" ] || continue ;;
		esac
		eval "test_${name}_under_$mode() { same $name $mode; }"
	done
done

# ---- what prints numbers of its own ----------------------------------------------------------

test_openssl_speed() {
	openssl speed -seconds 1 -bytes 64 sha256 2>&1 | tr -d '0-9.' | sed 's/  */ /g' >native
	"$TRACER" -q --none openssl speed -seconds 1 -bytes 64 sha256 2>&1 |
		tr -d '0-9.' | sed 's/  */ /g' >traced
	grep -v "^sha" native >native.text
	grep -v "^sha" traced >traced.text
	diff native.text traced.text
}

# ---- one processor for all of them: who looks for an answer keeps the other one from giving it ----

test_on_one_processor() {
	local one="taskset -c $(taskset -pc $$ | sed 's/.*: //; s/[-,].*//')"
	local threads="/usr/bin/python3 -I $ROOT/tests/e2e/programs/threads.py"

	# shellcheck disable=SC2086
	for options in --none "--calls -c -o text" "--blocks --record trace" "--coverage -o text"; do
		status=0
		$one $threads >native 2>native.errors || status=$?
		$one "$TRACER" -q $options $threads >traced 2>traced.errors || status=$((status - $?))
		[ $status = 0 ] || fail "$options: the status is another one"
		cmp native traced
		cmp native.errors traced.errors
	done
}

# ---- the arena out of reach: every pc-relative operand takes the long way ---------------------

for name in ls perl lua cxx_exceptions go xz timer_signals null_pointer; do
	for mode in none calls blocks insns; do
		eval "test_far_${name}_under_$mode() { export TRACER_TEST_FAR=1; same $name $mode; }"
	done
done

run_tests "$@"
