# near counted
	lea rdx, [rdi + 8]
	jmp rdx
