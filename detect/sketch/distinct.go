package sketch

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// Distinct counts distinct hashes in a kilobyte: exactly up to ExactMax of them, then by HyperLogLog with 1,024 registers
// (Flajolet et al., 2007), with the estimator of Ertl (New cardinality estimation algorithms for HyperLogLog sketches, 2017,
// algorithm 6), which needs no table of corrections. Its standard error is 3.25 %. The zero value is empty. A hash of 0
// counts as 1.
type Distinct struct {
	exact uint16 // hashes in the set; beyond ExactMax: the registers are in use
	data  [registers]byte
}

// ExactMax is how many are counted exactly.
const ExactMax = 64

const (
	precision = 10
	registers = 1 << precision
	slots     = registers / 8 // of the set: hashes by their low bits, the next free one where taken
	rankMax   = 64 - precision + 1
)

// Add adds a hash and says whether the count may have changed.
func (d *Distinct) Add(hash uint64) bool {
	hash = max(hash, 1)
	if d.exact > ExactMax {
		return d.register(hash)
	}
	for i := int(hash % slots); ; i++ {
		slot := d.data[i%slots*8:][:8]
		switch binary.LittleEndian.Uint64(slot) {
		case hash:
			return false
		case 0:
			if d.exact++; d.exact > ExactMax {
				return d.spill(hash)
			}
			binary.LittleEndian.PutUint64(slot, hash)
			return true
		}
	}
}

// spill turns the set into registers.
func (d *Distinct) spill(hash uint64) bool {
	old := d.data
	clear(d.data[:])
	for i := range slots {
		if h := binary.LittleEndian.Uint64(old[8*i:]); h != 0 {
			d.register(h)
		}
	}
	d.register(hash)
	return true
}

// register notes the hash's rank: the place of the first 1 behind the bits that choose the register.
func (d *Distinct) register(hash uint64) bool {
	rank := byte(bits.LeadingZeros64(hash<<precision|1<<(precision-1)) + 1)
	r := &d.data[hash>>(64-precision)]
	if rank <= *r {
		return false
	}
	*r = rank
	return true
}

// Exact says whether Count is exact.
func (d *Distinct) Exact() bool { return d.exact <= ExactMax }

// Count returns how many distinct hashes there were.
func (d *Distinct) Count() int {
	if d.Exact() {
		return int(d.exact)
	}
	return int(math.Round(d.estimate()))
}

// estimate is Ertl's algorithm 6 over the counts of the ranks.
func (d *Distinct) estimate() float64 {
	var counts [rankMax + 1]float64
	for _, r := range d.data {
		counts[r]++
	}
	const m = registers
	z := m * tau(1-counts[rankMax]/m)
	for k := rankMax - 1; k >= 1; k-- {
		z = 0.5 * (z + counts[k])
	}
	z += m * sigma(counts[0]/m)
	return m * m / (2 * math.Ln2) / z
}

// sigma is x + sum of x^(2^k) 2^(k-1) over k from 1.
func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	z, y := x, 1.0
	for before := -1.0; z != before; y += y {
		x *= x
		before = z
		z += x * y
	}
	return z
}

// tau is (1 - x - sum of (1 - x^(2^-k))^2 2^-k over k from 1) / 3.
func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	z, y := 1-x, 1.0
	for before := -1.0; z != before; {
		x = math.Sqrt(x)
		before = z
		y *= 0.5
		z -= (1 - x) * (1 - x) * y
	}
	return z / 3
}
