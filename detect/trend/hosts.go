package trend

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/weir-sensor/weir/detect"
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

// host is what is remembered of one. With its key and hash it takes two lines of the cache: what a flow needs is in the first.
type host struct {
	tallies [ring]uint16 // place of its tally in each open step, from 1; 0: it has none
	done    int32        // step up to which the charts are
	weekly  bool         // it has seasons
	charts  [quantities]chart
}

// hostKey is a detect.Host without the room that 64-bit words leave.
type hostKey struct {
	hi, lo  halves
	version uint32
}

type halves struct{ hi, lo uint32 }

func keyOf(h detect.Host) hostKey {
	return hostKey{halves{uint32(h.Addr.Hi >> 32), uint32(h.Addr.Hi)}, halves{uint32(h.Addr.Lo >> 32), uint32(h.Addr.Lo)}, uint32(h.Version)}
}

// hostStep has the hosts that have something in a step, in the order in which they came.
type hostStep struct {
	hosts   []detect.Host
	hashes  []uint64 // of the same
	tallies []tally  // of the same
}

// tally is what a host has in a step.
type tally struct {
	values  [quantities]float32
	spectra [roles]uint16 // numbers of its spectra; 0: none
}

// add adds a host and returns its place, from 1.
func (s *hostStep) add(h detect.Host, hash uint64) uint16 {
	s.hosts, s.hashes, s.tallies = append(s.hosts, h), append(s.hashes, hash), append(s.tallies, tally{})
	return uint16(len(s.hosts))
}

func (s *hostStep) clear() { s.hosts, s.hashes, s.tallies = s.hosts[:0], s.hashes[:0], s.tallies[:0] }

// countHost counts a flow's record for one of its hosts.
func (d *Detector) countHost(f *detect.Flow, a *aimed, hash uint64, role uint8) {
	if a.to < a.first {
		return
	}
	h := detect.Host{Addr: f.Client, Version: f.Version}
	if role == received {
		h.Addr = f.Server
	}
	s, fresh := d.hosts.Put(keyOf(h), hash)
	if fresh {
		s.done = int32(a.from)
	}
	var now *tally
	if a.open && (f.First() || a.from == a.to) {
		now = d.tally(s, h, hash, a.from)
	}
	if a.open && f.First() && !a.unasked {
		now.values[role]++
		if a.unanswered && role == opened {
			now.values[failed]++
		}
		if n := now.values[role]; n >= dispersedFrom {
			d.spectra.add(a, &now.spectra[role], int(role), n == dispersedFrom)
		}
	}
	bytes := bytesOf(f)
	if a.from == a.to { // as most are; it is open
		now.values[volume] += float32(bytes)
		return
	}
	a.spread(func(step int64, share float64) {
		d.tally(s, h, hash, step).values[volume] += float32(share * bytes)
	})
}

// tally returns where to count what the host has in the step. It is good until the next call.
func (d *Detector) tally(s *host, h detect.Host, hash uint64, step int64) *tally {
	open, place := &d.open[slot(step)], &s.tallies[slot(step)]
	if *place == 0 {
		if len(open.hosts) == maxTouched {
			d.surplus = tally{}
			return &d.surplus
		}
		*place = open.add(h, hash)
	}
	return &open.tallies[*place-1]
}

// warmed is how many hosts are fetched at once.
const warmed = 64

// closeHosts brings the charts of the step's hosts up to it.
func (d *Detector) closeHosts(step, now int64, out detect.Out) {
	i := slot(step)
	open := &d.open[i]
	d.risen, d.dispersed = d.risen[:0], d.dispersed[:0]
	for n := 0; n < len(open.hosts); n += warmed {
		hosts, hashes := open.hosts[n:min(n+warmed, len(open.hosts))], open.hashes[n:]
		d.fetchHosts(hosts, hashes)
		for k, s := range d.closing[:len(hosts)] {
			if s == nil || s.tallies[i] == 0 {
				continue
			}
			had := &open.tallies[s.tallies[i]-1] // it may be another place: of a host that was forgotten and came back
			s.tallies[i] = 0
			s.idle(step)
			d.closeHost(hosts[k], hashes[k], s, had, step, out, now)
		}
	}
	d.spectra.giveBack(i)
	open.clear()
	slices.SortStableFunc(d.risen, func(a, b rise) int { return cmp.Compare(b.sum, a.sum) })
	for _, r := range d.risen[:min(len(d.risen), maxRises)] {
		out.Alert(d.rise(r, step, now))
	}
	slices.SortStableFunc(d.dispersed, func(a, b dispersed) int { return cmp.Compare(b.sum, a.sum) })
	for _, r := range d.dispersed[:min(len(d.dispersed), maxRises)] {
		out.Alert(d.dispersion(r, step, now))
	}
}

// fetchHosts looks hosts of a step up, so that they can be closed; those that were forgotten are nil.
func (d *Detector) fetchHosts(hosts []detect.Host, hashes []uint64) {
	d.hosts.WarmAll(hashes[:len(hosts)])
	for k, h := range hosts {
		s := d.hosts.Get(keyOf(h), hashes[k])
		if d.closing[k] = s; s != nil {
			d.warmed += uint32(s.charts[0].seen)
		}
	}
}

// idle brings the charts up to before a step: in those between there was nothing.
func (s *host) idle(step int64) {
	for idle := min(step-int64(s.done), relearnt) - 1; idle > 0; idle-- {
		for q := range s.charts {
			s.charts[q].add(0, leastSpread(q, float64(s.charts[q].mean)), unknown)
		}
	}
	s.done = int32(step)
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

func (d *Detector) closeHost(h detect.Host, hash uint64, s *host, had *tally, step int64, out detect.Out, now int64) {
	week := d.seasonsOf(h, hash, s, &had.values)
	worst, risen, more := 0.0, false, [quantities]bool{}
	for q := range s.charts {
		c, x, hourly := &s.charts[q], float64(had.values[q]), unknown
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
	sum, changed := d.closeEntropies(h, hash, had, [roles]bool(more[:roles]))
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
func (d *Detector) seasonsOf(h detect.Host, hash uint64, s *host, values *[quantities]float32) *[quantities]season {
	if s.weekly {
		if s.weekly = d.seasons.Get(h, hash) != nil; s.weekly {
			week, _ := d.seasons.Put(h, hash)
			return week
		}
	}
	for q, x := range values {
		if float64(x) >= d.least(q) {
			s.weekly = true
			week, _ := d.seasons.Put(h, hash)
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
