package trend

import (
	"math"
	"slices"
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
	hosts     *detect.Table[hostKey, host]
	seasons   *detect.Table[detect.Host, [quantities]season]
	open      [ring]hostStep
	surplus   tally // of hosts beyond those that are judged in a step
	spectra   spectra
	entropies *detect.Table[detect.Host, [roles]dispersal]
	dispersed []dispersed // scratch
	victims   *detect.Table[target, victim]
	suspects  *heavy[target]
	scatter   *heavy[target] // hosts, by protocol, of which so many other ports may be flooded
	struck    []struck       // victims of this batch
	floods    []flooded      // of this batch
	risen     []rise         // scratch
	scored    int            // scores of this batch
	scratch
	warmed uint32 // so that reads which only fetch are not left out
}

// New returns a detector; cfg must be valid.
func New(cfg Config) *Detector {
	d := &Detector{cfg: cfg,
		hosts:     detect.NewTable[hostKey, host](cfg.MaxHosts),
		seasons:   detect.NewTable[detect.Host, [quantities]season](cfg.MaxSeasons),
		entropies: detect.NewTable[detect.Host, [roles]dispersal](cfg.MaxSeasons),
		spectra:   spectra{limit: cfg.MaxSpectra},
		victims:   detect.NewTable[target, victim](cfg.MaxVictims),
		suspects:  newHeavy[target](suspected),
		scatter:   newHeavy[target](suspected),
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
	return []detect.TableCount{d.hosts.Count("hosts"), d.seasons.Count("seasons"), d.entropies.Count("entropies"), d.spectra.count(), d.victims.Count("victims"), d.suspects.index.Count("suspects"), d.scatter.index.Count("scatter_suspects")}
}

// Needs implements detect.Needer: see unanswered and targetOf.
func (d *Detector) Needs() (needs []detect.Need) {
	for field := detect.NoPackets; field <= detect.NoClientPort; field <<= 1 {
		needs = append(needs, detect.Need{Fields: field, For: "floods of handshakes that the server answers and the client does not complete"})
	}
	return append(needs, detect.Need{Fields: detect.NoPackets, For: "floods of ICMP and of reflected answers"})
}

// Flows implements detect.FlowWatcher.
func (d *Detector) Flows(flows []detect.Flow, out detect.Out) {
	for len(flows) > 0 {
		d.closeSteps(flows[0].Time, stepOf(flows[0].Time-int64(d.cfg.Lag)), out)
		n := 1
		for n < len(flows) && stepOf(flows[n].Time-int64(d.cfg.Lag)) <= d.steps.first {
			n++
		}
		d.count(flows[:n])
		flows = flows[n:]
	}
}

// count counts flows' records that come before the next step is closed: for one thing after the other, and what each looks up in
// tables is fetched before, so that the waits for memory overlap.
func (d *Detector) count(flows []detect.Flow) {
	d.aim(flows)
	d.fetch()
	for i := range flows {
		d.countNetwork(&flows[i], &d.group[i])
	}
	for i := range flows {
		if f, a := &flows[i], &d.group[i]; !toGroup(f) && !isError(f) && (a.speaks || !a.unasked) {
			d.suspect(f, a)
		}
	}
	for i := range d.uses {
		u := &d.uses[i]
		d.countHost(&flows[u.flow], &d.group[u.flow], d.hashes[i], u.role)
	}
}

// aimed is what a flow's record aims at.
type aimed struct {
	target
	hash       uint64 // of the target
	unanswered bool
	unasked    bool // see detect.Flow
	speaks     bool // for a flood
	lasting
	placed // of a flow's first record in a step that is open
}

// use is a host that a flow's record counts for.
type use struct {
	flow uint32 // its place in the group
	role uint8  // opened or received
}

// scratch is of a group of flows.
type scratch struct {
	group   []aimed
	uses    []use
	hashes  []uint64 // of the hosts of the uses
	closing [warmed]*host
	targets []uint64 // hashes of the targets
	speak   []uint64 // of those that speak for a flood
}

// aim says what the flows' records aim at, and which hosts they count for. Strangers who get no answer, or answer nobody, are
// not followed: they can be as many as there are addresses.
func (d *Detector) aim(flows []detect.Flow) {
	n := len(flows)
	d.group, d.targets, d.speak = sized(d.group, n), sized(d.targets, n), sized(d.speak, n+1)
	d.uses, d.hashes = sized(d.uses, roles*n+1), sized(d.hashes, roles*n+1)
	uses, speak := 0, 0
	for i := range flows {
		f, a := &flows[i], &d.group[i]
		a.unanswered, a.unasked = unanswered(f), f.Unasked()
		known := !a.unanswered && !a.unasked
		d.hashes[uses] = f.ClientHash
		d.uses[uses].flow, d.uses[uses].role = uint32(i), opened
		uses += one(f.ClientLocal || known)
		d.hashes[uses] = f.ServerHash
		d.uses[uses].flow, d.uses[uses].role = uint32(i), received
		uses += one(f.ServerLocal || known)
		a.target, a.speaks = targetOf(f, a.unanswered)
		a.hash = detect.Mix(f.ServerHash, uint64(a.port)<<8|uint64(a.proto))
		if a.reflected {
			a.hash = detect.Mix(f.ClientHash, uint64(a.port)<<8|1)
		}
		d.targets[i], d.speak[speak] = a.hash, a.hash
		speak += one(a.speaks)
		a.lasting.set(&d.steps, f.Record)
		a.placed.set(f)
	}
	d.uses, d.hashes, d.speak = d.uses[:uses], d.hashes[:uses], d.speak[:speak]
}

// sized returns a slice of n, what is in it may be anything.
func sized[T any](s []T, n int) []T { return slices.Grow(s[:0], n)[:n] }

// one is 1 for true, without a branch that the processor would have to guess.
func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// fetch fetches what is looked up.
func (d *Detector) fetch() {
	d.hosts.WarmAll(d.hashes)
	d.victims.WarmAll(d.targets)
	d.suspects.index.WarmAll(d.speak)
	sum := uint32(0)
	for i := range d.group {
		a := &d.group[i]
		s := &d.network.open[slot(a.from)].spectra
		sum += s[0][a.placed.client%cells] + s[1][a.placed.server%cells] + s[2][a.clientPort%cells] + s[3][a.serverPort%cells]
	}
	d.warmed += sum
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

// countNetwork counts a flow's record for the network.
func (d *Detector) countNetwork(f *detect.Flow, a *aimed) {
	if f.First() {
		if a.open {
			d.network.open[slot(a.from)].count(f, a.unanswered, &a.placed)
		} else {
			d.steps.late++
		}
	}
	bytes := bytesOf(f)
	if a.from >= a.to {
		if a.open {
			d.network.open[slot(a.to)].bytes += bytes
		}
		return
	}
	a.spread(func(step int64, share float64) { d.network.open[slot(step)].bytes += share * bytes })
}

func bytesOf(f *detect.Flow) float64 { return float64(f.Bytes[flowtable.Up] + f.Bytes[flowtable.Down]) }

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
	d.scatter.reset()
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
