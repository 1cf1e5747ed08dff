# near counted
	mov rax, [rdi]
	lea rdx, [rax + 1]
	cmp rdx, rsi
	jne 1f
1:	ret
