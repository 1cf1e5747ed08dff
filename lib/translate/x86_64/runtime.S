/* runtime.S - the constant code at the start of every code cache.
 *
 * Copied as it is: it refers to nothing but itself and %gs, the thread block.
 * Each routine says what it finds and leaves; none touches the program's stack,
 * and flags, vector and x87 state are always the program's own unless stated.
 * The labels are known to state.c, which can tell the program's state at any
 * address in here.
 */
#include "store_log.h"
#include "thread_block.h"

#define REQUEST_STATE_FROM_STACK_TOP \
	(THREAD_BLOCK_OFFSET + TB_REQUEST_STATE - THREAD_STACK_TOP)

	.intel_syntax noprefix
	.section .rodata.runtime, "a"
	.balign 64
	.globl	runtime_start, runtime_end
	.hidden	runtime_start, runtime_end

	.macro	LABEL name
	.globl	\name
	.hidden	\name
\name:
	.endm

runtime_start:

/* ---- requests ------------------------------------------------------------------ *
 * in:	gs:[TB_REQUEST_KIND] and its arguments; all registers the program's
 * out:	at gs:[TB_ANSWER], registers from gs:[TB_GPR] (the tracer may have
 *	changed them)
 */
LABEL runtime_exit_miss				# a direct exit: gs:[TB_EXIT] is set
	mov	dword ptr gs:[TB_REQUEST_KIND], REQUEST_MISS
LABEL runtime_request
	mov	gs:[TB_GPR(0)], rax
	mov	gs:[TB_GPR(1)], rcx
	mov	gs:[TB_GPR(2)], rdx
	mov	gs:[TB_GPR(3)], rbx
	mov	gs:[TB_GPR(4)], rsp
	mov	gs:[TB_GPR(5)], rbp
	mov	gs:[TB_GPR(6)], rsi
	mov	gs:[TB_GPR(7)], rdi
	mov	gs:[TB_GPR(8)], r8
	mov	gs:[TB_GPR(9)], r9
	mov	gs:[TB_GPR(10)], r10
	mov	gs:[TB_GPR(11)], r11
	mov	gs:[TB_GPR(12)], r12
	mov	gs:[TB_GPR(13)], r13
	mov	gs:[TB_GPR(14)], r14
	mov	gs:[TB_GPR(15)], r15
	mov	rsp, gs:[TB_STACK_TOP]
LABEL runtime_request_saved			# from here on: registers are in gpr
	pushfq
	pop	qword ptr gs:[TB_RFLAGS]
LABEL runtime_request_flags_saved		# from here on: flags are in rflags
	mov	dword ptr gs:[TB_REQUEST_STATE], REQUEST_REQUESTED
	mov	rbx, gs:[TB_CONTROL]
	test	dword ptr [rbx + CONTROL_OWNER], CONTROL_OWNER_DIED
	jnz	runtime_orphan			# it is known: nobody would answer
	mov	ecx, gs:[TB_INDEX]		# ring the bell: a full barrier as well
	cld
	lock bts [rbx + CONTROL_BELLS], rcx
	cmp	dword ptr gs:[TB_QUIET], 0
	jne	runtime_quiet
	cmp	dword ptr [rbx + CONTROL_SLEEPING], 0
	je	1f
	xor	eax, eax
	xchg	[rbx + CONTROL_SLEEPING], eax
	test	eax, eax
	je	1f
	mov	eax, 202			# futex(&sleeping, WAKE, 1)
	lea	rdi, [rbx + CONTROL_SLEEPING]
	mov	esi, 1
	mov	edx, 1
	syscall
1:	cmp	dword ptr gs:[TB_REQUEST_KIND], REQUEST_RING
	je	3f				# for a while: half a ring is to be read
	mov	ecx, [rbx + CONTROL_SPIN]
2:	cmp	dword ptr gs:[TB_REQUEST_STATE], REQUEST_ANSWERED
	je	runtime_request_answered
	pause
	dec	ecx
	jnz	2b
