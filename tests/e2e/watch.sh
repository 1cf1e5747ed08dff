#!/usr/bin/env bash
# --watch: every access, no more and no less, with the values before and behind it;
# against single steps, and against what programs count themselves.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../servers.sh"

E2E=$ROOT/tests/e2e

test_sees_every_write() {
	"$TRACER" -q --watch counter -o trace "$VICTIMS/watched" >out
	is out '-1 -1'
	[ "$(grep -c ' write counter ' trace)" = 10 ] || fail "$(cat trace)"
	sed -n 's/.*bytes) \(.* -> [^ ]*\) .*/\1/p' trace >values
	printf '%s\n' '0 -> 0' '0 -> 10' '10 -> 20' '20 -> 30' '30 -> 31' '31 -> 32' \
		'32 -> 33' '33 -> 34' '34 -> 35' '35 -> -1' | diff - values
}

test_sees_every_read_and_write() {
	"$TRACER" -q --watch counter:4:rw -o trace "$VICTIMS/watched" >/dev/null
	[ "$(grep -c ' write counter ' trace)" = 10 ] || fail "$(cat trace)"
	[ "$(grep -c ' read counter ' trace)" = 7 ] || fail "$(cat trace)"
}

# An instruction that reads and writes has read what was there before.
test_reads_of_what_is_written_at_once() {
	cat >rmw.c <<-'C'
		int word;
		int main(void)
		{
			for (int i = 0; i < 4; i++)
				__asm__ volatile("incl %0" : "+m"(word));
			__asm__ volatile("lock xaddl %1, %0" : "+m"(word) : "r"(7));
			return 0;
		}
	C
	gcc -O1 -g -o rmw rmw.c
	"$TRACER" -q --watch-with code --watch word:4:rw -o trace ./rmw
	sed -n 's/.* \(read\|write\) word ([^)]*) \(.*\) at .*/\1 \2/p' trace >got
	printf '%s\n' 'read 0' 'write 0 -> 1' 'read 1' 'write 1 -> 2' 'read 2' 'write 2 -> 3' \
		'read 3' 'write 3 -> 4' 'read 4' 'write 4 -> 11' | diff - got
}

test_one_byte() {
	"$TRACER" -q --watch text+3:1 -o trace "$VICTIMS/watched" >/dev/null
	[ "$(wc -l <trace)" = 1 ] || fail "$(cat trace)"
}

test_running_program() {
	start "$VICTIMS/watched" 1
	sleep 0.3
	"$TRACER" -q -p "$STARTED" --watch counter -o trace
	wait "$STARTED"
	[ "$(grep -c ' write counter ' trace)" = 10 ] || fail "$(cat trace)"
}

# ---- the ways ---------------------------------------------------------------------------------

# Where they do not trap, who asks for them is told, and who does not gets code.
test_says_whether_debug_registers_trap() {
	if has_debug_registers; then
		"$TRACER" -v --watch-with hw --watch counter -o trace "$VICTIMS/watched" 2>said >/dev/null
		grep -q 'by debug registers' said || fail "$(cat said)"
		return
	fi
	"$TRACER" --watch-with hw --watch counter -o trace "$VICTIMS/watched" 2>said && fail "it watches"
	grep -q 'do not trap on this machine.* use --watch-with code' said || fail "$(cat said)"
	"$TRACER" -v --watch counter -o trace "$VICTIMS/watched" 2>said >/dev/null
	grep -q 'by translated code (debug registers do not trap on this machine)' said || fail "$(cat said)"
}

test_says_its_way() {
	needs_debug_registers
	"$TRACER" -v --watch counter -o trace "$VICTIMS/watched" 2>said >/dev/null
	grep -q -e '--watch: by debug registers (1 of 4)' said || fail "$(cat said)"
	"$TRACER" -v --watch-with hw --watch counter --watch text:7 -o trace "$VICTIMS/watched" \
		2>said >/dev/null
	grep -q -e "--watch: by debug registers (4 of 4; not the kernel's writes)" said ||
		fail "$(cat said)"
	"$TRACER" -v --watch counter --watch text:7 -o trace "$VICTIMS/watched" 2>said >/dev/null
	grep -q -e '--watch: by translated code (one store may hit two of the places)' said ||
		fail "$(cat said)"
	"$TRACER" -v --watch counter --watch text:7 --watch text+7:1 \
		-o trace "$VICTIMS/watched" 2>said >/dev/null
	grep -q -e '--watch: by translated code (four debug registers are too few)' said ||
		fail "$(cat said)"
	"$TRACER" -v --watch-with code --watch counter -o trace "$VICTIMS/watched" 2>said >/dev/null
	grep -q -e '--watch: by translated code (as --watch-with says)' said || fail "$(cat said)"
}

