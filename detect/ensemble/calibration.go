package ensemble

import (
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/weir-sensor/weir/learn"
)

// Calibration is what weir train ensemble writes: how the evidence of labelled hosts and flows becomes a probability.
type Calibration struct {
	Format   string   `json:"format"` // calibrationFormat
	Features []string `json:"features"`
	Host     *Stack   `json:"host,omitempty"`
	Flow     *Stack   `json:"flow,omitempty"`
	Hash     string   `json:"hash"`     // SHA-256 of all above, in hexadecimal
	Manifest any      `json:"manifest"` // what it was made from
}

// calibrationFormat names the meaning of a calibration: another meaning has another name.
const calibrationFormat = "weir ensemble calibration 2"

// Stack is a logistic model over the features, with the curve that makes a probability of its logit.
type Stack struct {
	Weights   []float64   `json:"weights"` // of the features, none below 0
	Intercept float64     `json:"intercept"`
	Curve     learn.Curve `json:"curve"`     // of logits of cases that the weights were not fitted on
	Quiet     float64     `json:"quiet"`     // the most that is said of a case without an alert, see quiet
	Prior     float64     `json:"prior"`     // share of positives among the cases
	Positives int         `json:"positives"` // cases
	Negatives int         `json:"negatives"`
	Addresses int         `json:"addresses,omitempty"` // that flows are of: those of one are alike; 0: all cases count for themselves
	Measured  Measured    `json:"measured"`

	weights []float64 // of the features of the detectors at hand
}

// Measured is how good the probabilities were for cases that they were not fitted on, at the cases' own share of positives.
type Measured struct {
	Brier       float64     `json:"brier"`
	LogLoss     float64     `json:"log_loss"`
	ECE         float64     `json:"ece"` // 15 bins of equal mass
	Reliability []learn.Bin `json:"reliability"`
}

// FeatureNames returns the names of a model's features for detectors: of each the surprise, the negative decadic logarithm
// of its p-value, and the belief in its worst alert.
func FeatureNames(members []string) []string {
	var names []string
	for _, m := range members {
		names = append(names, m+".surprise", m+".alert")
	}
	return names
}

// Probability returns that of a row of the model's features, at the share of positives among its cases.
func (s *Stack) Probability(row []float64) float64 { return s.probability(s.Weights, row) }

// at is Probability of a row of the features at hand.
func (s *Stack) at(row []float64) float64 { return s.probability(s.weights, row) }

// probability is kept away from 0 and 1 as far as so many cases allow.
func (s *Stack) probability(weights, row []float64) float64 {
	v := s.Intercept
	for i, x := range row {
		v += weights[i] * x
	}
	p := s.Curve.At(v)
	if !alerted(row) {
		p = min(p, s.Quiet)
	}
	edge := 1 / (2 * float64(cmp.Or(s.Addresses, s.Positives+s.Negatives)))
	return min(max(p, edge), 1-edge)
}

// alerted says whether a row has an alert of any detector.
func alerted(row []float64) bool {
	for i := 1; i < len(row); i += 2 {
		if row[i] > 0 {
			return true
		}
	}
	return false
}

func (c *Calibration) host() *Stack {
	if c == nil {
		return nil
	}
	return c.Host
}

func (c *Calibration) flow() *Stack {
	if c == nil {
		return nil
	}
	return c.Flow
}

//go:embed builtin.json
var builtin embed.FS

// loadCalibration reads a calibration for detectors: nil where there is none, or where the one that comes with weir is for
// others. A file for others is refused.
func loadCalibration(name string, members []string) (*Calibration, error) {
	var text []byte
	var err error
	switch name {
	case "":
		return nil, nil
	case Builtin:
		text, err = builtin.ReadFile("builtin.json")
	default:
		text, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	c, err := ParseCalibration(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := c.fit(members); err != nil {
		if name == Builtin {
			return nil, nil
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

// ParseCalibration reads a calibration and verifies it.
func ParseCalibration(text []byte) (*Calibration, error) {
	c := &Calibration{}
	if err := json.Unmarshal(text, c); err != nil && (c.Format == "" || c.Format == calibrationFormat) { // else its format says more
		return nil, fmt.Errorf("want a file of weir train ensemble: %w", err)
	}
	if c.Format != calibrationFormat {
		return nil, fmt.Errorf("format: got %q, want %q", c.Format, calibrationFormat)
	}
	if c.Hash != c.sum() {
		return nil, fmt.Errorf("hash: got %q, want %q: it was changed", c.Hash, c.sum())
	}
	for _, s := range []*Stack{c.Host, c.Flow} {
		if err := s.check(len(c.Features)); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// maxWeight keeps what a file says from growing beyond numbers.
const maxWeight = 1e6

func (s *Stack) check(features int) error {
	switch {
	case s == nil:
		return nil
	case len(s.Weights) != features:
		return fmt.Errorf("weights: got %d, want %d", len(s.Weights), features)
	case slices.ContainsFunc(s.Weights, func(w float64) bool { return w < 0 || w > maxWeight }):
		return fmt.Errorf("weights: want 0 to %g", maxWeight)
	case max(math.Abs(s.Intercept), math.Abs(s.Curve.A), math.Abs(s.Curve.B)) > maxWeight:
		return fmt.Errorf("intercept, curve: want up to %g", maxWeight)
	case !(s.Quiet >= 0 && s.Quiet <= 1):
		return fmt.Errorf("quiet: got %v, want 0 to 1", s.Quiet)
	case !(s.Prior > 0 && s.Prior < 1):
		return fmt.Errorf("prior: got %v, want between 0 and 1", s.Prior)
	case s.Positives < 1 || s.Negatives < 1 || s.Addresses < 0:
		return errors.New("positives, negatives: want 1 or more, addresses: 0 or more")
	case !slices.IsSortedFunc(s.Curve.Steps, func(a, b learn.Step) int { return int(math.Copysign(1, a.From-b.From)) }):
		return errors.New("steps: want them ascending")
	}
	return nil
}

// sum returns the hash of what decides.
func (c *Calibration) sum() string {
	copied := *c
	copied.Hash, copied.Manifest = "", nil
	text, err := json.Marshal(copied)
	if err != nil {
		panic("bug: " + err.Error())
	}
	h := sha256.Sum256(text)
	return hex.EncodeToString(h[:])
}

// Seal sets format and hash, and returns the calibration as a file. Numbers must be finite.
func (c *Calibration) Seal() []byte {
	c.Format = calibrationFormat
	c.Hash = c.sum()
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		panic("bug: " + err.Error())
	}
	return append(text, '\n')
}

// fit puts the weights in the order of the detectors' features. The error names detectors that the calibration knows and
// that do not run: probabilities without them are not what was calibrated. Others that run count for nothing.
func (c *Calibration) fit(members []string) error {
	names := FeatureNames(members)
	var missing []string
	for i, feature := range c.Features {
		if !slices.Contains(names, feature) && (c.Host.weighs(i) || c.Flow.weighs(i)) {
			missing = append(missing, feature)
		}
	}
	if missing != nil {
		return fmt.Errorf("want detectors that do not run: %s", strings.Join(missing, ", "))
	}
	for _, s := range []*Stack{c.Host, c.Flow} {
		if s == nil {
			continue
		}
		s.weights = make([]float64, len(names))
		for i, name := range names {
			if at := slices.Index(c.Features, name); at >= 0 {
				s.weights[i] = s.Weights[at]
			}
		}
	}
	return nil
}

func (s *Stack) weighs(feature int) bool { return s != nil && s.Weights[feature] > 0 }
