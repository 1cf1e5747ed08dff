# near
	ret