test_is_the_same_both_ways() {
	needs_debug_registers
	for way in $(watch_ways); do
		"$TRACER" -q --watch-with $way --watch counter:4:rw -k -o trace "$VICTIMS/watched" \
			>/dev/null
		sed 's/^\[[0-9]*\] //; s/(0x[0-9a-f]*/(/' trace >trace.$way
	done
	diff trace.hw trace.code
}

# ---- every kind of store ------------------------------------------------------------------------

# stores_are_single_steps SEED COUNT OFFSET LEN
stores_are_single_steps() {
	local place

	/usr/bin/python3 "$E2E/stores.py" "$1" "$2" >stores.S
	gcc -nostdlib -static -no-pie -Wl,--build-id=none -o stores stores.S
	place=$(nm stores | awk '$3 == "place" { print $1 }')
	place=$(printf %x $((0x$place + $3)))
	"$VICTIMS/stepper" -w "$place:$4" steps ./stores
	"$TRACER" -q --watch-with code --watch "0x$place:$4" --format json -o trace ./stores
	/usr/bin/python3 "$E2E/changes.py" steps trace || fail "seed $1, $2 stores, place+$3:$4"
}

test_each_kind_of_store_is_a_single_step() { stores_are_single_steps 0 1000 0 64; }
test_each_kind_of_store_into_a_word() { stores_are_single_steps 0 1000 12 8; }

limit_random_stores_are_single_steps=300
test_random_stores_are_single_steps() {
	for _ in $(seq "$(rounds 4 200)"); do
		stores_are_single_steps $((1 + RANDOM)) 300 $((RANDOM % 100 - 20)) $((1 + RANDOM % 50))
	done
}

# A gather reads as many places as its mask says: seed, length.
gathers_read() {
	/usr/bin/python3 "$E2E/gathers.py" "$1" 300 $(($1 % 64 - 20)) "$2" expected >gathers.S
	gcc -nostdlib -static -no-pie -Wl,--build-id=none -o gathers gathers.S
	place=$(nm gathers | awk '$3 == "place" { print $1 }')
	place=$(printf %x $((0x$place + $1 % 64 - 20)))
	"$TRACER" -q --watch-with code --watch "0x$place:$2:r" --format json -o trace ./gathers
	grep '"type":"read"' trace | sed 's/.*"pc":"0x\([0-9a-f]*\)".*/\1/' | uniq >pcs
	nm gathers | awk 'NR == FNR { name[$1] = $3; next } { print name[sprintf("%16s", $1)] }' - \
		<(sed 's/^/0000000000000000/; s/.*\(.\{16\}\)$/\1/' pcs) >got
	[ -s expected ]
	diff expected got || fail "seed $1, $2 bytes"
}

limit_gathers_read_what_their_masks_say=120
test_gathers_read_what_their_masks_say() {
	grep -qw avx2 /proc/cpuinfo || skip 'no AVX2'
	for seed in $(seq "$(rounds 8 200)"); do
		gathers_read "$seed" $((1 + seed * 7 % 40))
	done
}

# Its first element is stored, its second faults; the handler makes it possible, and it goes on there.
test_scatter_that_faults_on_its_way() {
	grep -qw avx512vl /proc/cpuinfo || skip 'no AVX-512'
	gcc -O1 -g -mavx512f -mavx512vl -o scatters -x c - <<-'C'
		#include <immintrin.h>
		#include <signal.h>
		#include <sys/mman.h>
		int place;
		static char *page;
		static void on_fault(int number) { mprotect(page, 4096, PROT_READ | PROT_WRITE); }
		int main(void)
		{
			signal(SIGSEGV, on_fault);
			page = mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			const long to[4] = { (long)&place, (long)page, (long)page + 8, (long)page + 16 };
			_mm256_i64scatter_epi32((void *)0, _mm256_loadu_si256((const void *)to), _mm_set1_epi32(7), 1);
			return place != 7;
		}
	C
	"$TRACER" -q --watch-with code --watch place --format json -o trace ./scatters
	[ "$(grep -c '"type":"write"' trace)" = 1 ] || fail "$(cat trace)"
	grep -q '"function":"main".*"new":7' trace || fail "$(cat trace)"
}

