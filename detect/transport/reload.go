package transport

import (
	"fmt"

	"github.com/weir-sensor/weir/features"
)

// loadStart loads a model that can run live: one of flow starts.
func loadStart(name string) (*Model, error) {
	model, err := LoadModel(name, features.DefaultConfig())
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	if model.Set() != StartSet {
		return nil, fmt.Errorf("model: %s: got one of the set %s, want one of %s: only weir eval runs others", name, model.Set(), StartSet)
	}
	return model, nil
}

// ModelFile returns the path of the model's file; "" for the one that comes with weir, which does not change.
func (d *Detector) ModelFile() string {
	if d.cfg.Model == Builtin {
		return ""
	}
	return d.cfg.Model
}

// Reread reads the model's file again and changes nothing. It returns nil where the model is the one in use. Any goroutine may
// call it.
func (d *Detector) Reread() (*Model, error) {
	model, err := loadStart(d.cfg.Model)
	if err != nil || model.Hash == *d.hash.Load() {
		return nil, err
	}
	return model, nil
}

// Apply has flows judged by another model of Reread from the next group on: what is known of servers stays. Any goroutine may
// call it.
func (d *Detector) Apply(m *Model) {
	d.hash.Store(&m.Hash)
	d.next.Store(m)
}

// use takes over a model. The engine's goroutine calls it.
func (d *Detector) use(m *Model) { d.model, d.threshold = m, m.Thresholds.Score+d.cfg.Strictness }
