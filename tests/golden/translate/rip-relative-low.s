# low
	mov r9, [rip + 0x100]
	add dword ptr [rip + 0x100], 5
	ret
