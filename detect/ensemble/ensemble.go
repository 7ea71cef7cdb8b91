package ensemble

import (
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"strings"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/packet"
)

// Detector weighs what the other detectors say. Of its own it says only that
// scores are not what they were.
type Detector struct {
	cfg     Config
	members []string // detectors, in their order
	group   []int    // of each of them
	local   packet.Networks
	seed    uint64
	model   *Calibration // nil: nothing is calibrated

	rings   []*ring // by detector and class; nil: no score yet
	hosts   *detect.Table[detect.HostKey, evidence]
	named   *detect.Table[detect.HostKey, evidence] // those with alerts, so that a flood of others does not drive them out
	flows   flows
	sayings sayings // of all of these
	drifts  []drift // by detector
	counts  Counters

	none, worst, ps, row []float64        // scratch
	by                   [maxMembers]said // likewise
	hashes               [warmed]uint64   // likewise, of hosts
}

var (
	_ detect.ScoreWatcher = (*Detector)(nil)
	_ detect.ModelUser    = (*Detector)(nil)
	_ detect.Sized        = (*Detector)(nil)
)

// Counters say what became of the scores that came.
type Counters struct {
	Scores       uint64 // all
	Insufficient uint64 // of them not judged: the detector had seen too little, or too few peers are known
}

// New returns an ensemble of the detectors that members names in their order, without its own name. local are the networks
// that are ours. The error says what is wrong with the calibration file.
func New(cfg Config, members []string, local []string) (*Detector, error) {
	if len(members) > maxMembers {
		panic("bug: more detectors than the ensemble has room for")
	}
	d := &Detector{
		cfg: cfg, members: slices.Clone(members), local: packet.NewNetworks(local),
		seed:  maphash.Comparable(maphash.MakeSeed(), 0),
		rings: make([]*ring, len(members)*classes), drifts: make([]drift, len(members)),
		hosts: detect.NewTable[detect.HostKey, evidence](cfg.MaxHosts),
		named: detect.NewTable[detect.HostKey, evidence](max(cfg.MaxHosts/4, 1)),
		flows: newFlows(max(cfg.MaxHosts/4, 1)),
	}
	d.group, d.none = groups(members, cfg.Groups)
	d.hosts.Forget, d.named.Forget = d.forgetHost, d.forgetHost
	d.flows.scored.Forget, d.flows.named.Forget = d.forgetFlow, d.forgetFlow
	var err error
	if d.model, err = d.load(); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *Detector) load() (*Calibration, error) {
	c, err := loadCalibration(d.cfg.Calibration, d.members)
	if err != nil {
		return nil, fmt.Errorf("calibration: %w", err)
	}
	return c, nil
}

// ModelFile implements detect.ModelUser: the file of the calibration.
func (d *Detector) ModelFile() string {
	if d.cfg.Calibration == Builtin {
		return ""
	}
	return d.cfg.Calibration
}

// Reread implements detect.ModelUser. What is known of hosts and flows stays.
func (d *Detector) Reread() (hash string, use func(), err error) {
	c, err := d.load()
	if err != nil || c.Hash == d.model.Hash {
		return "", nil, err
	}
	return c.Hash, func() { d.model = c }, nil
}

// Tune has it go on with another configuration, see detectors.Tune; what it knows stays.
func (d *Detector) Tune(cfg Config) { d.cfg = cfg }

// groups returns the group of each detector, and a zero for each group. A detector that is in none is one by itself.
func groups(members, configured []string) (of []int, zeros []float64) {
	of = make([]int, len(members))
	for i, name := range members {
		of[i] = slices.IndexFunc(configured, func(g string) bool { return slices.Contains(strings.Split(g, "+"), name) })
		if of[i] < 0 {
			of[i] = len(configured) + i
		}
	}
	return of, make([]float64, len(configured)+len(members))
}

// Peers of a score are those of the same detector with the same role, which are both ours or not, and both hosts or flows.
const classes = 4 * 2 * 2

func (d *Detector) ring(s *detect.Score) *ring {
	class := int(s.Role) * 4
	if d.local.Contains(s.Subject.Addr, s.Subject.Version) {
		class += 2
	}
	if s.FlowID != 0 {
		class++
	}
	r := &d.rings[s.Detector*classes+class]
	if *r == nil {
		*r = &ring{limit: d.cfg.Scores}
	}
	return *r
}

// learnScores is about how many of a detector's scores of one second are taken in as usual: every so manieth where there
// are more.
const learnScores = 256

// Scores implements detect.ScoreWatcher. What is usual is learned from a second's scores before they are judged, so that
// the first ones have peers too.
func (d *Detector) Scores(scores []detect.Score, out detect.Out) {
	d.counts.Scores += uint64(len(scores))
	for i := 0; i < len(scores); i += 1 + len(scores)/learnScores {
		if s := &scores[i]; usable(s) && !s.Alerted && !math.IsInf(s.Raw, 0) {
			d.ring(s).add(s.Raw)
		}
	}
	var group [warmed]*detect.Score
	for n := 0; len(scores) > 0; {
		n, scores = d.warm(scores, &group)
		for i, s := range group[:n] {
			d.judge(s, d.hashes[i])
			d.watch(s, out)
		}
	}
}

