# near
	call f
	ret
	.balign 32
f:	ret