3:	mov	eax, REQUEST_REQUESTED		# sleep, unless answered meanwhile
	mov	ecx, REQUEST_SLEEPING
	lock cmpxchg gs:[TB_REQUEST_STATE], ecx
	cmp	eax, REQUEST_ANSWERED
	je	runtime_request_answered
	mov	rdi, gs:[TB_STACK_TOP]		# -> the address of request_state
	lea	rdi, [rdi + REQUEST_STATE_FROM_STACK_TOP]
	mov	eax, 202			# futex(&state, WAIT, SLEEPING, &patience)
	xor	esi, esi
	mov	edx, REQUEST_SLEEPING
	lea	r10, [rbx + CONTROL_PATIENCE]
	syscall
	cmp	dword ptr gs:[TB_REQUEST_STATE], REQUEST_ANSWERED
	je	runtime_request_answered
	test	dword ptr [rbx + CONTROL_OWNER], CONTROL_OWNER_DIED
	jz	3b
	jmp	runtime_orphan
LABEL runtime_request_answered
	mov	dword ptr gs:[TB_REQUEST_STATE], REQUEST_IDLE
LABEL runtime_request_idle			# from here on: the program is at `answer`
	push	qword ptr gs:[TB_RFLAGS]
	popfq
	mov	rax, gs:[TB_GPR(0)]
	mov	rcx, gs:[TB_GPR(1)]
	mov	rdx, gs:[TB_GPR(2)]
	mov	rbx, gs:[TB_GPR(3)]
	mov	rsp, gs:[TB_GPR(4)]
	mov	rbp, gs:[TB_GPR(5)]
	mov	rsi, gs:[TB_GPR(6)]
	mov	rdi, gs:[TB_GPR(7)]
	mov	r8, gs:[TB_GPR(8)]
	mov	r9, gs:[TB_GPR(9)]
	mov	r10, gs:[TB_GPR(10)]
	mov	r11, gs:[TB_GPR(11)]
	mov	r12, gs:[TB_GPR(12)]
	mov	r13, gs:[TB_GPR(13)]
	mov	r14, gs:[TB_GPR(14)]
	mov	r15, gs:[TB_GPR(15)]
	jmp	qword ptr gs:[TB_ANSWER]

LABEL runtime_quiet				# no system call: the tracer looks by itself
	cmp	dword ptr gs:[TB_REQUEST_STATE], REQUEST_ANSWERED
	je	runtime_request_answered
	pause
	test	dword ptr [rbx + CONTROL_OWNER], CONTROL_OWNER_DIED
	jz	runtime_quiet

LABEL runtime_orphan				# the tracer is dead: what would it answer?
	mov	ecx, gs:[TB_REQUEST_KIND]
	mov	edx, gs:[TB_EXIT]
	mov	rsi, gs:[TB_WAYS]
	lea	rax, [rip + runtime_ring_retry]
	cmp	ecx, REQUEST_RING
	je	1f
	mov	rax, gs:[TB_SYS_NEXT]
	cmp	ecx, REQUEST_SYSCALL_POST
	je	2f
	sub	rax, 2				# the `syscall` itself, natively
	cmp	ecx, REQUEST_SYSCALL_PRE
	je	2f
	mov	rax, [rsi + rdx * 8]
	cmp	ecx, REQUEST_MISS
	je	2f
	cmp	ecx, REQUEST_STEP
	je	2f
	cmp	ecx, REQUEST_STALE
	je	2f
	cmp	ecx, REQUEST_TRUSTED
	je	2f
	lea	edx, [rdx + rdx]		# stores go on in the cache, unreported
	neg	rdx
	mov	rax, [rsi + rdx * 8 + TRANSLATE_WAYS_BYTES - 8]
	cmp	ecx, REQUEST_WATCH
	je	2f
	mov	rax, [rsi + rdx * 8 + TRANSLATE_WAYS_BYTES - 16]
	cmp	ecx, REQUEST_WATCHED
	je	2f
	mov	rax, gs:[TB_TARGET]		# indirect branches, sigreturn
	jmp	2f
1:	mov	dword ptr gs:[TB_RING_LOSSY], 1
2:	mov	gs:[TB_ANSWER], rax
	jmp	runtime_request_answered
LABEL runtime_request_end

/* ---- indirect branches: the slow part of a lookup --------------------------------- *
 * in:	rdx target; rax the entry that did not match; rcx free; the program's
 *	rax, rcx, rdx in their slots
 * out:	at the entry found, the slots as they are; else a request
 *
 * An entry is { -pc, cache address }; one of 0 ends the chain.
 */
	.macro	LOOKUP kind, request
