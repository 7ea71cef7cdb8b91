#include "go_asm.h"
#include "textflag.h"

// func hasVectors() bool
TEXT ·hasVectors(SB), NOSPLIT, $0-1
	MOVB   $0, ret+0(FP)
	XORL   AX, AX
	CPUID
	CMPL   AX, $7
	JL     no
	MOVL   $1, AX
	XORL   CX, CX
	CPUID
	ANDL   $(1<<27 | 1<<23), CX // OSXSAVE, POPCNT
	CMPL   CX, $(1<<27 | 1<<23)
	JNE    no
	XORL   CX, CX
	XGETBV
	ANDL   $0xe6, AX // the system keeps the registers: SSE, AVX, masks, both parts of Z
	CMPL   AX, $0xe6
	JNE    no
	MOVL   $7, AX
	XORL   CX, CX
	CPUID
	ANDL   $(1<<8 | 1<<16 | 1<<17 | 1<<30), BX // BMI2, AVX-512 F, DQ, BW
	CMPL   BX, $(1<<8 | 1<<16 | 1<<17 | 1<<30)
	JNE    no
	ANDL   $(1<<1 | 1<<6 | 1<<8 | 1<<14), CX // AVX-512 VBMI, VBMI2, GFNI, VPOPCNTDQ
	CMPL   CX, $(1<<1 | 1<<6 | 1<<8 | 1<<14)
	JNE    no
	MOVB   $1, ret+0(FP)
no:
	RET

// APPEND puts the bytes of Z0 that mask picks at the end of a part.
#define APPEND(mask, end) \
	VPCOMPRESSB.Z Z0, mask, Z2 \
	KMOVQ         mask, AX     \
	VMOVDQU64     Z2, (end)    \
	POPCNTQ       AX, AX       \
	ADDQ          AX, end

// SPLIT appends each byte of Z0 to one of the parts at R8 to R11, by its two high bits.
#define SPLIT \
	VPADDB   Z0, Z0, Z1 \
	VPMOVB2M Z0, K1     \ // bit 7
	VPMOVB2M Z1, K2     \ // bit 6
	KORQ     K1, K2, K3 \
	KNOTQ    K3, K3     \
	KANDNQ   K2, K1, K4 \
	KANDNQ   K1, K2, K5 \
	KANDQ    K1, K2, K6 \
	APPEND(K3, R8)      \
	APPEND(K4, R9)      \
	APPEND(K5, R10)     \
	APPEND(K6, R11)

// COUNT adds to a count how many bits are set in each lane.
#define COUNT(bits, count) \
	VPOPCNTQ bits, Z31          \
	VPADDQ   Z31, count, count

// LOOKUP adds the logarithms of eight counts below 32 to the sum.
#define LOOKUP(count) \
	VPTESTMQ  Z12, count, K1  \
	VMOVDQA64 count, Z8       \
	VPERMI2Q  Z14, Z13, count \
	VPERMI2Q  Z16, Z15, Z8    \
	VMOVDQA64 Z8, K1, count   \
	VPADDQ    count, Z30, Z30

// GATHER is LOOKUP of any counts.
#define GATHER(count) \
	KXNORB     K1, K1, K1               \
	VPGATHERQQ (DX)(count*8), K1, Z8    \
	VPADDQ     Z8, Z30, Z30

// func sumVectors(b []byte, room *parts, plogp *[tableBytes + 1]int64, sum *[8]int64)
//
// It sorts the bytes into four parts by their two high bits, and counts 64 bytes of a part at a time. Each of the six low bits
// of these becomes a word. The words of bits 3 to 5 tell for each of the eight values of these bits which bytes have it: one
// value in each lane. There it counts the bytes that have all of a set of the bits 0 to 2 set, for every such set, from which the
// counts of the 64 values follow.
TEXT ·sumVectors(SB), NOSPLIT, $32-48
	MOVQ b_base+0(FP), SI
	MOVQ b_len+8(FP), CX
	MOVQ room+24(FP), DI
	MOVQ plogp+32(FP), DX
	MOVQ DI, R8
	LEAQ const_partBytes(R8), R9
	LEAQ const_partBytes(R9), R10
	LEAQ const_partBytes(R10), R11

split:
	CMPQ      CX, $64
	JL        tail
	VMOVDQU64 (SI), Z0
	SPLIT
	ADDQ      $64, SI
	SUBQ      $64, CX
	JMP       split

tail:
	XORL       BX, BX // zero bytes in the first part that are not of b
	TESTQ      CX, CX
	JZ         ready
	MOVQ       $-1, AX
	BZHIQ      CX, AX, AX
	KMOVQ      AX, K1
	VMOVDQU8.Z (SI), K1, Z0
	MOVQ       $64, BX
	SUBQ       CX, BX
	SPLIT

