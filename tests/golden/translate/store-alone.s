# near blocks stores
	mov [rbx + 8], rcx
	adc eax, eax
	ret
