# near calls time
	call rbx
