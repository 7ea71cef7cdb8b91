package sequence

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/weir-sensor/weir/detect"
)

// Collector is a detect.Detector that judges nothing and keeps every host's steps, to train a model with.
type Collector struct {
	steps
	hosts map[detect.Host]*Sequence
	order []*Sequence
}

// Sequence is the steps of one host in which it was active.
type Sequence struct {
	Host  detect.Host
	Ends  []int64 // of the steps, ns since the Unix epoch
	Steps []Vector
}

// NewCollector returns a Collector that sees at most so many hosts in one step.
func NewCollector(maxHosts int) *Collector {
	return &Collector{steps: newSteps(maxHosts), hosts: map[detect.Host]*Sequence{}}
}

// Info implements detect.Detector.
func (*Collector) Info() detect.Info { return detect.Info{Name: "sequence"} }

// Batches implements detect.Batcher.
func (*Collector) Batches() []time.Duration { return []time.Duration{Every} }

// Flows implements detect.FlowWatcher.
func (c *Collector) Flows(flows []detect.Flow, _ detect.Out) {
	for i := range flows {
		c.add(&flows[i])
	}
}

// CloseBatch implements detect.Batcher.
func (c *Collector) CloseBatch(b detect.Batch, _ detect.Out) {
	for h, s := range c.table.All() {
		q := c.hosts[h]
		if q == nil {
			q = &Sequence{Host: h}
			c.hosts[h], c.order = q, append(c.order, q)
		}
		quiet := int64(0)
		if n := len(q.Ends); n > 0 {
			quiet = (b.End-q.Ends[n-1])/int64(Every) - 1
		}
		q.Ends, q.Steps = append(q.Ends, b.End), append(q.Steps, s.vector(quiet))
	}
	c.table.Clear()
}

// Sequences returns what was collected, hosts in the order of their first steps.
func (c *Collector) Sequences() []*Sequence { return c.order }

// Options say how a model is trained.
type Options struct {
	Hidden int     // 1 to 16
	Epochs int     // 1 or more
	Rate   float64 // of learning, above 0
	Seed   uint64
}

// DefaultOptions returns what weir train sequence uses.
func DefaultOptions() Options { return Options{Hidden: MaxHidden, Epochs: 15, Rate: 0.003, Seed: 1} }

// Training says how a model was trained.
type Training struct {
	Sequences int     `json:"sequences"` // hosts
	Steps     int     `json:"steps"`     // predicted ones, of hosts that were trained on
	HeldOut   int     `json:"held_out"`  // predicted ones, of hosts that were not
	Epochs    int     `json:"epochs"`
	Seed      uint64  `json:"seed"`
	Loss      float64 `json:"loss"`          // mean squared error in scales, of those
	Last      float64 `json:"loss_of_last"`  // of predicting that a step is as the one before
	Mean      float64 `json:"loss_of_mean"`  // of predicting the mean
	Trained   float64 `json:"loss_training"` // of the hosts that were trained on, in the last epoch
}

const (
	chunk    = 64   // steps that are propagated back through
	clip     = 5.0  // largest norm of a chunk's gradient
	minScale = 0.25 // of a feature: one that never changes must not make a small change a surprise
	heldOut  = 4    // every so manieth host is not trained on

	// ThresholdShare is the share of good steps that exceed a model's threshold.
	ThresholdShare = 0.001
)

// Train fits a model to good traffic. The same sequences and options give the same model.
func Train(sequences []*Sequence, opt Options) (*Model, error) {
	var train, test []*Sequence
	for i, s := range sequences {
		switch {
		case len(s.Steps) < 2:
		case i%heldOut == heldOut-1:
			test = append(test, s)
		default:
			train = append(train, s)
		}
	}
	if len(train) == 0 || len(test) == 0 {
		return nil, errors.New("want hosts with two steps of 10 s or more, and at least five of them")
	}
	m := &Model{Hidden: opt.Hidden, Theta: make([]float64, parameters(dims, opt.Hidden))}
	m.Mean, m.Scale = moments(train)
	m.Training = Training{Sequences: len(train), Epochs: opt.Epochs, Seed: opt.Seed}
	m.network = newNetwork(dims, opt.Hidden, m.Theta)
	t := newTrainer(m, opt)
	for range opt.Epochs {
		m.Training.Trained, m.Training.Steps = t.epoch(train)
	}
	m.judge(test)
	return m, nil
}

// moments returns the features' means and scales.
func moments(sequences []*Sequence) (mean, scale []float64) {
	mean, scale = make([]float64, dims), make([]float64, dims)
	n := 0.0
	for _, s := range sequences {
		for i := range s.Steps {
			n++
			for k, v := range s.Steps[i] {
				d := v - mean[k]
				mean[k] += d / n
				scale[k] += d * (v - mean[k])
			}
		}
	}
	for k := range scale {
		scale[k] = max(math.Sqrt(scale[k]/n), minScale)
	}
	return mean, scale
}

