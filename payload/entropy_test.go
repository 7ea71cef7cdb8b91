package payload

import (
	"math/rand"
	"testing"
)

// naiveSum is the sum of c*log2(c) in the table's units.
func naiveSum(m *Meter, b []byte) (sum int64) {
	var counts [256]int
	for _, v := range b {
		counts[v]++
	}
	for _, c := range counts {
		sum += m.plogp[c]
	}
	return sum
}

// checkSums compares all ways of counting with the naive one.
func checkSums(t *testing.T, m *Meter, b []byte) {
	t.Helper()
	want := naiveSum(m, b)
	if got := m.sumMany(b); got != want {
		t.Fatalf("%d bytes %.100x in tables: got %d, want %d", len(b), b, got, want)
	}
	if len(b) < 256 {
		if got := m.sumFew(b); got != want {
			t.Fatalf("%d bytes %x one by one: got %d, want %d", len(b), b, got, want)
		}
	}
	if m.parts == nil {
		return
	}
	if got := m.sumInVectors(b); got != want {
		t.Fatalf("%d bytes %.100x in vectors: got %d, want %d", len(b), b, got, want)
	}
}

func TestSumsOfEveryLength(t *testing.T) {
	rng := rand.New(rand.NewSource(6))
	m := NewMeter()
	if m.parts == nil {
		t.Log("without counting in vectors: the processor cannot")
	}
	for n := range 1600 {
		b := make([]byte, n)
		for _, values := range []int{1, 3, 70, 256} {
			first := rng.Intn(256)
			for i := range b {
				b[i] = byte(first + rng.Intn(values))
			}
			checkSums(t, m, b)
		}
	}
}

// One byte value at a time, and the lengths at which a part or the table is full.
func TestSumsOfFullParts(t *testing.T) {
	m := NewMeter()
	for v := range 256 {
		for _, n := range []int{1, 64, 1000, tableBytes - 63, tableBytes - 62, tableBytes} {
			b := make([]byte, n)
			for i := range b {
				b[i] = byte(v)
			}
			b[n/2] ^= 0x55
			checkSums(t, m, b)
		}
	}
}

func FuzzSums(f *testing.F) {
	f.Add([]byte("hello, world"), uint16(3), byte(7))
	f.Add(make([]byte, 64), uint16(100), byte(0))
	m := NewMeter()
	f.Fuzz(func(t *testing.T, b []byte, times uint16, step byte) {
		var long []byte // the bytes over and over, each time others by step
		for i := range int(times) + 1 {
			for _, v := range b {
				long = append(long, v+byte(i)*step)
			}
		}
		checkSums(t, m, long[:min(len(long), tableBytes)])
	})
}
