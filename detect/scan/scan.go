package scan

import (
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/sketch"
	"github.com/weir-sensor/weir/packet"
)

const protoTCP = packet.ProtoTCP

const (
	tick     = 10 * time.Second
	quiet    = int64(5 * time.Second) // without a new target: the scan has paused or ended
	maxOpen  = 16384                  // sources that are judged at a batch's end
	farewell = 1024                   // sources with something to say that are forgotten in a batch
)

// latest are batches at whose ends nothing is held back that the other one does not see to: of two lengths that
// seldom end together, so that neither's end cuts a scan in two, and both end at the end of the input.
var latest = [2]time.Duration{307 * time.Second, 421 * time.Second}

// Detector finds scanners.
type Detector struct {
	cfg        Config
	walk       walk
	peerPorts  map[uint16]bool
	sources    *detect.Table[key, source]
	candidates candidates
	seen       *sketch.Seen
	gate       gate
	now        int64
	batch      int64       // number of the 10 s batch of now
	open       []opened    // sources to judge at its end, in the order of their first mention
	leaving    []forgotten // forgotten with something to say
	refused    uint64      // sources not judged because there were too many
	asked      []asked     // scratch
	warmed     uint32      // so that reads which only fetch are not left out
}

// opened is a source to be judged, with the table's hash.
type opened struct {
	key
	hash uint64
}

// forgotten is a source that the table had no room for.
type forgotten struct {
	key key
	source
}

// New returns the detector; cfg must be valid.
func New(cfg Config) *Detector {
	d := &Detector{
		sources:    detect.NewTable[key, source](cfg.MaxSources),
		candidates: candidates{slots: make([]candidate, cfg.MaxCandidates)},
		seen:       sketch.NewSeen(cfg.MaxContacts, int64(cfg.Forget)),
	}
	d.Tune(cfg)
	d.sources.Forget = func(k key, s *source) {
		if d.judge(k, s) != none && s.said == 0 && len(d.leaving) < farewell {
			d.leaving = append(d.leaving, forgotten{k, *s})
		}
	}
	return d
}

// Tune has it go on with another configuration, see detectors.Tune; what it knows stays.
func (d *Detector) Tune(cfg Config) {
	d.cfg, d.walk, d.peerPorts = cfg, newWalk(cfg), map[uint16]bool{}
	for _, p := range cfg.PeerPorts {
		d.peerPorts[p] = true
	}
}

// Batches implements detect.Batcher.
func (d *Detector) Batches() []time.Duration { return append([]time.Duration{tick}, latest[:]...) }

// Tables implements detect.Sized.
func (d *Detector) Tables() []detect.TableCount {
	sources := d.sources.Count("sources")
	sources.Rejected = d.refused
	n, limit := d.seen.Len()
	return []detect.TableCount{sources, d.candidates.count(),
		{Name: "contacts", Entries: n, Cap: limit, Evicted: d.seen.Forced()}}
}

// Flows implements detect.FlowWatcher.
func (d *Detector) Flows(flows []detect.Flow, _ detect.Out) {
	d.asked = d.asked[:0]
	for i := range flows {
		d.asked = append(d.asked, d.ask(&flows[i]))
	}
	for i := range d.asked {
		d.warm(&d.asked[i])
	}
	for i := range flows {
		f, a := &flows[i], &d.asked[i]
		if !f.First() {
			continue
		}
		d.gate.note(f, a.outcome)
		if a.outcome == unclear {
			continue
		}
		d.now = f.Time
		d.batch = d.now / int64(tick)
		d.seen.Advance(d.now)
		if a.outcome == taken {
			d.take(a)
		} else {
			d.fail(a, f)
		}
	}
}

// asked is a flow's contact, worked out before it is looked up.
type asked struct {
	key
	target
	outcome outcome
	stealth bool
	hash    uint64     // the table's, of the key
	slot    *candidate // the key's place, where the server did not take the contact
	known   [2]uint64  // contacts knownTarget and knownHost, where it did
}

// ask works out a flow's contact, and fetches what is looked up first.
func (d *Detector) ask(f *detect.Flow) (a asked) {
	if !f.First() {
		return a
	}
	if a.outcome, a.stealth = outcomeOf(f); a.outcome == unclear {
		return a
	}
	a.key, a.target = key{f.ClientHost(), f.Proto}, targetOf(f)
	a.hash = detect.Mix(f.ClientHash, uint64(f.Proto))
	d.sources.Warm(a.hash)
	if a.outcome == taken {
		a.known = [2]uint64{contact(knownTarget, a.key, a.target.id), host(knownHost, a.key, f.Server)}
		d.seen.Warm(a.known[0])
		d.seen.Warm(a.known[1])
	} else {
		a.slot = d.candidates.place(a.key)
		d.warmed += a.slot.gaveUp
	}
	return a
}

// warm fetches the contacts of a source that is more than a candidate, or may become so.
func (d *Detector) warm(a *asked) {
	if a.slot == nil || a.slot.key != a.key && d.sources.Get(a.key, a.hash) == nil {
		return
	}
	d.seen.Warm(contact(askedTarget, a.key, a.target.id))
	d.seen.Warm(contact(knownTarget, a.key, a.target.id))
	d.seen.Warm(contact(askedHost, a.key, sketch.Addr(0, a.target.server)))
}

