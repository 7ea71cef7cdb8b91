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

// ModelFile implements detect.ModelUser.
func (d *Detector) ModelFile() string {
	if d.cfg.Model == Builtin {
		return ""
	}
	return d.cfg.Model
}

// Reread implements detect.ModelUser. What is known of servers stays.
func (d *Detector) Reread() (hash string, use func(), err error) {
	m, err := loadStart(d.cfg.Model)
	if err != nil || m.Hash == d.model.Hash {
		return "", nil, err
	}
	return m.Hash, func() { d.use(m) }, nil
}

func (d *Detector) use(m *Model) { d.model, d.threshold = m, m.Thresholds.Score+d.cfg.Strictness }
