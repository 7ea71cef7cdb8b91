package scan

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/sketch"
	"github.com/weir-sensor/weir/internal/resident"
	"github.com/weir-sensor/weir/packet"
)

// key is a source and what it asks with: an IP protocol. A source's scans by different protocols are different scans.
type key struct {
	host  detect.Host
	proto uint8
}

func keyOf(f *detect.Flow) key { return key{f.ClientHost(), f.Proto} }

// target is what a contact asked: a server and, where the protocol has them, a port.
type target struct {
	server  packet.Addr
	pair    uint64 // hash of source and server: the place of what is remembered of the two; fixed
	id      uint64 // and of source, server, protocol and port
	port    uint16
	hasPort bool
}

// portOf returns the port of a flow's target; 0 where it has none.
func portOf(f *detect.Flow) uint16 {
	switch {
	case !f.HasPorts():
		return 0
	case f.Proto == packet.ProtoUDP && f.ServerPort >= traceFirst && f.ServerPort <= traceLast:
		return traceFirst
	}
	return f.ServerPort
}

// UDP ports of traceroute, which asks another one with each packet.
const traceFirst, traceLast = 33434, 33534

// contact is one that failed.
type contact struct {
	target
	flow  uint64
	time  int64 // when it was known, ns
	start int64 // of the flow, ns
}

// candidate is a source with one target that did not answer. Most are never more: spoofed ones above all.
type candidate struct {
	key key // its IP version is 0 where the place is free
	contact
	gaveUp uint32 // handshakes given up, in batch
	batch  uint32
}

// candidates remembers them at a place that a fixed hash of the source gives: a new one takes the place of another. That is
// the cheapest there is, because a flood of spoofed sources comes through here.
type candidates struct {
	slots   []candidate
	len     int
	evicted uint64
}

// manyCandidates is from how many on all places are likely to be needed.
const manyCandidates = 128

// place returns the place of a source.
func (c *candidates) place(k key) *candidate {
	return &c.slots[sketch.Addr(uint64(k.proto), k.host.Addr)>>32*uint64(len(c.slots))>>32]
}

// put takes the place of a source for it; fresh says that it is to be filled in.
func (c *candidates) put(k key) (_ *candidate, fresh bool) {
	v := c.place(k)
	switch {
	case v.key == k:
		return v, false
	case v.key.host.Version == 0:
		if c.len++; c.len == manyCandidates {
			resident.Touch(c.slots, func(c *candidate) { atomic.AddUint32(&c.gaveUp, 0) })
		}
	default:
		c.evicted++
	}
	return v, true
}

func (c *candidates) free(v *candidate) {
	*v = candidate{}
	c.len--
}

func (c *candidates) count() detect.TableCount {
	return detect.TableCount{Name: "candidates", Entries: c.len, Cap: len(c.slots), Evicted: c.evicted}
}

// source is one with several. Numbers are of its episode, which ends where it has been acquitted and has had no failure
// for calm, or has had none for Config.Forget.
type source struct {
	walk       float32
	crossed    bool // it has been at the walk's threshold, and not been acquitted since
	local      bool
	stealth    bool // with what no connection begins with
	portCount  uint8
	listed     bool   // it is to be judged at the batch's end
	begin, end int64  // of the flows of failed contacts: the first's start, the last's
	last       int64  // when the last failure was known
	since      int64  // when there was first something to say; 0: there was not
	hosts      uint32 // that did not answer
	targets    uint32
	open       uint32 // handshakes that the server would have taken
	taken      uint32 // contacts that were
	gaveTo     target // of handshakes that the client gave up
	gaveUp     uint32 // how many, in batch
	gaveUpMost uint32 // and the most in one batch
	batch      uint32 // the last in which anything was noted
	said       uint32 // targets when something was said last
	server     packet.Addr
	ports      [6]uint16
	portBits   sketch.Linear
	tried      [sampled]attempt // the first targets
	evidence   detect.Evidence
}

// attempt says how often a target was tried again.
type attempt struct {
	id    uint32
	again uint8
}

const (
	sampled = 16
	calm    = int64(10 * time.Minute)
)

// heard notes when a contact failed.
func (s *source) heard(c *contact) {
	if s.evidence.Total == 0 {
		s.begin, s.end = c.start, c.start
	}
	s.begin, s.end, s.last = min(s.begin, c.start), max(s.end, c.start), c.time
	s.evidence.Add(c.flow)
}

// refuse notes a target that did not answer and had not been asked before.
func (s *source) refuse(c *contact) {
	if s.targets == 0 {
		s.server = c.server
	}
	if s.targets < sampled {
		s.tried[s.targets] = attempt{id: uint32(c.id)}
	}
	s.targets++
	s.heard(c)
	if c.hasPort {
		s.notePort(c.port)
	}
}

func (s *source) notePort(port uint16) {
	if !s.portBits.Add(sketch.Hash(0, uint64(port))) && int(s.portCount) == len(s.ports) {
		return
	}
	for _, p := range s.ports[:s.portCount] {
		if p == port {
			return
		}
	}
	if int(s.portCount) < len(s.ports) {
		s.ports[s.portCount] = port
		s.portCount++
	}
}

// portTotal returns how many distinct ports did not answer: exactly while they have room, or where there is one host.
func (s *source) portTotal() int {
	switch {
	case int(s.portCount) < len(s.ports):
		return int(s.portCount)
	case s.hosts <= 1:
		return int(s.targets)
	}
	return min(max(s.portBits.Estimate(), len(s.ports)), int(s.targets))
}

// retry notes that a target that did not answer was asked again.
func (s *source) retry(t *target) {
	for i := range s.tried[:min(s.targets, sampled)] {
		if a := &s.tried[i]; a.id == uint32(t.id) {
			a.again = min(a.again, math.MaxUint8-1) + 1
			return
		}
	}
}

// insists says whether the source asks the same ones again and again: most of the first were asked three times or more.
// That is what programs do whose server or peer is gone; who scans goes on to the next.
func (s *source) insists() bool {
	n, often := min(s.targets, sampled), uint32(0)
	for _, a := range s.tried[:n] {
		if a.again >= 2 {
			often++
		}
	}
	return 2*often > n
}

// dialsPeers says whether each host is asked on one port, and has a port of its own, or by UDP one of many: as peers in a
// peer-to-peer network do.
func (s *source) dialsPeers(proto uint8) bool {
	ports := s.portTotal()
	return 2*s.targets < 3*s.hosts && (2*ports > int(s.hosts) || proto == packet.ProtoUDP && ports > few)
}

// reset begins another episode.
func (s *source) reset() {
	*s = source{local: s.local, listed: s.listed, batch: s.batch, gaveUp: s.gaveUp}
}
