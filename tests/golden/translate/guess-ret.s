# far guess
	lea	rbx, [rbx + 1]
	ret
	.org	0x100
	jmp	.
	.org	0x140
	jmp	.
