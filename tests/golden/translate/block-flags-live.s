# near blocks
	adc eax, 0
	ret
