# near counted
	jmp [rbx + rax * 8]
