# near paths
	mov rcx, rsi
1:	add rax, [rdi]
	lea rdi, [rdi + 8]
	dec rcx
	jne 1b
	ret
