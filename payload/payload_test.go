package payload

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"math/rand"
	"testing"
)

// Values of numpy 1.24: p = counts/n; -(p*np.log2(p)).sum().
func TestEntropyOfKnownPayloads(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for _, c := range []struct {
		payload string
		want    float64
	}{
		{"", 0},
		{"a", 0},
		{"aaaa", 0},
		{"ab", 1},
		{"aab", 0.9182958340544896},
		{"hello, world", 3.0220552088742},
		{string(all), 8},
		{string(all) + string(all), 8},
		{string(make([]byte, 1460)), 0},
		{string(make([]byte, 1<<17)), 0},
	} {
		got := NewMeter().Entropy([]byte(c.payload))
		if math.Abs(got-c.want) > 1e-12 || c.want == 0 && got != 0 {
			t.Errorf("%.20q (%d bytes): got %v, want %v", c.payload, len(c.payload), got, c.want)
		}
	}
}

// exactEntropy computes with 200 bits: log2 by repeated squaring.
func exactEntropy(b []byte) float64 {
	counts := map[byte]int64{}
	for _, v := range b {
		counts[v]++
	}
	const prec = 200
	num := func(x int64) *big.Float { return new(big.Float).SetPrec(prec).SetInt64(x) }
	log2 := func(c int64) *big.Float { // c >= 1
		x, whole := num(c), int64(0)
		for x.Cmp(num(2)) >= 0 {
			x.Quo(x, num(2))
			whole++
		}
		sum, bit := num(whole), num(1)
		for range 70 {
			bit.Quo(bit, num(2))
			x.Mul(x, x)
			if x.Cmp(num(2)) >= 0 {
				x.Quo(x, num(2))
				sum.Add(sum, bit)
			}
		}
		return sum
	}
	n := int64(len(b))
	sum := new(big.Float).SetPrec(prec).Mul(num(n), log2(n))
	for _, c := range counts {
		sum.Sub(sum, new(big.Float).SetPrec(prec).Mul(num(c), log2(c)))
	}
	h, _ := sum.Quo(sum, num(n)).Float64()
	return h
}

func TestEntropyIsWithin1e12OfTheExactOne(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	m := NewMeter()
	for _, n := range []int{1, 2, 3, 5, 7, 8, 15, 16, 31, 64, 100, manyBytes - 1, manyBytes, manyBytes + 1, 255, 256, 257,
		512, 1000, 1460, 4096, 9000, tableBytes - 1, tableBytes, tableBytes + 1, 200_000} {
		for _, values := range []int{1, 2, 3, 20, 256} {
			b := make([]byte, n)
			for i := range b {
				b[i] = byte(rng.Intn(values) * rng.Intn(2))
			}
			if got, want := m.Entropy(b), exactEntropy(b); math.Abs(got-want) > 1e-12 {
				t.Errorf("%d bytes of %d values: got %v, want %v", n, values, got, want)
			}
		}
	}
}

// The order of the bytes does not matter, not even in the last bit; nor does what the meter measured before.
func TestEntropyDependsOnCountsAlone(t *testing.T) {
	rng := rand.New(rand.NewSource(2))
	used := NewMeter()
	for range 300 {
		b := make([]byte, 1+rng.Intn(600))
		rng.Read(b)
		want := NewMeter().Entropy(b)
		rng.Shuffle(len(b), func(i, j int) { b[i], b[j] = b[j], b[i] })
		if got := used.Entropy(b); got != want {
			t.Fatalf("%d bytes: got %v after others, %v at first", len(b), got, want)
		}
	}
}

func TestMeasure(t *testing.T) {
	for _, c := range []struct {
		payload string
		want    Stats
	}{
		{"", Stats{}},
		{"\x00", Stats{Length: 1}},
		{"\xff\xff", Stats{Length: 2, BitsSet: 8}},
		{" ~", Stats{Length: 2, Entropy: 1, BitsSet: 3.5, Printable: 1, PrintableRun: 2}},
		{"\x1f\x7f", Stats{Length: 2, Entropy: 1, BitsSet: 6}},
		{"ab\nabc\n", Stats{Length: 7, Entropy: exactEntropy([]byte("ab\nabc\n")), BitsSet: 20.0 / 7, Printable: 5.0 / 7, PrintableRun: 3}},
	} {
		got := NewMeter().Measure([]byte(c.payload))
		if math.Abs(got.Entropy-c.want.Entropy) < 1e-12 {
			got.Entropy = c.want.Entropy
		}
		if got != c.want {
			t.Errorf("%q: got %+v, want %+v", c.payload, got, c.want)
		}
	}
}