LABEL runtime_lookup_\kind
	.rept	LOOKUP_LINE			# the first once more: it may be free
	mov	rcx, [rax]
	jrcxz	3f
	lea	rcx, [rcx + rdx]
	jrcxz	2f
	lea	rax, [rax + 16]
	.endr
1:	mov	rcx, [rax]
	jrcxz	3f
	lea	rcx, [rcx + rdx]
	jrcxz	2f
	lea	rax, [rax + 16]
	jmp	1b
2:	jmp	qword ptr [rax + 8]
3:
LABEL runtime_lookup_\kind\()_miss		# also where a removed entry leads
	mov	gs:[TB_TARGET], rdx
	mov	rax, gs:[TB_SLOT(0)]
	mov	rcx, gs:[TB_SLOT(1)]
	mov	rdx, gs:[TB_SLOT(2)]
LABEL runtime_lookup_\kind\()_missed		# the program is at `target`
	mov	dword ptr gs:[TB_REQUEST_KIND], \request
	jmp	runtime_request
	.endm

LABEL runtime_lookups
	LOOKUP	call, REQUEST_MISS_CALL
	LOOKUP	jmp, REQUEST_MISS_JMP

	/* a return that was not predicted: rcx and rdx are in their slots, rax is its own */
	.macro	RETURN hash:vararg
	mov	gs:[TB_SLOT(0)], rax
	mov	rax, gs:[TB_LOOKUP(LOOKUP_RET)]
	\hash
	movzx	ecx, cx
	lea	ecx, [rcx * 8]
	lea	rax, [rax + rcx * 8]
	.endm

LABEL runtime_return
	RETURN	rorx ecx, edx, LOOKUP_UNUSED
	jmp	runtime_lookup_ret
LABEL runtime_return_plain
	RETURN	mov ecx, edx
	LOOKUP	ret, REQUEST_MISS_RET
LABEL runtime_lookups_end

/* ---- system calls ----------------------------------------------------------------- *
 * in:	gs:[TB_SYS_NEXT] the program's pc behind the call, gs:[TB_SYS_RESUME]
 *	where to go on; rcx free (the kernel overwrites it and r11)
 * out:	there, with rcx = sys_next and r11 = flags, as after a system call
 */
LABEL runtime_syscall
	movzx	ecx, ax
	mov	r11, gs:[TB_SYS_TABLE]
	movzx	ecx, byte ptr [r11 + rcx]
	jrcxz	runtime_syscall_native
	jmp	runtime_syscall_special
LABEL runtime_syscall_native
	mov	rcx, gs:[TB_SYS_NEXT]
LABEL runtime_syscall_insn
	syscall
LABEL runtime_syscall_done			# a thread that is blocked is here
	mov	rcx, gs:[TB_SYS_NEXT]
	jmp	qword ptr gs:[TB_SYS_RESUME]

LABEL runtime_syscall_special
	lea	rcx, [rcx - SYS_ACTION_PRE]
	jrcxz	1f
	lea	rcx, [rcx + SYS_ACTION_PRE - SYS_ACTION_SIGRETURN]
	jrcxz	2f
	lea	rcx, [rcx + SYS_ACTION_SIGRETURN - SYS_ACTION_NOTE]
	jrcxz	runtime_syscall_note
	lea	rcx, [rcx + SYS_ACTION_NOTE - SYS_ACTION_WATCH]
	jrcxz	5f
	jmp	3f
5:	jmp	runtime_syscall_check
1:	mov	dword ptr gs:[TB_REQUEST_KIND], REQUEST_SYSCALL_PRE
	mov	rcx, gs:[TB_SYS_NEXT]
	jmp	runtime_request
2:	jmp	runtime_sigreturn
LABEL runtime_syscall_note			# NOTE: before it, and behind it
	mov	rcx, gs:[TB_CONTROL]
	mov	dword ptr [rcx + CONTROL_NOTED], 1
	mov	rcx, gs:[TB_SYS_RESUME]
	mov	gs:[TB_SYS_RESUME_SAVED], rcx
	lea	rcx, [rip + runtime_syscall_noted]
	mov	gs:[TB_SYS_RESUME], rcx
	jmp	runtime_syscall_native
