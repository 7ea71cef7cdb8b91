package learn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Trees fits gradient-boosted decision trees to the log-loss: each tree is grown over histograms of at most 255 bins a column
// by Newton steps on what the trees before it leave (Friedman 2001; Chen and Guestrin 2016; Ke et al. 2017).
type Trees struct {
	Most     int     // trees at most; at least 1
	Depth    int     // splits from root to leaf at most; 1 to 16
	Rate     float64 // by which each leaf is scaled; more than 0, up to 1
	L2       float64 // added to the second derivative of a leaf; 0 or more
	MinLeaf  int     // rows of a leaf at least; at least 1
	Bins     int     // of a column at most; 2 to 255
	Columns  float64 // share of the columns that a tree may use, drawn for each; more than 0, up to 1
	Balanced bool    // both classes weigh the same

	// Validation is about the share of rows, by groups, that is not fitted to but tells when to stop: the trees are kept that
	// have the least loss on it. 0: none, and there are Most trees. Up to 0.5.
	Validation float64
	Patience   int    // stop after so many trees without a smaller loss; at least 1
	Seed       uint64 // of the split and of the columns drawn

	// OnTree, where it is not nil, is told of each tree: how many there are, and the mean losses, NaN without validation.
	OnTree func(trees int, train, validation float64)
}

// DefaultTrees returns settings that do well on a few thousand rows or more.
func DefaultTrees() Trees {
	return Trees{Most: 400, Depth: 4, Rate: .1, L2: 1, MinLeaf: 20, Bins: maxBins, Columns: 1, Balanced: true,
		Validation: .15, Patience: 30, Seed: 1}
}

// Validate says what is wrong.
func (c Trees) Validate() error {
	return firstWrong(
		limit{"most", float64(c.Most), c.Most >= 1, "at least 1"},
		limit{"depth", float64(c.Depth), c.Depth >= 1 && c.Depth <= 16, "1 to 16"},
		limit{"rate", c.Rate, c.Rate > 0 && c.Rate <= 1, "more than 0, up to 1"},
		limit{"l2", c.L2, c.L2 >= 0 && !math.IsInf(c.L2, 0), "0 or more"},
		limit{"min_leaf", float64(c.MinLeaf), c.MinLeaf >= 1, "at least 1"},
		limit{"bins", float64(c.Bins), c.Bins >= 2 && c.Bins <= maxBins, "2 to 255"},
		limit{"columns", c.Columns, c.Columns > 0 && c.Columns <= 1, "more than 0, up to 1"},
		limit{"validation", c.Validation, c.Validation >= 0 && c.Validation <= .5, "0 to 0.5"},
		limit{"patience", float64(c.Patience), c.Patience >= 1, "at least 1"})
}

// Fit returns the classifier of rows. Its scores are log-odds at the model's Share of positives.
func (c Trees) Fit(rows *Rows) (*Model, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := rows.check(); err != nil {
		return nil, err
	}
	if len(rows.Columns) > math.MaxUint16 {
		return nil, fmt.Errorf("rows: %d columns, want %d or fewer", len(rows.Columns), math.MaxUint16)
	}
	weights, share := rows.weights(c.Balanced)
	train, validation, err := c.divide(rows)
	if err != nil {
		return nil, err
	}
	b := newBoosting(c, rows, weights, train, validation, logit(share))
	b.run()
	m := &Model{Kind: KindTrees, Columns: slices.Clone(rows.Columns), Trees: b.forest, Share: share}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("fit trees: %w", err)
	}
	return m, nil
}

