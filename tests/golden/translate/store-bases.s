# near stores
	mov [rbx + 8], rcx
	mov [rsi], rdx
	mov [rdi + rax], dl
	ret
