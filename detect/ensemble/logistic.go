package ensemble

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// logistic fits weights and an intercept to rows of equal length and their targets, 0 to 1, by Newton's method with halved
// steps: it minimises the sum of cross-entropies plus l2/2 times the squared weights; the intercept is not held back.
func logistic(rows [][]float64, targets []float64, l2 float64) (weights []float64, intercept float64) {
	d := len(rows[0])
	w := mat.NewVecDense(d+1, nil) // the last is the intercept
	loss := logisticLoss(rows, targets, l2, w)
	for range 200 {
		step := newtonStep(rows, targets, l2, w)
		next, nextLoss := mat.NewVecDense(d+1, nil), math.Inf(1)
		for scale := 1.0; scale > 1e-10; scale /= 2 {
			next.AddScaledVec(w, -scale, step)
			if nextLoss = logisticLoss(rows, targets, l2, next); nextLoss <= loss {
				break
			}
		}
		gained := loss - nextLoss
		if !(gained >= 0) {
			break
		}
		w, loss = next, nextLoss
		if gained <= 1e-14*(1+loss) && mat.Norm(step, 2) <= 1e-9*(1+mat.Norm(w, 2)) {
			break
		}
	}
	return w.RawVector().Data[:d], w.AtVec(d)
}

// linear returns the logit of a row.
func linear(row []float64, w *mat.VecDense) float64 {
	v := w.AtVec(len(row))
	for i, x := range row {
		v += x * w.AtVec(i)
	}
	return v
}

func logisticLoss(rows [][]float64, targets []float64, l2 float64, w *mat.VecDense) (loss float64) {
	for i, row := range rows {
		v := linear(row, w)
		loss += max(v, 0) + math.Log1p(math.Exp(-math.Abs(v))) - targets[i]*v
	}
	for i := range w.Len() - 1 {
		loss += l2 / 2 * w.AtVec(i) * w.AtVec(i)
	}
	return loss
}

// newtonStep returns the inverse Hessian times the gradient at w.
func newtonStep(rows [][]float64, targets []float64, l2 float64, w *mat.VecDense) *mat.VecDense {
	n := w.Len()
	gradient, hessian := mat.NewVecDense(n, nil), mat.NewSymDense(n, nil)
	x := mat.NewVecDense(n, nil)
	for i, row := range rows {
		copy(x.RawVector().Data, row)
		x.SetVec(n-1, 1)
		p := sigmoid(linear(row, w))
		gradient.AddScaledVec(gradient, p-targets[i], x)
		hessian.SymRankOne(hessian, p*(1-p), x)
	}
	for i := range n {
		hessian.SetSym(i, i, hessian.At(i, i)+1e-12) // a column without variance
		if i < n-1 {
			gradient.SetVec(i, gradient.AtVec(i)+l2*w.AtVec(i))
			hessian.SetSym(i, i, hessian.At(i, i)+l2)
		}
	}
	step := mat.NewVecDense(n, nil)
	var c mat.Cholesky
	if !c.Factorize(hessian) || c.SolveVecTo(step, gradient) != nil {
		step.CopyVec(gradient) // downhill all the same
	}
	return step
}
