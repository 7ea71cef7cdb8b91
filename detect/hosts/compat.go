package hosts

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/weir-sensor/weir/detect"
)

// compat is what an earlier program did, for comparison: after each flow, answered or not, it compares the distinct ports of
// the client and then of the server since the beginning with the 90th percentile of those of all addresses and roles, and
// with Config.ManyPorts.
type compat struct {
	limit   int // many ports
	hosts   *detect.Table[key, counted]
	pool    pool
	all     tree
	popular [1 << 16]bool
}

// counted is what is known of an address in a role.
type counted struct {
	ports portSet
	said  bool
	first detect.Evidence // flows that brought ports
}

func newCompat(cfg Config) *compat {
	c := &compat{limit: cfg.ManyPorts, hosts: detect.NewTable[key, counted](cfg.MaxHosts), all: newTree(portIDs)}
	c.pool.sets.limit, c.pool.bitmaps.limit = cfg.MaxBusy, cfg.MaxScanned
	c.hosts.Forget = func(_ key, h *counted) {
		c.all.add(int(h.ports.count), -1)
		c.pool.release(&h.ports)
	}
	for _, port := range cfg.CompatPopular {
		c.popular[port] = true
	}
	return c
}

// flow counts a flow that has ports.
func (c *compat) flow(f *detect.Flow, out detect.Out) {
	client, server := clientKey(f), serverKey(f)
	c.use(client, f.ClientHash, f)
	c.use(server, detect.Mix(f.ServerHash, 1), f)
	c.judge(client, f.ClientHash, f, out)
	c.judge(server, detect.Mix(f.ServerHash, 1), f, out)
}

func (c *compat) use(k key, hash uint64, f *detect.Flow) {
	h, _ := c.hosts.Put(k, hash)
	before := int(h.ports.count)
	if !c.pool.add(&h.ports, portID(f.Proto, f.ServerPort)) {
		return
	}
	if before > 0 {
		c.all.add(before, -1)
	}
	c.all.add(before+1, 1)
	h.first.Add(f.ID)
}

func (c *compat) judge(k key, hash uint64, f *detect.Flow, out detect.Out) {
	h := c.hosts.Get(k, hash)
	if h == nil {
		return // the other role's entry took its place
	}
	n := float64(h.ports.count)
	if p90 := c.all.quantile(0.9); !h.said && n > p90 && !c.popular[f.ServerPort] {
		h.said = true
		out.Alert(c.alert("compat_percentile", k, h, f, p90))
	}
	if n > float64(c.limit) {
		out.Alert(c.alert("compat_many", k, h, f, float64(c.limit)))
	}
}

func (c *compat) alert(kind string, k key, h *counted, f *detect.Flow, limit float64) detect.Alert {
	a := detect.Alert{Time: f.Time, Kind: kind, Severity: detect.Informational, Score: float64(h.ports.count), P: math.NaN(),
		N: uint64(c.all.n), Subject: k.host(), Role: k.role(), Evidence: h.first,
		Message: fmt.Sprintf("%v has %d ports as a %s, more than %s (as an earlier program counted)", k.host(), h.ports.count, k.role(), detect.Number(limit, 4)),
		Reasons: []detect.Reason{{Feature: "ports", Value: float64(h.ports.count), Threshold: limit, Baseline: math.NaN()}}}
	if h.ports.short {
		a.Status = detect.Degraded
	}
	return a
}

// tree counts values from 1 to its length less 1 so that a change and a question each take some twenty steps (Fenwick, A New
// Data Structure for Cumulative Frequency Tables, Software: Practice and Experience 24(3), 1994).
type tree struct {
	sums []int32
	n    int
}

func newTree(largest int) tree { return tree{sums: make([]int32, largest+1)} }

// add adds delta values v.
func (t *tree) add(v, delta int) {
	t.n += delta
	for ; v < len(t.sums); v += v & -v {
		t.sums[v] += int32(delta)
	}
}

// nth returns the value with index k, from 0, in ascending order.
func (t *tree) nth(k int) float64 {
	at := 0
	for step := 1 << (bits.Len(uint(len(t.sums))) - 1); step > 0; step /= 2 {
		if next := at + step; next < len(t.sums) && int(t.sums[next]) <= k {
			at = next
			k -= int(t.sums[at])
		}
	}
	return float64(at + 1)
}

// quantile returns the value below which a share of the values lies, as detect.Quantile does; there must be some.
func (t *tree) quantile(share float64) float64 {
	at := float64(t.n-1) * share
	low := int(at)
	return detect.Quantile([]float64{t.nth(low), t.nth(min(low+1, t.n-1))}, at-float64(low))
}