# A stack is memory like any other: pushes, calls and locals of a recursion that is on a
# stack in static memory.  A second range, far away, changes nothing.
limit_stores_on_a_stack_are_single_steps=300
test_stores_on_a_stack_are_single_steps() {
	local end at len

	gcc -O2 -nostdlib -static -no-pie -fno-stack-protector -Wl,--build-id=none -o recursion -x c - <<-'C'
		char stack[65536];
		long order[64];
		__attribute__((noipa)) long leaf(long n, volatile long *p) { p[n & 3] ^= n; return p[1]; }
		__attribute__((noipa)) long deeper(long n, volatile long *p)
		{
			volatile long local[6];
			volatile char text[40];
			for (int i = 0; i < 6; i++)
				local[i] = n + i;
			for (int i = 0; i < 12; i++)
				text[i] = (char)(n * i);
			if (!n)
				return local[2] + text[7];
			long r = deeper(n - 1, local) + local[n % 6] + leaf(n, local + 1);
			p[1] += r;
			order[n & 63] = r;
			return r * 3 + leaf(r, p);
		}
		__attribute__((noipa)) long begin(void)
		{
			volatile long top[4] = { 0 };
			long r = 0;
			for (int i = 0; i < 3; i++)
				r += deeper(10 + i, top);
			return r;
		}
		__asm__(".globl _start\n_start: lea stack+65536(%rip), %rsp\n call begin\n"
			"mov $60, %eax\n xor %edi, %edi\n syscall\n");
	C
	end=$((0x$(nm recursion | awk '$3 == "stack" { print $1 }') + 65536))
	for _ in $(seq "$(rounds 5 100)"); do
		at=$(printf %x $((end - RANDOM % 2000)))
		len=$((1 + RANDOM % 40))
		"$VICTIMS/stepper" -w "$at:$len" steps ./recursion
		"$TRACER" -q --wait --watch-with code --watch "0x$at:$len" --watch 0x7f0000000000:64 \
			--format json -o trace ./recursion
		/usr/bin/python3 "$E2E/changes.py" steps trace || fail "0x$at:$len"
	done
}

