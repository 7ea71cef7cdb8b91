package flowtable

import (
	"math"
	"math/bits"
)

// sums are what a flow's moments and means are made from, of lengths apart. Whole numbers make them exact, and the moments
// independent of rounding.
type sums [2]sideSums

// sideSums are those of one end, in one cache line. They are valid once it has sent a packet.
type sideSums struct {
	interval squares
	span     uint64 // sum of the intervals, ns
	latest   int64  // time of the latest packet
	shortest uint64 // interval, ns
	longest  uint64
	entropy  float64 // sum over the packets with captured payload, in their order; valid from the beginning
	measured uint32  // how many these are; likewise
	base     uint32  // with packetGroup, of TCP, once its SYN was seen: sequence number of the first byte
}

// lengthSums are those of one end's lengths, valid once it has sent a packet.
type lengthSums struct {
	square      squares
	least, most uint32
}

// squares is a sum of squares in 128 bits.
type squares struct{ hi, lo uint64 }

func (s *squares) add(v uint64) {
	hi, lo := bits.Mul64(v, v)
	var carry uint64
	s.lo, carry = bits.Add64(s.lo, lo, 0)
	s.hi += hi + carry
}

func (s *lengthSums) add(length uint32, first bool) {
	if first {
		*s = lengthSums{least: length}
	}
	s.square.add(uint64(length))
	s.least, s.most = min(s.least, length), max(s.most, length)
}

// addInterval counts the time since the end's packet before, of which there were so many.
func (s *sideSums) addInterval(time int64, before uint32) {
	if before == 0 {
		s.interval, s.span, s.latest, s.shortest, s.longest = squares{}, 0, time, math.MaxUint64, 0
		return
	}
	span := uint64(max(0, time-s.latest))
	s.latest = max(s.latest, time)
	s.span += span
	s.interval.add(span)
	s.shortest, s.longest = min(s.shortest, span), max(s.longest, span)
}

// moments returns the moments of n whole numbers, in parts of unit, from their sum, the sum of their squares and their
// bounds. The variance is (n*sum(x^2) - sum(x)^2) / (n*(n-1)), its numerator computed exactly.
func moments(n, sum uint64, s squares, least, most uint64, unit float64) Moments {
	nan := math.NaN()
	if n == 0 {
		return Moments{nan, nan, nan, nan}
	}
	r := Moments{Mean: float64(sum) / float64(n) / unit, Std: nan, Min: float64(least) / unit, Max: float64(most) / unit}
	if n < 2 {
		return r
	}
	carry, w0 := bits.Mul64(n, s.lo)
	w2, w1 := bits.Mul64(n, s.hi)
	w1, carry = bits.Add64(w1, carry, 0)
	w2 += carry
	hi, lo := bits.Mul64(sum, sum)
	w0, carry = bits.Sub64(w0, lo, 0)
	w1, carry = bits.Sub64(w1, hi, carry)
	w2 -= carry
	numerator := math.Ldexp(float64(w2), 128) + math.Ldexp(float64(w1), 64) + float64(w0)
	r.Std = math.Sqrt(numerator/float64(n)/float64(n-1)) / unit
	return r
}
