package pairs

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/internal/detecttest"
)

func plain(x uint64) float64 { return float64(x) }

func TestFenceOfKnownValues(t *testing.T) {
	for _, c := range []struct {
		values []uint64
		want   Fence
	}{
		{[]uint64{1, 1, 1, 1, 2, 1, 1, 3, 1, 40}, Fence{1, 1.75, -1.25, 4}},
		{[]uint64{10, 12, 11, 13, 14, 12, 11, 15, 90, 12}, Fence{11.25, 13.75, 3.75, 21.25}},
	} {
		if got := newFence(new(ranks).of(c.values, plain), 0); got != c.want {
			t.Errorf("got %+v, want %+v", got, c.want)
		}
	}
	if got, want := newFence(new(ranks).of([]uint64{5, 5, 5}, plain), 1), (Fence{5, 5, 2, 8}); got != want {
		t.Errorf("with a floor: got %+v, want %+v", got, want)
	}
}

// reference is what testdata/reference.py wrote.
type reference struct {
	Flows   [][6]uint64 // second, client, server, port, up, down
	Batches []struct {
		Start        int64
		Lower, Upper []float64
		Pairs        [][4]json.RawMessage // client, server, values, outside
	}
}

func TestBatchesAreNumpys(t *testing.T) {
	text, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var ref reference
	if err := json.Unmarshal(text, &ref); err != nil || len(ref.Batches) == 0 {
		t.Fatal(err)
	}
	d := New(DefaultConfig())
	next := 0
	for _, want := range ref.Batches {
		for ; next < len(ref.Flows) && int64(ref.Flows[next][0]) < want.Start+10; next++ {
			f := ref.Flows[next]
			at := time.Duration(f[0]) * time.Second
			r := flow{at, int(f[1]), int(f[2]), int(f[3]), f[4], f[5], true}.record(uint64(next))
			hash := detect.Mix(f[1], f[2])
			d.add(&detect.Flow{Record: &r, Time: int64(at), ClientHash: f[1], PairHash: hash})
		}
		b := batch{Batch: &detect.Batch{Start: want.Start * 1e9, End: want.Start*1e9 + 1e10}, out: detecttest.Nowhere{}}
		d.fold()
		d.fence(&b)
		for i := range features {
			near(t, want.Start, featureNames[i]+" lower", b.fences[i].Lower, want.Lower[i])
			near(t, want.Start, featureNames[i]+" upper", b.fences[i].Upper, want.Upper[i])
		}
		if len(d.pairs) != len(want.Pairs) {
			t.Errorf("at %d: %d pairs, want %d", want.Start, len(d.pairs), len(want.Pairs))
		}
		for _, pair := range want.Pairs {
			checkPair(t, d, &b, pair)
		}
		d.CloseBatch(*b.Batch, detecttest.Nowhere{})
	}
}

func checkPair(t *testing.T, d *Detector, b *batch, want [4]json.RawMessage) {
	t.Helper()
	var client, server uint64
	var values []float64
	var outside []int
	for i, v := range []any{&client, &server, &values, &outside} {
		if err := json.Unmarshal(want[i], v); err != nil {
			t.Fatal(err)
		}
	}
	i := slices.IndexFunc(d.pairs, func(p pair) bool { return p.client == host(int(client)) && p.server == host(int(server)) })
	if i < 0 {
		t.Fatalf("no pair %d, %d", client, server)
	}
	got, v := d.numbersOf(i), d.verdict(b, i)
	for i := range features {
		near(t, b.Start, featureNames[i], d.scale(i)(got[i]), values[i])
		if v.outside[i] != (outside[i] == 1) {
			t.Errorf("at %d: %d, %d: %s %v outside: %v", b.Start, client, server, featureNames[i], values[i], v.outside[i])
		}
	}
}

func near(t *testing.T, start int64, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-12*max(1, math.Abs(want)) {
		t.Errorf("at %d: %s: got %v, want %v", start, what, got, want)
	}
}
