#include "textflag.h"

// func fetch(p *uint64)
TEXT ·fetch(SB), NOSPLIT, $0-8
	MOVQ       p+0(FP), AX
	PREFETCHT0 (AX)
	RET

// func fetch32(p *uint32)
TEXT ·fetch32(SB), NOSPLIT, $0-8
	MOVQ       p+0(FP), AX
	PREFETCHT0 (AX)
	RET

// func fetchFlow(f *flow)
TEXT ·fetchFlow(SB), NOSPLIT, $0-8
	MOVQ       f+0(FP), AX
	PREFETCHT0 (AX)
	PREFETCHT0 64(AX)
	PREFETCHT0 128(AX)
	RET
