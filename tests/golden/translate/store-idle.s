# near stores
	mov [rbx + 8], rdx
	mov [rcx], rdx
	mov rax, [rbx]
	lea rcx, [rcx + 8]
	ret
