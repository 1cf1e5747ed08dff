# bits32: a program of 32 bits, which cannot be traced: exits with 7.
	.globl _start
_start:	mov	$1, %eax
	mov	$7, %ebx
	int	$0x80
	.section .note.GNU-stack, "", @progbits
