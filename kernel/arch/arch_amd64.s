#include "textflag.h"

// func TSC() uint64
TEXT ·TSC(SB), NOSPLIT, $0-8
	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	MOVQ AX, ret+0(FP)
	RET

// func Pause(turns uint32)
TEXT ·Pause(SB), NOSPLIT, $0-4
	MOVL turns+0(FP), AX
again:
	PAUSE
	SUBL $1, AX
	JGT  again
	RET