3:
LABEL runtime_syscall_remember
	mov	gs:[TB_SYS_ARGS], rax		# POST: remember what it was
	mov	gs:[TB_SYS_ARGS + 8], rdi
	mov	gs:[TB_SYS_ARGS + 16], rsi
	mov	gs:[TB_SYS_ARGS + 24], rdx
	mov	gs:[TB_SYS_ARGS + 32], r10
	mov	gs:[TB_SYS_ARGS + 40], r8
	mov	gs:[TB_SYS_ARGS + 48], r9
	mov	rcx, gs:[TB_SYS_RESUME]
	mov	gs:[TB_SYS_RESUME_SAVED], rcx
	lea	rcx, [rip + runtime_syscall_post]
	mov	gs:[TB_SYS_RESUME], rcx
	jmp	runtime_syscall_native

	/* WATCH: does an argument point so near to a watched range that the call may write
	 * there?  It writes at what its arguments point to, up to 16 bytes for each of
	 * what another argument counts, or a structure. */
LABEL runtime_syscall_check
	mov	gs:[TB_GPR(0)], rax
	mov	gs:[TB_GPR(3)], rbx
	mov	gs:[TB_GPR(4)], rsp
	mov	gs:[TB_GPR(5)], rbp
	mov	gs:[TB_GPR(12)], r12
	mov	rsp, gs:[TB_STACK_TOP]
LABEL runtime_syscall_check_saved		# from here on: these are in gpr
	pushfq
	pop	qword ptr gs:[TB_RFLAGS]
LABEL runtime_syscall_check_flags_saved		# from here on: flags are in rflags
	xor	r11d, r11d			# how far it may reach
	.irp	arg, rdi, rsi, rdx, r10, r8, r9
	mov	rax, \arg
	shr	rax, 40
	jnz	1f				# an address
	cmp	\arg, r11
	cmova	r11, \arg
1:
	.endr
	shl	r11, 4
	add	r11, SYS_STRUCT_MAX
	mov	rbx, gs:[TB_WATCH_LOG]
	mov	r12d, [rbx + LOG_RANGE_COUNT]
	lea	rbx, [rbx + LOG_RANGES]
2:	mov	rax, [rbx]			# from rax on, the next rcx bytes
	sub	rax, r11
	mov	rcx, [rbx + 8]
	sub	rcx, rax
	.irp	arg, rdi, rsi, rdx, r10, r8, r9
	mov	rbp, \arg
	sub	rbp, rax
	cmp	rbp, rcx
	jb	3f				# rcx is not 0
	.endr
	lea	rbx, [rbx + 16]
	dec	r12d
	jnz	2b
	xor	ecx, ecx
3:	push	qword ptr gs:[TB_RFLAGS]
	popfq
	mov	rax, gs:[TB_GPR(0)]
	mov	rbx, gs:[TB_GPR(3)]
	mov	rsp, gs:[TB_GPR(4)]
	mov	rbp, gs:[TB_GPR(5)]
	mov	r12, gs:[TB_GPR(12)]
LABEL runtime_syscall_checked			# 0: it may not
	jrcxz	4f
	jmp	runtime_syscall_remember
4:	jmp	runtime_syscall_native
LABEL runtime_syscall_post
	mov	dword ptr gs:[TB_REQUEST_KIND], REQUEST_SYSCALL_POST
	jmp	runtime_request
LABEL runtime_syscall_resume			# the cache may have been emptied meanwhile
	mov	gs:[TB_TARGET], rcx
	mov	dword ptr gs:[TB_REQUEST_KIND], REQUEST_RESUME
	jmp	runtime_request
LABEL runtime_syscall_noted
	mov	rcx, gs:[TB_CONTROL]
	mov	dword ptr [rcx + CONTROL_NOTED], 1
	mov	rcx, gs:[TB_SYS_NEXT]
	jmp	qword ptr gs:[TB_SYS_RESUME_SAVED]
LABEL runtime_syscall_again			# made again by the tracer, with other arguments
	mov	rdx, gs:[TB_SLOT(2)]
	mov	r10, gs:[TB_SLOT(10)]
	jmp	qword ptr gs:[TB_SYS_RESUME_SAVED]

/* rt_sigreturn: every register comes from the frame at rsp, whose pc (rsp + 168)
 * is the program's.  It is replaced by ours at the last moment, and the kernel
 * takes the frame away. */
