package learn

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Kind says how a Model was made.
type Kind string

// The kinds of models.
const (
	KindSGD      Kind = "sgd"
	KindLogistic Kind = "logistic"
	KindTrees    Kind = "trees"
)

// Model is a fitted classifier. It becomes JSON, and comes back with the same scores; UnmarshalJSON refuses one that does not
// fit together.
type Model struct {
	Kind        Kind         `json:"kind"`
	Columns     []string     `json:"columns"` // of a row, in this order
	Linear      *Linear      `json:"linear,omitempty"`
	Trees       *Forest      `json:"trees,omitempty"`
	Share       float64      `json:"share"` // of positives at which the scores are log-odds: 0.5 where classes were balanced
	Calibration *Calibration `json:"calibration,omitempty"`
}

// Linear is a weighted sum of scaled columns.
type Linear struct {
	Scaler    Scaler    `json:"scaler"`
	Weights   []float64 `json:"weights"`
	Intercept float64   `json:"intercept"`
}

// Calibration turns scores into probabilities.
type Calibration struct {
	Curve Curve   `json:"curve"`
	Share float64 `json:"share"` // of positives among what it was fitted to
}

func newLinear(kind Kind, columns []string, scaler *Scaler, weights []float64, intercept, share float64) (*Model, error) {
	m := &Model{Kind: kind, Columns: slices.Clone(columns), Share: share,
		Linear: &Linear{Scaler: *scaler, Weights: weights, Intercept: intercept}}
	if err := m.check(); err != nil { // numbers too large for scaling to help
		return nil, fmt.Errorf("fit %s: %w", kind, err)
	}
	return m, nil
}

// Predict returns a row's score, larger where it looks more like a positive one: log-odds at Share, but for KindSGD, whose
// border is at 0 as well. The row has a value for each of Columns; NaN is not known. It does not allocate.
func (m *Model) Predict(row []float64) float64 {
	if len(row) != len(m.Columns) {
		panic("bug: a row that is not of the model's columns")
	}
	if m.Linear != nil {
		return m.Linear.predict(row)
	}
	return m.Trees.predict(row)
}

func (l *Linear) predict(row []float64) float64 {
	score := l.Intercept
	for j, x := range row {
		if x == x {
			score += l.Weights[j] * (x - l.Scaler.Mean[j]) / l.Scaler.Scale[j]
		}
	}
	return score
}

// Scores returns the scores of all rows. The caller owns them.
func (m *Model) Scores(rows *Rows) []float64 {
	scores := make([]float64, rows.Len())
	for i := range scores {
		scores[i] = m.Predict(rows.Row(i))
	}
	return scores
}

// Calibrate fits the curve from scores to probabilities, to rows that the model was not fitted to.
func (m *Model) Calibrate(rows *Rows) error {
	if err := rows.check(); err != nil {
		return fmt.Errorf("calibrate: %w", err)
	}
	p, n := rows.Count()
	m.Calibration = &Calibration{Curve: FitCurve(m.Scores(rows), rows.Positive), Share: float64(p) / float64(p+n)}
	return m.check()
}

// Probability returns the probability that a row is positive where a share base of all rows is: what calibration makes of
// the score, or without it what the score says of itself; NaN for KindSGD without. It does not allocate.
func (m *Model) Probability(row []float64, base float64) float64 {
	return m.ProbabilityOf(m.Predict(row), base)
}

// ProbabilityOf is Probability of a row with that score.
func (m *Model) ProbabilityOf(score, base float64) float64 {
	switch {
	case m.Calibration != nil:
		return Correct(m.Calibration.Curve.At(score), m.Calibration.Share, base)
	case m.Kind == KindSGD:
		return math.NaN()
	}
	return sigmoid(score + logit(base) - logit(m.Share))
}

// UnmarshalJSON reads what Marshal wrote, and refuses fields that it does not know and whatever Predict could not use.
func (m *Model) UnmarshalJSON(data []byte) error {
	type plain Model
	var read plain
	if err := unmarshalStrictly(data, &read); err != nil {
		return fmt.Errorf("read model: %w", err)
	}
	model := Model(read)
	if err := model.check(); err != nil {
		return fmt.Errorf("read model: %w", err)
	}
	*m = model
	return nil
}

// unmarshalStrictly refuses fields that are not known.
func unmarshalStrictly(data []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(to)
}

// check says what does not fit together.
func (m *Model) check() error {
	seen := map[string]bool{}
	for _, c := range m.Columns {
		if c == "" || seen[c] {
			return fmt.Errorf("columns: %q is empty or there twice", c)
		}
		seen[c] = true
	}
	if len(m.Columns) == 0 {
		return errors.New("columns: there are none")
	}
	if !(m.Share > 0 && m.Share < 1) {
		return fmt.Errorf("share: got %v, want more than 0 and less than 1", m.Share)
	}
	if err := m.checkKind(); err != nil {
		return err
	}
	if m.Calibration != nil {
		return m.Calibration.check()
	}
	return nil
}

func (m *Model) checkKind() error {
	switch m.Kind {
	case KindSGD, KindLogistic:
		if m.Linear == nil || m.Trees != nil {
			return fmt.Errorf("a model of kind %s has linear and no trees", m.Kind)
		}
		return m.Linear.check(len(m.Columns))
	case KindTrees:
		if m.Trees == nil || m.Linear != nil {
			return fmt.Errorf("a model of kind %s has trees and no linear", m.Kind)
		}
		return m.Trees.check(len(m.Columns))
	}
	return fmt.Errorf("kind: got %q, want %s, %s or %s", m.Kind, KindSGD, KindLogistic, KindTrees)
}

func (l *Linear) check(columns int) error {
	if len(l.Weights) != columns || len(l.Scaler.Mean) != columns || len(l.Scaler.Scale) != columns {
		return fmt.Errorf("linear: %d weights, %d means, %d scales, want %d each",
			len(l.Weights), len(l.Scaler.Mean), len(l.Scaler.Scale), columns)
	}
	for j, w := range l.Weights {
		if !finite(w) || !finite(l.Scaler.Mean[j]) || !finite(l.Scaler.Scale[j]) || l.Scaler.Scale[j] <= 0 {
			return fmt.Errorf("linear: column %d has weight %v, mean %v, scale %v", j, w, l.Scaler.Mean[j], l.Scaler.Scale[j])
		}
	}
	if !finite(l.Intercept) {
		return fmt.Errorf("linear: intercept is %v", l.Intercept)
	}
	return nil
}

func (c *Calibration) check() error {
	if !(c.Share > 0 && c.Share < 1) {
		return fmt.Errorf("calibration: share: got %v, want more than 0 and less than 1", c.Share)
	}
	if !finite(c.Curve.A) || !finite(c.Curve.B) {
		return fmt.Errorf("calibration: curve of %v and %v", c.Curve.A, c.Curve.B)
	}
	for i, s := range c.Curve.Steps {
		if !finite(s.From) || !(s.P >= 0 && s.P <= 1) || i > 0 && !(s.From > c.Curve.Steps[i-1].From && s.P >= c.Curve.Steps[i-1].P) {
			return fmt.Errorf("calibration: step %d from %v is %v, want both ascending", i, s.From, s.P)
		}
	}
	return nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
