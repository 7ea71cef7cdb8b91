package detect

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A table does what a list in the order of use and a map do, whatever the hashes: here many keys share one.
func TestTableIsABoundedMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 20).Draw(t, "limit")
		table := NewTable[int, int](limit)
		values, order, evicted := map[int]int{}, []int{}, uint64(0)
		hash := func(k int) uint64 { return uint64(k % 7) }
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			key := rapid.IntRange(0, 40).Draw(t, "key")
			place := slices.Index(order, key)
			table.WarmAll([]uint64{hash(key), hash(key + 1), hash(key + 9)}) // it changes nothing
			switch rapid.SampledFrom([]string{"put", "put", "put", "get", "delete", "clear"}).Draw(t, "do") {
			case "put":
				v, fresh := table.Put(key, hash(key))
				if fresh != (place < 0) || *v != values[key] {
					t.Fatalf("Put(%d) = %d, %v; want %d, %v", key, *v, fresh, values[key], place < 0)
				}
				*v += key + 1
				if place >= 0 {
					order = slices.Delete(order, place, place+1)
				} else if len(order) == limit {
					delete(values, order[0])
					order = order[1:]
					evicted++
				}
				order = append(order, key)
				values[key] += key + 1
			case "get":
				if v := table.Get(key, hash(key)); (v != nil) != (place >= 0) || v != nil && *v != values[key] {
					t.Fatalf("Get(%d) = %v, want %d", key, v, values[key])
				}
			case "delete":
				if got := table.Delete(key, hash(key)); got != (place >= 0) {
					t.Fatalf("Delete(%d) = %v", key, got)
				}
				if place >= 0 {
					order = slices.Delete(order, place, place+1)
					delete(values, key)
				}
			case "clear":
				if rapid.IntRange(0, 9).Draw(t, "really") == 0 {
					table.Clear()
					order, values = nil, map[int]int{}
				}
			}
			var keys []int
			for k, v := range table.All() {
				if *v != values[k] {
					t.Fatalf("All: %d has %d, want %d", k, *v, values[k])
				}
				keys = append(keys, k)
			}
			if !slices.Equal(keys, order) || table.Len() != len(order) || table.Evicted() != evicted {
				t.Fatalf("got %v, %d evicted; want %v, %d", keys, table.Evicted(), order, evicted)
			}
		}
	})
}

func BenchmarkTable(b *testing.B) {
	table := NewTable[[4]uint64, [8]uint64](200_000)
	b.ReportAllocs()
	var i uint64
	for b.Loop() {
		i++
		k := Mix(1, i%1_000_000)
		v, _ := table.Put([4]uint64{k}, Mix(k, 7))
		v[0]++
	}
}
