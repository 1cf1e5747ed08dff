# near
	loop f
	jrcxz f
f:	ret
