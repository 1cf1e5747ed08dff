# near stores
	push rbx
	mov [rbx + 8], rcx
	jz 1f
	mov [rbx + 16], rdx
	push rcx
	jmp 2f
1:	mov [rbx + 24], rdx
	pop rcx
2:	mov [rsp - 24], rcx
	ret