ready:
	MOVQ         R8, 0(SP)
	MOVQ         R9, 8(SP)
	MOVQ         R10, 16(SP)
	MOVQ         R11, 24(SP)
	MOVQ         $0x8040201008040201, AX
	VPBROADCASTQ AX, Z17                 // transposes eight bytes
	MOVQ         $0x0101010101010101, AX
	VPBROADCASTQ AX, Z0
	MOVQ         $0x3830282018100800, AX
	VPBROADCASTQ AX, Z18                 // picks bit 0 of each eight, in each lane
	VPADDB       Z0, Z18, Z19            // bit 1
	VPADDB       Z0, Z19, Z20
	VPADDB       Z0, Z20, Z21
	VPADDB       Z0, Z21, Z22
	VPADDB       Z0, Z22, Z23
	MOVL         $0x55, AX
	KMOVB        AX, K1
	MOVL         $0x33, AX
	KMOVB        AX, K2
	MOVL         $0x0f, AX
	KMOVB        AX, K3
	VPTERNLOGQ.Z $0xff, Z0, Z0, K1, Z24  // the lanes without bit 0 of their number
	VPTERNLOGQ.Z $0xff, Z0, Z0, K2, Z25  // bit 1
	VPTERNLOGQ.Z $0xff, Z0, Z0, K3, Z26
	VMOVDQU64    (DX), Z13
	VMOVDQU64    64(DX), Z14
	VMOVDQU64    128(DX), Z15
	VMOVDQU64    192(DX), Z16
	VPXORQ       Z30, Z30, Z30
	XORL         R9, R9                  // the part

part:
	MOVQ      (SP)(R9*8), R8
	MOVQ      DI, SI
	VPXORQ    Z0, Z0, Z0
	VMOVDQU64 Z0, (R8)
	VMOVDQA64 Z0, Z1
	VMOVDQA64 Z0, Z2
	VMOVDQA64 Z0, Z3
	VMOVDQA64 Z0, Z4
	VMOVDQA64 Z0, Z5
	VMOVDQA64 Z0, Z6
	VMOVDQA64 Z0, Z7
	CMPQ      SI, R8
	JAE       next

count:
	VGF2P8AFFINEQB $0, (SI), Z17, Z8
	VPERMB         Z8, Z21, Z9
	VPERMB         Z8, Z22, Z10
	VPERMB         Z8, Z23, Z11
	VPXORQ         Z24, Z9, Z9
	VPXORQ         Z25, Z10, Z10
	VPXORQ         Z26, Z11, Z11
	VPTERNLOGQ     $0x80, Z9, Z10, Z11
	COUNT(Z11, Z0)
	VPERMB         Z8, Z18, Z27
	VPERMB         Z8, Z19, Z28
	VPERMB         Z8, Z20, Z29
	VPANDQ         Z11, Z27, Z9
	COUNT(Z9, Z1)
	VPANDQ         Z11, Z28, Z10
	COUNT(Z10, Z2)
	VPANDQ         Z9, Z28, Z12
	COUNT(Z12, Z3)
	VPANDQ         Z11, Z29, Z11
	COUNT(Z11, Z4)
	VPANDQ         Z9, Z29, Z9
	COUNT(Z9, Z5)
	VPANDQ         Z10, Z29, Z10
	COUNT(Z10, Z6)
	VPANDQ         Z12, Z29, Z12
	COUNT(Z12, Z7)
	ADDQ           $64, SI
	CMPQ           SI, R8
	JB             count

	// Those with a set of bits, less those with one more, are those without that one.
	VPSUBQ Z1, Z0, Z0
	VPSUBQ Z3, Z2, Z2
	VPSUBQ Z5, Z4, Z4
	VPSUBQ Z7, Z6, Z6
	VPSUBQ Z2, Z0, Z0
	VPSUBQ Z3, Z1, Z1
	VPSUBQ Z6, Z4, Z4
	VPSUBQ Z7, Z5, Z5
	VPSUBQ Z4, Z0, Z0
	VPSUBQ Z5, Z1, Z1
	VPSUBQ Z6, Z2, Z2
	VPSUBQ Z7, Z3, Z3

	// The zero bytes behind the part's end are counted, too.
	SUBQ   R8, SI
	ADDQ   BX, SI
	XORL   BX, BX
	VMOVQ  SI, X8
	VPSUBQ Z8, Z0, Z0

	VPORQ        Z0, Z1, Z8
	VPTERNLOGQ   $0xfe, Z2, Z3, Z8
	VPTERNLOGQ   $0xfe, Z4, Z5, Z8
	VPTERNLOGQ   $0xfe, Z6, Z7, Z8
	MOVQ         $~31, AX
	VPBROADCASTQ AX, Z12
	VPTESTMQ     Z12, Z8, K1
	KORTESTB     K1, K1
	JNZ          gather
	MOVQ         $16, AX
	VPBROADCASTQ AX, Z12
	LOOKUP(Z0)
	LOOKUP(Z1)
	LOOKUP(Z2)
	LOOKUP(Z3)
	LOOKUP(Z4)
	LOOKUP(Z5)
	LOOKUP(Z6)
	LOOKUP(Z7)
	JMP          next

gather:
	GATHER(Z0)
	GATHER(Z1)
	GATHER(Z2)
	GATHER(Z3)
	GATHER(Z4)
	GATHER(Z5)
	GATHER(Z6)
	GATHER(Z7)

next:
	ADDQ      $const_partBytes, DI
	INCQ      R9
	CMPQ      R9, $4
	JB        part
	MOVQ      sum+40(FP), DI
	VMOVDQU64 Z30, (DI)
	VZEROUPPER
	RET
