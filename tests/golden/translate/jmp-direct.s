# near blocks
	lea	rax, [rax + 1]
	jmp	1f
	.skip	32, 0xcc
1:	jmp	2f
	.skip	32, 0xcc
2:	lea	rbx, [rbx + 1]
	jmp	1b
