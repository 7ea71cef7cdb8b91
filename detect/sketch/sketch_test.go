package sketch

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/weir-sensor/weir/packet"
)

// Counts are exact as far as they say, and beyond it within four standard errors; adding again changes nothing.
func TestDistinct(t *testing.T) {
	for _, n := range []int{0, 1, 63, 64, 65, 100, 1000, 10_000, 1_000_000} {
		var d Distinct
		for i := range n {
			d.Add(Hash(7, uint64(i)))
		}
		for i := range n {
			if d.Add(Hash(7, uint64(i))) {
				t.Fatalf("%d: %d counts twice", n, i)
			}
		}
		allowed := 0.0
		if n > ExactMax {
			allowed = 4 * 0.0325 * float64(n)
		}
		if got := d.Count(); math.Abs(float64(got-n)) > allowed || d.Exact() != (n <= ExactMax) {
			t.Errorf("count of %d is %d, exact %v", n, got, d.Exact())
		}
	}
}

// The error of many sketches is the stated one.
func TestStandardErrors(t *testing.T) {
	for _, test := range []struct {
		n      int
		add    func() (func(uint64) bool, func() int)
		stated float64
	}{
		{5000, func() (func(uint64) bool, func() int) { d := new(Distinct); return d.Add, d.Count }, 0.0325},
		{10, func() (func(uint64) bool, func() int) { l := new(Linear); return l.Add, l.Estimate }, 0.03},
		{500, func() (func(uint64) bool, func() int) { l := new(Linear); return l.Add, l.Estimate }, 0.035},
		{2000, func() (func(uint64) bool, func() int) { l := new(Linear); return l.Add, l.Estimate }, 0.08},
	} {
		const runs = 400
		sum, squares := 0.0, 0.0
		for run := range runs {
			add, count := test.add()
			for i := range test.n {
				add(Hash(uint64(run), uint64(i)))
			}
			e := float64(count()-test.n) / float64(test.n)
			sum, squares = sum+e, squares+e*e
		}
		bias, deviation := sum/runs, math.Sqrt(squares/runs)
		if math.Abs(bias) > 0.01 || deviation > 1.15*test.stated {
			t.Errorf("%d: bias %.4f, error %.4f, stated %.4f", test.n, bias, deviation, test.stated)
		}
	}
}

func TestLinearStops(t *testing.T) {
	var l Linear
	for i := range 100_000 {
		l.Add(Hash(0, uint64(i)))
	}
	if got := l.Estimate(); got != LinearMax {
		t.Errorf("got %d, want %d", got, LinearMax)
	}
}

// What was added within the span is known, as in a map of times; what was not is known in few cases.
func TestSeenIsAMapOfTimes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const span = 100
		s, added, now, false0 := NewSeen(1000, span), map[uint64]int64{}, int64(0), 0
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			now += int64(rapid.SampledFrom([]int{0, 0, 1, 30, 250}).Draw(t, "gap"))
			s.Advance(now)
			h := Hash(1, uint64(rapid.IntRange(0, 50).Draw(t, "key")))
			at, there := added[h]
			known := s.Has(h)
			if again := s.Add(h); again != known {
				t.Fatalf("Has says %v, Add %v", known, again)
			}
			if there && now-at < span && !known {
				t.Fatalf("%x is forgotten after %d", h, now-at)
			}
			if known && (!there || now-at > 2*span) {
				false0++
			}
			added[h] = now
		}
		if false0 > 3 {
			t.Fatalf("%d taken for others", false0)
		}
	})
}

// What is at one place is told apart by its other hash, and a group that is fetched is the same as before.
func TestPlacesOfSeen(t *testing.T) {
	const places, things = 20_000, 4
	s := NewSeen(places*things, int64(time.Hour))
	place := func(i int) uint64 { return Hash(3, uint64(i)) }
	thing := func(i, what int) uint64 { return Hash(uint64(what), place(i)) }
	wrong := 0
	for i := range places {
		for what := range i % (things + 1) {
			if s.AddAt(place(i), thing(i, what)) {
				wrong++
			}
		}
		s.WarmAll([]uint64{place(i), place(i + 1)})
	}
	for i := range places {
		for what := range things {
			added, known := what < i%(things+1), s.HasAt(place(i), thing(i, what))
			if added && !known {
				t.Fatalf("thing %d of place %d is forgotten", what, i)
			}
			if known && !added {
				wrong++
			}
		}
	}
	if most := places * things / 50; wrong > most {
		t.Errorf("%d taken for others, want at most %d", wrong, most)
	}
}

// Set does to a bit what Add does to its hash.
func TestLinearBits(t *testing.T) {
	var a, b Linear
	for i := range uint64(2000) {
		h := Hash(5, i)
		a.Add(h)
		if b.Set(LinearBit(h)); a != b {
			t.Fatalf("hash %#x: %x, want %x", h, b, a)
		}
	}
}

func TestSeenStaysSmallAndRight(t *testing.T) {
	const n = 100_000
	s := NewSeen(n, int64(time.Hour))
	wrong := 0
	for i := range 2 * n {
		if s.Add(Hash(0, uint64(i))) {
			wrong++
		}
	}
	for i := range n {
		if !s.Has(Hash(0, uint64(n+i))) {
			t.Fatalf("%d is forgotten", n+i)
		}
		if s.Has(Hash(9, uint64(i))) {
			wrong++
		}
	}
	if wrong > 3*n/50 { // 2 % of the 3 n that were asked for
		t.Errorf("%d of %d taken for others", wrong, 3*n)
	}
	if s.Forced() == 0 {
		t.Error("no generation ended early")
	}
}

func TestHashIsFixed(t *testing.T) {
	a := packet.AddrFrom4([]byte{192, 0, 2, 1})
	if got := Addr(1, a); got != Addr(1, a) || got == Addr(2, a) || got == Addr(1, packet.AddrFrom4([]byte{192, 0, 2, 2})) {
		t.Error("the hash of an address does not depend on what it should")
	}
	if got, want := Hash(1, 2), uint64(0xd9097e665eea7a3); got != want {
		t.Errorf("got %#x, want %#x: alerts change from release to release", got, want)
	}
}

func BenchmarkSeen(b *testing.B) {
	s := NewSeen(4_000_000, int64(time.Hour))
	b.ReportAllocs()
	for i := uint64(0); b.Loop(); i++ {
		s.Add(Hash(0, i%1_000_000))
	}
}
