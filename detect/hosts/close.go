package hosts

import (
	"fmt"
	"math"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
)

var kinds = []detect.Kind{
	{Name: "many_ports", Severity: detect.Low, Doc: "An address asked, or answered on, more than many_ports ports in 10 min; again at each doubling."},
	{Name: "over_fence", Severity: detect.Informational, Doc: "An address asked, or answered on, far more ports in 10 min than others in its role."},
	{Name: "compat_percentile", Severity: detect.Informational, Doc: "An address has more ports, answered or not, since the beginning than nine of ten (compat); once."},
	{Name: "compat_many", Severity: detect.Informational, Doc: "An address has more than many_ports ports since the beginning (compat); with each flow."},
}

const (
	maxScores = 4096 // per role and window
	maxHigh   = 4096 // addresses that are remembered as over the fence
	stays     = 0.8  // of the fence: who was over it is so until below this share of it
)

// CloseBatch implements detect.Batcher.
func (d *Detector) CloseBatch(b detect.Batch, out detect.Out) {
	for _, c := range d.crossings {
		h := d.hosts.Get(c.key, c.hash)
		if h == nil || h.more == 0 {
			continue // it was forgotten
		}
		if v := d.busy.at(h.more); v.said < v.level {
			v.said = v.level
			limit := float64(int(d.cfg.ManyPorts) << (v.level - 1))
			a := d.alert(b, c.key, h, v, limit, limit)
			a.Kind, a.Severity = kinds[0].Name, kinds[0].Severity
			out.Alert(a)
		}
	}
	d.crossings = d.crossings[:0]
	if b.Every == window {
		d.judge(b, out)
		d.hosts.Clear()
		d.busy.clear()
		d.forgetKnockers()
		d.pool.clear()
		d.all[0].clear()
		d.all[1].clear()
	}
}

// fence returns how many ports are too many in a role, and its median; infinity where there are too few hosts.
func (d *Detector) fence(role int) (fence, median float64) {
	h := &d.all[role]
	if h.n < d.cfg.MinHosts {
		return math.Inf(1), math.NaN()
	}
	median = h.quantile(0.5)
	return max(float64(d.cfg.MinPorts), h.quantile(0.9), median+d.cfg.Deviations*1.4826*h.deviation()), median
}

// judge compares the window's hosts with each other.
func (d *Detector) judge(b detect.Batch, out detect.Out) {
	var fences, medians [2]float64
	for role := range fences {
		fences[role], medians[role] = d.fence(role)
	}
	before, scores := d.high, [2]int{}
	d.high = map[key]bool{}
	for k, h := range d.hosts.All() {
		role := index(k)
		n, limit := float64(d.count(h)), fences[role]
		if len(before) > 0 && before[k] {
			limit *= stays
		}
		high := n > limit
		if scores[role]++; scores[role] > maxScores && !high {
			continue
		}
		v := d.view(h)
		if high && len(d.high) < maxHigh {
			d.high[k] = true
		}
		if high && v.said == 0 {
			a := d.alert(b, k, h, v, limit, n)
			a.Kind, a.Severity = kinds[1].Name, kinds[1].Severity
			a.Reasons[0].Baseline = medians[role]
			out.Alert(a)
		}
		if scores[role] <= maxScores {
			s := detect.Score{Time: b.End, Subject: k.host(), Role: k.role(), Raw: n, P: math.NaN(), N: uint64(d.all[role].n), Alerted: high || v.said > 0, Status: v.status()}
			if math.IsInf(limit, 1) {
				s.Status = detect.Insufficient
			}
			out.Score(s)
		}
	}
}

// view returns a host as a busy one, which it may not be: then it is good until the next.
func (d *Detector) view(h *host) *busy {
	if h.more != 0 {
		return d.busy.at(h.more)
	}
	d.viewed = h.busy()
	return &d.viewed
}

// status says whether the count of ports is one.
func (v *busy) status() detect.Status {
	if v.ports.short {
		return detect.Degraded
	}
	return detect.OK
}

func (d *Detector) alert(b detect.Batch, k key, h *host, v *busy, limit, score float64) detect.Alert {
	nan := math.NaN()
	did := "asked"
	if k.server {
		did = "answered on"
	}
	a := detect.Alert{
		Time: b.End, Status: v.status(), Score: score, P: nan, N: uint64(d.all[index(k)].n), Subject: k.host(), Role: k.role(),
		WindowStart: b.End - int64(b.Every), WindowEnd: b.End, Evidence: v.first,
		Message: fmt.Sprintf("%v %s %d ports of %d peers in %d flows within 10 min; more than %s are many",
			k.host(), did, v.ports.count, v.peers.Estimate(), h.flows, detect.Number(limit, 4)),
		Reasons: []detect.Reason{
			{Feature: "ports", Value: float64(v.ports.count), Threshold: limit, Baseline: nan},
			{Feature: "peers", Value: float64(v.peers.Estimate()), Threshold: nan, Baseline: nan},
			{Feature: "flows", Value: float64(h.flows), Threshold: nan, Baseline: nan},
			{Feature: "bytes_up", Value: float64(h.bytes[flowtable.Up]), Threshold: nan, Baseline: nan},
			{Feature: "bytes_down", Value: float64(h.bytes[flowtable.Down]), Threshold: nan, Baseline: nan},
		},
	}
	if k.server {
		a.Server = k.host()
	} else {
		a.Client = k.host()
	}
	return a
}
