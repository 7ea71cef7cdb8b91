package payload

import (
	"encoding/binary"
	"math"
	"math/bits"
	"sync"
)

// Stats are what one payload looks like. All of it is 0 for an empty one.
type Stats struct {
	Length       int     // bytes
	Entropy      float64 // Shannon entropy, bits per byte, 0..8
	BitsSet      float64 // mean number of one bits per byte, 0..8
	Printable    float64 // share of bytes 0x20..0x7e, 0..1
	PrintableRun int     // the most of them in a row, bytes
}

const (
	// manyBytes is the length from which counting in tables and adding them up is faster than looking at each byte's
	// count as it grows, see BenchmarkEntropy.
	manyBytes = 192
	// vectorBytes is the length from which counting in vectors is faster than either, see BenchmarkEntropy.
	vectorBytes = 128
	// tableBytes is the longest payload whose byte counts fit 16 bits and whose c*log2(c) is in the table.
	tableBytes = 1<<16 - 1
	// unit is the table's fixed point: c*log2(c) is below 2^20 for all its counts, so that any sum stays below 2^62.
	unit = 1 << 42
)

// plogp holds c*log2(c) for every count c, in units of 2^-42. Whole numbers make a sum independent of its order, and
// equal distributions equal to the last bit. It is made once and only read afterwards.
var plogp = sync.OnceValue(func() *[tableBytes + 1]int64 {
	t := new([tableBytes + 1]int64)
	for c := 2; c < len(t); c++ {
		t[c] = int64(math.Round(float64(c) * math.Log2(float64(c)) * unit))
	}
	return t
})

// Meter measures payloads. It is used by one goroutine; several share one table. The zero Meter is not usable.
type Meter struct {
	counts [4]tally   // of bytes at positions 0, 1, 2 and 3 modulo 4, so that equal neighbours need not wait
	few    [256]uint8 // all zero between calls
	parts  *parts     // nil: the processor cannot count in vectors
	plogp  *[tableBytes + 1]int64
	step   [256]int64 // plogp[c+1] - plogp[c]
}

// parts is room for sumVectors: the bytes by their two high bits, and the rest of the last 64.
type parts [4][partBytes]byte

const partBytes = tableBytes + 1 + 64

// NewMeter returns a meter.
func NewMeter() *Meter {
	m := &Meter{plogp: plogp()}
	if hasVectors() {
		m.parts = new(parts)
	}
	for c := range m.step {
		m.step[c] = m.plogp[c+1] - m.plogp[c]
	}
	return m
}

// Entropy returns the Shannon entropy of the distribution of byte values in b, in bits per byte: the sum over all values
// of -p*log2(p), p being the share of bytes with that value (Shannon, A Mathematical Theory of Communication, 1948). It is
// 0 for no bytes and for equal ones, and at most min(8, log2(len(b))). The result depends on how often each value occurs
// and on nothing else; it is within 1e-12 of the exact one. It does not allocate, and keeps nothing of b.
func (m *Meter) Entropy(b []byte) float64 {
	// With counts c and their sum n, -sum(c/n * log2(c/n)) = (n*log2(n) - sum(c*log2(c))) / n.
	n := len(b)
	switch {
	case n == 0:
		return 0
	case n > tableBytes:
		return entropyHuge(b)
	}
	return float64(m.plogp[n]-m.sum(b)) / unit / float64(n)
}

// sum returns the sum of c*log2(c) for at most tableBytes bytes.
func (m *Meter) sum(b []byte) int64 {
	switch {
	case m.parts != nil && len(b) >= vectorBytes:
		return m.sumInVectors(b)
	case len(b) < manyBytes:
		return m.sumFew(b)
	}
	return m.sumMany(b)
}

// sumInVectors is sum where the processor can count in vectors.
func (m *Meter) sumInVectors(b []byte) (sum int64) {
	var sums [8]int64
	sumVectors(b, m.parts, m.plogp, &sums)
	for _, s := range sums {
		sum += s
	}
	return sum
}

// sumFew is sum of fewer than 256 bytes: what each byte adds to it, one after the other.
func (m *Meter) sumFew(b []byte) (sum int64) {
	few := &m.few
	for _, v := range b {
		c := few[v]
		few[v] = c + 1
		sum += m.step[c]
	}
	for _, v := range b {
		few[v] = 0
	}
	return sum
}

