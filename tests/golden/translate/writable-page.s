# near writable
	add rax, 0x12345678
	ret
