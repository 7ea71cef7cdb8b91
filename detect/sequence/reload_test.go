package sequence

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/weir-sensor/weir/detect"
)

// Another model of the same file follows hosts anew: what its network would make of where the old one stood is nobody's guess.
func TestReread(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.json")
	write := func(text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(builtin)
	cfg := DefaultConfig()
	cfg.Model = path
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	d.hosts.Put(detect.Host{Version: 4}, 1)
	if _, use, err := d.Reread(); use != nil || err != nil {
		t.Errorf("the same file: got %v; want nothing", err)
	}
	other, err := Parse(builtin)
	if err != nil {
		t.Fatal(err)
	}
	other.Hidden = 3
	other.Theta = other.Theta[:parameters(dims, 3)]
	write(other.Seal())
	hash, use, err := d.Reread()
	if err != nil || hash != other.Hash || d.hosts.Len() != 1 || d.model.Hidden == 3 {
		t.Fatalf("another model: got %s, %v; want %s, and nothing taken over", hash, err, other.Hash)
	}
	use()
	if d.hosts.Len() != 0 || d.model.Hash != other.Hash {
		t.Errorf("%d hosts and model %s, want none of %s", d.hosts.Len(), d.model.Hash, other.Hash)
	}
	d.judge(detect.Host{Version: 4}, &hashed{}, detect.Batch{End: int64(Every), Every: Every}, nil)
	if st, _ := d.hosts.Put(detect.Host{Version: 4}, 0); st.steps != 1 || math.IsNaN(st.predicted[0]) {
		t.Errorf("got %+v, want a first step of another network", st)
	}
}
