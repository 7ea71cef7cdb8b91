package blocklist

import (
	"cmp"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
)

const (
	every   = 10 * time.Second // length of a batch
	maxHits = 16384            // contacts of a batch that are kept apart
)

// Detector looks up both ends of every flow. Make it with New.
type Detector struct {
	cfg     Config
	table   atomic.Pointer[Table] // in force; Apply changes it
	current *Table                // the one that the batch at hand is judged by
	hits    *detect.Table[contact, hit]
	evicted uint64 // before the batch at hand
	matches []Match
}

var (
	_ detect.FlowWatcher = (*Detector)(nil)
	_ detect.Batcher     = (*Detector)(nil)
	_ detect.Sized       = (*Detector)(nil)
)

// contact is a listed host with its peer. All contacts of a listed client are one, whoever it asks: the peer is none.
type contact struct {
	listed, peer detect.Host
	role         detect.Role // of the listed one
}

// hit is what a contact was in the batch at hand.
type hit struct {
	found    uint32 // in the table
	flows    uint64
	answered uint64
	bytes    [2]uint64
	score    float64 // the highest
	first    flow
	evidence detect.Evidence
}

// flow is what an alert says of one flow.
type flow struct {
	id             uint64
	client, server detect.Host
	cport, sport   uint16
	proto          uint8
	oneWay         bool
}

// New returns a detector; cfg must be valid. The error names each list that cannot be read.
func New(cfg Config) (*Detector, error) {
	lists, err := Load(cfg.Sources())
	if err != nil {
		return nil, err
	}
	d := &Detector{cfg: cfg, hits: detect.NewTable[contact, hit](maxHits)}
	d.table.Store(NewTable(lists))
	d.current = d.table.Load()
	return d, nil
}

// Tune has it go on with another configuration, see detectors.Tune; what it knows stays.
func (d *Detector) Tune(cfg Config) { d.cfg = cfg }

// Batches implements detect.Batcher.
func (d *Detector) Batches() []time.Duration { return []time.Duration{every} }

// Tables implements detect.Sized.
func (d *Detector) Tables() []detect.TableCount { return []detect.TableCount{d.hits.Count("contacts")} }

// Flows implements detect.FlowWatcher.
func (d *Detector) Flows(flows []detect.Flow, out detect.Out) {
	if d.hits.Len() == 0 {
		d.current = d.table.Load()
	}
	if d.current.Prefixes() == 0 {
		return
	}
	for i := range flows {
		f := &flows[i]
		if !f.ServerLocal || !d.cfg.SkipLocal {
			if found := d.current.Find(f.Server, f.Version); found != 0 {
				d.hit(f, found, contact{f.ServerHost(), f.ClientHost(), detect.Server}, f.PairHash, out)
			}
		}
		if !f.ClientLocal || !d.cfg.SkipLocal {
			if found := d.current.Find(f.Client, f.Version); found != 0 {
				d.hit(f, found, contact{listed: f.ClientHost(), role: detect.Client}, f.ClientHash, out)
			}
		}
	}
}

// hit notes a flow with a listed end.
func (d *Detector) hit(f *detect.Flow, found uint32, c contact, hash uint64, out detect.Out) {
	h, fresh := d.hits.Put(c, hash)
	if fresh {
		h.found = found
		h.first = flow{f.ID, f.ClientHost(), f.ServerHost(), f.ClientPort, f.ServerPort, f.Proto, f.ICMPOneWay}
	}
	score := d.weight(found) * concern(f, c.role)
	h.flows++
	if f.Answered() {
		h.answered++
	}
	h.bytes[flowtable.Up] += f.Bytes[flowtable.Up]
	h.bytes[flowtable.Down] += f.Bytes[flowtable.Down]
	h.score = max(h.score, score)
	h.evidence.Add(f.ID)
	if h.flows <= detect.MaxEvidence {
		// What it says, it says of the client: it is listed, or it went to one that is.
		out.Score(detect.Score{Time: f.Time, Subject: f.ClientHost(), Role: detect.Client, FlowID: f.ID, Raw: score, P: math.NaN(),
			N: h.flows, Alerted: true})
	}
}

// weight is the highest reliability of a prefix and those around it, 0.1 to 1. A list that says nothing of it is reliable.
func (d *Detector) weight(found uint32) float64 {
	d.matches = d.current.Matches(d.matches[:0], found)
	weight := 0
	for i := range d.matches {
		weight = max(weight, cmp.Or(d.matches[i].Reliability, 10))
	}
	return float64(weight) / 10
}

// concern is how much a contact with a reliably listed host means, 0 to 1.
func concern(f *detect.Flow, listed detect.Role) float64 {
	switch {
	case listed == detect.Client && !f.Answered():
		return 0.1 // it scans; everybody is scanned
	case listed == detect.Client:
		return 0.3
	case !f.Answered():
		return 0.4
	case !f.ClientLocal:
		return 0.7
	}
	return 1
}

// severity goes by the score: an answer from a listed server is high, an attempt to reach one medium, a listed client that is
// answered low.
func severity(score float64) detect.Severity {
	switch {
	case score >= 0.65:
		return detect.High
	case score >= 0.35:
		return detect.Medium
	case score >= 0.25:
		return detect.Low
	}
	return detect.Informational
}

// kept is a contact of a batch that has ended.
type kept struct {
	contact
	*hit
}

// CloseBatch implements detect.Batcher: an alert for each contact, those that mean most, and one for the rest.
func (d *Detector) CloseBatch(b detect.Batch, out detect.Out) {
	if d.hits.Len() == 0 {
		return
	}
	all := make([]kept, 0, d.hits.Len())
	for c, h := range d.hits.All() {
		all = append(all, kept{c, h})
	}
	slices.SortFunc(all, func(a, b kept) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(b.flows, a.flows), compareHosts(a.listed, b.listed),
			compareHosts(a.peer, b.peer), cmp.Compare(a.role, b.role))
	})
	status := detect.OK
	if d.hits.Evicted() > d.evicted {
		status, d.evicted = detect.Degraded, d.hits.Evicted()
	}
	n := len(all)
	if n > d.cfg.MaxAlerts {
		n = d.cfg.MaxAlerts - 1
	}
	for _, k := range all[:n] {
		out.Alert(d.alert(k, b, status))
	}
	if n < len(all) {
		out.Alert(d.summary(all[n:], b, status))
	}
	d.hits.Clear()
}

func compareHosts(a, b detect.Host) int {
	return cmp.Or(cmp.Compare(a.Version, b.Version), cmp.Compare(a.Addr.Hi, b.Addr.Hi), cmp.Compare(a.Addr.Lo, b.Addr.Lo))
}
