# tiny: no library, fixed addresses: what golden files and step counts stand on.
# Writes "hi\n" and exits with 3.
	.globl _start, main, twice, fact, fill, leave
	.text

	.type _start, @function
_start:
	xor	%ebp, %ebp
	call	main
	mov	%eax, %edi
	jmp	leave			# a tail call
	.size _start, . - _start

	.type main, @function
main:
	push	%rbx
	mov	$3, %ebx
1:	mov	%ebx, %edi
	call	fact
	dec	%ebx
	jnz	1b
	lea	twice(%rip), %rax
	mov	$4, %edi
	call	*%rax			# indirect
	call	fill
	mov	$1, %eax
	mov	$1, %edi
	lea	text(%rip), %rsi
	mov	$3, %edx
	syscall
	pop	%rbx
	ret
	.size main, . - main

	.type fact, @function
fact:					# edi -> eax, recursive
	mov	$1, %eax
	cmp	$1, %edi
	jle	1f
	push	%rdi
	dec	%edi
	call	fact
	pop	%rdi
	imul	%edi, %eax
1:	ret
	.size fact, . - fact

	.type twice, @function
twice:
	lea	(%rdi,%rdi), %eax
	ret
	.size twice, . - twice

	.type fill, @function
fill:					# a rep, and a switch through a table
	lea	buffer(%rip), %rdi
	mov	$5, %ecx
	mov	$'x', %eax
	rep stosb
	mov	counter(%rip), %eax
	add	$2, %eax
	mov	%eax, counter(%rip)
	and	$3, %eax
	lea	table(%rip), %rdx
	jmp	*(%rdx,%rax,8)
2:	incl	counter(%rip)
3:	ret
	.size fill, . - fill

	.type leave, @function
leave:
	mov	$60, %eax
	syscall
	hlt
	.size leave, . - leave

	.section .rodata
text:	.ascii "hi\n"
	.balign 8
table:	.quad 3b, 3b, 2b, 3b
	.data
	.balign 8
	.globl counter
	.type counter, @object
	.size counter, 4
counter: .long 0
buffer:	.zero 8
	.section .note.GNU-stack, "", @progbits
