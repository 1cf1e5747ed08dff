# near stores
	mov [rbx + 8], rcx
	xor eax, eax
	ret
