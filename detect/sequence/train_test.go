package sequence

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// small returns a network with random parameters in a model that normalizes nothing.
func small(seed uint64) *trainer {
	m := &Model{Hidden: 5, Theta: make([]float64, parameters(dims, 5)), Mean: make([]float64, dims), Scale: make([]float64, dims)}
	for i := range m.Scale {
		m.Scale[i] = 1
	}
	m.network = newNetwork(dims, 5, m.Theta)
	return newTrainer(m, Options{Hidden: 5, Seed: seed})
}

func randomSteps(n int, seed uint64) []Vector {
	r := rand.New(rand.NewPCG(seed, 1))
	s := make([]Vector, n)
	for i := range s {
		for k := range s[i] {
			s[i][k] = r.NormFloat64()
		}
	}
	return s
}

// Backpropagation gives what moving each parameter a little gives.
func TestGradientsAreThoseOfFiniteDifferences(t *testing.T) {
	tr := small(3)
	s := randomSteps(12, 4)
	state := []float64{.1, -.2, .3, 0, .5}
	tr.gradient(s, state)
	gradients := append([]float64(nil), tr.grad.theta...)
	const h = 1e-5
	for i, v := range tr.m.Theta {
		tr.m.Theta[i] = v + h
		above := tr.gradient(s, state)
		tr.m.Theta[i] = v - h
		below := tr.gradient(s, state)
		tr.m.Theta[i] = v
		if want := (above - below) / (4 * h); math.Abs(gradients[i]-want) > 1e-6*(1+math.Abs(want)) {
			t.Errorf("parameter %d: got %v, want %v", i, gradients[i], want)
		}
	}
}

// The network computes the formula of its comment, here number by number.
func TestForwardIsTheFormula(t *testing.T) {
	n := small(9).m.network
	m := n.newMoment()
	for i := range m.x {
		m.x[i] = float64(i)/4 - 1
	}
	for i := range m.before {
		m.before[i] = float64(i)/5 - .5
	}
	n.forward(m)
	k := n.hidden
	row := func(data, x []float64, i int) (sum float64) {
		for j, v := range x {
			sum += data[i*len(x)+j] * v
		}
		return sum
	}
	for i := range k {
		z := 1 / (1 + math.Exp(-row(n.w.Data, m.x, i)-n.b.Data[i]-row(n.u.Data, m.before, i)))
		r := 1 / (1 + math.Exp(-row(n.w.Data, m.x, k+i)-n.b.Data[k+i]-row(n.u.Data, m.before, k+i)))
		c := math.Tanh(row(n.w.Data, m.x, 2*k+i) + n.b.Data[2*k+i] + r*(row(n.u.Data, m.before, 2*k+i)+n.c.Data[i]))
		if want := (1-z)*c + z*m.before[i]; math.Abs(m.h[i]-want) > 1e-12 {
			t.Errorf("h[%d] = %v, want %v", i, m.h[i], want)
		}
	}
	for i := range m.y {
		if want := row(n.out.Data, m.h, i) + n.outBias.Data[i]; math.Abs(m.y[i]-want) > 1e-12 {
			t.Errorf("y[%d] = %v, want %v", i, m.y[i], want)
		}
	}
}

// habits are hosts that take turns between two kinds of steps; what comes next is known only from the order.
func habits(hosts, steps int) (all []*Sequence) {
	for h := range hosts {
		s := &Sequence{}
		for i := range steps {
			v := Vector{0, 2, 0, 10, 12, 0, 0, 1, 1}
			if (i+h)%3 == 0 {
				v = Vector{0, 5, 0, 14, 9, 1, 0, 2, 1}
			}
			v[3] += float64((i*7+h)%5) / 10
			s.Steps, s.Ends = append(s.Steps, v), append(s.Ends, int64(i))
		}
		all = append(all, s)
	}
	return all
}

func TestTrainingLearnsAnOrderAndIsTheSameAgain(t *testing.T) {
	opt := DefaultOptions()
	opt.Epochs, opt.Rate = 20, .01
	m, err := Train(habits(12, 60), opt)
	if err != nil {
		t.Fatal(err)
	}
	if tr := m.Training; tr.Loss > tr.Mean/5 || tr.Loss > tr.Last/5 || tr.HeldOut != 3*59 {
		t.Errorf("got %+v, want a loss below a fifth of those of the mean and the last step", tr)
	}
	again, err := Train(habits(12, 60), opt)
	if err != nil {
		t.Fatal(err)
	}
	text := m.Seal()
	if !bytes.Equal(text, again.Seal()) {
		t.Error("the same training gives another model")
	}
	read, err := Parse(text)
	if err != nil || !bytes.Equal(read.Seal(), text) {
		t.Errorf("a model that was read is another: %v", err)
	}
	for _, change := range [][2]string{{`"peers"`, `"friends"`}, {`"step":"10s"`, `"step":"20s"`}, {`"epochs":20`, `"epochs":21`}, {`model 1`, `model 2`}} {
		if _, err := Parse(bytes.Replace(text, []byte(change[0]), []byte(change[1]), 1)); err == nil || !strings.Contains(err.Error(), "want") {
			t.Errorf("%s for %s: got error %v", change[1], change[0], err)
		}
	}
}

func TestTooLittleToTrainOn(t *testing.T) {
	if _, err := Train(habits(3, 60), DefaultOptions()); err == nil {
		t.Error("three hosts are enough")
	}
}