# What is known of rsp is passed on from block to block: deep recursions with frames of all
# sizes, calls through pointers, allocations, jumps out and a change of stacks all come
# near the ranges at last, and leave them.
limit_stores_along_two_stacks_are_single_steps=300
test_stores_along_two_stacks_are_single_steps() {
	local end at len

	gcc -O2 -nostdlib -static -no-pie -fno-stack-protector -mno-red-zone -Wl,--build-id=none \
		-o stacks -x c - <<-'C'
		char stack[65536], other[65536];
		long order[64], *resume, *there;
		long deeper(long n, volatile long *p);
		void swap(long **save, long *to);
		__asm__("swap: push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
			"mov %rsp, (%rdi)\n mov %rsi, %rsp\n"
			"pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n");
		__attribute__((noipa)) long leaf(long n, volatile long *p)
		{
			if (n & 1)
				p[n & 3] ^= n;
			return p[1];
		}
		__attribute__((noipa)) long framed(long n, volatile long *p)
		{
			volatile char *text = __builtin_alloca(16 + n * 37 % 900);
			text[0] = text[15] = (char)n;
			long r = n ? deeper(n - 1, p) : 1;
			text[n & 15] = (char)r;
			return r + text[0] + leaf(n, p);
		}
		__attribute__((noipa)) long large(long n, volatile long *p)
		{
			volatile long local[260];
			local[n & 255] = local[255] = n;
			long r = n ? deeper(n - 1, local) : p[0];
			local[0] += r;
			return local[0] + local[n & 255];
		}
		__attribute__((noipa, noreturn)) void leave(void **to) { __builtin_longjmp(to, 1); }
		__attribute__((noipa)) long leaves(long n, volatile long *p)
		{
			void *to[5];
			volatile long local = n;
			if (!__builtin_setjmp(to)) {
				volatile long inner[4];
				inner[n & 3] = n ? deeper(n - 1, inner) : p[1];
				leave(to);
			}
			local += n;
			return local;
		}
		long (*const down[3])(long, volatile long *) = { framed, leaves, large };
		long (*volatile last)(long, volatile long *) = leaf;
		__attribute__((noipa)) long deeper(long n, volatile long *p)
		{
			volatile long local[3] = { n, n * 3, 5 };
			long r = local[n % 3];
			if (n > 2)
				r += n % 3 ? deeper(n - 1, local) : down[n / 3 % 3](n - 1, local);
			local[1] += r;
			order[n & 63] = r + leaf(n, local) + last(r, p);
			return r * 3 + local[1];
		}
		__attribute__((noipa)) void on_other(void)
		{
			volatile long top[4] = { 0 };
			for (long i = 0;; i++) {
				order[1] += deeper(30 + i * 41 % 90, top);
				swap(&there, resume);
			}
		}
		__attribute__((noipa)) long begin(void)
		{
			volatile long top[4] = { 0 };
			long r = 0;
			there = (long *)(other + sizeof other) - 10;
			there[6] = (long)on_other;
			for (int i = 0; i < 9; i++) {
				r += deeper(i * 43 % 130, top);
				swap(&resume, there);
			}
			return r;
		}
		__asm__(".globl _start\n_start: lea stack+65536(%rip), %rsp\n call begin\n"
			"mov $60, %eax\n xor %edi, %edi\n syscall\n");
	C
	for _ in $(seq "$(rounds 1 60)"); do
		end=$((0x$(nm stacks | awk -v name="$((RANDOM & 1))" \
			'$3 == (name ? "stack" : "other") { print $1 }') + 65536))
		at=$(printf %x $((end - RANDOM * RANDOM % 12000)))
		len=$((1 + RANDOM % 40))
		"$VICTIMS/stepper" -w "$at:$len" steps ./stacks
		"$TRACER" -q --wait --watch-with code --watch "0x$at:$len" --format json -o trace ./stacks
		/usr/bin/python3 "$E2E/changes.py" steps trace || fail "0x$at:$len"
	done
}

# Ranges that are far apart have a check each, whatever registers the operand has; what is
# next to them is none of them.
test_ranges_that_are_far_apart() {
	local many=()

	gcc -O1 -g -o apart -x c - <<-'C'
		volatile int a[6][65536];
		static void put(int round, int i, long k)
		{
			long at = 4 * k;
			char *base = (char *)a[i], *here;
			__asm__ volatile("movl %1, (%%rax,%2)" : : "a"(base), "r"(round), "r"(at) : "memory");
			__asm__ volatile("movl %1, (%%rcx,%2)" : : "c"(base), "r"(round), "r"(at) : "memory");
			__asm__ volatile("movl %1, (%2,%%rax)" : : "a"(at), "r"(round), "r"(base) : "memory");
			__asm__ volatile("movl %%eax, (%1,%2)" : : "a"(round), "r"(base), "r"(at) : "memory");
			__asm__ volatile("mov %%fs:0, %0" : "=r"(here));
			__asm__ volatile("movl %1, %%fs:(%%rax,%2)" : :
					 "a"(base - here), "r"(round), "r"(at) : "memory");
			__asm__ volatile("movw %w1, (%%rax,%2)" : : "a"(base), "r"(round), "r"(at) : "memory");
			__asm__ volatile("movb %b1, 3(%%rax,%2)" : : "a"(base), "q"(round), "r"(at) : "memory");
		}
		int main(void)
		{
			for (int round = 0; round < 3; round++)
				for (int i = 0; i < 6; i++)
					for (int k = 96; k < 104; k++)
						put(round, i, k);
			return 0;
		}
	C
	for i in 0 1 2 3 4 5; do
		many+=(--watch "a+$((i * 262144 + 400)):4")
		"$TRACER" -q --watch-with code "${many[@]}" -o trace ./apart
		sed -n 's/^.* write \(a+[0-9]*\) (.*/\1/p' trace | sort | uniq -c >counts
		[ "$(awk '$1 == 21' counts | wc -l)" = $((i + 1)) ] || fail "$((i + 1)): $(cat counts)"
		[ "$(wc -l <trace)" = $(((i + 1) * 21)) ] || fail "$(wc -l <trace) lines"
	done
}

