package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"slices"

	"github.com/weir-sensor/weir/config"
	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/ensemble"
)

// judgedBy is the part of a manifest that tells which files the detectors went by.
type judgedBy struct {
	Lists   []manifestList  `json:"blocklists,omitempty"`
	Changed bool            `json:"detection_changed,omitempty"` // these, or thresholds, were others before the end of a live run
	Models  []manifestModel `json:"models,omitempty"`            // those that come with weir are of its version
}

type manifestList struct {
	Name   string `json:"name"`
	Path   string `json:"path"`
	Size   int64  `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // of the file
}

type manifestModel struct {
	Key    string `json:"key"` // of the configuration, which names the file
	Path   string `json:"path"`
	Size   int64  `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // of the file
}

// judges returns the files that an engine's detectors go by now; nothing where engine is nil.
func judges(c config.Config, engine *detect.Engine) (judgedBy, error) {
	var by judgedBy
	if engine == nil {
		return by, nil
	}
	if b := blocklistOf(engine); b != nil {
		for _, l := range b.Lists() {
			by.Lists = append(by.Lists, manifestList{l.Name, l.Path, l.Size, l.SHA256})
		}
	}
	files := map[string]manifestModel{
		"ensemble":  {Key: "detect.ensemble.calibration", Path: c.Detect.Ensemble.Calibration},
		"sequence":  {Key: "detect.sequence.model", Path: c.Detect.Sequence.Model},
		"transport": {Key: "detect.transport.model", Path: c.Detect.Transport.Model},
	}
	for _, d := range engine.Detectors() {
		m := files[d.Info().Name]
		if m.Path == "" || m.Path == ensemble.Builtin {
			continue
		}
		text, err := os.ReadFile(m.Path)
		if err != nil {
			return by, fmt.Errorf("read %s: %w", m.Key, err)
		}
		sum := sha256.Sum256(text)
		m.Size, m.SHA256 = int64(len(text)), hex.EncodeToString(sum[:])
		by.Models = append(by.Models, m)
	}
	return by, nil
}

// same says whether both are the same files.
func (by judgedBy) same(other judgedBy) bool {
	return slices.Equal(by.Lists, other.Lists) && slices.Equal(by.Models, other.Models)
}
