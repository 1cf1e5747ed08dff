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

# As many as there can be, from a sender that is not traced: they are kept back for a while,
# in their order.
native_flood() {
	"$VICTIMS/flood" "$@" >native 2>/dev/null
	"$TRACER" -q --calls --no-time -c -o table "$VICTIMS/flood" "$@" >traced 2>took ||
		fail "status $?: $(cat took)"
	diff native traced
}
test_work_gets_done_under_a_timer() { native_flood work 10000000; }
test_queued_ones_keep_their_order() { native_flood queue 2000; }
test_none_is_left_behind_a_timer() { native_flood stop 200; }

test_end_under_a_timer() { native_flood exit 7; }

# ---- what is out of the ordinary ---------------------------------------------------------

# same CMD...: the same words and status as natively, whether children are followed or not.
same() {
	local native=0 traced

	"$@" >native 2>&1 || native=$?
	for mode in '--none' '--none -f' '--calls -f -o trace' '--blocks -f -o trace'; do
		traced=0
		# shellcheck disable=SC2086 # words
		"$TRACER" -q $mode "$@" >traced 2>&1 || traced=$?
		[ $native = $traced ] || fail "$mode: status $traced, natively $native: $(cat traced)"
		diff native traced || fail "$mode: another output"
	done
}

life() { same "$VICTIMS/life" "$@"; }

test_not_dumpable() { life dumpable; }
test_address_space_almost_used_up() { life narrow; }
test_address_space_crowded() { life crowded; }
test_vdso_unmapped() { life no_vdso; }
test_vsyscall() { life vsyscall; }
test_shadow_stack_is_refused_to_the_program() {
	cat >enable.py <<-'END'
		import ctypes
		libc = ctypes.CDLL(None, use_errno=True)
		libc.syscall(158, 0x5001, 1)
		print(ctypes.get_errno())
	END
	"$TRACER" -q --none /usr/bin/python3 enable.py >out
	is out 95 # EOPNOTSUPP, as on a processor that has none
}

test_int80() { life int80; }
test_gs_of_its_own() { life gs; }
test_fs_written() { life fs; }
test_memory_locked() { life locked; }
test_clone_that_shares_memory() { life clone_vm; }
test_clone_without_a_stack() { life null_stack; }
test_clone_with_a_chosen_id() { life set_tid; }
test_first_thread_ends_first() { same "$VICTIMS/ends" leader 9; }

# A new program's registers are all zero, but for rsp.
test_registers_of_a_new_program() {
	gcc -nostdlib -static -no-pie -Wl,--build-id=none -o zero -x assembler - <<-'S'
		.intel_syntax noprefix
		.globl _start
		_start: or rdi, rcx
		.irp r, rax, rdx, rbx, rbp, rsi, r8, r9, r10, r11, r12, r13, r14, r15
		or rdi, \r
		.endr
		neg rdi
		setc dil
		movzx edi, dil
		mov eax, 60
		syscall
	S
	./zero || skip "natively they are not"
	"$TRACER" -q --calls -o trace ./zero
	"$TRACER" -q -f --calls -o trace sh -c ./zero
}

test_exec_from_another_thread() {
	printf '#!/bin/sh\necho script $1\n' >script
	chmod 755 script
	life exec_thread "$VICTIMS/life"
	life exec_thread ./script
	same ./script 5
}

test_setuid_exec() {
	[ "$(id -u)" = 0 ] || skip "not root"
	cp /usr/bin/id id-setuid
	chmod 4755 id-setuid
	same setpriv --reuid=65534 --regid=65534 --clear-groups ./id-setuid
}

test_pid_namespace() {
	unshare -pf --mount-proc true 2>/dev/null || skip "no namespace here"
	same unshare -pf --mount-proc sh -c 'echo $$; (exit 3); echo $?; "$0" ok' "$VICTIMS/life"
}

test_user_namespace() {
	unshare -Ur true 2>/dev/null || skip "no namespace here"
	same unshare -Ur sh -c 'id -u; "$0" ok' "$VICTIMS/life"
}

test_chroot() {
	chroot / true 2>/dev/null || skip "not root"
	mkdir -p root/bin
	cp /bin/busybox root/bin
	same chroot root /bin/busybox sh -c 'busybox ls /; busybox echo hello; exit 4'
}

# ---- attached to ---------------------------------------------------------------------------

# attached WHAT: attached to twice, and left, while it works.
attached() {
	start env TICKS=100 "$VICTIMS/life" "$1" >out
	program=$STARTED
	sleep 0.3
	"$TRACER" -q --none -f -p "$program" --duration 200ms
	"$TRACER" -q --calls --no-time -c -o table -p "$program" --duration 200ms
	[ "$(wc -l <table)" -gt 1 ] || fail "$(cat table)"
	wait "$program" || fail "status $?"
	is out ok
}

test_attach_not_dumpable() { attached dumpable; }
test_attach_crowded() { attached crowded; }
test_attach_without_vdso() { attached no_vdso; }
test_attach_with_gs() { attached gs; }
test_attach_locked() { attached locked; }

test_attach_where_there_is_no_room() {
	start env TICKS=50 "$VICTIMS/life" narrow >out
	program=$STARTED
	sleep 0.3
	! "$TRACER" --none -p "$program" 2>message || fail "there was room"
	grep -q 'cannot attach to process [0-9]*: no shared memory .*: Cannot allocate memory (its limits' \
		message || fail "$(cat message)"
	wait "$program" || fail "status $?"
	is out ok
}

# ---- programs that answer their own system calls -------------------------------------------

test_dispatched() {
	"$VICTIMS/dispatched" 50 >native || skip "$(cat native)"
	same "$VICTIMS/dispatched" 100
}

test_attach_dispatched() {
	"$VICTIMS/dispatched" 50 >native || skip "$(cat native)"
	start "$VICTIMS/dispatched" 1500 >out
	program=$STARTED
	sleep 0.3
	"$TRACER" -q --none -p "$program" --duration 300ms
	"$TRACER" -q --calls -o trace -p "$program" --duration 300ms
	grep -q 'usleep\|on_sigsys' trace || fail "no calls"
	wait "$program" || fail "status $?"
	is out 'bad 0'
}

# ---- programs that trace -------------------------------------------------------------------

test_debugger_of_its_child() {
	"$TRACER" --none -f "$VICTIMS/life" debugger >out 2>message
	is out ok
	grep -q 'is to be traced by another program: it is set free' message || fail "$(cat message)"
	life debugger
}

test_strace() {
	command -v strace >/dev/null || skip "no strace"
	"$TRACER" -q --none -f strace -f -o log ls / >out
	ls / | diff - out
	grep -q exit_group log
}

run_tests "$@"