LABEL runtime_sigreturn
	mov	rcx, [rsp + 168]
	mov	gs:[TB_TARGET], rcx
	lea	rcx, [rip + runtime_sigreturn_landing]
	mov	[rsp + 168], rcx
LABEL runtime_sigreturn_edited
	syscall
LABEL runtime_sigreturn_edited_end
	ud2
LABEL runtime_sigreturn_landing			# the program is at `target`
	mov	dword ptr gs:[TB_REQUEST_KIND], REQUEST_SIGRETURN
	jmp	runtime_request
LABEL runtime_sigreturn_end

/* ---- the ring --------------------------------------------------------------------- *
 * The cursor has left its chunk.
 * in:	rcx where to go back to, then free; everything else is preserved
 * out:	there, with a cursor in a chunk that is free; rcx undefined
 */
LABEL runtime_ring_full
	mov	gs:[TB_RING_BACK], rcx
	mov	gs:[TB_GPR(0)], rax
	mov	gs:[TB_GPR(2)], rdx
	mov	gs:[TB_GPR(3)], rbx
	mov	gs:[TB_GPR(4)], rsp
	mov	gs:[TB_GPR(5)], rbp
	mov	gs:[TB_GPR(6)], rsi
	mov	gs:[TB_GPR(7)], rdi
	mov	gs:[TB_GPR(8)], r8
	mov	gs:[TB_GPR(9)], r9
	mov	gs:[TB_GPR(10)], r10
	mov	gs:[TB_GPR(11)], r11
	mov	rsp, gs:[TB_STACK_TOP]
LABEL runtime_ring_saved			# from here on: registers are in gpr
	pushfq
	pop	qword ptr gs:[TB_RFLAGS]
LABEL runtime_ring_flags_saved			# from here on: flags are in rflags
	mov	rdx, gs:[TB_RING_PRODUCED]
	mov	rsi, rdx
	sub	rsi, gs:[TB_RING_CONSUMED]
	inc	rsi				# chunks in use once this one counts
	mov	ecx, gs:[TB_RING_CHUNKS]
	cmp	rsi, rcx
	jb	runtime_ring_advance
	cmp	dword ptr gs:[TB_RING_LOSSY], 0
	jne	runtime_ring_drop
	# No room: wait for the reader through a request, whose answer is back
	# here.  The program's registers are those of the request.
	mov	rax, gs:[TB_GPR(0)]
	mov	rdx, gs:[TB_GPR(2)]
	mov	rbx, gs:[TB_GPR(3)]
	mov	rsi, gs:[TB_GPR(6)]
	push	qword ptr gs:[TB_RFLAGS]
	popfq
	mov	rsp, gs:[TB_GPR(4)]
LABEL runtime_ring_wait
	mov	dword ptr gs:[TB_REQUEST_KIND], REQUEST_RING
	jmp	runtime_request
LABEL runtime_ring_retry			# the answer of a REQUEST_RING
	mov	rcx, gs:[TB_RING_BACK]
	jmp	runtime_ring_full

LABEL runtime_ring_advance			# publish this chunk, begin the next
	mov	edi, gs:[TB_RING_CHUNK]
	mov	rax, gs:[TB_CURSOR]
	mov	gs:[TB_RING_CHUNK_END + rdi * 8], rax
	inc	edi
	cmp	edi, gs:[TB_RING_CHUNKS]
	jb	1f
	xor	edi, edi
1:	mov	eax, edi
	shl	rax, 16
	add	rax, gs:[TB_RING_START]
	add	rax, RING_ZONE_BYTES
LABEL runtime_ring_commit			# three stores that a stop must not part
	mov	gs:[TB_RING_CHUNK], edi
	mov	gs:[TB_CURSOR], rax
	inc	rdx
	mov	gs:[TB_RING_PRODUCED], rdx
LABEL runtime_ring_committed
	jmp	runtime_ring_return

LABEL runtime_ring_drop				# --lossy: count what is in it, begin it anew
	mov	eax, 1				# unless the reader has just caught up: see
	xchg	gs:[TB_RING_DROPPING], eax	# ring.c, is_dropping()
	mov	rsi, rdx
	sub	rsi, gs:[TB_RING_CONSUMED]
	inc	rsi
	mov	ecx, gs:[TB_RING_CHUNKS]
	cmp	rsi, rcx
	jae	3f
	mov	dword ptr gs:[TB_RING_DROPPING], 0
	jmp	runtime_ring_advance
