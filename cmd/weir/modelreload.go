package main

import (
	"fmt"
	"path/filepath"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/transport"
)

// modelReloads makes the model of transports reloadable where it is a file; engine is nil where nothing is judged.
func modelReloads(engine *detect.Engine) []reloadable {
	if engine == nil {
		return nil
	}
	var all []reloadable
	for _, d := range engine.Detectors() {
		if d, ok := d.(*transport.Detector); ok && d.ModelFile() != "" {
			all = append(all, modelReload(d))
		}
	}
	return all
}

func modelReload(d *transport.Detector) reloadable {
	r := reloadable{read: func() (reread, error) {
		model, err := d.Reread()
		if err != nil {
			return reread{}, fmt.Errorf("detect.transport.%w", err)
		}
		if model == nil {
			return reread{}, nil
		}
		return reread{
			changes: []string{fmt.Sprintf("model %s: now %.12s...", d.ModelFile(), model.Hash)},
			swap:    func() { d.Apply(model) },
		}, nil
	}}
	for _, find := range []func(string) (string, error){filepath.Abs, filepath.EvalSymlinks} {
		if path, err := find(d.ModelFile()); err == nil {
			r.paths = append(r.paths, filepath.Dir(path))
		}
	}
	return r
}
