package trend

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"slices"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/sketch"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// target is a service that can be the victim of a flood: the port of ICMP is 0. Reflected are answers that nobody asked
// for, from a port, and the victim is who gets them.
type target struct {
	host packet.Addr
	service
}

type service struct {
	port      uint16
	proto     uint8
	version   uint8
	reflected bool
	scattered bool // over the host's ports: those that are not watched themselves
}

// Targets are watched once so many flows to them within a batch were not answered.
const promoted = 32

// severe is how many times the floor a flood is that somebody must look at now.
const severe = 30

// victim is a target that is watched.
type victim struct {
	done     int64 // step up to which the sum is
	open     [ring]floodStep
	syn      synSum
	sources  sketch.Linear
	ports    sketch.Linear // of what is scattered
	client   packet.Addr   // the latest
	listed   bool          // it is to be judged at the batch's end
	evidence detect.Evidence
}

// floodStep is what went to a victim in a step.
type floodStep struct {
	step                 int64
	flows, unanswered    uint32
	packetsUp, bytesDown float32
	bytesUp              float32
	synSum               float32
	rival                rival
}

// reflectors are UDP ports whose answers are far larger than the questions.
var reflectors = [...]uint16{19, 53, 123, 161, 389, 1900, 11211}

// targetOf says what a flow's record aims at, and whether it speaks for a flood.
func targetOf(f *detect.Flow, unanswered bool) (t target, speaks bool) {
	t = target{f.Server, service{port: f.ServerPort, proto: f.Proto, version: f.Version}}
	switch f.Proto {
	case packet.ProtoICMP, packet.ProtoICMPv6:
		t.port = 0
		return t, f.Packets[flowtable.Up] >= promoted
	case packet.ProtoUDP:
		if f.Missing&detect.NoPackets == 0 && f.Packets[flowtable.Up] == 0 && isReflector(f.ServerPort) {
			t.host, t.reflected = f.Client, true
			return t, true
		}
	}
	return t, unanswered
}

// isError says whether it is an ICMP error: unreachable, time exceeded and the like. An error quotes a packet of who gets it,
// so that many of them are the answers to many packets, such as a UDP scan's, and no flood.
func isError(f *detect.Flow) bool {
	switch f.Proto {
	case packet.ProtoICMP:
		return f.ClientPort == 3 || f.ClientPort == 4 || f.ClientPort == 5 || f.ClientPort == 11 || f.ClientPort == 12
	case packet.ProtoICMPv6:
		return f.ClientPort >= 1 && f.ClientPort <= 4
	}
	return false
}

func isReflector(port uint16) bool {
	for _, p := range reflectors {
		if p == port {
			return true
		}
	}
	return false
}

// suspect counts a flow's record for what it aims at, if that is watched; if not, an unanswered one counts for all such ports of the host.
func (d *Detector) suspect(f *detect.Flow, a *aimed) {
	switch {
	case d.watches(a.target, a.hash, a.speaks, f.HasPorts(), d.suspects):
		d.strike(f, a, a.target, a.hash)
	case a.speaks && !a.reflected:
		t := target{a.host, service{proto: a.proto, version: a.version, scattered: true}}
		hash := detect.Mix(f.ServerHash, uint64(a.proto)<<8|2)
		if d.watches(t, hash, true, true, d.scatter) {
			d.strike(f, a, t, hash)
		}
	}
}

// watches says whether a target is watched, which it is from a flow on that speaks for a flood; with ports, from the one that makes
// enough of them.
func (d *Detector) watches(t target, hash uint64, speaks, ports bool, suspects *heavy[target]) bool {
	if d.victims.Get(t, hash) != nil {
		return true
	}
	if !speaks || !ports {
		return speaks
	}
	count, error := suspects.add(t, hash)
	return count-error >= promoted
}