3:	mov	eax, gs:[TB_RING_CHUNK]
	shl	rax, 16
	add	rax, gs:[TB_RING_START]
	add	rax, RING_ZONE_BYTES
	mov	r8, rax
	xor	ecx, ecx
1:	cmp	rax, gs:[TB_CURSOR]
	jae	2f
	mov	edi, [rax]			# payload words: the top four bits
	shr	edi, 28
	lea	rax, [rax + rdi * 4 + 4]
	inc	rcx
	jmp	1b
2:	add	rcx, gs:[TB_RING_LOST]
LABEL runtime_ring_drop_commit
	mov	gs:[TB_CURSOR], r8
	mov	gs:[TB_RING_LOST], rcx
LABEL runtime_ring_drop_committed
	mov	dword ptr gs:[TB_RING_DROPPING], 0
LABEL runtime_ring_return
	push	qword ptr gs:[TB_RFLAGS]
	popfq
	mov	rax, gs:[TB_GPR(0)]
	mov	rdx, gs:[TB_GPR(2)]
	mov	rbx, gs:[TB_GPR(3)]
	mov	rsp, gs:[TB_GPR(4)]
	mov	rbp, gs:[TB_GPR(5)]
	mov	rsi, gs:[TB_GPR(6)]
	mov	rdi, gs:[TB_GPR(7)]
	mov	r8, gs:[TB_GPR(8)]
	mov	r9, gs:[TB_GPR(9)]
	mov	r10, gs:[TB_GPR(10)]
	mov	r11, gs:[TB_GPR(11)]
	jmp	qword ptr gs:[TB_RING_BACK]
LABEL runtime_ring_end

/* ---- watched stores --------------------------------------------------------------- *
 * An access may hit.  It is looked at exactly; if it hits, the log is locked and the
 * old values are put down, and behind it the new ones.
 * in:	rcx where to go back to, its own value in its slot; gs:[TB_EXIT] the
 *	access, gs:[TB_WATCH_ADDRESS], gs:[TB_WATCH_SHAPE]; gs:[TB_REQUEST_KIND]
 *	is REQUEST_WATCH
 * out:	there, or for a hit WATCH_BACK_HIT further, with the log locked; where
 *	there is more to it, the request.  rcx undefined, everything else preserved
 */
	.macro	WATCH_SAVE label
	mov	gs:[TB_WATCH_BACK], rcx
	mov	gs:[TB_GPR(0)], rax
	mov	gs:[TB_GPR(2)], rdx
	mov	gs:[TB_GPR(3)], rbx
	mov	gs:[TB_GPR(4)], rsp
	mov	gs:[TB_GPR(6)], rsi
	mov	gs:[TB_GPR(7)], rdi
	mov	gs:[TB_GPR(8)], r8
	mov	gs:[TB_GPR(9)], r9
	mov	gs:[TB_GPR(10)], r10
	mov	gs:[TB_GPR(11)], r11
	mov	rsp, gs:[TB_STACK_TOP]
LABEL \label\()_saved				# from here on: registers are in gpr
	pushfq
	pop	qword ptr gs:[TB_RFLAGS]
LABEL \label\()_flags_saved			# from here on: flags are in rflags
	.endm

	.macro	WATCH_RESTORE
	push	qword ptr gs:[TB_RFLAGS]
	popfq
	mov	rax, gs:[TB_GPR(0)]
	mov	rdx, gs:[TB_GPR(2)]
	mov	rbx, gs:[TB_GPR(3)]
	mov	rsp, gs:[TB_GPR(4)]
	mov	rsi, gs:[TB_GPR(6)]
	mov	rdi, gs:[TB_GPR(7)]
	mov	r8, gs:[TB_GPR(8)]
	mov	r9, gs:[TB_GPR(9)]
	mov	r10, gs:[TB_GPR(10)]
	mov	r11, gs:[TB_GPR(11)]
	.endm

	/* rcx = the ecx bytes, 1 to 8, at r10; rax and what is not named is preserved */
	.macro	WATCH_VALUE
	cmp	ecx, 4
	je	64f
	cmp	ecx, 8
	je	68f
	push	rdx
	xor	edx, edx