// sumMany is sum by tables.
func (m *Meter) sumMany(b []byte) (sum int64) {
	m.counts = [4]tally{}
	t0, t1, t2, t3 := &m.counts[0], &m.counts[1], &m.counts[2], &m.counts[3]
	for ; len(b) >= 8; b = b[8:] {
		v := binary.LittleEndian.Uint64(b)
		t0.count(byte(v))
		t1.count(byte(v >> 8))
		t2.count(byte(v >> 16))
		t3.count(byte(v >> 24))
		t0.count(byte(v >> 32))
		t1.count(byte(v >> 40))
		t2.count(byte(v >> 48))
		t3.count(byte(v >> 56))
	}
	for _, v := range b {
		t0.count(v)
	}
	for i := 0; i < len(t0); i += 8 {
		c := t0.four(i) + t1.four(i) + t2.four(i) + t3.four(i) // no sum exceeds tableBytes: nothing carries over
		sum += m.plogp[uint16(c)] + m.plogp[uint16(c>>16)] + m.plogp[uint16(c>>32)] + m.plogp[c>>48]
	}
	return sum
}

// tally holds a count of 16 bits for each value of a byte. As bytes, four are read, and added to four others, at a time.
type tally [2 * 256]byte

func (t *tally) count(v byte) {
	c := t[2*int(v):][:2]
	binary.LittleEndian.PutUint16(c, binary.LittleEndian.Uint16(c)+1)
}

// four returns the four counts from byte i on.
func (t *tally) four(i int) uint64 { return binary.LittleEndian.Uint64(t[i:]) }

// entropyHuge is Entropy for more bytes than an IP packet can have without being a jumbogram.
func entropyHuge(b []byte) float64 {
	var counts [256]int
	for _, v := range b {
		counts[v]++
	}
	sum, n := 0.0, float64(len(b))
	for _, c := range counts {
		if c != 0 && c != len(b) {
			p := float64(c) / n
			sum -= p * math.Log2(p)
		}
	}
	return sum
}

// Measure returns all that there is to say of the payload. It does not allocate, and keeps nothing of b.
func (m *Meter) Measure(b []byte) Stats { return Describe(b, m.Entropy(b)) }

// Describe is Measure of a payload whose entropy is known.
func Describe(b []byte, entropy float64) Stats {
	if len(b) == 0 {
		return Stats{}
	}
	n := float64(len(b))
	printable, run := printable(b)
	return Stats{
		Length:       len(b),
		Entropy:      entropy,
		BitsSet:      float64(bitsSet(b)) / n,
		Printable:    float64(printable) / n,
		PrintableRun: run,
	}
}

// bitsSet counts the one bits.
func bitsSet(b []byte) (n int) {
	for ; len(b) >= 8; b = b[8:] {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(b))
	}
	for _, v := range b {
		n += bits.OnesCount8(v)
	}
	return n
}

// printable counts the printable ASCII bytes, and the most of them in a row.
func printable(b []byte) (n, longest int) {
	run := 0
	for ; len(b) >= 8; b = b[8:] {
		mask := printableMask(binary.LittleEndian.Uint64(b))
		n += bits.OnesCount8(mask)
		if mask == 0xff {
			run += 8
			continue
		}
		r := &runs[mask]
		longest = max(longest, run+int(r.first), int(r.longest))
		run = int(r.last)
	}
	for _, v := range b {
		if v-0x20 > 0x7e-0x20 {
			longest = max(longest, run)
			run = 0
			continue
		}
		n++
		run++
	}
	return n, max(longest, run)
}

// printableMask says which of eight bytes are printable ASCII: bit i for byte i, counted from the lowest.
func printableMask(x uint64) uint8 {
	const ones = 0x0101010101010101
	low := x & (0x7f * ones)
	printable := (low + 0x60*ones) &^ (low + ones) &^ x & (0x80 * ones) // from 0x20, below 0x7f, no high bit
	return uint8(printable >> 7 * 0x0102040810204080 >> 56)
}

// runs holds the runs of ones in every byte, bit 0 first: the one that it begins with, the one that it ends with, and the
// longest. It is never changed.
var runs = func() (r [256]struct{ first, last, longest uint8 }) {
	for v := range r {
		run := uint8(0)
		for bit := range 8 {
			run++
			if v>>bit&1 == 0 {
				run = 0
			}
			r[v].longest = max(r[v].longest, run)
			if int(run) == bit+1 {
				r[v].first = run
			}
		}
		r[v].last = run
	}
	return r
}()
