# near
	jmp [rbx + rcx * 8 + 0x10]