// strike counts a flow's record for a victim.
func (d *Detector) strike(f *detect.Flow, a *aimed, t target, hash uint64) {
	v, fresh := d.victims.Put(t, hash)
	if fresh {
		v.done = d.steps.first - 1
	}
	if !v.listed {
		v.listed = true
		d.struck = append(d.struck, struck{t, hash})
	}
	source := f.Client
	if t.reflected {
		source = f.Server
	}
	a.spread(func(step int64, share float64) {
		s := v.at(step)
		s.packetsUp += float32(share * float64(f.Packets[flowtable.Up]))
		s.bytesUp += float32(share * float64(f.Bytes[flowtable.Up]))
		s.bytesDown += float32(share * float64(f.Bytes[flowtable.Down]))
	})
	if !f.First() || !a.open {
		return
	}
	s, n := v.at(a.from), uint32(1)
	if fresh && f.HasPorts() {
		n = promoted // with those before it was watched
	}
	s.flows += n
	if a.unanswered || t.reflected {
		s.unanswered += n
	} else if f.HasPorts() {
		return
	}
	from := sketch.Addr(0, source)
	v.sources.Add(from)
	if t.scattered {
		v.ports.Add(sketch.Hash(0, uint64(f.ServerPort)))
		s.rival.add(uint32(from >> 32))
	}
	v.client = source
	v.evidence.Add(f.ID)
}

// at returns what went to the victim in an open step.
func (v *victim) at(step int64) *floodStep {
	s := &v.open[slot(step)]
	if s.step != step {
		*s = floodStep{step: step}
	}
	return s
}

// struck is a victim that got something in the batch.
type struck struct {
	target target
	hash   uint64
}

// judgeVictims judges the victims of the batch.
func (d *Detector) judgeVictims(now int64, out detect.Out) {
	for _, s := range d.struck {
		if v := d.victims.Get(s.target, s.hash); v != nil && v.listed {
			v.listed = false
			d.judgeVictim(s.target, v, now, out)
		}
	}
	slices.SortStableFunc(d.floods, func(a, b flooded) int { return cmp.Compare(b.score, a.score) })
	for _, f := range d.floods[:min(len(d.floods), maxFloods)] {
		out.Alert(d.flood(f, len(d.floods), now))
	}
	clear(d.floods)
	d.floods = d.floods[:0]
	for _, s := range d.struck {
		if v := d.victims.Get(s.target, s.hash); s.target.scattered && v != nil {
			v.sources, v.ports, v.evidence = sketch.Linear{}, sketch.Linear{}, detect.Evidence{}
		}
	}
	d.struck = d.struck[:0]
}

// maxFloods is how many victims are named in a batch, those that get most: what hits hundreds at once is one thing.
const maxFloods = 20

// flooded is a victim of a flood in this batch.
type flooded struct {
	target target
	victim *victim
	step   *floodStep
	score  float64
}

// judgeVictim looks for the worst of the victim's steps, and brings its sum up to the closed ones.
func (d *Detector) judgeVictim(t target, v *victim, now int64, out detect.Out) {
	last := d.steps.first + ring - 1
	var worst *floodStep
	var score float64
	for step := max(v.done+1, d.steps.first-ring); step <= last; step++ {
		s := &v.open[slot(step)]
		if s.step != step {
			s = &floodStep{step: step}
		}
		if step < d.steps.first && t.proto == packet.ProtoTCP && !t.scattered {
			s.synSum = float32(v.syn.add(float64(s.flows), float64(s.flows-s.unanswered)))
		}
		if x := d.badness(t, v, s); x > score {
			worst, score = s, x
		}
	}
	v.done = max(v.done, d.steps.first-1)
	if worst == nil {
		return
	}
	subject := detect.Host{Addr: t.host, Version: t.version}
	if d.scored < maxScored {
		d.scored++
		out.Score(detect.Score{Time: now, Subject: subject, Role: detect.Server, Raw: score, P: math.NaN(),
			N: uint64(worst.flows), Alerted: score >= 1})
	}
	if score >= 1 {
		d.floods = append(d.floods, flooded{t, v, worst, score})
	}
}

// badness is how many times a step is what makes a flood; below 1 it is none.
func (d *Detector) badness(t target, v *victim, s *floodStep) float64 {
	if t.proto == packet.ProtoICMP || t.proto == packet.ProtoICMPv6 {
		return float64(s.packetsUp) / float64(d.cfg.ICMPPackets)
	}
	if s.unanswered == 0 {
		return 0
	}
	if t.scattered {
		return d.scatterBadness(v, s)
	}
	x := float64(s.unanswered) / float64(d.cfg.FloodFlows)
	if float64(s.unanswered) < d.cfg.FloodShare*float64(s.flows) {
		x = min(x, 0.99)
	}
	if s.synSum > synAlarm && s.unanswered >= uint32(d.cfg.SYNFlows) {
		x = max(x, 1)
	}
	return x
}

