package learn

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// Logistic fits a logistic regression by Newton's method, columns scaled: scikit-learn's
// LogisticRegression(C=1/L2) of StandardScaler's rows.
type Logistic struct {
	L2       float64 // half of it times the squared weights is added to the sum of losses; 0 or more
	Balanced bool    // both classes weigh the same
}

// DefaultLogistic returns scikit-learn's penalty, and balanced classes.
func DefaultLogistic() Logistic { return Logistic{L2: 1, Balanced: true} }

// Validate says what is wrong.
func (c Logistic) Validate() error {
	return firstWrong(limit{"l2", c.L2, c.L2 >= 0 && !math.IsInf(c.L2, 0), "0 or more"})
}

// Fit returns the classifier of rows. Its scores are log-odds at the model's Share of positives.
func (c Logistic) Fit(rows *Rows) (*Model, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := rows.check(); err != nil {
		return nil, err
	}
	scaler := NewScaler(rows)
	weights, share := rows.weights(c.Balanced)
	targets := make([]float64, rows.Len())
	for i, y := range rows.Positive {
		targets[i] = outcome(y)
	}
	w, b := Regress(scaler.Apply(rows), len(rows.Columns), targets, weights, c.L2)
	return newLinear(KindLogistic, rows.Columns, scaler, w, b, share)
}

// Regress fits weights and an intercept to rows of d values and their targets, 0 to 1, by Newton's method with halved steps:
// it minimises the weighted sum of cross-entropies plus l2/2 times the squared weights; the intercept is not held back. nil
// weights are 1 each. It keeps and changes nothing of what it is given; the caller owns the weights.
func Regress(x []float64, d int, targets, weights []float64, l2 float64) (w []float64, intercept float64) {
	p := regression{x, d, targets, weights, l2}
	at := mat.NewVecDense(d+1, nil) // the last is the intercept
	loss := p.loss(at)
	for range 200 {
		step := p.step(at)
		next, nextLoss := mat.NewVecDense(d+1, nil), math.Inf(1)
		for scale := 1.0; scale > 1e-10; scale /= 2 {
			next.AddScaledVec(at, -scale, step)
			if nextLoss = p.loss(next); nextLoss <= loss+1e-13*(1+loss) { // but for rounding
				break
			}
		}
		if !(nextLoss <= loss+1e-13*(1+loss)) {
			break
		}
		at, loss = next, nextLoss
		if mat.Norm(step, 2) <= 1e-9*(1+mat.Norm(at, 2)) {
			break
		}
	}
	return at.RawVector().Data[:d], at.AtVec(d)
}

type regression struct {
	x       []float64
	d       int
	targets []float64
	weights []float64
	l2      float64
}

func (p *regression) weight(i int) float64 {
	if p.weights == nil {
		return 1
	}
	return p.weights[i]
}

// logit returns the logit of a row.
func (p *regression) logit(i int, at *mat.VecDense) float64 {
	w := at.RawVector().Data
	v := w[p.d]
	for j, x := range p.x[i*p.d : (i+1)*p.d] {
		v += x * w[j]
	}
	return v
}

func (p *regression) loss(at *mat.VecDense) (loss float64) {
	for i, target := range p.targets {
		loss += p.weight(i) * crossEntropy(p.logit(i, at), target)
	}
	for j := range p.d {
		loss += p.l2 / 2 * at.AtVec(j) * at.AtVec(j)
	}
	return loss
}

// crossEntropy returns -target ln p - (1-target) ln (1-p) of the probability p with a logit.
func crossEntropy(logit, target float64) float64 {
	return max(logit, 0) + math.Log1p(math.Exp(-math.Abs(logit))) - target*logit
}

// blockRows is how many rows are added to the Hessian at a time.
const blockRows = 512

// step returns the inverse Hessian times the gradient.
func (p *regression) step(at *mat.VecDense) *mat.VecDense {
	n := p.d + 1
	gradient, hessian := mat.NewVecDense(n, nil), mat.NewSymDense(n, nil)
	block := mat.NewDense(blockRows, n, nil) // rows times the square roots of their second derivatives
	for from := 0; from < len(p.targets); from += blockRows {
		block.Zero()
		for i := from; i < min(from+blockRows, len(p.targets)); i++ {
			q := sigmoid(p.logit(i, at))
			p.addTo(gradient.RawVector().Data, i, p.weight(i)*(q-p.targets[i]))
			p.addTo(block.RawRowView(i-from), i, math.Sqrt(p.weight(i)*q*(1-q)))
		}
		var product mat.SymDense
		product.SymOuterK(1, block.T())
		hessian.AddSym(hessian, &product)
	}
	for j := range n {
		hessian.SetSym(j, j, hessian.At(j, j)+1e-12) // a column without variance
		if j < p.d {
			gradient.SetVec(j, gradient.AtVec(j)+p.l2*at.AtVec(j))
			hessian.SetSym(j, j, hessian.At(j, j)+p.l2)
		}
	}
	step := mat.NewVecDense(n, nil)
	var c mat.Cholesky
	if !c.Factorize(hessian) || c.SolveVecTo(step, gradient) != nil {
		step.CopyVec(gradient) // downhill all the same
	}
	return step
}

// addTo adds a row with its 1 for the intercept, times a factor.
func (p *regression) addTo(sum []float64, i int, factor float64) {
	for j, x := range p.x[i*p.d : (i+1)*p.d] {
		sum[j] += factor * x
	}
	sum[p.d] += factor
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
func logit(p float64) float64   { return math.Log(p) - math.Log1p(-p) }
