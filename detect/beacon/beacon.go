package beacon

import (
	"fmt"
	"math"
	"math/bits"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/sketch"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

const (
	ringSize  = 256 // contacts of a series that are judged, the latest
	fewFirst  = 3   // contacts before a pair gets a series
	seriesFew = 16  // contacts of a series before it gets a ring
	every     = time.Minute
	day       = int64(24 * time.Hour)
	milli     = int64(time.Millisecond)
	rareCount = 20 // contacts from which what RITA calls a medium threat is worth a look today
)

// Detector finds regular contacts. Its state is bounded by its Config.
type Detector struct {
	cfg       Config
	ignored   [65536 / 64]uint64 // UDP ports
	seed      hasher
	pairs     *detect.Table[key, beginning]
	series    *detect.Table[key, series]
	opened    *detect.Table[key, opened]
	endpoints *detect.Table[key, audience]
	rings     rings
	clients   sketch.Distinct // all that had a contact that matters
	grown     []grown         // series to be judged, those that wait for longest first
	beating   []grown         // of opened, to be judged in this batch

	first, last int64 // contact of the data set, ns

	group            []contactOf // scratch
	hashes, services []uint64    // of the pairs and services of these

	times   []int64 // scratch
	seconds []int64
	sizes   []float64
	gaps    []float64
}

// pair is a client and the service that it contacts.
type pair struct {
	client, server packet.Addr
	port           uint16
	proto, version uint8
}

// contact is the beginning of a flow.
type contact struct {
	after int32  // ms since the series' base
	bytes uint32 // sent up; the largest value stands for all above
}

// beginning is a pair that had few contacts yet: with its key it fills a cache line.
type beginning struct {
	base  int64 // ns
	flows [fewFirst]uint64
	more  [fewFirst - 1]contact // after the one at base
	bytes uint32                // of the one at base
	n     int32
}

// series is a pair's contacts.
type series struct {
	base     int64  // ns
	first    int64  // contact, ns: it may be forgotten, or be too long ago to be one of those after the base
	n        uint32 // contacts so far
	judged   uint32 // when it was judged last
	queued   bool
	said     bool   // an alert was raised
	ring     uint32 // its place in Detector.rings; 0: all contacts are in few
	few      [seriesFew]contact
	evidence detect.Evidence
}

// grown is a series that has grown.
type grown struct {
	pair
	hash, service uint64 // hashes of the pair and of its service
	serverLocal   bool
}

// audience is who contacted a service, and since when.
type audience struct {
	clients clients
	first   int64 // ns
}

// clients counts distinct clients by how many of its bits are set (linear counting): within a tenth up to 300 or so.
type clients [4]uint64

// New returns a detector; cfg must be valid.
func New(cfg Config) *Detector {
	d := &Detector{first: math.MaxInt64, last: math.MinInt64, seed: newHasher(),
		pairs:     detect.NewTable[key, beginning](cfg.MaxPairs),
		series:    detect.NewTable[key, series](cfg.MaxSeries),
		opened:    detect.NewTable[key, opened](cfg.MaxOpen),
		endpoints: detect.NewTable[key, audience](cfg.MaxEndpoints),
	}
	d.series.Forget = func(_ key, s *series) {
		if s.ring != 0 {
			d.rings.give(s.ring)
		}
	}
	d.Tune(cfg)
	return d
}

// Tune has it go on with another configuration, see detectors.Tune; what it knows stays.
func (d *Detector) Tune(cfg Config) {
	d.cfg, d.ignored = cfg, [65536 / 64]uint64{}
	for _, p := range cfg.IgnorePorts {
		d.ignored[p/64] |= 1 << (p % 64)
	}
}

var (
	_ detect.FlowWatcher    = (*Detector)(nil)
	_ detect.FeatureChooser = (*Detector)(nil)
	_ detect.Batcher        = (*Detector)(nil)
	_ detect.Sized          = (*Detector)(nil)
)

// FlowFeatures implements detect.FeatureUser.
func (d *Detector) FlowFeatures() []string { return []string{"intervals", "splt"} }

// Needs implements detect.Needer.
func (d *Detector) Needs() (needs []detect.Need) {
	for _, group := range d.FlowFeatures() {
		needs = append(needs, detect.Need{Feature: group, For: "beacons over connections that stay open"})
	}
	return needs
}

// FlowInterest implements detect.FeatureChooser: see silent.
func (d *Detector) FlowInterest() flowtable.Interest {
	return flowtable.Interest{Silence: leastSilence * time.Second}
}

// Tables implements detect.Sized.
func (d *Detector) Tables() []detect.TableCount {
	return []detect.TableCount{d.pairs.Count("pairs"), d.series.Count("series"), d.opened.Count("opened"), d.endpoints.Count("endpoints")}
}

// Flows implements detect.FlowWatcher.
func (d *Detector) Flows(flows []detect.Flow, _ detect.Out) {
	d.group, d.hashes, d.services = d.group[:0], d.hashes[:0], d.services[:0]
	for i := range flows {
		f := &flows[i]
		if f.First() {
			d.first, d.last = min(d.first, f.Start), max(d.last, f.Start)
		}
		if d.matters(f) {
			c := d.contactOf(f)
			d.group, d.hashes, d.services = append(d.group, c), append(d.hashes, c.hash), append(d.services, c.service)
		}
		if silent(f) {
			d.keep(f)
		}
	}
	d.series.WarmAll(d.hashes)
	d.pairs.WarmAll(d.hashes)
	d.endpoints.WarmAll(d.services)
	for i := range d.group {
		d.contact(&d.group[i])
	}
	clear(d.group) // the flows are borrowed
}

// matters says whether the flow is a contact that counts: the first record of an answered flow, not from outside to us,
// not to a group of hosts, not to a service that is regular by nature.
func (d *Detector) matters(f *detect.Flow) bool {
	return f.First() && f.HasPorts() && !f.Failed() && !f.Unasked() && (f.ClientLocal || !f.ServerLocal) &&
		(f.Proto != packet.ProtoUDP || d.ignored[f.ServerPort/64]&(1<<(f.ServerPort%64)) == 0) &&
		!group(f.ServerHost())
}

// group says whether an address stands for several hosts.
func group(h detect.Host) bool {
	if h.Version == 4 {
		return uint32(h.Addr.Lo)>>28 >= 14
	}
	return h.Addr.Hi>>56 == 0xff
}

// contactOf is a flow that is a contact.
type contactOf struct {
	flow          *detect.Flow
	hash, service uint64 // hashes of the pair and of its service
}

func (d *Detector) contactOf(f *detect.Flow) contactOf {
	pair, service := d.seed.of(f)
	return contactOf{f, pair, service}
}

// grown returns the series that the flow belongs to.
func (c *contactOf) grown() grown {
	f := c.flow
	return grown{pair{f.Client, f.Server, f.ServerPort, f.Proto, f.Version}, c.hash, c.service, f.ServerLocal}
}

func (d *Detector) contact(c *contactOf) {
	f, key := c.flow, keyOf(c.hash)
	if s := d.series.Use(key, c.hash); s != nil {
		d.add(s, c)
		return
	}
	b, fresh := d.pairs.Put(key, c.hash)
	switch {
	case fresh:
		b.base = f.Start
		b.bytes = contactAfter(b.base, f).bytes
		d.countClient(c)
	case b.n < fewFirst:
		b.more[b.n-1] = contactAfter(b.base, f)
	default:
		s, _ := d.series.Put(key, c.hash)
		b.grow(s)
		d.pairs.Delete(key, c.hash)
		d.add(s, c)
		return
	}
	b.flows[b.n] = f.ID
	b.n++
}

// grow makes a new series of the contacts so far.
func (b *beginning) grow(s *series) {
	s.base, s.first, s.n = b.base, b.base, fewFirst
	s.few[0].bytes = b.bytes
	for i, c := range b.more {
		s.few[1+i], s.first = c, min(s.first, b.base+int64(c.after)*milli)
	}
	for _, id := range b.flows {
		s.evidence.Add(id)
	}
}

// add adds a contact to a series, which is to be judged once it has grown by a quarter, or has doubled since it was called a
// beacon.
func (d *Detector) add(s *series, c *contactOf) {
	f := c.flow
	if (f.Start-s.base)/milli > math.MaxInt32 {
		s.base += rebase(d.contacts(s), f.Start-s.base)
	}
	s.first = min(s.first, f.Start)
	*d.next(s) = contactAfter(s.base, f)
	s.n++
	s.evidence.Add(f.ID)
	more := (s.judged + 3) / 4
	if s.said {
		more = s.judged
	}
	if !s.queued && s.n >= uint32(d.cfg.MinContacts) && s.n >= s.judged+more && len(d.grown) < 2*d.cfg.MaxSeries {
		s.queued = true
		d.grown = append(d.grown, c.grown())
	}
}

// rebase makes the contacts those after a base that is later by so much, and returns by how much it is, ns: after 24 days they
// would not fit otherwise. What is as long before is that long ago at most.
func rebase(contacts []contact, later int64) int64 {
	shift := later / milli
	for i := range contacts {
		contacts[i].after = int32(max(int64(contacts[i].after)-shift, math.MinInt32))
	}
	return shift * milli
}

// contactAfter returns a flow's contact in a series that has this base.
func contactAfter(base int64, f *detect.Flow) contact {
	ms := min(max((f.Start-base)/milli, math.MinInt32), math.MaxInt32)
	return contact{int32(ms), uint32(min(f.Bytes[flowtable.Up], math.MaxUint32))}
}

// countClient counts the flow's client among those of its service, and among all.
func (d *Detector) countClient(c *contactOf) {
	a, fresh := d.endpoints.Put(keyOf(c.service), c.service)
	if fresh {
		a.first = c.flow.Start
	}
	client := scatter(c.flow.Client)
	d.clients.Add(client)
	bit := client >> 56
	a.clients[bit/64] |= 1 << (bit % 64)
}

// scatter is a hash that is the same in every run, since what it decides can be seen.
func scatter(a packet.Addr) uint64 {
	h := (a.Hi*0x9e3779b97f4a7c15 ^ a.Lo) * 0xbf58476d1ce4e5b9
	h ^= h >> 32
	return h * 0x94d049bb133111eb
}

// count estimates how many clients there are.
func (c *clients) count() float64 {
	const all = 64 * len(c)
	set := 0
	for _, word := range c {
		set += bits.OnesCount64(word)
	}
	return math.Round(-float64(all) * math.Log(max(1, float64(all-set))/float64(all)))
}

// audienceOf estimates how many clients the pair's service has, and says since when it is known, ns; 1 and the last contact
// where that was forgotten.
func (d *Detector) audienceOf(g *grown) (clients float64, first int64) {
	if a := d.endpoints.Get(keyOf(g.service), g.service); a != nil {
		return a.clients.count(), a.first
	}
	return 1, d.last
}

// Batches implements detect.Batcher.
func (d *Detector) Batches() []time.Duration { return []time.Duration{every} }

// CloseBatch implements detect.Batcher: it judges the series that have grown, but for those that were forgotten since.
func (d *Detector) CloseBatch(b detect.Batch, out detect.Out) {
	waiting, judged := d.grown[:0], 0
	for _, g := range d.grown {
		s := d.series.Get(keyOf(g.hash), g.hash)
		switch {
		case s == nil || !s.queued:
		case judged < d.cfg.MaxJudged:
			judged++
			d.judge(&g, s, b, out)
		default:
			waiting = append(waiting, g)
		}
	}
	d.grown = waiting
	for i := range d.beating {
		g := &d.beating[i]
		if o := d.opened.Get(keyOf(g.hash), g.hash); o != nil && o.queued {
			d.judgeOpened(g, o, b, out)
		}
	}
	d.beating = d.beating[:0]
}

func (d *Detector) judge(g *grown, s *series, b detect.Batch, out detect.Out) {
	s.judged, s.queued = s.n, false
	f, ok := d.fit(s)
	score := detect.Score{Time: b.End, Subject: g.client(), Role: detect.Client, Raw: max(0, -math.Log10(f.P)), P: f.P, N: uint64(f.Gaps)}
	if f.Gaps+1 < d.cfg.MinContacts {
		score.Status = detect.Insufficient
		out.Score(score)
		return
	}
	clients, _ := d.audienceOf(g)
	if score.Alerted = ok && f.P <= d.cfg.MaxP && f.Jitter <= d.cfg.MaxJitter && f.Period >= ms(d.cfg.MinPeriod) &&
		clients <= float64(d.cfg.MaxClients); score.Alerted {
		s.said = true
		out.Alert(d.alert(g, s, f, clients, score, b))
	}
	out.Score(score)
}

func (g *grown) client() detect.Host { return detect.Host{Addr: g.pair.client, Version: g.version} }
func (g *grown) server() detect.Host { return detect.Host{Addr: g.pair.server, Version: g.version} }

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// fit judges the times of a series.
func (d *Detector) fit(s *series) (Fit, bool) {
	d.times = d.times[:0]
	for _, c := range d.contacts(s) {
		d.times = append(d.times, int64(c.after))
	}
	d.gaps = gapsBetween(d.times, d.gaps)
	return fit(d.gaps)
}

// rita returns RITA's score of the contacts of a series that are remembered, over the last day.
func (d *Detector) rita(s *series) RITA {
	const second = int64(time.Second)
	first := max(d.first, d.last-day) / second
	d.seconds, d.sizes = d.seconds[:0], d.sizes[:0]
	for _, c := range d.contacts(s) {
		if at := (s.base + int64(c.after)*milli) / second; at >= first {
			d.seconds, d.sizes = append(d.seconds, at), append(d.sizes, float64(c.bytes))
		}
	}
	r, _ := ritaScore(d.seconds, d.sizes, first, d.last/second)
	return r
}

func (d *Detector) alert(g *grown, s *series, f Fit, clients float64, score detect.Score, b detect.Batch) detect.Alert {
	r := d.rita(s)
	_, first := d.audienceOf(g)
	hosts := float64(max(d.clients.Count(), 1))
	known, watched := float64(d.last-first)/float64(day), float64(d.last-d.first)/float64(day)
	threat := ritaThreat(r.Score, clients, hosts, known, watched)
	service := netip.AddrPortFrom(g.server().Addr.Netip(g.version), g.port).String()
	end := s.base + slices.Max(d.times)*milli
	severity := detect.Low
	if threat >= ritaMedium && f.Gaps >= rareCount && !g.serverLocal && clients <= 2 {
		severity = detect.Medium
	}
	none := math.NaN()
	return detect.Alert{
		Time: b.End, Kind: "beacon", Severity: severity, Score: score.Raw, P: score.P, N: score.N,
		Subject: g.client(), Role: detect.Client, Client: g.client(), Server: g.server(),
		ServerPort: g.port, HasPort: true, Proto: g.proto,
		WindowStart: s.first, WindowEnd: end,
		Message: fmt.Sprintf("%s contacts %s every %s s: %d contacts in %.0f s, jitter %.0f %%, %.0f %% missed; RITA %.3f",
			g.client(), service, detect.Number(f.Period/1000, 3), s.n, float64(end-s.first)/1e9, 100*f.Jitter, 100*f.Missed, r.Score),
		Reasons: []detect.Reason{
			{Feature: "period_s", Value: f.Period / 1000, Threshold: d.cfg.MinPeriod.Seconds(), Baseline: none},
			{Feature: "jitter", Value: f.Jitter, Threshold: d.cfg.MaxJitter, Baseline: none},
			{Feature: "missed", Value: f.Missed, Threshold: none, Baseline: none},
			{Feature: "regular", Value: f.Regular, Threshold: none, Baseline: none},
			{Feature: "contacts", Value: float64(s.n), Threshold: float64(d.cfg.MinContacts), Baseline: none},
			{Feature: "clients", Value: clients, Threshold: float64(d.cfg.MaxClients), Baseline: none},
			{Feature: "rita_score", Value: r.Score, Threshold: none, Baseline: none},
			{Feature: "rita_timestamps", Value: r.Timestamps, Threshold: none, Baseline: none},
			{Feature: "rita_sizes", Value: r.Sizes, Threshold: none, Baseline: none},
			{Feature: "rita_histogram", Value: r.Histogram, Threshold: none, Baseline: none},
			{Feature: "rita_duration", Value: r.Duration, Threshold: none, Baseline: none},
			{Feature: "rita_threat", Value: threat, Threshold: none, Baseline: none},
			{Feature: "prevalence", Value: min(1, clients/hosts), Threshold: none, Baseline: none},
			{Feature: "known_days", Value: known, Threshold: none, Baseline: none},
		},
		Evidence: s.evidence, Key: service + "/" + strconv.Itoa(int(g.proto)),
	}
}
