# near blocks counts
	rep movsb
	ret
