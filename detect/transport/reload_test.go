package transport

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/weir-sensor/weir/features"
)

// A model file that has changed is taken over when that is asked for; a broken one, or the same, changes nothing.
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
	d, err := New(cfg, features.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	if _, use, err := d.Reread(); use != nil || err != nil {
		t.Errorf("the same file: got %v; want nothing", err)
	}
	write(text[:len(text)/2])
	if _, use, err := d.Reread(); use != nil || err == nil {
		t.Error("half a file: want an error")
	}
	write(bytes.ReplaceAll(text, []byte(d.model.Hash), []byte("00")))
	if _, use, err := d.Reread(); use != nil || err == nil {
		t.Error("another hash: want an error")
	}
	write(sealed(t, WindowSet, features.DefaultConfig()))
	if _, use, err := d.Reread(); use != nil || err == nil {
		t.Error("a model of windows: want an error")
	}
	loose := *d.model
	loose.Thresholds.Score -= 20
	if text, err = loose.Seal(); err != nil {
		t.Fatal(err)
	}
	write(text)
	if _, use, err := d.Reread(); use != nil || err == nil {
		t.Error("a model that looks at what is not measured: want an error")
	}
	other := *d.model
	other.Thresholds.Score++
	text, err = other.Seal()
	if err != nil {
		t.Fatal(err)
	}
	write(text)
	before := d.threshold
	hash, use, err := d.Reread()
	if err != nil || hash != other.Hash || d.threshold != before {
		t.Fatalf("another model: got %s, %v, threshold %v; want %s, and nothing taken over", hash, err, d.threshold, other.Hash)
	}
	use()
	if d.threshold != before+1 || d.model.Hash != other.Hash {
		t.Errorf("threshold %v, want that of the other model, %v", d.threshold, before+1)
	}
}
