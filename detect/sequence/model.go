package sequence

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
)

// Model is what weir train sequence writes.
type Model struct {
	Format    string    `json:"format"`   // modelFormat
	Features  []string  `json:"features"` // FeatureNames; each log2(1 + count)
	Step      string    `json:"step"`     // Every
	Hidden    int       `json:"hidden"`
	Mean      []float64 `json:"mean"`      // of the features on the traffic that it was trained on
	Scale     []float64 `json:"scale"`     // their standard deviations, with a floor
	Deviation []float64 `json:"deviation"` // root mean square of the errors on good traffic that training did not see, in scales
	Threshold float64   `json:"threshold"` // score that ThresholdShare of the steps of that traffic exceed
	Theta     []float64 `json:"theta"`     // parameters of the network
	Training  Training  `json:"training"`
	Hash      string    `json:"hash"`     // SHA-256 of all above, in hexadecimal
	Manifest  any       `json:"manifest"` // what it was made from

	network *network
}

// modelFormat names the meaning of a model: another meaning has another name.
const modelFormat = "weir sequence model 1"

//go:embed builtin.json
var builtin []byte

// Load reads a model from a file or, of Builtin, the one that comes with weir.
func Load(name string) (*Model, error) {
	text := builtin
	if name != Builtin {
		var err error
		if text, err = os.ReadFile(name); err != nil {
			return nil, fmt.Errorf("read: %w", err)
		}
	}
	m, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

// Parse reads a model and verifies it: one of other features is refused.
func Parse(text []byte) (*Model, error) {
	m := &Model{}
	if err := json.Unmarshal(text, m); err != nil && (m.Format == "" || m.Format == modelFormat) { // else its format says more
		return nil, fmt.Errorf("want a model of weir train sequence: %w", err)
	}
	switch {
	case m.Format != modelFormat:
		return nil, fmt.Errorf("format: got %q, want %q", m.Format, modelFormat)
	case !slices.Equal(m.Features, FeatureNames()) || m.Step != Every.String():
		return nil, fmt.Errorf("features: got %v every %s, want %v every %s", m.Features, m.Step, FeatureNames(), Every)
	case m.Hash != m.sum():
		return nil, fmt.Errorf("hash: got %q, want %q: it was changed", m.Hash, m.sum())
	case m.Hidden < 1 || m.Hidden > MaxHidden:
		return nil, fmt.Errorf("hidden: got %d, want 1 to %d", m.Hidden, MaxHidden)
	case len(m.Mean) != dims || len(m.Scale) != dims || len(m.Deviation) != dims || len(m.Theta) != parameters(dims, m.Hidden):
		return nil, errors.New("mean, scale, deviation, theta: want as many numbers as the features and hidden need")
	case !(slices.Min(m.Scale) > 0 && slices.Min(m.Deviation) > 0 && m.Threshold > 0):
		return nil, errors.New("scale, deviation, threshold: want more than 0")
	}
	m.network = newNetwork(dims, m.Hidden, m.Theta)
	return m, nil
}

// MaxHidden is how many units a network may have: the room that a host's state has.
const MaxHidden = 16

// Seal sets format, features, step and hash, and returns the model as a file.
func (m *Model) Seal() []byte {
	m.Format, m.Features, m.Step = modelFormat, FeatureNames(), Every.String()
	m.Hash = m.sum()
	text, err := json.Marshal(m)
	if err != nil {
		panic("bug: " + err.Error())
	}
	return append(text, '\n')
}

// sum returns the hash of what decides.
func (m *Model) sum() string {
	copied := *m
	copied.Hash, copied.Manifest = "", nil
	text, err := json.Marshal(copied)
	if err != nil {
		panic("bug: " + err.Error())
	}
	h := sha256.Sum256(text)
	return hex.EncodeToString(h[:])
}

// normalize puts a step into the network's input.
func (m *Model) normalize(v *Vector, x []float64) {
	for i := range v {
		x[i] = (v[i] - m.Mean[i]) / m.Scale[i]
	}
}

// maxError bounds the error of a single feature, in deviations, so that one does not hide the others.
const maxError = 20

// surprise returns the score of a normalized step that was predicted as y, and the feature whose error was the largest.
func (m *Model) surprise(x, y []float64) (score float64, worst int) {
	var sum, largest float64
	for i := range x {
		e := min(math.Abs(x[i]-y[i])/m.Deviation[i], maxError)
		sum += e * e
		if e > largest {
			largest, worst = e, i
		}
	}
	return math.Sqrt(sum / float64(len(x))), worst
}