test_same_value_stored_is_a_write() {
	"$TRACER" -q --watch-with code --watch counter -o trace "$VICTIMS/watched" >/dev/null
	grep -q ' 0 -> 0 at watched!set' trace || fail "$(cat trace)"
}

# A store that faults is no write, and its handler is told what it is told natively.
test_stores_that_fault() {
	"$VICTIMS/guarded" >native
	for way in $(watch_ways); do
		"$TRACER" -q --wait --watch-with $way --watch 0x10000000:8 -o trace \
			"$VICTIMS/guarded" >out 2>said
		diff native out
	done
	[ "$(wc -l <out)" = 9 ]
	sed -n 's/.*bytes) \(.* -> [^ ]*\) .*/\1/p' trace >values
	printf '%s\n' '0 -> 1' '1 -> 2' '2 -> 3' '0 -> 40' '40 -> 41' '41 -> 42' | diff - values ||
		fail "$(cat trace)"
}

# ---- threads ----------------------------------------------------------------------------------------

# growing THREADS WRITES OPTIONS...: the table has what the program counted.
growing() {
	local threads=$1 writes=$2

	shift 2
	"$TRACER" -q -c -o table "$@" "$VICTIMS/growing" "$threads" "$writes" >counted
	awk '/growing!first/ { a = $1 } /growing!second/ { b = $1 } END { print a, b }' table |
		diff counted - || fail "$(cat table)"
}

limit_no_write_is_lost=200
test_no_write_is_lost() { growing 1 "$(rounds 1000000 10000000)" --watch buff; }

limit_no_write_of_eight_threads_is_lost=200
test_no_write_of_eight_threads_is_lost() { growing 8 "$(rounds 125000 1250000)" --watch buff; }

# Each access begins with what the one before has left, of whatever thread.
test_values_of_eight_threads_are_a_chain() {
	"$TRACER" -q --watch buff --format json -o trace "$VICTIMS/growing" 8 2000 >/dev/null
	/usr/bin/python3 - <<'P'
import json
last = {}
n = 0
for line in open('trace'):
    e = json.loads(line)
    if e['type'] != 'write':
        continue
    if e['old'] != last.get(e['address'], 0):
        raise SystemExit(f'{line}: it was {last.get(e["address"], 0)}')
    last[e['address']] = e['new']
    n += 1
assert n == 16000, n
P
}

# The same of every kind of store at once, of the kernel's writes between them, and of what
# is there at the end.
limit_values_of_mixed_stores_are_a_chain=200
test_values_of_mixed_stores_are_a_chain() {
	"$TRACER" -q --watch-with code --watch place --format json -o trace "$VICTIMS/mixed" 8 \
		"$(rounds 3000 100000)" >out
	/usr/bin/python3 - "$(cat out)" <<'P'
import json, sys
place = bytearray(64)
def as_bytes(value, size):
    if isinstance(value, str):
        return bytes.fromhex(value)
    return (value % (1 << 8 * size)).to_bytes(size, 'little')
for line in open('trace'):
    e = json.loads(line)
    if e['type'] != 'write':
        continue
    at, size = int(e['address'], 16) & 63, e['size']
    if as_bytes(e['old'], size) != place[at:at + size]:
        raise SystemExit(f'{line}: it was {place[at:at + size].hex()}')
    place[at:at + size] = as_bytes(e['new'], size)
if place.hex() != sys.argv[1]:
    raise SystemExit(f'at the end {place.hex()}, not {sys.argv[1]}')
P
}

# Stops between an access and its report lose nothing.
test_signals_and_detach_lose_nothing() {
	start "$VICTIMS/growing" 4 100000000000 0.2
	wait_for 5 grep -q growing "/proc/$STARTED/maps"
	for _ in 1 2 3 4 5; do
		"$TRACER" -q -p "$STARTED" --watch buff --duration 50ms --format json -o trace
		/usr/bin/python3 - <<'P'
import json
last = {}
for line in open('trace'):
    e = json.loads(line)
    if e['type'] != 'write':
        continue
    if e['address'] in last and e['old'] != last[e['address']]:
        raise SystemExit(f'{line}: it was {last[e["address"]]}')
    last[e['address']] = e['new']
P
	done
}

# ---- the kernel, and others ----------------------------------------------------------------------

