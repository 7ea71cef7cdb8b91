package main

import (
	"fmt"
	"path/filepath"

	"github.com/weir-sensor/weir/detect"
)

// modelReloads makes the models of detectors reloadable that are files; engine is nil where nothing is judged.
func modelReloads(engine *detect.Engine) []reloadable {
	if engine == nil {
		return nil
	}
	var all []reloadable
	for _, d := range engine.Detectors() {
		if user, ok := d.(detect.ModelUser); ok && user.ModelFile() != "" {
			all = append(all, modelReload(d.Info().Name, user))
		}
	}
	return all
}

func modelReload(detector string, user detect.ModelUser) reloadable {
	r := reloadable{read: func() (reread, error) {
		hash, use, err := user.Reread()
		if err != nil {
			return reread{}, fmt.Errorf("detect.%s.%w", detector, err)
		}
		if use == nil {
			return reread{}, nil
		}
		return reread{
			changes: []string{fmt.Sprintf("model %s: now %.12s...", user.ModelFile(), hash)},
			judge:   func(*detect.Engine) { use() },
		}, nil
	}}
	for _, find := range []func(string) (string, error){filepath.Abs, filepath.EvalSymlinks} {
		if path, err := find(user.ModelFile()); err == nil {
			r.paths = append(r.paths, filepath.Dir(path))
		}
	}
	return r
}
