package trend

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
)

// The quantities that are followed for each host.
const (
	opened   = iota // flows that it began
	received        // flows to it
	volume          // bytes both ways
	failed          // flows that it began and that were not answered or, TCP, not completed
	quantities
)

// quantityNames are the names of the quantities in reasons and messages.
var quantityNames = [quantities]string{"flows_opened", "flows_received", "bytes", "flows_unanswered"}

// leastSpread returns the standard deviation of a quantity below which changes are noise: of Poisson's distribution for
// flows, and a part of the mean, since traffic is burstier than that.
func leastSpread(quantity int, mean float64) float64 {
	if quantity == volume {
		return mean/2 + 100_000
	}
	return math.Sqrt(mean+1) + mean/4
}

// host is what is remembered of one.
type host struct {
	done    int64         // step up to which the charts are
	touched uint16        // a bit for each open step: it is in its list
	weekly  bool          // it has seasons
	spectra [roles]uint16 // number of the first of its spectra, which are linked; 0: none
	charts  [quantities]chart
	open    [ring][quantities]float32
}

// touch is a host that has something in a step.
type touch struct {
	host detect.Host
	hash uint64
}

// countHost counts a flow's record for one of its hosts; role is opened or received.
func (d *Detector) countHost(l *lasting, h detect.Host, hash uint64, role int, unanswered bool) {
	if l.to < l.first {
		return
	}
	s, fresh := d.hosts.Put(h, hash)
	if fresh {
		s.done = l.from
	}
	if l.Part == 0 && l.open {
		now := d.touch(s, h, hash, l.from)
		now[role]++
		if unanswered && role == opened {
			now[failed]++
		}
		if now[role] >= dispersedFrom {
			d.spectra.add(l, &s.spectra[role], role, now[role] == dispersedFrom)
		}
	}
	bytes := float64(l.Bytes[flowtable.Up] + l.Bytes[flowtable.Down])
	l.spread(func(step int64, share float64) {
		d.touch(s, h, hash, step)[volume] += float32(share * bytes)
	})
}

// touch notes that the host has something in the step, and returns where to count it.
func (d *Detector) touch(s *host, h detect.Host, hash uint64, step int64) *[quantities]float32 {
	i := slot(step)
	if s.touched>>i&1 == 0 {
		if len(d.touched[i]) == maxTouched {
			d.surplus = [quantities]float32{}
			return &d.surplus
		}
		s.touched |= 1 << i
		d.touched[i] = append(d.touched[i], touch{h, hash})
	}
	return &s.open[i]
}

// warmed is how many hosts are fetched at once.
const warmed = 64

// closeHosts brings the charts of the step's hosts up to it.
func (d *Detector) closeHosts(step, now int64, out detect.Out) {
	i := slot(step)
	d.risen, d.dispersed = d.risen[:0], d.dispersed[:0]
	for n, t := range d.touched[i] {
		if n%warmed == 0 {
			for _, next := range d.touched[i][n:min(n+warmed, len(d.touched[i]))] {
				d.hosts.Warm(next.hash)
			}
		}
		s := d.hosts.Get(t.host, t.hash)
		if s == nil || s.touched>>i&1 == 0 {
			continue
		}
		s.touched &^= 1 << i
		for idle := min(step-s.done, relearnt) - 1; idle > 0; idle-- { // the steps between had nothing
			for q := range s.charts {
				s.charts[q].add(0, leastSpread(q, float64(s.charts[q].mean)), unknown)
			}
		}
		s.done = step
		d.closeHost(t, s, step, out, now)
		s.open[i] = [quantities]float32{}
	}
	d.spectra.giveBack(i)
	d.touched[i] = d.touched[i][:0]
	slices.SortStableFunc(d.risen, func(a, b rise) int { return cmp.Compare(b.sum, a.sum) })
	for _, r := range d.risen[:min(len(d.risen), maxRises)] {
		out.Alert(d.rise(r, step, now))
	}
	slices.SortStableFunc(d.dispersed, func(a, b dispersed) int { return cmp.Compare(b.sum, a.sum) })
	for _, r := range d.dispersed[:min(len(d.dispersed), maxRises)] {
		out.Alert(d.dispersion(r, step, now))
	}
}