test_writes_by_the_kernel_are_named() {
	"$TRACER" -q --watch-with code --watch place -o trace "$VICTIMS/kernel" >ways
	# The last one, by the end of a thread, another thread may see before that end is known.
	sed -n 's/.* by \([a-z_]*\)(2).*/\1/p; s/.* 1 -> 0 by someone else$/exit/p' trace >named
	grep -v -e signal -e someone ways | diff - named || fail "$(cat trace)"
}

# A thread's end is behind the last trap that it could tell of.
test_writes_by_the_kernel_are_named_by_registers() {
	local at

	needs_debug_registers
	[ "$(id -u)" = 0 ] || [ "$(cat /proc/sys/kernel/perf_event_paranoid)" -lt 2 ] ||
		skip 'breakpoints in the kernel are not allowed'
	"$TRACER" -v --watch place -o trace "$VICTIMS/kernel" 2>said >ways
	grep -q -e '--watch: by debug registers (1 of 4)' said || fail "$(cat said)"
	sed -n 's/.* by \([a-z_]*\)(2) at .*/\1/p' trace >named
	grep -v -e signal -e someone -e exit ways | diff - named || fail "$(cat trace)"
	"$TRACER" -q --watch-with code --watch frame -o trace "$VICTIMS/kernel" >/dev/null
	at=$(sed -n 's/.* write frame+\(0x[0-9a-f]*\) .*/\1/p' trace | head -1)
	at=frame+$((at & ~7))
	"$TRACER" -q --watch-with hw --watch "$at:8" -o trace "$VICTIMS/kernel" >/dev/null
	grep -q ' by signal 10 (SIGUSR1)' trace || fail "$at: $(cat trace)"
}

test_frames_of_signals_are_named() {
	"$TRACER" -q --watch-with code --watch frame -o trace "$VICTIMS/kernel" >/dev/null
	grep -q ' by signal 10 (SIGUSR1)' trace || fail "$(head trace)"
}

# A trap of ours that is on its way when we leave is not the program's.
test_programs_watched_by_registers_are_left_alive() {
	needs_debug_registers
	start "$VICTIMS/fills"
	for _ in $(seq "$(rounds 10 100)"); do
		"$TRACER" -q -p "$STARTED" --watch filled --watch-with hw -o trace --duration 30ms
		kill -0 "$STARTED" || fail "it is gone"
	done
	[ -s trace ]
}

# A thread that blocks SIGTRAP would find our traps by sigwait(3).
test_blocked_traps_are_watched_by_code() {
	start "$VICTIMS/fills" block >out
	wait_for 5 grep -q blocked out
	"$TRACER" -v -p "$STARTED" --watch filled -o trace --duration 300ms 2>said
	grep -q 'by translated code (SIGTRAP is blocked)' said || fail "$(cat said)"
	grep -q 'by read(2)' trace
	kill -0 "$STARTED"
}

# Blocked while it is watched: what waits when we leave would end it.
test_traps_that_were_blocked_meanwhile_are_taken_back() {
	needs_debug_registers
	start "$VICTIMS/fills" later >out
	local victim=$STARTED
	start "$TRACER" -q -p "$victim" --watch filled --watch-with hw -o trace
	wait_for 10 test -s trace
	kill -USR2 "$victim"
	wait_for 5 grep -q '^blocked' out
	sleep 0.3
	kill -INT "$STARTED"
	wait "$STARTED"
	kill -USR1 "$victim"
	wait_for 5 grep -q unblocked out
	sleep 0.1
	kill -0 "$victim" || fail "it is gone"
}

# What a callee needs may be more than one check can say: the call's own push is checked.
test_stores_below_a_large_frame_are_seen() {
	"$TRACER" -q --watch-with code --watch 0x10001100:8 -o trace "$VICTIMS/frames"
	[ "$(grep -c 'write 0x10001100 .* at frames!' trace)" = 1 ] || fail "$(cat trace)"
}

test_another_process_is_someone_else_and_wait_follows() {
	"$TRACER" --wait --watch-with code --watch 0x10000000:8 -o trace "$VICTIMS/kernel" \
		>/dev/null 2>said
	grep -q ' 0 -> 4711 by someone else$' trace || fail "$(cat trace)"
	grep -q 'nothing is mapped at 0x10000000 yet' said || fail "$(cat said)"
	grep -q 'now there is memory at 0x10000000' said || fail "$(cat said)"
	! grep -q 'any more' said || fail "$(cat said)"
}

