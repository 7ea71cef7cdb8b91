package output

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"
)

// maxNumberText is the most bytes that appendNumber writes, as in 0.0000012345678901234567.
const maxNumberText = 25

// appendNumber writes the shortest decimal that reads back as v, which is finite and not negative. It is what
// encoding/json writes: with an exponent where v is below 1e-6 or not below 1e21. Like add, it needs room for
// maxNumberText bytes.
func appendNumber(dst []byte, v float64) []byte {
	if v < 1<<53 {
		if n := uint64(v); float64(n) == v {
			return appendDigits(dst, n)
		}
	}
	if v >= 1e21 || v < 1e-6 {
		dst = strconv.AppendFloat(dst, v, 'e', -1, 64)
		if n := len(dst); dst[n-3] == '-' && dst[n-2] == '0' { // e-07
			dst[n-2], dst = dst[n-1], dst[:n-1]
		}
		return dst
	}
	return appendDecimal(dst, v)
}

// appendDigits writes v. There is room for all of its digits.
func appendDigits(dst []byte, v uint64) []byte {
	n := len(dst) + digits(v)
	dst = dst[:n]
	for v >= 1e8 {
		rest := v / 1e8
		eight := uint32(v - 1e8*rest)
		high, low := eight/10_000, eight%10_000 // neither waits for the other
		t := (*[8]byte)(dst[n-8 : n])
		*(*[2]byte)(t[0:2]) = twoDigits[high/100]
		*(*[2]byte)(t[2:4]) = twoDigits[high%100]
		*(*[2]byte)(t[4:6]) = twoDigits[low/100]
		*(*[2]byte)(t[6:8]) = twoDigits[low%100]
		n, v = n-8, rest
	}
	w := uint32(v)
	for w >= 100 {
		rest := w / 100
		*(*[2]byte)(dst[n-2 : n]) = twoDigits[w-100*rest]
		n, w = n-2, rest
	}
	if w >= 10 {
		*(*[2]byte)(dst[n-2 : n]) = twoDigits[w]
	} else {
		dst[n-1] = '0' + byte(w)
	}
	return dst
}

// twoDigits holds the digits of every number from 0 to 99. It is never changed.
var twoDigits = func() (t [100][2]byte) {
	for i := range t {
		t[i] = [2]byte{'0' + byte(i/10), '0' + byte(i%10)}
	}
	return t
}()

// digits returns how many decimal digits v has, at least one.
func digits(v uint64) int {
	n := bits.Len64(v|1) * 1233 >> 12 // 1233/4096 is log10(2): n is right, or one too few
	if v|1 >= tens[n] {
		n++
	}
	return n
}

// tens holds the powers of ten. It is never changed.
var tens = func() (t [20]uint64) {
	t[0] = 1
	for i := 1; i < len(t); i++ {
		t[i] = 10 * t[i-1]
	}
	return t
}()

// appendDecimal is appendNumber for 1e-6 <= v < 1e21, without an exponent.
func appendDecimal(dst []byte, v float64) []byte {
	d, e := shortest(v)
	const zeros = "000000000000000000000"
	if e >= 0 {
		return append(appendDigits(dst, d), zeros[:e]...)
	}
	start, n := len(dst), digits(d)
	if n+e <= 0 { // 0.00ddd
		dst = append(append(dst, "0."...), zeros[:-n-e]...)
		return appendDigits(dst, d)
	}
	dst = appendDigits(dst[:start+1], d) // one byte too far, so that the whole part moves back and makes room for the point
	copy(dst[start:], dst[start+1:start+1+n+e])
	dst[start+n+e] = '.'
	return dst
}

// shortest returns the decimal d * 10^e that is nearest to v among the shortest that read back as v, 1e-6 <= v < 1e21.
// d does not end in 0. (Schubfach: Giulietti, The Schubfach way to render doubles, 2020, sections 8 and 9.)
//
// v is c * 2^q, and the numbers that read back as it reach from half way to the double below to half way to the one
// above. In units of 2^(q-2) these limits, and v, are whole. 10^k is the greatest power of ten that is not above the
// distance between the limits, so that there is a whole multiple of it between them, but at most one of 10^(k+1), which
// is shorter. low, mid and high are the limits and v in units of 10^k / 4.
func shortest(v float64) (d uint64, e int) {
	u := math.Float64bits(v)
	c, q := u&(1<<52-1)|1<<52, int(u>>52)-1075 // v is normal
	below, k := uint64(2), q*315653>>20        // log10(2) = 315652.8 / 2^20
	if c == 1<<52 {
		below, k = 1, (q*315653-131008)>>20 // the double below is nearer; log10(3/4) = -131007.8 / 2^20
	}
	p := &scales[k-minScale]
	shift := q + p.exponent + 1
	low, mid, high := p.times((4*c-below)<<shift), p.times(4*c<<shift), p.times((4*c+2)<<shift)
	odd := c & 1 // then the limits themselves read back as the neighbours
	low, high = low+odd, high-odd
	s := mid / 4
	if t := s / 10; t > 0 {
		down, up := low <= 40*t, 40*t+40 <= high
		if down != up {
			if up {
				t++
			}
			return withoutZeros(t, k+1)
		}
	}
	down, up := low <= 4*s, 4*s+4 <= high
	nearer := mid > 4*s+2 || mid == 4*s+2 && s&1 == 1
	if up && !down || up == down && nearer {
		s++
	}
	return s, k
}

// withoutZeros returns d * 10^e without zeros at the end of d, which is above 0.
func withoutZeros(d uint64, e int) (uint64, int) {
	for d%10_000 == 0 {
		d, e = d/10_000, e+4
	}
	for d%10 == 0 {
		d, e = d/10, e+1
	}
	return d, e
}

// scale is 10^-k as a number of 128 bits, rounded up: (high * 2^64 + low) * 2^(exponent-127).
type scale struct {
	high, low uint64
	exponent  int
}

// times returns x * 10^-k / 2^(exponent+1), rounded down to a whole number whose last bit is set, too, where anything was
// cut off.
func (p *scale) times(x uint64) uint64 {
	carry, _ := bits.Mul64(p.low, x)
	whole, fraction := bits.Mul64(p.high, x)
	fraction, c := bits.Add64(fraction, carry, 0)
	whole += c
	if fraction > 1 {
		whole |= 1
	}
	return whole
}

// The powers of ten that shortest needs.
const (
	minScale = -22 // for 1e-6
	maxScale = 5   // for 1e21
)

// scales are by k, from minScale. They are never changed.
var scales = func() (all [maxScale - minScale + 1]scale) {
	for i := range all {
		k := minScale + i
		ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(k, -k))), nil)
		exponent := ten.BitLen() - 1
		g := new(big.Int).Lsh(ten, uint(127-exponent))
		if k > 0 { // 1/ten is between 2^-BitLen and twice that
			exponent = -ten.BitLen()
			g.Lsh(big.NewInt(1), uint(127-exponent))
			g.Div(g, ten)
		}
		g.Add(g, big.NewInt(1))
		all[i] = scale{new(big.Int).Rsh(g, 64).Uint64(), g.Uint64(), exponent}
	}
	return all
}()
