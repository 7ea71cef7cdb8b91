package scan

import (
	"math"
	"slices"
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
	batch      uint32      // number of the 10 s batch of now, its low bits
	open       []opened    // sources to judge at its end, in the order of their first mention
	leaving    []forgotten // forgotten with something to say
	refused    uint64      // sources not judged because there were too many
	scratch
	warmed uint32 // so that reads which only fetch are not left out
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

// groupSize is how many flows are worked out and fetched before they are looked up.
const groupSize = 64

// Needs implements detect.Needer: see outcomeOf.
func (d *Detector) Needs() []detect.Need {
	const stealth = "half-open scans, NULL, FIN, Xmas and ACK scans"
	return []detect.Need{{Fields: detect.NoTCPFlags | detect.NoHistory | detect.NoState, For: "scans by TCP"},
		{Fields: detect.NoTCPFlags, For: stealth}, {Fields: detect.NoPackets, For: stealth}}
}

// Flows implements detect.FlowWatcher.
func (d *Detector) Flows(flows []detect.Flow, _ detect.Out) {
	for group := range slices.Chunk(flows, groupSize) {
		d.group(group)
	}
}

func (d *Detector) group(flows []detect.Flow) {
	d.failing, d.contacts = d.failing[:0], d.contacts[:0]
	for i := range flows {
		d.ask(i, &flows[i])
	}
	d.fetch(flows)
	for i := range flows {
		f, a := &flows[i], &d.asked[i]
		if !f.First() {
			continue
		}
		d.gate.note(f, a)
		if a.outcome == unclear {
			continue
		}
		d.now = f.Time
		d.batch = uint32(d.now / int64(tick))
		d.seen.Advance(d.now)
		if a.outcome == taken {
			d.take(a, f)
		} else {
			d.fail(a, f)
		}
	}
}

// asked is a flow's contact, worked out before it is looked up.
type asked struct {
	outcome outcome
	stealth bool
	hash    uint64  // the table's, of the key
	client  uint64  // hash of the client's address; fixed
	source  *source // of what failed: where there was one, and none has been forgotten since
	contact
}

// scratch is of a group of flows.
type scratch struct {
	asked    [groupSize]asked
	failing  []uint8 // places among them of those that failed
	evicted  uint64  // sources before it
	places   [groupSize]*candidate
	contacts []uint64 // places in the memory of contacts that are looked at
}

// ask works out the contact of a group's i-th flow, and lists what of it is looked up.
func (d *Detector) ask(i int, f *detect.Flow) {
	a := &d.asked[i]
	if a.outcome = unclear; !f.First() {
		return
	}
	if a.outcome, a.stealth = outcomeOf(f); a.outcome == unclear {
		return
	}
	a.hash = detect.Mix(f.ClientHash, uint64(f.Proto))
	a.client = sketch.Addr(0, f.Client)
	a.pair = sketch.Hash(a.client, sketch.Addr(0, f.Server))
	a.port = portOf(f)
	a.id = sketch.Hash(a.pair, uint64(f.Proto)<<16|uint64(a.port))
	if a.outcome == taken {
		d.contacts = append(d.contacts, a.id, a.pair)
	} else {
		d.sources.Warm(a.hash)
		d.failing = append(d.failing, uint8(i))
	}
}

// fetch fetches the places of the candidates, and the contacts of the sources.
func (d *Detector) fetch(flows []detect.Flow) {
	places := d.places[:0]
	d.evicted = d.sources.Evicted()
	for _, i := range d.failing {
		a, k := &d.asked[i], keyOf(&flows[i])
		if a.source = d.sources.Get(k, a.hash); a.source == nil {
			places = append(places, d.candidates.place(k))
		} else {
			d.contacts = append(d.contacts, a.id, a.pair)
		}
	}
	for _, at := range places {
		d.warmed += at.gaveUp
	}
	d.seen.WarmAll(d.contacts)
}

// What the memory of contacts is asked: each is a first contact of its own.
const (
	askedTarget = iota // a target that did not answer
	askedHost
	knownTarget // one that did
	knownHost   // by whatever protocol
	openTarget  // one that would have
)

// known returns the hash of what is asked of a place in the memory of contacts.
func known(what uint64, proto uint8, place uint64) uint64 {
	return sketch.Hash(what<<8|uint64(proto), place)
}

// take notes a contact that the server took: the first one of its kind speaks for the source.
func (d *Detector) take(a *asked, f *detect.Flow) {
	if d.seen.AddAt(a.id, known(knownTarget, f.Proto, a.id)) || d.seen.AddAt(a.pair, known(knownHost, 0, a.pair)) {
		return
	}
	if s := d.sources.Get(keyOf(f), a.hash); s != nil {
		s.taken++
		s.walk = d.walk.step(s.walk, false, d.cfg.Classic)
		if s.walk <= 0 {
			s.crossed = false
		}
	}
}

// fail notes a contact that failed.
func (d *Detector) fail(a *asked, f *detect.Flow) {
	k := keyOf(f)
	c := &a.contact // it is filled in here, where it is: to copy it costs more
	c.server, c.hasPort, c.flow, c.start, c.time = f.Server, f.HasPorts(), f.ID, f.Start, d.now
	s := a.source
	if s == nil || d.sources.Evicted() != d.evicted {
		s = d.sources.Get(k, a.hash)
	}
	if s == nil {
		if s = d.suspect(k, a); s == nil {
			return
		}
		s.local = f.ClientLocal
	}
	d.note(k, a.hash, s)
	s.stealth = s.stealth || a.stealth
	if a.outcome == halfOpen {
		d.giveUp(k, s, c)
		return
	}
	if s.local {
		d.gate.failed(a.client)
	}
	d.refuse(k, s, c, a.outcome)
}

// suspect notes a failed contact of what is no source yet; it returns the source where it has become one.
func (d *Detector) suspect(k key, a *asked) *source {
	c, fresh := d.candidates.put(k)
	if fresh {
		c.key, c.contact, c.gaveUp, c.batch = k, a.contact, 0, d.batch
	}
	if c.batch != d.batch {
		c.batch, c.gaveUp = d.batch, 0
	}
	if fresh || c.id == a.id && int(c.gaveUp) < d.cfg.HalfOpen-1 {
		if a.outcome == halfOpen {
			c.gaveUp++
		}
		return nil
	}
	return d.promote(k, a.hash, c)
}

// promote makes a source of a candidate.
func (d *Detector) promote(k key, hash uint64, c *candidate) *source {
	first := *c
	d.candidates.free(c)
	s, _ := d.sources.Put(k, hash)
	*s = source{batch: math.MaxUint32}
	d.note(k, hash, s)
	if first.gaveUp == 0 {
		d.refuseAt(k, s, &first.contact, refused)
		return s
	}
	s.heard(&first.contact)
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

func (d *Detector) refuse(k key, s *source, c *contact, o outcome) {
	if d.now-s.last >= int64(d.cfg.Forget) || s.walk <= 0 && d.now-s.last >= calm {
		s.reset()
	}
	d.refuseAt(k, s, c, o)
}

// refuseAt notes that a target did not answer: it counts where it was not asked before, and never answered. A host that is
// known by another protocol is no step of the walk by UDP, which programs try beside TCP where a network blocks it; nor is a peer, whose addresses come from lists that grow old.
func (d *Detector) refuseAt(k key, s *source, c *contact, o outcome) {
	t := &c.target
	if d.seen.AddAt(t.id, known(askedTarget, k.proto, t.id)) {
		s.retry(t)
		return
	}
	if d.seen.HasAt(t.id, known(knownTarget, k.proto, t.id)) {
		return
	}
	s.refuse(c)
	if d.seen.AddAt(t.pair, known(askedHost, k.proto, t.pair)) {
		return
	}
	s.hosts++
	if o != probed && !d.peerPorts[t.port] && (k.proto == protoTCP || !d.seen.HasAt(t.pair, known(knownHost, 0, t.pair))) {
		s.walk = d.walk.step(s.walk, true, d.cfg.Classic)
		s.crossed = s.crossed || s.walk >= d.walk.scanner
	}
}

// giveUp notes a handshake that the client gave up.
func (d *Detector) giveUp(k key, s *source, c *contact) {
	t := &c.target
	if !d.seen.AddAt(t.id, known(openTarget, k.proto, t.id)) {
		s.open++
	}
	if s.gaveUp == 0 && int(s.gaveUpMost) < d.cfg.HalfOpen {
		s.gaveTo = *t
	}
	if t.id == s.gaveTo.id {
		s.gaveUp++
		s.gaveUpMost = max(s.gaveUpMost, s.gaveUp)
	}
	if s.targets == 0 {
		s.heard(c)
	}
}
