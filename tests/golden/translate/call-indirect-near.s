# near
	call [rip + 0x100]
