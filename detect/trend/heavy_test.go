package trend

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/weir-sensor/weir/detect"
)

// What Space-Saving promises, beside exact counts: a count is too high by at most its error, the error is at most the
// stream's length over the counters, and whatever is more frequent than that has a counter.
func TestHeavyKeepsItsPromise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 20).Draw(t, "counters")
		skew := rapid.Float64Range(1.01, 3).Draw(t, "skew")
		zipf := rand.NewZipf(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)), skew, 1, 200)
		h, exact := newHeavy[uint64](limit), map[uint64]uint64{}
		length := uint64(rapid.IntRange(1, 2000).Draw(t, "length"))
		for range length {
			key := zipf.Uint64()
			exact[key]++
			if count, error := h.add(key, detect.Mix(key, 1)); count < exact[key] || count-error > exact[key] {
				t.Fatalf("key %d: count %d, error %d, exact %d", key, count, error, exact[key])
			}
		}
		sum := uint64(0)
		for i := range h.counters {
			c := &h.counters[i]
			sum += c.count
			if c.error*uint64(limit) > length || h.groups[c.group].count != c.count {
				t.Fatalf("counter %+v of a stream of %d", c, length)
			}
			if place := h.index.Get(c.key, c.hash); place == nil || *place != uint32(i) {
				t.Fatalf("key %d is not at %d", c.key, i)
			}
		}
		if sum != length {
			t.Fatalf("counts add up to %d, want %d", sum, length)
		}
		for key, n := range exact {
			if n*uint64(limit) > length && h.index.Get(key, detect.Mix(key, 1)) == nil {
				t.Fatalf("key %d came %d times of %d and has no counter", key, n, length)
			}
		}
	})
}