// warmed is for how many scores hosts are fetched at once.
const warmed = 64

// warm fills group with usable scores, fetches their hosts, and returns how many there are and the scores that come after them.
func (d *Detector) warm(scores []detect.Score, group *[warmed]*detect.Score) (n int, rest []detect.Score) {
	for len(scores) > 0 && n < warmed {
		if s := &scores[0]; usable(s) {
			group[n], d.hashes[n] = s, d.hash(s.Subject)
			n++
		} else {
			d.counts.Insufficient++
		}
		scores = scores[1:]
	}
	d.named.WarmAll(d.hashes[:n])
	d.hosts.WarmAll(d.hashes[:n])
	return n, scores
}

func usable(s *detect.Score) bool { return s.Status != detect.Insufficient && !math.IsNaN(s.Raw) }

// judge adds a score to what is known of its host and its flow.
func (d *Detector) judge(s *detect.Score, hash uint64) {
	p := d.p(s)
	if math.IsNaN(p) {
		d.counts.Insufficient++
		return
	}
	d.sayings.of(d.host(s.Subject, hash, s.Time), s.Detector).judge(p, s.Alerted)
	if s.FlowID != 0 {
		d.sayings.of(d.flow(s.FlowID, s.Subject, s.Time), s.Detector).judge(p, s.Alerted)
	}
}

// Where fewer than ownScores peers are known the detector's own p-value counts, but never as less than ownP: it rests on
// what the detector assumes. Fewer than minScores tell nothing.
const (
	ownScores = 100
	ownP      = 1e-4
	minScores = 20
)

// p returns the p-value of a score among its peers; NaN where they are too few.
func (d *Detector) p(s *detect.Score) float64 {
	r := d.ring(s)
	if len(r.sorted) < ownScores && s.P <= 1 { // not NaN
		return max(s.P, ownP)
	}
	if len(r.sorted) < minScores {
		return math.NaN()
	}
	return r.p(s.Raw)
}

func (d *Detector) hash(h detect.Host) uint64 {
	return detect.Mix(detect.Mix(d.seed, h.Addr.Hi), h.Addr.Lo)
}

// host returns what is known of a host at a time.
func (d *Detector) host(h detect.Host, hash uint64, now int64) *evidence {
	key := h.Key()
	e := d.named.Get(key, hash)
	if e == nil {
		e, _ = d.hosts.Put(key, hash)
	}
	return d.at(e, now)
}

func (d *Detector) forgetHost(_ detect.HostKey, e *evidence) { d.sayings.forget(e) }

func (d *Detector) forgetFlow(_ uint64, f *flowEvidence) { d.sayings.forget(&f.evidence) }

// at forgets evidence that is too old, and notes that it is added to.
func (d *Detector) at(e *evidence, now int64) *evidence {
	if e.first == 0 || now-e.first >= int64(d.cfg.Memory) {
		d.sayings.forget(e)
		*e = evidence{first: now}
	}
	e.last = now
	return e
}

// Annotate implements detect.ScoreWatcher: it fills in the alert's P where the detector has none, and its Probability where
// something was calibrated: that something is wrong with the flow or, of any other alert, with its subject.
func (d *Detector) Annotate(a *detect.Alert) {
	member := slices.Index(d.members, a.Detector)
	if member < 0 {
		return
	}
	e := d.host(a.Subject, d.hash(a.Subject), a.Time)
	d.count(e, member, a)
	e = d.keep(a.Subject, e)
	model, baseRate := d.model.host(), d.cfg.BaseRate
	d.nameFlows(member, a)
	if a.FlowID != 0 {
		e, model, baseRate = d.flow(a.FlowID, a.Subject, a.Time), d.model.flow(), d.cfg.FlowBaseRate
	}
	if p := d.sayings.of(e, member).alerted; math.IsNaN(a.P) && p > 0 {
		a.P = float64(p)
	}
	if model != nil && math.IsNaN(a.Probability) {
		a.Probability = d.weigh(e, model, baseRate).probability
	}
}

// count counts an alert.
func (d *Detector) count(e *evidence, member int, a *detect.Alert) {
	s := d.sayings.of(e, member)
	s.alerts++
	s.severity = max(s.severity, uint8(a.Severity))
}

// keep moves a host to those with alerts, and returns where its evidence is now.
func (d *Detector) keep(h detect.Host, e *evidence) *evidence {
	key, hash := h.Key(), d.hash(h)
	kept, fresh := d.named.Put(key, hash)
	if fresh {
		*kept = *e
		d.hosts.Delete(key, hash)
	}
	return kept
}

// Counters returns what was counted so far.
func (d *Detector) Counters() Counters { return d.counts }

// Tables implements detect.Sized.
func (d *Detector) Tables() []detect.TableCount {
	return []detect.TableCount{d.hosts.Count("hosts"), d.named.Count("alerted hosts"),
		d.flows.scored.Count("flows"), d.flows.named.Count("alerted flows")}
}
