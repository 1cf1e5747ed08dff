# near blocks time
	adc eax, 0
	ret
