package flowtable

import (
	"math/rand"
	"testing"
)

// place looks a hash up as Table.find does and says whether the place is under it.
func (x *index) holds(hash, place uint32) bool {
	mask := uint32(len(x.slots) - 1)
	for i := hash & mask; x.slots[i] != 0; i = (i + 1) & mask {
		if x.slots[i] == uint64(hash)<<32|uint64(place) {
			return true
		}
	}
	return false
}

// TestIndexEqualsMap inserts and removes at random. The hashes are few, or crowd at the end of the slots, so that
// clusters are long and run over the end to the beginning.
func TestIndexEqualsMap(t *testing.T) {
	hashes := map[string]func(*rand.Rand) uint32{
		"any":      func(r *rand.Rand) uint32 { return r.Uint32() },
		"few":      func(r *rand.Rand) uint32 { return uint32(r.Intn(50)) * 7 },
		"same":     func(r *rand.Rand) uint32 { return 5 },
		"at end":   func(r *rand.Rand) uint32 { return r.Uint32() | firstSlots - 8 },
		"wrapping": func(r *rand.Rand) uint32 { return uint32(r.Intn(40) - 20) },
	}
	for name, hash := range hashes {
		t.Run(name, func(t *testing.T) {
			rnd := rand.New(rand.NewSource(1))
			x := newIndex()
			want := map[uint32]uint32{} // hash by place
			var places []uint32
			next := uint32(1)
			for step := range 4000 {
				if grow := step%1000 < 600; len(places) == 0 || rnd.Intn(10) < 5 == grow || rnd.Intn(10) == 0 {
					h := hash(rnd)
					x.insert(h, next)
					want[next] = h
					places = append(places, next)
					next++
				} else {
					i := rnd.Intn(len(places))
					place := places[i]
					places[i] = places[len(places)-1]
					places = places[:len(places)-1]
					x.remove(want[place], place)
					if x.holds(want[place], place) {
						t.Fatalf("place %d is there after its removal", place)
					}
					delete(want, place)
				}
				if x.used != len(want) {
					t.Fatalf("got %d used, want %d", x.used, len(want))
				}
				if step%50 == 0 {
					checkIndex(t, &x, want)
				}
			}
			checkIndex(t, &x, want)
		})
	}
}

func checkIndex(t *testing.T, x *index, want map[uint32]uint32) {
	t.Helper()
	for place, hash := range want {
		if !x.holds(hash, place) {
			t.Fatalf("place %d is not found under %#x", place, hash)
		}
	}
	full := 0
	for _, s := range x.slots {
		if s != 0 {
			full++
		}
	}
	if full != len(want) || full >= len(x.slots) {
		t.Fatalf("got %d of %d slots in use, want %d", full, len(x.slots), len(want))
	}
}

func TestIndexRemoveOfStranger(t *testing.T) {
	defer func() {
		if got := recover(); got != "bug: flow is not in the index" {
			t.Errorf("got panic %v", got)
		}
	}()
	x := newIndex()
	x.insert(1, 1)
	x.remove(1, 2)
}
