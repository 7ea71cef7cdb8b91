package covertmark

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"

	"github.com/weir-sensor/weir/payload"
)

// Limits of what the packet tests look at.
const (
	MostBytes   = 1450 // of a payload
	LeastBytes  = 128  // shorter payloads are never examined
	leastBlocks = 8    // fewer have no power
	refBlocks   = 256  // of the sample of random blocks
)

// Blocks are the sizes of the blocks whose entropies are compared, bytes.
var blocks = [...]int{16, 32, 64}

// windows are the sizes of the sliding windows whose distinct bytes are counted.
var windows = [...]int{32, 64, 96}

// Packet is what the tests say of a packet with payload.
type Packet struct {
	Length   uint16     // of its payload, bytes, at most 65535
	Known    bool       // it begins as TLS or HTTP
	Votes    [3]uint8   // by block size: how many of the three tests take it for random; insufficient where there are too few blocks
	Distinct [3]float32 // by window size: the mean share of distinct bytes in it; 0 where it is shorter
}

// insufficient stands in Packet.Votes where there are too few blocks to tell.
const insufficient = 255

// Tester tests payloads. One goroutine uses it.
type Tester struct {
	meter     *payload.Meter
	reference [len(blocks)][]float64 // entropies of random blocks, ascending
	critical  map[int]float64        // of the two-sample KS test, by the number of blocks
	entropies []float64
	ring      [256]uint16
}

// NewTester returns a Tester.
func NewTester() *Tester {
	t := &Tester{meter: payload.NewMeter(), critical: map[int]float64{}}
	for i, size := range blocks {
		t.reference[i] = t.blockEntropies(stream(refBlocks*size), size, nil)
		slices.Sort(t.reference[i])
	}
	return t
}

// stream returns n random bytes that are always the same: SHA-256 of "weir", a hyphen and a counter.
func stream(n int) []byte {
	var b []byte
	for i := uint32(0); len(b) < n; i++ {
		sum := sha256.Sum256(binary.BigEndian.AppendUint32([]byte("weir-"), i))
		b = append(b, sum[:]...)
	}
	return b[:n]
}

// Test tests a payload of so many bytes, of which b holds the first. It keeps nothing of b.
func (t *Tester) Test(b []byte, length int) Packet {
	p := Packet{Length: uint16(min(length, math.MaxUint16)), Known: payload.Exempt(b)&payload.ExemptProtocol != 0}
	b = b[:min(len(b), MostBytes)]
	uniform := len(b) >= LeastBytes && uniformBytes(b)
	for i, size := range blocks {
		p.Votes[i] = insufficient
		if len(b) >= LeastBytes && len(b)/size >= leastBlocks {
			p.Votes[i] = t.votes(b, i)
			if uniform {
				p.Votes[i]++
			}
		}
	}
	for i, size := range windows {
		if len(b) >= LeastBytes {
			p.Distinct[i] = float32(t.distinct(b, size))
		}
	}
	return p
}

// votes returns how many of the two tests of block entropies take b for random.
func (t *Tester) votes(b []byte, i int) (n uint8) {
	t.entropies = t.blockEntropies(b, blocks[i], t.entropies[:0])
	slices.Sort(t.entropies)
	critical, ok := t.critical[len(t.entropies)]
	if !ok {
		critical = ksCritical(len(t.entropies), refBlocks)
		t.critical[len(t.entropies)] = critical
	}
	if ksDistance(t.entropies, t.reference[i]) < critical {
		n++
	}
	if andersonDarling(t.entropies, t.reference[i]) < adCritical10 {
		n++
	}
	return n
}

func (t *Tester) blockEntropies(b []byte, size int, dst []float64) []float64 {
	for ; len(b) >= size; b = b[size:] {
		dst = append(dst, t.meter.Entropy(b[:size]))
	}
	return dst
}

// Pearson's statistic of random bytes is between these but for 1 time in 10,000 at each end (255 degrees of freedom).
const (
	leastChiSquare = 179.4
	mostChiSquare  = 347.7
)

// uniformBytes says whether all byte values are about equally frequent, but not too much so.
func uniformBytes(b []byte) bool {
	var counts [256]int
	for _, v := range b {
		counts[v]++
	}
	squares := 0
	for _, c := range counts {
		squares += c * c
	}
	chi := 256*float64(squares)/float64(len(b)) - float64(len(b))
	return chi >= leastChiSquare && chi <= mostChiSquare
}

