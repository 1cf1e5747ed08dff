# low guess jump
	jmp	rax
	.org	0x100
	jmp	.
	.org	0x140
	jmp	.
