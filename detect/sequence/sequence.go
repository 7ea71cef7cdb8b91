package sequence

import (
	"fmt"
	"math"
	"time"

	"github.com/weir-sensor/weir/detect"
)

// Detector judges each host's steps. Make it with New.
type Detector struct {
	cfg   Config
	model *Model
	steps steps
	hosts *detect.Table[detect.Host, state]
	at    *moment // scratch
}

var (
	_ detect.FlowWatcher = (*Detector)(nil)
	_ detect.Batcher     = (*Detector)(nil)
	_ detect.ModelUser   = (*Detector)(nil)
	_ detect.Sized       = (*Detector)(nil)
)

// state is where the network stands with a host. It holds no pointers.
type state struct {
	hidden    [MaxHidden]float64
	predicted Vector // the next step, normalized
	last      int64  // end of the latest step, ns
	steps     uint32
	surprises uint32 // in a row
}

// New returns a detector; cfg must be valid. The error says what is wrong with the model.
func New(cfg Config) (*Detector, error) {
	m, err := Load(cfg.Model)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	d := &Detector{cfg: cfg, steps: newSteps(cfg.MaxHosts), hosts: detect.NewTable[detect.Host, state](cfg.MaxHosts)}
	d.use(m)
	return d, nil
}

// Tune has it go on with another configuration, see detectors.Tune; what it knows stays.
func (d *Detector) Tune(cfg Config) { d.cfg = cfg }

// ModelFile implements detect.ModelUser.
func (d *Detector) ModelFile() string {
	if d.cfg.Model == Builtin {
		return ""
	}
	return d.cfg.Model
}

// Reread implements detect.ModelUser. Hosts are followed anew by another model: where the old one stood with them means
// nothing to it.
func (d *Detector) Reread() (hash string, use func(), err error) {
	m, err := Load(d.cfg.Model)
	if err != nil {
		return "", nil, fmt.Errorf("model: %w", err)
	}
	if m.Hash == d.model.Hash {
		return "", nil, nil
	}
	return m.Hash, func() { d.use(m) }, nil
}

func (d *Detector) use(m *Model) {
	d.model, d.at = m, m.network.newMoment()
	d.hosts.Clear()
}

// Batches implements detect.Batcher.
func (d *Detector) Batches() []time.Duration { return []time.Duration{Every} }

// Tables implements detect.Sized.
func (d *Detector) Tables() []detect.TableCount {
	steps := d.steps.table.Count("steps")
	steps.Rejected = d.steps.rejected
	return []detect.TableCount{d.hosts.Count("hosts"), steps}
}

// Flows implements detect.FlowWatcher.
func (d *Detector) Flows(flows []detect.Flow, _ detect.Out) {
	for i := range flows {
		d.steps.add(&flows[i])
	}
}

// CloseBatch implements detect.Batcher: it judges the hosts in the order of their first flows in the step.
func (d *Detector) CloseBatch(b detect.Batch, out detect.Out) {
	for h, s := range d.steps.table.All() {
		d.judge(h, s, b, out)
	}
	d.steps.table.Clear()
}

// judge compares a host's step with what was predicted, and predicts the next.
func (d *Detector) judge(h detect.Host, s *hashed, b detect.Batch, out detect.Out) {
	st, fresh := d.hosts.Put(h, s.hash)
	quiet := int64(0)
	if !fresh {
		quiet = (b.End-st.last)/int64(Every) - 1
	}
	v := s.vector(quiet)
	d.model.normalize(&v, d.at.x)
	if int(st.steps) >= d.cfg.MinSteps && !b.Partial {
		d.compare(h, s, st, &v, b, out)
	}
	copy(d.at.before, st.hidden[:])
	d.model.network.forward(d.at)
	copy(st.hidden[:], d.at.h)
	copy(st.predicted[:], d.at.y)
	st.last = b.End
	st.steps++
}

// compare scores a step, and raises an alert after so many surprises in a row.
func (d *Detector) compare(h detect.Host, s *hashed, st *state, v *Vector, b detect.Batch, out detect.Out) {
	score, worst := d.model.surprise(d.at.x, st.predicted[:])
	threshold := d.cfg.Factor * d.model.Threshold
	st.surprises++
	if score < threshold {
		st.surprises = 0
	}
	alert := int(st.surprises) >= d.cfg.Steps
	out.Score(detect.Score{Time: b.End, Subject: h, Role: detect.Client, Raw: score, P: math.NaN(), N: uint64(st.steps), Alerted: alert})
	if !alert {
		return
	}
	name := FeatureNames()[worst]
	was := math.Exp2(v[worst]) - 1
	expected := max(math.Exp2(st.predicted[worst]*d.model.Scale[worst]+d.model.Mean[worst])-1, 0)
	out.Alert(detect.Alert{
		Time: b.End, Kind: "surprise", Severity: detect.Low, Subject: h, Role: detect.Client, Score: score, P: math.NaN(), Probability: math.NaN(),
		N: uint64(st.steps), WindowStart: b.Start, WindowEnd: b.End, Evidence: s.evidence,
		Message: fmt.Sprintf("%s behaves otherwise than its %d steps before let expect, for %d steps of 10 s: most of all %s, %.0f where about %.0f were expected",
			h, st.steps, st.surprises, name, was, expected),
		Reasons: []detect.Reason{
			{Feature: "surprise", Value: score, Threshold: threshold, Baseline: math.NaN()},
			{Feature: name, Value: was, Threshold: math.NaN(), Baseline: expected},
		},
	})
}

// Info implements detect.Detector.
func (d *Detector) Info() detect.Info {
	return detect.Info{
		Name:    "sequence",
		Watches: "10 s batches of flows",
		Idea: "A host does much the same things again and again, in an order. A small recurrent network that was trained on good traffic " +
			"predicts a host's next 10 s from those before; where the host does something else, it is surprised.",
		Formula: `step: log2(1 + count) of quiet steps before, flows and failed flows as client and as server, bytes sent and received, peers, ports asked
network: a gated recurrent unit (Cho and others 2014) of 16 units with a linear layer that predicts the next active step
score: root mean square over the features of (step - prediction)/deviation, each 20 at most; deviation is the root mean square
  error on good traffic of hosts that were not trained on
alert: detect.sequence.steps scores in a row over detect.sequence.factor times the model's threshold, which 0.1 % of the steps of
  those hosts exceed`,
		Cost:   "two table look-ups per flow; about 3 us for each active host and step",
		Memory: "about 650 bytes for each of detect.sequence.max_hosts hosts",
		Wrong: "It knows the hosts that it was trained on: other networks surprise it all the time. What is said of a network trained on " +
			"few hosts is little. Hosts with fewer than detect.sequence.min_steps active steps are not judged, so a scanner that comes and goes is not seen.",
		Remedy: "Train it on good traffic of your own: weir train sequence; raise detect.sequence.factor.",
		Kinds:  []detect.Kind{{Name: "surprise", Severity: detect.Low, Doc: "A host's steps were not what the network expected of it."}},
	}
}