// judge sets deviations, threshold and losses by hosts that were not trained on.
func (m *Model) judge(sequences []*Sequence) {
	squares, n := make([]float64, dims), 0.0
	m.Deviation = slices.Repeat([]float64{1}, dims)
	m.predict(sequences, func(x, y, before []float64) {
		n++
		for i := range x {
			squares[i] += (x[i] - y[i]) * (x[i] - y[i])
			m.Training.Loss += (x[i] - y[i]) * (x[i] - y[i])
			m.Training.Last += (x[i] - before[i]) * (x[i] - before[i])
			m.Training.Mean += x[i] * x[i]
		}
	})
	for _, loss := range []*float64{&m.Training.Loss, &m.Training.Last, &m.Training.Mean} {
		*loss /= n * dims
	}
	for i := range squares {
		m.Deviation[i] = max(math.Sqrt(squares[i]/n), minScale)
	}
	var scores []float64
	m.predict(sequences, func(x, y, _ []float64) {
		score, _ := m.surprise(x, y)
		scores = append(scores, score)
	})
	slices.Sort(scores)
	m.Training.HeldOut = len(scores)
	m.Threshold = scores[int(float64(len(scores)-1)*(1-ThresholdShare))]
}

// predict calls see for every step but the first of each host, with what was predicted and what the step before was.
func (m *Model) predict(sequences []*Sequence, see func(x, y, before []float64)) {
	next := make([]float64, dims)
	at := m.network.newMoment()
	for _, s := range sequences {
		clear(at.h)
		for i := range s.Steps[:len(s.Steps)-1] {
			at.before, at.h = at.h, at.before
			m.normalize(&s.Steps[i], at.x)
			m.network.forward(at)
			m.normalize(&s.Steps[i+1], next)
			see(next, at.y, at.x)
		}
	}
}

// trainer is Adam over chunks of sequences.
type trainer struct {
	m       *Model
	opt     Options
	random  *rand.Rand
	grad    *network
	moments []*moment
	next    [][]float64 // what moments should predict
	mean    []float64   // of gradients
	square  []float64
	updates float64

	dy, dh, a, g []float64 // scratch
}

func newTrainer(m *Model, opt Options) *trainer {
	n, k := len(m.Theta), opt.Hidden
	t := &trainer{m: m, opt: opt, random: rand.New(rand.NewPCG(opt.Seed, 0)), mean: make([]float64, n), square: make([]float64, n),
		grad: newNetwork(dims, k, make([]float64, n)), dy: make([]float64, dims), dh: make([]float64, k), a: make([]float64, 3*k), g: make([]float64, 3*k)}
	for i := range m.Theta {
		m.Theta[i] = (2*t.random.Float64() - 1) / math.Sqrt(float64(k))
	}
	for range chunk {
		t.moments = append(t.moments, m.network.newMoment())
		t.next = append(t.next, make([]float64, dims))
	}
	return t
}

// epoch goes once over the sequences in random order and returns the mean squared error on the way.
func (t *trainer) epoch(sequences []*Sequence) (loss float64, n int) {
	for _, i := range t.random.Perm(len(sequences)) {
		s := sequences[i].Steps
		state := make([]float64, t.opt.Hidden)
		for len(s) > 1 {
			k := min(chunk, len(s)-1)
			clear(t.grad.theta)
			loss += t.gradient(s[:k+1], state)
			copy(state, t.moments[k-1].h)
			t.update(1 / float64(k*dims))
			n += k
			s = s[k:]
		}
	}
	return loss / float64(n*dims), n
}

// gradient adds to t.grad the gradient of half the squared errors of a chunk that begins in a state, and returns the
// squared errors. The last step is only predicted.
func (t *trainer) gradient(s []Vector, state []float64) (loss float64) {
	k := len(s) - 1
	for i := range k {
		m := t.moments[i]
		copy(m.before, state)
		t.m.normalize(&s[i], m.x)
		t.m.normalize(&s[i+1], t.next[i])
		t.m.network.forward(m)
		state = m.h
	}
	clear(t.dh)
	for i := k - 1; i >= 0; i-- {
		m := t.moments[i]
		for j := range t.dy {
			t.dy[j] = m.y[j] - t.next[i][j]
			loss += t.dy[j] * t.dy[j]
		}
		t.m.network.backward(t.grad, m, t.dy, t.dh, t.a, t.g)
	}
	return loss
}

// update moves the parameters against the gradient times scale.
func (t *trainer) update(scale float64) {
	norm := 0.0
	for _, g := range t.grad.theta {
		norm += g * g * scale * scale
	}
	if norm > clip*clip {
		scale *= clip / math.Sqrt(norm)
	}
	t.updates++
	rate := t.opt.Rate * math.Sqrt(1-math.Pow(0.999, t.updates)) / (1 - math.Pow(0.9, t.updates))
	for i, g := range t.grad.theta {
		g *= scale
		t.mean[i] += 0.1 * (g - t.mean[i])
		t.square[i] += 0.001 * (g*g - t.square[i])
		t.m.Theta[i] -= rate * t.mean[i] / (math.Sqrt(t.square[i]) + 1e-8)
	}
}
