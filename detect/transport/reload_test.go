package transport

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/weir-sensor/weir/detect"
)

// A model file that has changed is taken over with the next flows; a broken one, or the same, changes nothing.
func TestReread(t *testing.T) {
	text, err := builtin.ReadFile("builtin.json")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.json")
	write := func(text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(text)
	cfg := DefaultConfig()
	cfg.Model = path
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := d.Reread(); m != nil || err != nil {
		t.Errorf("the same file: got %v, %v; want nothing", m, err)
	}
	write(text[:len(text)/2])
	if m, err := d.Reread(); m != nil || err == nil {
		t.Errorf("half a file: got %v, %v; want an error", m, err)
	}
	write(bytes.ReplaceAll(text, []byte(d.model.Hash), []byte("00")))
	if m, err := d.Reread(); m != nil || err == nil {
		t.Errorf("another hash: got %v, %v; want an error", m, err)
	}
	other := *d.model // as Reread would give it
	other.Hash, other.Thresholds.Score = "another", d.model.Thresholds.Score+1
	before := d.threshold
	d.Apply(&other)
	if d.threshold != before {
		t.Error("the model is taken over by another goroutine than the engine's")
	}
	d.Flows([]detect.Flow{}, nil)
	if d.threshold != before+1 || d.model != &other {
		t.Errorf("threshold %v, want that of the other model, %v", d.threshold, before+1)
	}
}