# A read that the kernel makes for a ring, while the program makes no call: what can be known.
test_rings_are_named() {
	"$VICTIMS/ring" >native || skip "no io_uring here"
	"$TRACER" -q --watch-with code --watch place -o trace "$VICTIMS/ring" >out
	diff native out
	grep -q ' by someone else, perhaps io_uring$' trace || fail "$(cat trace)"
	start "$VICTIMS/ring" 1 >out
	wait_for 5 grep -q asked out
	"$TRACER" -q -p "$STARTED" --watch-with code --watch place --format json -o trace
	grep -q '"by":"someone else, perhaps io_uring"' trace || fail "$(cat trace)"
	has_debug_registers || return 0
	"$TRACER" -q --watch-with hw --watch place -o trace "$VICTIMS/ring" >out
	diff native out
}

# ---- names, types, conditions ---------------------------------------------------------------------

values() {
	"$TRACER" -q "$@" -o trace "$VICTIMS/corrupted" >/dev/null
	sed -n 's/.*bytes*) \(.*\) at corrupted!main.*/\1/p' trace
}

test_values_by_type() {
	for way in $(watch_ways); do
		[ "$(values --watch-with $way --watch bank::branch.account.balance)" = '12.5 -> 13.5' ]
		[ "$(values --watch-with $way --watch bank::branch.account.open)" = 'true -> false' ]
		[ "$(values --watch-with $way --watch bank::branch.account.state)" = \
			'Idle -> Running' ] || fail "$(cat trace)"
		values --watch-with $way --watch bank::branch.account.name |
			grep -qx '0x0 -> 0x[0-9a-f]* <text>' || fail "$(cat trace)"
	done
}

# At the first instruction a pointer of the program has its value where it is not relocated.
test_member_through_a_pointer() {
	gcc -no-pie -g -o pointed -x c - <<-'C'
		struct node { int a, b; struct node *next; } two = { 1, 2, 0 }, one = { 3, 4, &two };
		struct node *head = &one;
		int main(void) { head->next->b = 5; return 0; }
	C
	"$TRACER" -q --watch 'head->next->b' -o trace ./pointed
	grep -q ' write head->next->b (0x[0-9a-f]*, 4 bytes) 2 -> 5 at pointed!main' trace ||
		fail "$(cat trace)"
}

# The culprit in another thread, and its stack.
test_corrupted_object_names_the_culprit() {
	"$TRACER" -q --watch bank::branch.account.id --when changed -k -o trace "$VICTIMS/corrupted" \
		>/dev/null
	grep -q 'write bank::branch.account.id (0x[0-9a-f]*, 8 bytes) 7 -> .* at corrupted!scribble' trace ||
		fail "$(cat trace)"
	grep -q '#1 .*corrupted!stray' trace || fail "$(cat trace)"
}

test_when() {
	"$TRACER" -q --watch counter --when '== 20' -o trace "$VICTIMS/watched" >/dev/null
	[ "$(grep -c ' 10 -> 20 ' trace)" = 1 ] && [ "$(wc -l <trace)" = 1 ] || fail "$(cat trace)"
	"$TRACER" -q --watch counter --when '< 0' -o trace "$VICTIMS/watched" >/dev/null
	[ "$(grep -c ' 35 -> -1 ' trace)" = 1 ] && [ "$(wc -l <trace)" = 1 ] || fail "$(cat trace)"
	"$TRACER" -q --watch-with code --watch counter --when changed -o trace "$VICTIMS/watched" >/dev/null
	[ "$(wc -l <trace)" = 9 ] || fail "$(cat trace)"
	"$TRACER" -q --watch counter --when '& 1' --limit 2 -o trace "$VICTIMS/watched" >/dev/null
	[ "$(wc -l <trace)" = 2 ] || fail "$(cat trace)"
	grep -q ' 32 -> 33 ' trace || fail "$(cat trace)"
}

test_table_of_writers() {
	for way in $(watch_ways); do
		"$TRACER" -q -c --watch-with $way --watch counter:4:rw -o table "$VICTIMS/watched" \
			>/dev/null
		awk 'NR > 1 { print $1, $2, $5 }' table | sort >rows
		printf '%s\n' '2 read watched!main' '5 read watched!tick' '5 write watched!set' \
			'5 write watched!tick' | diff - rows || fail "$(cat table)"
	done
}

