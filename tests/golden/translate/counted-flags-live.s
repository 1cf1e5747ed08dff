# near counted
	push rbx
	call 1f
	ret
	.balign 32
1:	setc al
	ret