// flood returns the alert about one of so many victims.
func (d *Detector) flood(f flooded, victims int, now int64) detect.Alert {
	t, v, s, score := f.target, f.victim, f.step, f.score
	kind, what := kindOf(t)
	severity := detect.Medium
	if score >= severe {
		severity = detect.High
	}
	host := detect.Host{Addr: t.host, Version: t.version}
	a := d.alert(kind, severity, s.step, now)
	a.Subject, a.Role, a.Score, a.N = host, detect.Server, score, uint64(s.flows)
	a.Proto, a.Evidence = t.proto, v.evidence
	name := host.String()
	if t.reflected {
		a.Role = detect.Client
		a.Client = host
		what = fmt.Sprintf("%s from port %d", what, t.port)
	} else {
		a.Server = host
	}
	ports := v.ports.Estimate()
	if t.scattered {
		a.Key = "scattered"
	} else if t.port != 0 {
		a.ServerPort, a.HasPort, a.Key = t.port, true, fmt.Sprint(t.port)
		if !t.reflected {
			name = netip.AddrPortFrom(t.host.Netip(t.version), t.port).String()
		}
	}
	sources := v.sources.Estimate()
	from := estimated(sources) + " addresses"
	if sources <= 1 {
		source := detect.Host{Addr: v.client, Version: t.version}
		from = source.String()
		if t.reflected {
			a.Server = source
		} else {
			a.Client = source
		}
	}
	switch {
	case t.reflected:
		a.Message = fmt.Sprintf("%s: %d answers to %s in 10 s that it did not ask for, %.0f bytes, from %s", what, s.unanswered, name, s.bytesDown, from)
	case t.scattered:
		a.Message = fmt.Sprintf("%s: %d flows to %s in 10 s over %s ports went unanswered, %.0f bytes, from %s", what, s.unanswered, name, estimated(ports), s.bytesUp, from)
	case !a.HasPort:
		a.Message = fmt.Sprintf("%s: %.0f packets to %s in 10 s, from %s", what, s.packetsUp, name, from)
	default:
		a.Message = fmt.Sprintf("%s: %d of %d flows to %s in 10 s went unanswered, from %s", what, s.unanswered, s.flows, name, from)
	}
	none := math.NaN()
	a.Reasons = []detect.Reason{
		{Feature: "unanswered", Value: float64(s.unanswered), Threshold: float64(d.cfg.FloodFlows), Baseline: none},
		{Feature: "flows", Value: float64(s.flows), Threshold: none, Baseline: none},
		{Feature: "packets_up", Value: float64(s.packetsUp), Threshold: none, Baseline: none},
		{Feature: atLeast("sources", sources), Value: float64(sources), Threshold: none, Baseline: none},
		{Feature: "victims", Value: float64(victims), Threshold: none, Baseline: none},
	}
	if t.scattered {
		a.Reasons = append(a.Reasons,
			detect.Reason{Feature: atLeast("ports", ports), Value: float64(ports), Threshold: manyPorts, Baseline: none},
			detect.Reason{Feature: "bytes_up", Value: float64(s.bytesUp), Threshold: none, Baseline: none})
	} else if t.proto == packet.ProtoTCP {
		a.Reasons = append(a.Reasons, detect.Reason{Feature: "syn_cusum", Value: float64(s.synSum), Threshold: synAlarm, Baseline: none})
	}
	return a
}

// estimated says how many a sketch counted.
func estimated(n int) string {
	if n >= sketch.LinearMax {
		return fmt.Sprintf("at least %d", n)
	}
	return fmt.Sprintf("about %d", n)
}

// atLeast is what a feature is called where a sketch counted so many.
func atLeast(feature string, n int) string {
	if n >= sketch.LinearMax {
		return feature + "_at_least"
	}
	return feature
}

// kindOf returns the kind of a flood and its name.
func kindOf(t target) (kind, name string) {
	switch {
	case t.reflected:
		return "reflection", "reflection flood"
	case t.proto == packet.ProtoTCP:
		return "syn_flood", "SYN flood"
	case t.proto == packet.ProtoUDP:
		return "udp_flood", "UDP flood"
	case t.port == 0 && !t.scattered:
		return "icmp_flood", "ICMP flood"
	}
	return "flood", "flood"
}