test_stack_in_json() {
	"$TRACER" -q -k --watch counter --format json -o trace "$VICTIMS/watched" >/dev/null
	/usr/bin/python3 - <<'P'
import json
hits = [hit for hit in map(json.loads, open('trace')) if hit['type'] == 'write']
assert len(hits) == 10, len(hits)
assert [f['function'] for f in hits[0]['stack']][:2] == ['set', 'main'], hits[0]
P
}

# ---- real programs --------------------------------------------------------------------------------

changes() {
	redis-cli -p "$port" info persistence | tr -d '\r' | sed -n 's/rdb_changes_since_last_save://p'
}

# Where `dirty` is in the structure (Debian's redis has no debug information): the
# word that counts along.
find_dirty() {
	local before

	for _ in 1 2 3; do
		redis-cli -p "$port" incr n >/dev/null
		before=$(changes)
		/usr/bin/python3 - "$redis" "$before" <<-'P' | sort >"words.$before"
			import subprocess, sys
			pid, value = sys.argv[1:]
			line = next(l for l in open(f'/proc/{pid}/maps') if 'redis' in l)
			base = int(line.split('-')[0], 16)
			exe = f'/proc/{pid}/exe'
			symbols = subprocess.run(['nm', '-D', exe], capture_output=True, text=True).stdout
			at = next(int(l.split()[0], 16) for l in symbols.splitlines() if l.endswith(' B server'))
			with open(f'/proc/{pid}/mem', 'rb') as f:
			    f.seek(base + at)
			    server = f.read(4368)
			for i in range(0, 4368, 8):
			    if int.from_bytes(server[i:i + 8], 'little') == int(value):
			        print(i)
		P
		[ -e words ] || cp "words.$before" words
		comm -12 words "words.$before" >both
		mv both words
	done
	[ "$(wc -l <words)" = 1 ] || skip "the counter was not found"
	cat words
}

limit_redis_counts_its_changes=120
redis_counts() {
	local before after dirty

	start_redis
	dirty=$(find_dirty)
	start "$TRACER" -q -p "$redis" -c --watch "server+$dirty:8" -o table "$@"
	tracing=$STARTED
	sleep 1
	before=$(changes)
	redis-benchmark -p "$port" -q -t set,lpush -n 1000 -c 8 >/dev/null
	after=$(changes)
	kill -INT "$tracing"
	wait "$tracing"
	[ $((after - before)) -ge 2000 ] || fail "only $((after - before)) changes"
	awk -v n=$((after - before)) 'NR > 1 { sum += $1 } END { exit sum != n }' table ||
		fail "$((after - before)) changes, and $(cat table)"
	grep -q 'write server+[0-9]* at redis' table || fail "$(cat table)"
}

test_redis_counts_its_changes() { redis_counts; }
test_redis_counts_its_changes_by_code() { redis_counts --watch-with code; }

test_sqlite() {
	mkfifo in
	sqlite3 :memory: <in >out &
	started_pids+=("$!")
	sqlite=$!
	exec 3>in
	wait_for 10 grep -q libsqlite3 "/proc/$sqlite/maps"
	sleep 0.3
	start "$TRACER" -q -p "$sqlite" --limit 1 --watch libsqlite3!sqlite3_temp_directory -k -o trace
	sleep 1
	echo "pragma temp_store_directory='/tmp';" >&3
	wait "$STARTED"
	grep -q ' write libsqlite3!sqlite3_temp_directory .* at libsqlite3' trace ||
		fail "$(cat trace)"
	grep -q '#1 .*libsqlite3' trace || fail "$(cat trace)"
	exec 3>&-
}

# How many use None: each change begins where the one before has ended.
test_python_counts_references() {
	local n

	"$TRACER" -q --watch-with code --watch _Py_NoneStruct:8 --format json -o trace \
		/usr/bin/python3 -S -c 'x = [None] * 5; y = list(x); del x'
	n=$(/usr/bin/python3 - <<-'P'
		import json
		last, n = None, 0
		for line in open('trace'):
		    e = json.loads(line)
		    if e['type'] != 'write':
		        continue
		    if last is not None and e['old'] != last:
		        raise SystemExit(f'{line}: it was {last}')
		    last = e['new']
		    n += 1
		print(n)
	P
	)
	[ "$n" -gt 1000 ] || fail "$n writes"
}

run_tests "$@"
