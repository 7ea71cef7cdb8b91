package beacon

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

const (
	leastSilence = 5.0                      // s: a shorter beat is an application at work
	longOpen     = float64(time.Hour / 1e9) // s of open time from which it is worth a look
	leastSpoken  = 3                        // silences of a flow's beginning that its client ended by saying something
)

// silences are the times between the packets of one side of a flow, by their sums: those of a beat are all of one length,
// between them are as good as none. s is the unit of time.
type silences struct{ sum, square, longest float64 }

func (s *silences) add(gap float64) {
	s.sum, s.square, s.longest = s.sum+gap, s.square+gap*gap, max(s.longest, gap)
}

func (s *silences) merge(o silences) {
	s.sum, s.square, s.longest = s.sum+o.sum, s.square+o.square, max(s.longest, o.longest)
}

// count is how many silences there are where all are equal and the others nothing; period is their length. Of random
// silences they are half as many and twice the mean.
func (s *silences) count() float64  { return s.sum * s.sum / s.square }
func (s *silences) period() float64 { return s.square / s.sum }

// ratio is that of the longest silence to the period: 1 where all are equal.
func (s *silences) ratio() float64 { return s.longest / s.period() }

// jitter returns the standard deviation over the period of silences that are spread evenly around it: then ratio is
// (1 + sqrt(3) jitter) / (1 + jitter^2). It is infinite where none fits.
func (s *silences) jitter() float64 {
	r := s.ratio()
	root := 3 - 4*r*(r-1)
	if root < 0 {
		return math.Inf(1)
	}
	return max(0, (math.Sqrt(3)-math.Sqrt(root))/(2*r))
}

// chance bounds the probability of so many silences with so small a ratio where packets come at random, whatever their
// number. TestChanceBoundsTheRatio simulates it.
func (s *silences) chance() float64 {
	return min(1, math.Exp(0.7-0.17*s.count()/max(s.ratio()-1, 0.02)))
}

// silencesOf returns those of the record's client.
func silencesOf(f *detect.Flow) silences {
	const us = 1e-6 // s
	i := &f.Features.Interval[flowtable.Up]
	n := float64(f.Packets[flowtable.Up]) - 1
	s := silences{sum: n * i.Mean * us, square: n * i.Mean * us * i.Mean * us, longest: i.Max * us}
	if n > 1 {
		s.square += (n - 1) * i.Std * us * i.Std * us
	}
	return s
}

// opened is what is remembered of a pair's flows that are silent again and again.
type opened struct {
	silences
	first, last int64 // ns
	judged      float64
	flow        uint64 // the latest
	part        uint32
	queued      bool
	said        bool
	evidence    detect.Evidence
}

// silent says whether the record is of a connection to the outside that is kept open through silences: of all others
// nothing is remembered.
func silent(f *detect.Flow) bool {
	return f.Proto == packet.ProtoTCP && f.Features != nil && f.Features.Interval[flowtable.Up].Max >= leastSilence*1e6 &&
		!f.ServerLocal && f.Client != f.Server && !f.Failed() && !group(f.ServerHost())
}

// speaks says whether both sides say something at each beat. TCP's own keepalives carry at most one byte; and who repeats
// what is not acknowledged, waits twice as long each time.
func speaks(f *detect.Flow, s *silences) bool {
	beats := s.count()
	if float64(f.Packets[flowtable.Down]) < beats {
		return false
	}
	if f.Part > 0 {
		return float64(f.Payload[flowtable.Up]) >= 2*beats
	}
	spoken := 0
	for i, size := range f.Features.Sizes[:f.Features.SPLT] { // what begins the flow is said without silences
		if size > 1 && float64(f.Features.Gaps[i]) >= s.period()*1e6/2 {
			spoken++
		}
	}
	return spoken >= leastSpoken
}

