/* frames: with its stack just above 0x10001100, calls a function whose frame is larger than
 * a page, so that the call itself is the one that writes there.  The function has run before,
 * on another stack; without a library. */
	.intel_syntax noprefix
	.section .space, "aw", @progbits
	.skip	0x20000				/* at 0xfff0000 */
	.text
	.globl	_start
large:	sub	rsp, 5120
	mov	[rsp], rdi
	test	edi, edi
	jz	1f
	nop
1:	add	rsp, 5120
	ret

caller:	mov	r12, rsp
	mov	esp, 0x10001108
	call	large
	mov	rsp, r12
	jmp	leave

leave:	mov	eax, 60
	xor	edi, edi
	syscall

_start:	mov	edi, 1
	call	large
	lea	rax, [rip + caller]
	jmp	rax

	.section .note.GNU-stack, "", @progbits