61:	shl	rdx, 8
	mov	dl, [r10 + rcx - 1]
	dec	ecx
	jnz	61b
	mov	rcx, rdx
	pop	rdx
	jmp	69f
64:	mov	ecx, [r10]
	jmp	69f
68:	mov	rcx, [r10]
69:
	.endm

	/* rax -> the record of number rdx */
	.macro	WATCH_RECORD
	mov	eax, edx
	and	eax, LOG_RECORD_COUNT - 1
	imul	eax, eax, LOG_RECORD_BYTES
	lea	rax, [rbx + rax + LOG_RECORDS]
	.endm

	/* the log is free again; rax, rcx, rdx, rsi, rdi, r10, r11 are overwritten */
	.macro	WATCH_UNLOCK
	xor	eax, eax
	xchg	[rbx + LOG_LOCK], eax
	test	eax, eax			# LOG_LOCK_WAITERS is the sign
	jns	65f
	cmp	dword ptr gs:[TB_QUIET], 0
	jne	65f
	mov	eax, 202			# futex(&lock, WAKE, 1)
	lea	rdi, [rbx + LOG_LOCK]
	mov	esi, 1
	mov	edx, 1
	syscall
65:
	.endm

LABEL runtime_watch
	WATCH_SAVE runtime_watch
	mov	eax, gs:[TB_WATCH_SHAPE]
	and	eax, SHAPE_LEN
	jz	runtime_watch_ask
	mov	rbx, gs:[TB_WATCH_LOG]
	mov	rsi, gs:[TB_WATCH_ADDRESS]
	lea	rdi, [rsi + rax]		# the access: rsi to rdi
	cmp	rdi, rsi
	jbe	runtime_watch_ask
	mov	r8d, [rbx + LOG_RANGE_COUNT]
	lea	r9, [rbx + LOG_RANGES]
1:	cmp	rsi, [r9 + 8]
	jae	2f
	cmp	rdi, [r9]
	ja	3f
2:	lea	r9, [r9 + 16]
	dec	r8d
	jnz	1b
	jmp	runtime_watch_return		# none of them

3:	mov	ecx, LOG_SPINS
	mov	edx, gs:[TB_INDEX]
	inc	edx
4:	cmp	dword ptr [rbx + LOG_WANTED], 0
	jne	runtime_watch_ask
	xor	eax, eax
	lock cmpxchg [rbx + LOG_LOCK], edx
	je	6f
	pause
	dec	ecx
	jnz	4b
	mov	r10, gs:[TB_CONTROL]
	test	dword ptr [r10 + CONTROL_OWNER], CONTROL_OWNER_DIED
	jnz	runtime_watch_return		# the tracer may have had it: unreported
	mov	ecx, LOG_SPINS
	cmp	dword ptr gs:[TB_QUIET], 0
	jne	4b
	mov	ecx, eax			# sleep, unless it is free meanwhile
	or	ecx, LOG_LOCK_WAITERS
	lock cmpxchg [rbx + LOG_LOCK], ecx
	jne	5f
	mov	edx, ecx
	mov	eax, 202			# futex(&lock, WAIT, what it is, &patience)
	lea	rdi, [rbx + LOG_LOCK]
	xor	esi, esi
	lea	r10, [r10 + CONTROL_PATIENCE]
	syscall
5:	mov	ecx, LOG_SPINS
	mov	edx, gs:[TB_INDEX]
	inc	edx
	or	edx, LOG_LOCK_WAITERS		# others may sleep still
	jmp	4b

6:	mov	rsi, gs:[TB_WATCH_ADDRESS]	# locked
	mov	edi, gs:[TB_WATCH_SHAPE]
	and	edi, SHAPE_LEN
	add	rdi, rsi
	mov	rdx, [rbx + LOG_HEAD]
	mov	gs:[TB_WATCH_HEAD], rdx
	lea	rax, [rdx + LOG_PIECES_MAX]
	sub	rax, [rbx + LOG_TAIL]
	cmp	rax, LOG_RECORD_COUNT
	ja	runtime_watch_unlock_ask	# no room