// distinct returns the mean share of distinct bytes over all windows of a size.
func (t *Tester) distinct(b []byte, size int) float64 {
	t.ring = [256]uint16{}
	distinct, sum := 0, 0
	for i, v := range b {
		if t.ring[v]++; t.ring[v] == 1 {
			distinct++
		}
		if i >= size {
			old := b[i-size]
			if t.ring[old]--; t.ring[old] == 0 {
				distinct--
			}
		}
		if i >= size-1 {
			sum += distinct
		}
	}
	return float64(sum) / float64(size*(len(b)-size+1))
}

// ksDistance returns the largest distance of the empirical distributions of two samples, both ascending.
func ksDistance(a, b []float64) float64 {
	most, i, j := 0.0, 0, 0
	for i < len(a) && j < len(b) {
		x := min(a[i], b[j])
		for i < len(a) && a[i] == x {
			i++
		}
		for j < len(b) && b[j] == x {
			j++
		}
		most = max(most, math.Abs(float64(i)/float64(len(a))-float64(j)/float64(len(b))))
	}
	return most
}

// ksP returns the probability of a distance of d or more between samples of n and m of the same continuous distribution,
// exactly: the share of all orders of both in which it comes to that (Hodges 1958).
func ksP(d float64, n, m int) float64 {
	within := func(i, j int) bool {
		return math.Abs(float64(i)/float64(n)-float64(j)/float64(m)) < d-1e-9
	}
	u := make([]float64, m+1) // of the orders of the first i and j values, the share that has stayed within
	for j := range u {
		if j == 0 || u[j-1] == 1 && within(0, j) {
			u[j] = 1
		}
	}
	for i := 1; i <= n; i++ {
		if !within(i, 0) {
			u[0] = 0
		}
		for j := 1; j <= m; j++ {
			if !within(i, j) {
				u[j] = 0
				continue
			}
			share := float64(i) / float64(i+j) // of the orders whose last value is of the first sample
			u[j] = share*u[j] + (1-share)*u[j-1]
		}
	}
	return 1 - u[m]
}

// ksCritical returns the least distance whose probability is below 10 %.
func ksCritical(n, m int) float64 {
	low, high := 0, n*m // in units of 1/(n m)
	for low < high {
		if middle := (low + high) / 2; ksP(float64(middle)/float64(n*m), n, m) < .1 {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return (float64(low) - .5) / float64(n*m)
}

// adCritical10 is the 10 % critical value of andersonDarling (Scholz and Stephens 1987, two samples).
const adCritical10 = 1.226

// andersonDarling returns the normalised two-sample Anderson-Darling statistic with midranks (Scholz and Stephens 1987,
// equation 7) of two ascending samples.
func andersonDarling(a, b []float64) float64 {
	n, m := float64(len(a)), float64(len(b))
	total := n + m
	var sum [2]float64
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		x := math.Inf(1)
		if i < len(a) {
			x = a[i]
		}
		if j < len(b) {
			x = min(x, b[j])
		}
		fromA, fromB := float64(i), float64(j)
		for i < len(a) && a[i] == x {
			i++
		}
		for j < len(b) && b[j] == x {
			j++
		}
		fA, fB := float64(i)-fromA, float64(j)-fromB
		l := fA + fB
		before := fromA + fromB + l/2
		weight := before*(total-before) - total*l/4
		if weight <= 0 {
			continue
		}
		dA, dB := total*(fromA+fA/2)-before*n, total*(fromB+fB/2)-before*m
		sum[0] += l / total * dA * dA / weight
		sum[1] += l / total * dB * dB / weight
	}
	statistic := (sum[0]/n + sum[1]/m) * (total - 1) / total
	return (statistic - 1) / math.Sqrt(adVariance(n, m))
}

// adVariance returns the variance of the statistic (the same, equation 4).
func adVariance(n, m float64) float64 {
	const k = 2.0
	total := n + m
	bigH := 1/n + 1/m
	var h, g float64
	for i := 1.0; i < total; i++ {
		h += 1 / i
	}
	inner := 0.0 // sum of 1/j for j from total-i+1
	for i := 1.0; i <= total-2; i++ {
		inner += 1 / (total - i)
		g += inner / (i + 1)
	}
	a := (4*g-6)*(k-1) + (10-6*g)*bigH
	b := (2*g-4)*k*k + 8*h*k + (2*g-14*h-4)*bigH - 8*h + 4*g - 6
	c := (6*h+2*g-2)*k*k + (4*h-4*g+6)*k + (2*h-6)*bigH + 4*h
	d := (2*h+6)*k*k - 4*h*k
	return (a*total*total*total + b*total*total + c*total + d) / ((total - 1) * (total - 2) * (total - 3) * (k - 1) * (k - 1))
}
