# near blocks
	xor eax, eax
	ret
