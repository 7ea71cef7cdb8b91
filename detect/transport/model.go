package transport

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/learn"
)

// Model is a fitted classifier with all that is needed to use it: what its numbers mean, where it draws its lines, and what
// it was made from. It becomes a file with Seal, and comes back with ParseModel.
type Model struct {
	Format     string            `json:"format"` // modelFormat
	Features   features.Contract `json:"features"`
	Classifier learn.Model       `json:"classifier"` // of Features, in their order
	Unused     []string          `json:"unused"`     // features that it was not shown
	Thresholds Thresholds        `json:"thresholds"`
	Evidence   Evidence          `json:"evidence"`
	Hash       string            `json:"hash"`     // SHA-256 of all above as canonical JSON, in hexadecimal
	Manifest   json.RawMessage   `json:"manifest"` // what it was made from, and how good it is; not looked at

	set Set
}

// modelFormat names the meaning of a model file: another meaning has another name.
const modelFormat = "weir transport model 1"

// Builtin names the model that comes with weir.
const Builtin = "builtin"

//go:embed builtin.json
var builtin embed.FS

// LoadModel reads the model file of a name, Builtin for the one that comes with weir; windows says how windows are made
// here. The error is one line that says what is wrong with it.
func LoadModel(name string, windows features.Config) (*Model, error) {
	var text []byte
	var err error
	if name == Builtin {
		text, err = builtin.ReadFile("builtin.json")
	} else {
		text, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	m, err := ParseModel(text, windows)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

// ParseModel reads a model file: one that is not whole, was changed, or is of other features is refused.
func ParseModel(text []byte, windows features.Config) (*Model, error) {
	m := &Model{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(m); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("truncated after %d bytes: want a model of weir train transport", len(text))
		}
		return nil, fmt.Errorf("want a model of weir train transport: %w", err)
	}
	if d.More() {
		return nil, errors.New("more than one model: want one")
	}
	if m.Format != modelFormat {
		return nil, fmt.Errorf("format: got %q, want %q", m.Format, modelFormat)
	}
	if sum := m.sum(); m.Hash != sum {
		return nil, fmt.Errorf("hash: got %.12q, want %.12q: the file was changed", m.Hash, sum)
	}
	var err error
	if m.set, err = setOf(m.Features, windows); err != nil {
		return nil, err
	}
	return m, m.check()
}

// check says what cannot be used.
func (m *Model) check() error {
	var problems []error
	if !slices.Equal(m.Classifier.Columns, Columns(m.Features)) {
		problems = append(problems, errors.New("classifier: its columns are not the features"))
	}
	if math.IsNaN(m.Thresholds.Score) || math.IsInf(m.Thresholds.Score, 0) {
		problems = append(problems, fmt.Errorf("thresholds.score: got %v, want a number", m.Thresholds.Score))
	}
	return errors.Join(append(problems, m.Evidence.check())...)
}

// Set returns what the model looks at.
func (m *Model) Set() Set { return m.set }

// Probability returns the probability that a flow or window with a score is of a transport, where a share base of all are;
// NaN where the model was not calibrated.
func (m *Model) Probability(score, base float64) float64 {
	return m.Classifier.ProbabilityOf(score, base)
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

// Seal sets format and hash, and returns the model as a file. Numbers must be finite, and the manifest JSON.
func (m *Model) Seal() ([]byte, error) {
	m.Format = modelFormat
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("seal model: %w", err)
	}
	m.Hash = m.sum()
	text, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("seal model: %w", err)
	}
	return append(text, '\n'), nil
}
