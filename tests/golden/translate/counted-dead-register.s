# near counted
	lea rdx, [rdi + 8]
	call 1f
1:	ret
