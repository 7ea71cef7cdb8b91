package transport

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/learn"
)

// The evidence is scipy's.
func TestEvidence(t *testing.T) {
	text, err := os.ReadFile("testdata/evidence.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Proxy, Benign     [2]float64
		Odd, K, N         float64
		Factor, Posterior float64
	}
	if err := json.Unmarshal(text, &cases); err != nil || len(cases) == 0 {
		t.Fatal(err)
	}
	for _, c := range cases {
		e := Evidence{Beta{c.Proxy[0], c.Proxy[1]}, Beta{c.Benign[0], c.Benign[1]}, c.Odd}
		if got := e.LogFactor(c.K, c.N); math.Abs(got-c.Factor) > 1e-9*max(1, math.Abs(c.Factor)) {
			t.Errorf("%+v, %v of %v: log factor %v, want %v", e, c.K, c.N, got, c.Factor)
		}
		if got := e.Posterior(c.K, c.N, .01); math.Abs(got-c.Posterior) > 1e-9 {
			t.Errorf("%+v, %v of %v: posterior %v, want %v", e, c.K, c.N, got, c.Posterior)
		}
	}
}

// Of 100 servers that are none one looks like a transport, of 20 transports all flows are hits but one.
func TestTune(t *testing.T) {
	var scores []float64
	var positive []bool
	var servers []int
	add := func(server, n int, y bool, score float64) {
		for range n {
			scores, positive, servers = append(scores, score), append(positive, y), append(servers, server)
		}
	}
	for s := range 100 {
		add(s, 10, false, -float64(s)/100)
	}
	add(100, 5, false, 3)
	for s := range 20 {
		add(200+s, 10, true, 5)
	}
	m := &Model{}
	if err := m.Tune(scores, positive, servers, .01); err != nil {
		t.Fatal(err)
	}
	if m.Thresholds.Score != 2.5 { // half way from the 6th highest of the negative, 0, to the next positive, 5
		t.Errorf("threshold %v, want 2.5", m.Thresholds.Score)
	}
	if want := 1.5 / 102; math.Abs(m.Evidence.Odd-want) > 1e-12 {
		t.Errorf("odd %v, want %v", m.Evidence.Odd, want)
	}
	if p := m.Evidence.Posterior(10, 10, .01); p < .3 || p > .5 { // 1:100 by the odd one
		t.Errorf("ten hits of ten: %v", p)
	}
	if p := m.Evidence.Posterior(0, 10, .01); p > 1e-6 {
		t.Errorf("no hit of ten: %v", p)
	}
	if err := m.Tune(scores[:10], positive[:10], servers[:10], .01); err == nil {
		t.Error("tuned on one class")
	}
}

// sealed returns a small model's file.
func sealed(t *testing.T, set Set, cfg features.Config) []byte {
	t.Helper()
	m := &Model{Features: Contract(set, cfg)}
	columns := Columns(m.Features)
	rows := &learn.Rows{Columns: columns}
	values := make([]float64, len(columns))
	for i := range 40 {
		values[0] = float64(i)
		rows.Add(values, i >= 20, i/2)
	}
	fit := learn.DefaultTrees()
	fit.Most, fit.Validation, fit.MinLeaf = 2, 0, 2
	if err := m.Fit(rows, learn.Folds(rows.Group, rows.Positive, 2, 1), .1, fit.Fit); err != nil {
		t.Fatal(err)
	}
	m.Manifest = json.RawMessage(`{"of":"a test"}`)
	text, err := m.Seal()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestModelComesBack(t *testing.T) {
	for _, set := range Sets() {
		cfg := features.DefaultConfig()
		text := sealed(t, set, cfg)
		m, err := ParseModel(text, cfg)
		if err != nil || m.Set() != set {
			t.Fatalf("%s: %v", set, err)
		}
		again, err := m.Seal()
		if err != nil || !bytes.Equal(again, text) {
			t.Errorf("%s: another file the second time: %v", set, err)
		}
	}
}

func TestModelsThatAreRefused(t *testing.T) {
	cfg := features.DefaultConfig()
	other := cfg
	other.Packets = 25
	text := string(sealed(t, StartSet, cfg))
	for _, test := range []struct {
		name, text, want string
		cfg              features.Config
	}{
		{"empty", "", "truncated after 0 bytes", cfg},
		{"truncated", text[:len(text)/2], "truncated after", cfg},
		{"no JSON", "hello", "want a model of weir train transport", cfg},
		{"another format", strings.Replace(text, "model 1", "model 2", 1), `format: got "weir transport model 2"`, cfg},
		{"changed", strings.Replace(text, `"fpr":0.1`, `"fpr":0.2`, 1), "the file was changed", cfg},
		{"another field", strings.Replace(text, `"hash"`, `"hush"`, 1), "unknown field", cfg},
		{"more", text + "{}", "more than one", cfg},
		{"other windows", string(sealed(t, WindowSet, cfg)), "other units, bins or windows", other},
		{"other features", resealed(t, text, func(m *Model) { m.Features.Features[0].Name = "x"; m.Classifier.Columns[0] = "x" }),
			`number 1 of them "x"`, cfg},
		{"another version", resealed(t, text, func(m *Model) { m.Features.Version = 99 }), "got version 99, want 1", cfg},
		{"another set", resealed(t, text, func(m *Model) { m.Features.Of = "weir.cats" }), `got those of "weir.cats"`, cfg},
	} {
		_, err := ParseModel([]byte(test.text), test.cfg)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want one line with %q", test.name, err, test.want)
		}
	}
}

// resealed returns the file of a model that was changed by somebody who knows how.
func resealed(t *testing.T, text string, change func(*Model)) string {
	t.Helper()
	m, err := ParseModel([]byte(text), features.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	change(m)
	out, err := m.Seal()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestBuiltinIsWhole(t *testing.T) {
	m, err := LoadModel(Builtin, features.DefaultConfig())
	if err != nil || m.Set() != StartSet {
		t.Fatal(err)
	}
	text, err := builtin.ReadFile("builtin.json")
	if err != nil || len(text) > 200_000 {
		t.Errorf("%d bytes, want 200,000 at most: %v", len(text), err)
	}
}