// keep counts the silences of a record. One that does not fit what came before begins anew.
func (d *Detector) keep(f *detect.Flow) {
	s := silencesOf(f)
	if !(s.sum > 0) || !speaks(f, &s) {
		return
	}
	c := d.contactOf(f)
	o, _ := d.opened.Put(keyOf(c.hash), c.hash)
	between := silences{}
	if o.flow == f.ID && f.Part == o.part+1 {
		between.add(max(0, float64(f.Start-o.last)/1e9))
	}
	all := o.silences
	all.merge(between)
	if all.merge(s); math.IsInf(all.jitter(), 1) {
		*o = opened{queued: o.queued, said: o.said}
		all = s
	}
	if o.sum == 0 {
		o.first = f.Start
	}
	if o.flow != f.ID {
		o.evidence.Add(f.ID)
	}
	o.silences, o.flow, o.part, o.last = all, f.ID, f.Part, max(o.last, f.End)
	more := 1.25
	if o.said {
		more = 2
	}
	if !o.queued && o.count() >= float64(d.cfg.MinContacts) && o.count() >= more*o.judged && len(d.beating) < d.cfg.MaxOpen {
		o.queued = true
		d.beating = append(d.beating, c.grown())
	}
}

// judgeOpened judges what a pair's flows are silent for.
func (d *Detector) judgeOpened(g *grown, o *opened, b detect.Batch, out detect.Out) {
	o.judged, o.queued = o.count(), false
	if o.sum < d.cfg.MinOpen.Seconds() {
		o.judged = 0
		return
	}
	p := o.chance()
	score := detect.Score{Time: b.End, Subject: g.client(), Role: detect.Client, Raw: max(0, -math.Log10(p)), P: p, N: uint64(o.count())}
	clients, _ := d.audienceOf(g)
	if score.Alerted = p <= d.cfg.MaxP && o.jitter() <= d.cfg.MaxJitter && o.period() >= max(leastSilence, d.cfg.MinPeriod.Seconds()) &&
		clients <= float64(d.cfg.MaxClients); score.Alerted {
		o.said = true
		out.Alert(d.openAlert(g, o, clients, score, b))
	}
	out.Score(score)
}

func (d *Detector) openAlert(g *grown, o *opened, clients float64, score detect.Score, b detect.Batch) detect.Alert {
	service := netip.AddrPortFrom(g.server().Addr.Netip(g.version), g.port).String()
	severity := detect.Informational
	if o.sum >= longOpen {
		severity = detect.Low
	}
	none := math.NaN()
	return detect.Alert{
		Time: b.End, Kind: "open_beacon", Severity: severity, Score: score.Raw, P: score.P, N: score.N,
		Subject: g.client(), Role: detect.Client, Client: g.client(), Server: g.server(),
		ServerPort: g.port, HasPort: true, Proto: g.proto,
		WindowStart: o.first, WindowEnd: o.last,
		Message: fmt.Sprintf("%s keeps a connection to %s open and says something about every %s s: %.0f silences in %.0f s, none over %s s",
			g.client(), service, detect.Number(o.period(), 3), o.count(), o.sum, detect.Number(o.longest, 3)),
		Reasons: []detect.Reason{
			{Feature: "period_s", Value: o.period(), Threshold: leastSilence, Baseline: none},
			{Feature: "jitter", Value: o.jitter(), Threshold: d.cfg.MaxJitter, Baseline: none},
			{Feature: "silences", Value: o.count(), Threshold: float64(d.cfg.MinContacts), Baseline: none},
			{Feature: "longest_s", Value: o.longest, Threshold: none, Baseline: none},
			{Feature: "open_s", Value: o.sum, Threshold: d.cfg.MinOpen.Seconds(), Baseline: none},
			{Feature: "clients", Value: clients, Threshold: float64(d.cfg.MaxClients), Baseline: none},
		},
		Evidence: o.evidence, Key: service + "/" + strconv.Itoa(int(g.proto)),
	}
}
