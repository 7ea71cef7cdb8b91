package transport

import (
	"fmt"

	"github.com/weir-sensor/weir/features"
)

// load loads a model for windows made so.
func load(name string, windows features.Config) (*Model, error) {
	model, err := LoadModel(name, windows)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	if model.Set() != StartSet && len(windows.Groups) < len(features.Groups()) {
		return nil, fmt.Errorf("model: %s: looks at windows: got window.groups %v, want all of them", name, windows.Groups)
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
	m, err := load(d.cfg.Model, d.windows)
	switch {
	case err != nil || m.Hash == d.model.Hash:
		return "", nil, err
	case m.Set() != d.set:
		return "", nil, fmt.Errorf("model: %s: got one of the set %s, want %s as the one in use: another takes a restart", d.cfg.Model, m.Set(), d.set)
	}
	if hopefulOf(m, m.Classifier.NewScreen(m.Thresholds.Score+d.cfg.Strictness-near))&^d.whole != 0 {
		return "", nil, fmt.Errorf("model: %s: looks at flows that begin with protocols at which the one in use does not look: another takes a restart", d.cfg.Model)
	}
	return m.Hash, func() { d.use(m) }, nil
}

func (d *Detector) use(m *Model) {
	d.model, d.threshold = m, m.Thresholds.Score+d.cfg.Strictness
	d.screen = m.Classifier.NewScreen(d.threshold - near)
	d.hopes = hopes{}
}
