# near stores reads
	vpgatherdd ymm1, [rax + ymm10*4], ymm3
	vpgatherqq zmm1{k2}, [rbp + zmm17*8 + 64]
	ret
