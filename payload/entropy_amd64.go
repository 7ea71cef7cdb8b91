package payload

// hasVectors says whether the processor can do, and the system lets it do, what sumVectors needs: AVX-512 with F, BW, DQ, VBMI,
// VBMI2, VPOPCNTDQ and GFNI, as processors of Intel have it from Ice Lake on, and AMD's from Zen 4 on.
func hasVectors() bool

// sumVectors sets sum to eight numbers that together are the sum of c*log2(c) for the bytes of b, at most tableBytes.
//
//go:noescape
func sumVectors(b []byte, room *parts, plogp *[tableBytes + 1]int64, sum *[8]int64)
