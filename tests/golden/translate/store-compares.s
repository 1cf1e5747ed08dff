# near stores
	mov [rbx + 8], rcx
	lea rsi, [rdi + rax]
	add eax, 1
	mov [rsi], rdx
	ret
