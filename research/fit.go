package research

import (
	"fmt"

	"github.com/weir-sensor/weir/detect/transport"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/learn"
)

// Fitting says how a model is made.
type Fitting struct {
	Kind  learn.Kind
	Split string // by what cases are held out, see Splits
	Folds int    // how many times, at least 2
	FPR   float64
	Seed  uint64

	// Simulated is how many flows of each class are drawn from descriptions of protocols and fitted to beside those of the
	// dataset: transports, and encrypted BitTorrent. They are used where trees look at how flows begin, and positives begin with
	// random bytes. 0: none.
	Simulated int

	OnFold func(done int) // nil: nobody wants to know
}

// DefaultFitting returns what is meant where nothing is said.
func DefaultFitting() Fitting {
	return Fitting{Kind: learn.KindTrees, Split: "server", Folds: 5, FPR: .001, Seed: 1, Simulated: 800}
}

// Kinds returns the kinds of classifiers. The caller owns the slice.
func Kinds() []learn.Kind { return []learn.Kind{learn.KindTrees, learn.KindLogistic, learn.KindSGD} }

// leastOf is how many cases of each class, and leastGroups of how many servers, a model is fitted to at least.
const (
	leastOf     = 10
	leastGroups = 2
)

// Check says what a model cannot be fitted to, or judged by.
func (d *Dataset) Check() error {
	positive, negative := d.Count()
	switch {
	case positive+negative == 0:
		return fmt.Errorf("the labels match nothing: no labelled flow or window is positive or negative (%d are neither, %d show too little to judge)",
			d.Neither, d.Unjudged[0]+d.Unjudged[1])
	case positive == 0 || negative == 0:
		return fmt.Errorf("got %d positive and %d negative, want some of each: see --positive and --negative", positive, negative)
	}
	return nil
}

// checkFit is Check for fitting.
func (d *Dataset) checkFit(groups []int) error {
	if err := d.Check(); err != nil {
		return err
	}
	positive, negative := d.Count()
	of := [2]map[int]bool{{}, {}}
	for i, g := range groups {
		of[class(d.Cases[i].Positive)][g] = true
	}
	if positive < leastOf || negative < leastOf || min(len(of[0]), len(of[1])) < leastGroups {
		return fmt.Errorf("got %d positive of %d groups and %d negative of %d, want at least %d of %d groups each",
			positive, len(of[1]), negative, len(of[0]), leastOf, leastGroups)
	}
	return nil
}

// fitting fits a classifier to rows.
type fitting func(*learn.Rows) (*learn.Model, error)

// fitter returns what fits a classifier of the kind.
func (f Fitting) fitter() (fitting, error) {
	switch f.Kind {
	case learn.KindSGD:
		c := learn.DefaultSGD()
		c.Seed = uint32(f.Seed)
		return c.Fit, nil
	case learn.KindLogistic:
		return learn.DefaultLogistic().Fit, nil
	case learn.KindTrees:
		c := learn.DefaultTrees() // small trees of few columns each: there are tens of servers, not thousands
		c.Most, c.Depth, c.Rate, c.MinLeaf, c.Validation, c.Columns, c.Seed = 80, 3, .15, 10, 0, .4, f.Seed
		return c.Fit, nil
	}
	return nil, fmt.Errorf("model: got %q, want one of %v", f.Kind, Kinds())
}

// Heldout are the scores of cases by classifiers that were fitted to other groups.
type Heldout struct {
	Scores []float64
	Folds  []int
}

// CrossFit returns the scores of rows, each by a classifier that was fitted to the rows of other folds. Nil groups: every
// row is its own.
func (f Fitting) CrossFit(rows *learn.Rows, groups []int) (*Heldout, error) {
	fit, err := f.fitter()
	if err != nil {
		return nil, err
	}
	return f.crossFit(rows, groups, fit)
}

func (f Fitting) crossFit(rows *learn.Rows, groups []int, fit fitting) (*Heldout, error) {
	if groups == nil {
		groups = make([]int, rows.Len())
		for i := range groups {
			groups[i] = i
		}
	}
	h := &Heldout{Scores: make([]float64, rows.Len()), Folds: learn.Folds(groups, rows.Positive, f.Folds, f.Seed)}
	for fold := range f.Folds {
		train, test := learn.HoldOut(learn.InFold(h.Folds, fold))
		model, err := fit(rows.Select(train))
		if err != nil {
			return nil, fmt.Errorf("fit without fold %d of %d: %w", fold+1, f.Folds, err)
		}
		for _, i := range test {
			h.Scores[i] = model.Predict(rows.Row(i))
		}
		if f.OnFold != nil {
			f.OnFold(fold + 1)
		}
	}
	return h, nil
}

// Fit fits a model to a dataset. Calibration, threshold and evidence rest on cases that were held out. Set says what the
// model looks at, and windows how those are made.
func (f Fitting) Fit(d *Dataset, contract features.Contract) (*transport.Model, *Heldout, error) {
	if err := d.checkFit(d.Groups(f.Split)); err != nil {
		return nil, nil, err
	}
	m := &transport.Model{Features: contract}
	if contract.Flow != nil {
		m.Unused = transport.Passing()
	}
	rows := transport.Blank(d.Rows(VectorizerOf(contract, transport.StartPackets), f.Split), m.Unused)
	fit, err := f.fitter()
	if err != nil {
		return nil, nil, err
	}
	simulated := f.Simulated > 0 && f.Kind == learn.KindTrees && contract.Flow != nil && contract.Window == nil && transport.Random(rows)
	if simulated {
		fit = f.besideSimulated()
	}
	held, err := f.crossFit(rows, rows.Group, fit)
	if err != nil {
		return nil, nil, err
	}
	classifier, err := fit(rows)
	if err != nil {
		return nil, nil, fmt.Errorf("fit: %w", err)
	}
	p, n := d.Count()
	classifier.Calibration = &learn.Calibration{Curve: learn.FitCurve(held.Scores, rows.Positive), Share: float64(p) / float64(p+n)}
	m.Classifier = *classifier
	var others []float64
	if simulated {
		others = classifier.Scores(simulatedRows(SimulatedMSE(simulatedJudged, f.Seed+1), false))
	}
	if err := m.Tune(held.Scores, rows.Positive, numbers(d, (*Case).Server), f.FPR, others...); err != nil {
		return nil, nil, err
	}
	return m, held, nil
}
