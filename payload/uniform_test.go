package payload

import (
	"math"
	"math/rand"
	"testing"
)

func TestUniformityOfKnownStream(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"D of 1024 bytes", KolmogorovSmirnov(stream(1024)), 0.014648},
		{"D of 128 bytes", KolmogorovSmirnov(stream(128)), 0.058594},
		{"distinct values in 64 of 1024 bytes", Distinct(stream(1024), 64), 0.878707},
		{"of 32 random bytes", RandomDistinct(32), 0.941753},
		{"of 64", RandomDistinct(64), 0.886322},
		{"of 96", RandomDistinct(96), 0.835241},
		{"D of equal bytes", KolmogorovSmirnov(make([]byte, 10)), 1 - 1.0/256},
		{"distinct values in equal bytes", Distinct(make([]byte, 10), 5), 0.2},
	} {
		if math.Abs(c.got-c.want) > 5.1e-7 {
			t.Errorf("%s: got %v, want %v", c.name, c.got, c.want)
		}
	}
	if got := Distinct(make([]byte, 31), 32); !math.IsNaN(got) {
		t.Errorf("fewer bytes than a window: got %v, want NaN", got)
	}
	if got := KolmogorovSmirnov(nil); !math.IsNaN(got) {
		t.Errorf("no bytes: got %v, want NaN", got)
	}
}

func TestDistinctEqualsEachWindowByItself(t *testing.T) {
	rng := rand.New(rand.NewSource(6))
	for range 200 {
		b := make([]byte, 1+rng.Intn(200))
		for i := range b {
			b[i] = byte(rng.Intn(40))
		}
		window := 1 + rng.Intn(len(b))
		sum := 0
		for i := range len(b) - window + 1 {
			values := map[byte]bool{}
			for _, v := range b[i : i+window] {
				values[v] = true
			}
			sum += len(values)
		}
		want := float64(sum) / float64(window*(len(b)-window+1))
		if got := Distinct(b, window); math.Abs(got-want) > 1e-12 {
			t.Fatalf("%d bytes, windows of %d: got %v, want %v", len(b), window, got, want)
		}
	}
}
