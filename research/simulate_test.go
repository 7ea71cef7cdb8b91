package research

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/weir-sensor/weir/detect/transport"
	"github.com/weir-sensor/weir/flowtable"
)

// bursts returns the bytes of a flow's runs of one direction, and whether each is of several packets.
func bursts(r *flowtable.Record) (sums []int, several []bool) {
	for i, size := range r.Features.Sizes[:r.Features.SPLT] {
		if i > 0 && size > 0 == (r.Features.Sizes[i-1] > 0) {
			sums[len(sums)-1] += int(math.Abs(float64(size)))
			several[len(several)-1] = true
			continue
		}
		sums, several = append(sums, int(math.Abs(float64(size)))), append(several, false)
	}
	return sums, several
}

// Encrypted BitTorrent begins with 96 to 608 bytes each way, the third message has 56 at least.
func TestSimulatedMSE(t *testing.T) {
	n := 0
	for _, r := range SimulatedMSE(1000, 1) {
		sums, several := bursts(&r)
		if r.Features.Sizes[0] <= 0 {
			t.Fatalf("the server speaks first: %v", r.Features.Sizes)
		}
		if slices.Contains(several[:2], true) { // a segment is there twice
			continue
		}
		n++
		if min(sums[0], sums[1]) < 96 || max(sums[0], sums[1]) > 608 || sums[2] < 56 {
			t.Errorf("bursts of %v bytes", sums)
		}
	}
	if n < 900 || n == 1000 {
		t.Errorf("%d of 1,000 flows have no segment twice in the first two messages, want about 960", n)
	}
}

// All simulated flows can be judged, are the same for the same seed and others for another, and nearly all begin with bytes
// that pass for random: of 1,000 first packets one has the framing of a known protocol by chance.
func TestSimulatedAreRandom(t *testing.T) {
	for name, simulate := range map[string]func(int, uint64) []flowtable.Record{"MSE": SimulatedMSE, "transports": SimulatedTransports} {
		records := simulate(1000, 1)
		if !reflect.DeepEqual(records, simulate(1000, 1)) {
			t.Errorf("%s: the same seed gives other flows", name)
		}
		if reflect.DeepEqual(records, simulate(1000, 2)) {
			t.Errorf("%s: another seed gives the same flows", name)
		}
		random := 0
		for i := range records {
			if !transport.Judgeable(&records[i]) {
				t.Fatalf("%s: a flow that cannot be judged: %+v", name, records[i].Features)
			}
			one := simulatedRows(records[i:i+1], true)
			if transport.Random(one) {
				random++
			}
		}
		if random < 990 {
			t.Errorf("%s: %d of 1,000 flows begin with random bytes", name, random)
		}
	}
}

// obfs4's first flights have 141 to 8192 bytes, Shadowsocks' salt, address and chunk more than 16 and 7.
func TestSimulatedTransports(t *testing.T) {
	small, large := 0, 0
	for _, r := range SimulatedTransports(2000, 1) {
		sums, _ := bursts(&r)
		if sums[0] < 8+7 || sums[1] < 8+1 {
			t.Errorf("bursts of %v bytes", sums)
		}
		small += class(sums[0] < 141)
		large += class(min(sums[0], sums[1]) > 608)
	}
	if small < 100 || large < 300 {
		t.Errorf("of 2,000 flows %d begin with less than obfs4, %d with more than encrypted BitTorrent both ways", small, large)
	}
}
