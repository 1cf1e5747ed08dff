# near counted
	mov rax, [rdi]
	lea rdx, [rax + 1]
	cmp rdx, rsi
	call 1f
1:	ret