// What the memory of contacts is asked: each is a first contact of its own.
const (
	askedTarget = iota // a target that did not answer
	askedHost
	knownTarget // one that did
	knownHost
	openTarget // one that would have
)

// contact returns the hash of a source's contact.
func contact(what uint64, k key, id uint64) uint64 {
	return sketch.Hash(sketch.Addr(what<<8|uint64(k.proto), k.host.Addr), id)
}

// host returns the hash of a source's contact with a server by whatever protocol.
func host(what uint64, k key, server packet.Addr) uint64 {
	return contact(what, key{host: k.host}, sketch.Addr(0, server))
}

// take notes a contact that the server took: the first one of its kind speaks for the source.
func (d *Detector) take(a *asked) {
	if d.seen.Add(a.known[0]) || d.seen.Add(a.known[1]) {
		return
	}
	if s := d.sources.Get(a.key, a.hash); s != nil {
		s.taken++
		s.walk = d.walk.step(s.walk, false, d.cfg.Classic)
		if s.walk <= 0 {
			s.crossed = false
		}
	}
}

// fail notes a contact that failed.
func (d *Detector) fail(a *asked, f *detect.Flow) {
	k, hash, t, o := a.key, a.hash, a.target, a.outcome
	s := d.sources.Get(k, hash)
	if s == nil {
		c, fresh := d.candidates.put(k, a.slot)
		if fresh {
			*c = candidate{key: k, target: t, flow: f.ID, time: d.now, start: f.Start, batch: d.batch}
		}
		if c.batch != d.batch {
			c.batch, c.gaveUp = d.batch, 0
		}
		if fresh || c.target.id == t.id && int(c.gaveUp) < d.cfg.HalfOpen-1 {
			if o == halfOpen {
				c.gaveUp++
			}
			return
		}
		s = d.promote(k, hash, c)
		s.local = f.ClientLocal
	}
	d.note(k, hash, s)
	s.stealth = s.stealth || a.stealth
	if o == halfOpen {
		d.giveUp(k, s, t, f)
		return
	}
	if s.local {
		d.gate.failed(k.host)
	}
	d.refuse(k, s, t, f, o)
}

// promote makes a source of a candidate.
func (d *Detector) promote(k key, hash uint64, c *candidate) *source {
	first := *c
	d.candidates.free(c)
	s, _ := d.sources.Put(k, hash)
	*s = source{batch: -1}
	d.note(k, hash, s)
	if first.gaveUp == 0 {
		d.refuseAt(k, s, first, refused)
		return s
	}
	s.heard(first)
	s.gaveTo, s.gaveUp, s.gaveUpMost = first.target, first.gaveUp, first.gaveUp
	return s
}

// note marks a source to be judged at the batch's end.
func (d *Detector) note(k key, hash uint64, s *source) {
	if s.batch != d.batch {
		s.batch, s.gaveUp = d.batch, 0
	}
	if s.listed {
		return
	}
	if len(d.open) >= maxOpen {
		d.refused++
		return
	}
	s.listed = true
	d.open = append(d.open, opened{k, hash})
}

func (d *Detector) refuse(k key, s *source, t target, f *detect.Flow, o outcome) {
	if d.now-s.last >= int64(d.cfg.Forget) || s.walk <= 0 && d.now-s.last >= calm {
		s.reset()
	}
	d.refuseAt(k, s, candidate{target: t, flow: f.ID, time: d.now, start: f.Start}, o)
}

// refuseAt notes that a target did not answer: it counts where it was not asked before, and never answered. A host that is
// known by another protocol is no step of the walk by UDP, which programs try beside TCP where a network blocks it; nor is a peer, whose addresses come from lists that grow old.
func (d *Detector) refuseAt(k key, s *source, c candidate, o outcome) {
	t := c.target
	if d.seen.Add(contact(askedTarget, k, t.id)) {
		s.retry(t)
		return
	}
	if d.seen.Has(contact(knownTarget, k, t.id)) {
		return
	}
	s.refuse(c)
	if d.seen.Add(contact(askedHost, k, sketch.Addr(0, t.server))) {
		return
	}
	s.hosts++
	if o != probed && !d.peerPorts[t.port] && (k.proto == protoTCP || !d.seen.Has(host(knownHost, k, t.server))) {
		s.walk = d.walk.step(s.walk, true, d.cfg.Classic)
		s.crossed = s.crossed || s.walk >= d.walk.scanner
	}
}

// giveUp notes a handshake that the client gave up.
func (d *Detector) giveUp(k key, s *source, t target, f *detect.Flow) {
	if !d.seen.Add(contact(openTarget, k, t.id)) {
		s.open++
	}
	if s.gaveUp == 0 && int(s.gaveUpMost) < d.cfg.HalfOpen {
		s.gaveTo = t
	}
	if t.id == s.gaveTo.id {
		s.gaveUp++
		s.gaveUpMost = max(s.gaveUpMost, s.gaveUp)
	}
	if s.targets == 0 {
		s.heard(candidate{target: t, flow: f.ID, time: d.now, start: f.Start})
	}
}
