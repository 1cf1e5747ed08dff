# low counted paths superblock 0x0 0x20 0x40 0x60
	test edi, edi
	jne 1f
	ret
	.balign 32
1:	mov eax, [rsi]
	call 2f
	ret
	.balign 32
2:	lea rdx, [rdi + 8]
	ret
	.balign 32
	xor eax, eax
	jmp [rbx]