// divide returns the rows to fit to and those that tell when to stop.
func (c Trees) divide(rows *Rows) (train, validation []int, err error) {
	folds := make([]int, rows.Len())
	if c.Validation > 0 {
		groups := rows.Group
		if groups == nil {
			groups = make([]int, rows.Len())
			for i := range groups {
				groups[i] = i
			}
		}
		folds = Folds(groups, rows.Positive, int(math.Round(1/c.Validation)), c.Seed)
	}
	var counts [2][2]int
	for i, f := range folds {
		if c.Validation > 0 && f == 0 {
			validation = append(validation, i)
		} else {
			train = append(train, i)
		}
		counts[class(c.Validation > 0 && f == 0)][class(rows.Positive[i])]++
	}
	if min(counts[0][0], counts[0][1]) == 0 || c.Validation > 0 && min(counts[1][0], counts[1][1]) == 0 {
		return nil, nil, fmt.Errorf("rows: too few groups to set some aside: of %v negative and positive rows to fit to, %v to validate by",
			counts[0], counts[1])
	}
	return train, validation, nil
}

// boosting is the state of a fit.
type boosting struct {
	grower
	targets, weights []float64 // of the rows to fit to
	r                *rand.Rand

	aside        *Rows
	asideWeights []float64
	asideScores  []float64
}

func newBoosting(c Trees, rows *Rows, weights []float64, train, validation []int, bias float64) *boosting {
	n := len(train)
	fit := rows.Select(train)
	b := &boosting{r: rand.New(rand.NewPCG(c.Seed, 1)), aside: rows.Select(validation)}
	b.grower = grower{Trees: c, bins: newBins(fit, c.Bins), g: make([]float64, n), h: make([]float64, n),
		rows: make([]int32, n), spare: make([]int32, 0, n), forest: &Forest{Bias: bias}}
	for k, i := range train {
		b.targets, b.weights = append(b.targets, outcome(fit.Positive[k])), append(b.weights, weights[i])
		b.scores = append(b.scores, bias)
	}
	for _, i := range validation {
		b.asideWeights, b.asideScores = append(b.asideWeights, weights[i]), append(b.asideScores, bias)
	}
	return b
}

// run adds trees, and keeps those up to the least loss on the rows set aside.
func (b *boosting) run() {
	best, kept := b.asideLoss(), 0
	for t := 1; t <= b.Most; t++ {
		b.derive()
		b.draw()
		b.tree()
		root := b.forest.roots[t-1]
		for i := range b.asideScores {
			b.asideScores[i] += b.forest.walk(root, b.aside.Row(i))
		}
		loss := b.asideLoss()
		if b.OnTree != nil {
			b.OnTree(t, meanLoss(b.scores, b.targets, b.weights), loss)
		}
		if !(loss >= best) {
			best, kept = loss, t
		}
		if t-kept >= b.Patience || int(root)+1 == len(b.forest.nodes) && b.Columns == 1 { // nothing left to split
			break
		}
	}
	b.forest.keep(kept)
	b.importance()
}

// derive computes the derivatives of the loss at the scores.
func (b *boosting) derive() {
	for i, s := range b.scores {
		p := sigmoid(s)
		b.g[i] = b.weights[i] * (p - b.targets[i])
		b.h[i] = b.weights[i] * p * (1 - p)
	}
}

// draw chooses the columns of a tree.
func (b *boosting) draw() {
	d := len(b.edges)
	n := max(1, int(math.Round(b.Columns*float64(d))))
	if n == d && len(b.columns) == d {
		return
	}
	b.columns = b.r.Perm(d)[:n]
	slices.Sort(b.columns)
}

// importance sums up the gains of the trees that were kept.
func (b *boosting) importance() {
	b.forest.Gain = make([]float64, len(b.edges))
	for i, n := range b.forest.nodes {
		if n.right != 0 {
			b.forest.Gain[n.column] += b.gains[i]
		}
	}
	for j, g := range b.forest.Gain {
		b.forest.Gain[j] = round(g, leafDigits)
	}
}

func (b *boosting) asideLoss() float64 {
	targets := make([]float64, len(b.asideScores))
	for i := range targets {
		targets[i] = outcome(b.aside.Positive[i])
	}
	return meanLoss(b.asideScores, targets, b.asideWeights)
}

// meanLoss returns the mean cross-entropy by weight, NaN of nothing.
func meanLoss(scores, targets, weights []float64) float64 {
	var loss, mass float64
	for i, s := range scores {
		loss += weights[i] * crossEntropy(s, targets[i])
		mass += weights[i]
	}
	return loss / mass
}