runtime_watch_range:				# what of [r9] is accessed: r10 to r11
	mov	r10, [r9]
	mov	r11, [r9 + 8]
	cmp	rsi, r11
	jae	runtime_watch_next
	cmp	rdi, r10
	jbe	runtime_watch_next
	mov	rax, r11			# a value is put down whole
	sub	rax, r10
	cmp	rax, LOG_PIECE_BYTES
	jbe	runtime_watch_piece
	cmp	r10, rsi
	cmovb	r10, rsi
	cmp	r11, rdi
	cmova	r11, rdi
runtime_watch_piece:
	lea	rax, [rdx + 1]
	sub	rax, [rbx + LOG_HEAD]
	cmp	rax, LOG_PIECES_MAX
	ja	runtime_watch_unlock_ask
	WATCH_RECORD
	mov	rcx, r11
	sub	rcx, r10
	cmp	rcx, LOG_PIECE_BYTES
	jbe	1f
	mov	ecx, LOG_PIECE_BYTES
1:	mov	[rax + LOG_RECORD_ADDRESS], r10
	mov	[rax + LOG_RECORD_LEN], cl
	WATCH_VALUE
	mov	[rax + LOG_RECORD_OLD], rcx
	mov	ecx, gs:[TB_EXIT]
	mov	[rax + LOG_RECORD_STORE], ecx
	mov	ecx, gs:[TB_INDEX]
	mov	[rax + LOG_RECORD_THREAD], cx
	mov	ecx, gs:[TB_WATCH_SHAPE]
	mov	[rax + LOG_RECORD_SHAPE], cx
	mov	[rax + LOG_RECORD_RANGES_LEFT], r8w
	inc	rdx
	add	r10, LOG_PIECE_BYTES
	cmp	r10, r11
	jb	runtime_watch_piece
runtime_watch_next:
	lea	r9, [r9 + 16]
	dec	r8d
	jnz	runtime_watch_range
	mov	gs:[TB_WATCH_HEAD], rdx
	mov	rcx, gs:[TB_WATCH_BACK]
	lea	rcx, [rcx + WATCH_BACK_HIT]
	mov	gs:[TB_WATCH_BACK], rcx
LABEL runtime_watch_return
	WATCH_RESTORE
	jmp	qword ptr gs:[TB_WATCH_BACK]

runtime_watch_unlock_ask:
	WATCH_UNLOCK
runtime_watch_ask:
	WATCH_RESTORE
	mov	rcx, gs:[TB_SLOT(1)]
	jmp	runtime_request

/* Behind a hit.
 * in:	rcx where to go back to, its own value in its slot
 * out:	there; or, where the owner was asked before it, the request
 */
LABEL runtime_watched
	WATCH_SAVE runtime_watched
	mov	rbx, gs:[TB_WATCH_LOG]
	test	rbx, rbx
	jz	runtime_watched_asks
	mov	ecx, gs:[TB_INDEX]
	inc	ecx
	mov	eax, [rbx + LOG_LOCK]
	and	eax, LOG_LOCK_HOLDER
	cmp	eax, ecx
	jne	runtime_watched_asks
	mov	rdx, [rbx + LOG_HEAD]
	mov	r8, gs:[TB_WATCH_HEAD]
	mov	r9d, gs:[TB_RFLAGS]
1:	cmp	rdx, r8
	jae	2f
	WATCH_RECORD
	mov	r10, [rax + LOG_RECORD_ADDRESS]
	movzx	ecx, byte ptr [rax + LOG_RECORD_LEN]
	WATCH_VALUE
	mov	[rax + LOG_RECORD_NEW], rcx
	mov	[rax + LOG_RECORD_FLAGS], r9b
	inc	rdx
	jmp	1b
2:	mov	[rbx + LOG_HEAD], r8
	WATCH_UNLOCK
LABEL runtime_watched_return
	WATCH_RESTORE
	jmp	qword ptr gs:[TB_WATCH_BACK]
runtime_watched_asks:
	mov	dword ptr gs:[TB_REQUEST_KIND], REQUEST_WATCHED
	WATCH_RESTORE
LABEL runtime_watched_ask			# registers are the program's, but for rcx
	mov	rcx, gs:[TB_SLOT(1)]
	jmp	runtime_request
LABEL runtime_watch_end

runtime_end:

	.section .note.GNU-stack, "", @progbits
