# near paths
	call f
	adc eax, eax
	ret
	.balign 32
f:	cmp eax, [rdi]
	ret
