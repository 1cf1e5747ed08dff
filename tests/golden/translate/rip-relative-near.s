# near
	mov rax, [rip + 0x100]
	add [rip + 0x100], ecx
	lea rbx, [rip + 0x100]
	ret
