# near paths
	cmp edi, 5
	jne f
	mov eax, [rsi]
	test eax, eax
	jne f
	lea rdx, [rdi + 8]
	ret
f:	ret