// rise is a host's quantity that went up.
type rise struct {
	host        detect.Host
	quantity    int
	value, mean float64
	hourly      float64 // mean of the hour of the week, or unknown
	sum         float64
	seen        uint16
}

// maxRises is how many hosts are named in a step, those with the largest rises: if more rise, it is something else.
const maxRises = 10

func (d *Detector) closeHost(t touch, s *host, step int64, out detect.Out, now int64) {
	h, values := t.host, s.open[slot(step)]
	week := d.seasonsOf(t, s, &values)
	worst, risen, more := 0.0, false, [quantities]bool{}
	for q := range s.charts {
		c, x, hourly := &s.charts[q], float64(values[q]), unknown
		if week != nil {
			if mean, ok := week[q].usual(step); ok {
				hourly = mean
			}
			week[q].add(step, x)
		}
		mean, seen := float64(c.mean), c.seen
		usually := max(mean, hourly)
		c.add(x, leastSpread(q, usually), hourly)
		if int(seen) < d.cfg.Warmup {
			continue
		}
		worst = max(worst, float64(c.sum))
		if float64(c.sum) > alarm && x >= d.least(q) && x >= d.cfg.Ratio*usually {
			risen, more[q] = true, true
			if q == failed && more[opened] { // it says that already
				continue
			}
			d.risen = append(d.risen, rise{h, q, x, mean, hourly, float64(c.sum), seen})
		}
	}
	sum, changed := d.closeEntropies(t, s, step, [roles]bool(more[:roles]))
	worst, risen = max(worst, sum), risen || changed
	status := detect.OK
	if int(s.charts[0].seen) <= d.cfg.Warmup {
		status = detect.Insufficient
	} else if d.hosts.Evicted() > 0 {
		status = detect.Degraded
	}
	if d.scored < maxScored {
		d.scored++
		out.Score(detect.Score{Time: now, Subject: h, Role: detect.NoRole, Raw: worst, P: math.NaN(), N: uint64(s.charts[0].seen),
			Status: status, Alerted: risen})
	}
}

// least returns how much of a quantity in a step can be a rise.
func (d *Detector) least(quantity int) float64 {
	if quantity == volume {
		return float64(d.cfg.MinBytes)
	}
	return float64(d.cfg.MinFlows)
}

// seasonsOf returns what is usual for the host at each hour of the week; nil where that is not followed: until a step in which it
// had as much as can be a rise, and once there were too many other such hosts since it last had anything.
func (d *Detector) seasonsOf(t touch, s *host, values *[quantities]float32) *[quantities]season {
	if s.weekly {
		if s.weekly = d.seasons.Get(t.host, t.hash) != nil; s.weekly {
			week, _ := d.seasons.Put(t.host, t.hash)
			return week
		}
	}
	for q, x := range values {
		if float64(x) >= d.least(q) {
			s.weekly = true
			week, _ := d.seasons.Put(t.host, t.hash)
			return week
		}
	}
	return nil
}

func (d *Detector) rise(r rise, step, now int64) detect.Alert {
	a := d.alert("rise", detect.Low, step, now)
	a.Subject, a.Role, a.Key = r.host, detect.Client, quantityNames[r.quantity]
	if r.quantity == received {
		a.Role = detect.Server
	}
	a.Score, a.N = r.sum, uint64(r.seen)
	a.Message = fmt.Sprintf("%s: %s rose to %.0f in 10 s, usual is %.0f", r.host, quantityNames[r.quantity], r.value, max(r.mean, r.hourly))
	a.Reasons = []detect.Reason{
		{Feature: quantityNames[r.quantity], Value: r.value, Threshold: d.cfg.Ratio * max(r.mean, r.hourly), Baseline: r.mean},
		{Feature: "cusum", Value: r.sum, Threshold: alarm, Baseline: math.NaN()},
	}
	if r.hourly != unknown {
		a.Reasons = append(a.Reasons, detect.Reason{Feature: quantityNames[r.quantity] + "_hour_of_week", Value: r.value, Threshold: d.cfg.Ratio * r.hourly, Baseline: r.hourly})
	}
	return a
}
