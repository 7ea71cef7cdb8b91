package learn

import (
	"cmp"
	"slices"
)

// Curve turns a score into a probability at the share of positives that it was fitted on: Platt's sigmoid, or a step
// function. The zero value is none.
type Curve struct {
	A     float64 `json:"a,omitempty"` // sigmoid(a score + b)
	B     float64 `json:"b,omitempty"`
	Steps []Step  `json:"steps,omitempty"` // ascending; used where there are some
}

// Step is where a step function changes: scores from From on have P.
type Step struct {
	From float64 `json:"from"`
	P    float64 `json:"p"`
}

// isotonicPositives is how many positives isotonic regression needs: with fewer it follows chance.
const isotonicPositives = 1000

// FitCurve returns the curve of labelled scores: isotonic where there are 1,000 positives or more, else Platt's.
func FitCurve(scores []float64, positive []bool) Curve {
	n := 0
	for _, y := range positive {
		if y {
			n++
		}
	}
	if n >= isotonicPositives {
		return Curve{Steps: Isotonic(scores, positive)}
	}
	return Platt(scores, positive)
}

// At returns the probability of a score.
func (c Curve) At(score float64) float64 {
	if len(c.Steps) == 0 {
		return sigmoid(c.A*score + c.B)
	}
	at, _ := slices.BinarySearchFunc(c.Steps, score, func(s Step, score float64) int {
		if s.From <= score {
			return -1
		}
		return 1
	})
	return c.Steps[max(at, 1)-1].P // below the first step is the first
}

// Platt fits a sigmoid to labelled scores by maximum likelihood, towards (N+ + 1)/(N+ + 2) for positives and 1/(N- + 2) for
// negatives, so that separable scores have finite parameters (Platt 1999, by Newton's method as Lin, Lin and Weng 2007).
func Platt(scores []float64, positive []bool) Curve {
	var pos, neg float64
	for _, y := range positive {
		if y {
			pos++
		} else {
			neg++
		}
	}
	targets := make([]float64, len(scores))
	for i, y := range positive {
		targets[i] = 1 / (neg + 2)
		if y {
			targets[i] = (pos + 1) / (pos + 2)
		}
	}
	w, b := Regress(scores, 1, targets, nil, 0)
	return Curve{A: w[0], B: b}
}

// Isotonic fits a non-decreasing step function to labelled scores by pooling adjacent violators. Equal scores are pooled
// first.
func Isotonic(scores []float64, positive []bool) []Step {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(scores[a], scores[b]) })
	type block struct{ from, sum, n float64 }
	var blocks []block
	for i, at := range order {
		if i > 0 && scores[at] == scores[order[i-1]] {
			blocks[len(blocks)-1].sum += outcome(positive[at])
			blocks[len(blocks)-1].n++
		} else {
			blocks = append(blocks, block{scores[at], outcome(positive[at]), 1})
		}
		if i+1 < len(order) && scores[order[i+1]] == scores[at] {
			continue
		}
		for k := len(blocks) - 1; k > 0 && blocks[k-1].sum*blocks[k].n >= blocks[k].sum*blocks[k-1].n; k-- {
			blocks[k-1].sum += blocks[k].sum
			blocks[k-1].n += blocks[k].n
			blocks = blocks[:k]
		}
	}
	steps := make([]Step, len(blocks))
	for i, b := range blocks {
		steps[i] = Step{b.from, b.sum / b.n}
	}
	return steps
}

// Correct moves a probability from the share of positives that it was fitted on to that of another population:
// logit p + logit to - logit from.
func Correct(p, from, to float64) float64 {
	return sigmoid(logit(p) + logit(to) - logit(from))
}
