package trend

import (
	"math"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

const (
	maxTouched = 32768 // hosts that are judged in a step
	maxScored  = 2000  // scores in a batch
	suspected  = 4096  // services that are counted until they are watched
)

// Detector follows the network and its hosts. Its state is bounded by its Config.
type Detector struct {
	cfg       Config
	steps     openSteps
	network   network
	hosts     *detect.Table[detect.Host, host]
	seasons   *detect.Table[detect.Host, [quantities]season]
	touched   [ring][]touch
	surplus   [quantities]float32 // of hosts beyond those that are judged in a step
	spectra   spectra
	entropies *detect.Table[detect.Host, [roles]dispersal]
	dispersed []dispersed // scratch
	victims   *detect.Table[target, victim]
	suspects  *heavy[target]
	struck    []struck  // victims of this batch
	floods    []flooded // of this batch
	risen     []rise    // scratch
	scored    int       // scores of this batch
	group     []aimed   // scratch
}

// New returns a detector; cfg must be valid.
func New(cfg Config) *Detector {
	d := &Detector{cfg: cfg,
		hosts:     detect.NewTable[detect.Host, host](cfg.MaxHosts),
		seasons:   detect.NewTable[detect.Host, [quantities]season](cfg.MaxSeasons),
		entropies: detect.NewTable[detect.Host, [roles]dispersal](cfg.MaxSeasons),
		spectra:   spectra{limit: cfg.MaxSpectra},
		victims:   detect.NewTable[target, victim](cfg.MaxVictims),
		suspects:  newHeavy[target](suspected),
	}
	for q := netEntropy; q < netQuantities; q++ {
		d.network.week[q].present = true
	}
	return d
}

// Tune has it go on with another configuration, see detectors.Tune; what it knows stays.
func (d *Detector) Tune(cfg Config) { d.cfg = cfg }

var (
	_ detect.FlowWatcher = (*Detector)(nil)
	_ detect.Batcher     = (*Detector)(nil)
	_ detect.Sized       = (*Detector)(nil)
)

// Tables implements detect.Sized.
func (d *Detector) Tables() []detect.TableCount {
	return []detect.TableCount{d.hosts.Count("hosts"), d.seasons.Count("seasons"), d.entropies.Count("entropies"), d.spectra.count(), d.victims.Count("victims"), d.suspects.index.Count("suspects")}
}

// Flows implements detect.FlowWatcher.
func (d *Detector) Flows(flows []detect.Flow, out detect.Out) {
	d.group = d.group[:0]
	for i := range flows {
		d.group = append(d.group, d.aim(&flows[i]))
	}
	for i := range flows {
		f := &flows[i]
		d.closeSteps(f.Time, stepOf(f.Time-int64(d.cfg.Lag)), out)
		d.count(f, &d.group[i])
	}
}

// aimed is what a flow's record aims at.
type aimed struct {
	target
	hash           uint64 // of the target
	unanswered     bool
	speaks         bool // for a flood
	client, server bool // the host is followed
}

// aim says what a flow's record aims at, and fetches what is looked up. Strangers who get no answer are not followed: they
// can be as many as there are addresses.
func (d *Detector) aim(f *detect.Flow) (a aimed) {
	a.unanswered = unanswered(f)
	if a.client = f.ClientLocal || !a.unanswered; a.client {
		d.hosts.Warm(f.ClientHash)
	}
	if a.server = f.ServerLocal || !a.unanswered; a.server {
		d.hosts.Warm(f.ServerHash)
	}
	a.target, a.speaks = targetOf(f, a.unanswered)
	a.hash = detect.Mix(f.ServerHash, uint64(a.port)<<8|uint64(a.proto))
	if a.reflected {
		a.hash = detect.Mix(f.ClientHash, uint64(a.port)<<8|1)
	}
	d.victims.Warm(a.hash)
	if a.speaks {
		d.suspects.index.Warm(a.hash)
	}
	return a
}

// closeSteps closes the steps before first.
func (d *Detector) closeSteps(now, first int64, out detect.Out) {
	if !d.steps.begun {
		d.steps.begun, d.steps.first = true, first
	}
	for n := 0; d.steps.first < first; n++ {
		if n == ring+relearnt { // nothing is open any more, and silence has become what is usual
			d.steps.first = first
			return
		}
		step := d.steps.first
		d.steps.first++
		d.closeHosts(step, now, out)
		d.closeNetwork(step, now, out)
	}
}

// count counts a flow's record.
func (d *Detector) count(f *detect.Flow, a *aimed) {
	l := d.steps.of(f.Record)
	if f.First() {
		if l.open {
			l.placed = place(f)
			d.network.open[slot(l.from)].count(f, a.unanswered, l.placed)
		} else {
			d.steps.late++
		}
	}
	if !toGroup(f) && !isError(f) {
		d.suspect(f, a, &l)
	}
	if a.client {
		d.countHost(&l, f.ClientHost(), f.ClientHash, opened, a.unanswered)
	}
	if a.server {
		d.countHost(&l, f.ServerHost(), f.ServerHash, received, a.unanswered)
	}
	bytes := float64(f.Bytes[flowtable.Up] + f.Bytes[flowtable.Down])
	l.spread(func(step int64, share float64) { d.network.open[slot(step)].bytes += share * bytes })
}

// unanswered says whether the flow is an attempt that the server did not take or, of TCP, that the client did not complete.
func unanswered(f *detect.Flow) bool {
	if f.Failed() {
		return true
	}
	return f.Proto == packet.ProtoTCP && f.Missing == 0 && f.ClientBy == flowtable.BySYN && f.Part == 0 && f.RTT < 0 &&
		f.Payload[flowtable.Up]+f.Payload[flowtable.Down] == 0
}

// toGroup says whether the server's address stands for several hosts: multicast, or what is a broadcast in most networks,
// to which only UDP goes.
func toGroup(f *detect.Flow) bool {
	if f.Version == 4 {
		return uint32(f.Server.Lo)>>28 >= 14 || f.Proto == packet.ProtoUDP && f.Server.Lo&0xff == 0xff
	}
	return f.Server.Hi>>56 == 0xff
}

// Batches implements detect.Batcher.
func (d *Detector) Batches() []time.Duration { return []time.Duration{stepLength} }

// CloseBatch implements detect.Batcher.
func (d *Detector) CloseBatch(b detect.Batch, out detect.Out) {
	first := stepOf(b.End - int64(d.cfg.Lag))
	if b.Last {
		first = stepOf(b.End)
	}
	d.closeSteps(b.End, first, out)
	d.judgeVictims(b.End, out)
	d.suspects.reset()
	d.scored = 0
}

// alert returns an alert about a step.
func (d *Detector) alert(kind string, severity detect.Severity, step, now int64) detect.Alert {
	a := detect.Alert{Time: now, Kind: kind, Severity: severity, P: math.NaN(),
		WindowStart: step * int64(stepLength), WindowEnd: (step + 1) * int64(stepLength)}
	if d.hosts.Evicted()+d.victims.Evicted() > 0 {
		a.Status = detect.Degraded
	}
	return a
}
