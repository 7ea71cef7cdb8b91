package hosts

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// heard keeps what is said as testdata/compat.json has it.
type heard struct {
	flow  int
	lines [][]any
}

func (h *heard) Score(detect.Score) {}

func (h *heard) Alert(a detect.Alert) {
	h.lines = append(h.lines, []any{float64(h.flow), a.Kind, float64(a.Subject.Addr.Lo), a.Role.String(), a.Reasons[0].Value, a.Reasons[0].Threshold})
}

// The alerts are those of a program with numpy's percentile, flow by flow.
func TestCompatIsTheSeedsRule(t *testing.T) {
	text, err := os.ReadFile("testdata/compat.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Flows  [][4]int
		Alerts [][]any
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		cfg := DefaultConfig()
		cfg.Compat = true
		d, out := New(cfg), &heard{}
		for n, f := range c.Flows {
			r := flowtable.Record{Version: 4, Client: packet.Addr{Lo: uint64(f[0])}, Server: packet.Addr{Lo: uint64(f[1])}, Proto: uint8(f[2]), ServerPort: uint16(f[3])}
			out.flow = n
			d.Flows([]detect.Flow{{Record: &r, ClientHash: r.Client.Lo, ServerHash: r.Server.Lo}}, out)
		}
		if diff := cmp.Diff(c.Alerts, out.lines); diff != "" || len(c.Alerts) < 100 {
			t.Errorf("case %d: %s", i, diff)
		}
	}
}

// The tree is a list: the golden values of the methods' page, and those of a histogram.
func TestTreeIsAList(t *testing.T) {
	for _, c := range []struct {
		values []int
		want   float64
	}{{[]int{1, 1, 1, 2, 2, 3, 5, 8, 13, 21, 34}, 21}, {[]int{1, 2}, 1.9}, {[]int{portIDs, 1, portIDs}, portIDs}} {
		tr := newTree(portIDs)
		for _, v := range c.values {
			tr.add(v, 1)
		}
		if got := tr.quantile(0.9); got != c.want {
			t.Errorf("%v: got %v, want %v", c.values, got, c.want)
		}
	}
	h, tr := newHistogram(portIDs), newTree(portIDs)
	for i := range uint64(2000) {
		v := 1 + int(detect.Mix(1, i)>>30%(1+i*90))
		h.add(v, 1)
		tr.add(v, 1)
		if i%3 == 0 {
			h.add(v, -1)
			tr.add(v, -1)
		}
		if k := int(detect.Mix(2, i)>>30) % max(tr.n, 1); tr.n > 0 && tr.nth(k) != float64(h.nth(k)) {
			t.Fatalf("value %d of %d: got %v, want %v", k, tr.n, tr.nth(k), h.nth(k))
		}
	}
}
