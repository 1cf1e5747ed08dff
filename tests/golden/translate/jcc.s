# near
	jne f
	inc eax
	ret
f:	ret
