package flowtable

import (
	"math"
	"math/rand"
	"testing"

	"github.com/weir-sensor/weir/payload"
)

// A group that is on has the same values whatever else is; of one that is off, nothing is known.
func TestFeatureGroups(t *testing.T) {
	unknown := [2]Moments{}
	for d := range unknown {
		unknown[d] = Moments{math.NaN(), math.NaN(), math.NaN(), math.NaN()}
	}
	for _, on := range FeatureGroups() {
		for seed := range int64(20) {
			inputs := hostileInputs(rand.New(rand.NewSource(seed)), 400)
			records := func(group string) []Record {
				cfg := DefaultConfig()
				cfg.Features = []string{group}
				run, err := runHostile(cfg, inputs, rand.New(rand.NewSource(seed)))
				if err != nil {
					t.Fatal(err)
				}
				return run.records
			}
			all, some := records(AllFeatures), records(on)
			for i := range all {
				want := *all[i].Features
				if on != "lengths" {
					want.Length = unknown
				}
				if on != "intervals" {
					want.Interval = unknown
				}
				if on != "entropy" {
					want.Entropy = [2]float64{math.NaN(), math.NaN()}
				}
				if on != "first_payload" {
					want.First = [2]payload.Stats{}
				}
				if on != "first_packet" {
					want.Packet = [2]payload.Packet{}
				}
				if on != "splt" && on != "bursts" {
					want.SPLT, want.Sizes, want.Gaps = 0, [SPLTPackets]int32{}, [SPLTPackets]uint32{}
				}
				if err := compareFeatures(some[i].Features, &want); err != nil {
					t.Fatalf("%s alone, seed %d, record of packet %d:\n%v", on, seed, all[i].Ordinal, err)
				}
			}
		}
	}
}
