# far
	mov rax, [rip + 0x100]
	add [rip + 0x100], ecx
	lea rbx, [rip + 0x100]
	cmpxchg [rip + 0x100], r9
	vmovdqu ymm1, [rip + 0x100]
	ret
