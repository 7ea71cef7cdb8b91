package sequence

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
)

// network is a gated recurrent unit with a linear layer behind it:
//
//	z = sigmoid(Wz x + bz + Uz h)
//	r = sigmoid(Wr x + br + Ur h)
//	n = tanh(Wn x + bn + r*(Un h + c))
//	h = (1-z)*n + z*h
//	y = O h + o
type network struct {
	in, hidden int
	theta      []float64 // all parameters, in the order of the fields below

	w, u    blas64.General // 3 hidden rows: z, r, n
	b, c    blas64.Vector
	out     blas64.General
	outBias blas64.Vector
}

// parameters returns how many there are.
func parameters(in, hidden int) int {
	return 3*hidden*in + 3*hidden*hidden + 3*hidden + hidden + in*hidden + in
}

// newNetwork lays a network over its parameters.
func newNetwork(in, hidden int, theta []float64) *network {
	n := &network{in: in, hidden: hidden, theta: theta}
	rest := theta
	take := func(k int) []float64 {
		taken := rest[:k:k]
		rest = rest[k:]
		return taken
	}
	general := func(rows, cols int) blas64.General {
		return blas64.General{Rows: rows, Cols: cols, Stride: cols, Data: take(rows * cols)}
	}
	n.w, n.u = general(3*hidden, in), general(3*hidden, hidden)
	n.b, n.c = vector(take(3*hidden)), vector(take(hidden))
	n.out, n.outBias = general(in, hidden), vector(take(in))
	return n
}

func vector(data []float64) blas64.Vector { return blas64.Vector{N: len(data), Inc: 1, Data: data} }

// moment is one step through the network, with what backpropagation needs of it.
type moment struct {
	x, before, h, y []float64 // input, state before and after, prediction
	gates           []float64 // z, r, n
	recurrent       []float64 // U h + (0, 0, c)
}

func (n *network) newMoment() *moment {
	return &moment{x: make([]float64, n.in), before: make([]float64, n.hidden), h: make([]float64, n.hidden),
		y: make([]float64, n.in), gates: make([]float64, 3*n.hidden), recurrent: make([]float64, 3*n.hidden)}
}

// forward computes m.h and m.y from m.x and m.before. It allocates nothing.
func (n *network) forward(m *moment) {
	k := n.hidden
	copy(m.gates, n.b.Data)
	blas64.Gemv(blas.NoTrans, 1, n.w, vector(m.x), 1, vector(m.gates))
	clear(m.recurrent)
	copy(m.recurrent[2*k:], n.c.Data)
	blas64.Gemv(blas.NoTrans, 1, n.u, vector(m.before), 1, vector(m.recurrent))
	z, r, c := m.gates[:k], m.gates[k:2*k], m.gates[2*k:]
	for i := range k {
		z[i] = sigmoid(z[i] + m.recurrent[i])
		r[i] = sigmoid(r[i] + m.recurrent[k+i])
		c[i] = math.Tanh(c[i] + r[i]*m.recurrent[2*k+i])
		m.h[i] = (1-z[i])*c[i] + z[i]*m.before[i]
	}
	copy(m.y, n.outBias.Data)
	blas64.Gemv(blas.NoTrans, 1, n.out, vector(m.h), 1, vector(m.y))
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// backward adds to grad, a network of gradients, what the step contributes where dy is the loss's gradient by m.y, and dh
// that by m.h from later steps. It replaces dh by the gradient by m.before. a and g are scratch of 3 hidden each.
func (n *network) backward(grad *network, m *moment, dy, dh, a, g []float64) {
	k := n.hidden
	blas64.Ger(1, vector(dy), vector(m.h), grad.out)
	blas64.Axpy(1, vector(dy), grad.outBias)
	blas64.Gemv(blas.Trans, 1, n.out, vector(dy), 1, vector(dh))
	for i := range k {
		z, r, c, rec := m.gates[i], m.gates[k+i], m.gates[2*k+i], m.recurrent[2*k+i]
		a[2*k+i] = dh[i] * (1 - z) * (1 - c*c)
		a[k+i] = a[2*k+i] * rec * r * (1 - r)
		a[i] = dh[i] * (m.before[i] - c) * z * (1 - z)
		g[i], g[k+i], g[2*k+i] = a[i], a[k+i], a[2*k+i]*r
		dh[i] *= z
	}
	blas64.Ger(1, vector(a), vector(m.x), grad.w)
	blas64.Axpy(1, vector(a), grad.b)
	blas64.Ger(1, vector(g), vector(m.before), grad.u)
	blas64.Axpy(1, vector(g[2*k:]), grad.c)
	blas64.Gemv(blas.Trans, 1, n.u, vector(g), 1, vector(dh))
}