func TestMeasureAgainstCountingOneByOne(t *testing.T) {
	rng := rand.New(rand.NewSource(3))
	m := NewMeter()
	for range 200 {
		b := make([]byte, 1+rng.Intn(200))
		for i := range b {
			b[i] = byte(rng.Intn(140))
		}
		ones, printable, longest := 0, 0, 0
		for i, v := range b {
			for bit := range 8 {
				ones += int(v >> bit & 1)
			}
			if v >= 0x20 && v <= 0x7e {
				printable++
			}
			run := 0
			for i+run < len(b) && b[i+run] >= 0x20 && b[i+run] <= 0x7e {
				run++
			}
			longest = max(longest, run)
		}
		n := float64(len(b))
		got := m.Measure(b)
		if got.BitsSet != float64(ones)/n || got.Printable != float64(printable)/n || got.PrintableRun != longest || got.Length != len(b) {
			t.Fatalf("%q: got %+v, want bits %v, printable %v, run %v", b, got, float64(ones)/n, float64(printable)/n, longest)
		}
	}
}

func TestMeterDoesNotAllocate(t *testing.T) {
	m := NewMeter()
	sizes := [][]byte{make([]byte, 10), make([]byte, 1460), make([]byte, 100_000)}
	if got := testing.AllocsPerRun(100, func() {
		for _, b := range sizes {
			m.Entropy(b)
			m.Measure(b)
		}
	}); got != 0 {
		t.Errorf("got %v allocations, want 0", got)
	}
}

// Run with: go test -run '^$' -bench Entropy ./features
func BenchmarkEntropy(b *testing.B) {
	rng := rand.New(rand.NewSource(4))
	for _, kind := range []string{"random", "text"} {
		for _, n := range []int{16, 64, 128, 192, 256, 1460, 9000} {
			payload := make([]byte, n)
			rng.Read(payload)
			if kind == "text" {
				for i := range payload {
					payload[i] = "the quick brown fox jumps over it, and over that "[payload[i]%48]
				}
			}
			b.Run(fmt.Sprintf("%s/%d", kind, n), func(b *testing.B) {
				m := NewMeter()
				b.SetBytes(int64(n))
				for b.Loop() {
					m.Entropy(payload)
				}
			})
		}
	}
}

func BenchmarkMeasure(b *testing.B) {
	rng := rand.New(rand.NewSource(5))
	for _, n := range []int{64, 1460} {
		payload := make([]byte, n)
		rng.Read(payload)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m := NewMeter()
			b.SetBytes(int64(n))
			for b.Loop() {
				m.Measure(payload)
			}
		})
	}
}

// BenchmarkCounting is the floor that entropy is compared with: filling four tables of 32-bit counts and adding them up,
// no logarithm.
func BenchmarkCounting(b *testing.B) {
	for _, n := range []int{256, 1460, 9000} {
		data := make([]byte, n)
		rand.New(rand.NewSource(4)).Read(data)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(int64(n))
			var sum [256]uint32
			var t [4][256]uint32
			for b.Loop() {
				t = [4][256]uint32{}
				p := data
				for ; len(p) >= 8; p = p[8:] {
					v := binary.LittleEndian.Uint64(p)
					t[0][byte(v)]++
					t[1][byte(v>>8)]++
					t[2][byte(v>>16)]++
					t[3][byte(v>>24)]++
					t[0][byte(v>>32)]++
					t[1][byte(v>>40)]++
					t[2][byte(v>>48)]++
					t[3][byte(v>>56)]++
				}
				for _, c := range p {
					t[0][c]++
				}
				for i := range sum {
					sum[i] += t[0][i] + t[1][i] + t[2][i] + t[3][i]
				}
			}
		})
	}
}
