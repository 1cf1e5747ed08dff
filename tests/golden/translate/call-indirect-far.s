# far
	call [rip + 0x100]
